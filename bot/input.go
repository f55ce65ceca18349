package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

// recoverPage is how many events are read from the journal at once at the start.
const recoverPage = 500

// input queues what the journal holds, then what the connection hands over, until ctx ends or the connection is lost.
func (b *Bot) input(ctx context.Context) error {
	if err := b.takeUp(ctx); err != nil {
		return stopped(ctx, fmt.Errorf("journal: %w", err))
	}
	for _, typ := range []string{"bot.started", "bot.online"} {
		if err := b.lifecycle(ctx, typ); err != nil {
			return stopped(ctx, fmt.Errorf("journal: %w", err))
		}
	}
	close(b.ready)
	b.log.Info("bot started", "user", b.conn.Self(), "rules", len(b.set.Rules))
	if err := b.conn.Subscribe(ctx, b.accept); err != nil {
		return stopped(ctx, fmt.Errorf("connection: %w", err))
	}
	return nil
}

// stopped leaves out the error that a stop causes.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// takeUp queues the events and sets the timers that the journal holds.
func (b *Bot) takeUp(ctx context.Context) error {
	timers, err := b.journal.Timers(ctx)
	if err != nil {
		return err
	}
	b.timers.find(timers...)
	var after uint64
	for {
		events, err := b.journal.Pending(ctx, after, recoverPage)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			if err := b.enqueue(ctx, item{event: e, resumed: true}); err != nil {
				return err
			}
			after = e.N
		}
	}
}

// accept is the connection's handler: it returns when the events are durable and queued.
func (b *Bot) accept(ctx context.Context, events []sdkconn.Event) error {
	b.busy.enter()
	defer b.busy.leave()
	batch := make([]journal.Event, 0, len(events))
	for i := range events {
		e := &events[i]
		b.directory.observe(e)
		if !b.set.Uses(e.Kind) {
			b.unused.Add(1)
			continue
		}
		je, err := newEvent(e)
		if err != nil { // nothing that came from JSON; skipping it keeps the rest alive
			b.log.Error("event cannot be kept", "err", err)
			continue
		}
		batch = append(batch, je)
	}
	return b.store(ctx, batch)
}

// store appends events to the journal and queues the new ones.
func (b *Bot) store(ctx context.Context, batch []journal.Event) error {
	if len(batch) == 0 {
		return nil
	}
	b.accepting.Lock()
	defer b.accepting.Unlock()
	fresh, err := b.journal.Append(ctx, batch)
	if err != nil {
		return fmt.Errorf("store events: %w", err)
	}
	for i, e := range batch {
		if !fresh[i] {
			b.log.Debug("event seen before", "event", e.Key)
			continue
		}
		if err := b.enqueue(ctx, item{event: journal.Stored{Event: e}}); err != nil {
			return err
		}
	}
	return nil
}

// enqueue waits for room and puts an event into its conversation's queue.
func (b *Bot) enqueue(ctx context.Context, it item) error {
	if err := b.queues.reserve(ctx); err != nil {
		return err
	}
	b.busy.enter()
	b.queues.put(it.event.Conversation, it)
	return nil
}

// lifecycle tells the rules of something in the bot's own life.
func (b *Bot) lifecycle(ctx context.Context, typ string) error {
	now := b.clock.Now()
	data, err := sdkconn.Marshal(eventRecord{Lifecycle: typ, At: uint64(now.Unix())})
	if err != nil {
		return err
	}
	return b.store(ctx, []journal.Event{{
		Key: fmt.Sprintf("%010d.%s.%d", now.Unix(), typ, now.UnixNano()), At: now.Truncate(time.Second), Data: data,
	}})
}
