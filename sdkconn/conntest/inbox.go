package conntest

import (
	"context"
	"fmt"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
)

// inbox keeps the events that a user was told.
type inbox struct {
	mu      sync.Mutex
	events  []sdkconn.Event
	changed chan struct{} // closed and replaced when something came
	done    chan struct{}
	err     error // of Subscribe, once done
	cancel  context.CancelFunc
}

// markerUser sends what settle waits for where the connection cannot say that it is idle.
const markerUser = "conntest-marker"

// subscribe takes the user's events until the check ends.
func (u *user) subscribe() {
	u.e.Helper()
	ctx, cancel := context.WithCancel(u.e.ctx)
	u.box = &inbox{changed: make(chan struct{}), done: make(chan struct{}), cancel: cancel}
	box := u.box
	go func() {
		defer close(box.done)
		box.err = u.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			box.mu.Lock()
			defer box.mu.Unlock()
			box.events = append(box.events, events...)
			close(box.changed)
			box.changed = make(chan struct{})
			return nil
		})
	}()
	u.e.Cleanup(func() {
		cancel()
		<-box.done
	})
}

// unsubscribe ends the subscription and returns what Subscribe said.
func (u *user) unsubscribe() error {
	u.box.cancel()
	<-u.box.done
	return u.box.err
}

// settle waits until the user has been told everything that happened so far.
func (u *user) settle() {
	u.e.Helper()
	if idler, ok := u.Conn.(sdkconn.Idler); ok {
		if err := idler.WaitIdle(u.e.ctx); err != nil {
			u.e.Fatalf("%s waits for its events: %v", u.name, err)
		}
		return
	}
	// Events come in order: what happened before the mark is told before it.
	marker := u.e.connect(markerUser)
	mark := marker.post(sdkconn.C2C(u.name), textMessage("mark"))
	u.await(func(e *sdkconn.Event) bool { return e.Message != nil && e.Message.Rand == mark.Rand })
}

// await waits for an event.
func (u *user) await(is func(*sdkconn.Event) bool) *sdkconn.Event {
	u.e.Helper()
	for seen := 0; ; {
		u.box.mu.Lock()
		events, changed := u.box.events, u.box.changed
		u.box.mu.Unlock()
		for ; seen < len(events); seen++ {
			if is(&events[seen]) {
				return &events[seen]
			}
		}
		select {
		case <-changed:
		case <-u.box.done:
			u.e.Fatalf("%s: Subscribe ended while an event was awaited: %v", u.name, u.box.err)
		case <-u.e.ctx.Done():
			u.e.Fatalf("%s: the event did not come", u.name)
		}
	}
}

// events is all that the user was told since the subscription began, or since forget.
func (u *user) events() []sdkconn.Event {
	u.e.Helper()
	u.settle()
	u.box.mu.Lock()
	defer u.box.mu.Unlock()
	var events []sdkconn.Event
	for _, e := range u.box.events {
		if e.Conversation() != sdkconn.C2C(markerUser) {
			events = append(events, e)
		}
	}
	return events
}

// forget drops what the user was told so far.
func (u *user) forget() {
	u.e.Helper()
	u.settle()
	u.box.mu.Lock()
	defer u.box.mu.Unlock()
	u.box.events = nil
}

// ofKind is the events of one kind.
func (u *user) ofKind(kind sdkconn.EventKind) []sdkconn.Event {
	u.e.Helper()
	var events []sdkconn.Event
	for _, e := range u.events() {
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}

// news is the new messages, without tips and notices.
func (u *user) news() []*sdkconn.Message {
	u.e.Helper()
	var msgs []*sdkconn.Message
	for _, e := range u.ofKind(sdkconn.EventNewMsg) {
		if e.Message.Sender != sdkconn.SystemSender {
			msgs = append(msgs, e.Message)
		}
	}
	return msgs
}

// tips is the group tips among the new messages.
func (u *user) tips() []*sdkconn.GroupTipsElem {
	u.e.Helper()
	var found []*sdkconn.GroupTipsElem
	for _, e := range u.ofKind(sdkconn.EventNewMsg) {
		for _, elem := range e.Message.Elems {
			if tip, ok := elem.(*sdkconn.GroupTipsElem); ok {
				found = append(found, tip)
			}
		}
	}
	return found
}

// told prints events for comparison: the kind and what it is about.
func told(events []sdkconn.Event) []string {
	var all []string
	for _, e := range events {
		switch {
		case e.Kind == sdkconn.EventConv:
			all = append(all, fmt.Sprintf("conv %d %v unread %d", e.ConvChange, e.Conv.Conversation(), e.Conv.UnreadNum))
		case e.Message != nil:
			all = append(all, fmt.Sprintf("%s %v %s", e.Kind, e.Conversation(), e.Message.Text()))
		default:
			all = append(all, fmt.Sprintf("%s %v", e.Kind, e.Conversation()))
		}
	}
	return all
}
