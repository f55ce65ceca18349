package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// ErrStopped is returned by Idle when Run has returned, and by a second Run.
var ErrStopped = errors.New("bot: stopped")

// Bot answers the events of one connection by one set of rules. Make it with New and start it with Run.
type Bot struct {
	conn        sdkconn.Conn
	journal     journal.Journal // what New was given, made steady
	actions     *actions.Registry
	clock       clockwork.Clock
	steadyClock bool
	zone        *time.Location
	log         *slog.Logger
	workers     int
	queueLimit  int
	grace       time.Duration
	dir         string
	dataDir     string
	archive     actions.Archive
	plugins     Plugins
	observer    Observer

	knows     func(*rules.Event, *rules.Facts)                          // in place of the directory; or nil
	decisions func(string, *rules.Event, *rules.Facts, *rules.Decision) // is told of each decision; or nil

	queues    *queues
	timers    *timers
	directory *directory
	pace      *pace
	inspector *Inspector
	announcer *announcer
	people    *people // what waits for people
	busy      busy
	limits    limits
	lanes     *lanes
	calls     calls // of webhooks
	batches   batches
	counters  locks // by the counter's key
	catchUp   *catchUp
	reports   *reports
	signals   *signals
	jobs      *jobs
	health    health

	current   atomic.Pointer[version]
	reloading sync.Mutex
	tests     Tests

	notReloaded atomic.Pointer[string] // why the newest change of the files is not used; nil when it is
	oldMu       sync.Mutex
	old         []*rules.Set // parsed sets of runs that began before a reload, the newest last

	started atomic.Bool
	taking  atomic.Bool   // events are taken: Run has begun and does not stop yet
	ready   chan struct{} // closed when all that the journal held is queued
	stopped context.Context
	stop    context.CancelFunc
	fatal   chan error // room for one

	since     time.Time // when the bot was made
	accepting lock      // events are appended and queued in one order
	offline   bool      // the connection said so; only its handler asks

	handled, unused, duplicates, caughtUp, tooOld atomic.Uint64
}

// New makes a bot that answers conn's events by set. It starts nothing and takes ownership of nothing: conn is closed
// by the caller, after Run has returned.
func New(conn sdkconn.Conn, set *rules.Set, opts ...Option) (*Bot, error) {
	b := &Bot{
		conn: conn, workers: DefaultWorkers, queueLimit: DefaultQueue, grace: DefaultGrace,
		ready: make(chan struct{}), fatal: make(chan error, 1),
		accepting: newLock(), calls: calls{slots: make(chan struct{}, maxCalls)},
	}
	for _, opt := range opts {
		opt(b)
	}
	if b.journal == nil {
		b.journal = journal.NewMemory(0)
	}
	if b.actions == nil {
		b.actions = actions.NewRegistry(actions.Builtin()...)
	}
	if b.clock == nil {
		b.clock = clockwork.NewRealClock()
	}
	if b.zone == nil {
		b.zone = time.Local
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.observer == nil {
		b.observer = blind{}
	}
	v, err := newVersion(set)
	if err != nil {
		return nil, err
	}
	b.current.Store(v)
	b.since = b.clock.Now()
	b.queues, b.directory = newQueues(b.queueLimit), newDirectory(conn, b.clock, b.log)
	b.timers = newTimers(func(by time.Duration) {
		b.report(b.stopped, "clock", fmt.Sprintf("the clock jumped by %s: what waits is due by the new time", signed(by)))
	})
	if b.steadyClock {
		b.timers.jumped = nil
	}
	b.pace, b.people = newPace(b.clock, set.Bot.Pace, b.workers), newPeople()
	b.pace.watch = b.observer.SendPaced
	b.lanes = newLanes(func(runs ...wakeUp) { b.wakeUp(runs) })
	b.reports, b.catchUp, b.signals = newReports(), newCatchUp(b), newSignals()
	b.announcer = newAnnouncer(b)
	b.jobs = newJobs()
	// A person who looks into the journal, or changes something in it, is told of its errors at once.
	b.inspector = &Inspector{
		actions: b.actions, clock: b.clock, wake: func(t journal.Timer) { b.timers.add(t) },
		jobsChanged: func() { b.jobs.tell(true) },
		live:        b.rules, people: b.people, lanes: b.lanes,
		goOnWith: func(conversation, run string) { b.wakeUp([]wakeUp{{conversation, run}}) },
		order:    b.announcer.order, steer: b.announcer.steer,
	}
	b.journal = watchedJournal{b.journal, &b.inspector.watch}
	b.inspector.journal = b.journal
	b.journal = &steady{
		Journal: b.journal, clock: b.clock, log: b.log, health: &b.health, tell: b.tell, watch: b.observer.JournalWorking,
	}
	b.stopped, b.stop = context.WithCancel(context.Background())
	b.usePlugins(set)
	return b, nil
}

// Run takes up what the journal holds, then answers events until ctx ends or something fails for good: the connection
// is lost, or the journal is closed. A journal that fails is tried again until it works. It blocks until no goroutine of
// the bot is left. A stop by ctx returns nil.
//
// After ctx has ended no more events are taken; what was taken is finished within the grace period, and cancelled then.
// What was cancelled is still in the journal.
func (b *Bot) Run(ctx context.Context) error {
	if b.started.Swap(true) {
		return ErrStopped
	}
	defer b.stop()

	work, cancelWork := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelWork()
	input, cancelInput := context.WithCancel(ctx)
	defer cancelInput()
	var workers sync.WaitGroup
	for range b.workers {
		workers.Go(func() { b.work(work) })
	}
	workers.Go(func() {
		select { // what the journal holds goes first: an answer that came before the time was over, say
		case <-b.ready:
		case <-work.Done():
			return
		}
		b.timers.run(work, b.clock, func(t journal.Timer) { b.wake(work, t) })
	})
	workers.Go(func() { b.sendReports(work) })
	workers.Go(func() {
		select { // slots that were written down before go first
		case <-b.ready:
		case <-work.Done():
			return
		}
		b.runJobs(input)
	})
	workers.Go(func() {
		select { // what is done by the journal's word goes before what follows from it
		case <-b.ready:
		case <-work.Done():
			return
		}
		b.relay(work)
	})

	workers.Go(func() { b.upkeep(input) })
	workers.Go(func() { b.directory.run(input, b.pause) })
	workers.Go(func() {
		select {
		case <-b.ready:
			b.announcer.run(input, work)
		case <-input.Done():
		}
	})
	lost := make(chan error, 1)
	go func() { lost <- b.input(input) }()

	var err error
	inputDone := false
	select {
	case <-ctx.Done():
	case err = <-lost:
		inputDone = true
	case err = <-b.fatal:
	}
	b.taking.Store(false)
	cancelInput()
	if !inputDone {
		if e := <-lost; err == nil && ctx.Err() == nil {
			err = e
		}
	}
	if err == nil && b.grace > 0 {
		b.finish(work)
	}
	cancelWork()
	b.queues.close()
	b.directory.close()
	workers.Wait()
	if err == nil {
		select {
		case err = <-b.fatal:
		default:
		}
	}
	b.log.Info("bot stopped", "handled", b.handled.Load(), "unused", b.unused.Load())
	return err
}

// finish waits for what was taken, at most for the grace period.
func (b *Bot) finish(ctx context.Context) {
	ctx, cancel := withTimeout(ctx, b.clock, b.grace)
	defer cancel()
	if _, err := b.busy.wait(ctx); err != nil {
		b.log.Warn("not everything was finished within the grace period", "grace", b.grace)
	}
}

// fail ends Run with an error that the bot cannot go on after.
func (b *Bot) fail(err error) {
	select {
	case b.fatal <- err:
	default:
	}
}

// work handles one item after another until the queues are closed.
func (b *Bot) work(ctx context.Context) {
	for {
		c, it, ok := b.queues.take()
		if !ok {
			return
		}
		b.handle(ctx, it)
		b.queues.release(c)
		b.busy.leave()
	}
}

// handle handles one item; whatever goes wrong in it costs that item's event and nothing else.
func (b *Bot) handle(ctx context.Context, it item) {
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("panic: the event is given up", "event", it.event.Key, "run", it.wake, "err", fmt.Sprint(p),
				"stack", string(debug.Stack()))
			b.observer.EventGivenUp()
			b.giveUp(ctx, it)
		}
	}()
	var err error
	if it.wake != "" {
		err = b.resume(ctx, it.wake)
	} else {
		err = b.process(ctx, it)
	}
	switch {
	case err == nil:
		b.handled.Add(1)
	case ctx.Err() != nil: // the second stage of a stop; the journal has it
	case errors.Is(err, journal.ErrClosed):
		b.fail(fmt.Errorf("journal: %w", err))
	default: // what trying again does not help with
		b.log.Error("the event is given up", "event", it.event.Key, "run", it.wake, "err", err)
		b.giveUp(ctx, it)
	}
}

// wake puts a run whose timer is due into its conversation's queue.
func (b *Bot) wake(ctx context.Context, t journal.Timer) {
	b.busy.enter()
	r, ok, err := b.journal.Run(ctx, t.Run)
	if err != nil || !ok {
		if err != nil && ctx.Err() == nil {
			b.fail(fmt.Errorf("journal: %w", err))
		}
		b.busy.leave()
		return
	}
	e, _, err := b.journal.Event(ctx, r.Event)
	if err != nil {
		if ctx.Err() == nil {
			b.fail(fmt.Errorf("journal: %w", err))
		}
		b.busy.leave()
		return
	}
	b.queues.put(queueOf(e.Conversation, e.Key), item{wake: t.Run})
}

// signed writes a duration with its sign, to the second.
func signed(d time.Duration) string {
	if d = d.Round(time.Second); d > 0 {
		return "+" + d.String()
	}
	return d.String()
}

// now is the time as rules see it.
func (b *Bot) now() time.Time { return b.clock.Now().In(b.zone) }
