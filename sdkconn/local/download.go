package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// DownloadElemToPath implements [sdkconn.Conn]. The file is written under a name of its own beside path and renamed when it
// is whole, so that path never holds half of it. A download that a crash cut short is taken up where it ended. progress is
// called at least twice.
func (c *Conn) DownloadElemToPath(ctx context.Context, param sdkconn.DownloadElemParam, path string, progress func(current, total uint64)) error {
	const op = "DownloadElemToPath"
	dir, name := filepath.Split(path)
	if param.Dir != "" {
		dir, name = param.Dir, path
	} else if dir == "" {
		dir = "."
	}
	switch {
	case path == "":
		return fail(op, sdkconn.CodeParam, "no path")
	case param.Dir != "" && !filepath.IsLocal(path):
		return fail(op, sdkconn.CodeParam, "%s leaves its folder", path)
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
	root, err := os.OpenRoot(dir)
	if err != nil {
		return notWritten(op, err)
	}
	defer root.Close()
	part := name + ".part-" + id[:16]
	if key := filepath.Join(dir, part); c.e.downloads.begin(key) {
		defer c.e.downloads.end(key)
	} else { // somebody fetches the same file to the same place right now
		part = name + ".part-" + rand.Text()
	}
	err = c.downloadPart(ctx, op, root, part, id, size, progress)
	if err == nil {
		if rerr := root.Rename(part, name); rerr != nil {
			err = notWritten(op, rerr)
		}
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(root.Remove(part)))
	}
	return nil
}

// downloadPart makes part the whole file. What is there already counts as far as it is the beginning of it.
func (c *Conn) downloadPart(ctx context.Context, op string, root *os.Root, part, id string, size int64, progress func(current, total uint64)) error {
	if info, err := root.Lstat(part); err == nil && !info.Mode().IsRegular() {
		return fail(op, sdkconn.CodeIOOperationFailed, "%s is no file", part)
	}
	f, err := root.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o666)
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
	return err
}

// busyPaths is the set of files that downloads of this process are writing.
type busyPaths struct {
	mu sync.Mutex
	m  map[string]bool
}

// begin takes a path; it reports false when it is taken.
func (b *busyPaths) begin(path string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m[path] {
		return false
	}
	if b.m == nil {
		b.m = make(map[string]bool)
	}
	b.m[path] = true
	return true
}

func (b *busyPaths) end(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.m, path)
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

// copyBlob writes a stored file's chunks, each read by itself so that nobody waits for the disk behind f. A chunk that f has
// already is not written again.
func (c *Conn) copyBlob(ctx context.Context, op string, f *os.File, id string, size int64, progress func(current, total uint64)) error {
	var done int64
	was := make([]byte, chunkBytes)
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
		if got, err := f.ReadAt(was[:min(len(chunk), len(was))], done); err == nil && bytes.Equal(was[:got], chunk) {
			if done += int64(len(chunk)); done < size || n > 0 {
				progress(uint64(done), uint64(size))
				continue
			}
			done = 0
		}
		half := len(chunk)
		if int64(half) == size {
			half /= 2 // a small file makes two steps too
		}
		for _, piece := range [...][]byte{chunk[:half], chunk[half:]} {
			if _, err := f.WriteAt(piece, done); err != nil {
				return notWritten(op, err)
			}
			done += int64(len(piece))
			if len(piece) > 0 || n == 0 && done < size {
				progress(uint64(done), uint64(size))
			}
		}
	}
	if err := f.Truncate(size); err != nil {
		return notWritten(op, err)
	}
	return nil
}
