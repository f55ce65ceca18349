package bot

import (
	"context"
	"time"
)

// Sizes is how much the bot's own indexes hold, for tests of what grows.
func (b *Bot) Sizes() map[string]int {
	b.queues.mu.Lock()
	conversations, ready := len(b.queues.convs), len(b.queues.ready)
	b.queues.mu.Unlock()
	b.timers.mu.Lock()
	heap := len(b.timers.heap)
	b.timers.mu.Unlock()
	b.directory.mu.Lock()
	flights := len(b.directory.flights)
	b.directory.mu.Unlock()
	b.catchUp.mu.Lock()
	rounds := 0
	if b.catchUp.round != nil {
		rounds = 1
	}
	b.catchUp.mu.Unlock()
	b.busy.mu.Lock()
	busy := b.busy.n
	b.busy.mu.Unlock()
	b.oldMu.Lock()
	old := max(len(b.old)-oldSets, 0)
	b.oldMu.Unlock()
	return map[string]int{
		"conversations": conversations, "ready": ready, "timers": heap, "reads of the directory": flights,
		"rounds of catching up": rounds, "busy": busy, "old rule sets above their bound": old,
	}
}

// SetMaxDead makes the bound of the dead letters smaller.
func SetMaxDead(b *Bot, n int) { b.inspector.dead.most = n }

// TrimDead is what the bot does from time to time.
func TrimDead(ctx context.Context, b *Bot, now time.Time) error { return b.trimDead(ctx, now) }
