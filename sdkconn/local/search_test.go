package local

import (
	"strings"
	"testing"
	"unicode"

	"github.com/timbot-go/timbot/sdkconn"
)

// TestLikePattern goes through every letter that becomes another one in lower case: what a search takes for the word,
// SQLite must not have sorted out before.
func TestLikePattern(t *testing.T) {
	d, err := openDB(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.ToLower(r) == r {
			continue
		}
		text := "x" + string(r) + "_%y"
		for _, word := range []string{strings.ToLower(text), strings.ToUpper(text)} {
			like, ok := likePattern(word)
			if !ok || !strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
				continue
			}
			if n, err := d.integer(`SELECT ? LIKE ? ESCAPE '\'`, text, like); n != 1 || err != nil {
				t.Errorf("%U: %q is not like %q (%v)", r, text, like, err)
			}
		}
	}
}

func TestSearchWithLettersOfOtherCase(t *testing.T) {
	chat := tempChat(t)
	alice, _ := login(t, chat, "alice"), login(t, chat, "bob")
	send(t, alice, sdkconn.C2C("bob"), "the \u212aing of \u0130stanbul")
	send(t, alice, sdkconn.C2C("bob"), "the king of istanbul")
	send(t, alice, sdkconn.C2C("bob"), "the aang of astanbul") // what the pattern alone would take for it
	for _, word := range []string{"king of istanbul", "KING OF ISTANBUL", "\u212aing", "g of \u0130s"} {
		found, err := alice.MsgSearchLocalMessages(t.Context(), sdkconn.SearchParam{
			Keywords: []string{word}, ConvID: "bob", ConvType: sdkconn.ConvC2C,
		})
		if err != nil || found.TotalCount != 2 {
			t.Errorf("%q: %d found (%v), want 2", word, found.TotalCount, err)
		}
	}
}
