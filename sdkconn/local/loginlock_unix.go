//go:build unix

package local

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLockByte takes the lock of a user, and reports false when another process has it. Taking it twice is no error.
func tryLockByte(f *os.File, user int64) (bool, error) {
	err := lockByte(f, user, unix.F_WRLCK)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

func unlockByte(f *os.File, user int64) error { return lockByte(f, user, unix.F_UNLCK) }

func lockByte(f *os.File, user int64, how int16) error {
	for {
		err := unix.FcntlFlock(f.Fd(), setLock, &unix.Flock_t{Type: how, Start: byteOf(user), Len: 1})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
