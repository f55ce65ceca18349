package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ncruces/go-sqlite3"
)

// probeBytes is more than most commits need, so that the probe meets the same want of room.
const probeBytes = 64 << 10

// explain says in words what is wrong with the file at path.
func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("journal %s: %w", path, inWords(path, err))
}

// inWords puts before an error what it means for the file at path.
func inWords(path string, err error) error {
	if errors.Is(err, sqlite3.IOERR) || errors.Is(err, sqlite3.CANTOPEN) {
		if why := probe(path); why != nil {
			err = fmt.Errorf("%w: %w", err, why)
		}
	}
	for _, known := range []struct {
		is   error
		says string
	}{
		{sqlite3.FULL, "the disk is full"},
		{syscall.ENOSPC, "the disk is full"},
		{syscall.EDQUOT, "the disk quota is used up"},
		{syscall.EROFS, "the disk is read-only"},
		{sqlite3.READONLY, "the file cannot be written"},
		{sqlite3.CORRUPT, "the file is damaged"},
		{sqlite3.NOTADB, "the file is damaged, or no journal"},
		{sqlite3.BUSY, "another program holds the file"},
		{sqlite3.IOERR, "the disk fails"},
	} {
		if errors.Is(err, known.is) {
			return fmt.Errorf("%s: %w", known.says, err)
		}
	}
	return err
}

// probe finds out what the operating system has against writing beside the file: SQLite says of a full disk no more than
// that there was an I/O error.
func probe(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-probe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeBytes))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if rerr := os.Remove(f.Name()); err == nil {
		err = rerr
	}
	return err
}
