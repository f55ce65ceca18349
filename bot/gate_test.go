package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

// talk has alice say things to the bot, each at its second, and returns what she heard by the end.
func talk(t *testing.T, rule string, said map[int]string, seconds int) (heard []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(rule))
		b.idle()
		start := time.Now()
		for s := range seconds {
			for _, text := range strings.Fields(said[s]) {
				h.say("alice", sdkconn.C2C(botUser), text)
			}
			b.idle()
			for _, text := range h.heard("alice", sdkconn.C2C(botUser))[len(heard):] {
				heard = append(heard, fmt.Sprint(int(time.Since(start).Seconds()), " ", text))
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		b.idle()
		h.wantNothingOpen()
		records, err := h.journal.Records(t.Context(), journal.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if strings.Contains(string(r.Trace.Data), `"outcome":"waiting"`) {
				t.Errorf("the trace of a done event says that it waits: %s", r.Trace.Data)
			}
		}
	})
	return heard
}

func TestWhatALimitDoes(t *testing.T) {
	for name, test := range map[string]struct {
		rule string
		said map[int]string
		want []string
	}{
		"drop goes on to the next rule": {`
  - {id: r, on: message.c2c, limit: {per: user, rate: 1/5s}, do: [{reply: "r ${{ msg.text }}"}]}
  - {id: s, on: message.c2c, do: [{reply: "s ${{ msg.text }}"}]}
`, map[int]string{0: "a", 1: "b", 4: "c", 5: "d", 6: "e", 10: "f"},
			[]string{"0 r a", "1 s b", "4 s c", "5 r d", "6 s e", "10 r f"}},
		"two in a window": {`
  - {id: r, on: message.c2c, limit: {rate: 2/10s}, do: [{reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a", 4: "b", 9: "c", 10: "d", 13: "e", 14: "f"}, []string{"0 a", "4 b", "10 d", "14 f"}},
		"by what a text gives": {`
  - {id: r, on: message.c2c, limit: {per: "${{ msg.text }}", rate: 1/5s}, do: [{reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a b a", 1: "b c", 5: "a"}, []string{"0 a", "0 b", "1 c", "5 a"}},
		"wait in order": {`
  - {id: r, on: message.c2c, limit: {rate: 1/3s, over: wait}, do: [{reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a b c", 1: "d"}, []string{"0 a", "3 b", "6 c", "9 d"}},
		"reply once a window and stop the stage": {`
  - {id: r, on: message.c2c, limit: {rate: 1/10s, over: reply, reply: slowly}, do: [{reply: "${{ msg.text }}"}]}
  - {id: s, on: message.c2c, do: [{reply: never}]}
`, map[int]string{0: "a", 1: "b", 2: "c", 9: "d", 10: "e", 11: "f", 12: "g"},
			[]string{"0 a", "1 slowly", "10 e", "11 slowly"}},
		"a shadow is not limited": {`
  - {id: r, on: message.c2c, run: shadow, limit: {rate: 1/10s}, do: [{reply: never}]}
  - {id: s, on: message.c2c, do: [{reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a", 1: "b"}, []string{"0 a", "1 b"}},
		"a batch ends when it is quiet": {`
  - {id: r, on: message.c2c, batch: {by: user, quiet: 3s, max_wait: 6s},
     do: [{reply: "${{ join(map(events, #.msg.text), '+') }} ${{ msg.text }}"}]}
`, map[int]string{0: "a b", 2: "c", 10: "d"}, []string{"5 a+b+c a", "13 d d"}},
		"a batch ends after max_wait": {`
  - {id: r, on: message.c2c, batch: {by: chat, quiet: 3s, max_wait: 6s},
     do: [{reply: "${{ join(map(events, #.msg.text), '+') }}"}]}
`, map[int]string{0: "a", 2: "b", 4: "c", 5: "d", 7: "e"}, []string{"6 a+b+c+d", "10 e"}},
		"a batch ends at max": {`
  - {id: r, on: message.c2c, batch: {quiet: 3s, max: 3}, do: [{reply: "${{ join(map(events, #.msg.text), '+') }}"}]}
`, map[int]string{0: "a b c d", 1: "e f"}, []string{"0 a+b+c", "1 d+e+f"}},
		"a limit counts batches": {`
  - {id: r, on: message.c2c, batch: {quiet: 2s}, limit: {rate: 1/10s}, do: [{reply: "${{ join(map(events, #.msg.text), '+') }}"}]}
`, map[int]string{0: "a b", 1: "c", 5: "d", 10: "e"}, []string{"3 a+b+c", "12 e"}},
		"a batch gathers until its turn": {`
  - {id: r, on: message.c2c, batch: {quiet: 2s}, limit: {rate: 1/10s, over: wait},
     do: [{reply: "${{ join(map(events, #.msg.text), '+') }}"}]}
`, map[int]string{0: "a", 4: "b", 7: "c"}, []string{"2 a", "10 b+c"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := talk(t, test.rule, test.said, 40); !slices.Equal(got, test.want) {
				t.Errorf("heard %q, want %q", got, test.want)
			}
		})
	}
}

func TestALimitHoldsOverManyConversations(t *testing.T) {
	h := newHouse(t)
	var talkers []sdkconn.Conn
	for i := range 20 {
		talkers = append(talkers, h.login(fmt.Sprint("u", i)))
	}
	defer func() {
		for _, c := range talkers {
			c.Close()
		}
	}()
	b := h.start(h.set(`
  - {id: few, on: message.c2c, limit: {rate: 7/1h}, continue: true, do: [{probe.ask: few}]}
  - {id: all, on: message.c2c, batch: {quiet: 1h, max: 25}, do: [{probe.ask: "${{ len(events) }}"}]}
`))
	var wg sync.WaitGroup
	for _, c := range talkers {
		wg.Go(func() {
			for range 5 {
				m := &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "x"}}}
				if _, err := c.SendNewMsg(t.Context(), sdkconn.C2C(botUser), m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.idle()
	few, full := 0, 0
	for _, call := range h.probe.seen() {
		switch call {
		case "few":
			few++
		case "25":
			full++
		}
	}
	if few != 7 || full != 4 {
		t.Errorf("%d firings under the limit and %d full batches, want 7 and 4: %q", few, full, h.probe.seen())
	}
	h.wantNothingOpen()
}

func TestSeveralWhoJoinedAtOnceAreOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.login("carol").Close()
		h.login("dave").Close()
		_, err := h.people["alice"].(sdkconn.Groups).GroupCreate(t.Context(), sdkconn.GroupCreateParam{
			GroupID: "w", GroupName: "w", GroupType: sdkconn.GroupWork, Members: []sdkconn.GroupMemberInfo{{Identifier: botUser}},
		})
		if err != nil {
			t.Fatal(err)
		}
		b := h.start(h.set(`
  - id: hi
    on: member.joined
    batch: {by: chat, quiet: 10s}
    limit: {per: chat, rate: 1/1h}
    do: [{reply: "hello ${{ join(map(events, #.user.id), ' ') }}"}]
`), bot.WithGrace(time.Second))
		b.idle()
		_, err = h.people["alice"].(sdkconn.Groups).GroupInviteMember(t.Context(), "w", []string{"carol", "dave"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.idle()
		h.wantHeard("alice", sdkconn.Group("w"), "hello carol dave")
		h.wantNothingOpen()
	})
}
