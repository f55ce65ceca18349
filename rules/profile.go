package rules

import (
	"strings"
	"unicode/utf8"
)

// profile is a Normalize with its options. Equal ones of a set are the same pointer, so that a text is folded once for
// each. nil is NormalizeChat.
type profile struct {
	kind    Normalize
	pinyin  bool
	aliases []alias // longest first among those that begin alike
	starts  [256]bool
}

var (
	profileChat   *profile
	profileNone   = &profile{kind: NormalizeNone}
	profileStrict = &profile{kind: NormalizeStrict}
)

// alias is a text that stands for another one; both are folded.
type alias struct{ from, to string }

func (p *profile) normalize() Normalize {
	if p == nil {
		return NormalizeChat
	}
	return p.kind
}

// strict reports whether separators are gone and hits have to be looked at once more.
func (p *profile) strict() bool { return p != nil && p.kind == NormalizeStrict }

// plain reports whether p has no options.
func (p *profile) plain() bool { return p == nil || !p.pinyin && len(p.aliases) == 0 }

// alias returns the alias that text begins with.
func (p *profile) alias(text string) (alias, bool) {
	if p.starts[text[0]] {
		for _, a := range p.aliases {
			if strings.HasPrefix(text, a.from) {
				return a, true
			}
		}
	}
	return alias{}, false
}

// input is a text to be matched, folded once for each profile that is asked for. It keeps its memory.
type input struct {
	text      string
	mentioned bool // the message mentions the bot, so that a command may follow @NAME

	chat, strict       folded
	hasChat, hasStrict bool
	extras             []extraView
	used               int // of extras

	located [4]located // what patterns found; the last ones
	recent  int        // how many of them there are, or were

	hits    []occurrence
	shields []Span // where the phrases of shieldOf's except stand in its view, by start; End is the furthest so far
	shield  *matcher
}

// extraView is a text in a profile with options.
type extraView struct {
	profile         *profile
	aliased, spoken folded
}

// located is what a pattern found in its view.
type located struct {
	pattern    *pattern
	start, end int
	ok         bool
}

func (in *input) reset(text string, mentioned bool) {
	in.text, in.mentioned, in.hasChat, in.hasStrict, in.used, in.shield = text, mentioned, false, false, 0, nil
	in.recent = 0
}

// locate is p.find in its view, whose text it is given, remembered: a rule that matches looks for its words twice.
func (in *input) locate(p *pattern, text string) (start, end int, ok bool) {
	for i := range min(in.recent, len(in.located)) {
		if l := &in.located[i]; l.pattern == p {
			return l.start, l.end, l.ok
		}
	}
	start, end, ok = p.find(text)
	in.located[in.recent%len(in.located)] = located{p, start, end, ok}
	in.recent++
	return start, end, ok
}

// release lets go of the text, and of memory that only a long text needs.
func (in *input) release() {
	if cap(in.chat.text) > 1<<16 || cap(in.strict.text) > 1<<16 {
		*in = input{}
		return
	}
	if in.recent > 0 {
		in.located = [4]located{}
	}
	in.reset("", false)
	in.chat.src, in.strict.src = "", ""
}

// view is the text in a profile.
func (in *input) view(p *profile) textView {
	if p == profileNone {
		return textView{text: in.text, src: in.text}
	}
	if !p.strict() {
		in.foldChat()
		return textView{text: byteString(in.chat.text), src: in.text, folded: &in.chat}
	}
	if !in.hasStrict {
		if !in.strict.strict(in.text) {
			in.foldChat()
			in.strict.strictOn(&in.chat)
		}
		in.hasStrict = true
	}
	f := &in.strict
	if !p.plain() {
		f = in.extra(p)
	}
	return textView{text: byteString(f.text), src: in.text, folded: f, profile: p}
}

func (in *input) foldChat() {
	if !in.hasChat {
		in.chat.chat(in.text)
		in.hasChat = true
	}
}

func (in *input) extra(p *profile) *folded {
	i := 0
	for i < in.used && in.extras[i].profile != p {
		i++
	}
	if i == len(in.extras) {
		in.extras = append(in.extras, extraView{})
	}
	e := &in.extras[i]
	if i == in.used {
		in.used++
		e.profile = p
		from := &in.strict
		if len(p.aliases) > 0 {
			e.aliased.alias(from, p)
			from = &e.aliased
		}
		if p.pinyin {
			e.spoken.pinyin(from)
		}
	}
	if p.pinyin {
		return &e.spoken
	}
	return &e.aliased
}

// textView is a text in a profile and the way back to the original.
type textView struct {
	text    string
	src     string  // the original
	folded  *folded // nil: text is the original
	profile *profile
}

func (v textView) span(start, end int) Span {
	if v.folded == nil {
		return Span{start, end}
	}
	return v.folded.span(start, end)
}

// word is a phrase to look for, folded.
type word struct {
	text string
	// counts says how often each character comes one after the other, at most 255; nil if each comes once or the profile
	// keeps repetitions.
	counts []uint8
}

// foldWord folds a phrase to look for.
func foldWord(s string, p *profile) word {
	var in input
	return in.word(s, p)
}

// word folds a phrase, with in's memory.
func (in *input) word(s string, p *profile) word {
	in.reset(s, false)
	v := in.view(p)
	w := word{text: s}
	if v.text != s {
		w.text = strings.Clone(v.text)
	}
	if !p.strict() || p.pinyin {
		return w
	}
	repeats := false
	for i := range w.text {
		repeats = repeats || v.folded.count(i) > 1
	}
	if !repeats {
		return w
	}
	w.counts = make([]uint8, 0, utf8.RuneCountInString(w.text))
	for i := range w.text {
		w.counts = append(w.counts, uint8(min(255, v.folded.count(i))))
	}
	return w
}

// foldText folds a text.
func foldText(s string, p *profile) string { return foldWord(s, p).text }
