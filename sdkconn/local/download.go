package local

import (
	"context"
	"crypto/rand"
	"errors"
	"os"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// DownloadElemToPath implements [sdkconn.Conn]. The file is written under a name of its own beside path and renamed when it
// is whole, so that path never holds half of it. progress is called at least twice.
func (c *Conn) DownloadElemToPath(ctx context.Context, param sdkconn.DownloadElemParam, path string, progress func(current, total uint64)) error {
	const op = "DownloadElemToPath"
	if path == "" {
		return fail(op, sdkconn.CodeParam, "no path")
	}
	if progress == nil {
		progress = func(uint64, uint64) {}
	}
	id := blobID(param.ID, param.URL)
	size, there, err := c.stored(ctx, op, id)
	if err != nil {
		return err
	}
	if !there {
		return fail(op, sdkconn.CodeFileTransDownloadFailed, "no file %q", id)
	}
	part := path + ".part-" + rand.Text()
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return notWritten(op, err)
	}
	err = c.copyBlob(ctx, op, f, id, size, progress)
	if err == nil {
		if serr := f.Sync(); serr != nil { // the name must not reach the disk before what it names
			err = notWritten(op, serr)
		}
	}
	if cerr := f.Close(); err == nil && cerr != nil {
		err = notWritten(op, cerr)
	}
	if err == nil {
		if rerr := os.Rename(part, path); rerr != nil {
			err = notWritten(op, rerr)
		}
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(part)))
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func notWritten(op string, err error) error {
	return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
}

// copyBlob writes a stored file's chunks, each read by itself so that nobody waits for the disk behind f.
func (c *Conn) copyBlob(ctx context.Context, op string, f *os.File, id string, size int64, progress func(current, total uint64)) error {
	var done int64
	for n := int64(0); done < size; n++ {
		var chunk []byte
		err := c.read(ctx, op, func(l *lookup) error {
			_, err := l.db.one(func(s *sqlite3.Stmt) { chunk = s.ColumnBlob(0, nil) },
				`SELECT data FROM chunk WHERE blob = (SELECT id FROM blob WHERE sha = ?) AND n = ?`, id, n)
			return err
		})
		if err != nil {
			return err
		}
		if len(chunk) == 0 {
			return fail(op, sdkconn.CodeFileTransDownloadFailed, "file %s lacks its chunk %d", id, n)
		}
		half := len(chunk)
		if int64(half) == size {
			half /= 2 // a small file makes two steps too
		}
		for _, piece := range [...][]byte{chunk[:half], chunk[half:]} {
			if _, err := f.Write(piece); err != nil {
				return notWritten(op, err)
			}
			done += int64(len(piece))
			if len(piece) > 0 || n == 0 && done < size {
				progress(uint64(done), uint64(size))
			}
		}
	}
	return nil
}
