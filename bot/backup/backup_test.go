package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/archive"
	"github.com/timbot-go/timbot/bot/backup"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/journal/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 10, 10, 8, 30, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes record n of a database.
func put(ctx context.Context, a *archive.Archive, n int) error {
	return a.Put(ctx, actions.ArchiveRecord{
		Archive: "a", Effect: fmt.Sprint(n), At: at.Add(time.Duration(n) * time.Second), Rule: "r", Record: map[string]any{"n": n},
	})
}

// count is how many records the database at path has.
func count(t *testing.T, path string) int {
	t.Helper()
	r, err := archive.OpenReader(path)
	must(t, err)
	defer r.Close()
	list, err := r.List(t.Context())
	must(t, err)
	return int(list[0].Records)
}

// world is a folder with two databases of some records.
type world struct {
	dir            string
	first, second  *archive.Archive
	sources        []backup.Source
	places         []backup.Place
	target, backup string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), target: t.TempDir()}
	w.backup = filepath.Join(t.TempDir(), "b.tar")
	for _, name := range []string{"first.db", "second.db", "none.db"} {
		w.sources = append(w.sources, backup.Source{Name: name, Path: filepath.Join(w.dir, name)})
		w.places = append(w.places, backup.Place{Name: name, Path: filepath.Join(w.target, name)})
	}
	w.first, w.second = archive.Open(w.sources[0].Path), archive.Open(w.sources[1].Path)
	t.Cleanup(func() { must(t, errors.Join(w.first.Close(), w.second.Close())) })
	for n := range 3 {
		must(t, put(t.Context(), w.second, n))
		must(t, put(t.Context(), w.first, n))
	}
	return w
}

func (w *world) write(t *testing.T) *backup.Manifest {
	t.Helper()
	m, err := backup.Write(t.Context(), w.backup, w.sources, "v1", at)
	must(t, err)
	return m
}

// only checks which files a folder holds.
func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
}

func TestThereAndBack(t *testing.T) {
	w := newWorld(t)
	w.write(t)
	only(t, filepath.Dir(w.backup), "b.tar")
	if info, err := os.Stat(w.backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: it holds what people wrote", info.Mode(), err)
	}
	must(t, put(t.Context(), w.first, 9)) // after the backup
	m, err := backup.Look(w.backup)
	must(t, err)
	if m.Version != "v1" || !m.At.Equal(at) || len(m.Files) != 2 || m.Files[0].Name != "first.db" {
		t.Errorf("%+v", m)
	}
	_, moved, err := backup.Restore(t.Context(), w.backup, w.places, false, at)
	must(t, err)
	if moved != "" {
		t.Error(moved)
	}
	only(t, w.target, "first.db", "second.db")
	if a, b := count(t, w.places[0].Path), count(t, w.places[1].Path); a != 3 || b != 3 {
		t.Errorf("%d and %d records", a, b)
	}
	if _, err := backup.Write(t.Context(), w.backup, w.sources, "v1", at); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second backup to the same file: %v", err)
	}
	_, err = backup.Write(t.Context(), filepath.Join(w.target, "x.tar"), w.sources[2:], "v1", at)
	if !errors.Is(err, backup.ErrNothing) {
		t.Errorf("a backup of nothing: %v", err)
	}
	only(t, w.target, "first.db", "second.db")
}

// A restore over what is there is refused, or moves all of it aside: a log without its database, and a database that the
// backup does not have, too.
func TestRestoreOverOthers(t *testing.T) {
	w := newWorld(t)
	w.write(t)
	for _, name := range []string{"first.db-wal", "none.db"} {
		must(t, os.WriteFile(filepath.Join(w.target, name), []byte("old"), 0o600))
	}
	if _, _, err := backup.Restore(t.Context(), w.backup, w.places, false, at); !errors.Is(err, backup.ErrOccupied) {
		t.Fatalf("restored over others: %v", err)
	}
	only(t, w.target, "first.db-wal", "none.db")
	_, moved, err := backup.Restore(t.Context(), w.backup, w.places, true, at)
	must(t, err)
	only(t, moved, "first.db-wal", "none.db")
	only(t, w.target, filepath.Base(moved), "first.db", "second.db")
	if n := count(t, w.places[0].Path); n != 3 {
		t.Errorf("%d records", n)
	}
}

// While a program writes to both databases, always to the second first, a backup is whole and its first database holds
// nothing that the second does not.
func TestBackupUnderLoad(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	wrote := make(chan struct{})
	var writers sync.WaitGroup
	for g := range 4 {
		writers.Go(func() {
			for n := 10 + g; ; n += 4 {
				if err := errors.Join(put(ctx, w.second, n), put(ctx, w.first, n)); ctx.Err() != nil {
					return
				} else if err != nil {
					t.Error(err)
				}
				select {
				case wrote <- struct{}{}:
				default:
				}
			}
		})
	}
	last := 0
	for round := range 5 {
		<-wrote
		file := filepath.Join(filepath.Dir(w.backup), fmt.Sprint(round))
		_, err := backup.Write(t.Context(), file, w.sources, "v1", at)
		must(t, err)
		target := t.TempDir()
		places := []backup.Place{
			{Name: "first.db", Path: filepath.Join(target, "f")}, {Name: "second.db", Path: filepath.Join(target, "s")},
		}
		_, _, err = backup.Restore(t.Context(), file, places, false, at)
		must(t, err)
		first, second := effects(t, places[0].Path), effects(t, places[1].Path)
		for effect := range first {
			if !second[effect] {
				t.Errorf("round %d: %s is in the first database only", round, effect)
			}
		}
		if len(first) <= last {
			t.Errorf("round %d: %d records after %d: nothing was written meanwhile", round, len(first), last)
		}
		last = len(first)
	}
	cancel()
	writers.Wait()
}

func effects(t *testing.T, path string) map[string]bool {
	t.Helper()
	r, err := archive.OpenReader(path)
	must(t, err)
	defer r.Close()
	found, err := r.Query(t.Context(), archive.Query{Archive: "a", Limit: 1 << 30})
	must(t, err)
	out := make(map[string]bool)
	for _, x := range found {
		out[string(x.Data)] = true
	}
	return out
}

// Whatever is wrong with a backup is told, and a restore of it changes nothing.
func TestDamagedBackups(t *testing.T) {
	w := newWorld(t)
	w.write(t)
	whole, err := os.ReadFile(w.backup)
	must(t, err)
	changed := func(from, to string) []byte {
		if !bytes.Contains(whole, []byte(from)) {
			t.Fatalf("no %q in the backup", from)
		}
		return bytes.Replace(whole, []byte(from), []byte(to), 1)
	}
	var evil bytes.Buffer
	tw := tar.NewWriter(&evil)
	manifest := `{"format":1,"files":[{"name":"../first.db","bytes":0,"sha256":""}]}`
	must(t, tw.WriteHeader(&tar.Header{Name: "manifest.json", Size: int64(len(manifest))}))
	_, err = tw.Write([]byte(manifest))
	must(t, err)
	must(t, tw.Close())
	flipped := slices.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, test := range map[string]struct {
		data []byte
		want error
	}{
		"empty":         {nil, backup.ErrNotBackup},
		"text":          {[]byte(strings.Repeat("text", 1000)), backup.ErrNotBackup},
		"newer":         {changed(`"format": 1`, `"format": 9`), backup.ErrNewer},
		"cut off":       {whole[:len(whole)/2], backup.ErrDamaged},
		"a bit flipped": {flipped, backup.ErrDamaged},
		"evil":          {evil.Bytes(), backup.ErrDamaged},
		"no manifest":   {changed("manifest.json", "manifest.jso_"), backup.ErrNotBackup},
	} {
		file := filepath.Join(t.TempDir(), "b.tar")
		must(t, os.WriteFile(file, test.data, 0o600))
		if _, _, err := backup.Restore(t.Context(), file, w.places, true, at); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		only(t, w.target)
	}

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := backup.Restore(ended, w.backup, w.places, true, at); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	only(t, w.target)
	file := filepath.Join(t.TempDir(), "b.tar")
	if _, err := backup.Write(ended, file, w.sources, "v1", at); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	only(t, filepath.Dir(file))
}

// A database that is broken already is not backed up as if it were sound.
func TestBrokenSource(t *testing.T) {
	w := newWorld(t)
	must(t, w.first.Close())
	data, err := os.ReadFile(w.sources[0].Path)
	must(t, err)
	for i := 4096; i < len(data); i++ {
		data[i] ^= 0x5a
	}
	must(t, os.WriteFile(w.sources[0].Path, data, 0o600))
	if _, err := backup.Write(t.Context(), w.backup, w.sources, "v1", at); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("backed up: %v", err)
	}
	only(t, filepath.Dir(w.backup))
}

// A running bot's journal is backed up while it is written, and opens again as it was.
func TestBackupOfAJournal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.db")
	j, err := sqlite.Open(t.Context(), path, sqlite.Config{})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var stored atomic.Int64
	for g := range 4 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				key := fmt.Sprintf("%010d.%d", n, g)
				e := journal.Event{Key: key, Conversation: fmt.Sprint("c", g), At: at, Data: bytes.Repeat([]byte("x"), 500)}
				change := &journal.Change{
					Runs:  []journal.Run{{ID: key + "/r", Event: key, RuleSet: "h", Data: []byte("{}")}},
					State: []journal.StateWrite{{Scope: "s", Key: key, Value: []byte("1")}},
				}
				_, err := j.Append(ctx, []journal.Event{e})
				if err == nil {
					err = j.Commit(ctx, change)
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				stored.Add(1)
			}
		})
	}
	for stored.Load() < 200 {
		runtime.Gosched()
	}
	for round := range 3 {
		before := stored.Load()
		file := filepath.Join(dir, fmt.Sprint(round, ".tar"))
		_, err := backup.Write(t.Context(), file, []backup.Source{{Name: "journal.db", Path: path}}, "v1", at)
		must(t, err)
		place := backup.Place{Name: "journal.db", Path: filepath.Join(t.TempDir(), "journal.db")}
		_, _, err = backup.Restore(t.Context(), file, []backup.Place{place}, false, at)
		must(t, err)
		again, err := sqlite.Open(t.Context(), place.Path, sqlite.Config{})
		must(t, err)
		stats, err := again.Stats(t.Context())
		must(t, err)
		state, err := again.State(t.Context(), "s")
		must(t, err)
		// What was acknowledged before the backup began is in it, and a change is in it whole or not at all.
		if int64(stats.Runs) < before || stats.Runs != len(state) || stats.Events < stats.Runs {
			t.Errorf("round %d: %d were stored before; the backup has %+v and %d values", round, before, stats, len(state))
		}
		must(t, again.Close())
	}
	cancel()
	writers.Wait()
	must(t, j.Close())
}
