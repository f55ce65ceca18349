package host

import (
	"os"
	"syscall"
)

// attributes keep an interrupt of the console from the child. One whose bot was killed sees its standard input end.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

func resident(int) (int64, bool) { return 0, false }
