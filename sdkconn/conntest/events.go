package conntest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/timbot-go/timbot/sdkconn"
)

var errHandler = errors.New("the handler's own error")

var eventChecks = []check{
	{"events/the message first, then its conversation", []feature{convEvents}, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "one")
		equal(e, "bob", told(bob.events()), []string{"new_msg c2c_alice one", "conv 0 c2c_alice unread 1"})
		equal(e, "alice, who sent it", told(alice.events()), []string{"conv 0 c2c_bob unread 0"})
		alice.forget()
		bob.forget()
		alice.send(sdkconn.C2C("bob"), "two")
		equal(e, "bob, later", told(bob.events()), []string{"new_msg c2c_alice two", "conv 2 c2c_alice unread 2"})
		equal(e, "alice, later", told(alice.events()), []string{"conv 2 c2c_bob unread 0"})
	}},
	{"events/the sender is told no new message", nil, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "x")
		if news := alice.news(); len(news) != 0 {
			e.Errorf("told %v", texts(news))
		}
		equal(e, "bob", texts(bob.news()), []string{"x"})
	}},
	{"events/in the order in which things happened", nil, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		var want []string
		for i := range 30 {
			from := []*user{alice, carol, alice}[i%3]
			want = append(want, fmt.Sprint(i))
			m := from.send(sdkconn.C2C("bob"), fmt.Sprint(i))
			if i == 10 {
				e.ok(from.Revoke(e.ctx, sdkconn.C2C("bob"), m))
			}
		}
		var got []string
		for _, ev := range bob.events() {
			switch ev.Kind {
			case sdkconn.EventNewMsg:
				got = append(got, ev.Message.Text())
			case sdkconn.EventMsgRevoke:
				if len(got) != 11 {
					e.Errorf("the revocation was told after %d messages, it came after 11", len(got))
				}
			}
		}
		equal(e, "messages", got, want)
	}},
	{"events/each has a key of its own", nil, func(e *env) {
		alice, bob := e.pair()
		for i := range 10 {
			m := alice.post(sdkconn.C2C("bob"), textMessage(fmt.Sprint(i)))
			if i%3 == 0 {
				e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
			}
		}
		seen := make(map[string]string)
		for _, ev := range bob.events() {
			if ev.Kind == sdkconn.EventConv {
				continue // two within a second may say the same
			}
			data, err := sdkconn.Marshal(ev)
			e.ok(err)
			if before, ok := seen[ev.Key()]; ok {
				e.Errorf("two events have the key %s:\n%s\n%s", ev.Key(), before, data)
			}
			seen[ev.Key()] = string(data)
			if ev.At == 0 {
				e.Errorf("an event has no time: %s", data)
			}
		}
		// Read back from the history, a message has the key that it was told with.
		for _, m := range bob.history(sdkconn.C2C("alice")) {
			ev := sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: m}
			if _, ok := seen[ev.Key()]; !ok {
				e.Errorf("%s was told under another key", ev.Key())
			}
		}
	}},
	{"events/what came before the subscription is kept for it", nil, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		alice.send(sdkconn.C2C("bob"), "one")
		alice.send(sdkconn.C2C("bob"), "two")
		bob.subscribe()
		equal(e, "told", texts(bob.news()), []string{"one", "two"})
		e.ok(bob.unsubscribe())
		alice.send(sdkconn.C2C("bob"), "three")
		bob.subscribe()
		equal(e, "told by the next subscription", texts(bob.news()), []string{"three"})
	}},
	{"events/what came while away is told at the next login", []feature{offline}, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "seen")
		bob.settle()
		e.ok(bob.Close())
		alice.send(sdkconn.C2C("bob"), "one")
		m := alice.send(sdkconn.C2C("bob"), "two")
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		alice.send(sdkconn.C2C("bob"), "three")
		again := e.login("bob")
		var got []string
		for _, m := range again.news() {
			if m.Status == sdkconn.StatusRevoked || m.Text() == "two" {
				continue // whether a message revoked meanwhile is told, and how, is not recorded
			}
			got = append(got, m.Text())
		}
		equal(e, "told", got, []string{"one", "three"})
	}},
	{"events/what a handler did not take comes again", nil, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		for i := range 3 {
			alice.send(sdkconn.C2C("bob"), fmt.Sprint(i))
		}
		calls := 0
		err := bob.Subscribe(e.ctx, func(context.Context, []sdkconn.Event) error {
			calls++
			return errHandler
		})
		if !errors.Is(err, errHandler) || calls != 1 {
			e.Errorf("Subscribe said %v after %d calls", err, calls)
		}
		bob.subscribe()
		equal(e, "told again", texts(bob.news()), []string{"0", "1", "2"})
	}},
	{"events/a handler that fails now and then gets each in order, once", nil, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		var got, want []string
		for round := range 20 {
			for k := range 1 + round%3 {
				want = append(want, fmt.Sprint(round, ".", k))
				alice.post(sdkconn.C2C("bob"), textMessage(want[len(want)-1]))
			}
			ctx, cancel := context.WithCancel(e.ctx)
			err := bob.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
				if round%2 == 0 {
					return errHandler
				}
				for _, ev := range events {
					if ev.Kind == sdkconn.EventNewMsg {
						got = append(got, ev.Message.Text())
					}
				}
				if len(got) == len(want) {
					cancel() // what is taken while the context ends is taken
				}
				return nil
			})
			cancel()
			if round%2 == 0 && !errors.Is(err, errHandler) || round%2 == 1 && err != nil {
				e.Fatalf("round %d: Subscribe ended with %v", round, err)
			}
		}
		equal(e, "taken", got, want)
	}},
	{"events/what a handler took does not come again", nil, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "taken")
		bob.settle()
		e.ok(bob.unsubscribe())
		bob.subscribe()
		alice.send(sdkconn.C2C("bob"), "new")
		equal(e, "told", texts(bob.news()), []string{"new"})
		if !e.features.NoOffline {
			e.ok(bob.Close())
			again := e.login("bob")
			if news := again.news(); len(news) != 0 {
				e.Errorf("the next login is told again: %v", texts(news))
			}
		}
	}},
	{"events/a handler is called with at least one, never twice at once", nil, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		ctx, cancel := context.WithCancel(e.ctx)
		var inside atomic.Int32
		total := 0 // unguarded: the race detector says when it is called on another goroutine
		done := make(chan error, 1)
		go func() {
			done <- bob.Subscribe(ctx, func(got context.Context, events []sdkconn.Event) error {
				if inside.Add(1) != 1 {
					e.Error("two calls at once")
				}
				defer inside.Add(-1)
				if len(events) == 0 {
					e.Error("called with no events")
				}
				for _, ev := range events {
					if ev.Kind == sdkconn.EventNewMsg {
						total++
					}
				}
				if total == 50 {
					cancel()
				}
				return nil
			})
		}()
		for i := range 50 {
			alice.post(sdkconn.C2C("bob"), textMessage(fmt.Sprint(i)))
		}
		if err := <-done; err != nil {
			e.Errorf("Subscribe ended with %v, want nil when its context ends", err)
		}
		cancel()
		if total != 50 {
			e.Errorf("told %d messages, want 50", total)
		}
	}},
	{"events/a slow handler loses nothing", nil, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		begun, release := make(chan struct{}), make(chan struct{})
		var got []string
		done := make(chan error, 1)
		go func() {
			done <- bob.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
				if got == nil {
					close(begun)
					<-release
				}
				for _, ev := range events {
					if ev.Kind == sdkconn.EventNewMsg {
						got = append(got, ev.Message.Text())
					}
				}
				if len(got) >= 101 {
					cancel()
				}
				return nil
			})
		}()
		want := []string{"first"}
		alice.post(sdkconn.C2C("bob"), textMessage("first"))
		<-begun
		for i := range 100 {
			want = append(want, fmt.Sprint(i))
			alice.post(sdkconn.C2C("bob"), textMessage(fmt.Sprint(i)))
		}
		close(release)
		if err := <-done; err != nil {
			e.Errorf("Subscribe ended with %v", err)
		}
		equal(e, "told", got, want)
	}},
	{"events/a handler may call the connection", nil, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			done <- bob.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
				for _, ev := range events {
					if ev.Kind != sdkconn.EventNewMsg {
						continue
					}
					if _, err := bob.SendNewMsg(e.ctx, ev.Conversation(), textMessage("re: "+ev.Message.Text())); err != nil {
						return err
					}
					if err := bob.ReportReaded(e.ctx, ev.Conversation(), ev.Message); err != nil {
						return err
					}
				}
				return nil
			})
		}()
		alice.send(sdkconn.C2C("bob"), "hi")
		answer := alice.await(func(ev *sdkconn.Event) bool { return ev.Kind == sdkconn.EventNewMsg })
		if answer.Message.Text() != "re: hi" {
			e.Errorf("got %s", e.dump(answer.Message))
		}
		cancel()
		if err := <-done; err != nil {
			e.Errorf("Subscribe ended with %v", err)
		}
	}},
	{"events/a second subscription is refused", nil, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "one") // so that bob's subscription has begun
		bob.await(func(ev *sdkconn.Event) bool { return ev.Kind == sdkconn.EventNewMsg })
		err := bob.Subscribe(e.ctx, func(context.Context, []sdkconn.Event) error {
			e.Error("the second subscription was told something")
			return nil
		})
		e.refused("second", err, sdkconn.CodeInProgress)
		alice.send(sdkconn.C2C("bob"), "two")
		equal(e, "the first goes on", texts(bob.news()), []string{"one", "two"})
	}},
	{"events/waiting until all is told", []feature{idle}, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		idler := bob.Conn.(sdkconn.Idler)
		alice.send(sdkconn.C2C("bob"), "x")
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		if err := idler.WaitIdle(ctx); !errors.Is(err, context.Canceled) {
			e.Errorf("without a subscription, and its context ended: %v", err)
		}
		begun, release, taken := make(chan struct{}), make(chan struct{}), atomic.Bool{}
		ctx, cancel = context.WithCancel(e.ctx)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			first := true
			done <- bob.Subscribe(ctx, func(context.Context, []sdkconn.Event) error {
				if first {
					first = false
					close(begun)
					<-release
					taken.Store(true)
				}
				return nil
			})
		}()
		<-begun
		busy, stop := context.WithCancel(e.ctx)
		stop()
		if err := idler.WaitIdle(busy); !errors.Is(err, context.Canceled) {
			e.Errorf("while the handler is at work: %v", err)
		}
		waited := make(chan bool, 1)
		go func() {
			err := idler.WaitIdle(e.ctx)
			waited <- err == nil && taken.Load()
		}()
		close(release)
		if !<-waited {
			e.Error("WaitIdle did not wait for the handler")
		}
		cancel()
		e.ok(<-done)
	}},
}
