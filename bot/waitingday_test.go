package bot_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// waitingRules is everything that waits or is held back, one rule a kind; %d is the version.
const waitingRules = `
  - id: order
    on: message.c2c
    match: {any_of: [order]}
    session: {timeout: 3m, cancel: [never mind], on_timeout: [{reply: too late}], on_cancel: [{reply: cancelled}]}
    do: [{id: who, ask: "name?"}, {reply: "ordered ${{ steps.who.text }}"}]
  - {id: batch, on: message.c2c, if: msg.text == "batch", batch: {by: user, quiet: 15s, max_wait: 60s}, do: [{reply: "batch of ${{ len(events) }}"}]}
  - {id: drop, on: message.c2c, if: msg.text == "drop", limit: {per: user, rate: 1/30s}, do: [{reply: kept}]}
  - {id: wait, on: message.c2c, if: msg.text == "wait", limit: {per: user, rate: 1/30s, over: wait}, do: [{reply: in turn}]}
  - {id: tell, on: message.c2c, if: msg.text == "tell", limit: {per: user, rate: 1/30s, over: reply, reply: slow down}, do: [{reply: told}]}
  - {id: delay, on: message.c2c, if: msg.text == "delay", do: [{delay: 7m}, {reply: later}]}
  - {id: retry, on: message.c2c, if: msg.text startsWith "retry", do: [{probe.ask: "${{ msg.text }}", retry: {times: 3, backoff: 20s}}, {reply: tried again}]}
  - {id: human, on: message.c2c, if: msg.text == "human", do: [{handoff: {queue: desk, resume: {after: 2h, idle: 10m}}}, {reply: back}]}
  - {id: rest, stage: fallback, on: message.c2c, if: msg.text == "hello", do: [{reply: "hi"}]}
  - {id: version, stage: observe, on: message.c2c, do: [{set: {bot: {version: %d}}}]}
`

// TestADayOfWaiting lets all that waits happen every quarter of an hour for a day, with reloads and upkeep. Everything is
// answered as often as it must be, and in the evening nothing is left.
func TestADayOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		busy := newOnce()
		h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
			if busy.first(name) {
				return errBusy()
			}
			return nil
		})
		set := func(version int) *rules.Set {
			return h.setFor(fmt.Sprintf(waitingRules[1:], version), func(c *rules.BotConfig) {
				c.Keep = rules.Keep{Events: 6 * time.Hour}
			})
		}
		for _, who := range []string{"batch", "drop", "wait", "tell", "delay", "retry", "human"} {
			h.people[who] = h.login(who)
		}
		b := h.start(set(0))
		b.idle()
		private := sdkconn.C2C(botUser)
		want := make(map[string]map[string]int) // by person: how often each answer
		say := func(who, text string, times int, answers ...string) {
			for range times {
				h.say(who, private, text)
			}
			if want[who] == nil {
				want[who] = make(map[string]int)
			}
			for _, a := range answers {
				want[who][a]++
			}
		}
		morning := 0
		for minute := range 24 * 60 {
			switch minute % 15 {
			case 0:
				say("alice", "order", 1, "name?")
				say("batch", "batch", 2, "batch of 2")
				say("drop", "drop", 3, "kept")
				say("wait", "wait", 2, "in turn", "in turn")
				say("tell", "tell", 3, "told", "slow down")
				say("delay", "delay", 1, "later")
				say("retry", fmt.Sprint("retry ", minute), 1, "tried again")
			case 1:
				say("alice", "Ann", 1, "ordered Ann")
			case 4:
				say("alice", "order", 1, "name?")
			case 5:
				say("alice", "never mind", 1, "cancelled")
			case 8:
				say("alice", "order", 1, "name?", "too late")
			}
			switch minute % 120 { // a person talks with them for a while, of which the bot hears and says nothing
			case 30:
				say("human", "hello", 1, "hi")
				say("human", "human", 1, "back")
			case 35, 42:
				say("human", "hello", 1)
			case 60:
				say("human", "hello", 1, "hi")
			}
			if minute%90 == 20 {
				if err := b.Reload(set(minute)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
			if minute == 14 {
				b.idle()
				morning = runtime.NumGoroutine()
			}
		}
		b.pass(20 * time.Minute)
		for who, answers := range want {
			got := make(map[string]int)
			for _, text := range h.heard(who, private) {
				got[text]++
			}
			if fmt.Sprint(got) != fmt.Sprint(answers) {
				t.Errorf("%s heard %v, want %v", who, got, answers)
			}
		}
		wantClean(h)
		for what, n := range b.Sizes() {
			if n != 0 {
				t.Errorf("in the evening: %d %s", n, what)
			}
		}
		stats, err := h.journal.Stats(t.Context())
		if err != nil || stats.Pending+stats.Runs+stats.Timers != 0 || stats.Events > 8*100 {
			t.Errorf("in the evening the journal holds %+v, %v", stats, err)
		}
		if evening := runtime.NumGoroutine(); evening > morning {
			t.Errorf("%d goroutines in the evening, %d in the morning", evening, morning)
		}
		if got := b.Health(); !got.Ready {
			t.Errorf("health %+v", got)
		}
		if err := b.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
