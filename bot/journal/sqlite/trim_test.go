package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

// trimmed trims until nothing is left to do.
func trimmed(t testing.TB, j *Journal, r journal.Retention) (pieces int) {
	t.Helper()
	for {
		done, err := j.Trim(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		pieces++
		if done.Events > 2*trimPiece || done.Traces > 4*trimPiece+1000 {
			t.Errorf("a piece of %+v", done)
		}
		if !done.More {
			return pieces
		}
	}
}

func handle(t testing.TB, j *Journal, from, n int) {
	t.Helper()
	events := make([]journal.Event, n)
	end := &journal.Change{RuleSets: []journal.RuleSet{{Hash: "h", Data: []byte("text")}}, Lazy: true}
	for i := range events {
		at := time.Unix(int64(from+i), 0)
		key := fmt.Sprintf("%010d", from+i)
		events[i] = journal.Event{Key: key, Conversation: fmt.Sprint("c", i%10), At: at, Data: make([]byte, 400)}
		end.Traces = append(end.Traces, journal.Trace{Event: key, RuleSet: "h", Data: make([]byte, 100)})
		end.Done = append(end.Done, key)
	}
	if _, err := j.Append(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if err := j.Commit(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

func sound(t testing.TB, j *Journal) {
	t.Helper()
	if problems, err := j.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("check: %q, %v", problems, err)
	}
}

// A steady load has a steady file.
func TestSteadyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	const keep = 5_000
	for from := 1; from < 6*keep; from += 1000 {
		handle(t, j, from, 1000)
		trimmed(t, j, journal.Retention{Events: time.Unix(int64(from-keep), 0)})
		used, err := j.used(t)
		if err != nil {
			t.Fatal(err)
		}
		if from < 2*keep {
			size = max(size, used)
		} else if used > size*5/4 {
			t.Fatalf("after %d events the file uses %d bytes, it was %d", from, used, size)
		}
	}
	s, err := j.Stats(t.Context())
	if err != nil || s.Events > keep+2000 || s.Bytes > 2*size+(20<<20) { // the log beside it has 16 MiB at most
		t.Errorf("stats %+v, %v; the file used %d", s, err, size)
	}
	sound(t, j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path)
	if again, err := j.Stats(t.Context()); err != nil || again.Events != s.Events {
		t.Errorf("stats after a reopen %+v, %v; want %+v", again, err, s)
	}
	sound(t, j)
}

func (j *Journal) used(t testing.TB) (n int64, err error) {
	err = j.read(t.Context(), func(d *db) (err error) {
		n, err = d.used()
		return err
	})
	return n, err
}

// By size, traces of the older half go first, then the oldest data, and keys as far as they may.
func TestTrimBySize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	for from := 1; from <= n; from += 1000 {
		handle(t, j, from, 1000)
	}
	full, err := j.used(t)
	if err != nil {
		t.Fatal(err)
	}
	look := func(limit int64) (whole, traced int, events int) {
		t.Helper()
		if pieces := trimmed(t, j, journal.Retention{Bytes: limit, Keys: time.Unix(n/4+1, 0)}); pieces < 2 {
			t.Errorf("%d pieces", pieces)
		}
		if used, err := j.used(t); err != nil || used > limit {
			t.Errorf("it uses %d of %d bytes, %v", used, limit, err)
		}
		found, err := j.Records(t.Context(), journal.Query{Limit: n})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range found {
			if r.N != n-uint64(i) {
				t.Fatalf("record %d is event %d: it is not the oldest that went", i, r.N)
			}
			if r.Trace.Event != "" {
				if traced != i {
					t.Fatalf("record %d has a trace, and a newer one has none", i)
				}
				traced++
			}
		}
		s, err := j.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sound(t, j)
		return len(found), traced, s.Events
	}
	if whole, traced, events := look(full * 95 / 100); whole != n || events != n || traced >= n || traced < n/2 {
		t.Errorf("a little: %d whole, %d traced, %d events", whole, traced, events)
	}
	if whole, traced, events := look(full / 2); whole >= n*2/3 || whole < n/4 || traced < whole/3 || events != n*3/4 {
		t.Errorf("half: %d whole, %d traced, %d events; want the keys of the newer three quarters", whole, traced, events)
	}
	if fresh, err := j.Append(t.Context(), []journal.Event{{Key: fmt.Sprintf("%010d", n/4+2)}}); err != nil || fresh[0] {
		t.Errorf("a key that must be kept: %v, %v", fresh, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	sound(t, open(t, path))
}

// Many events that wait for long hold up neither the mark nor Trim, and are found again.
func TestBacklog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	waits := []journal.Event{}
	for i := range 300 {
		waits = append(waits, journal.Event{Key: fmt.Sprint("waits", i), Conversation: "w", At: time.Unix(1, 0)})
	}
	if _, err := j.Append(t.Context(), waits); err != nil {
		t.Fatal(err)
	}
	for from := 1; from < markLate+2*markEvery; from += 1000 {
		handle(t, j, from, 1000)
	}
	if j.mark(t) == 0 {
		t.Error("the mark has not moved")
	}
	trimmed(t, j, journal.Retention{Events: time.Unix(markLate, 0)})
	for i := 0; i < 300; i += 2 {
		if err := j.Commit(t.Context(), &journal.Change{
			Traces: []journal.Trace{{Event: waits[i].Key, Data: []byte("at last")}}, Done: []string{waits[i].Key}, Lazy: true,
		}); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, path)
	got, err := j.Pending(t.Context(), 0, 1000)
	if err != nil || len(got) != 150 || got[0].Key != "waits1" {
		t.Errorf("%d pending, %v", len(got), err)
	}
	found, err := j.Records(t.Context(), journal.Query{Conversation: "w", Limit: 1000})
	if err != nil || len(found) != 300 {
		t.Fatalf("%d records, %v", len(found), err)
	}
	for i, r := range found {
		if done := i%2 == 1; r.Done != done || (string(r.Trace.Data) == "at last") != done {
			t.Errorf("%s: done %v, trace %q", r.Key, r.Done, r.Trace.Data)
		}
	}
	sound(t, j)
}

func (j *Journal) mark(t testing.TB) (mark uint64) {
	t.Helper()
	if err := j.peek(t.Context(), func() { mark = j.x.mark }); err != nil {
		t.Fatal(err)
	}
	return mark
}
