package sqlite

import (
	"fmt"
	"net/url"

	"github.com/ncruces/go-sqlite3"
)

// db is one SQLite connection and its prepared statements. One goroutine uses it at a time.
type db struct {
	conn  *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

// openDB opens a file through the SQLite VFS of that name, "" for the operating system's.
func openDB(path, vfs string) (*db, error) {
	flags := sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE
	if vfs != "" {
		path, flags = "file:"+(&url.URL{Path: path}).EscapedPath()+"?vfs="+url.QueryEscape(vfs), flags|sqlite3.OPEN_URI
	}
	conn, err := sqlite3.OpenFlags(path, flags)
	if err != nil {
		return nil, err
	}
	d := &db{conn: conn, stmts: make(map[string]*sqlite3.Stmt)}
	// Writers of other processes are kept out by the lock file; this is for programs that do not know of it.
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

// prepare returns the prepared statement.
func (d *db) prepare(sql string) (*sqlite3.Stmt, error) {
	s := d.stmts[sql]
	if s == nil {
		var err error
		if s, _, err = d.conn.Prepare(sql); err != nil {
			return nil, err
		}
		d.stmts[sql] = s
	}
	return s, nil
}

func (d *db) bound(sql string, args []any) (*sqlite3.Stmt, error) {
	s, err := d.prepare(sql)
	if err != nil {
		return nil, err
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
		return s.BindInt64(i, int64(a))
	case int:
		return s.BindInt(i, a)
	case string:
		return s.BindText(i, a)
	case []byte:
		return bindBlob(s, i, a)
	case nil:
		return s.BindNull(i)
	}
	return fmt.Errorf("argument %d is a %T", i, a)
}

// bindBlob binds data, nil as an empty blob: NULL stands for what is gone.
func bindBlob(s *sqlite3.Stmt, i int, data []byte) error {
	if len(data) == 0 {
		return s.BindZeroBlob(i, 0)
	}
	return s.BindBlob(i, data)
}

// exec runs a statement that returns no rows.
func (d *db) exec(sql string, args ...any) error {
	s, err := d.bound(sql, args)
	if err != nil {
		return err
	}
	return s.Exec()
}

// each calls f for every row until it says stop.
func (d *db) each(f func(s *sqlite3.Stmt) (more bool, err error), sql string, args ...any) error {
	s, err := d.bound(sql, args)
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
