package rulestest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	unified "github.com/rogpeppe/go-internal/diff"
)

// Patch is a file with another text.
type Patch struct {
	Path   string `json:"path"`
	Before []byte `json:"-"` // nil for a file that is not there yet
	After  []byte `json:"-"`
}

// Diff is the change as a unified diff.
func (p *Patch) Diff() string {
	return string(unified.Diff(p.Path, p.Before, p.Path, p.After))
}

// Apply writes the file, all of it or nothing. Errors: those of the file, and one that has changed since the patch was made.
func (p *Patch) Apply() (err error) {
	now, err := os.ReadFile(p.Path)
	switch {
	case errors.Is(err, os.ErrNotExist) && p.Before == nil:
	case err != nil:
		return err
	case string(now) != string(p.Before):
		return fmt.Errorf("%s has changed meanwhile", p.Path)
	case string(now) == string(p.After):
		return nil
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(p.Path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(p.Path), ".timbot-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(p.After)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), p.Path)
}
