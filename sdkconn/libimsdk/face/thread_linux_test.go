package face

import "syscall"

// threadNumber is nil where there is none to be had without C.
var threadNumber = func() uint64 { return uint64(syscall.Gettid()) }
