//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// watchSize tells when the terminal has another size.
func watchSize() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}

// suspend stops the process until the shell lets it go on.
func (t *terminal) suspend() error {
	t.screen.hide()
	if err := t.restore(); err != nil {
		return err
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGCONT)
	defer signal.Stop(again)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	<-again // the stop may come after Kill has returned
	return t.raw()
}
