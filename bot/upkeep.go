package bot

import (
	"context"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

const (
	upkeepFirst = 5 * time.Minute       // after the start, when what waited is answered
	upkeepEvery = time.Hour             //
	trimPause   = 50 * time.Millisecond // between two pieces of trimming, in which others write

	// keyMargin is how much longer than catch_up.max_age keys of events are kept whatever the size of the journal, so that
	// what is read back is known again.
	keyMargin = 24 * time.Hour
)

// upkeep looks after what the bot keeps, once an hour, until ctx ends. What fails is tried again an hour later.
func (b *Bot) upkeep(ctx context.Context) {
	for delay := upkeepFirst; b.pause(ctx, delay); delay = upkeepEvery {
		for _, chore := range []struct {
			name string
			do   func(context.Context) error
		}{
			{"trimming the journal", b.trim},
			{"dropping old dead letters", func(ctx context.Context) error { return b.trimDead(ctx, b.clock.Now()) }},
		} {
			if err := chore.do(ctx); err != nil && ctx.Err() == nil {
				b.log.Error("upkeep failed, will be tried again", "what", chore.name, "in", upkeepEvery, "err", err)
			}
		}
	}
}

// trim forgets what bot.keep lets go of.
func (b *Bot) trim(ctx context.Context) error {
	config := b.rules().Bot
	now := b.clock.Now()
	r := journal.Retention{Now: now, Bytes: config.Keep.Size, Keys: now.Add(-config.CatchUp.MaxAge - keyMargin)}
	if d := config.Keep.Events; d > 0 {
		r.Events = now.Add(-d)
	}
	if d := config.Keep.Traces; d > 0 {
		r.Traces = now.Add(-d)
	}
	var all journal.Trimmed
	for {
		piece, err := b.journal.Trim(ctx, r)
		if err != nil {
			return err
		}
		all.Events += piece.Events
		all.Traces += piece.Traces
		all.State += piece.State
		all.Marks += piece.Marks
		if !piece.More || !b.pause(ctx, trimPause) {
			break
		}
	}
	if all != (journal.Trimmed{}) {
		b.log.Info("journal trimmed", "events", all.Events, "traces", all.Traces, "values", all.State, "marks", all.Marks)
	}
	return nil
}

// pause waits; it reports whether that came to its end before ctx did.
func (b *Bot) pause(ctx context.Context, d time.Duration) bool {
	timer := b.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
