package local

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLockByte takes the lock of a user, and reports false when another process has it. Taking it twice is no error.
func tryLockByte(f *os.File, user int64) (bool, error) {
	// Windows counts locks. One that is there already is dropped first, under the lock file, so that nobody slips in.
	if err := unlockByte(f, user); err != nil {
		return false, err
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, overlapped(user))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func unlockByte(f *os.File, user int64) error {
	err := windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, overlapped(user))
	if errors.Is(err, windows.ERROR_NOT_LOCKED) {
		return nil
	}
	return err
}

func overlapped(user int64) *windows.Overlapped {
	at := uint64(byteOf(user))
	return &windows.Overlapped{Offset: uint32(at), OffsetHigh: uint32(at >> 32)}
}
