package conntest

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
)

// calls is every call of the contract with good arguments for a conversation with bob.
func (u *user) calls(ctx context.Context) map[string]func() error {
	conv := sdkconn.C2C("bob")
	target := filepath.Join(u.e.TempDir(), "target")
	return map[string]func() error{
		"SendNewMsg":   func() error { _, err := u.SendNewMsg(ctx, conv, textMessage("x")); return err },
		"ReportReaded": func() error { return u.ReportReaded(ctx, conv, nil) },
		"Revoke":       func() error { return u.Revoke(ctx, conv, &sdkconn.Message{ServerTime: 1, Seq: 1, Rand: 1}) },
		"FindByMsgLocatorList": func() error {
			_, err := u.FindByMsgLocatorList(ctx, conv, []sdkconn.Locator{{Time: 1, Seq: 1, Rand: 1}})
			return err
		},
		"ImportMsgList": func() error { return u.ImportMsgList(ctx, conv, []*sdkconn.Message{old("bob", "x", 1, 2, 3)}) },
		"SaveMsg":       func() error { return u.SaveMsg(ctx, conv, textMessage("x")) },
		"GetMsgList": func() error {
			_, err := u.GetMsgList(ctx, conv, sdkconn.GetMsgListParam{Count: 1})
			return err
		},
		"Delete": func() error { return u.Delete(ctx, conv, nil) },
		"DownloadElemToPath": func() error {
			return u.DownloadElemToPath(ctx, sdkconn.DownloadElemParam{Type: sdkconn.DownloadFile, ID: "x"}, target, nil)
		},
		"BatchSend": func() error { _, err := u.BatchSend(ctx, []string{"bob"}, textMessage("x")); return err },
		"Subscribe": func() error {
			return u.Subscribe(ctx, func(context.Context, []sdkconn.Event) error { return nil })
		},
	}
}

var lifeChecks = []check{
	{"life/calls after Close", nil, func(e *env) {
		alice, bob := e.connect("alice"), e.login("bob")
		calls := alice.calls(e.ctx)
		e.ok(alice.Close())
		e.ok(alice.Close())
		for name, call := range calls {
			err := call()
			e.refused(name, err, sdkconn.CodeNotInitialized)
			var typed *sdkconn.Error
			if errors.As(err, &typed) && typed.Op != name {
				e.Errorf("%s: the error says it was %q", name, typed.Op)
			}
		}
		if idler, ok := alice.Conn.(sdkconn.Idler); ok {
			e.refused("WaitIdle", idler.WaitIdle(e.ctx), sdkconn.CodeNotInitialized)
		}
		if alice.Self() != "alice" {
			e.Errorf("Self is %q now", alice.Self())
		}
		if news := bob.news(); len(news) != 0 {
			e.Errorf("bob was told %v", texts(news))
		}
	}},
	{"life/Close ends Subscribe, which says why", nil, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "x")
		bob.await(func(ev *sdkconn.Event) bool { return ev.Kind == sdkconn.EventNewMsg })
		e.ok(bob.Close())
		<-bob.box.done
		e.refused("Subscribe", bob.box.err, sdkconn.CodeNotInitialized, sdkconn.CodeInterrupt)
	}},
	{"life/Close from the handler", nil, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		alice.send(sdkconn.C2C("bob"), "x")
		err := bob.Subscribe(e.ctx, func(context.Context, []sdkconn.Event) error { return bob.Close() })
		if err == nil {
			e.Error("Subscribe on a closed connection ended with nil")
		}
	}},
	{"life/Subscribe ends with its context", nil, func(e *env) {
		alice := e.login("alice")
		e.ok(alice.unsubscribe())
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		e.ok(alice.Subscribe(ctx, func(context.Context, []sdkconn.Event) error {
			e.Error("told something after the context ended")
			return nil
		}))
	}},
	{"life/a call whose context has ended does nothing, or all of it", nil, func(e *env) {
		alice, bob := e.connect("alice"), e.login("bob")
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		for name, call := range alice.calls(ctx) {
			err := call()
			if name == "Subscribe" || err == nil || sdkconn.CodeOf(err) != 0 && !sdkconn.EffectUnknown(err) {
				continue // done all the same, or refused for a reason of its own
			}
			if !errors.Is(err, context.Canceled) && sdkconn.CodeOf(err) == 0 {
				e.Errorf("%s: %v does not tell that the context ended", name, err)
			}
		}
		alice.post(sdkconn.C2C("bob"), textMessage("still works"))
		if got := texts(bob.news()); len(got) == 0 || got[len(got)-1] != "still works" {
			e.Errorf("bob was told %v", got)
		}
	}},
	{"life/Close while calls are in flight", nil, func(e *env) {
		alice, bob := e.connect("alice"), e.login("bob")
		const n = 30
		var wait sync.WaitGroup
		errs := make([]error, n)
		start := make(chan struct{})
		for i := range n {
			wait.Go(func() {
				<-start
				_, errs[i] = alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), textMessage("x"))
			})
		}
		close(start)
		e.ok(alice.Close())
		wait.Wait()
		sent := 0
		for _, err := range errs {
			if err == nil {
				sent++
				continue
			}
			e.refused("cut off", err, sdkconn.CodeInterrupt, sdkconn.CodeNotInitialized)
		}
		if got := len(bob.news()); got < sent || got > n {
			e.Errorf("%d calls succeeded, %d messages arrived", sent, got)
		}
	}},
	{"life/a second login ends the first", []feature{kick}, func(e *env) {
		first, bob := e.pair()
		second := e.login("alice")
		first.await(func(ev *sdkconn.Event) bool { return ev.Kind == sdkconn.EventKickedOffline })
		<-first.box.done
		e.refused("Subscribe of the first", first.box.err, sdkconn.CodeNotLoggedIn, sdkconn.CodeReqKickOff, sdkconn.CodeLoginKickedOffByOther)
		for name, call := range first.calls(e.ctx) {
			e.refused(name, call(), sdkconn.CodeNotLoggedIn)
		}
		bob.send(sdkconn.C2C("alice"), "x")
		equal(e, "the second is told", texts(second.news()), []string{"x"})
		second.send(sdkconn.C2C("bob"), "y")
		equal(e, "bob is told", texts(bob.news()), []string{"y"})
	}},
	{"life/login again and again", nil, func(e *env) {
		bob := e.login("bob")
		for range 5 {
			alice := e.connect("alice")
			alice.send(sdkconn.C2C("bob"), "x")
			e.ok(alice.Close())
		}
		if n := len(bob.news()); n != 5 {
			e.Errorf("%d messages arrived, want 5", n)
		}
	}},
}
