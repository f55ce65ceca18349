package local

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

// engine is what all users of one file in one process share.
type engine struct {
	path   string // absolute; "" in memory
	clock  clockwork.Clock
	log    *slog.Logger
	random io.Reader
	window time.Duration

	friendsOnly bool

	refs int // handles; guarded by open.mu

	image *Image // that the chat in memory began from; nil: none

	lock *fileLock // nil in memory
	wake *waker    // nil in memory

	logins *logins // nil in memory

	mu      sync.Mutex
	queue   []*request
	closing bool
	poke    chan struct{}
	stopped chan struct{}

	downloads busyPaths

	slots chan struct{} // one for each reader that may exist
	idle  struct {
		sync.Mutex
		dbs []*db
	}

	// What follows is the writer's goroutine's alone, under w.mu.
	w       *db
	look    *lookup
	next    int64  // the next log position
	last    uint64 // the time of the newest message or event
	version int64  // PRAGMA data_version
	epoch   int64
	conns   map[int64]*Conn
	wishes  int64 // the newest wish for a login that was looked at
	leaving []leaver
	freed   []*user // who logged out
	c2cRand uint32
	randBuf []byte
}

func newEngine(path string, config Config) *engine {
	return &engine{
		path: path, clock: config.Clock, log: config.Logger, random: config.Rand, window: config.RevokeWindow,
		friendsOnly: config.FriendsOnly,
		poke:        make(chan struct{}, 1), stopped: make(chan struct{}), conns: make(map[int64]*Conn),
	}
}

// openEngine opens or makes the file at path, or a chat in memory when path is empty.
func openEngine(path string, config Config) (_ *engine, err error) {
	e := newEngine(path, config)
	defer func() {
		if err != nil {
			e.free()
		}
	}()
	if path == "" {
		e.slots = make(chan struct{}, 1)
		if e.w, err = openDB(":memory:"); err != nil {
			return nil, err
		}
		if err := makeSchema(e.w); err != nil {
			return nil, err
		}
		return e, e.begin()
	} else if err := e.openFile(); err != nil {
		return nil, e.explain(err)
	}
	if e.wake, err = openWaker(path+"-wake", e.log, e.hear); err != nil {
		return nil, err
	}
	return e, e.begin()
}

// begin starts the writer on what the file holds.
func (e *engine) begin() (err error) {
	e.look = newLookup(e.w)
	if err := e.refresh(); err != nil {
		return err
	}
	if e.c2cRand, err = e.rand(); err != nil {
		return err
	}
	go e.runWriter()
	return nil
}

func (e *engine) openFile() error {
	e.slots = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))
	var err error
	if e.lock, err = openFileLock(e.path + "-lock"); err != nil {
		return err
	}
	if err := e.lock.lock(); err != nil {
		return err
	}
	defer e.lock.unlock()
	if e.logins, err = openLogins(e.path + "-login"); err != nil {
		return err
	}
	if e.w, err = openDB(e.path); err != nil {
		return err
	}
	fresh, err := checkSchema(e.w)
	if err != nil {
		return err
	}
	if err := e.w.conn.Exec(`PRAGMA journal_mode = WAL`); err != nil {
		return err
	}
	if fresh { // the first commit after it makes it durable along with itself
		if err := e.w.conn.Exec(`PRAGMA synchronous = NORMAL`); err != nil {
			return err
		}
		if err := makeSchema(e.w); err != nil {
			return err
		}
	} else if from, err := migrate(e.w); err != nil {
		return err
	} else if from < schemaVersion {
		e.log.Info(fmt.Sprintf("the chat file was brought from schema %d to %d", from, schemaVersion))
	}
	// Waiting for the log's disk write is what makes a call durable.
	return e.w.conn.Exec(`PRAGMA synchronous = FULL`)
}

// hear looks around after a sign from another process.
func (e *engine) hear() {
	e.logins.announce()
	e.nudge()
}

// close answers everything that waits, then ends the writer. Nobody is logged in any more.
func (e *engine) close() error {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.nudge()
	<-e.stopped
	return e.free()
}

// free closes what is open.
func (e *engine) free() error {
	var err error
	keep := func(cerr error) {
		if err == nil {
			err = cerr
		}
	}
	deaf := make(chan error, 1)
	go func() { deaf <- e.wake.close() }() // takes the kernel milliseconds, as the file does
	for range cap(e.slots) {
		e.slots <- struct{}{} // waits for readers that are still at work
	}
	for _, d := range e.idle.dbs {
		keep(d.close())
	}
	if e.image != nil {
		keep(e.image.giveBack())
	} else if e.w != nil {
		keep(e.w.close()) // the last connection folds the log into the file
	}
	keep(e.logins.close())
	keep(e.lock.close())
	keep(<-deaf)
	return err
}

// read calls f with a consistent picture of the file as of the last commit. What it looks up lives as long as f.
func (e *engine) read(ctx context.Context, op string, f func(*lookup) error) error {
	select {
	case <-e.stopped:
		return fail(op, sdkconn.CodeNotInitialized, "not initialized")
	default:
	}
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return interrupted(ctx, op)
	case <-e.stopped:
		return fail(op, sdkconn.CodeNotInitialized, "not initialized")
	}
	if e.path == "" { // there is one connection only
		e.w.mu.Lock()
		defer e.w.mu.Unlock()
		return dbError(op, f(newLookup(e.w)))
	}
	d, err := e.reader()
	if err != nil {
		return dbError(op, err)
	}
	defer func() {
		e.idle.Lock()
		e.idle.dbs = append(e.idle.dbs, d)
		e.idle.Unlock()
	}()
	if err := d.exec(`BEGIN`); err != nil {
		return dbError(op, err)
	}
	err = f(newLookup(d))
	if cerr := d.exec(`COMMIT`); err == nil {
		err = cerr
	}
	return dbError(op, err)
}

func (e *engine) reader() (*db, error) {
	e.idle.Lock()
	if n := len(e.idle.dbs); n > 0 {
		d := e.idle.dbs[n-1]
		e.idle.dbs = e.idle.dbs[:n-1]
		e.idle.Unlock()
		return d, nil
	}
	e.idle.Unlock()
	d, err := openDB(e.path)
	if err != nil {
		return nil, err
	}
	if err := d.conn.Exec(`PRAGMA query_only = ON`); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// rand returns 32 random bits. They are drawn from the source by the block: a draw may be a system call.
func (e *engine) rand() (uint32, error) {
	if len(e.randBuf) < 4 {
		buf := make([]byte, 256)
		if _, err := io.ReadFull(e.random, buf); err != nil {
			return 0, fmt.Errorf("random bytes: %w", err)
		}
		e.randBuf = buf
	}
	n := binary.LittleEndian.Uint32(e.randBuf)
	e.randBuf = e.randBuf[4:]
	return n, nil
}

// nextRand makes a message's rand: a counter from a random start for C2C, a fresh value for groups.
func (t *tx) nextRand(kind sdkconn.ConvType) (uint64, error) {
	if kind == sdkconn.ConvC2C {
		t.e.c2cRand++
		return uint64(t.e.c2cRand), nil
	}
	n, err := t.e.rand()
	return uint64(n), err
}
