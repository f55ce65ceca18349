//go:build unix

package bot

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock of an open file, and reports false when somebody else has it. The lock belongs to this opening
// of the file: neither another opening in this process nor a child shares it.
func tryLock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}
