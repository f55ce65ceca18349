package local

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/ncruces/go-sqlite3"
)

// db is one SQLite connection and its prepared statements. Whoever uses it holds mu.
type db struct {
	mu    sync.Mutex
	conn  *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt

	inside bool // a transaction that is around: those of the writer are savepoints in it
}

// vfs is the name of the SQLite VFS that files are opened through; "" is the operating system's. Tests put one there that
// fails as they like.
var vfs string

func openDB(path string) (*db, error) {
	flags := sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE
	if vfs != "" {
		path, flags = "file:"+path+"?vfs="+vfs, flags|sqlite3.OPEN_URI
	}
	conn, err := sqlite3.OpenFlags(path, flags)
	if err != nil {
		return nil, err
	}
	d := &db{conn: conn, stmts: make(map[string]*sqlite3.Stmt)}
	// The lock file makes writers wait; the time-out is for programs that do not know of it, and for checkpoints.
	if err := conn.Exec(`PRAGMA busy_timeout = 10000`); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *db) close() error {
	for _, s := range d.stmts {
		s.Close()
	}
	d.stmts = nil
	return d.conn.Close()
}

// stmt returns the prepared statement with its arguments bound.
func (d *db) stmt(sql string, args []any) (*sqlite3.Stmt, error) {
	s := d.stmts[sql]
	if s == nil {
		var err error
		if s, _, err = d.conn.Prepare(sql); err != nil {
			return nil, err
		}
		d.stmts[sql] = s
	}
	for i, a := range args {
		if err := bind(s, i+1, a); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func bind(s *sqlite3.Stmt, i int, a any) error {
	switch a := a.(type) {
	case int64:
		return s.BindInt64(i, a)
	case uint64:
		return s.BindInt64(i, int64(min(a, math.MaxInt64))) // nothing stored is larger
	case int:
		return s.BindInt(i, a)
	case bool:
		return s.BindBool(i, a)
	case string:
		return s.BindText(i, a)
	case []byte:
		return s.BindBlob(i, a)
	case nil:
		return s.BindNull(i)
	}
	return fmt.Errorf("argument %d is a %T", i, a)
}

// exec runs a statement that returns no rows.
func (d *db) exec(sql string, args ...any) error {
	s, err := d.stmt(sql, args)
	if err != nil {
		return err
	}
	return s.Exec()
}

// each calls f for every row until it says stop.
func (d *db) each(f func(s *sqlite3.Stmt) (more bool, err error), sql string, args ...any) error {
	s, err := d.stmt(sql, args)
	if err != nil {
		return err
	}
	for s.Step() {
		more, err := f(s)
		if err != nil || !more {
			s.Reset()
			return err
		}
	}
	err = s.Err()
	s.Reset()
	return err
}

// one calls f for the first row and reports whether there was one.
func (d *db) one(f func(s *sqlite3.Stmt), sql string, args ...any) (found bool, err error) {
	err = d.each(func(s *sqlite3.Stmt) (bool, error) {
		found = true
		f(s)
		return false, nil
	}, sql, args...)
	return found, err
}

// integer returns the first row's first column, or 0 when there is no row or a NULL.
func (d *db) integer(sql string, args ...any) (n int64, err error) {
	_, err = d.one(func(s *sqlite3.Stmt) { n = s.ColumnInt64(0) }, sql, args...)
	return n, err
}

// begin, commit and rollback are the writer's transaction.
func (d *db) begin() error {
	if d.inside {
		return d.exec(`SAVEPOINT batch`)
	}
	return d.exec(`BEGIN IMMEDIATE`)
}

func (d *db) commit() error {
	if d.inside {
		return d.exec(`RELEASE batch`)
	}
	return d.exec(`COMMIT`)
}

// rollback is no error when SQLite has rolled back by itself.
func (d *db) rollback() error {
	if d.inside {
		return errors.Join(d.exec(`ROLLBACK TO batch`), d.exec(`RELEASE batch`))
	}
	if err := d.exec(`ROLLBACK`); err != nil && !d.conn.GetAutocommit() {
		return err
	}
	return nil
}
