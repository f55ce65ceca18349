package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/timbot-go/timbot/bot/journal"
)

const (
	maxRows = 1000 // of one commit, unless one call has more
	maxLazy = 1000 // lazy changes that wait; the next one is as any other

	// maxBytes of data in one call; SQLite takes 1 GiB, and what it refuses would fail all that shares its commit.
	maxBytes = 256 << 20
)

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, events []journal.Event) ([]bool, error) {
	r := &request{fresh: make([]bool, len(events)), rows: len(events)}
	r.events, r.size = copiedEvents(events)
	if err := j.write(ctx, r); err != nil {
		return nil, err
	}
	return r.fresh, nil
}

// Commit implements journal.Journal. A change with Counts, Announcements or Targets is never lazy.
func (j *Journal) Commit(ctx context.Context, change *journal.Change) error {
	r := &request{
		sets: j.texts.take(change.RuleSets), rows: rowsOf(change),
		lazy: change.Lazy && len(change.Counts)+len(change.Announcements)+len(change.Targets) == 0,
	}
	r.change, r.size = copied(change)
	return j.write(ctx, r)
}

// write queues a request and waits until it is durable, or not at all for a lazy one.
func (j *Journal) write(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.size > maxBytes {
		return fmt.Errorf("journal: %d bytes at once, the most is %d", r.size, maxBytes)
	}
	j.queueMu.Lock()
	if j.closing {
		j.queueMu.Unlock()
		return journal.ErrClosed
	}
	if j.readOnly {
		j.queueMu.Unlock()
		return ErrReadOnly
	}
	if r.lazy = r.lazy && j.lazies < maxLazy; r.lazy {
		j.lazies++
		for kind, has := range kindsOf(r.change) {
			if has {
				j.unseen[kind].Add(1)
			}
		}
		j.queue = append(j.queue, r)
		j.queueMu.Unlock()
		return nil
	}
	r.done = make(chan struct{})
	j.urgent++
	j.queue = append(j.queue, r)
	j.queueMu.Unlock()
	j.nudge()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seen waits until the lazy changes of these kinds are in the file.
func (j *Journal) seen(ctx context.Context, kinds ...int) error {
	for _, kind := range kinds {
		if j.unseen[kind].Load() > 0 {
			return j.write(ctx, &request{do: func(*batch) error { return nil }})
		}
	}
	return nil
}

func (j *Journal) nudge() {
	select {
	case j.poke <- struct{}{}:
	default:
	}
}

// runWriter is the one goroutine that writes.
func (j *Journal) runWriter() {
	defer close(j.stopped)
	for range j.poke {
		for {
			j.gather()
			work, closing := j.take()
			if len(work) > 0 {
				if err := j.commit(work); err != nil && closing && j.idle() {
					j.closeErr = err // of lazy changes that nobody waits for
					return
				}
				continue
			}
			if closing {
				j.closeErr = j.settle()
				return
			}
			break
		}
	}
}

// gather lets those run who were woken by the last commit and say at once what they want next. It waits for nobody: it ends
// when a turn of all who can run brought nothing new.
func (j *Journal) gather() {
	for before := -1; ; {
		j.queueMu.Lock()
		n := len(j.queue)
		j.queueMu.Unlock()
		if n == before || n >= maxRows {
			return
		}
		before = n
		runtime.Gosched()
	}
}

// take returns what the next commit is made of: nothing as long as only lazy changes wait.
func (j *Journal) take() (work []*request, closing bool) {
	j.queueMu.Lock()
	defer j.queueMu.Unlock()
	if j.urgent == 0 && !j.closing {
		return nil, false
	}
	n, rows := 0, 0
	for n < len(j.queue) && (n == 0 || rows+j.queue[n].rows <= maxRows) {
		rows += j.queue[n].rows
		if j.queue[n].lazy {
			j.lazies--
		} else {
			j.urgent--
		}
		n++
	}
	work = j.queue[:n:n]
	if j.queue = j.queue[n:]; len(j.queue) == 0 {
		j.queue = nil
	}
	return work, j.closing
}

// idle reports whether nobody waits for the writer.
func (j *Journal) idle() bool {
	j.queueMu.Lock()
	defer j.queueMu.Unlock()
	return j.urgent == 0
}

// commit runs requests in one transaction and answers them. When it fails, nothing of it is applied, and lazy changes,
// which were answered already, are the first of the next one.
func (j *Journal) commit(work []*request) error {
	err := j.transact(work)
	if err != nil {
		err = explain(j.path, err)
		work = j.giveBack(work)
		for _, r := range work {
			if !r.lazy {
				r.err = err
			}
		}
	}
	for _, r := range work {
		switch {
		case !r.lazy:
			close(r.done)
		case err == nil:
			for kind, has := range kindsOf(r.change) {
				if has {
					j.unseen[kind].Add(-1)
				}
			}
		}
	}
	return err
}

// giveBack puts the lazy changes of a commit that failed back where they were. Whoever waits behind them has failed with
// them, and is returned with the work: they are tried when somebody asks anew, not again and again.
func (j *Journal) giveBack(work []*request) []*request {
	j.queueMu.Lock()
	defer j.queueMu.Unlock()
	isLazy := func(r *request) bool { return r.lazy }
	back := slices.DeleteFunc(slices.Clone(work), func(r *request) bool { return !r.lazy })
	if len(back) == 0 {
		return work
	}
	work = slices.Concat(work, slices.DeleteFunc(slices.Clone(j.queue), isLazy))
	j.queue = append(back, slices.DeleteFunc(j.queue, func(r *request) bool { return !r.lazy })...)
	j.lazies += len(back)
	j.urgent = 0
	return work
}

func (j *Journal) transact(work []*request) (err error) {
	if j.w == nil { // an earlier failure took the connection
		if err := j.reconnect(); err != nil {
			return err
		}
	}
	if err := j.w.exec(`BEGIN IMMEDIATE`); err != nil {
		j.suspect(err)
		return fmt.Errorf("begin: %w", err)
	}
	j.gen++
	b := newBatch(j)
	defer func() {
		if err == nil {
			return
		}
		if rerr := j.w.exec(`ROLLBACK`); !j.w.conn.GetAutocommit() {
			j.suspect(errors.Join(err, rerr))
		} else {
			j.suspect(err)
		}
	}()
	for _, r := range work {
		if err := b.apply(r); err != nil {
			return err
		}
	}
	if err := b.finish(); err != nil {
		return err
	}
	if err := j.w.exec(`COMMIT`); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	j.mu.Lock()
	b.publish()
	j.mu.Unlock()
	return nil
}
