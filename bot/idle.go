package bot

import (
	"context"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// Idle blocks until nothing is queued, stepping or uncommitted, every event that the connection had has been handed
// over (as far as the connection can say so, see sdkconn.Idler), what came while the bot was away has been read back (what
// cannot be read has been tried once), and what was told about the bot's own doings meanwhile is handled too. Timers in the future do not count. It waits for Run to begin; after Run has returned, or when it
// returns meanwhile, Idle returns ErrStopped.
func (b *Bot) Idle(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(b.stopped, func() { cancel(ErrStopped) })
	defer stop()
	err := b.idle(ctx)
	if b.stopped.Err() != nil {
		return ErrStopped
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

func (b *Bot) idle(ctx context.Context) error {
	select {
	case <-b.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	connection, _ := b.conn.(sdkconn.Idler)
	var before uint64
	for first := true; ; first = false {
		if connection != nil {
			if err := connection.WaitIdle(ctx); err != nil {
				return err
			}
		}
		if err := b.timers.wait(ctx, b.clock); err != nil {
			return err
		}
		total, err := b.busy.wait(ctx)
		if err != nil {
			return err
		}
		if !first && total == before { // a whole round in which nothing began
			return nil
		}
		before = total
	}
}

// NextDue is when the first of what waits for its time goes on; ok is false when nothing does. With Idle it is what a
// virtual clock needs to go from one such moment to the next.
func (b *Bot) NextDue() (due time.Time, ok bool) { return b.timers.next() }
