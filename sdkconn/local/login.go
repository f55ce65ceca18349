package local

import (
	"context"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// logins says which users are logged in in which process. A login is a lock on the byte of PATH-login whose number is the
// user's; the operating system frees it when the process ends, however that ends. Who wants a login that another process
// holds writes so into the table login: the holder hears of the commit, ends its login, and lets go.
type logins struct {
	f *os.File

	mu    sync.Mutex
	heard chan struct{} // closed and replaced when another process may have let go
}

func openLogins(path string) (*logins, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666) // as SQLite makes the chat file
	if err != nil {
		return nil, fmt.Errorf("login file: %w", err)
	}
	return &logins{f: f, heard: make(chan struct{})}, nil
}

// take reports whether the user's login is this process's now, or was already. A nil logins knows of no other process.
func (l *logins) take(user int64) (bool, error) {
	if l == nil {
		return true, nil
	}
	ok, err := tryLockByte(l.f, user)
	if err != nil {
		return false, fmt.Errorf("login file: %w", err)
	}
	return ok, nil
}

func (l *logins) letGo(user int64) error {
	if l == nil {
		return nil
	}
	if err := unlockByte(l.f, user); err != nil {
		return fmt.Errorf("login file: %w", err)
	}
	return nil
}

// changed is closed when a commit, or a login's end, of some process was heard of.
func (l *logins) changed() <-chan struct{} {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

func (l *logins) announce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.heard)
	l.heard = make(chan struct{})
}

func (l *logins) close() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}

// A process that holds a login gets handover to let go. One that does not answer in time, because it is stopped, keeps it.
// A holder's word is waited for, not asked for; the delays, which double, are for one that dies in between without a word.
const (
	handover   = 5 * time.Second
	firstDelay = time.Millisecond
)

// claim is a login on its way.
type claim struct {
	conn *Conn
	wish int64 // number of the wish; 0 while none is needed
	held bool  // by another process still
}

// login runs the claim until it is granted. The conn is admitted when it is.
func (e *engine) login(ctx context.Context, op, name string, conn *Conn) error {
	cl := &claim{conn: conn}
	for delay, waited := firstDelay, time.Duration(0); ; {
		changed := e.logins.changed()
		err := e.write(ctx, op, nil, func(t *tx) error { return t.login(op, name, cl) })
		if err != nil || !cl.held {
			return err
		}
		if waited >= handover {
			return fail(op, sdkconn.CodeRequestTimeout, "%s is logged in in another process, which does not let go", name)
		}
		timer := e.clock.NewTimer(delay)
		select {
		case <-changed:
		case <-timer.Chan():
			waited += delay
			delay = min(2*delay, max(firstDelay, handover-waited))
		case <-ctx.Done():
			timer.Stop()
			return interrupted(ctx, op)
		case <-e.stopped:
			timer.Stop()
			return fail(op, sdkconn.CodeNotInitialized, "not initialized")
		}
		timer.Stop()
	}
}

// login is one attempt. The first one that finds the login held leaves the wish for it.
func (t *tx) login(op, name string, cl *claim) error {
	u, err := t.ensureUser(name, "", true)
	if err != nil {
		return err
	}
	cl.conn.user = u
	var want, have int64
	_, err = t.db.one(func(s *sqlite3.Stmt) { want, have = s.ColumnInt64(0), s.ColumnInt64(1) },
		`SELECT want, have FROM login WHERE user = ?`, u.id)
	if err != nil {
		return err
	}
	if cl.wish != 0 && want > cl.wish { // somebody came later, and a later login ends an earlier one
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeLoginKickedOffByOther, Desc: "the same user logged in again"}
	}
	ok, err := t.e.logins.take(u.id)
	if err != nil {
		return err
	}
	cl.held = !ok
	if cl.held && cl.wish != 0 {
		return nil
	}
	// A wish of somebody else that is not granted yet is an earlier login, which this one ends.
	if cl.held || cl.wish == 0 && want > have {
		top, err := t.db.integer(`SELECT max(want) FROM login`)
		if err != nil {
			return err
		}
		want = top + 1
		cl.wish = want
	}
	if !cl.held {
		have = want
	}
	if cl.wish != 0 {
		err := t.exec(`INSERT INTO login VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET want = excluded.want, have = excluded.have`,
			u.id, want, have)
		if err != nil || cl.held {
			return err
		}
	}
	pos, err := t.loginPosition(u)
	if err != nil {
		return err
	}
	cl.conn.number = have
	t.after(func() { t.e.admit(cl.conn, pos) })
	return nil
}

// loginPosition is how far the user took his events before this login.
func (t *tx) loginPosition(u *user) (int64, error) {
	pos, err := t.db.integer(`SELECT pos FROM position WHERE user = ?`, u.id)
	if err != nil {
		return 0, err
	}
	for _, l := range t.e.leaving { // here a moment ago, and not yet written
		if l.conn.user.id == u.id {
			pos = max(pos, l.pos)
		}
	}
	if pos > 0 {
		return pos, nil
	}
	views, err := t.db.integer(`SELECT EXISTS (SELECT 1 FROM view WHERE user = ?)`, u.id)
	if err == nil && views == 0 { // nobody who is in no conversation has missed anything
		pos = t.e.next - 1
	}
	return pos, err
}

// leaver is a login that another process took over, and how far its events were taken.
type leaver struct {
	conn *Conn
	pos  int64
}

// evict ends the logins that other processes took over since the last look.
func (e *engine) evict() error {
	type wish struct{ user, want int64 }
	var wishes []wish
	err := e.w.each(func(s *sqlite3.Stmt) (bool, error) {
		wishes = append(wishes, wish{s.ColumnInt64(0), s.ColumnInt64(1)})
		return true, nil
	}, `SELECT user, want FROM login WHERE want > ? ORDER BY want`, e.wishes)
	if err != nil {
		return err
	}
	for _, w := range wishes {
		e.wishes = w.want
		if c := e.conns[w.user]; c != nil && w.want > c.number {
			delete(e.conns, w.user)
			e.leaving = append(e.leaving, leaver{c, c.kick(e.last)})
		}
	}
	return nil
}

// depart lets go of the logins that ended, once what their successor must know is on the disk. It comes after everything
// of a batch, so that a login in the same one keeps what it took.
func (e *engine) depart() {
	for {
		e.w.mu.Lock()
		for _, u := range e.freed {
			e.release(u)
		}
		e.freed = nil
		leaving := e.leaving
		e.w.mu.Unlock()
		if len(leaving) == 0 {
			return
		}
		save := &request{done: make(chan struct{}), run: func(t *tx) error {
			for _, l := range leaving {
				if e.conns[l.conn.user.id] != nil {
					continue // back already
				}
				if err := t.savePosition(l.conn, l.pos); err != nil {
					return err
				}
			}
			return nil
		}}
		e.commit([]*request{save})
		if save.err != nil {
			e.log.Error("writing how far a user took his events", "err", save.err)
		}
		e.w.mu.Lock()
		e.leaving = e.leaving[len(leaving):]
		for _, l := range leaving {
			e.freed = append(e.freed, l.conn.user)
		}
		e.w.mu.Unlock()
	}
}

// release lets go of a login that nobody here has any more, and says so. The caller holds w.mu.
func (e *engine) release(u *user) {
	if e.logins == nil || e.conns[u.id] != nil {
		return
	}
	if err := e.logins.letGo(u.id); err != nil {
		e.log.Error("letting go of a login", "err", err)
	}
	if err := e.wake.tell(); err != nil {
		e.log.Warn("waking other processes of the chat", "err", err)
	}
}

// byteOf is the place of a user's lock. Windows keeps others from reading a locked byte, so all of them are far behind
// whatever somebody may write into the file.
func byteOf(user int64) int64 { return math.MaxInt64/2 + user }

// loginWishes is who takes a login over from whom.
const loginWishes = `
CREATE TABLE login (
	user INTEGER PRIMARY KEY,
	want INTEGER NOT NULL,            -- number of the newest wish to log in while another process held the login
	have INTEGER NOT NULL             -- number of the newest login; a wish above it is not yet granted
) STRICT;
CREATE UNIQUE INDEX login_want ON login (want);
`
