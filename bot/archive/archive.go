package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/actions"
)

// FileName is the archive file's name in a bot's data folder.
const FileName = "archive.db"

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("archive: closed")

// maxBatch bounds the writes of one commit.
const maxBatch = 1000

// spentFor is how long a replaced record's effect stays known: longer than a failed run waits to be taken up again.
const spentFor = 90 * 24 * time.Hour

// Archive is the archive file of one bot. Its methods may be called from many goroutines at once.
type Archive struct {
	path     string
	readOnly bool

	mu      sync.Mutex
	queue   []*request
	closed  bool
	running bool // the writer has begun
	poke    chan struct{}
	stopped chan struct{}

	w *db // the writer's goroutine's alone; nil before the first write

	reading sync.Mutex
	r       *db // under reading; nil before the first query
}

// request is one change that waits for the next commit.
type request struct {
	run  func(*db) error
	err  error
	done chan struct{}
}

// Open returns the archive file of that path for the one process that writes it. It touches nothing: the file is made
// with the first record, and a bad one is told of by the first call that needs it. The caller closes the Archive.
func Open(path string) *Archive {
	return &Archive{path: path, poke: make(chan struct{}, 1), stopped: make(chan struct{})}
}

// OpenReader opens the archive file of that path for queries, beside a bot that may be writing. The caller closes it. Errors:
// fs.ErrNotExist, ErrNotArchive, ErrNewerSchema.
func OpenReader(path string) (*Archive, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	d, err := openQuery(path)
	if err != nil {
		return nil, explain(path, err)
	}
	return &Archive{path: path, readOnly: true, r: d}, nil
}

// Close waits for what is being written, and closes the file. A second Close does nothing.
func (a *Archive) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil
	}
	a.closed = true
	running := a.running
	a.mu.Unlock()
	if running {
		a.nudge()
		<-a.stopped
	}
	a.reading.Lock()
	defer a.reading.Unlock()
	var err error
	if a.r != nil {
		err = a.r.close()
	}
	if a.w != nil { // the last connection folds the log into the file
		err = errors.Join(err, a.w.close())
	}
	return err
}

// Put implements actions.Archive: it blocks until the record is durable. An error means that it was not written, but for
// one that ctx ended, which may still be.
func (a *Archive) Put(ctx context.Context, r actions.ArchiveRecord) error {
	var data any
	if !r.Tombstone {
		raw, err := json.Marshal(r.Record, json.Deterministic(true))
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		data = string(raw)
	}
	return a.write(ctx, func(d *db) error { return put(d, &r, data) })
}

// put writes a record in the transaction at hand.
func put(d *db, r *actions.ArchiveRecord, data any) error {
	known, err := d.integer(`SELECT EXISTS (SELECT 1 FROM record WHERE effect = ?1)
		OR EXISTS (SELECT 1 FROM spent WHERE effect = ?1)`, r.Effect)
	if err != nil || known != 0 {
		return err
	}
	var key, expire any
	if !r.Expire.IsZero() {
		expire = r.Expire.UnixMilli()
	}
	if r.Key != "" {
		key = r.Key
		err := d.each(func(s *sqlite3.Stmt) error {
			if r.Tombstone && expire == nil && s.ColumnType(1) != sqlite3.NULL {
				expire = s.ColumnInt64(1) // a mark stays no longer than what it stands for
			}
			_, err := d.exec(`INSERT OR REPLACE INTO spent VALUES (?, ?)`, s.ColumnText(0), r.At.Add(spentFor).UnixMilli())
			return err
		}, `SELECT effect, expire FROM record WHERE archive = ? AND key = ?`, r.Archive, r.Key)
		if err != nil {
			return err
		}
		if _, err := d.exec(`DELETE FROM record WHERE archive = ? AND key = ?`, r.Archive, r.Key); err != nil {
			return err
		}
	}
	_, err = d.exec(`INSERT INTO record (archive, key, effect, at, expire, event, rule, tombstone, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Archive, key, r.Effect, r.At.UnixMilli(), expire, r.Event, r.Rule, r.Tombstone, data)
	return err
}

// maxTrim bounds the records that go in one commit, so that others get their turn.
const maxTrim = 1000

// Trim forgets records whose time is over, at most some of them: more asks the caller to call it again.
func (a *Archive) Trim(ctx context.Context, now time.Time) (gone int, more bool, err error) {
	a.mu.Lock()
	running := a.running
	a.mu.Unlock()
	if _, err := os.Stat(a.path); err != nil && !running {
		return 0, false, nil // nothing was ever kept
	}
	err = a.write(ctx, func(d *db) error {
		n, err := d.exec(`DELETE FROM record WHERE id IN (SELECT id FROM record WHERE expire <= ? ORDER BY expire LIMIT ?)`,
			now.UnixMilli(), int64(maxTrim))
		if err != nil {
			return err
		}
		m, err := d.exec(`DELETE FROM spent WHERE effect IN (SELECT effect FROM spent WHERE expire <= ? ORDER BY expire LIMIT ?)`,
			now.UnixMilli(), int64(maxTrim))
		gone, more = int(n), n == maxTrim || m == maxTrim
		return err
	})
	return gone, more, err
}

// write queues a change and waits until it is durable.
func (a *Archive) write(ctx context.Context, run func(*db) error) error {
	if a.readOnly {
		return errors.New("archive: opened for reading")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{run: run, done: make(chan struct{})}
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return ErrClosed
	}
	a.queue = append(a.queue, r)
	if !a.running {
		a.running = true
		go a.runWriter()
	}
	a.mu.Unlock()
	a.nudge()
	select {
	case <-r.done:
		return explain(a.path, r.err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Archive) nudge() {
	select {
	case a.poke <- struct{}{}:
	default:
	}
}

// runWriter is the one goroutine that writes. It commits at once what gathered while the last commit ran.
func (a *Archive) runWriter() {
	defer close(a.stopped)
	for range a.poke {
		for {
			a.mu.Lock()
			batch, stop := a.queue, a.closed
			if len(batch) > maxBatch {
				batch = batch[:maxBatch:maxBatch]
			}
			a.queue = a.queue[len(batch):]
			if len(a.queue) == 0 {
				a.queue = nil
			}
			a.mu.Unlock()
			if len(batch) == 0 {
				if stop {
					return
				}
				break
			}
			err := a.commit(batch)
			for _, r := range batch {
				r.err = err
				close(r.done)
			}
		}
	}
}

// commit runs a batch in one transaction.
func (a *Archive) commit(batch []*request) (err error) {
	if a.w == nil {
		if err := os.MkdirAll(filepath.Dir(a.path), 0o700); err != nil {
			return err
		}
		w, err := openWriter(a.path)
		if err != nil {
			return err
		}
		a.w = w
	}
	if _, err := a.w.exec(`BEGIN IMMEDIATE`); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil && !a.w.conn.GetAutocommit() {
			if _, rerr := a.w.exec(`ROLLBACK`); rerr != nil {
				err = fmt.Errorf("%w; roll back: %w", err, rerr)
			}
		}
	}()
	for _, r := range batch {
		if err := r.run(a.w); err != nil {
			return err
		}
	}
	if _, err := a.w.exec(`COMMIT`); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
