package rules

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// plainFold is the profile chat said in one line, without the way back.
func plainFold(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	drop := func(r rune) rune {
		if isZeroWidth(r) {
			return -1
		}
		return r
	}
	s = strings.Map(drop, s)
	s = strings.Map(drop, norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s))))
	return strings.Map(func(r rune) rune {
		if r < 0x10000 && simplified()[r] != 0 {
			return rune(simplified()[r])
		}
		return r
	}, s)
}

var textPieces = []string{
	"a", "B", "é", "e\u0301", "e\u200b\u0301", "ß", "ﬁ", "Ａ", "１", "①", "㎏", "加", "微", "信", "，", "。", "ー", "ｶﾞ", "が", "か\u3099",
	"\u200b", "\u200d", "\ufe0f", "👨\u200d👩\u200d👧", "❤\ufe0f", "🇨🇳", "각", "\u1100\u1161\u11a8", " ", "\n", "İ", "ŉ", "\u0345", "ǆ", "Σ", "ς", "ſ", "\u00ad", "K",
}

func drawText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(textPieces), 0, 12).Draw(t, "text"), "")
}

func checkFold(t interface {
	Fatalf(string, ...any)
}, s string) {
	var f folded
	f.chat(s)
	text := string(f.text)
	if want := plainFold(s); text != want {
		t.Fatalf("folded %+q is %+q, want %+q", s, text, want)
	}
	last := 0
	for i := range text { // each character of the folded text
		_, size := utf8.DecodeRuneInString(text[i:])
		span := f.span(i, i+size)
		if span.Start < 0 || span.End > len(s) || span.Start >= span.End {
			t.Fatalf("%+q: span of byte %d is %v", s, i, span)
		}
		if utf8.ValidString(s) && (!utf8.ValidString(s[:span.Start]) || !utf8.ValidString(s[span.Start:span.End])) {
			t.Fatalf("%+q: span %v is not on character boundaries", s, span)
		}
		if span.Start < last {
			t.Fatalf("%+q: span %v begins before %d", s, span, last)
		}
		last = span.Start
		// what the span covers is what gave the character
		if !strings.Contains(plainFold(s[span.Start:span.End]), text[i:i+size]) {
			t.Fatalf("%+q: span %v is %+q, which does not give %+q", s, span, s[span.Start:span.End], text[i:i+size])
		}
	}
	var whole []byte
	if len(text) > 0 {
		span := f.span(0, len(text))
		whole = []byte(plainFold(s[span.Start:span.End]))
		if !bytes.Equal(whole, f.text) {
			t.Fatalf("%+q: the span of everything, %v, folds to %+q, want %+q", s, span, whole, text)
		}
	}
}

// A text that strict folds at once is folded as over chat.
func TestStrictAtOnce(t *testing.T) {
	at := 0
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		var chat, onChat, whole folded
		chat.chat(text)
		onChat.strictOn(&chat)
		if !whole.strict(text) {
			return
		}
		at++
		if string(whole.text) != string(onChat.text) {
			t.Fatalf("%+q: strict is %+q, over chat %+q", text, whole.text, onChat.text)
		}
		for i := range whole.text {
			if a, b := whole.count(i), onChat.count(i); a != b {
				t.Fatalf("%+q: byte %d counts %d, over chat %d", text, i, a, b)
			}
		}
	})
	if at == 0 {
		t.Error("no text was folded at once")
	}
}

func TestFold(t *testing.T) {
	for _, s := range textPieces {
		checkFold(t, s)
		checkFold(t, s+s)
		checkFold(t, "x"+s+"加")
	}
	rapid.Check(t, func(t *rapid.T) { checkFold(t, drawText(t)) })
}

// A word that stands in a text is found there, and its span is that place.
func TestSpanProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, word, after := drawText(t), "查订单ABC", drawText(t)
		var in input
		in.reset(before+" "+word+" "+after, false)
		m := &matcher{any: phrases{words: []string{word}, folded: foldWords(word)}}
		if !m.matches(&in) {
			t.Fatalf("%+q is not found", in.text)
		}
		if hit := m.hit(&in); in.text[hit.Spans[0].Start:hit.Spans[0].End] != word {
			t.Fatalf("%+q: the hit is %v", in.text, hit.Spans)
		}
	})
}

// What set takes for plain, the tables leave as it is.
func TestPlainCharacters(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !isPlain(r) {
			continue
		}
		s := string(r)
		if got, want := plainFold(s), foldText(s, profileChat); got != want {
			t.Errorf("%U %s folds to %+q, want %+q", r, s, want, got)
		}
		if !startsCluster(s) {
			t.Errorf("%U %s combines with what is before it", r, s)
		}
	}
	for r := rune(0xFF01); r <= 0xFF5E; r++ {
		if got, want := foldText(string(r), profileChat), plainFold(string(r)); got != want {
			t.Errorf("%U folds to %q, want %q", r, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range textPieces {
		f.Add(s, "a")
	}
	f.Add("\xff\xfe加\xe5", "加")
	f.Fuzz(func(t *testing.T, text, word string) {
		if len(text) > 4096 || len(word) > 64 || !utf8.ValidString(word) { // words come from YAML, which is UTF-8
			return
		}
		var fold folded
		fold.chat(text)
		var whole, onChat folded
		onChat.strictOn(&fold)
		if whole.strict(text) && string(whole.text) != string(onChat.text) {
			t.Fatalf("%+q: strict is %+q, over chat %+q", text, whole.text, onChat.text)
		}
		last := 0
		for i := range string(fold.text) {
			span := fold.span(i, i+1)
			if span.Start < last || span.End > len(text) || span.Start >= span.End {
				t.Fatalf("%+q: span of byte %d is %v after %d", text, i, span, last)
			}
			last = span.Start
		}
		for mode := MatchContains; mode <= MatchFuzzy; mode++ {
			for _, p := range append(testProfiles, profileChat, profileNone, profileStrict) {
				checkMode(t, mode, p, text, word)
			}
		}
	})
}

// testProfiles are profiles with options.
var testProfiles = []*profile{
	{kind: NormalizeStrict, pinyin: true},
	{kind: NormalizeStrict, aliases: []alias{{"wx", "微信"}, {"v", "微"}}, starts: [256]bool{'w': true, 'v': true}},
	{kind: NormalizeStrict, pinyin: true, aliases: []alias{{"a", "加"}}, starts: [256]bool{'a': true}},
}

func foldWords(words ...string) (out []word) {
	for _, w := range words {
		out = append(out, foldWord(w, profileChat))
	}
	return out
}

// checkMode looks for a word in a text: there is a hit if it matches, its spans are good, and a table of words finds what
// looking for one after the other finds.
func checkMode(t *testing.T, mode MatchMode, p *profile, text, what string) {
	t.Helper()
	if p.strict() && (mode == MatchRegex || mode == MatchCommand) {
		return
	}
	list := phrases{mode: mode, words: []string{what}, folded: []word{foldWord(what, p)}}
	if list.folded[0].text == "" || mode == MatchFuzzy && utf8.RuneCountInString(list.folded[0].text) > maxFuzzy {
		return
	}
	switch mode {
	case MatchRegex:
		re, err := compileRegexp(what, p)
		if err != nil {
			return
		}
		list.regexps = append(list.regexps, newPattern(re))
	case MatchFuzzy:
		list.fuzzy = newFuzzyPieces(list.folded)
	}
	m := &matcher{mode: mode, profile: p, any: list}
	var in input
	in.reset(text, true)
	matches := m.matches(&in)
	hit := m.hit(&in)
	if matches != (len(hit.Words) > 0) {
		t.Fatalf("%v %v %+q in %+q: matches %v, hit %+v", mode, p.normalize(), what, text, matches, hit)
	}
	for _, s := range hit.Spans {
		if s.Start < 0 || s.Start > s.End || s.End > len(text) || s.Start == s.End && mode != MatchRegex {
			t.Fatalf("%v %v %+q in %+q: span %v", mode, p.normalize(), what, text, s)
		}
		if utf8.ValidString(text) && (!utf8.ValidString(text[:s.Start]) || !utf8.ValidString(text[s.Start:s.End])) {
			t.Fatalf("%v %v %+q in %+q: span %v is not on character boundaries", mode, p.normalize(), what, text, s)
		}
	}
	if mode == MatchRegex || mode == MatchCommand || mode == MatchFuzzy {
		return
	}
	m.any.table = newWordTable(list.folded)
	in.reset(text, true)
	if quick := m.hit(&in); !reflect.DeepEqual(quick, hit) {
		t.Fatalf("%v %v %+q in %+q: the table finds %+v, looking finds %+v", mode, p.normalize(), what, text, quick, hit)
	}
}
