package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
)

// maxProblems bounds what Check returns: a damaged file may be damaged everywhere.
const maxProblems = 100

// Check reads the whole journal and returns what is wrong with it, nothing for a sound one. It changes nothing, and writes
// go on meanwhile.
func (j *Journal) Check(ctx context.Context) (problems []string, err error) {
	add := func(format string, args ...any) bool {
		if len(problems) < maxProblems {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
		return len(problems) < maxProblems
	}
	err = j.read(ctx, func(d *db) error {
		err := d.each(func(s *sqlite3.Stmt) (bool, error) {
			if said := s.ColumnText(0); said != "ok" {
				return add("%s", said), nil
			}
			return true, nil
		}, `PRAGMA integrity_check`)
		if err != nil || len(problems) > 0 {
			return err
		}
		return check(d, add)
	})
	if errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.NOTADB) {
		add("%v", err)
		err = nil
	}
	return problems, err
}

// check looks at what SQLite knows nothing of.
func check(d *db, add func(string, ...any) bool) error {
	for _, c := range []struct{ says, sql string }{
		{"event %s is kept as not done, and is not there", `SELECT n FROM open WHERE n NOT IN (SELECT n FROM event)`},
		{"event %s is kept as not done behind the mark",
			`SELECT n FROM open WHERE n > coalesce((SELECT v FROM number WHERE k = 1), 0)`},
		{"a trace of event %s, which is not there", `SELECT n FROM trace WHERE n NOT IN (SELECT n FROM event)`},
		{"run %s is there twice", `SELECT id FROM run GROUP BY id HAVING count(*) > 1`},
		{"a step of run number %s, which is not there", `SELECT r FROM step WHERE r NOT IN (SELECT r FROM run)`},
		{"timer %s of a run that is not there", `SELECT id FROM timer WHERE r NOT IN (SELECT r FROM run)`},
		{"a target in row %s is of an announcement that is not there",
			`SELECT id FROM target WHERE id >> 32 NOT IN (SELECT a FROM announcement)`},
		{"announcement number %s counts its targets wrong",
			`SELECT a FROM announcement WHERE targets <> (SELECT count(*) FROM target WHERE id >> 32 = a)
			OR targets <> (SELECT count(*) FROM target_name t WHERE t.a = announcement.a)`},
		{"run %s names a rule set that is not there",
			`SELECT id FROM run WHERE ruleset <> 0 AND ruleset NOT IN (SELECT s FROM ruleset)`},
	} {
		err := d.each(func(s *sqlite3.Stmt) (bool, error) { return add(c.says, s.ColumnText(0)), nil }, c.sql)
		if err != nil {
			return err
		}
	}
	traces := make(map[int64]int64) // of rule sets
	seen := uint64(0)               // members go up from block to block of one stretch, and none is in two
	last := make(map[uint64]bool)
	err := d.each(func(s *sqlite3.Stmt) (bool, error) {
		hi := uint64(s.ColumnInt64(0))
		members, err := decodeBlock(hi, s.ColumnRawBlob(1))
		if err != nil {
			return add("block %d: %v", hi, err), nil
		}
		if hi > seen+2*blockSpan {
			clear(last)
		}
		seen = hi
		for _, m := range members {
			if m.n > hi || hi-m.n >= blockSpan {
				return add("block %d: it holds event %d", hi, m.n), nil
			}
			if last[m.n] && !add("event %d is in two blocks", m.n) {
				return false, nil
			}
			last[m.n] = true
			if m.trace {
				traces[m.set]++
			}
		}
		return true, nil
	}, `SELECT hi, data FROM block ORDER BY hi`)
	if err != nil {
		return err
	}
	err = d.each(func(s *sqlite3.Stmt) (bool, error) {
		traces[s.ColumnInt64(0)] += s.ColumnInt64(1)
		return true, nil
	}, `SELECT ruleset, count(*) FROM trace GROUP BY ruleset`)
	if err != nil {
		return err
	}
	return d.each(func(s *sqlite3.Stmt) (bool, error) {
		if n := traces[s.ColumnInt64(0)]; n != s.ColumnInt64(2) {
			return add("rule set %s: %d traces name it, counted are %d", s.ColumnText(1), n, s.ColumnInt64(2)), nil
		}
		return true, nil
	}, `SELECT s, hash, coalesce(v, 0) FROM ruleset LEFT JOIN number ON k = s + ?`, numTraces)
}
