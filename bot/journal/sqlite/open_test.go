package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/bot/journal"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	made := func(name, sql string) string {
		d, err := openDB(path(name), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.conn.Exec(sql); err != nil {
			t.Fatal(err)
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
		return path(name)
	}
	if err := os.WriteFile(path("text"), []byte(strings.Repeat("this is a letter to my mother. ", 100)), 0o666); err != nil {
		t.Fatal(err)
	}
	newer, err := Open(t.Context(), path("newer.db"), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := newer.Close(); err != nil {
		t.Fatal(err)
	}
	made("newer.db", fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion+1))
	used := path("used.db")
	open(t, used)
	for name, c := range map[string]struct {
		path   string
		config Config
		is     error
		says   string
	}{
		"another program's file": {made("other.db", `CREATE TABLE t (x)`), Config{}, ErrNotJournal, "not a journal"},
		"a text":                 {path("text"), Config{}, nil, "no journal"},
		"a folder":               {dir, Config{}, nil, "not a file"},
		"a newer journal":        {path("newer.db"), Config{}, ErrNewerSchema, "newer version"},
		"a newer one, to look":   {path("newer.db"), Config{ReadOnly: true}, ErrNewerSchema, "newer version"},
		"one in use":             {used, Config{}, ErrInUse, "another process"},
		"nothing, to look":       {path("nothing.db"), Config{ReadOnly: true}, fs.ErrNotExist, "nothing.db"},
		"no folder":              {path("no/journal.db"), Config{}, fs.ErrNotExist, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := os.ReadFile(c.path)
			j, err := Open(t.Context(), c.path, c.config)
			if err == nil {
				j.Close()
				t.Fatal("it was opened")
			}
			if c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v: want %v, saying %q", err, c.is, c.says)
			}
			if after, _ := os.ReadFile(c.path); c.path != used && string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, path("new.db"), Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a cancelled context: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	w := open(t, path)
	ctx := t.Context()
	if _, err := w.Append(ctx, []journal.Event{{Key: "1", Conversation: "c", Data: []byte("one")}}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(ctx, path, Config{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	want := func(n, positions int) {
		t.Helper()
		if got, err := r.Pending(ctx, 0, 10); err != nil || len(got) != n {
			t.Errorf("%d pending, %v; want %d", len(got), err, n)
		}
		if got, err := r.Positions(ctx); err != nil || len(got) != positions {
			t.Errorf("%d positions, %v; want %d", len(got), err, positions)
		}
	}
	want(1, 1)
	if _, err := w.Append(ctx, []journal.Event{{Key: "2", Conversation: "d", Data: []byte("two")}}); err != nil {
		t.Fatal(err)
	}
	want(2, 2)
	if err := w.Commit(ctx, &journal.Change{Done: []string{"1"}, Runs: []journal.Run{{ID: "r", Event: "2"}}}); err != nil {
		t.Fatal(err)
	}
	want(1, 2)
	if got, err := r.Runs(ctx, "2"); err != nil || len(got) != 1 {
		t.Errorf("runs %v, %v", got, err)
	}
	if err := r.Commit(ctx, &journal.Change{Done: []string{"2"}}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := r.Append(ctx, nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Append: %v", err)
	}
	if _, err := r.Trim(ctx, journal.Retention{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Trim: %v", err)
	}
	if problems, err := r.Check(ctx); err != nil || len(problems) > 0 {
		t.Errorf("check: %q, %v", problems, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	want2, err := w.Stats(ctx)
	if err != nil || want2.Events != 2 || want2.Bytes == 0 {
		t.Errorf("stats %+v, %v", want2, err)
	}
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	l := newLedger(t, filepath.Join(dir, "journal.db"))
	for range 20 {
		if err := l.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.j.Commit(t.Context(), &journal.Change{State: []journal.StateWrite{{Scope: "s", Key: "lazy", Value: []byte("x")}}, Lazy: true}); err != nil {
		t.Fatal(err)
	}
	l.state["lazy"] = "x"
	copied := &ledger{path: filepath.Join(dir, "copy.db"), done: append([]string(nil), l.done...), open: map[string]string{}, state: map[string]string{}}
	for k, v := range l.open {
		copied.open[k] = v
	}
	for k, v := range l.state {
		copied.state[k] = v
	}
	if err := l.j.Backup(t.Context(), copied.path); err != nil {
		t.Fatal(err)
	}
	if err := l.j.Backup(t.Context(), copied.path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a backup over a file: %v", err)
	}
	if err := l.j.Backup(t.Context(), filepath.Join(dir, "no", "copy.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup into no folder: %v", err)
	}
	if err := l.step(t.Context()); err != nil { // what comes later is not in it
		t.Fatal(err)
	}
	var err error
	if copied.j, err = Open(t.Context(), copied.path, Config{}); err != nil {
		t.Fatal(err)
	}
	copied.whole(t)
	copied.close(t)
	l.whole(t)

	// While writes go on, every copy is whole.
	stop := make(chan struct{})
	var writers sync.WaitGroup
	writers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := l.step(t.Context()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 5 {
		path := filepath.Join(dir, fmt.Sprint("copy", i, ".db"))
		if err := l.j.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		j := open(t, path)
		if problems, err := j.Check(t.Context()); err != nil || len(problems) > 0 {
			t.Errorf("check of copy %d: %q, %v", i, problems, err)
		}
	}
	close(stop)
	writers.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.j.Backup(ctx, filepath.Join(dir, "never.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled backup: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "never.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a cancelled backup left something behind: %v", err)
	}
	l.close(t)
	if err := l.j.Backup(t.Context(), filepath.Join(dir, "closed.db")); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("a backup of a closed journal: %v", err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	for name, sql := range map[string]string{
		"an index":         `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'mark_key') WHERE name = 'event_key'`,
		"a block":          `UPDATE block SET data = x'ffffff'`,
		"a lost run":       `INSERT INTO timer VALUES ('t', 1, 99)`,
		"an open event":    `INSERT INTO open VALUES (1000000)`,
		"the trace counts": `UPDATE number SET v = 77 WHERE k > 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			l := newLedger(t, path)
			for range 4 {
				if err := l.step(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			l.close(t)
			d, err := openDB(path, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := d.conn.Exec(sql); err != nil {
				t.Fatal(err)
			}
			if err := d.close(); err != nil {
				t.Fatal(err)
			}
			j, err := Open(t.Context(), path, Config{})
			if err != nil {
				t.Fatal(err)
			}
			if problems, err := j.Check(t.Context()); err != nil || len(problems) == 0 {
				t.Errorf("check: %q, %v", problems, err)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
