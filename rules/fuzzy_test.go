package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agext/levenshtein"
	"pgregory.net/rapid"
)

// near says whether a part of text is at most one edit in four characters away from word. It tries all parts.
func near(word, text string) bool {
	runes := []rune(text)
	most := len([]rune(word)) / fuzzyEvery
	for i := range runes {
		for j := i + 1; j <= len(runes); j++ {
			if levenshtein.Distance(word, string(runes[i:j]), nil) <= most {
				return true
			}
		}
	}
	return false
}

// Fuzzy words are found through the index where trying all parts of a text finds them, and nowhere else, as any_of and as
// all_of.
func TestFuzzyAgreesWithDistance(t *testing.T) {
	alphabet := rapid.RuneFrom([]rune("ab好吗x微信"))
	var found, missed, edited int
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringOfN(alphabet, 1, 13, -1), 1, 3).Draw(t, "words")
		key := rapid.SampledFrom([]string{"any_of", "all_of"}).Draw(t, "key")
		set, err := loadText(fmt.Sprintf("  - {id: r, on: message, match: {mode: fuzzy, normalize: %s, %s: [%s]}, do: [log: x]}\n",
			rapid.SampledFrom([]string{"none", "chat"}).Draw(t, "normalize"), key, strings.Join(words, ", ")))
		if err != nil {
			t.Fatal(err)
		}
		if set.Rules[0].always {
			t.Fatalf("%q is a candidate always", words)
		}
		for range 4 {
			text := rapid.StringOfN(alphabet, 0, 4, -1).Draw(t, "before")
			for _, word := range words {
				runes := []rune(word)
				for range rapid.IntRange(0, len(runes)/fuzzyEvery+1).Draw(t, "edits") {
					at := rapid.IntRange(0, len(runes)).Draw(t, "at")
					put := []rune(rapid.StringOfN(alphabet, 0, 1, -1).Draw(t, "put"))
					out := min(len(runes), at+rapid.IntRange(0, 1).Draw(t, "out"))
					runes = append(append(append([]rune{}, runes[:at]...), put...), runes[out:]...)
				}
				text += string(runes) + rapid.StringOfN(alphabet, 0, 3, -1).Draw(t, "after")
			}
			hits := 0
			for _, word := range words {
				if near(word, text) {
					hits++
					if !strings.Contains(text, word) {
						edited++
					}
				}
			}
			want := hits > 0
			if key == "all_of" {
				want = hits == len(words)
			}
			if got := len(set.Match(c2c(text), facts()).Fired) == 1; got != want {
				t.Fatalf("%s %q in %q: %v, want %v", key, words, text, got, want)
			}
			if want {
				found++
			} else {
				missed++
			}
		}
	})
	if found < 5 || missed < 5 || edited < 5 {
		t.Errorf("%d found, %d of them with edits, %d not: too few to prove anything", found, edited, missed)
	}
}
