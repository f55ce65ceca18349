package rules

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// samePattern holds a pattern against the library, and reports whether it looked for its own texts.
func samePattern(t interface{ Fatalf(string, ...any) }, expr, text string) bool {
	re, err := regexp.Compile(expr)
	if err != nil {
		return false
	}
	p := newPattern(re)
	start, end, ok := p.find(text)
	loc := re.FindStringIndex(text)
	if ok != (loc != nil) || ok && (loc[0] != start || loc[1] != end) {
		t.Fatalf("%q in %q: found %v [%d:%d], want %v (starts %+v)", expr, text, ok, start, end, loc, p.starts)
	}
	return p.anchored != nil
}

var patternSeeds = [][2]string{
	{`(?i)word\s+\d{1,4}`, "a WORD, word  42"}, {`(?:甲|乙)号`, "甲乙号"}, {`(?i)a.*b`, strings.Repeat("a", 50)}, {`(?i)^k`, "ak"},
	{`(?i)k\b`, "ks \u212A"}, {`(?i)k(?m:$)`, "ka\nk"}, {`[ab]\Bc`, "a bc"}, {`(?:\bfoo|bar)x`, "afoox barx"}, {`(?:foo|bar|)x`, "x foox"},
	{`(?:a|ab)(?:c|bcd)`, "zabcd"}, {`[ab]*?c`, "aac"}, {`(?:a|b)+c{2}`, "abacc"}, {`(?i)ſt\b`, "ST st"}, {`[\x{FFFD}a]b`, "\xffb ab"}, {`(?s).a`, "ba"},
}

func FuzzPattern(f *testing.F) {
	for _, s := range patternSeeds {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, expr, text string) {
		if len(expr) < 200 && len(text) < 2000 {
			samePattern(t, expr, text)
		}
	})
}

func TestPatternAgreesWithLibrary(t *testing.T) {
	for _, s := range patternSeeds {
		samePattern(t, s[0], s[1])
	}
	own := 0
	text := rapid.OneOf(tokensOf(0, 12), rapid.Map(tokensOf(1, 2), func(s string) string { return strings.Repeat(s, 2*maxStarts) + "\xff" }))
	rapid.Check(t, func(t *rapid.T) {
		expr := drawPattern(2).Draw(t, "pattern")
		if samePattern(t, rapid.SampledFrom([]string{"", "(?i)", "(?m)"}).Draw(t, "flags")+expr, text.Draw(t, "text")) {
			own++
		}
	})
	if own < 10 {
		t.Errorf("only %d patterns looked for their texts themselves", own)
	}
}

// A pattern takes time in proportion to a text, however often its beginning stands there.
func BenchmarkPattern(b *testing.B) {
	for name, c := range map[string][2]string{
		"case":         {`(?i)keyword\s+\d{1,4}`, "bo ra sitelu KEYWORD pen fa tisoru gapen lo, so many things for keyword 42 of you"},
		"alternatives": {`(?:订单|单订)号`, "今天天气不错，我们晚上一起吃饭吧，请问单订呢，订单号是多少，谢谢大家"},
		"adversary":    {`(?i)a.*b`, strings.Repeat("a", 10_000)},
	} {
		p := newPattern(regexp.MustCompile(c[0]))
		b.Run(name+"/pattern", func(b *testing.B) {
			for b.Loop() {
				p.find(c[1])
			}
		})
		b.Run(name+"/library", func(b *testing.B) {
			for b.Loop() {
				p.re.FindStringIndex(c[1])
			}
		})
	}
}
