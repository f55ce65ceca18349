package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/timbot-go/timbot/bot/journal"
)

// Backup writes a copy of the journal as it is now to path, where nothing may be yet; writes go on meanwhile. The copy is a
// journal of its own, on the disk when Backup returns; when it fails, nothing is left at path. Errors: fs.ErrExist.
func (j *Journal) Backup(ctx context.Context, path string) (err error) {
	if err := j.seen(ctx, lazyRuns, lazyState, lazyTraces, lazyDone); err != nil && !errors.Is(err, ErrReadOnly) {
		return err
	}
	place, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // nobody else gets it
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	part := path + "-part"
	defer func() {
		place.Close()
		if err != nil {
			err = fmt.Errorf("backup to %s: %w", path, err)
			os.Remove(part)
			os.Remove(path)
		}
	}()
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) { // of a backup that was killed
		return err
	}
	err = j.copying(ctx, func(d *db) error { return d.exec(`VACUUM INTO ?`, part) })
	if err != nil {
		return inWords(part, err)
	}
	if err := syncFile(part); err != nil {
		return err
	}
	place.Close() // Windows renames over no open file
	if err := os.Rename(part, path); err != nil {
		return err
	}
	if err := syncFile(filepath.Dir(path)); err != nil && !errors.Is(err, os.ErrPermission) { // Windows syncs no folder
		return err
	}
	return nil
}

// copying calls f with a connection that is in no transaction.
func (j *Journal) copying(ctx context.Context, f func(*db) error) error {
	j.life.RLock()
	defer j.life.RUnlock()
	if j.gone {
		return journal.ErrClosed
	}
	d, err := openDB(j.path, j.vfs)
	if err != nil {
		return explain(j.path, err)
	}
	defer d.close()
	d.conn.SetInterrupt(ctx)
	if err := f(d); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
