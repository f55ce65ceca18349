package native

import (
	"context"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
)

// batch bounds the events that a handler gets at once.
const batch = 1024

// inbox keeps events until a handler took them.
type inbox struct {
	mu      sync.Mutex
	events  []sdkconn.Event
	busy    bool          // somebody subscribed
	end     error         // why no more will come; what is there is handed over first
	closed  error         // why not even that
	changed chan struct{} // closed and replaced when something above changes
}

func (b *inbox) init() { b.changed = make(chan struct{}) }

func (b *inbox) change(f func()) {
	b.mu.Lock()
	f()
	close(b.changed)
	b.changed = make(chan struct{})
	b.mu.Unlock()
}

func (b *inbox) put(events ...sdkconn.Event) {
	if len(events) > 0 {
		b.change(func() { b.events = append(b.events, events...) })
	}
}

// finish lets what is there be taken, and ends Subscribe with err then.
func (b *inbox) finish(err error) {
	b.change(func() {
		if b.end == nil {
			b.end = err
		}
	})
}

// close ends Subscribe with err at once.
func (b *inbox) close(err error) {
	b.change(func() {
		if b.closed == nil {
			b.closed = err
		}
	})
}

// subscribe hands events to h, as [sdkconn.Conn] says.
func (b *inbox) subscribe(ctx context.Context, h sdkconn.Handler) error {
	b.mu.Lock()
	if b.busy {
		b.mu.Unlock()
		return fail("Subscribe", sdkconn.CodeInProgress, "there is a subscription already")
	}
	b.busy = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.busy = false
		b.mu.Unlock()
	}()
	for {
		b.mu.Lock()
		events := append([]sdkconn.Event(nil), b.events[:min(len(b.events), batch)]...)
		end, closed, changed := b.end, b.closed, b.changed
		b.mu.Unlock()
		switch {
		case closed != nil:
			return closed
		case ctx.Err() != nil:
			return nil
		case len(events) > 0:
			n := len(events)
			if err := h(ctx, events); err != nil {
				return err
			}
			b.mu.Lock()
			clear(b.events[:n])
			if b.events = b.events[n:]; len(b.events) == 0 {
				b.events = nil
			}
			b.mu.Unlock()
		case end != nil:
			return end
		default:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}
