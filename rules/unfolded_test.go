package rules

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestUnfolded(t *testing.T) {
	for _, test := range []struct {
		literals []string
		text     string
		serves   bool
	}{
		{[]string{"hello"}, "", true},
		{[]string{"hello"}, "HELLO there, 8 bytes and more", true},
		{[]string{"你好"}, "今天天气不错，我们晚上一起吃饭吧！see you", true},
		{[]string{"你好"}, "請問", true},     // nobody asks for 请问
		{[]string{"请问"}, "請問", false},    // 请
		{[]string{"问"}, "今天天气請問", false}, // the second of two
		{[]string{"你好, "}, "你好，", false},
		{[]string{"a"}, "ＡＢＣ", false},
		{[]string{"z"}, "ＡＢＣ", true},
		{[]string{"z"}, "😀😀 好", true},
		{[]string{"z"}, "e\u0301", false},
		{[]string{"z"}, "好\u200b", false},
		{[]string{"z"}, "é", false},
		{[]string{"z"}, "a\u3000b", false}, // becomes a space, which commands end at
		{[]string{"z"}, "好\xe5\xa5", false},
		{[]string{"z"}, "\xff", false},
		{nil, "\xed\xa0\x80", false},
		{nil, "\xe0\x80\x80", false},
	} {
		if got := newUnfolded(slices.Values(test.literals)).serves(test.text); got != test.serves {
			t.Errorf("%q for %q: %v", test.text, test.literals, got)
		}
	}
}

// What stands in a folded text is found in the text as it is, if that serves.
func TestUnfoldedFindsWhatFoldingFinds(t *testing.T) {
	served, found := 0, 0
	letters := rapid.RuneFrom([]rune("aAzZ@[`{1 ，,。？?好吗甲乙請请問问ＡＺ！!😀…—"))
	text := rapid.OneOf(tokensOf(0, 12), rapid.String(), rapid.StringOfN(letters, 0, 30, -1))
	rapid.Check(t, func(t *rapid.T) {
		var lits []literal
		var literals []string
		for _, s := range rapid.SliceOfN(rapid.StringOfN(letters, 1, 2, -1), 1, 4).Draw(t, "literals") {
			literals = append(literals, foldText(s, profileChat))
			lits = append(lits, literal{literals[len(literals)-1], true})
		}
		x, u := newLiterals(lits, fewLiterals, manyLiterals), newUnfolded(slices.Values(literals))
		for range 8 {
			s := text.Draw(t, "text")
			if !u.serves(s) {
				continue
			}
			served++
			folded := foldText(s, profileChat)
			want, got := x.scan([]byte(folded), nil), x.scan([]byte(s), nil)
			for _, id := range want {
				found++
				if !slices.Contains(got, id) {
					t.Fatalf("%q is in %q, not in %q", literals[id], folded, s)
				}
			}
			if low := string(appendLower([]byte("x"), s)); slices.Contains(literals, folded) != slices.Contains(literals, low[1:]) {
				t.Fatalf("%q is %q folded, %q in lower case, of %q", s, folded, low[1:], literals)
			}
		}
	})
	if served < 20 || found < 20 {
		t.Errorf("%d texts served, %d literals were found: too few to prove anything", served, found)
	}
}
