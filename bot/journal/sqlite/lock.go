package sqlite

import (
	"fmt"
	"os"
)

// fileLock keeps other processes from writing the journal; it falls when the process dies.
type fileLock struct{ f *os.File }

// lockFile takes the lock beside the journal. Errors: ErrInUse.
func lockFile(path string) (*fileLock, error) {
	f, err := os.OpenFile(path+"-lock", os.O_RDWR|os.O_CREATE, 0o666) // as SQLite makes the file itself
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	free, err := tryLock(f)
	if err == nil && !free {
		err = ErrInUse
	} else if err != nil {
		err = fmt.Errorf("lock file: %w", err)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &fileLock{f}, nil
}

func (l *fileLock) close() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}
