package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/actions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 10, 10, 8, 30, 0, 0, time.UTC)

func opened(t *testing.T) *Archive {
	t.Helper()
	a := Open(filepath.Join(t.TempDir(), FileName))
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rec is a record of the archive "chats", n minutes after the start.
func rec(n int, key, text string) actions.ArchiveRecord {
	return actions.ArchiveRecord{
		Archive: "chats", Key: key, Effect: fmt.Sprint("effect-", n), At: start.Add(time.Duration(n) * time.Minute),
		Event: fmt.Sprint("event-", n), Rule: "keep", Record: map[string]any{"text": text, "n": n},
	}
}

// texts are the records that a query finds, by their JSON.
func texts(t *testing.T, a *Archive, q Query) (list []string) {
	t.Helper()
	if q.Archive == "" {
		q.Archive = "chats"
	}
	found, err := a.Query(t.Context(), q)
	must(t, err)
	for _, r := range found {
		s := string(r.Data)
		if r.Tombstone {
			s = "tombstone " + r.Key
		}
		list = append(list, s)
	}
	return list
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPut(t *testing.T) {
	a := opened(t)
	if _, err := os.Stat(a.path); err == nil {
		t.Error("Open made the file")
	}
	want(t, texts(t, a, Query{}))
	must(t, a.Put(t.Context(), rec(1, "", "a")))
	must(t, a.Put(t.Context(), rec(1, "", "again"))) // the same effect
	must(t, a.Put(t.Context(), rec(2, "", "b")))
	want(t, texts(t, a, Query{}), `{"n":2,"text":"b"}`, `{"n":1,"text":"a"}`)
	want(t, texts(t, a, Query{Archive: "other"}))

	must(t, a.Put(t.Context(), rec(3, "m1", "first")))
	must(t, a.Put(t.Context(), rec(4, "m1", "edited")))
	must(t, a.Put(t.Context(), rec(3, "m1", "first"))) // done again, long after it was replaced
	want(t, texts(t, a, Query{Key: "m1"}), `{"n":4,"text":"edited"}`)

	other := rec(5, "m1", "elsewhere")
	other.Archive = "other"
	must(t, a.Put(t.Context(), other))
	want(t, texts(t, a, Query{Key: "m1"}), `{"n":4,"text":"edited"}`)
}

// A tombstone leaves nothing of what it stands for: not in the file either.
func TestTombstone(t *testing.T) {
	a := opened(t)
	r := rec(1, "m1", strings.Repeat("what was taken back", 1000)) // several pages of the file
	r.Expire = start.Add(time.Hour)
	must(t, a.Put(t.Context(), r))
	gone := rec(2, "m1", "what was taken back")
	gone.Tombstone = true
	must(t, a.Put(t.Context(), gone))
	want(t, texts(t, a, Query{}), "tombstone m1")
	unseen := rec(3, "m2", "")
	unseen.Tombstone = true
	must(t, a.Put(t.Context(), unseen))
	want(t, texts(t, a, Query{}), "tombstone m2", "tombstone m1")
	list, err := a.List(t.Context())
	must(t, err)
	if len(list) != 1 || list[0].Records != 0 || list[0].Tombstones != 2 {
		t.Errorf("%+v", list)
	}
	found, err := a.Query(t.Context(), Query{Archive: "chats", Key: "m1"})
	must(t, err)
	if !found[0].Expire.Equal(r.Expire) {
		t.Errorf("the mark stays until %s, what it stands for until %s", found[0].Expire, r.Expire)
	}
	must(t, a.Close())
	file, err := os.ReadFile(a.path)
	must(t, err)
	if strings.Contains(string(file), "what was taken back") {
		t.Error("the file still holds the content")
	}
}

func TestQuery(t *testing.T) {
	a := opened(t)
	for n, text := range []string{"zero", `he said "One"`, "二", "three"} {
		must(t, a.Put(t.Context(), rec(n, fmt.Sprint("m", n), text)))
	}
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	want(t, texts(t, a, Query{Since: at(1), Until: at(3)}), `{"n":2,"text":"二"}`, `{"n":1,"text":"he said \"One\""}`)
	want(t, texts(t, a, Query{Contains: `said "one"`}), `{"n":1,"text":"he said \"One\""}`)
	want(t, texts(t, a, Query{Contains: "二"}), `{"n":2,"text":"二"}`)
	want(t, texts(t, a, Query{Contains: "text"})) // a name, no text
	want(t, texts(t, a, Query{Contains: "%"}))
	page, err := a.Query(t.Context(), Query{Archive: "chats", Limit: 2})
	must(t, err)
	want(t, texts(t, a, Query{Before: &page[1], Limit: 1}), `{"n":1,"text":"he said \"One\""}`)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Query(ended, Query{Archive: "chats"}); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if err := a.Put(ended, rec(9, "", "")); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	want(t, texts(t, a, Query{Key: "m0"}), `{"n":0,"text":"zero"}`) // and the next query is not cut off
}

func TestExport(t *testing.T) {
	a := opened(t)
	must(t, a.Put(t.Context(), rec(1, "m1", `a, "b"`)))
	r := rec(2, "", "")
	r.Expire, r.Record = start.Add(time.Hour), map[string]any{"from": nil, "files": []any{"x", 1.5}, "key": "own"}
	must(t, a.Put(t.Context(), r))
	gone := rec(3, "m3", "")
	gone.Tombstone = true
	must(t, a.Put(t.Context(), gone))
	for format, want := range map[Format]string{
		JSONLines: `{"at":"2026-10-10T08:31:00.000Z","key":"m1","event":"event-1","rule":"keep","record":{"n":1,"text":"a, \"b\""}}
{"at":"2026-10-10T08:32:00.000Z","event":"event-2","rule":"keep","expire":"2026-10-10T09:30:00.000Z","record":{"files":["x",1.5],"from":null,"key":"own"}}
{"at":"2026-10-10T08:33:00.000Z","key":"m3","event":"event-3","rule":"keep","tombstone":true}
`,
		CSV: `at,key,event,rule,tombstone,files,from,key,n,text
2026-10-10T08:31:00.000Z,m1,event-1,keep,false,,,,1,"a, ""b"""
2026-10-10T08:32:00.000Z,,event-2,keep,false,"[""x"",1.5]",,own,,
2026-10-10T08:33:00.000Z,m3,event-3,keep,true,,,,,
`,
	} {
		var b strings.Builder
		if n, err := a.Export(t.Context(), "chats", format, &b); err != nil || n != 3 || b.String() != want {
			t.Errorf("%s: %d records, %v:\n%s\nwant\n%s", format, n, err, b.String(), want)
		}
	}
	if _, err := a.Export(t.Context(), "chats", "xml", new(strings.Builder)); err == nil {
		t.Error("an unknown format was taken")
	}
}

// Readers of other processes see what is committed while the bot writes.
func TestReaderBesideWriters(t *testing.T) {
	a := opened(t)
	must(t, a.Put(t.Context(), rec(0, "", "x")))
	r, err := OpenReader(a.path)
	must(t, err)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := range 50 {
				if err := a.Put(t.Context(), rec(1+w*50+n, "", "x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := 0
	for seen < 401 {
		list, err := r.List(t.Context())
		must(t, err)
		if n := int(list[0].Records); n < seen {
			t.Fatalf("%d records after %d", n, seen)
		} else {
			seen = n
		}
	}
	writers.Wait()
	if err := r.Put(t.Context(), rec(999, "", "x")); err == nil {
		t.Error("a reader wrote")
	}
	must(t, r.Close())
}

// Trim forgets in bounded pieces, and Upkeep calls it every hour.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := Open(filepath.Join(dir, FileName))
		if n, more, err := a.Trim(t.Context(), start); n != 0 || more || err != nil {
			t.Error(n, more, err)
		}
		clock := clockwork.NewFakeClockAt(start)
		var puts sync.WaitGroup
		for n := range maxTrim + 500 {
			r := rec(n, "", "x")
			r.At, r.Expire = start, start.Add(30*time.Minute)
			puts.Go(func() {
				if err := a.Put(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		puts.Wait()
		kept := rec(maxTrim+500, "", "kept")
		kept.Expire = start.Add(90 * time.Minute)
		must(t, a.Put(t.Context(), kept))
		must(t, a.Put(t.Context(), rec(maxTrim+501, "", "for good")))

		var logged strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		var upkeep sync.WaitGroup
		upkeep.Go(func() { a.Upkeep(ctx, clock, slog.New(slog.NewTextHandler(&logged, nil))) })
		synctest.Wait()
		count := func() int64 {
			list, err := a.List(t.Context())
			must(t, err)
			return list[0].Records
		}
		clock.Advance(time.Minute)
		synctest.Wait()
		if n := count(); n != maxTrim+502 {
			t.Errorf("%d records before their time was over", n)
		}
		clock.Advance(time.Hour)
		synctest.Wait()
		if n := count(); n != 2 {
			t.Errorf("%d records left, want 2", n)
		}
		clock.Advance(time.Hour)
		synctest.Wait()
		want(t, texts(t, a, Query{}), fmt.Sprintf(`{"n":%d,"text":"for good"}`, maxTrim+501))
		cancel()
		upkeep.Wait()
		must(t, a.Close())
		if !strings.Contains(logged.String(), "records=1500") || strings.Count(logged.String(), "\n") != 2 {
			t.Error(logged.String())
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReader(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	newer := filepath.Join(dir, "newer.db")
	d, err := openWriter(newer)
	must(t, err)
	must(t, d.conn.Exec(`PRAGMA user_version = 99`))
	must(t, d.close())
	other := filepath.Join(dir, "other.db")
	d, err = openDB(other, 6) // read, write, create
	must(t, err)
	must(t, d.conn.Exec(`CREATE TABLE t (x)`))
	must(t, d.close())
	text := filepath.Join(dir, "text")
	must(t, os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600))
	for path, says := range map[string]string{newer: "newer timbot", other: "no archive file", text: "damaged"} {
		if _, err := OpenReader(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("OpenReader %s: %v", path, err)
		}
		a := Open(path)
		if err := a.Put(t.Context(), rec(1, "", "")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Put %s: %v", path, err)
		}
		must(t, a.Close())
	}
	a := Open(filepath.Join(dir, "closed.db"))
	must(t, a.Close())
	must(t, a.Close())
	if err := a.Put(t.Context(), rec(1, "", "")); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := a.List(t.Context()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			a := Open(filepath.Join(b.TempDir(), FileName))
			defer a.Close()
			next := make(chan int)
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					for n := range next {
						if err := a.Put(b.Context(), rec(n, "", "x")); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for n := 0; b.Loop(); n++ {
				next <- n
			}
			close(next)
			all.Wait()
		})
	}
}
