package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Source is one database to back up.
type Source struct {
	Name string // in the backup
	Path string
}

// ErrNothing is returned by Write when none of the sources is there.
var ErrNothing = errors.New("there is nothing to back up")

// Write makes a backup of those sources that are there and returns what is in it. Others may write to them meanwhile; nobody
// waits. The file is on the disk when Write returns; it never takes another one's place (fs.ErrExist). It needs as much room
// as the databases beside it until it is done.
func Write(ctx context.Context, to string, sources []Source, version string, now time.Time) (_ *Manifest, err error) {
	claim, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	claim.Close()
	defer func() {
		if err != nil {
			os.Remove(to)
		}
	}()
	work, err := os.MkdirTemp(filepath.Dir(to), ".timbot-backup-*")
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	names, err := copies(ctx, work, sources)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	m := &Manifest{Format: formatVersion, Version: version, At: now.UTC()}
	for _, name := range names {
		e := Entry{Name: name}
		if e.Bytes, e.SHA256, err = sum(filepath.Join(work, name)); err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
		m.Files = append(m.Files, e)
	}
	packed := filepath.Join(work, "backup.tar")
	if err := m.pack(ctx, packed, work); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	if err := os.Rename(packed, to); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	return m, syncDir(filepath.Dir(to))
}

// copies copies the databases that are there into the folder. All pictures are taken before the first is copied.
func copies(ctx context.Context, work string, sources []Source) (names []string, err error) {
	var taken []*snapshot
	defer func() {
		for _, s := range taken {
			if cerr := s.close(); err == nil {
				err = cerr
			}
		}
	}()
	for _, s := range sources {
		snap, err := openSnapshot(s.Name, s.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		taken = append(taken, snap)
	}
	if len(taken) == 0 {
		return nil, ErrNothing
	}
	for _, s := range taken {
		if err := s.copyTo(ctx, filepath.Join(work, s.name)); err != nil {
			return nil, err
		}
		names = append(names, s.name)
	}
	return names, nil
}

// sum is a file's size and hash.
func sum(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// pack writes the tar of the manifest and its files, which lie in work.
func (m *Manifest) pack(ctx context.Context, path, work string) (err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := out.Close(); err == nil {
			err = cerr
		}
	}()
	w := tar.NewWriter(out)
	text, err := json.Marshal(m, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	head := func(name string, size int64) *tar.Header {
		return &tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: m.At, Typeflag: tar.TypeReg}
	}
	if err := w.WriteHeader(head(manifestName, int64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, e := range m.Files {
		if err := w.WriteHeader(head(e.Name, e.Bytes)); err != nil {
			return err
		}
		if err := appendFile(ctx, w, filepath.Join(work, e.Name)); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Sync()
}

// appendFile adds a file's content and removes the file, which makes room for the next.
func appendFile(ctx context.Context, w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, reader{ctx, f})
	return errors.Join(err, f.Close(), os.Remove(path))
}

// reader reads until its context ends.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// syncDir makes a folder's names durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) { // Windows has no such thing
		return nil
	}
	return err
}
