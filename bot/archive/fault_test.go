package archive

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
)

// TestFaultsOfTheDisk fails the n-th operation of a kind, and those after it. Put says in words what is wrong and has
// written nothing then; as soon as the disk is well it works again; nothing acknowledged is lost.
func TestFaultsOfTheDisk(t *testing.T) {
	v := faulty(t)
	dir := t.TempDir()
	for i, fault := range []struct {
		op   string
		err  error
		says string
	}{
		{"write", sqlite3.FULL, "the disk is full"},
		{"write", sqlite3.IOERR_WRITE, "disk I/O error"},
		{"write", sqlite3.READONLY, "cannot be written"},
		{"sync", sqlite3.IOERR_FSYNC, "disk I/O error"},
	} {
		for n := range 6 {
			name := fmt.Sprint(fault.op, " ", fault.err, " ", n)
			a := Open(filepath.Join(dir, fmt.Sprint(i, "-", n, ".db")))
			var acked []string
			put := func(k int) error {
				err := a.Put(t.Context(), rec(k, fmt.Sprint("m", k%3), "x"))
				if err == nil {
					acked = append(acked, fmt.Sprint("event-", k))
				}
				return err
			}
			left, failed := n, 0
			v.Set(func(op string, wal bool) error {
				if op != fault.op {
					return nil
				}
				if left--; left >= 0 {
					return nil
				}
				failed++
				return fault.err
			})
			refused := 0
			for k := range 9 {
				if err := put(k); err != nil {
					refused++
					if !errors.Is(err, fault.err) || !strings.Contains(err.Error(), fault.says) {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
			if failed == 0 || refused == 0 {
				t.Errorf("%s: never failed", name)
			}
			v.Set(nil)
			if err := put(100); err != nil {
				t.Errorf("%s: after the fault: %v", name, err)
			}
			if err := a.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			// Of each key the newest acknowledged one is there, and nothing else.
			newest := make(map[string]string)
			for _, event := range acked {
				var k int
				fmt.Sscanf(event, "event-%d", &k)
				newest[fmt.Sprint("m", k%3)] = event
			}
			r, err := OpenReader(a.path)
			must(t, err)
			found, err := r.Query(t.Context(), Query{Archive: "chats"})
			must(t, err)
			if len(found) != len(newest) {
				t.Errorf("%s: %d records, want %d", name, len(found), len(newest))
			}
			for _, x := range found {
				if newest[x.Key] != x.Event {
					t.Errorf("%s: %s holds %s, want %s", name, x.Key, x.Event, newest[x.Key])
				}
			}
			must(t, r.Close())
		}
	}
}
