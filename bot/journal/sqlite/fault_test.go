package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/bot/journal"
)

// ledger is a journal, and what was acknowledged in it.
type ledger struct {
	path  string
	j     *Journal
	next  int
	done  []string          // keys of events that are done
	open  map[string]string // keys of events that are not, and the data of their run
	state map[string]string
}

func newLedger(t *testing.T, path string) *ledger {
	t.Helper()
	j, err := Open(t.Context(), path, Config{VFS: vfs})
	if err != nil {
		t.Fatal(err)
	}
	return &ledger{path: path, j: j, open: make(map[string]string), state: make(map[string]string)}
}

// step appends an event, gives it a run, and ends every second one, as far as it goes; what failed is given up, so that
// one that was applied in spite of its error shows.
func (l *ledger) step(ctx context.Context) error {
	l.next++
	key := fmt.Sprintf("%010d", l.next)
	if _, err := l.j.Append(ctx, []journal.Event{{Key: key, Conversation: "c", Data: []byte(strings.Repeat(key, 100))}}); err != nil {
		return err
	}
	l.open[key] = ""
	if err := l.j.Commit(ctx, &journal.Change{
		RuleSets: []journal.RuleSet{{Hash: "h", Data: []byte("text")}},
		Runs:     []journal.Run{{ID: "r" + key, Event: key, RuleSet: "h", Data: []byte("run of " + key)}},
		Steps:    []journal.Step{{Run: "r" + key, Key: "do[0]", Data: []byte("begun")}},
		State:    []journal.StateWrite{{Scope: "s", Key: key, Value: []byte("set")}},
	}); err != nil {
		return err
	}
	l.open[key], l.state[key] = "run of "+key, "set"
	if l.next%2 == 0 {
		return nil
	}
	if err := l.j.Commit(ctx, &journal.Change{
		Traces: []journal.Trace{{Event: key, RuleSet: "h", Data: []byte("trace of " + key)}}, EndRuns: []string{"r" + key},
		Done: []string{key},
	}); err != nil {
		return err
	}
	delete(l.open, key)
	l.done = append(l.done, key)
	return nil
}

// whole checks that exactly what was acknowledged is there.
func (l *ledger) whole(t *testing.T) {
	t.Helper()
	found, err := l.j.Records(t.Context(), journal.Query{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range found {
		data, open := l.open[r.Key]
		if !open && !slices.Contains(l.done, r.Key) {
			t.Errorf("event %s is there in spite of its error", r.Key)
			continue
		}
		if r.Done == open || string(r.Data) != strings.Repeat(r.Key, 100) {
			t.Errorf("event %s: done %v, data %.20q", r.Key, r.Done, r.Data)
		}
		if want := "trace of " + r.Key; r.Done && (string(r.Trace.Data) != want || r.Trace.RuleSet != "h") || !r.Done && r.Trace.Event != "" {
			t.Errorf("event %s: trace %+v", r.Key, r.Trace)
		}
		run, ok, err := l.j.Run(t.Context(), "r"+r.Key)
		if err != nil || ok != (data != "") || string(run.Data) != data {
			t.Errorf("event %s: run %q, %v, %v; want %q", r.Key, run.Data, ok, err, data)
		}
	}
	if len(found) != len(l.open)+len(l.done) {
		t.Errorf("%d events, acknowledged were %d", len(found), len(l.open)+len(l.done))
	}
	state, err := l.j.State(t.Context(), "s")
	if err != nil || len(state) != len(l.state) {
		t.Errorf("%d values, acknowledged were %d; %v", len(state), len(l.state), err)
	}
	stats, err := l.j.Stats(t.Context())
	if err != nil || stats.Pending != len(l.open) || stats.Events != len(found) {
		t.Errorf("stats %+v, %v; want %d events, %d pending", stats, err, len(found), len(l.open))
	}
	if problems, err := l.j.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("check: %q, %v", problems, err)
	}
}

// reopened closes the journal, opens it again and looks.
func (l *ledger) reopened(t *testing.T) {
	t.Helper()
	if err := l.j.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	j, err := Open(t.Context(), l.path, Config{VFS: vfs})
	if err != nil {
		t.Fatal(err)
	}
	l.j = j
	l.whole(t)
}

func (l *ledger) close(t *testing.T) {
	t.Helper()
	if err := l.j.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// TestFaultsOfTheDisk fails the n-th operation of a kind, and those after it, for every n of the first few commits. Calls
// say what is wrong and change nothing; as soon as the disk is well they work again; nothing acknowledged is lost.
func TestFaultsOfTheDisk(t *testing.T) {
	v := faulty(t)
	dir := t.TempDir()
	for i, fault := range []struct {
		op   string
		wal  bool
		err  error
		says string
	}{
		{"write", true, sqlite3.FULL, "the disk is full"},
		{"write", true, sqlite3.IOERR_WRITE, "the disk fails"},
		{"write", true, sqlite3.READONLY, "cannot be written"},
		{"sync", true, sqlite3.IOERR_FSYNC, "the disk fails"},
	} {
		for n := range 12 {
			l := newLedger(t, filepath.Join(dir, fmt.Sprint(i, "-", n, ".db")))
			if err := l.step(t.Context()); err != nil {
				t.Fatal(err)
			}
			left, failed := n, 0
			v.Set(func(op string, wal bool) error {
				if op != fault.op || wal != fault.wal {
					return nil
				}
				if left--; left >= 0 {
					return nil
				}
				failed++
				return fault.err
			})
			for range 12 {
				if err := l.step(t.Context()); err != nil && !strings.Contains(err.Error(), fault.says) {
					t.Errorf("%s %d: %v", fault.op, n, err)
				}
			}
			if failed == 0 {
				t.Errorf("%s %d never failed", fault.op, n)
			}
			l.whole(t) // reads go on while writes fail
			v.Set(nil)
			for range 4 {
				if err := l.step(t.Context()); err != nil {
					t.Errorf("%s %d: when the disk is well again: %v", fault.op, n, err)
				}
			}
			l.whole(t)
			l.reopened(t)
			l.close(t)
		}
	}
}

// TestSingleFaults fails one operation alone, of any kind and on any file, while a small cache of pages makes the log
// written to the file all the time. A checkpoint that fails is no failure of the commit before it.
func TestSingleFaults(t *testing.T) {
	v := faulty(t)
	dir := t.TempDir()
	for i, fault := range []struct {
		op  string
		err error
	}{
		{"write", sqlite3.FULL}, {"write", sqlite3.IOERR_WRITE}, {"sync", sqlite3.IOERR_FSYNC}, {"read", sqlite3.IOERR_READ},
		{"truncate", sqlite3.IOERR_TRUNCATE},
	} {
		for n := 0; n < 60; n += 7 {
			l := newLedger(t, filepath.Join(dir, fmt.Sprint("single", i, "-", n, ".db")))
			if err := l.j.w.conn.Exec(`PRAGMA wal_autocheckpoint = 16`); err != nil {
				t.Fatal(err)
			}
			left := n
			v.Set(func(op string, wal bool) error {
				if op != fault.op {
					return nil
				}
				if left--; left != -1 {
					return nil
				}
				return fault.err
			})
			failures := 0
			for range 10 {
				if l.step(t.Context()) != nil {
					failures++
				}
			}
			if failures > 1 {
				t.Errorf("%s %d: one fault failed %d calls", fault.op, n, failures)
			}
			v.Set(nil)
			l.whole(t)
			l.reopened(t)
			l.close(t)
		}
	}
}

// Lazy changes were answered before they failed: they are written when the disk is well again.
func TestLazyChangesOutliveAFault(t *testing.T) {
	v := faulty(t)
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(t.Context(), path, Config{VFS: vfs})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	put := func(i int, lazy bool) error {
		return j.Commit(ctx, &journal.Change{
			State: []journal.StateWrite{{Scope: "s", Key: fmt.Sprint(i), Value: []byte("v")}, {Scope: "s", Key: "last", Value: fmt.Append(nil, i)}},
			Lazy:  lazy,
		})
	}
	v.Set(func(op string, wal bool) error {
		if op == "write" {
			return sqlite3.FULL
		}
		return nil
	})
	for i := range maxLazy {
		if err := put(i, true); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := put(maxLazy, true); !errors.Is(err, sqlite3.FULL) { // no more are held back
			t.Errorf("one too many: %v", err)
		}
	}
	if _, err := j.State(ctx, "s"); !errors.Is(err, sqlite3.FULL) {
		t.Errorf("a read that must see what cannot be written: %v", err)
	}
	v.Set(nil)
	if got, err := j.State(ctx, "s"); err != nil || len(got) != maxLazy+1 || string(got["last"]) != fmt.Sprint(maxLazy-1) {
		t.Errorf("%d values, the last %q, %v", len(got), got["last"], err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// TestSlowDisk holds the disk up in mid-commit: who waits for it can go, reads do not wait, and what gathered meanwhile
// shares the next commit.
func TestSlowDisk(t *testing.T) {
	v := faulty(t)
	l := newLedger(t, filepath.Join(t.TempDir(), "journal.db"))
	if err := l.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	slow, free := make(chan struct{}, 1000), make(chan struct{})
	syncs := 0
	v.Set(func(op string, wal bool) error {
		if op == "sync" && wal {
			syncs++
			slow <- struct{}{}
			v.Slow(func() { <-free })
		}
		return nil
	})
	event := func(i int) []journal.Event { return []journal.Event{{Key: fmt.Sprint("slow", i), Data: []byte("x")}} }
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := l.j.Append(ctx, event(0))
		gone <- err
	}()
	<-slow
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who left: %v", err)
	}
	l.whole(t) // reads see what was, and do not wait
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if _, err := l.j.Append(t.Context(), event(1+i)); err != nil {
				t.Error(err)
			}
		})
	}
	for queued := 0; queued < 50; {
		l.j.queueMu.Lock()
		queued = len(l.j.queue)
		l.j.queueMu.Unlock()
	}
	close(free)
	all.Wait()
	v.Set(nil)
	if syncs != 2 {
		t.Errorf("50 that waited took %d commits, want 1", syncs-1)
	}
	if got, err := l.j.Pending(t.Context(), 0, 1000); err != nil || len(got) != 51+len(l.open) {
		t.Errorf("%d pending, %v", len(got), err)
	}
	l.close(t)
}

// A connection that breaks is replaced, and what was committed stays known.
func TestBrokenConnection(t *testing.T) {
	v := faulty(t)
	l := newLedger(t, filepath.Join(t.TempDir(), "journal.db"))
	for range 5 {
		if err := l.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v.Set(func(op string, wal bool) error {
		if op == "write" {
			return sqlite3.CORRUPT
		}
		return nil
	})
	for range 3 {
		if err := l.step(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("on a broken file: %v", err)
		}
	}
	v.Set(nil)
	for range 5 {
		if err := l.step(t.Context()); err != nil {
			t.Error(err)
		}
	}
	l.whole(t)
	l.reopened(t)
	l.close(t)
}
