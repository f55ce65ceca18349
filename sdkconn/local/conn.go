package local

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/timbot-go/timbot/sdkconn"
)

// Conn is one user's login to a chat.
type Conn struct {
	e      *engine
	chat   *Chat
	user   *user
	driver bool // the chat was opened for this login alone

	lost  chan struct{} // closed when the login ends, one way or the other
	inbox inbox

	progress atomic.Pointer[func(msg *sdkconn.Message, elem int, current, total uint64)]

	mu     sync.Mutex
	kicked bool
	closed bool

	number int64 // of the login, in the table login; the writer's alone

	convs map[int64]*convState // what conversation events need; the writer's alone
}

var (
	_ sdkconn.Conn               = (*Conn)(nil)
	_ sdkconn.Idler              = (*Conn)(nil)
	_ sdkconn.Groups             = (*Conn)(nil)
	_ sdkconn.GroupEditor        = (*Conn)(nil)
	_ sdkconn.GroupPendencies    = (*Conn)(nil)
	_ sdkconn.Conversations      = (*Conn)(nil)
	_ sdkconn.MessageFinder      = (*Conn)(nil)
	_ sdkconn.ConvEditor         = (*Conn)(nil)
	_ sdkconn.ReceiveOpts        = (*Conn)(nil)
	_ sdkconn.Friends            = (*Conn)(nil)
	_ sdkconn.BlackList          = (*Conn)(nil)
	_ sdkconn.UploadProgress     = (*Conn)(nil)
	_ sdkconn.ProfileEditor      = (*Conn)(nil)
	_ sdkconn.Profiles           = (*Conn)(nil)
	_ sdkconn.MessageModifier    = (*Conn)(nil)
	_ sdkconn.MessageListDeleter = (*Conn)(nil)
	_ sdkconn.HistoryClearer     = (*Conn)(nil)
	_ sdkconn.LocalCustomData    = (*Conn)(nil)
	_ sdkconn.MessageSearcher    = (*Conn)(nil)
	_ sdkconn.MergerDownloader   = (*Conn)(nil)
)

// Login logs the user in, and makes him when there is no such user yet. A login that the same user has, in this process or
// another, ends: it is told EventKickedOffline, and its calls answer CodeNotLoggedIn. Login blocks until the other process
// has let go, which takes it a commit. It wants no UserSig: whoever is to have one is asked for it by CheckUserSig before.
//
// Errors: CodeInvalidIdentifier for an id that is not 1 to 32 bytes of printable ASCII, CodeRequestTimeout when the other
// process does not answer for 5 s, CodeLoginKickedOffByOther when the user logged in elsewhere meanwhile.
func (c *Chat) Login(ctx context.Context, user string) (*Conn, error) {
	const op = "Login"
	if !validUser(user) {
		return nil, fail(op, sdkconn.CodeInvalidIdentifier, "user id %q", user)
	}
	if err := c.check(op); err != nil {
		return nil, err
	}
	conn := &Conn{e: c.e, chat: c, lost: make(chan struct{}), convs: make(map[int64]*convState)}
	conn.inbox.init()
	err := c.e.login(ctx, op, user, conn)
	if err != nil {
		conn.abandon(ctx)
		return nil, err
	}
	c.mu.Lock()
	closed := c.closed
	if !closed {
		c.conns[conn] = struct{}{}
	}
	c.mu.Unlock()
	if closed {
		conn.logout()
		return nil, fail(op, sdkconn.CodeNotInitialized, "not initialized")
	}
	return conn, nil
}

// abandon ends a login whose caller gave up: it may still come about, and nobody has it then. ctx has ended or the
// database failed, so nothing waits.
func (c *Conn) abandon(ctx context.Context) {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.e.write(ctx, "Login", nil, func(t *tx) error {
		t.after(func() { t.e.dismiss(c) })
		return nil
	})
}

// dismiss forgets a login.
func (e *engine) dismiss(c *Conn) {
	if c.user == nil {
		return
	}
	if e.conns[c.user.id] == c {
		delete(e.conns, c.user.id)
	}
	e.freed = append(e.freed, c.user)
}

// admit makes conn the user's login, on the writer's goroutine. pos is how far his events were taken.
func (e *engine) admit(conn *Conn, pos int64) {
	conn.mu.Lock()
	abandoned := conn.closed
	conn.mu.Unlock()
	if abandoned {
		return
	}
	if old := e.conns[conn.user.id]; old != nil {
		pos = max(pos, old.kick(e.last))
	}
	conn.inbox.begin(pos, e.next-1)
	e.conns[conn.user.id] = conn
}

// kick ends the login in favour of another and returns how far its events were taken.
func (c *Conn) kick(at uint64) int64 {
	c.mu.Lock()
	c.kicked = true
	open := !c.closed
	// Whoever finds the login kicked finds the event as well.
	pos := c.inbox.kick(sdkconn.Event{Kind: sdkconn.EventKickedOffline, At: at, Desc: "the same user logged in again"})
	c.mu.Unlock()
	if open {
		close(c.lost)
	}
	return pos
}

// check answers whether calls are possible.
func (c *Conn) check(op string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return fail(op, sdkconn.CodeNotInitialized, "not initialized")
	case c.kicked:
		return notLoggedIn(op)
	}
	return nil
}

// notLoggedIn also is the reason, so that errors.Is finds both.
func notLoggedIn(op string) error {
	return &sdkconn.Error{Op: op, Code: sdkconn.CodeNotLoggedIn, Desc: "not login", Err: sdkconn.CodeLoginKickedOffByOther}
}

// checkConv does what every call that names a conversation does first.
func (c *Conn) checkConv(op string, conv sdkconn.Conversation) error {
	if !conv.Valid() {
		return fail(op, sdkconn.CodeParam, "conversation %s", conv)
	}
	return nil
}

// write changes the file as this user; run is not called when the login was lost meanwhile.
func (c *Conn) write(ctx context.Context, op string, run func(*tx) error) error {
	if err := c.check(op); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return interrupted(ctx, op)
	}
	return c.e.write(ctx, op, c.lost, func(t *tx) error {
		if err := c.check(op); err != nil {
			return err
		}
		return run(t)
	})
}

func (c *Conn) read(ctx context.Context, op string, f func(*lookup) error) error {
	if err := c.check(op); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return interrupted(ctx, op)
	}
	return c.e.read(ctx, op, f)
}

// Self implements [sdkconn.Conn].
func (c *Conn) Self() string { return c.user.name }

// Close implements [sdkconn.Conn]. How far the events were taken is durable when it returns.
func (c *Conn) Close() error {
	c.chat.mu.Lock()
	delete(c.chat.conns, c)
	c.chat.mu.Unlock()
	err := c.logout()
	if c.driver {
		if cerr := c.chat.Close(); err == nil {
			err = cerr
		}
	}
	return err
}

// logout ends the login.
func (c *Conn) logout() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	kicked := c.kicked
	c.mu.Unlock()
	if kicked {
		return nil
	}
	close(c.lost)
	return c.e.write(context.Background(), "Close", nil, func(t *tx) error {
		t.after(func() { t.e.dismiss(c) })
		if pos := c.inbox.ended(); pos >= 0 {
			return t.savePosition(c, pos)
		}
		return nil
	})
}
