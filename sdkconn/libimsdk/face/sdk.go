// Package face is the C API of the TIM SDK 8.0 over the embedded chat, in Go: what libImSDK.so does behind its symbols.
//
// Methods are named like the C functions without TIM; strings go in and out as the C API has them, NULL and "" are both "".
// Each returns TIMResult at once: 0, or CodeParam or CodeJSON for an argument that cannot be, and then no Reply comes.
// Everything else is answered through the Reply, on one thread that calls every Reply and every listener, one after
// another, in the order of the answers. A Reply that is nil is not missed; one may call back in, Uninit included.
//
// One SDK is one process's SDK: one login at a time. The calls of a login are done one after another, in the order in which
// they came, so that each sees what those before it did; only downloads run beside them.
package face

import (
	"context"
	"path/filepath"
	"slices"
	"sync"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// Version is what GetSDKVersion returns: that of the library whose behaviour this has.
const Version = "8.0.5903"

// defaultDir is where the real library keeps its files on Linux when its config names no folder.
const defaultDir = "com_tencent_imsdk_data"

// Reply takes a call's result. The strings are its own.
type Reply func(code sdkconn.Code, desc, json string)

// Config is what an SDK takes from its process.
type Config struct {
	// Chat is asked by Init for the chat file. Nil or "": chat.db in the folder that Init's sdk_config_config_file_path
	// names, which is made.
	Chat func() string

	// Clock is where the time comes from. Nil is the real clock.
	Clock clockwork.Clock

	// Thread is the number of the operating system's thread that calls it. With it Uninit waits for a Reply that is
	// running, unless that Reply called it; nil never waits.
	Thread func() uint64
}

// SDK is one process's SDK. All methods may be called from many goroutines at once, and from a Reply or a listener.
type SDK struct {
	config Config
	thread *thread

	mu        sync.Mutex
	term      *term // the time from Init to Uninit; before and after, one that is not open
	status    LoginStatus
	attempt   *attempt   // the login that is on its way
	session   *session   // the login that is there
	listeners *listeners // Uninit leaves them to the term that ends
	rand      uint32
}

// term is the time between Init and Uninit. Answers to calls of one that ended never come.
type term struct {
	scope
	open   bool
	appID  uint64
	path   string // of the chat file
	dir    string // to be made for it, or ""
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	leaving []*session // whose login ended by itself and that are being closed; the SDK's mutex guards it

	mu   sync.Mutex
	chat *local.Chat // opened by the first login
}

// New makes an SDK. Its thread starts at once and ends with Close.
func New(config Config) *SDK {
	config.Clock = sdkconn.Config{Clock: config.Clock}.WithDefaults().Clock
	return &SDK{config: config, thread: startThread(config.Thread), term: new(term), status: LoginNone, listeners: new(listeners)}
}

// Close is Uninit, and ends the thread. It must not be called from a Reply or listener.
func (s *SDK) Close() {
	s.Uninit()
	s.thread.stop()
}

// Init begins: calls answer CodeNotLoggedIn from now on, instead of CodeNotInitialized. A second one changes nothing.
func (s *SDK) Init(appID uint64, config string) sdkconn.Code {
	var c struct {
		Dir string `json:"sdk_config_config_file_path"`
	}
	if appID == 0 {
		return sdkconn.CodeParam
	}
	if code := object(config, &c, mayBeEmpty); code != 0 {
		return code
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.term.open {
		return 0
	}
	t := &term{open: true, appID: appID}
	if s.config.Chat != nil {
		t.path = s.config.Chat()
	}
	if t.path == "" {
		if t.dir = c.Dir; t.dir == "" {
			t.dir = defaultDir
		}
		t.path = filepath.Join(t.dir, "chat.db")
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	s.term = t
	l := s.listeners
	for _, status := range []sdkconn.NetworkStatus{sdkconn.NetworkConnecting, sdkconn.NetworkConnected} {
		s.thread.post(&t.scope, func() {
			if f := s.heard(l).network; f != nil {
				f(status, 0, "")
			}
		})
	}
	return 0
}

// Uninit ends the login, forgets the listeners, and drops every answer that has not come: when it returns, none is running
// and none will come. Only a Reply or listener that calls it is still there.
func (s *SDK) Uninit() sdkconn.Code {
	s.mu.Lock()
	t := s.term
	if !t.open {
		s.mu.Unlock()
		return 0
	}
	sessions := slices.Clone(t.leaving)
	if s.session != nil {
		sessions = append(sessions, s.session)
	}
	s.term, s.session, s.attempt, s.status, s.listeners = new(term), nil, nil, LoginNone, new(listeners)
	s.thread.end(&t.scope)
	for _, c := range sessions {
		s.thread.end(&c.scope)
	}
	s.mu.Unlock()
	t.cancel()
	for _, c := range sessions {
		s.thread.quiet(&c.scope)
		c.close()
	}
	s.thread.quiet(&t.scope)
	t.work.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.chat != nil {
		if err := t.chat.Close(); err != nil {
			return sdkconn.CodeDatabaseOperateFailed
		}
	}
	return 0
}

// GetServerTime is the time in Unix seconds.
func (s *SDK) GetServerTime() uint64 { return uint64(s.config.Clock.Now().Unix()) }

// SetConfig takes settings, none of which the embedded chat has, and answers them.
func (s *SDK) SetConfig(config string, reply Reply) sdkconn.Code {
	if code := object(config, new(struct{}), mayBeEmpty); code != 0 {
		return code
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer(s.term, reply, 0, "", config)
	return 0
}

// answer has reply called on the thread, unless the term ends before. s.mu is held or the term is the caller's.
func (s *SDK) answer(t *term, reply Reply, code sdkconn.Code, desc, json string) {
	if reply != nil {
		s.thread.post(&t.scope, func() { reply(code, desc, json) })
	}
}
