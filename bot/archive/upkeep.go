package archive

import (
	"context"
	"log/slog"
	"time"

	"github.com/jonboulle/clockwork"
)

// upkeepEvery is how often Upkeep looks for records whose time is over.
const upkeepEvery = time.Hour

// Upkeep forgets records whose time is over, now and every hour, until ctx ends. It logs what goes, and what fails, once
// until it works again.
func (a *Archive) Upkeep(ctx context.Context, clock clockwork.Clock, log *slog.Logger) {
	failing := false
	for {
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
		timer := clock.NewTimer(upkeepEvery)
		select {
		case <-timer.Chan():
		case <-ctx.Done():
			timer.Stop()
			return
		}
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
