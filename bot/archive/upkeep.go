package archive

import (
	"context"
	"log/slog"
	"time"

	"github.com/jonboulle/clockwork"
)

// upkeepEvery is how often Upkeep looks for records whose time is over, upkeepFirst when for the first time.
const (
	upkeepEvery = time.Hour
	upkeepFirst = time.Minute
)

// Upkeep forgets records whose time is over, after a minute and every hour, until ctx ends. It logs what goes, and what
// fails, once until it works again.
func (a *Archive) Upkeep(ctx context.Context, clock clockwork.Clock, log *slog.Logger) {
	failing := false
	for wait := upkeepFirst; ; wait = upkeepEvery {
		timer := clock.NewTimer(wait)
		select {
		case <-timer.Chan():
		case <-ctx.Done():
			timer.Stop()
			return
		}
		gone, err := a.trimAll(ctx, clock)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			log.Error("archive records whose time is over cannot be forgotten", "err", err)
		case gone > 0:
			log.Info("archive records forgotten: their time was over", "records", gone)
		}
		failing = err != nil
	}
}

func (a *Archive) trimAll(ctx context.Context, clock clockwork.Clock) (gone int, err error) {
	for {
		n, more, err := a.Trim(ctx, clock.Now())
		gone += n
		if err != nil || !more {
			return gone, err
		}
	}
}
