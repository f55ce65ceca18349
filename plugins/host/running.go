package host

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/plugins/wire"
)

// running is a call.
type running struct {
	id     uint64
	action *Action
	call   *actions.Call
	asks   int // actions that the bot did for it
	due    time.Time
	told   bool // that it is to end
}

// begin makes a call known that has so long; nil when the instance takes none any more.
func (i *instance) begin(a *Action, call *actions.Call, limit time.Duration) *running {
	due := i.host.clock.Now().Add(limit)
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-i.broken:
		return nil
	default:
	}
	if i.idle != nil {
		return nil
	}
	i.lastID++
	r := &running{id: i.lastID, action: a, call: call, due: due}
	i.running[r.id] = r
	i.sweepBy(due)
	return r
}

// sweepBy has overdue calls looked for at a time, or before. A timer for each call would cost more than half of the call. The
// caller holds mu.
func (i *instance) sweepBy(due time.Time) {
	if !i.sweepAt.IsZero() && !due.Before(i.sweepAt) {
		return
	}
	if i.sweeper != nil {
		i.sweeper.Stop()
	}
	i.sweepAt = due
	i.sweeper = i.host.clock.AfterFunc(due.Sub(i.host.clock.Now()), i.sweep)
}

// sweep interrupts the calls whose time is over.
func (i *instance) sweep() {
	now := i.host.clock.Now()
	var over []*running
	var next time.Time
	i.mu.Lock()
	for _, r := range i.running {
		switch {
		case !r.due.After(now):
			over = append(over, r)
		case next.IsZero() || r.due.Before(next):
			next = r.due
		}
	}
	i.sweepAt = time.Time{}
	if !next.IsZero() {
		i.sweepBy(next)
	}
	i.mu.Unlock()
	for _, r := range over {
		i.interrupt(r)
	}
}

// call calls the plugin, and blocks until it answers or is broken.
func (i *instance) call(req *wire.CallRequest) (*wire.CallReply, error) {
	if i.calls == nil {
		return i.client.Call(i.ctx, req)
	}
	reply, err := i.calls.Call(req)
	if err != nil { // the stream is over, and so is the instance
		err = status.Error(codes.Unavailable, err.Error())
	}
	return reply, err
}

func (i *instance) end(r *running) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.running, r.id)
	if i.idle != nil && len(i.running) == 0 {
		select {
		case <-i.idle:
		default:
			close(i.idle)
		}
	}
}

// interrupt tells the plugin to end a call, and kills it when it does not.
func (i *instance) interrupt(r *running) {
	i.mu.Lock()
	again := r.told
	r.told = true
	i.mu.Unlock()
	if again {
		return
	}
	i.send(&wire.HostMessage{Kind: &wire.HostMessage_Cancel{Cancel: &wire.Cancel{Call: r.id}}})
	i.host.clock.AfterFunc(cancelGrace, func() {
		i.mu.Lock()
		_, runs := i.running[r.id]
		i.mu.Unlock()
		if runs {
			i.breakWith(&faultError{fmt.Sprintf("it did not end a call of %s when it should, and was killed", r.action.name())})
		}
	})
}
