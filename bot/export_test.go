package bot

import (
	"context"
	"time"
)

// SetMaxDead makes the bound of the dead letters smaller.
func SetMaxDead(b *Bot, n int) { b.inspector.dead.most = n }

// TrimDead is what the bot does from time to time.
func TrimDead(ctx context.Context, b *Bot, now time.Time) error { return b.trimDead(ctx, now) }
