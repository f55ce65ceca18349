package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/timbot-go/timbot/sdkconn"
)

// request is one change that waits for the next commit.
type request struct {
	run  func(*tx) error
	err  error
	done chan struct{}
}

// maxBatch bounds the requests of one commit, so that other processes get their turn.
const maxBatch = 512

// tx is the transaction that a request runs in, which it shares with the others of its batch. A request looks first and
// writes then: once it has written, only the database may make it fail, because that fails the whole batch.
type tx struct {
	*lookup
	e          *engine
	now        uint64 // seconds; no message is older than the one before
	wrote      bool
	epochMoved bool
	news       []news
}

// news is what is told after the commit, in order: a message, an event, or whatever the function does.
type news struct {
	msg   *row
	event *happening
	do    func()
}

// exec changes the file.
func (t *tx) exec(sql string, args ...any) error {
	t.wrote = true
	return t.db.exec(sql, args...)
}

// nextID gives out the next log position.
func (t *tx) nextID() int64 {
	id := t.e.next
	t.e.next++
	return id
}

// here is the newest log position, for what happens without one of its own.
func (t *tx) here() int64 { return t.e.next - 1 }

// after runs f once the commit is durable, on the writer's goroutine.
func (t *tx) after(f func()) { t.news = append(t.news, news{do: f}) }

// write queues a change and waits until it is durable. quit, which may be nil, ends the wait as ctx does.
func (e *engine) write(ctx context.Context, op string, quit <-chan struct{}, run func(*tx) error) error {
	r := &request{run: run, done: make(chan struct{})}
	e.mu.Lock()
	if e.closing {
		e.mu.Unlock()
		return fail(op, sdkconn.CodeNotInitialized, "not initialized")
	}
	e.queue = append(e.queue, r)
	e.mu.Unlock()
	e.nudge()
	select {
	case <-r.done:
		return dbError(op, r.err)
	case <-ctx.Done():
		return interrupted(ctx, op)
	case <-quit:
		select {
		case <-r.done:
			return dbError(op, r.err)
		default:
			return fail(op, sdkconn.CodeInterrupt, "the connection was closed")
		}
	}
}

// nudge makes the writer look around: requests are waiting, or another process has committed.
func (e *engine) nudge() {
	select {
	case e.poke <- struct{}{}:
	default:
	}
}

// runWriter is the one goroutine that writes. It commits at once what gathered while the last commit ran and never waits
// for company, so that one sender alone pays one commit and many share it.
func (e *engine) runWriter() {
	defer close(e.stopped)
	for range e.poke {
		for more := true; more; {
			e.mu.Lock()
			batch := e.queue
			if more = len(batch) > maxBatch; more {
				batch, e.queue = batch[:maxBatch:maxBatch], batch[maxBatch:]
			} else {
				e.queue = nil
			}
			stop := e.closing && !more
			e.mu.Unlock()
			if len(batch) > 0 {
				e.commit(batch)
			} else if !stop {
				e.listen()
			}
			e.depart()
			if stop {
				return
			}
		}
	}
}

// listen tells what other processes have committed.
func (e *engine) listen() {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if err := e.refresh(); err != nil {
		e.log.Error("reading what another process wrote to the chat", "err", err)
	}
}

// commit runs a batch in one transaction and answers its requests.
func (e *engine) commit(batch []*request) {
	e.w.mu.Lock()
	news, wrote, err := e.transact(batch)
	if err != nil {
		err = e.explain(err)
		for _, r := range batch {
			r.err = err
		}
	} else {
		if wrote {
			if err := e.wake.tell(); err != nil {
				e.log.Warn("waking other processes of the chat", "err", err)
			}
		}
		e.tell(news)
	}
	e.w.mu.Unlock()
	for _, r := range batch {
		close(r.done)
	}
}

func (e *engine) transact(batch []*request) (told []news, wrote bool, err error) {
	if err := e.lock.lock(); err != nil {
		return nil, false, err
	}
	defer func() {
		if uerr := e.lock.unlock(); uerr != nil && err == nil {
			e.log.Error("releasing the chat's lock file", "err", uerr)
		}
	}()
	if err := e.w.begin(); err != nil {
		return nil, false, fmt.Errorf("begin: %w", err)
	}
	next, last := e.next, e.last
	defer func() {
		if err == nil {
			return
		}
		e.next, e.last = next, last
		e.look = newLookup(e.w) // it may hold what was rolled back
		if rerr := e.w.rollback(); rerr != nil {
			e.log.Error("rolling back", "err", rerr)
		}
	}()
	if err := e.refresh(); err != nil {
		return nil, false, err
	}
	next, last = e.next, e.last
	e.last = max(e.last, uint64(max(0, e.clock.Now().Unix())))
	t := &tx{lookup: e.look, e: e, now: e.last}
	for _, r := range batch {
		t.wrote = false
		if r.err = r.run(t); r.err != nil {
			var refused *sdkconn.Error
			if t.wrote || !errors.As(r.err, &refused) {
				return nil, false, r.err
			}
		}
		wrote = wrote || t.wrote
	}
	if wrote {
		if err := e.savePositions(t); err != nil {
			return nil, false, err
		}
	}
	if t.epochMoved {
		if err := e.w.exec(`UPDATE meta SET epoch = epoch + 1`); err != nil {
			return nil, false, err
		}
	}
	if err := e.w.commit(); err != nil {
		return nil, false, fmt.Errorf("commit: %w", err)
	}
	if t.epochMoved {
		e.epoch++
	}
	return t.news, wrote, nil
}

// refresh notices what other processes have committed since the writer last looked: it forgets what may have changed
// and tells what is new.
func (e *engine) refresh() error {
	version, err := e.w.integer(`PRAGMA data_version`)
	if err != nil || version == e.version {
		return err
	}
	schema, err := e.w.integer(`PRAGMA user_version`)
	if err != nil {
		return err
	}
	if schema > schemaVersion {
		return fmt.Errorf("schema %d, known up to %d: %w", schema, schemaVersion, ErrNewerSchema)
	}
	epoch, err := e.w.integer(`SELECT epoch FROM meta`)
	if err != nil {
		return err
	}
	if epoch != e.epoch {
		e.look = newLookup(e.w)
	}
	for _, r := range e.look.rooms {
		r.seq = -1
	}
	last, err := e.w.integer(`SELECT max(coalesce((SELECT max(id) FROM msg), 0), coalesce((SELECT max(id) FROM event), 0))`)
	if err != nil {
		return err
	}
	at, err := e.w.integer(`SELECT max(coalesce((SELECT time FROM msg ORDER BY id DESC LIMIT 1), 0),
		coalesce((SELECT at FROM event ORDER BY id DESC LIMIT 1), 0))`)
	if err != nil {
		return err
	}
	if e.next > 0 && last >= e.next { // 0: the file was just opened, and nobody is there to be told
		news, err := e.look.newsBetween(e.next-1, last)
		if err != nil {
			return err
		}
		e.tell(news)
	}
	// Position 1 stays empty: what happens in a new file before the first message has a place of its own.
	e.next, e.last = max(last, 1)+1, max(e.last, uint64(at))
	e.version, e.epoch = version, epoch
	return e.evict()
}

// maxPositions bounds how many positions a commit writes. The others' turn comes with a later one.
const maxPositions = 8

// savePositions writes how far the logged-in users have taken their events, along with a commit that happens anyway.
func (e *engine) savePositions(t *tx) error {
	n := 0
	for _, c := range e.conns {
		pos, changed := c.inbox.position()
		if !changed {
			continue
		}
		if err := t.savePosition(c, pos); err != nil {
			return err
		}
		if n++; n == maxPositions {
			break
		}
	}
	return nil
}

func (t *tx) savePosition(c *Conn, pos int64) error {
	err := t.exec(`INSERT INTO position VALUES (?, ?) ON CONFLICT DO UPDATE SET pos = excluded.pos`, c.user.id, pos)
	t.after(func() { c.inbox.positionSaved(pos) })
	return err
}
