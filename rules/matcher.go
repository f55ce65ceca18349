package rules

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MatchMode says how the words of a match are looked for.
type MatchMode int

// The modes.
const (
	MatchContains MatchMode = iota // anywhere in the text
	MatchExact                     // the whole text
	MatchPrefix                    // at the start
	MatchWord                      // anywhere, but not inside a longer word
	MatchRegex                     // a regular expression of Go's
	MatchCommand                   // the first word, and arguments after it
)

var matchModes = []string{"contains", "exact", "prefix", "word", "regex", "command"}

// String returns the mode's name in a rule.
func (m MatchMode) String() string { return matchModes[m] }

// The most words that a Hit names.
const maxHitWords = 16

// Hit is what a rule's match found. The zero value is the hit of a rule without match.
type Hit struct {
	// Words are the words of any_of and all_of that were found, as the rule spells them, in its order, at most 16. Of a
	// regular expression it is the text that it matched.
	Words []string `json:"words,omitzero"`
	// Spans says where each of Words first stands in msg.text.
	Spans []Span `json:"spans,omitzero"`
	// Groups holds the named groups of a regular expression, as msg.text spells them.
	Groups map[string]string `json:"groups,omitzero"`

	// Command is the command as the rule spells it, Args its arguments and ArgText all that follows it.
	Command string   `json:"command,omitzero"`
	Args    []string `json:"args,omitzero"`
	ArgText string   `json:"arg_text,omitzero"`
}

// matcher is a rule's match, compiled.
type matcher struct {
	mode      MatchMode
	normalize Normalize
	any       phrases
	all       phrases
	none      phrases
}

// phrases is a list of words to look for.
type phrases struct {
	words   []string // as the rule spells them
	folded  []string
	regexps []*regexp.Regexp // of MatchRegex
}

// input is a text to be matched, folded once for each profile that is asked for.
type input struct {
	text      string
	mentioned bool // the message mentions the bot, so that a command may follow @NAME
	chat      folded
	hasChat   bool
}

func (in *input) reset(text string, mentioned bool) {
	in.text, in.mentioned, in.hasChat = text, mentioned, false
}

// view is the text in a profile.
func (in *input) view(profile Normalize) textView {
	if profile == NormalizeNone {
		return textView{text: in.text}
	}
	if !in.hasChat {
		in.chat.set(in.text, NormalizeChat)
		in.hasChat = true
	}
	return textView{text: byteString(in.chat.text), folded: &in.chat}
}

// textView is a text in a profile and the way back to the original.
type textView struct {
	text   string
	folded *folded // nil: the text is the original
}

func (v textView) span(start, end int) Span {
	if v.folded == nil {
		return Span{start, end}
	}
	return v.folded.span(start, end)
}

// matches reports whether the text has what the match asks for. It is the plain scan, word after word: what an index
// finds must be what this finds.
func (m *matcher) matches(in *input) bool {
	if m.mode == MatchCommand {
		_, ok := m.command(in)
		return ok
	}
	v := in.view(m.normalize)
	for i := range m.all.words {
		if _, _, ok := m.find(&m.all, i, v); !ok {
			return false
		}
	}
	if len(m.any.words) > 0 {
		found := false
		for i := range m.any.words {
			if _, _, found = m.find(&m.any, i, v); found {
				break
			}
		}
		if !found {
			return false
		}
	}
	for i := range m.none.words {
		if _, _, ok := m.find(&m.none, i, v); ok {
			return false
		}
	}
	return true
}

// find looks for one word and returns where it stands in the view.
func (m *matcher) find(p *phrases, i int, v textView) (start, end int, ok bool) {
	if m.mode == MatchRegex {
		loc := p.regexps[i].FindStringIndex(v.text)
		if loc == nil {
			return 0, 0, false
		}
		return loc[0], loc[1], true
	}
	word := p.folded[i]
	switch m.mode {
	case MatchContains:
		start = strings.Index(v.text, word)
	case MatchWord:
		start = indexWord(v.text, word)
	case MatchExact, MatchPrefix:
		start = m.lead(v.text)
		rest := v.text[start:]
		if m.mode == MatchExact && m.normalize != NormalizeNone {
			rest = strings.TrimRightFunc(rest, unicode.IsSpace)
		}
		if !strings.HasPrefix(rest, word) || m.mode == MatchExact && len(rest) != len(word) {
			return 0, 0, false
		}
	}
	return start, start + len(word), start >= 0
}

// lead is how much white space before the text does not count.
func (m *matcher) lead(text string) int {
	if m.normalize == NormalizeNone {
		return 0
	}
	return len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
}

// hit collects what was found in a text that matches.
func (m *matcher) hit(in *input) Hit {
	if m.mode == MatchCommand {
		hit, _ := m.command(in)
		return hit
	}
	var hit Hit
	v := in.view(m.normalize)
	for _, p := range []*phrases{&m.all, &m.any} {
		for i, word := range p.words {
			if len(hit.Words) == maxHitWords {
				return hit
			}
			start, end, ok := m.find(p, i, v)
			if !ok {
				continue
			}
			span := v.span(start, end)
			if m.mode == MatchRegex {
				word = in.text[span.Start:span.End]
				m.groups(&hit, p.regexps[i], v, in.text)
			}
			hit.Words = append(hit.Words, word)
			hit.Spans = append(hit.Spans, span)
		}
	}
	return hit
}

// groups adds the named groups of a regular expression that took part; of a name that several have, the first counts.
func (m *matcher) groups(hit *Hit, re *regexp.Regexp, v textView, text string) {
	loc := re.FindStringSubmatchIndex(v.text)
	for i, name := range re.SubexpNames() {
		if name == "" || loc[2*i] < 0 {
			continue
		}
		if hit.Groups == nil {
			hit.Groups = make(map[string]string)
		}
		if _, ok := hit.Groups[name]; !ok {
			span := v.span(loc[2*i], loc[2*i+1])
			hit.Groups[name] = text[span.Start:span.End]
		}
	}
}

// command matches the first word, after a mention of the bot, and takes the arguments apart.
func (m *matcher) command(in *input) (Hit, bool) {
	text := in.text
	at := len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
	if in.mentioned && strings.HasPrefix(text[at:], "@") {
		if end := strings.IndexFunc(text[at:], unicode.IsSpace); end >= 0 {
			at += end
			at += len(text[at:]) - len(strings.TrimLeftFunc(text[at:], unicode.IsSpace))
		}
	}
	end := strings.IndexFunc(text[at:], unicode.IsSpace)
	if end < 0 {
		end = len(text)
	} else {
		end += at
	}
	first := text[at:end]
	if first == "" {
		return Hit{}, false
	}
	if m.normalize == NormalizeChat {
		v := in.view(NormalizeChat)
		for _, word := range m.none.folded {
			if sameCommand(v, word, at, end) {
				return Hit{}, false
			}
		}
		for i, word := range m.any.folded {
			if sameCommand(v, word, at, end) {
				return m.commandHit(in, i, at, end), true
			}
		}
		return Hit{}, false
	}
	for i, word := range m.any.words {
		if word == first {
			return m.commandHit(in, i, at, end), true
		}
	}
	return Hit{}, false
}

// sameCommand compares a folded command with the part of the view that comes from text[start:end].
func sameCommand(v textView, word string, start, end int) bool {
	for at := 0; ; {
		i := strings.Index(v.text[at:], word)
		if i < 0 {
			return false
		}
		i += at
		span := v.span(i, i+len(word))
		if span.Start > start {
			return false
		}
		if span.Start == start {
			// what follows inside the word may only be characters without width
			return span.End == end || span.End < end && foldText(v.folded.src[span.End:end], NormalizeChat) == ""
		}
		_, size := utf8.DecodeRuneInString(v.text[i:])
		at = i + max(1, size)
	}
}

func (m *matcher) commandHit(in *input, i, start, end int) Hit {
	rest := strings.TrimSpace(in.text[end:])
	return Hit{
		Words: []string{m.any.words[i]}, Spans: []Span{{start, end}}, Command: m.any.words[i],
		Args: splitArgs(rest), ArgText: rest,
	}
}

// quotes pairs the quotation marks that hold an argument with spaces together.
var quotes = map[rune]rune{'"': '"', '\'': '\'', '“': '”', '‘': '’', '「': '」', '『': '』'}

// splitArgs cuts on white space, except inside quotation marks; a mark that is never closed is a character like others.
// Marks count at the start of an argument only, so that it's stays one word.
func splitArgs(s string) []string {
	args := []string{}
	for {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		if s == "" {
			return args
		}
		r, size := utf8.DecodeRuneInString(s)
		if closing, ok := quotes[r]; ok {
			if end := strings.IndexRune(s[size:], closing); end >= 0 {
				after := s[size+end+utf8.RuneLen(closing):]
				next, _ := utf8.DecodeRuneInString(after)
				if after == "" || unicode.IsSpace(next) {
					args = append(args, s[size:size+end])
					s = after
					continue
				}
			}
		}
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		args = append(args, s[:end])
		s = s[end:]
	}
}

// compileRegexp compiles a pattern for a profile. Under chat the text is folded, so the pattern's literals are too, and
// case does not count.
func compileRegexp(pattern string, profile Normalize) (*regexp.Regexp, error) {
	if profile == NormalizeNone {
		return regexp.Compile(pattern)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	foldRegexp(tree)
	return regexp.Compile("(?i:" + tree.String() + ")")
}

func foldRegexp(re *syntax.Regexp) {
	if re.Op == syntax.OpLiteral {
		re.Rune = []rune(foldText(string(re.Rune), NormalizeChat))
		if len(re.Rune) == 0 {
			re.Op, re.Rune = syntax.OpEmptyMatch, nil
		}
	}
	for _, sub := range re.Sub {
		foldRegexp(sub)
	}
}
