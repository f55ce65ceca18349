package bot_test

import (
	"context"
	"errors"
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

var errDiskFull = errors.New("database or disk is full")

// faulty is a journal whose calls a test lets fail or take their time.
type faulty struct {
	journal.Journal
	mu    sync.Mutex
	calls map[string]int
	fault func(call string) error // before each call; nil: none
}

func newFaulty(j journal.Journal) *faulty { return &faulty{Journal: j, calls: make(map[string]int)} }

func (f *faulty) set(fault func(call string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
	clear(f.calls)
}

func (f *faulty) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call]
}

func (f *faulty) before(call string) error {
	f.mu.Lock()
	fault := f.fault
	f.calls[call]++
	f.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(call)
}

func (f *faulty) Append(ctx context.Context, events []journal.Event) ([]bool, error) {
	if err := f.before("Append"); err != nil {
		return nil, err
	}
	return f.Journal.Append(ctx, events)
}

func (f *faulty) Commit(ctx context.Context, c *journal.Change) error {
	if err := f.before("Commit"); err != nil {
		return err
	}
	return f.Journal.Commit(ctx, c)
}

func (f *faulty) State(ctx context.Context, scope string) (map[string][]byte, error) {
	if err := f.before("State"); err != nil {
		return nil, err
	}
	return f.Journal.State(ctx, scope)
}

func (f *faulty) Trim(ctx context.Context, r journal.Retention) (journal.Trimmed, error) {
	if err := f.before("Trim"); err != nil {
		return journal.Trimmed{}, err
	}
	return f.Journal.Trim(ctx, r)
}

func full(string) error { return errDiskFull }

// noReads lets only the calls fail that read what rules remember.
func noReads(call string) error {
	if call == "State" {
		return errDiskFull
	}
	return nil
}

func problemOf(b *running, component string) string {
	for _, p := range b.Health().Problems {
		if p.Component == component {
			return p.Text
		}
	}
	return ""
}

func TestAFailingJournalIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := newHouse(t), new(witness)
		j := newFaulty(h.journal)
		h.journal = j
		b := h.start(h.set(echo), bot.WithObserver(w))
		b.idle()
		if got := b.Health(); !got.Started || !got.Ready || len(got.Problems) != 0 {
			t.Errorf("a running bot's health is %+v", got)
		}
		began := time.Now()
		j.set(full)
		var want []string
		for i := range 20 {
			h.say("alice", sdkconn.C2C(botUser), fmt.Sprint(i))
			want = append(want, fmt.Sprint(i, "!"))
		}
		time.Sleep(61 * time.Second)
		if n := j.count("Append"); n < 12 || n > 20 {
			t.Errorf("the journal was tried %d times in 61s, want pauses that grow from 100ms to 5s", n)
		}
		got := b.Health()
		if !got.Started || got.Ready || len(got.Problems) != 1 || !got.Problems[0].Since.Equal(began) ||
			!strings.Contains(got.Problems[0].Text, "disk is full") {
			t.Errorf("with a full disk the health is %+v", got)
		}
		h.wantHeard("alice", sdkconn.C2C(botUser))
		j.set(nil)
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), want...)
		if got := b.Health(); !got.Ready {
			t.Errorf("the journal works again, and the health is %+v", got)
		}
		log := h.log.String()
		if n := strings.Count(log, "takes no more messages until it can"); n != 1 {
			t.Errorf("the failure was told %d times:\n%s", n, log)
		}
		if n := strings.Count(log, "the journal works again, after 1m"); n != 1 {
			t.Errorf("the end of the failure was told %d times:\n%s", n, log)
		}
		if err := b.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if got := b.Health(); got.Started || got.Ready {
			t.Errorf("a stopped bot's health is %+v", got)
		}
		if !slices.Contains(w.said, "journal false") || !slices.Contains(w.said, "journal true") {
			t.Errorf("whoever observes was told %q", w.said)
		}
	})
}

func TestAJournalThatFailsInTheMiddleLosesAndRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		j := newFaulty(h.journal)
		h.journal = j
		b := h.start(h.set(`
  - id: count
    on: message
    do:
      - set: {user: {n: "${{ (state.user.n ?? 0) + 1 }}"}}
      - probe.ask: "${{ user.id }} ${{ state.user.n }}"
      - reply: "${{ state.user.n }}"
`))
		b.idle()
		for _, fault := range []func(string) error{everyThird(), noReads, nil} {
			j.set(fault)
			for range 10 {
				h.say("alice", sdkconn.C2C(botUser), "x")
				h.say("bob", sdkconn.C2C(botUser), "x")
			}
			if fault != nil { // until then nothing is idle
				time.Sleep(time.Minute)
			}
			j.set(nil)
			b.idle()
		}
		for _, who := range []string{"alice", "bob"} {
			var want []string
			for i := range 30 {
				want = append(want, fmt.Sprint(i+1))
			}
			h.wantHeard(who, sdkconn.C2C(botUser), want...)
		}
		if n := len(h.probe.seen()); n != 60 {
			t.Errorf("the action was called %d times for 60 events", n)
		}
	})
}

// everyThird lets every third call fail.
func everyThird() func(string) error {
	var mu sync.Mutex
	n := 0
	return func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%3 == 0 {
			return errDiskFull
		}
		return nil
	}
}

func TestASlowJournalOnlyTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		j := newFaulty(h.journal)
		h.journal = j
		b := h.start(h.set(echo), bot.WithQueue(2), bot.WithWorkers(2))
		b.idle()
		j.set(func(string) error { time.Sleep(7 * time.Second); return nil })
		var want []string
		for i := range 10 {
			h.say("alice", sdkconn.C2C(botUser), fmt.Sprint(i))
			want = append(want, fmt.Sprint(i, "!"))
		}
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), want...)
		if log := h.log.String(); strings.Contains(log, "level=ERROR") {
			t.Errorf("a slow journal is no error:\n%s", log)
		}
	})
}

func TestAStopWhileTheJournalFailsEndsInTimeAndLosesNothing(t *testing.T) {
	for _, at := range []string{"Append", "Commit"} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			j := newFaulty(h.journal)
			h.journal = j
			b := h.start(h.set(echo), bot.WithGrace(7*time.Second))
			b.idle()
			j.set(func(call string) error {
				if call == at {
					return errDiskFull
				}
				return nil
			})
			for i := range 3 {
				h.say("alice", sdkconn.C2C(botUser), fmt.Sprint(i))
			}
			time.Sleep(time.Minute)
			began := time.Now()
			if err := b.stop(); err != nil {
				t.Errorf("%s fails: Run = %v", at, err)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("%s fails: the stop took %s, with a grace of 7s", at, took)
			}
			j.set(nil)
			again := h.start(h.set(echo))
			again.idle()
			h.wantHeard("alice", sdkconn.C2C(botUser), "0!", "1!", "2!")
		})
	}
}

func TestAStartWaitsForTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		j := newFaulty(h.journal)
		h.journal = j
		j.set(full)
		b := h.start(h.set(echo))
		time.Sleep(10 * time.Second)
		if got := b.Health(); got.Started || got.Ready || problemOf(b, "journal") == "" || problemOf(b, "bot") != "not started" {
			t.Errorf("the health of a bot that waits for its journal is %+v", got)
		}
		j.set(nil)
		h.say("alice", sdkconn.C2C(botUser), "hi")
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "hi!")
	})
}
