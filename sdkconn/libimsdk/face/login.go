package face

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// LoginStatus is TIMLoginStatus.
type LoginStatus int32

// The states of the login.
const (
	LoginDone    LoginStatus = 1
	LoginRunning LoginStatus = 2
	LoginNone    LoginStatus = 3
	LogoutRuns   LoginStatus = 4
)

// attempt is a login that is on its way.
type attempt struct {
	ctx    context.Context
	cancel context.CancelFunc
}

// GetLoginStatus is how far the login is.
func (s *SDK) GetLoginStatus() LoginStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// GetLoginUserID is who is logged in, or "".
func (s *SDK) GetLoginUserID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return ""
	}
	return s.session.conn.Self()
}

// Login logs the user in, and makes him when he is new. Any signature will do, unless the chat file carries a secret
// (local.Chat.SetSecret): then it is verified, and when it ends, so does the login. Another user who is logged in is logged out
// first; who is logged in already stays so, until the end of the new signature when that is good.
func (s *SDK) Login(user, sig string, reply Reply) sdkconn.Code {
	if user == "" || sig == "" {
		return sdkconn.CodeParam
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, old := s.term, s.session
	switch {
	case !t.open:
		s.answer(t, reply, sdkconn.CodeNotInitialized, "not initialized", "")
		return 0
	case s.status == LoginRunning:
		s.answer(t, reply, sdkconn.CodeLoginInProcess, "login in process", "")
		return 0
	case s.status == LogoutRuns:
		s.answer(t, reply, sdkconn.CodeLogoutInProcess, "logout in process", "")
		return 0
	case old != nil && old.conn.Self() == user:
		old.add(func(ctx context.Context) { s.renew(ctx, t, old, sig, reply) })
		return 0
	}
	a := new(attempt)
	a.ctx, a.cancel = context.WithCancel(t.ctx)
	s.attempt, s.session, s.status = a, nil, LoginRunning
	t.work.Go(func() {
		defer a.cancel()
		if old != nil {
			s.thread.end(&old.scope)
			old.close()
		}
		conn, expires, err := t.login(a.ctx, s.config, user, sig)
		s.loggedIn(t, a, conn, expires, err, reply)
	})
	return 0
}

// renew takes another signature of the user who is logged in.
func (s *SDK) renew(ctx context.Context, t *term, c *session, sig string, reply Reply) {
	t.mu.Lock()
	expires, err := t.chat.CheckUserSig(ctx, t.appID, c.conn.Self(), sig)
	t.mu.Unlock()
	if err == nil && !c.lasts(s.until(expires)) {
		err = &sdkconn.Error{Code: sdkconn.CodeNotLoggedIn, Desc: notLoggedIn}
	}
	code, desc := outcome(err)
	s.answer(t, reply, code, desc, "")
}

// login opens the chat, unless it is open, and logs in until the signature ends.
func (t *term) login(ctx context.Context, config Config, user, sig string) (conn *local.Conn, expires time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.chat == nil {
		if t.dir != "" {
			if err := os.MkdirAll(t.dir, 0o777); err != nil {
				return nil, expires, &sdkconn.Error{Code: sdkconn.CodeIOOperationFailed, Desc: err.Error()}
			}
		}
		chat, err := local.Open(ctx, t.path, local.Config{Clock: config.Clock})
		if err != nil {
			return nil, expires, &sdkconn.Error{Code: sdkconn.CodeDatabaseOperateFailed, Desc: fmt.Sprint(err)}
		}
		t.chat = chat
	}
	if expires, err = t.chat.CheckUserSig(ctx, t.appID, user, sig); err != nil {
		return nil, expires, err
	}
	conn, err = t.chat.Login(ctx, user)
	return conn, expires, err
}

func (s *SDK) loggedIn(t *term, a *attempt, conn *local.Conn, expires time.Time, err error, reply Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.attempt != a: // Logout or Uninit came between
		if conn != nil {
			t.work.Go(func() { conn.Close() }) // nothing was done that could be lost
		}
		s.answer(t, reply, sdkconn.CodeLoggedOutBeforeLoginFinished, "logged out before the login finished", "")
	case err != nil:
		s.attempt, s.status = nil, LoginNone
		code, desc := outcome(err)
		s.answer(t, reply, code, desc, "")
	default:
		s.attempt, s.status = nil, LoginDone
		s.answer(t, reply, 0, "", "")
		s.session = s.startSession(t, conn, expires)
	}
}

// Logout ends the login when the calls that came before it are done. Without a login there is nothing to end.
func (s *SDK) Logout(reply Reply) sdkconn.Code {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, session := s.term, s.session
	switch {
	case !t.open:
		s.answer(t, reply, sdkconn.CodeNotInitialized, "not initialized", "")
		return 0
	case s.status == LogoutRuns:
		s.answer(t, reply, sdkconn.CodeLogoutInProcess, "logout in process", "")
		return 0
	case session == nil:
		if s.attempt != nil {
			s.attempt.cancel()
		}
		s.attempt, s.status = nil, LoginNone
		s.answer(t, reply, 0, "", "")
		return 0
	}
	s.session, s.status = nil, LogoutRuns
	t.work.Go(func() {
		session.drain()
		s.thread.end(&session.scope)
		err := session.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.term == t {
			s.status = LoginNone
		}
		code, desc := outcome(err)
		s.answer(t, reply, code, desc, "")
	})
	return 0
}
