package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
)

// Backlog is how much a bot has to do.
type Backlog struct {
	Queued     int // events that wait for a worker
	QueueLimit int
	Busy       int // conversations with something to do
	Timers     int // of runs that wait
	Dead       int // runs that stand still until a person decides
	Journal    journal.Stats
}

// deadScope is the journal's scope with an entry for each dead run.
const deadScope = "dead"

// statsPage is how many entries are counted at once.
const statsPage = 1000

// backlogTimeout bounds how long Backlog waits for a journal that fails.
const backlogTimeout = 2 * time.Second

// Backlog reads how much the bot has to do. It may be called at any time from any goroutine. With an error, which is the
// journal's or ctx's, Dead and Journal are not known.
func (b *Bot) Backlog(ctx context.Context) (Backlog, error) {
	s := Backlog{Queued: len(b.queues.slots), QueueLimit: b.queueLimit, Busy: b.queues.len(), Timers: b.timers.len()}
	ctx, cancel := withTimeout(ctx, b.clock, backlogTimeout)
	defer cancel()
	var err error
	if s.Journal, err = b.journal.Stats(ctx); err != nil {
		return s, fmt.Errorf("journal: %w", err)
	}
	for after := ""; ; {
		page, err := b.journal.StateRange(ctx, deadScope, after, statsPage)
		if err != nil {
			return s, fmt.Errorf("journal: %w", err)
		}
		s.Dead += len(page)
		if len(page) < statsPage {
			return s, nil
		}
		after = page[len(page)-1].Key
	}
}

// Alive returns when the bot's queues and timers answer. It blocks for as long as they are stuck.
func (b *Bot) Alive() {
	b.queues.len()
	b.timers.len()
}
