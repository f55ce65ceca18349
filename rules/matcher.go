package rules

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
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
	MatchFuzzy                     // anywhere, with at most one edit per four characters
)

var matchModes = []string{"contains", "exact", "prefix", "word", "regex", "command", "fuzzy"}

// String returns the mode's name in a rule.
func (m MatchMode) String() string { return matchModes[m] }

// The most words that a Hit names.
const maxHitWords = 16

// Hit is what a rule's match found. The zero value is the hit of a rule without match.
type Hit struct {
	// Words are the words of all_of and any_of that were found, as the rule spells them, in its order, at most 16. A word
	// of any_of that stands only inside longer ones is left out. Of a regular expression it is the text that it matched.
	Words []string `json:"words,omitzero"`
	// Spans says where each of Words first stands in msg.text.
	Spans []Span `json:"spans,omitzero"`
	// Groups holds the named groups of a regular expression, as msg.text spells them.
	Groups map[string]string `json:"groups,omitzero"`

	// Command is the command as the rule spells it, Args its arguments and ArgText all that follows it.
	Command string   `json:"command,omitzero"`
	Args    []string `json:"args,omitzero"`
	ArgText string   `json:"arg_text,omitzero"`
	// Given holds the arguments of a Rule.Command by their names, each in one plain form; Wrong says what is wrong with
	// them, for the person who wrote them. The rule does Command.Usage then, in place of its steps.
	Given map[string]string `json:"given,omitzero"`
	Wrong string            `json:"wrong,omitzero"`

	// Row is the row of a faq that answers, from 1; 0 is none.
	Row int `json:"row,omitzero"`
}

// matcher is a rule's match, compiled.
type matcher struct {
	mode    MatchMode
	profile *profile
	any     phrases
	all     phrases
	none    phrases
	except  phrases // what stands inside one of them does not count

	faq *faqTable // in place of words
}

// wants reports whether something must be in the text.
func (m *matcher) wants() bool { return len(m.any.words)+len(m.all.words) > 0 || m.faq != nil }

// occurrence is where a word stands in a view.
type occurrence struct{ word, start, end int }

// matches reports whether the text has what the match asks for.
func (m *matcher) matches(in *input) bool {
	if m.mode == MatchCommand {
		_, ok := m.command(in)
		return ok
	}
	if m.faq != nil {
		return m.faq.found(in)
	}
	v := in.view(m.profile)
	for i := range m.all.words {
		if _, _, ok := m.find(&m.all, i, in, v); !ok {
			return false
		}
	}
	if len(m.any.words) > 0 {
		if _, ok := m.first(&m.any, in, v); !ok {
			return false
		}
	}
	_, ok := m.first(&m.none, in, v)
	return !ok
}

// first looks for a word that counts; it need not be the one that stands first.
func (m *matcher) first(p *phrases, in *input, v textView) (at occurrence, ok bool) {
	m.each(p, in, v, func(o occurrence) bool {
		if m.shielded(in, v, o) {
			return true
		}
		at, ok = o, true
		return false
	})
	return at, ok
}

// find looks for one word that counts and returns where it stands in the view.
func (m *matcher) find(p *phrases, i int, in *input, v textView) (start, end int, ok bool) {
	m.eachOf(p, i, in, v, func(o occurrence) bool {
		if m.shielded(in, v, o) {
			return true
		}
		start, end, ok = o.start, o.end, true
		return false
	})
	return start, end, ok
}

// shielded reports whether a phrase of except stands over all of o.
func (m *matcher) shielded(in *input, v textView, o occurrence) bool {
	if len(m.except.words) == 0 {
		return false
	}
	if in.shield != m {
		in.shield, in.shields = m, in.shields[:0]
		m.each(&m.except, in, v, func(o occurrence) bool {
			in.shields = append(in.shields, Span{o.start, o.end})
			return len(in.shields) < maxOccurrences
		})
		slices.SortFunc(in.shields, func(a, b Span) int { return a.Start - b.Start })
		furthest := 0
		for i := range in.shields {
			furthest = max(furthest, in.shields[i].End)
			in.shields[i].End = furthest
		}
	}
	i, _ := slices.BinarySearchFunc(in.shields, o.start+1, func(s Span, at int) int { return s.Start - at })
	return i > 0 && in.shields[i-1].End >= o.end
}

// maxOccurrences bounds how many places of words in one text are looked at when a hit is collected.
const maxOccurrences = 10_000

// hit collects what was found in a text that matches.
func (m *matcher) hit(in *input) Hit { return m.collect(in, Hit{}) }

// collect is hit with room for words and spans in empty, which is an empty hit but for that.
func (m *matcher) collect(in *input, empty Hit) Hit {
	if m.mode == MatchCommand {
		hit, _ := m.command(in)
		return hit
	}
	if m.faq != nil {
		_, hit, _ := m.faq.best(in)
		return hit
	}
	hit := empty
	v := in.view(m.profile)
	add := func(p *phrases, o occurrence) bool {
		if len(hit.Words) == maxHitWords {
			return false
		}
		span, word := v.span(o.start, o.end), p.words[o.word]
		if m.mode == MatchRegex {
			word = in.text[span.Start:span.End]
			if p.regexps[o.word].named {
				m.groups(&hit, p.regexps[o.word].re, v, in.text)
			}
		}
		hit.Words = append(hit.Words, word)
		hit.Spans = append(hit.Spans, span)
		return true
	}
	for i := range m.all.words {
		if start, end, ok := m.find(&m.all, i, in, v); ok && !add(&m.all, occurrence{i, start, end}) {
			return hit
		}
	}
	for _, o := range m.longest(in, v) {
		if !add(&m.any, o) {
			return hit
		}
	}
	if len(hit.Words) == 0 {
		hit.Words, hit.Spans = nil, nil
	}
	return hit
}

// longest returns the first place of each word of any_of, in their order, without places inside a longer word's.
func (m *matcher) longest(in *input, v textView) []occurrence {
	hits := in.hits[:0]
	m.each(&m.any, in, v, func(o occurrence) bool {
		if !m.shielded(in, v, o) {
			hits = append(hits, o)
		}
		return len(hits) < maxOccurrences
	})
	in.hits = hits
	if m.mode != MatchRegex { // which of two expressions matches more says nothing of which is meant
		slices.SortFunc(hits, func(a, b occurrence) int {
			return cmp.Or(a.start-b.start, b.end-a.end, a.word-b.word)
		})
		kept, furthest := hits[:0], -1
		for _, o := range hits {
			if o.end > furthest {
				kept, furthest = append(kept, o), o.end
			}
		}
		hits = kept
	}
	slices.SortFunc(hits, func(a, b occurrence) int { return cmp.Or(a.word-b.word, a.start-b.start) })
	return slices.CompactFunc(hits, func(a, b occurrence) bool { return a.word == b.word })
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
	if m.profile.normalize() == NormalizeChat {
		v := in.view(profileChat)
		for _, word := range m.none.folded {
			if sameCommand(v, word.text, at, end) {
				return Hit{}, false
			}
		}
		for i, word := range m.any.folded {
			if sameCommand(v, word.text, at, end) {
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
			return span.End == end || span.End < end && foldText(v.folded.src[span.End:end], profileChat) == ""
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
		arg, rest, ok := nextArg(s)
		if !ok {
			return args
		}
		args, s = append(args, arg), rest
	}
}

// compileRegexp compiles a pattern for a profile. Under chat the text is folded, so the pattern's literals are too, and
// case does not count.
func compileRegexp(pattern string, p *profile) (*regexp.Regexp, error) {
	if p == profileNone {
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
		re.Rune = []rune(foldText(string(re.Rune), profileChat))
		if len(re.Rune) == 0 {
			re.Op, re.Rune = syntax.OpEmptyMatch, nil
		}
	}
	for _, sub := range re.Sub {
		foldRegexp(sub)
	}
}
