package sdkconn_test

import (
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestParseConversation(t *testing.T) {
	for s, want := range map[string]sdkconn.Conversation{
		"c2c_alice":              sdkconn.C2C("alice"),
		"c2c_a_b_c":              sdkconn.C2C("a_b_c"),
		"c2c_c2c_alice":          sdkconn.C2C("c2c_alice"),
		"group_@TGS#1ABC":        sdkconn.Group("@TGS#1ABC"),
		"group_@TGS#_@TGS#cX":    sdkconn.Group("@TGS#_@TGS#cX"),
		"group_ ":                sdkconn.Group(" "),
		"c2c_\u4f60\u597d 😀._-#": sdkconn.C2C("你好 😀._-#"),
	} {
		got, err := sdkconn.ParseConversation(s)
		if err != nil || got != want {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
		if got.String() != s {
			t.Errorf("%q became %q", s, got.String())
		}
	}
	for _, s := range []string{"", "c2c", "c2c_", "group_", "system_", "system_x", "C2C_alice", "alice", "_alice", "invalid(0)_x", " c2c_alice"} {
		if got, err := sdkconn.ParseConversation(s); err == nil || got != (sdkconn.Conversation{}) {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
}

func TestConversationValid(t *testing.T) {
	for c, want := range map[sdkconn.Conversation]bool{
		{}:                                      false,
		{ID: "a"}:                               false,
		{Type: sdkconn.ConvC2C}:                 false,
		{ID: "a", Type: sdkconn.ConvSystem}:     false,
		{ID: "a", Type: 99}:                     false,
		{ID: "a", Type: -1}:                     false,
		sdkconn.C2C("a"):                        true,
		sdkconn.Group("a"):                      true,
		{ID: "", Type: sdkconn.ConvSystem}:      false,
		{ID: "a", Type: sdkconn.ConvInvalid}:    false,
		{ID: "\x00", Type: sdkconn.ConvGroup}:   true,
		sdkconn.Conversation(sdkconn.Group("")): false,
	} {
		if got := c.Valid(); got != want {
			t.Errorf("%v: got %v", c, got)
		}
	}
}
