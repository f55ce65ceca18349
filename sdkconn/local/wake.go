package local

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/fsnotify/fsnotify"
)

// waker tells other processes with the same chat of a commit, and hears of theirs: each commit writes a byte to a small
// file beside the chat that all of them watch.
type waker struct {
	f     *os.File
	watch *fsnotify.Watcher
	done  chan struct{}
}

// openWaker starts to watch; heard is called from one goroutine, which close waits for.
func openWaker(path string, log *slog.Logger, heard func()) (*waker, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666) // as SQLite makes the chat file
	if err != nil {
		return nil, fmt.Errorf("wake file: %w", err)
	}
	watch, err := fsnotify.NewWatcher()
	if err == nil {
		if err = watch.Add(path); err != nil {
			watch.Close()
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("wake file: %w", err)
	}
	w := &waker{f: f, watch: watch, done: make(chan struct{})}
	go w.run(log, heard)
	return w, nil
}

func (w *waker) run(log *slog.Logger, heard func()) {
	defer close(w.done)
	for {
		select {
		case _, ok := <-w.watch.Events:
			if !ok {
				return
			}
			heard()
		case err, ok := <-w.watch.Errors:
			if !ok {
				return
			}
			log.Warn("watching the chat's wake file", "err", err)
			heard() // an overflow may have hidden a commit
		}
	}
}

// tell wakes the others.
func (w *waker) tell() error {
	if w == nil {
		return nil
	}
	_, err := w.f.WriteAt([]byte{'\n'}, 0)
	return err
}

func (w *waker) close() error {
	if w == nil {
		return nil
	}
	err := w.watch.Close()
	<-w.done
	if cerr := w.f.Close(); err == nil {
		err = cerr
	}
	return err
}
