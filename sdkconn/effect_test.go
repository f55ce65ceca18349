package sdkconn_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestEffectForm(t *testing.T) {
	for _, c := range []struct{ custom, id, want string }{
		{"", "a1", `{"timbot":{"e":"a1"}}`},
		{"mine", "a1", `{"timbot":{"e":"a1"},"d":"mine"}`},
		{`{"k":"中"}`, "a1", `{"timbot":{"e":"a1"},"d":"{\"k\":\"中\"}"}`},
		{`{"timbot":{"e":"old"},"d":"mine"}`, "new", `{"timbot":{"e":"new"},"d":"mine"}`},
		{`{"timbot":{"e":"old"},"d":"mine"}`, "", "mine"},
		{"mine", "", "mine"},
	} {
		if got := sdkconn.WithEffect(c.custom, c.id); got != c.want {
			t.Errorf("%q with %q is %q, want %q", c.custom, c.id, got, c.want)
		}
	}
}

func TestEffectIsTakenOut(t *testing.T) {
	for custom, want := range map[string][2]string{
		`{"timbot":{"e":"x"}}`:                          {"x", ""},
		` {"d" : "y", "timbot" : {"e" : "x"}} `:         {"x", "y"},
		`{"timbot":{"e":"x","later":1},"d":"y"}`:        {"x", "y"},
		`{"timbot":{"e":"x"},"d":"y","more":1}`:         {"", `{"timbot":{"e":"x"},"d":"y","more":1}`},
		`{"timbot":{"e":""},"d":"y"}`:                   {"", `{"timbot":{"e":""},"d":"y"}`},
		`{"timbot":{},"d":"y"}`:                         {"", `{"timbot":{},"d":"y"}`},
		`{"timbot":"e"}`:                                {"", `{"timbot":"e"}`},
		`{"timbot":{"e":1}}`:                            {"", `{"timbot":{"e":1}}`},
		`{"timbot":{"e":"x"},"d":{"k":1}}`:              {"", `{"timbot":{"e":"x"},"d":{"k":1}}`},
		`{"timbot":{"e":"x"},"timbot":{"e":"z"}}`:       {"", `{"timbot":{"e":"x"},"timbot":{"e":"z"}}`},
		`{"timbot":{"e":"x"}`:                           {"", `{"timbot":{"e":"x"}`},
		`["timbot"]`:                                    {"", `["timbot"]`},
		"":                                              {"", ""},
		"timbot":                                        {"", "timbot"},
		`{"timbot":null,"d":"` + strings.Repeat("y", 3): {"", `{"timbot":null,"d":"yyy`},
	} {
		if id, rest := sdkconn.SplitEffect(custom); id != want[0] || rest != want[1] {
			t.Errorf("%s is %q and %q, want %q", custom, id, rest, want)
		}
	}
}

func TestEffectRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringN(1, -1, -1).Filter(utf8.ValidString).Draw(t, "id")
		custom := rapid.String().Filter(utf8.ValidString).Draw(t, "custom")
		if had, _ := sdkconn.SplitEffect(custom); had != "" {
			return
		}
		gotID, got := sdkconn.SplitEffect(sdkconn.WithEffect(custom, id))
		if gotID != id || got != custom {
			t.Fatalf("%q with %q comes back as %q with %q", custom, id, got, gotID)
		}
	})
}
