package bot

import (
	"context"
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
