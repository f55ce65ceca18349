package local

import (
	"fmt"
	"os"
)

// fileLock makes the writers of several processes take turns. SQLite's own waiting would do so by trying again, which
// costs hundreds of milliseconds under load; the operating system wakes the next one at once.
type fileLock struct{ f *os.File }

func openFileLock(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666) // as SQLite makes the chat file
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	return &fileLock{f}, nil
}

// lock blocks until no other process holds the lock. A nil lock needs none.
func (l *fileLock) lock() error {
	if l == nil {
		return nil
	}
	if err := lockFile(l.f); err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	return nil
}

func (l *fileLock) unlock() error {
	if l == nil {
		return nil
	}
	if err := unlockFile(l.f); err != nil {
		return fmt.Errorf("lock file: %w", err)
	}
	return nil
}

func (l *fileLock) close() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}
