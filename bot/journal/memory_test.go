package journal_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/journal/journaltest"
)

func TestMemory(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journal.Journal { return journal.NewMemory(0) })
}

// A memory journal cannot be reopened; the same one stands in, so that the check itself is checked.
func TestReopenHolds(t *testing.T) {
	journaltest.Reopen(t, journal.NewMemory(0), func(j journal.Journal) journal.Journal { return j })
}

func TestMemoryForgetsTheOldestDoneKeys(t *testing.T) {
	j := journal.NewMemory(10)
	event := func(i int) journal.Event {
		return journal.Event{Key: fmt.Sprint("e", i), At: time.Unix(int64(i), 0)}
	}
	for i := range 100 {
		if _, err := j.Append(t.Context(), []journal.Event{event(i)}); err != nil {
			t.Fatal(err)
		}
		if err := j.Commit(t.Context(), &journal.Change{Done: []string{event(i).Key}}); err != nil {
			t.Fatal(err)
		}
	}
	fresh, err := j.Append(t.Context(), []journal.Event{event(89), event(90), event(99)})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(fresh) != "[true false false]" {
		t.Errorf("fresh = %v: want the ten newest known and no more", fresh)
	}
}

func TestChangeAdd(t *testing.T) {
	c := &journal.Change{Lazy: true, Done: []string{"a"}}
	c.Add(&journal.Change{Done: []string{"b"}, Lazy: true})
	if !c.Lazy || len(c.Done) != 2 {
		t.Errorf("%+v: two lazy changes make a lazy one", c)
	}
	c.Add(&journal.Change{EndRuns: []string{"r"}})
	if c.Lazy || c.Empty() {
		t.Errorf("%+v: one durable change makes all durable", c)
	}
	c = &journal.Change{}
	c.Add(&journal.Change{Done: []string{"b"}, Lazy: true})
	if !c.Lazy {
		t.Errorf("%+v: an empty change adds no haste", c)
	}
}

func BenchmarkMemory(b *testing.B) {
	j := journal.NewMemory(0)
	for i := 0; b.Loop(); i++ {
		key := fmt.Sprint(i)
		if _, err := j.Append(b.Context(), []journal.Event{{Key: key, Conversation: "c2c_alice", Seq: uint64(i)}}); err != nil {
			b.Fatal(err)
		}
		if err := j.Commit(b.Context(), &journal.Change{Done: []string{key}, Lazy: true}); err != nil {
			b.Fatal(err)
		}
	}
}
