package bot

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

const (
	// scopeSignal is the scope of the journal's state in which signals of steps wait to become events, in their order.
	scopeSignal = "signal"

	// signalPage is how many of them are read at once.
	signalPage = 100

	// MaxSignal bounds the data of a signal, as JSON, in bytes.
	MaxSignal = 64 << 10

	// maxHops is how many signals may follow from one another: more are rules that call each other for ever.
	maxHops = 16

	codeLoop = "loop" // a signal that follows from too many others
)

// signals hands the signals of steps on. A step writes its signal down with its own end; what was written becomes an
// event a moment later, in hands that may wait for room as no worker may.
type signals struct {
	n    atomic.Uint64 // keeps apart what happens at one moment
	more chan struct{} // room for one

	mu  sync.Mutex
	own map[string]bool // entries of the scope that this process wrote: it is busy until they are events
}

func newSignals() *signals {
	return &signals{more: make(chan struct{}, 1), own: make(map[string]bool)}
}

// signalEvent is a signal as an event of the journal; from is the event that led to it, if one did. mark keeps apart those
// of one second.
func signalEvent(name string, data any, hops int, from string, now time.Time, mark string) (journal.Event, error) {
	rec := eventRecord{Lifecycle: "signal." + name, At: uint64(now.Unix()), Hops: hops, From: from}
	e := journal.Event{Key: fmt.Sprintf("%010d.%s.%s", now.Unix(), rec.Lifecycle, mark), At: now.Truncate(time.Second)}
	var err error
	if data != nil {
		if rec.Data, err = encodeValue(data); err != nil {
			return e, fmt.Errorf("data: %w", err)
		}
	}
	if len(rec.Data) > MaxSignal {
		return e, fmt.Errorf("data has %d bytes as JSON: a signal carries at most %d", len(rec.Data), MaxSignal)
	}
	if e.Data, err = sdkconn.Marshal(rec); err != nil {
		return e, fmt.Errorf("data: %w", err)
	}
	return e, nil
}

// signal does a signal step: the signal and the place after the step are one commit.
func (r *run) signal(ctx context.Context, step *rules.Step) (outcome, error) {
	data, err := step.Signal.Data(r.scope)
	if err != nil {
		return r.over(r.failed(step, codeExpression, err)), nil
	}
	hops := r.ev.Hops + 1
	if hops > maxHops {
		return r.over(r.failed(step, codeLoop, fmt.Errorf(
			"signal.%s follows from %d others: rules that signal each other go on for ever", step.Signal.Name, maxHops))), nil
	}
	now, s := r.b.clock.Now(), r.b.signals
	key := fmt.Sprintf("%019d.%06d.%s", now.UnixNano(), s.n.Add(1)%1_000_000, r.effectID(step))
	e, err := signalEvent(step.Signal.Name, data, hops, r.event, now, key)
	if err != nil {
		return r.over(r.failed(step, codeInput, err)), nil
	}
	value, err := json.Marshal(e)
	if err != nil {
		return r.over(r.failed(step, codeFailed, err)), nil
	}
	r.change.State = append(r.change.State, journal.StateWrite{Scope: scopeSignal, Key: key, Value: value})
	r.did(step, "signal.%s", step.Signal.Name)
	r.advance()
	r.b.busy.enter()
	s.mu.Lock()
	s.own[key] = true
	s.mu.Unlock()
	if err := r.commit(ctx); err != nil {
		r.b.relayed(key)
		return stepGoesOn, err
	}
	select {
	case s.more <- struct{}{}:
	default:
	}
	return stepGoesOn, nil
}

// relayed ends what a signal keeps the bot busy with.
func (b *Bot) relayed(key string) {
	b.signals.mu.Lock()
	own := b.signals.own[key]
	delete(b.signals.own, key)
	b.signals.mu.Unlock()
	if own {
		b.busy.leave()
	}
}

// relay makes events of signals until ctx ends.
func (b *Bot) relay(ctx context.Context) {
	for {
		if err := b.relayAll(ctx); err != nil {
			if ctx.Err() == nil {
				b.fail(fmt.Errorf("journal: %w", err))
			}
			return
		}
		select {
		case <-b.signals.more:
		case <-ctx.Done():
			return
		}
	}
}

// relayAll makes an event of every signal that waits. One that became an event before a crash is known by its key.
func (b *Bot) relayAll(ctx context.Context) error {
	for {
		entries, err := b.journal.StateRange(ctx, scopeSignal, "", signalPage)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, entry := range entries {
			var e journal.Event
			if err := json.Unmarshal(entry.Value, &e); err != nil {
				b.log.Error("signal given up: it cannot be read", "signal", entry.Key, "err", err)
			} else if _, err := b.store(ctx, []journal.Event{e}); err != nil {
				return err
			}
			err := b.journal.Commit(ctx, &journal.Change{
				State: []journal.StateWrite{{Scope: scopeSignal, Key: entry.Key}}, Lazy: true,
			})
			if err != nil {
				return err
			}
			b.relayed(entry.Key)
		}
	}
}

// Signal tells the rules on signal.NAME of something; data is nil, or JSON of at most MaxSignal bytes. It returns when that
// is durable, before any rule has seen it. Errors: *NotFoundError for a name that no rule listens to, and those of data
// that cannot be read or is too large; else the journal's, or ctx's.
func (b *Bot) Signal(ctx context.Context, name string, data jsontext.Value) error {
	if err := b.rules().Hears(name); err != nil {
		return &NotFoundError{Text: err.Error()}
	}
	var v any
	if len(data) > 0 {
		if err := json.Unmarshal(data, &v, json.WithUnmarshalers(json.UnmarshalFromFunc(decodeNumber))); err != nil {
			return fmt.Errorf("signal.%s: data: %w", name, err)
		}
	}
	now := b.clock.Now()
	e, err := signalEvent(name, v, 0, "", now, fmt.Sprintf("%d.%d", now.UnixNano(), b.signals.n.Add(1)))
	if err != nil {
		return fmt.Errorf("signal.%s: %w", name, err)
	}
	_, err = b.store(ctx, []journal.Event{e})
	return err
}
