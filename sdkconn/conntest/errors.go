package conntest

import (
	"errors"

	"github.com/timbot-go/timbot/sdkconn"
)

// named is every call that names a conversation, with a good message and with none. None is nil for the calls that
// take it as meaning everything.
func (u *user) named(conv sdkconn.Conversation) map[string]struct{ good, none func() error } {
	ctx, msg := u.e.ctx, textMessage("x")
	return map[string]struct{ good, none func() error }{
		"SendNewMsg": {
			func() error { _, err := u.SendNewMsg(ctx, conv, msg); return err },
			func() error { _, err := u.SendNewMsg(ctx, conv, nil); return err },
		},
		"ReportReaded": {func() error { return u.ReportReaded(ctx, conv, nil) }, nil},
		"Revoke": {
			func() error { return u.Revoke(ctx, conv, &sdkconn.Message{ServerTime: 1, Seq: 1, Rand: 1}) },
			func() error { return u.Revoke(ctx, conv, nil) },
		},
		"FindByMsgLocatorList": {
			func() error { _, err := u.FindByMsgLocatorList(ctx, conv, []sdkconn.Locator{{Time: 1}}); return err }, nil,
		},
		"ImportMsgList": {
			func() error { return u.ImportMsgList(ctx, conv, []*sdkconn.Message{msg}) },
			func() error { return u.ImportMsgList(ctx, conv, nil) },
		},
		"SaveMsg": {
			func() error { return u.SaveMsg(ctx, conv, msg) },
			func() error { return u.SaveMsg(ctx, conv, nil) },
		},
		"GetMsgList": {
			func() error { _, err := u.GetMsgList(ctx, conv, sdkconn.GetMsgListParam{Count: 1}); return err }, nil,
		},
		"Delete": {func() error { return u.Delete(ctx, conv, nil) }, nil},
	}
}

func (e *env) local(call string) bool {
	return call == "ImportMsgList" || call == "SaveMsg" || call == "Delete"
}

var errorChecks = []check{
	{"errors/conversations that no call takes", nil, func(e *env) {
		alice, _ := e.pair()
		for name, conv := range map[string]sdkconn.Conversation{
			"no id": {Type: sdkconn.ConvC2C}, "no group id": {Type: sdkconn.ConvGroup}, "no type": {ID: "bob"}, "nothing": {},
			"system": {ID: "bob", Type: sdkconn.ConvSystem}, "type 99": {ID: "bob", Type: 99}, "negative type": {ID: "bob", Type: -1},
		} {
			for call, f := range alice.named(conv) {
				if call == "ReportReaded" && conv.ID == "" && (conv.Type == sdkconn.ConvC2C || conv.Type == sdkconn.ConvGroup) || e.features.NoLocalStore && e.local(call) {
					continue // means all of that type
				}
				err := f.good()
				e.refused(call+", "+name, err, sdkconn.CodeParam)
				var typed *sdkconn.Error
				if errors.As(err, &typed) && typed.Op != call {
					e.Errorf("%s: the error says it was %q", call, typed.Op)
				}
				if f.none != nil { // the conversation is looked at first
					e.refused(call+", "+name+", no message", f.none(), sdkconn.CodeParam)
				}
			}
		}
	}},
	{"errors/no message", nil, func(e *env) {
		alice, _ := e.pair()
		for call, f := range alice.named(sdkconn.C2C("bob")) {
			if f.none != nil && !(e.features.NoLocalStore && e.local(call)) {
				e.refused(call, f.none(), sdkconn.CodeJSON)
			}
		}
		for call, f := range map[string]func(*sdkconn.Message) error{
			"SendNewMsg": func(m *sdkconn.Message) error {
				_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), m)
				return err
			},
			"Revoke": func(m *sdkconn.Message) error { return alice.Revoke(e.ctx, sdkconn.C2C("bob"), m) },
		} {
			e.refused(call+", an empty one", f(&sdkconn.Message{}), sdkconn.CodeJSON)
		}
	}},
	{"errors/a refused call has no effect", nil, func(e *env) {
		alice, bob := e.pair()
		if _, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("nobody"), textMessage("x")); sdkconn.EffectUnknown(err) {
			e.Errorf("whether it took effect is said to be unknown: %v", err)
		}
		if h := alice.history(sdkconn.C2C("nobody")); len(h) != 0 {
			e.Errorf("a message to nobody is in the history with status %d", h[0].Status)
		}
		if told := append(alice.events(), bob.events()...); len(told) != 0 {
			e.Errorf("somebody was told %+v", told)
		}
	}},
}
