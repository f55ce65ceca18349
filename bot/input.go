package bot

import (
	"context"
	"fmt"
	"sync"
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
	if err := b.catchUp.begin(ctx); err != nil {
		return stopped(ctx, fmt.Errorf("journal: %w", err))
	}
	b.directory.warm(b.rules())
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() {
		if err := b.catchUp.run(ctx); err != nil {
			b.fail(err)
		}
	})
	if err := b.relayAll(ctx); err != nil { // signals that did not become events before the stop
		return stopped(ctx, fmt.Errorf("journal: %w", err))
	}
	close(b.ready)
	b.taking.Store(ctx.Err() == nil)
	b.log.Info("bot started", "user", b.conn.Self(), "rules", len(b.rules().Rules))
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
	if err := b.people.load(ctx, b.journal); err != nil {
		return err
	}
	if err := b.lanes.load(ctx, b.journal); err != nil {
		return err
	}
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
	stored := 0 // events before this one are
	for i := range events {
		e := &events[i]
		if c := e.Conversation(); b.wants(e.Kind) && b.catchUp.behind(c) { // what came before it first
			if err := b.storeUpTo(ctx, events, &stored, i); err != nil {
				return err
			}
			if err := b.catchUp.ahead(ctx, c.String()); err != nil {
				return err
			}
		}
		switch e.Kind {
		case sdkconn.EventNetworkStatus, sdkconn.EventKickedOffline, sdkconn.EventUserSigExpired:
			if err := b.storeUpTo(ctx, events, &stored, i); err != nil {
				return err
			}
			if err := b.connection(ctx, e); err != nil {
				return err
			}
		}
	}
	return b.storeUpTo(ctx, events, &stored, len(events))
}

func (b *Bot) storeUpTo(ctx context.Context, events []sdkconn.Event, stored *int, upTo int) error {
	_, err := b.storeAll(ctx, events[*stored:upTo])
	*stored = upTo
	return err
}

// connection follows how the connection is.
func (b *Bot) connection(ctx context.Context, e *sdkconn.Event) error {
	lost := ""
	switch {
	case e.Kind == sdkconn.EventKickedOffline:
		lost = "the user logged in somewhere else"
	case e.Kind == sdkconn.EventUserSigExpired:
		lost = "the user's signature has expired"
	case e.Network == sdkconn.NetworkConnected:
		b.health.clear(componentConnection)
		if !b.offline {
			return nil
		}
		b.offline = false
		b.log.Info("the connection is back")
		b.directory.forgetGroups() // tips may have been missed
		b.directory.warm(b.rules())
		return b.catchUp.begin(ctx)
	case e.Network == sdkconn.NetworkConnecting:
		lost = "connecting"
	default:
		lost = "no connection to the service"
		if e.Code != 0 || e.Desc != "" {
			lost += fmt.Sprintf(" (%d %s)", e.Code, e.Desc)
		}
	}
	if !b.offline {
		b.log.Warn("the connection is lost", "why", lost)
	}
	b.offline = true
	b.health.set(componentConnection, lost, b.clock.Now())
	return b.catchUp.lost(ctx, int64(e.At))
}

// told is an event as the bot takes it: a message that its sender took back before it was handed over is a revocation,
// the same one that the connection may tell of by itself.
func told(e *sdkconn.Event) *sdkconn.Event {
	m := e.Message
	if e.Kind != sdkconn.EventNewMsg || m == nil || m.Status != sdkconn.StatusRevoked || m.Sender == sdkconn.SystemSender {
		return e
	}
	return &sdkconn.Event{Kind: sdkconn.EventMsgRevoke, At: e.At, CaughtUp: e.CaughtUp, Revoked: &sdkconn.Revocation{
		Locator: m.Locator(), RevokeReason: m.RevokeReason, RevokerUserID: m.RevokerUserID,
		RevokerNickName: m.RevokerNickName, RevokerFaceURL: m.RevokerFaceURL,
	}}
}

// requestKey is the key of a request to come into a group, the same whether a notice or the list of requests told of it.
func requestKey(e *sdkconn.Event) (key string, ok bool) {
	m := e.Message
	if e.Kind != sdkconn.EventNewMsg || m == nil || m.ConvType != sdkconn.ConvSystem || len(m.Elems) != 1 {
		return "", false
	}
	el, ok := m.Elems[0].(*sdkconn.GroupReportElem)
	if !ok || el.ReportType != sdkconn.ReportAddRequest && el.ReportType != sdkconn.ReportInviteReq {
		return "", false
	}
	return fmt.Sprintf("%010d.%d.%d.%s.%s.q", m.Time(), el.ReportType, len(el.GroupID), el.GroupID, el.OpUser), true
}

// wants reports whether events of a kind are stored: a rule is on them, or what waits for people may be in them.
func (b *Bot) wants(kind sdkconn.EventKind) bool { return b.rules().Uses(kind) || b.listens(kind) }

// storeAll stores and queues what the rules want of the events; it returns how many were new.
func (b *Bot) storeAll(ctx context.Context, events []sdkconn.Event) (int, error) {
	set := b.rules()
	batch := make([]journal.Event, 0, len(events))
	for i := range events {
		e := told(&events[i])
		b.directory.observe(e)
		if !b.wants(e.Kind) {
			b.unused.Add(1)
			continue
		}
		if e.CaughtUp && b.clock.Now().Sub(time.Unix(int64(e.At), 0)) > set.Bot.CatchUp.MaxAge {
			b.tooOld.Add(1)
			continue
		}
		je, err := newEvent(e)
		if err != nil { // nothing that came from JSON; skipping it keeps the rest alive
			b.log.Error("event cannot be kept", "err", err)
			continue
		}
		if key, ok := requestKey(e); ok {
			je.Key = key
		}
		batch = append(batch, je)
	}
	return b.store(ctx, batch)
}

// store appends events to the journal and queues the new ones; it returns how many those are.
func (b *Bot) store(ctx context.Context, batch []journal.Event) (int, error) {
	if len(batch) == 0 {
		return 0, nil
	}
	if err := b.accepting.lock(ctx); err != nil {
		return 0, err
	}
	defer b.accepting.unlock()
	fresh, err := b.journal.Append(ctx, batch)
	if err != nil {
		return 0, fmt.Errorf("store events: %w", err)
	}
	b.observeStored(batch, fresh)
	n := 0
	for i, e := range batch {
		if !fresh[i] {
			b.duplicates.Add(1)
			b.log.Debug("event seen before", "event", e.Key)
			continue
		}
		n++
		if err := b.enqueue(ctx, item{event: journal.Stored{Event: e}}); err != nil {
			return n, err
		}
	}
	return n, nil
}

// enqueue waits for room, also for what the event may send, and puts an event into its conversation's queue.
func (b *Bot) enqueue(ctx context.Context, it item) error {
	if err := b.pace.room(ctx); err != nil {
		return err
	}
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
	_, err = b.store(ctx, []journal.Event{{
		Key: fmt.Sprintf("%010d.%s.%d", now.Unix(), typ, now.UnixNano()), At: now.Truncate(time.Second), Data: data,
	}})
	return err
}
