package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
)

// probeBytes is more than a message needs, so that the probe meets the same want of room.
const probeBytes = 64 << 10

// explain finds out what the operating system has against writing beside the chat file: SQLite says of a full disk no more
// than that there was an I/O error. It costs nothing unless there was one.
func (e *engine) explain(err error) error {
	if e.path == "" || !errors.Is(err, sqlite3.IOERR) {
		return err
	}
	f, why := os.CreateTemp(filepath.Dir(e.path), filepath.Base(e.path)+"-probe-*")
	if why != nil {
		return fmt.Errorf("%w: %w", err, why)
	}
	_, why = f.Write(make([]byte, probeBytes))
	if cerr := f.Close(); why == nil {
		why = cerr
	}
	if rerr := os.Remove(f.Name()); why == nil {
		why = rerr
	}
	if why != nil {
		return fmt.Errorf("%w: %w", err, why)
	}
	return err
}
