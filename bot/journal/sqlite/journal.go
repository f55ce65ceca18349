package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/timbot-go/timbot/bot/journal"
)

// Config is how a journal is opened. The zero value is fine.
type Config struct {
	Logger *slog.Logger // nil: nothing is logged

	// ReadOnly opens a file that is there, for looking into it only: everything that writes returns ErrReadOnly. It takes
	// no lock, and shows what another process has committed.
	ReadOnly bool

	// VFS is the name of the registered SQLite VFS that the file is opened through; "" is the operating system's. Tests
	// give one that fails as they like.
	VFS string
}

// ErrReadOnly is returned by what would change a journal that was opened with Config.ReadOnly.
var ErrReadOnly = errors.New("journal: opened for reading only")

// Journal is a journal in one file. Make one with Open.
type Journal struct {
	path     string
	vfs      string
	log      *slog.Logger
	readOnly bool
	lock     *fileLock

	// The queue of what waits for the writer.
	queueMu  sync.Mutex
	queue    []*request
	lazies   int // lazy ones in queue
	urgent   int // the others
	closing  bool
	poke     chan struct{}
	stopped  chan struct{}
	closeErr error

	unseen [lazyKinds]atomic.Int64 // lazy changes of a kind that are not committed yet
	texts  texts

	// The writer's own.
	w       *db
	gen     uint64 // numbers the batches
	scratch []byte

	mu sync.RWMutex // guards x, which the writer changes
	x  index

	life    sync.RWMutex // held for reading by calls that read, for writing by Close
	gone    bool
	readers chan *db // that nobody uses
	opened  chan struct{}
	version int64 // of the file that x was read from, when readOnly
}

var _ journal.Journal = (*Journal)(nil)

// maxReaders bounds the connections that read at a time.
const maxReaders = 4

// Open opens the journal at path and makes it when it is not there. The caller closes it. Errors: ErrNotJournal,
// ErrNewerSchema, ErrInUse, and with Config.ReadOnly fs.ErrNotExist.
func Open(ctx context.Context, path string, config Config) (j *Journal, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j = &Journal{
		path: path, vfs: config.VFS, log: config.Logger, readOnly: config.ReadOnly,
		poke: make(chan struct{}, 1), stopped: make(chan struct{}),
		readers: make(chan *db, maxReaders), opened: make(chan struct{}, maxReaders),
	}
	if config.ReadOnly { // data_version, which tells of others' changes, is the connection's own
		j.opened = make(chan struct{}, 1)
	}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	switch stat, err := os.Stat(path); {
	case err == nil && !stat.Mode().IsRegular():
		return nil, fmt.Errorf("journal %s: not a file", path)
	case err != nil && (config.ReadOnly || !errors.Is(err, fs.ErrNotExist)):
		return nil, fmt.Errorf("journal: %w", err)
	}
	if config.ReadOnly {
		close(j.stopped)
		if err := j.read(ctx, func(d *db) error {
			if version, err := checkSchema(d); err != nil {
				return err
			} else if version < schemaVersion {
				return fmt.Errorf("schema %d, known is %d: open it for writing once, which brings it up to date",
					version, schemaVersion)
			}
			return nil
		}); err != nil {
			return nil, errors.Join(err, j.Close())
		}
		return j, nil
	}
	if j.lock, err = lockFile(path); err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	if err := j.start(); err != nil {
		err = explain(path, err)
		if j.w != nil {
			err = errors.Join(err, j.w.close())
		}
		return nil, errors.Join(err, j.lock.close())
	}
	go j.runWriter()
	return j, nil
}

// start opens the writer's connection, brings the file up to date and reads what is open.
func (j *Journal) start() error {
	if err := j.connect(); err != nil {
		return err
	}
	if err := j.w.conn.Exec(`BEGIN`); err != nil {
		return err
	}
	x, err := load(j.w)
	if cerr := j.w.conn.Exec(`COMMIT`); err == nil {
		err = cerr
	}
	j.x = x
	return err
}

// connect opens the writer's connection.
func (j *Journal) connect() (err error) {
	if j.w, err = openDB(j.path, j.vfs); err != nil {
		return err
	}
	version, err := checkSchema(j.w)
	if err != nil {
		return err
	}
	// Checkpoints at 16 MiB of log: each costs two more waits for the disk.
	if err := j.w.conn.Exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
		PRAGMA journal_size_limit = 67108864`); err != nil {
		return err
	}
	if err := migrate(j.w, version); err != nil {
		return err
	}
	if version > 0 && version < schemaVersion {
		j.log.Info("journal brought up to date", "from_schema", version, "schema", schemaVersion)
	}
	return nil
}

// Close implements journal.Journal.
func (j *Journal) Close() error {
	j.queueMu.Lock()
	j.closing = true
	j.queueMu.Unlock()
	j.nudge()
	<-j.stopped
	j.life.Lock()
	defer j.life.Unlock()
	if j.gone {
		return nil
	}
	j.gone = true
	err := j.closeErr
	for range len(j.opened) { // nobody reads any more, so that all are here
		if cerr := (<-j.readers).close(); err == nil {
			err = cerr
		}
	}
	if j.w != nil { // the last one, so that it cleans up the log
		if cerr := j.w.close(); err == nil {
			err = cerr
		}
	}
	if cerr := j.lock.close(); err == nil {
		err = cerr
	}
	return explain(j.path, err)
}

// read calls f with a connection that reads one state of the file. ctx ends what f does in it.
func (j *Journal) read(ctx context.Context, f func(*db) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.life.RLock()
	defer j.life.RUnlock()
	if j.gone {
		return journal.ErrClosed
	}
	d, err := j.reader(ctx)
	if err != nil {
		return err
	}
	d.conn.SetInterrupt(ctx)
	err = j.snapshot(d, f)
	d.conn.SetInterrupt(context.Background())
	if err == nil || ctx.Err() != nil || errors.Is(err, journal.ErrUnknownRuleSet) {
		j.readers <- d
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	d.close() // whatever is wrong with it, the next one begins anew
	<-j.opened
	return explain(j.path, err)
}

func (j *Journal) snapshot(d *db, f func(*db) error) (err error) {
	if err := d.exec(`BEGIN`); err != nil {
		return err
	}
	defer func() {
		d.conn.SetInterrupt(context.Background())
		if d.conn.GetAutocommit() {
			return
		}
		if cerr := d.exec(`ROLLBACK`); err == nil {
			err = cerr
		}
	}()
	if j.readOnly {
		if err := j.refresh(d); err != nil {
			return err
		}
	}
	return f(d)
}

// reader returns a connection that nobody uses.
func (j *Journal) reader(ctx context.Context) (*db, error) {
	select {
	case d := <-j.readers:
		return d, nil
	default:
	}
	select {
	case d := <-j.readers:
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case j.opened <- struct{}{}:
	}
	d, err := openDB(j.path, j.vfs)
	if err == nil {
		if err = d.conn.Exec(`PRAGMA query_only = ON`); err != nil {
			d.close()
		}
	}
	if err != nil {
		<-j.opened
		return nil, explain(j.path, err)
	}
	return d, nil
}

// refresh reads the index again when another process has changed the file. There is one reader only.
func (j *Journal) refresh(d *db) error {
	version, err := d.integer(`PRAGMA data_version`)
	if err != nil || j.x.pending != nil && j.version == version {
		return err
	}
	j.x, err = load(d)
	j.version = version
	return err
}
