package bot

import (
	"context"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// withTimeout is context.WithTimeout on any clock. (clockwork's own blocks in Err until the context is done.)
func withTimeout(ctx context.Context, clock clockwork.Clock, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := clock.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() {
		timer.Stop()
		cancel(context.Canceled)
	}
}

// stepTime is the time that a step has. It can be stopped while the step only waits for its turn.
type stepTime struct {
	clock clockwork.Clock

	mu    sync.Mutex
	timer clockwork.Timer
	since time.Time // when the timer was set
	left  time.Duration
	over  bool
}

// withStepTime is withTimeout with a time that can be stopped.
func withStepTime(ctx context.Context, clock clockwork.Clock, d time.Duration) (context.Context, *stepTime, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := &stepTime{clock: clock, since: clock.Now(), left: d}
	t.timer = clock.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return ctx, t, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.over = true
		t.timer.Stop()
		cancel(context.Canceled)
	}
}

// pause stops the time until the returned function is called. Pauses do not overlap.
func (t *stepTime) pause() (goOn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || !t.timer.Stop() {
		return func() {}
	}
	t.left -= t.clock.Since(t.since)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.over {
			return
		}
		t.since = t.clock.Now()
		t.timer.Reset(max(t.left, 1))
	}
}
