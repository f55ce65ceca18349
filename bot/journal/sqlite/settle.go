package sqlite

import (
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
)

// settle leaves the file so that the next Open has little to read.
func (j *Journal) settle() error {
	if j.w == nil {
		if err := j.reconnect(); err != nil {
			return err
		}
	}
	if j.x.mark == j.x.last {
		return nil
	}
	j.gen++
	b := newBatch(j)
	return j.alone(func() error { return b.moveMark(true) })
}

// alone runs f in a transaction of its own.
func (j *Journal) alone(f func() error) error {
	if err := j.w.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = j.w.exec(`COMMIT`)
	}
	if err != nil && !j.w.conn.GetAutocommit() {
		err = errors.Join(err, j.w.exec(`ROLLBACK`))
	}
	return err
}

// suspect gives the writer's connection up when the error says that it may be the connection that is broken, not only the
// disk; the next batch opens another.
func (j *Journal) suspect(err error) {
	if j.w.conn.GetAutocommit() && !errors.Is(err, sqlite3.CORRUPT) && !errors.Is(err, sqlite3.NOTADB) &&
		!errors.Is(err, sqlite3.CANTOPEN) && !errors.Is(err, sqlite3.MISUSE) && !errors.Is(err, sqlite3.NOMEM) {
		return
	}
	if cerr := j.w.close(); cerr != nil {
		j.log.Warn("closing the journal's connection after a failure", "err", cerr)
	}
	j.w = nil
}

// reconnect opens another connection for the writer. The index is what was committed, and stays.
func (j *Journal) reconnect() error {
	if err := j.connect(); err != nil {
		if j.w != nil {
			j.w.close()
			j.w = nil
		}
		return fmt.Errorf("opening the file again: %w", err)
	}
	return nil
}
