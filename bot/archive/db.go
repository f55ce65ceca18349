package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
)

// db is one SQLite connection and its prepared statements, in one goroutine's hands at a time.
type db struct {
	conn  *sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

// vfs is the name of the SQLite VFS that files are opened through; "" is the operating system's. Tests put one there that
// fails as they like.
var vfs string

func openDB(path string, flags sqlite3.OpenFlag) (*db, error) {
	if vfs != "" {
		path, flags = "file:"+path+"?vfs="+vfs, flags|sqlite3.OPEN_URI
	}
	conn, err := sqlite3.OpenFlags(path, flags)
	if err != nil {
		return nil, err
	}
	d := &db{conn: conn, stmts: make(map[string]*sqlite3.Stmt)}
	if err := conn.Exec(`PRAGMA busy_timeout = 10000`); err != nil { // checkpoints, and the first moment of a file
		d.close()
		return nil, err
	}
	return d, nil
}

// openWriter opens or makes the file.
func openWriter(path string) (_ *db, err error) {
	d, err := openDB(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	fresh, err := checkSchema(d)
	if err != nil {
		return nil, err
	}
	// What was replaced or let go is overwritten: it may be what somebody took back.
	if err := d.conn.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON`); err != nil {
		return nil, err
	}
	if fresh {
		if err := makeSchema(d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// openQuery opens a file that is there, for reading.
func openQuery(path string) (*db, error) {
	d, err := openDB(path, sqlite3.OPEN_READWRITE) // a reader of a log beside the file keeps its index in order
	if err != nil {
		return nil, err
	}
	fresh, err := checkSchema(d)
	if err == nil && fresh {
		err = ErrNotArchive
	}
	if err == nil {
		err = d.conn.Exec(`PRAGMA query_only = ON`)
	}
	if err != nil {
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
		var err error
		switch a := a.(type) {
		case int64:
			err = s.BindInt64(i+1, a)
		case bool:
			err = s.BindBool(i+1, a)
		case string:
			err = s.BindText(i+1, a)
		case nil:
			err = s.BindNull(i + 1)
		default:
			err = fmt.Errorf("argument %d is a %T", i+1, a)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// exec runs a statement that returns no rows and tells how many it changed.
func (d *db) exec(sql string, args ...any) (changed int64, err error) {
	s, err := d.stmt(sql, args)
	if err != nil {
		return 0, err
	}
	if err := s.Exec(); err != nil {
		return 0, err
	}
	return d.conn.Changes(), nil
}

// each calls f for every row until it fails.
func (d *db) each(f func(s *sqlite3.Stmt) error, sql string, args ...any) error {
	s, err := d.stmt(sql, args)
	if err != nil {
		return err
	}
	for s.Step() {
		if err := f(s); err != nil {
			s.Reset()
			return err
		}
	}
	err = s.Err()
	s.Reset()
	return err
}

// integer returns the last row's first column, or 0 when there is no row or a NULL.
func (d *db) integer(sql string, args ...any) (n int64, err error) {
	err = d.each(func(s *sqlite3.Stmt) error { n = s.ColumnInt64(0); return nil }, sql, args...)
	return n, err
}

// probeBytes is more than a record mostly needs, so that the probe meets the same want of room.
const probeBytes = 64 << 10

// explain says in words what is wrong with the disk, as far as that can be found out.
func explain(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sqlite3.FULL):
		return fmt.Errorf("archive %s: the disk is full: make room, nothing that was kept is lost: %w", path, err)
	case errors.Is(err, sqlite3.READONLY):
		return fmt.Errorf("archive %s: the file or its folder cannot be written: %w", path, err)
	case errors.Is(err, sqlite3.IOERR):
		return fmt.Errorf("archive %s: %w", path, errors.Join(err, probe(path)))
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB):
		return fmt.Errorf("archive %s: the file is damaged: restore it from a backup: %w", path, err)
	}
	return fmt.Errorf("archive %s: %w", path, err)
}

// probe finds out what the operating system has against writing beside the file: SQLite says of some failures no more than
// that there was one.
func probe(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-probe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeBytes))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
