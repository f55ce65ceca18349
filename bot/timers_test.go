package bot

import (
	"context"
	"slices"
	"testing"
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
	ts := newTimers()
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

func TestTimersOfOneMomentGoByID(t *testing.T) {
	clock := clockwork.NewFakeClock()
	ts := newTimers()
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
	ts := newTimers()
	for i := range 100_000 {
		ts.add(journal.Timer{ID: string(rune('a'+i%26)) + time.Duration(i).String(), Due: clock.Now().Add(time.Duration(i) * time.Second)})
	}
	due := clock.Now().Add(time.Hour)
	for i := 0; b.Loop(); i++ {
		ts.add(journal.Timer{ID: "x", Due: due.Add(time.Duration(i))})
	}
}
