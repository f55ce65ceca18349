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
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// ErrOccupied is returned by Restore when there is a database already where one is to be.
var ErrOccupied = errors.New("there is one already")

// maxManifest bounds the manifest's text.
const maxManifest = 1 << 20

// beside are the files that SQLite keeps beside a database.
var beside = []string{"-wal", "-shm", "-journal"}

// Place is where a database of a backup belongs.
type Place struct {
	Name string // in the backup
	Path string
}

// Look reads a backup's manifest.
func Look(from string) (*Manifest, error) {
	f, err := os.Open(from)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	m, _, err := begin(f)
	if err != nil {
		return nil, fmt.Errorf("restore: %s: %w", from, err)
	}
	return m, nil
}

// begin reads the manifest and leaves the tar at the first file.
func begin(f io.Reader) (*Manifest, *tar.Reader, error) {
	r := tar.NewReader(f)
	head, err := r.Next()
	if err != nil || head.Name != manifestName || head.Size > maxManifest {
		return nil, nil, ErrNotBackup
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, nil, ErrNotBackup
	}
	m := new(Manifest)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, nil, fmt.Errorf("%w: its manifest: %w", ErrNotBackup, err)
	}
	return m, r, m.check()
}

// Restore brings a backup's databases to their places, once all of it is found to be whole: an error from before that
// has changed nothing. Databases that are there are refused (ErrOccupied), or, with aside, moved to a new folder beside
// the first place, which is returned; those of places that the backup does not have are moved too, since they belong to
// another time. The caller sees to it that nobody has any of them open.
func Restore(ctx context.Context, from string, places []Place, aside bool, now time.Time) (
	m *Manifest, moved string, err error,
) {
	f, err := os.Open(from)
	if err != nil {
		return nil, "", fmt.Errorf("restore: %w", err)
	}
	defer f.Close()
	m, r, err := begin(f)
	if err != nil {
		return nil, "", fmt.Errorf("restore: %s: %w", from, err)
	}
	for _, e := range m.Files {
		if !slices.ContainsFunc(places, func(p Place) bool { return p.Name == e.Name }) {
			return nil, "", fmt.Errorf("restore: %s holds %s, for which there is no place", from, e.Name)
		}
	}
	old := occupied(places)
	if len(old) > 0 && !aside {
		return nil, "", fmt.Errorf("restore: %s: %w", old[0], ErrOccupied)
	}
	work := make(map[string]string) // folder -> the work folder in it: a rename stays on one disk
	defer func() {
		for _, dir := range work {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	ready := make(map[string]string)
	for _, e := range m.Files {
		place := places[slices.IndexFunc(places, func(p Place) bool { return p.Name == e.Name })]
		dir := filepath.Dir(place.Path)
		if work[dir] == "" {
			if work[dir], err = os.MkdirTemp(dir, ".timbot-restore-*"); err != nil {
				return nil, "", fmt.Errorf("restore: %w", err)
			}
		}
		ready[place.Path] = filepath.Join(work[dir], e.Name)
		if err := unpack(ctx, r, e, ready[place.Path]); err != nil {
			return nil, "", fmt.Errorf("restore: %s: %w", from, err)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		return nil, "", fmt.Errorf("restore: %s: there is more in it than its manifest says: %w", from, ErrDamaged)
	}
	if len(old) > 0 {
		if moved, err = moveAside(old, filepath.Dir(places[0].Path), now); err != nil {
			return nil, moved, fmt.Errorf("restore: move the old files aside: %w", err)
		}
	}
	for _, p := range slices.Backward(places) { // the first, the journal, comes last: with it the restore is whole
		if ready[p.Path] == "" {
			continue
		}
		if err := os.Rename(ready[p.Path], p.Path); err != nil {
			return nil, moved, fmt.Errorf("restore: %w", err)
		}
		if err := syncDir(filepath.Dir(p.Path)); err != nil {
			return nil, moved, fmt.Errorf("restore: %w", err)
		}
	}
	return m, moved, nil
}

// occupied are the files that are in the way: a log without its database too, which SQLite would take for the new one's.
func occupied(places []Place) (old []string) {
	for _, p := range places {
		for _, suffix := range append(slices.Clone(beside), "") { // the database last
			if _, err := os.Lstat(p.Path + suffix); err == nil {
				old = append(old, p.Path+suffix)
			}
		}
	}
	return old
}

func moveAside(old []string, dir string, now time.Time) (string, error) {
	to := filepath.Join(dir, "before-restore-"+now.UTC().Format("20060102T150405Z"))
	if err := os.Mkdir(to, 0o700); err != nil {
		return "", err
	}
	for _, path := range old {
		target := filepath.Join(to, filepath.Base(path))
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
			return to, fmt.Errorf("%s: %w", target, fs.ErrExist)
		}
		if err := os.Rename(path, target); err != nil {
			return to, err
		}
		if err := syncDir(filepath.Dir(path)); err != nil {
			return to, err
		}
	}
	return to, syncDir(to)
}

// unpack writes the tar's next entry to a new file and checks it.
func unpack(ctx context.Context, r *tar.Reader, e Entry, path string) (err error) {
	head, err := r.Next()
	if err != nil {
		return fmt.Errorf("%s is cut off: %w", e.Name, errors.Join(ErrDamaged, err))
	}
	if head.Name != e.Name || head.Size != e.Bytes || head.Typeflag != tar.TypeReg {
		return fmt.Errorf("%s is not what the manifest says: %w", e.Name, ErrDamaged)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), reader{ctx, r})
	if err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("%s is cut off: %w", e.Name, ErrDamaged)
	}
	if err == nil && hex.EncodeToString(h.Sum(nil)) != e.SHA256 {
		err = fmt.Errorf("%s is not what the manifest says: %w", e.Name, ErrDamaged)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return sound(ctx, e.Name, path)
}
