package bot_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestAnswersGoWithTheirQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		set := h.set(`
  - id: answer
    on: message
    do:
      - reply: ${{ msg.text }} 1
      - send: {to_user: bob, text: "${{ msg.text }} 2"}
  - {id: back, on: message.revoked, do: [revoke: {answers: true}]}
`)
		b := h.start(set)
		direct := sdkconn.C2C(botUser)
		question := h.say("alice", direct, "a")
		h.say("alice", direct, "b")
		in := h.say("alice", group, "c")
		b.idle()
		b.stop()
		b.again(set)
		for conv, m := range map[sdkconn.Conversation]*sdkconn.Message{direct: question, group: in} {
			if err := h.people["alice"].Revoke(t.Context(), conv, m); err != nil {
				t.Fatal(err)
			}
			b.idle()
		}
		h.wantHeard("alice", direct, "[a 1]", "b 1")
		h.wantHeard("alice", group, "[c 1]")
		bob := h.heard("bob", direct) // conversations are answered at the same time
		if slices.Sort(bob); !slices.Equal(bob, []string{"[a 2]", "[c 2]", "b 2"}) {
			t.Errorf("bob heard %q", bob)
		}
		h.wantNothingOpen()
	})
}
