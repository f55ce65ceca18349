package backup

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// formatVersion is that of the backups written here.
const formatVersion = 1

// manifestName is the first entry of a backup.
const manifestName = "manifest.json"

// Errors of reading a backup.
var (
	// ErrNotBackup says that a file is no backup, or not a whole one.
	ErrNotBackup = errors.New("the file is no backup of timbot, or not a whole one")

	// ErrNewer says that a newer timbot wrote the backup.
	ErrNewer = errors.New("the backup was written by a newer timbot; use that one")

	// ErrDamaged says that a file in the backup is not what the manifest says, or that SQLite finds it broken.
	ErrDamaged = errors.New("the backup is damaged")
)

// Manifest says what is in a backup.
type Manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"timbot"` // of the program that wrote it
	At      time.Time `json:"at"`
	Files   []Entry   `json:"files"`
}

// Entry is one file of a backup.
type Entry struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hex
}

func (m *Manifest) check() error {
	if m.Format > formatVersion {
		return fmt.Errorf("format %d, known up to %d: %w", m.Format, formatVersion, ErrNewer)
	}
	if m.Format < 1 || len(m.Files) == 0 {
		return ErrNotBackup
	}
	seen := map[string]bool{manifestName: true}
	for _, f := range m.Files {
		if f.Name == "" || f.Name != filepath.Base(f.Name) || !filepath.IsLocal(f.Name) || f.Bytes < 0 || seen[f.Name] {
			return fmt.Errorf("the manifest names %q: %w", f.Name, ErrDamaged)
		}
		seen[f.Name] = true
	}
	return nil
}
