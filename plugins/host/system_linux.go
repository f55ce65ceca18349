package host

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// attributes let the child die with the thread that starts it, and make it the head of a group of its own: an interrupt from
// the terminal is for the bot alone, and what the child starts is killed with it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills a child and what it started.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// resident is how many bytes of memory a process holds; false when the system does not tell.
func resident(pid int) (int64, bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}
