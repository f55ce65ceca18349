package face

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// What a call without a login says: the ones that read the local database have their own words.
const (
	notLoggedIn = "not login"
	noDatabase  = "not init database"
)

// ask has do done for the user who is logged in and answers what it returns. A failure has the JSON that do returned beside
// the error, or, when it returned none, blank.
func (s *SDK) ask(reply Reply, nobody, blank string, do func(context.Context, *local.Conn) (desc, json string, err error)) sdkconn.Code {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, c := s.term, s.session
	if code, desc := s.unready(nobody); code != 0 {
		s.answer(t, reply, code, desc, blank)
		return 0
	}
	c.add(func(ctx context.Context) {
		desc, json, err := do(ctx, c.conn)
		if err != nil {
			var code sdkconn.Code
			if code, desc = outcome(err); json == "" {
				json = blank
			}
			s.answer(t, reply, code, desc, json)
			return
		}
		s.answer(t, reply, 0, desc, json)
	})
	return 0
}

// unready says why no call is possible. s.mu is held.
func (s *SDK) unready(nobody string) (sdkconn.Code, string) {
	switch {
	case !s.term.open:
		return sdkconn.CodeNotInitialized, "not initialized"
	case s.session == nil:
		return sdkconn.CodeNotLoggedIn, nobody
	}
	return 0, ""
}

// act is ask for a call that has nothing to say but whether it worked.
func (s *SDK) act(reply Reply, do func(context.Context, *local.Conn) error) sdkconn.Code {
	return s.ask(reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (string, string, error) {
		return "", "", do(ctx, c)
	})
}

// fetch is ask for a call whose result is a value.
func fetch[T any](s *SDK, reply Reply, nobody, blank string, do func(context.Context, *local.Conn) (T, error)) sdkconn.Code {
	return s.ask(reply, nobody, blank, func(ctx context.Context, c *local.Conn) (string, string, error) {
		v, err := do(ctx, c)
		if err != nil {
			return "", "", err
		}
		return "OK", encode(v), nil
	})
}

// fail answers a call that cannot work, when somebody is logged in, with code.
func (s *SDK) fail(reply Reply, nobody, blank string, code sdkconn.Code, desc string) sdkconn.Code {
	return s.ask(reply, nobody, blank, func(context.Context, *local.Conn) (string, string, error) {
		return "", "", &sdkconn.Error{Code: code, Desc: desc}
	})
}

// Unsupported answers a call that the embedded chat cannot do.
func (s *SDK) Unsupported(reply Reply) sdkconn.Code {
	return s.fail(reply, notLoggedIn, "", sdkconn.CodeInterfaceNotSupport, "not supported by the embedded chat")
}

// conversation checks a call's first two arguments.
func conversation(id string, kind int32) (sdkconn.Conversation, sdkconn.Code) {
	conv := sdkconn.Conversation{ID: id, Type: sdkconn.ConvType(kind)}
	if !conv.Valid() {
		return conv, sdkconn.CodeParam
	}
	return conv, 0
}
