package bot

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/timbot-go/timbot/bot/journal"
)

// maxWatched is how many events a watcher may be behind before it misses some.
const maxWatched = 1000

// watchers are told the keys of events whose traces were written.
type watchers struct {
	some atomic.Bool // there are any
	mu   sync.Mutex
	all  map[chan string]struct{}
}

// add adds a watcher; the caller calls stop when it looks no more.
func (w *watchers) add() (keys <-chan string, stop func()) {
	c := make(chan string, maxWatched)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[chan string]struct{})
	}
	w.all[c] = struct{}{}
	w.some.Store(true)
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, c)
		w.some.Store(len(w.all) > 0)
	}
}

// wrote tells of traces. It does not wait for anybody.
func (w *watchers) wrote(traces []journal.Trace) {
	if !w.some.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all {
		for _, t := range traces {
			select {
			case c <- t.Event:
			default:
			}
		}
	}
}

// watchedJournal tells the watchers what is committed.
type watchedJournal struct {
	journal.Journal
	watch *watchers
}

// Commit implements journal.Journal.
func (j watchedJournal) Commit(ctx context.Context, c *journal.Change) error {
	err := j.Journal.Commit(ctx, c)
	if err == nil {
		j.watch.wrote(c.Traces)
	}
	return err
}
