//go:build unix && !linux && !darwin

package local

import "golang.org/x/sys/unix"

// setLock locks for the process; there is nothing finer here. A process opens the file once, so that nothing is lost.
const setLock = unix.F_SETLK
