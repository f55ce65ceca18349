package bot_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

// wallClock is the bubble's clock, whose time of day a test changes as an administrator does; its timers measure what
// really passes, and tell the time of day, as real ones do.
type wallClock struct {
	clockwork.Clock
	shift atomic.Int64
}

func newWallClock() *wallClock { return &wallClock{Clock: clockwork.NewRealClock()} }

func (c *wallClock) jump(by time.Duration)                  { c.shift.Add(int64(by)) }
func (c *wallClock) Now() time.Time                         { return time.Now().Add(time.Duration(c.shift.Load())) }
func (c *wallClock) Since(t time.Time) time.Duration        { return c.Now().Sub(t) }
func (c *wallClock) Until(t time.Time) time.Duration        { return t.Sub(c.Now()) }
func (c *wallClock) After(d time.Duration) <-chan time.Time { return c.NewTimer(d).Chan() }

func (c *wallClock) NewTimer(d time.Duration) clockwork.Timer {
	rings := make(chan time.Time, 1)
	return wallTimer{c.AfterFunc(d, func() { rings <- c.Now() }), rings}
}

type wallTimer struct {
	clockwork.Timer
	rings chan time.Time
}

func (t wallTimer) Chan() <-chan time.Time { return t.rings }

// jumpRules is everything that waits.
const jumpRules = `
  - {id: delay, on: message, if: msg.text == "delay", do: [{reply: first}, {delay: 10m}, {reply: later}]}
  - {id: batch, on: message, if: msg.text == "batch", batch: {by: user, quiet: 30s, max_wait: 60s}, do: [{reply: "batch of ${{ len(events) }}"}]}
  - {id: wait, on: message, if: msg.text == "wait", limit: {per: user, rate: 1/30s, over: wait}, do: [{reply: in turn}]}
  - {id: drop, on: message, if: msg.text == "drop", limit: {per: user, rate: 1/30s}, do: [{reply: not dropped}]}
  - {id: retry, on: message, if: msg.text == "retry", do: [{probe.ask: "${{ user.id }}", retry: {times: 3, backoff: 20s}}, {reply: tried again}]}
  - id: ask
    on: message
    if: msg.text == "ask"
    session: {timeout: 5m, on_timeout: [{reply: too late}]}
    do: [{ask: "what?"}, {reply: "an answer"}]
`

var jumpAnswers = []string{
	"batch of 2", "first", "in turn", "in turn", "later", "not dropped", "too late", "tried again", "what?",
}

// Whatever the clock does while things wait, each is done once: at its time by the new clock, and what begins after the
// jump takes no longer than ever.
func TestNothingIsStuckOrDoneTwiceWhenTheClockJumps(t *testing.T) {
	const minute = time.Minute
	for _, jumps := range [][]time.Duration{
		{time.Hour}, {-time.Hour}, {24 * time.Hour}, {-24 * time.Hour},
		{time.Hour, -time.Hour}, {-time.Hour, time.Hour}, {24 * time.Hour, -24 * time.Hour}, {-24 * time.Hour, 24 * time.Hour},
		{-time.Hour, -24 * time.Hour, 25 * time.Hour}, {24 * time.Hour, -25 * time.Hour},
	} {
		t.Run(fmt.Sprint(jumps), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, clock := newHouse(t), newWallClock()
				h.people["carol"] = h.login("carol")
				busy := newOnce()
				h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
					if busy.first(name) {
						return errBusy()
					}
					return nil
				})
				b := h.start(h.set(jumpRules[1:]), bot.WithClock(clock))
				b.idle()
				said := make(map[string]time.Time)
				round := func(who string) {
					said[who] = time.Now()
					for _, text := range []string{"delay", "batch", "wait", "drop", "retry", "batch", "wait", "drop", "ask"} {
						h.say(who, sdkconn.C2C(botUser), text)
					}
					b.idle()
				}
				// wantDone waits for all answers, at most so long.
				wantDone := func(who string, most time.Duration) {
					t.Helper()
					for ; ; b.pass(minute) {
						got := h.heard(who, sdkconn.C2C(botUser))
						if len(got) >= len(jumpAnswers) {
							return
						}
						if time.Since(said[who]) > most {
							t.Fatalf("after %s %s has heard %q only\n%s", most, who, got, h.log)
						}
					}
				}
				round("bob")
				b.pass(5 * time.Second)
				var net time.Duration
				for _, by := range jumps {
					clock.jump(by)
					net += by
					b.pass(2 * minute)
				}
				round("alice")
				wantDone("alice", 13*minute)
				wantDone("bob", max(0, -net)+20*minute)
				round("carol")
				wantDone("carol", 13*minute)
				b.pass(26 * time.Hour)
				for who := range h.people {
					got := h.heard(who, sdkconn.C2C(botUser))
					if slices.Sort(got); !slices.Equal(got, jumpAnswers) {
						t.Errorf("%s heard %q, want %q", who, got, jumpAnswers)
					}
				}
				if calls := h.probe.seen(); len(calls) != 2*len(h.people) {
					t.Errorf("tried %q, want each twice", calls)
				}
				wantClean(h)
				for what, n := range b.Sizes() {
					if n != 0 {
						t.Errorf("in the end: %d %s", n, what)
					}
				}
				if err := b.stop(); err != nil {
					t.Errorf("Run = %v", err)
				}
			})
		})
	}
}
