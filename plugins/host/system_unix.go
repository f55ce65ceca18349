//go:build unix && !linux

package host

import "syscall"

// attributes make the child the head of a group of its own: an interrupt from the terminal is for the bot alone, and what the
// child starts is killed with it. A child whose bot was killed sees its standard input end.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

func resident(int) (int64, bool) { return 0, false }
