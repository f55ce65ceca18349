package local

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

var kills = flag.Int("kills", 20, "how often TestKills kills a process under load")

// TestKills kills a process that writes as fast as it can from eight goroutines, to a group and to a user, again and again,
// at whatever moment comes. The group's numbers have no gap and no double, every acknowledged send is there, and the file
// passes its check.
func TestKills(t *testing.T) {
	path := startChat(t)
	chat := open(t, path, Config{})
	bob := login(t, chat, "bob")
	if err := chat.AddUser(t.Context(), "alice", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.GroupCreate(t.Context(), sdkconn.GroupCreateParam{
		GroupID: "g", GroupName: "g", Members: []sdkconn.GroupMemberInfo{{Identifier: "alice"}},
	}); err != nil {
		t.Fatal(err)
	}
	acknowledged := make(map[string]string) // text -> identity
	for round := range *kills {
		cmd, out := child(t, "load", path)
		for n := 0; n < 20+7*(round%13) && out.Scan(); n++ {
			takeDown(acknowledged, out.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for out.Scan() {
			takeDown(acknowledged, out.Text())
		}
		cmd.Wait()
		send(t, bob, sdkconn.Group("g"), fmt.Sprint("survivor ", round))
	}
	if len(acknowledged) < 20**kills {
		t.Fatalf("%d messages were acknowledged only", len(acknowledged))
	}
	all := 0
	for _, conv := range []sdkconn.Conversation{sdkconn.Group("g"), sdkconn.C2C("alice")} {
		list, err := bob.GetMsgList(t.Context(), conv, sdkconn.GetMsgListParam{Count: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		all += len(list)
		for i, m := range list {
			if want := uint64(len(list) - i); conv.Type == sdkconn.ConvGroup && m.Seq != want {
				t.Fatalf("message %d of %d from the end has seq %d", i, len(list), m.Seq)
			}
			if want, ok := acknowledged[m.Text()]; ok {
				if got := fmt.Sprint(m.ServerTime, " ", m.Seq, " ", m.Rand); got != want {
					t.Errorf("%q is %s, acknowledged was %s", m.Text(), got, want)
				}
				delete(acknowledged, m.Text())
			}
		}
	}
	for text := range acknowledged {
		t.Errorf("%q was acknowledged and is not there", text)
	}
	t.Logf("%d kills, %d messages", *kills, all)
	intact(t, path)
}

// takeDown takes down what a child said was acknowledged: "TEXT|TIME SEQ RAND.". The last line may be cut.
func takeDown(acknowledged map[string]string, line string) {
	text, identity, ok := strings.Cut(line, "|")
	if identity, whole := strings.CutSuffix(identity, "."); ok && whole {
		acknowledged[text] = identity
	}
}
