package telemetry

import (
	"context"
	"log/slog"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot"
)

// Config is what New needs.
type Config struct {
	Version string
	Clock   clockwork.Clock
	Log     *slog.Logger

	// OTLP is where spans are sent: the base URL of a collector, for instance http://localhost:4318. Empty: nowhere.
	OTLP string

	// OTLPHeaders are sent along, for instance an API key.
	OTLPHeaders map[string]string
}

// Telemetry observes one bot. It is the bot's bot.Observer.
type Telemetry struct {
	*metrics
	spans *spans // nil without OTLP
}

// New makes the observer of a bot. The caller closes it, after the bot's Run has returned. Errors: an OTLP that is no URL.
func New(ctx context.Context, c Config) (*Telemetry, error) {
	t := &Telemetry{metrics: newMetrics(c.Version)}
	if c.OTLP != "" {
		var err error
		if t.spans, err = newSpans(ctx, c); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Close sends the spans that are left. When ctx ends before that, they are lost, which is no error.
func (t *Telemetry) Close(ctx context.Context) error {
	if t.spans == nil {
		return nil
	}
	return t.spans.close(ctx)
}

// EventDone implements bot.Observer.
func (t *Telemetry) EventDone(h *bot.Handled) {
	if t.spans != nil {
		t.spans.eventDone(h)
	}
}
