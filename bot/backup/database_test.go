package backup

import (
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"
)

// A snapshot shows the moment at which it was opened, whatever is committed until it is copied and in between.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	path, to := filepath.Join(t.TempDir(), "a.db"), filepath.Join(t.TempDir(), "copy.db")
	w, err := sqlite3.Open(path)
	must(err)
	defer w.Close()
	must(w.Exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES ('before')`))
	s, err := openSnapshot("a.db", path)
	must(err)
	defer s.close()
	must(w.Exec(`INSERT INTO t VALUES ('after')`))
	must(s.copyTo(t.Context(), to))
	r, err := sqlite3.Open(to)
	must(err)
	defer r.Close()
	n, _, err := r.Prepare(`SELECT count(*) FROM t`)
	must(err)
	defer n.Close()
	if !n.Step() || n.ColumnInt64(0) != 1 {
		t.Errorf("the copy has %d rows, want the one from before", n.ColumnInt64(0))
	}
}
