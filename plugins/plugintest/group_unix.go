//go:build unix

package plugintest

import "syscall"

// ownGroup makes a child the head of a group of its own.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// groupLives reports whether something of the group is left.
func groupLives(pid int) bool { return syscall.Kill(-pid, 0) == nil }
