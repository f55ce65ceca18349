package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

// BenchmarkLedger compares the ledger with bare inserts of as many rows, 1,000 a commit: targets that are added, and what
// becomes of 500 of them at a time.
func BenchmarkLedger(b *testing.B) {
	const batch = 1000
	j, err := Open(b.Context(), filepath.Join(b.TempDir(), "journal.db"), Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	reference := newBare(b)
	var tBare, tAdded, tSettled time.Duration
	rows := 0
	for b.Loop() {
		list := make([]journal.Target, batch)
		events := make([]journal.Event, batch)
		for i := range list {
			list[i].Name = fmt.Sprintf("c2c_user%09d", (rows+i)*7919%1_000_000_007)
			events[i] = journal.Event{Key: list[i].Name, Data: make([]byte, 60), At: time.Unix(1, 0)}
		}
		t0 := time.Now()
		reference.insert(events)
		t1 := time.Now()
		numbers, err := j.AddTargets(b.Context(), journal.Announcement{Key: "k", Data: make([]byte, 1000)}, list)
		if err != nil {
			b.Fatal(err)
		}
		t2 := time.Now()
		settle(b, j, numbers[:batch/2])
		settle(b, j, numbers[batch/2:])
		tBare, tAdded, tSettled = tBare+t1.Sub(t0), tAdded+t2.Sub(t1), tSettled+time.Since(t2)
		rows += batch
	}
	perSecond := func(d time.Duration) float64 { return float64(rows) / d.Seconds() }
	b.ReportMetric(perSecond(tBare), "bare-rows/s")
	b.ReportMetric(perSecond(tAdded), "added/s")
	b.ReportMetric(perSecond(tSettled), "settled/s")
	b.ReportMetric(perSecond(tAdded)/perSecond(tBare), "added/bare")
	b.ReportMetric(perSecond(tSettled)/perSecond(tBare), "settled/bare")
}

func settle(b *testing.B, j *Journal, numbers []uint64) {
	change := &journal.Change{Announcements: []journal.Announcement{{Key: "k", Data: make([]byte, 1000)}}}
	for _, n := range numbers {
		change.Targets = append(change.Targets, journal.TargetWrite{Key: "k", N: n, State: journal.TargetSent, Data: make([]byte, 60)})
	}
	if err := j.Commit(context.Background(), change); err != nil {
		b.Fatal(err)
	}
}
