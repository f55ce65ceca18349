package bot

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot/journal"
)

func TestTimersFireInOrderAndOnce(t *testing.T) {
	clock := clockwork.NewFakeClock()
	start := clock.Now()
	at := func(id string, d time.Duration) journal.Timer {
		return journal.Timer{ID: id, Run: id, Due: start.Add(d)}
	}
	ts := newTimers(func(time.Duration) {})
	ts.add(at("late", time.Hour), at("b", time.Minute), at("a", time.Minute), at("moved", time.Second))
	ts.add(at("moved", 2*time.Hour))
	fired := make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ts.run(ctx, clock, func(x journal.Timer) { fired <- x.ID })
	}()
	step := func(d time.Duration, want ...string) {
		t.Helper()
		if err := clock.BlockUntilContext(ctx, 1); err != nil {
			t.Fatal(err)
		}
		clock.Advance(d)
		for _, id := range want {
			if got := <-fired; got != id {
				t.Errorf("%s fired, want %s", got, id)
			}
		}
	}
	step(time.Minute, "a", "b")
	if ts.wakes("a") || !ts.wakes("late") || !ts.wakes("moved") {
		t.Error("has does not know what fired and what did not")
	}
	step(time.Hour, "late")
	step(time.Hour, "moved")
	ts.add(at("new", 0)) // due at once, though nothing was waiting
	if got := <-fired; got != "new" {
		t.Errorf("%s fired, want new", got)
	}
	cancel()
	<-done
	if len(fired) != 0 {
		t.Errorf("%s fired again", <-fired)
	}
}

// jumpy is a clock whose time of day a test changes, as an administrator does; its timers measure what really passes.
type jumpy struct {
	*clockwork.FakeClock
	mu    sync.Mutex
	shift time.Duration
}

func (c *jumpy) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.FakeClock.Now().Add(c.shift)
}

func (c *jumpy) jump(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += by
}

// NewTimer gives a timer that sends the time of day, as a real one does.
func (c *jumpy) NewTimer(d time.Duration) clockwork.Timer {
	rings := make(chan time.Time, 1)
	at := c.FakeClock.Now().Add(d)
	timer := c.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		rings <- at.Add(c.shift)
	})
	return jumpyTimer{timer, rings}
}

type jumpyTimer struct {
	clockwork.Timer
	rings chan time.Time
}

func (t jumpyTimer) Chan() <-chan time.Time { return t.rings }

func TestAClockThatJumpsIsNoticed(t *testing.T) {
	clock := &jumpy{FakeClock: clockwork.NewFakeClock()}
	start := clock.Now()
	jumps, fired := make(chan time.Duration, 10), make(chan string, 10)
	ts := newTimers(func(by time.Duration) { jumps <- by })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ts.run(ctx, clock, func(x journal.Timer) { fired <- x.ID })
	}()
	wait := func() {
		t.Helper()
		if err := clock.BlockUntilContext(ctx, 1); err != nil {
			t.Fatal(err)
		}
	}
	ts.add(journal.Timer{ID: "hour", Due: start.Add(time.Hour)}, journal.Timer{ID: "day", Due: start.Add(24 * time.Hour)})
	wait()
	clock.Advance(time.Minute) // nothing happened: nothing is told
	wait()
	clock.jump(62 * time.Minute)
	clock.Advance(time.Minute)
	if by := <-jumps; by != 62*time.Minute {
		t.Errorf("a jump of %s was told, want 1h2m", by)
	}
	if id := <-fired; id != "hour" {
		t.Errorf("%s fired after the jump, want what had become due", id)
	}
	wait()
	clock.jump(-30 * time.Minute)
	clock.Advance(time.Minute)
	if by := <-jumps; by != -30*time.Minute {
		t.Errorf("a jump of %s was told, want -30m", by)
	}
	wait()
	clock.jump(30 * time.Second) // as a time service does
	clock.Advance(time.Minute)
	wait()
	ts.remove("day")
	ts.add(journal.Timer{ID: "now", Due: clock.Now()})
	if id := <-fired; id != "now" {
		t.Errorf("%s fired, want now", id)
	}
	cancel()
	<-done
	if len(jumps) != 0 || len(fired) != 0 {
		t.Errorf("%d jumps and %d timers too many", len(jumps), len(fired))
	}
}

func TestNoTimerNoWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &countingClock{Clock: clockwork.NewRealClock()}
		ts := newTimers(func(by time.Duration) { t.Errorf("a jump of %s", by) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			ts.run(ctx, clock, func(journal.Timer) {})
		}()
		ts.add(journal.Timer{ID: "a", Due: time.Now().Add(10 * time.Minute)})
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		before := clock.timers.Load()
		if before < 10 || before > 25 {
			t.Errorf("%d timers in ten minutes, want about one a minute", before)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if now := clock.timers.Load(); now != before {
			t.Errorf("%d timers of the clock while none was set", now-before)
		}
		cancel()
		<-done
	})
}

type countingClock struct {
	clockwork.Clock
	timers atomic.Int64
}

func (c *countingClock) NewTimer(d time.Duration) clockwork.Timer {
	c.timers.Add(1)
	return c.Clock.NewTimer(d)
}

func TestTimersThatMoveKeepNoMemory(t *testing.T) {
	ts := newTimers(func(time.Duration) {})
	start := time.Now()
	for i := range 10_000 {
		ts.add(journal.Timer{ID: "a", Due: start.Add(time.Duration(i) * time.Second)})
	}
	if len(ts.heap) > 100 {
		t.Errorf("one timer that moved 10,000 times takes %d places", len(ts.heap))
	}
	ts.remove("a", "unknown")
	if ts.has("a") || ts.len() != 0 {
		t.Error("a removed timer is still there")
	}
}

func TestTimersOfOneMomentGoByID(t *testing.T) {
	clock := clockwork.NewFakeClock()
	ts := newTimers(func(time.Duration) {})
	for _, id := range []string{"c", "a", "d", "b"} {
		ts.add(journal.Timer{ID: id, Due: clock.Now()})
	}
	ready, _, more := ts.due(clock)
	var ids []string
	for _, x := range ready {
		ids = append(ids, x.ID)
	}
	if !slices.Equal(ids, []string{"a", "b", "c", "d"}) || more {
		t.Errorf("due %q, more %v", ids, more)
	}
}

func BenchmarkTimers(b *testing.B) {
	clock := clockwork.NewFakeClock()
	ts := newTimers(func(time.Duration) {})
	for i := range 100_000 {
		ts.add(journal.Timer{ID: string(rune('a'+i%26)) + time.Duration(i).String(), Due: clock.Now().Add(time.Duration(i) * time.Second)})
	}
	due := clock.Now().Add(time.Hour)
	for i := 0; b.Loop(); i++ {
		ts.add(journal.Timer{ID: "x", Due: due.Add(time.Duration(i))})
	}
}
