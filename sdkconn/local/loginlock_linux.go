package local

import "golang.org/x/sys/unix"

// setLock locks for this opening of the file, not for the process: another opening of it, here or elsewhere, is another
// holder, and closing one does not free the other's locks.
const setLock = unix.F_OFD_SETLK
