package local

import (
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// TestQuitFirst leaves a group before anything else happened in the file: who leaves does not see the tip of it.
func TestQuitFirst(t *testing.T) {
	alice := login(t, open(t, Memory, Config{}), "alice")
	group, err := alice.GroupCreate(t.Context(), sdkconn.GroupCreateParam{GroupName: "g", GroupType: sdkconn.GroupWork})
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.GroupQuit(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	list, err := alice.GetMsgList(t.Context(), sdkconn.Group(group), sdkconn.GetMsgListParam{Count: 9})
	if err != nil || len(list) != 0 {
		t.Errorf("who left sees %d messages, %v", len(list), err)
	}
}
