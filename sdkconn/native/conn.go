package native

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

func init() { sdkconn.Register("native", driver{}) }

// driver opens native:?lib=PATH&sdkappid=N&user=ID.
type driver struct{}

// Open implements [sdkconn.Driver].
func (driver) Open(ctx context.Context, u *url.URL, config sdkconn.Config) (sdkconn.Conn, error) {
	o, err := parseOptions(u, config.Dir)
	if err != nil {
		return nil, fmt.Errorf("connection URL: %w", err)
	}
	conn, err := open(ctx, o, config, o.engine, firstBackoff)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// How long to wait before the library is started again: at once when it ran well, else longer each time.
const (
	firstBackoff = 500 * time.Millisecond
	maxBackoff   = time.Minute
	ranWell      = time.Minute
)

// logoutPatience bounds how long Close waits for the SDK.
const logoutPatience = 5 * time.Second

// errRestart is what calls answer while the library is started again.
var errRestart = errors.New("the connection to the service is being restored")

// Conn is one login through the SDK's library.
type Conn struct {
	o       options
	signer  signer
	clock   clockwork.Clock
	log     *slog.Logger
	engine  func(context.Context) (engine, error)
	backoff time.Duration

	inbox inbox
	seen  seen

	opened  uint64        // when, in Unix seconds
	loginAt atomic.Uint64 // when the last login began: what is from before is told late

	uploads atomic.Pointer[func(msg *sdkconn.Message, elem int, current, total uint64)]

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	kicked  chan struct{} // another login of the user
	expired chan struct{} // the signature has ended
	stopped chan struct{} // the supervisor has ended

	mu      sync.Mutex
	session *session      // nil while there is none to call
	held    bool          // there will be one in a moment: calls wait
	version string        // of the library
	lost    error         // for good, an *sdkconn.Error without its Op
	closed  bool          // Close was called
	loud    bool          // the state of the network is told
	changed chan struct{} // closed and replaced when something above changes
}

var (
	_ sdkconn.Conn               = (*Conn)(nil)
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

func open(ctx context.Context, o options, config sdkconn.Config, e func(context.Context) (engine, error),
	backoff time.Duration) (*Conn, error) {
	c := &Conn{
		o: o, signer: signer{o, config.Dir, config.Clock}, clock: config.Clock, log: config.Logger, engine: e, backoff: backoff,
		kicked: make(chan struct{}, 1), expired: make(chan struct{}, 1), stopped: make(chan struct{}), changed: make(chan struct{}),
	}
	c.inbox.init(o.data, config.Logger)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	s, expires, err := c.begin(ctx)
	if sdkconn.CodeOf(err) == sdkconn.CodeLoginKickedOffByOther { // it is told once, and the next login is the one that counts
		s, expires, err = c.begin(ctx)
	}
	if err != nil {
		c.cancel()
		return nil, err
	}
	c.opened = c.now()
	c.change(func() { c.session, c.loud = s, true })
	go c.supervise(s, expires)
	return c, nil
}

// begin starts the library and logs in. It returns when the signature ends.
func (c *Conn) begin(ctx context.Context) (_ *session, expires time.Time, err error) {
	sig, expires, err := c.signer.sign(ctx)
	if err != nil {
		return nil, expires, fmt.Errorf("login: %w", err)
	}
	e, err := c.engine(ctx)
	if err != nil {
		return nil, expires, err
	}
	c.change(func() { c.version = e.about().version })
	s := newSession(e, c.clock, c.o.timeout, c.hear)
	defer func() {
		if err != nil {
			s.end(logoutPatience)
		}
	}()
	if err := start(ctx, s, c.o); err != nil {
		return nil, expires, err
	}
	c.loginAt.Store(c.now())
	if err := login(ctx, s, c.o, sig); err != nil {
		return nil, expires, err
	}
	return s, expires, nil
}

// start configures and initialises the SDK.
func start(ctx context.Context, s *session, o options) error {
	logs := filepath.Join(o.data, "log")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return fmt.Errorf("the SDK's data folder: %w", err)
	}
	config, err := sdkconn.Marshal(setConfig{LogLevel: o.log})
	if err != nil {
		return err
	}
	if _, err := s.do(ctx, "SetConfig", "TIMSetConfig", string(config)); err != nil {
		return err
	}
	dirs, err := sdkconn.Marshal(initConfig{Data: o.data + string(filepath.Separator), Log: logs + string(filepath.Separator)})
	if err != nil {
		return err
	}
	if _, err := s.doWith(ctx, "Init", call{function: "TIMInit", args: []any{o.appID, string(dirs)}}, progress{}); err != nil {
		return err // not begun: ending that leaves files behind
	}
	s.begun = true
	return nil
}

// initPause is how long a login waits for TIMInit, which goes on after it returned: calls that come too early answer
// CodeNotInitialized.
const initPause = 20 * time.Millisecond

// login logs the user in.
func login(ctx context.Context, s *session, o options, sig string) error {
	ctx, cancel := withTimeout(ctx, s.clock, o.timeout)
	defer cancel()
	for {
		_, err := s.do(ctx, "Login", "TIMLogin", o.user, sig)
		if sdkconn.CodeOf(err) != sdkconn.CodeNotInitialized {
			return err
		}
		select {
		case <-s.clock.After(initPause):
		case <-ctx.Done():
			return err
		}
	}
}

// setConfig is what TIMSetConfig takes. The SDK would log to the standard output.
type setConfig struct {
	Console       bool `json:"set_config_is_log_output_console"`
	LogLevel      int  `json:"set_config_log_level"`
	CallbackLevel int  `json:"set_config_callback_log_level"`
}

// initConfig is what TIMInit takes.
type initConfig struct {
	Data string `json:"sdk_config_config_file_path"`
	Log  string `json:"sdk_config_log_file_path"`
}

// engine starts the library where the URL says.
func (o options) engine(ctx context.Context) (engine, error) {
	switch {
	case !available:
		return nil, errUnavailable
	case o.inside:
		return openInside(o.lib)
	}
	return openChild(ctx, o.lib, []string{o.secretEnv, o.sigEnv, o.sigTokenEnv})
}

func (c *Conn) change(f func()) {
	c.mu.Lock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

// restorePatience is how long calls wait for a library that is started again: less than a step of a bot may take, so that what
// was not called is told from what was.
const restorePatience = 20 * time.Second

// online returns the session to call, other than but, which has ended. It waits for one that comes.
func (c *Conn) online(ctx context.Context, op string, but *session) (*session, error) {
	var late <-chan time.Time
	for {
		c.mu.Lock()
		s, held, changed := c.session, c.held, c.changed
		err := c.refuse(op)
		c.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case s != nil && s != but:
			return s, nil
		case !held && late == nil:
			timer := c.clock.NewTimer(restorePatience)
			defer timer.Stop()
			late = timer.Chan()
		}
		select {
		case <-changed:
		case <-late:
			return nil, &sdkconn.Error{Op: op, Code: sdkconn.CodeReqNoNetOnReq, Err: errRestart}
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", op, ctx.Err())
		}
	}
}

// with has f call a session, and another one when that had ended before the call.
func (c *Conn) with(ctx context.Context, op string, f func(*session) ([]byte, error)) ([]byte, error) {
	var ended *session
	for {
		s, err := c.online(ctx, op, ended)
		if err != nil {
			return nil, err
		}
		data, err := f(s)
		if !errors.Is(err, errNotSent) {
			return data, err
		}
		ended = s
	}
}

// refuse says why there will be no session any more. c.mu is held.
func (c *Conn) refuse(op string) error {
	switch {
	case c.closed:
		return fail(op, sdkconn.CodeNotInitialized, "not initialized")
	case c.lost != nil:
		return lostError(op, c.lost)
	}
	return nil
}

func lostError(op string, lost error) error {
	code := sdkconn.CodeOf(lost)
	switch code {
	case 0, sdkconn.CodeLoginKickedOffByOther, sdkconn.CodeReqKickOff:
		code = sdkconn.CodeNotLoggedIn
	}
	return &sdkconn.Error{Op: op, Code: code, Err: lost}
}

// do calls a function of the library.
func (c *Conn) do(ctx context.Context, op, function string, args ...any) ([]byte, error) {
	return c.doWith(ctx, op, progress{}, function, args...)
}

func (c *Conn) doWith(ctx context.Context, op string, on progress, function string, args ...any) ([]byte, error) {
	return c.with(ctx, op, func(s *session) ([]byte, error) {
		return s.doWith(ctx, op, call{function: function, args: args, callback: true}, on)
	})
}

// supervise keeps the login: it renews the signature and starts the library again when it ended.
func (c *Conn) supervise(s *session, expires time.Time) {
	defer close(c.stopped)
	wait := time.Duration(0)
	for {
		began := c.clock.Now()
		err := c.attend(s, expires)
		switch {
		case c.ctx.Err() != nil:
			s.end(logoutPatience)
			return
		case errors.Is(err, sdkconn.CodeLoginKickedOffByOther):
			c.lose(err)
			s.end(logoutPatience)
			return
		}
		c.log.Warn("native: the SDK's library is started again", "user", c.o.user, "reason", err)
		c.change(func() { c.session, c.held = nil, false })
		c.network(sdkconn.NetworkDisconnected, sdkconn.CodeNetDisconnect, err.Error())
		s.end(logoutPatience)
		if c.clock.Since(began) > ranWell {
			wait = 0
		}
		for s = nil; s == nil; {
			if wait > 0 && !c.pause(wait) {
				return
			}
			wait = min(max(2*wait, c.backoff), maxBackoff)
			if s, expires, err = c.begin(c.ctx); err == nil {
				break
			}
			switch {
			case c.ctx.Err() != nil:
				return
			case forGood(err):
				c.inbox.put(sdkconn.Event{Kind: sdkconn.EventKickedOffline, At: c.now(), Desc: err.Error()})
				c.lose(err)
				return
			}
			c.log.Warn("native: the login did not succeed", "user", c.o.user, "error", err, "again in", wait)
		}
		c.drain()
		c.change(func() { c.session = s })
		c.network(sdkconn.NetworkConnected, 0, "")
		c.catchUp(s)
	}
}

// drain forgets what the session before said of itself.
func (c *Conn) drain() {
	select {
	case <-c.expired:
	default:
	}
}

// pause reports whether the time passed before Close.
func (c *Conn) pause(d time.Duration) bool {
	select {
	case <-c.clock.After(d):
		return true
	case <-c.ctx.Done():
		return false
	}
}

// forGood reports whether trying to log in again cannot help: the user is somebody else's now, or there is no such app or
// user.
func forGood(err error) bool {
	switch sdkconn.CodeOf(err) {
	case sdkconn.CodeLoginKickedOffByOther, sdkconn.CodeSvrSDKAppIDNotFound:
		return true
	}
	return false
}

// attend waits until the session needs something, and sees to its signature. It returns why the session is of no more use.
func (c *Conn) attend(s *session, expires time.Time) error {
	for {
		renew := c.clock.NewTimer(renewIn(expires.Sub(c.clock.Now())))
		var err error
		select {
		case <-c.ctx.Done():
			err = errEngineClosed
		case <-s.ended:
			err = s.gone
		case <-c.kicked:
			err = &sdkconn.Error{Op: "Login", Code: sdkconn.CodeLoginKickedOffByOther, Desc: "the same user logged in elsewhere"}
		case <-renew.Chan():
			expires, err = c.renew(s)
		case <-c.expired:
			expires, err = c.renew(s)
		}
		renew.Stop()
		if err != nil {
			return err
		}
	}
}

// renewIn leaves a tenth of a signature's life for trouble.
func renewIn(left time.Duration) time.Duration {
	return max(left-left/10, time.Second)
}

// renew logs in with a new signature. Calls wait meanwhile.
func (c *Conn) renew(s *session) (time.Time, error) {
	sig, expires, err := c.signer.sign(c.ctx)
	if err != nil {
		return expires, err
	}
	c.change(func() { c.session, c.held = nil, true })
	defer c.change(func() { c.held = false })
	if _, err := s.do(c.ctx, "Logout", "TIMLogout"); err != nil && sdkconn.CodeOf(err) != sdkconn.CodeNotLoggedIn {
		return expires, err
	}
	if err := login(c.ctx, s, c.o, sig); err != nil {
		return expires, err
	}
	c.log.Info("native: logged in with a new UserSig", "user", c.o.user, "until", expires)
	c.change(func() { c.session = s })
	c.catchUp(s)
	return expires, nil
}

// lose ends the login for good. What came before is still handed over.
func (c *Conn) lose(err error) {
	c.change(func() { c.session, c.held, c.lost = nil, false, err })
	c.inbox.finish(lostError("Subscribe", err))
}

func (c *Conn) now() uint64 { return uint64(c.clock.Now().Unix()) }

// network tells the state of the connection to the service.
func (c *Conn) network(status sdkconn.NetworkStatus, code sdkconn.Code, desc string) {
	c.mu.Lock()
	loud := c.loud
	c.mu.Unlock()
	if loud { // before the first login Open's result says it
		c.inbox.put(sdkconn.Event{Kind: sdkconn.EventNetworkStatus, At: c.now(), Network: status, Code: code, Desc: desc})
	}
}

// Self implements [sdkconn.Conn].
func (c *Conn) Self() string { return c.o.user }

// Subscribe implements [sdkconn.Conn].
func (c *Conn) Subscribe(ctx context.Context, h sdkconn.Handler) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return fail("Subscribe", sdkconn.CodeNotInitialized, "not initialized")
	}
	return c.inbox.subscribe(ctx, h)
}

// Close implements [sdkconn.Conn].
func (c *Conn) Close() error {
	var s *session
	again := false
	c.change(func() {
		again = c.closed
		s, c.session, c.held, c.closed = c.session, nil, false, true
	})
	if !again {
		c.inbox.close(fail("Subscribe", sdkconn.CodeNotInitialized, "the connection was closed"))
		if s != nil {
			s.interrupt(errEngineClosed)
		}
		c.cancel()
	}
	<-c.stopped
	return nil
}
