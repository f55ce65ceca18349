package bot

import (
	"context"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
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
	_, err := b.Trim(ctx)
	return err
}

// Trim forgets what `bot.keep` of the rules lets go of, as the bot does by itself once an hour. It blocks until all is
// gone, in pieces between which others write.
func (b *Bot) Trim(ctx context.Context) (journal.Trimmed, error) {
	all, err := b.inspector.Trim(ctx, Retention(b.rules().Bot, b.clock.Now()))
	if all != (journal.Trimmed{}) {
		b.log.Info("journal trimmed", "events", all.Events, "traces", all.Traces, "values", all.State, "marks", all.Marks)
	}
	return all, err
}

// Retention is what a bot's file lets its journal forget.
func Retention(c rules.BotConfig, now time.Time) journal.Retention {
	r := journal.Retention{Now: now, Bytes: c.Keep.Size, Keys: now.Add(-c.CatchUp.MaxAge - keyMargin)}
	if d := c.Keep.Events; d > 0 {
		r.Events = now.Add(-d)
	}
	if d := c.Keep.Traces; d > 0 {
		r.Traces = now.Add(-d)
	}
	return r
}

// Trim forgets what the retention lets go of. It blocks until all is gone, in pieces between which others write.
func (in *Inspector) Trim(ctx context.Context, r journal.Retention) (journal.Trimmed, error) {
	var all journal.Trimmed
	for {
		piece, err := in.journal.Trim(ctx, r)
		all.Events += piece.Events
		all.Traces += piece.Traces
		all.State += piece.State
		all.Marks += piece.Marks
		if err != nil || !piece.More {
			return all, err
		}
		if !pause(ctx, in.clock, trimPause) {
			return all, ctx.Err()
		}
	}
}

// pause waits; it reports whether that came to its end before ctx did.
func (b *Bot) pause(ctx context.Context, d time.Duration) bool { return pause(ctx, b.clock, d) }

func pause(ctx context.Context, clock clockwork.Clock, d time.Duration) bool {
	timer := clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
