package native

import (
	"context"
	"log/slog"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
)

// batch bounds the events that a handler gets at once.
const batch = 1024

// maxHeld bounds the events that wait in memory, of a few KB each. Those above go to a file: nothing can hold the service back,
// and what is not messages could not be read back.
const maxHeld = 4096

// inbox keeps events until a handler took them.
type inbox struct {
	log *slog.Logger
	max int // maxHeld

	mu      sync.Mutex
	events  []sdkconn.Event // before those in over
	over    overflow
	busy    bool          // somebody subscribed
	end     error         // why no more will come; what is there is handed over first
	closed  error         // why not even that
	changed chan struct{} // closed and replaced when something above changes
}

func (b *inbox) init(dir string, log *slog.Logger) {
	b.log, b.max, b.over.dir, b.changed = log, maxHeld, dir, make(chan struct{})
}

func (b *inbox) change(f func()) {
	b.mu.Lock()
	f()
	close(b.changed)
	b.changed = make(chan struct{})
	b.mu.Unlock()
}

// put keeps events. When the file that takes what is too much cannot be written, it waits for the handler.
func (b *inbox) put(events ...sdkconn.Event) {
	for told := false; len(events) > 0; {
		n := 0
		var err error
		var closed bool
		b.change(func() {
			for closed = b.closed != nil; n < len(events) && err == nil && !closed; n++ {
				if len(b.events) < b.max && b.over.empty() {
					b.events = append(b.events, events[n])
				} else if err = b.over.add(&events[n]); err != nil {
					break
				}
			}
		})
		if events = events[n:]; closed || len(events) == 0 {
			return
		}
		if !told {
			b.log.Error("native: the service waits until the bot has taken events: those that are too many for memory cannot be "+
				"written to a file", "folder", b.over.dir, "error", err)
			told = true
		}
		b.mu.Lock()
		changed := b.changed
		room := b.closed != nil || len(b.events) < b.max && b.over.empty()
		b.mu.Unlock()
		if !room {
			<-changed
		}
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
			b.over.close()
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
		var broken error
		if len(b.events) == 0 && !b.over.empty() {
			b.events, broken = b.over.take(min(batch, b.max))
		}
		events := append([]sdkconn.Event(nil), b.events[:min(len(b.events), batch)]...)
		end, closed, changed := b.end, b.closed, b.changed
		b.mu.Unlock()
		switch {
		case closed != nil:
			return closed
		case broken != nil:
			return &sdkconn.Error{Op: "Subscribe", Code: sdkconn.CodeIOOperationFailed, Err: broken}
		case ctx.Err() != nil:
			return nil
		case len(events) > 0:
			n := len(events)
			if err := h(ctx, events); err != nil {
				return err
			}
			b.change(func() {
				clear(b.events[:n])
				if b.events = b.events[n:]; len(b.events) == 0 {
					b.events = nil
				}
			})
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
