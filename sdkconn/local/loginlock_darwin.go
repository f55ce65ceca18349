package local

// setLock locks for this opening of the file, not for the process: another opening of it, here or elsewhere, is another
// holder, and closing one does not free the other's locks. It is F_OFD_SETLK of the system's fcntl.h.
const setLock = 90
