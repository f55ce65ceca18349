package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// Files live in the chat file as rows of chunks, named by the SHA-256 of what they hold, so that the same file sent twice
// is there once.
const (
	chunkBytes  = 256 << 10
	commitBytes = 1 << 20 // of one file in one commit, so that messages do not wait long behind it
)

// The largest files, in bytes.
const (
	maxImage = 28 << 20
	maxSound = 28 << 20
	maxVideo = 100 << 20
	maxFile  = 100 << 20
)

// abandonedAfter is how many seconds an upload may stand unfinished before another one sweeps it away.
const abandonedAfter = 24 * 60 * 60

// blobURL begins the URLs of files; the rest is the file's id.
const blobURL = "local-blob:"

// blobID takes the id out of what an element says of its file; "" when it says nothing.
func blobID(id, url string) string {
	if id != "" {
		return id
	}
	id, ok := strings.CutPrefix(url, blobURL)
	if !ok {
		return ""
	}
	return id
}

// store puts the file at path into the chat and returns its id and size. A file that is there already costs its reading.
func (c *Conn) store(ctx context.Context, op, path string, limit int64, told func(current, total int64)) (id string, size int64, err error) {
	f, size, err := openUpload(op, path, limit)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	sum := sha256.New()
	if size, err = io.Copy(sum, io.LimitReader(f, limit+1)); err != nil {
		return "", 0, uploadFailed(op, sdkconn.CodeFileOpenFailed, err)
	}
	id = hex.EncodeToString(sum.Sum(nil))
	if _, there, err := c.stored(ctx, op, id); err != nil || there {
		if err == nil {
			told(size, size)
		}
		return id, size, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", 0, uploadFailed(op, sdkconn.CodeFileOpenFailed, err)
	}
	return id, size, c.storeChunks(ctx, op, f, id, size, told)
}

// openUpload checks a file that is to be sent.
func openUpload(op, path string, limit int64) (*os.File, int64, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || path == "":
		return nil, 0, uploadFailed(op, sdkconn.CodeFileNotFound, err)
	case err != nil:
		return nil, 0, uploadFailed(op, sdkconn.CodeFileOpenFailed, err)
	case !info.Mode().IsRegular():
		return nil, 0, fail(op, sdkconn.CodeFileOpenFailed, "%s is no file", path)
	case info.Size() == 0:
		return nil, 0, fail(op, sdkconn.CodeFileSizeEmpty, "%s is empty", path)
	case info.Size() > limit:
		return nil, 0, fail(op, sdkconn.CodeFileTooLarge, "%s has %d bytes, at most %d", path, info.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, uploadFailed(op, sdkconn.CodeFileOpenFailed, err)
	}
	return f, info.Size(), nil
}

func uploadFailed(op string, code sdkconn.Code, err error) error {
	return &sdkconn.Error{Op: op, Code: code, Err: err}
}

// stored reports whether the chat has a file, and how large it is.
func (c *Conn) stored(ctx context.Context, op, id string) (size int64, there bool, err error) {
	err = c.read(ctx, op, func(l *lookup) error {
		there, err = l.db.one(func(s *sqlite3.Stmt) { size = s.ColumnInt64(0) }, `SELECT size FROM blob WHERE sha = ?`, id)
		return err
	})
	return size, there, err
}

// storeChunks writes a file in several commits; the last one gives it its name.
func (c *Conn) storeChunks(ctx context.Context, op string, f io.Reader, id string, size int64, told func(current, total int64)) error {
	var blob, n, done int64
	sum := sha256.New()
	buf := make([]byte, min(commitBytes, size))
	for done < size {
		part := buf[:min(int64(len(buf)), size-done)]
		if _, err := io.ReadFull(f, part); err != nil {
			return uploadFailed(op, sdkconn.CodeFileOpenFailed, err)
		}
		sum.Write(part)
		done += int64(len(part))
		whole := done == size
		if whole && hex.EncodeToString(sum.Sum(nil)) != id {
			return fail(op, sdkconn.CodeFileOpenFailed, "the file changed while it was sent")
		}
		data := bytes.Clone(part) // a call that gave up may still run
		first := n
		err := c.write(ctx, op, func(t *tx) error {
			at := first
			if at == 0 {
				if err := t.beginBlob(size); err != nil {
					return err
				}
				blob = t.db.conn.LastInsertRowID()
			}
			for rest := data; len(rest) > 0; at++ {
				chunk := rest[:min(chunkBytes, len(rest))]
				rest = rest[len(chunk):]
				err := t.exec(`INSERT INTO chunk (blob, n, data) VALUES (?, ?, ?)`, blob, at, chunk)
				if err != nil {
					return err
				}
			}
			if whole {
				return t.nameBlob(blob, id)
			}
			return nil
		})
		if err != nil {
			return err
		}
		told(done, size)
		n += int64((len(part) + chunkBytes - 1) / chunkBytes)
	}
	return nil
}

// beginBlob makes a file without a name, and sweeps away those that never got one.
func (t *tx) beginBlob(size int64) error {
	old := int64(t.now) - abandonedAfter
	if err := t.exec(`DELETE FROM chunk WHERE blob IN (SELECT id FROM blob WHERE sha IS NULL AND made < ?)`, old); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM blob WHERE sha IS NULL AND made < ?`, old); err != nil {
		return err
	}
	return t.exec(`INSERT INTO blob (sha, size, made) VALUES (NULL, ?, ?)`, size, t.now)
}

// nameBlob ends an upload. When somebody else uploaded the same file meanwhile, his is kept.
func (t *tx) nameBlob(blob int64, id string) error {
	there, err := t.db.integer(`SELECT count(*) FROM blob WHERE sha = ?`, id)
	if err != nil {
		return err
	}
	if there == 0 {
		return t.exec(`UPDATE blob SET sha = ? WHERE id = ?`, id, blob)
	}
	if err := t.exec(`DELETE FROM chunk WHERE blob = ?`, blob); err != nil {
		return err
	}
	return t.exec(`DELETE FROM blob WHERE id = ?`, blob)
}
