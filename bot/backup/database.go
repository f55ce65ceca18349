package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// copyPages is how many pages are copied between two looks at the context.
const copyPages = 512

// snapshot is a database as it was at one moment, while others write to it.
type snapshot struct {
	name string
	conn *sqlite3.Conn
}

// openSnapshot opens a database that is there. What is committed from now on is not in the picture.
func openSnapshot(name, path string) (_ *snapshot, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	conn, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE) // a reader of a log beside the file keeps its index in order
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &snapshot{name, conn}
	begin := `PRAGMA busy_timeout = 10000; PRAGMA query_only = ON; BEGIN; SELECT count(*) FROM sqlite_schema`
	if err := conn.Exec(begin); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), conn.Close())
	}
	return s, nil
}

func (s *snapshot) close() error { return s.conn.Close() }

// copyTo writes the picture to a new file, which needs nothing beside it.
func (s *snapshot) copyTo(ctx context.Context, path string) error {
	b, err := s.conn.BackupInit("main", path)
	if err != nil {
		return fmt.Errorf("copy %s: %w", s.name, err)
	}
	for done := false; !done && err == nil; {
		if err = ctx.Err(); err == nil {
			done, err = b.Step(copyPages)
		}
	}
	if cerr := b.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", s.name, err)
	}
	if err := sound(ctx, s.name, path); err != nil {
		return err
	}
	return nil
}

// sound reads the whole database and refuses one that is broken. It leaves the file without a log beside it.
func sound(ctx context.Context, name, path string) (err error) {
	conn, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() {
		if cerr := conn.Close(); err == nil {
			err = cerr
		}
	}()
	conn.SetInterrupt(ctx)
	broken := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: %w: %w", name, ErrDamaged, err)
	}
	if err := conn.Exec(`PRAGMA journal_mode = DELETE`); err != nil {
		return broken(err)
	}
	check, _, err := conn.Prepare(`PRAGMA integrity_check(5)`)
	if err != nil {
		return broken(err)
	}
	defer check.Close()
	var said []string
	for check.Step() {
		said = append(said, check.ColumnText(0))
	}
	if err := check.Err(); err != nil {
		return broken(err)
	}
	if text := strings.Join(said, "; "); text != "ok" {
		return broken(errors.New(text))
	}
	return nil
}
