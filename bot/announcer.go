package bot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/targets"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// announcer sends the announcements: one goroutine, a chunk of one announcement at a time, whichever is due. What is to be
// done next stands in the journal, so that it goes on after a crash.
type announcer struct {
	b     *Bot
	locks locks // by key: held while an announcement changes
	zones zones // the goroutine's

	mu      sync.Mutex
	jobs    map[string]*announceJob // those that are not over
	loaded  bool                    // jobs has all of them
	awake   bool                    // something is due: the bot is busy
	ended   bool
	changed chan struct{} // room for one
	looked  chan struct{} // closed when run has looked what is due; nil while nobody waits for that
}

// announceJob is an announcement in memory. Its fields are guarded by the lock of its key, due by the announcer's mu.
type announceJob struct {
	key, effect string
	rec         announceRecord
	targets     uint64
	due         time.Time // when something is to be done
	slot        time.Time // when its pace lets the next target go
	reader      *targets.Reader
	templates   map[string]*rules.RowTemplate // by request
}

const maxKey = 200 // bytes of an announcement's key

func newAnnouncer(b *Bot) *announcer {
	return &announcer{b: b, zones: make(zones), jobs: make(map[string]*announceJob), changed: make(chan struct{}, 1)}
}

// run does what is due until input ends; what is being done then is finished, unless work ends.
func (a *announcer) run(input, work context.Context) {
	defer a.end()
	if err := a.load(input); err != nil {
		if input.Err() == nil {
			a.b.fail(fmt.Errorf("journal: %w", err))
		}
		return
	}
	for {
		j, next, ok := a.next()
		if j != nil {
			if err := a.turn(work, j); err != nil && work.Err() == nil {
				a.b.fail(fmt.Errorf("announcement %s: %w", j.key, err))
				return
			}
			if input.Err() != nil {
				return
			}
			continue
		}
		if !a.sleep(input, next, ok) {
			return
		}
	}
}

// sleep waits until something is due; it reports whether to go on.
func (a *announcer) sleep(ctx context.Context, next time.Time, ok bool) bool {
	var due <-chan time.Time
	if ok { // as the bot's timers: the time of day may be changed meanwhile
		wait := max(next.Sub(a.b.clock.Now()), 1)
		if !a.b.steadyClock {
			wait = min(wait, beat)
		}
		timer := a.b.clock.NewTimer(wait)
		defer timer.Stop()
		due = timer.Chan()
	}
	select {
	case <-due:
	case <-a.changed:
	case <-ctx.Done():
		return false
	}
	return true
}

// next is the announcement that is due first, if its time has come; else when that is, if ever.
func (a *announcer) next() (j *announceJob, at time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, x := range a.jobs {
		if x.due.IsZero() {
			continue
		}
		if !ok || x.due.Before(at) || x.due.Equal(at) && x.key < j.key {
			j, at, ok = x, x.due, true
		}
	}
	if ok && !at.After(a.b.clock.Now()) {
		a.wake()
		return j, at, true
	}
	if a.awake {
		a.awake = false
		a.b.busy.leave()
	}
	if a.looked != nil {
		close(a.looked)
		a.looked = nil
	}
	return nil, at, ok
}

// first is when something is to be done next; ok is false when nothing is.
func (a *announcer) first() (at time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, x := range a.jobs {
		if !x.due.IsZero() && (!ok || x.due.Before(at)) {
			at, ok = x.due, true
		}
	}
	return at, ok
}

// settled blocks until nothing is due that run has not done.
func (a *announcer) settled(ctx context.Context) error {
	for {
		if at, ok := a.first(); !ok || at.After(a.b.clock.Now()) {
			return nil
		}
		a.mu.Lock()
		if a.ended {
			a.mu.Unlock()
			return nil
		}
		if a.looked == nil {
			a.looked = make(chan struct{})
		}
		looked := a.looked
		a.mu.Unlock()
		select { // its alarm may be set by a time that a virtual clock has left meanwhile
		case a.changed <- struct{}{}:
		default:
		}
		select {
		case <-looked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wake notes that something is due; the caller holds mu.
func (a *announcer) wake() {
	if !a.awake && !a.ended {
		a.awake = true
		a.b.busy.enter()
	}
}

// poke lets the announcement be looked at at once.
func (a *announcer) poke(j *announceJob) {
	a.mu.Lock()
	defer a.mu.Unlock()
	j.due = a.b.clock.Now()
	a.wake()
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// decided lets an announcement go on for which people have decided.
func (a *announcer) decided(key string) {
	a.mu.Lock()
	j := a.jobs[key]
	a.mu.Unlock()
	if j != nil {
		a.poke(j)
	}
}

func (a *announcer) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	if a.awake {
		a.awake = false
		a.b.busy.leave()
	}
	for _, j := range a.jobs {
		j.close()
	}
}

func (j *announceJob) close() {
	if j.reader != nil {
		j.reader.Close() // it was only read
		j.reader = nil
	}
}

// announcePage is how many announcements are read from the journal at once.
const announcePage = 100

// load reads the announcements that are not over, once.
func (a *announcer) load(ctx context.Context) error {
	a.mu.Lock()
	loaded := a.loaded
	a.mu.Unlock()
	if loaded {
		return nil
	}
	for before := uint64(0); ; {
		page, err := a.b.journal.Announcements(ctx, before, announcePage)
		if err != nil {
			return err
		}
		for _, x := range page {
			before = x.N
			rec, err := decodeAnnouncement(x)
			if err != nil {
				a.b.log.Error("announcement given up: it cannot be read", "key", x.Key, "err", err)
				continue
			}
			if !rec.State.over() {
				a.add(x.Key, rec, x.Targets)
			}
		}
		if len(page) < announcePage || before == 1 {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaded = true
	return nil
}

// add puts an announcement into memory, unless it is there.
func (a *announcer) add(key string, rec announceRecord, count uint64) *announceJob {
	a.mu.Lock()
	defer a.mu.Unlock()
	if j := a.jobs[key]; j != nil {
		return j
	}
	if n := len(rec.Requests); n > 0 && !rec.Requests[n-1].Loaded {
		rec.Requests[n-1].To = count // what a crash kept from being counted
	}
	j := &announceJob{key: key, effect: announceEffect(key), rec: rec, targets: count, due: a.b.clock.Now()}
	a.jobs[key] = j
	return j
}

// open returns an announcement from memory or the journal. The caller holds its lock.
func (a *announcer) open(ctx context.Context, key string) (*announceJob, error) {
	a.mu.Lock()
	j := a.jobs[key]
	a.mu.Unlock()
	if j != nil {
		return j, nil
	}
	x, ok, err := a.b.journal.Announcement(ctx, key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%q: %w: see the list of them", key, ErrNoAnnouncement)
	}
	rec, err := decodeAnnouncement(x)
	if err != nil {
		return nil, err
	}
	return a.add(key, rec, x.Targets), nil
}

// commit writes an announcement down with a change. After an error nobody knows what the journal has: it is read again
// when it is next wanted.
func (a *announcer) commit(ctx context.Context, j *announceJob, change *journal.Change) error {
	x, err := j.rec.encode(j.key)
	if err == nil {
		change.Announcements = append(change.Announcements, x)
		err = a.b.journal.Commit(ctx, change)
	}
	if err != nil {
		a.drop(j)
		return err
	}
	if a.b.started.Load() {
		for _, t := range change.SetTimers { // they are due: the journal has them for the case of a crash
			a.b.wake(ctx, t)
		}
	}
	if j.rec.State.over() {
		a.drop(j)
	}
	return nil
}

func (a *announcer) drop(j *announceJob) {
	a.mu.Lock()
	defer a.mu.Unlock()
	j.close()
	delete(a.jobs, j.key)
}

// put says when an announcement is looked at again; zero is never by itself.
func (a *announcer) put(j *announceJob, due time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	j.due = due
}

// turn does the next thing for an announcement. Errors are the journal's, or ctx's.
func (a *announcer) turn(ctx context.Context, j *announceJob) (err error) {
	unlock, err := a.locks.lock(ctx, j.key)
	if err != nil {
		return err
	}
	defer unlock()
	a.mu.Lock()
	gone := a.jobs[j.key] != j
	a.mu.Unlock()
	if gone {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			a.b.log.Error("panic: the announcement is paused", "key", j.key, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = a.pause(ctx, j, "a fault in timbot: see its log")
		}
	}()
	var due time.Time
	switch {
	case j.rec.State.over() || j.rec.State == AnnouncePaused:
	case j.rec.unloaded() != nil:
		due, err = a.read(ctx, j)
	case j.rec.State == AnnounceWaiting:
		due, err = a.consent(ctx, j)
	case j.rec.Pass == passRecall:
		due, err = a.recall(ctx, j)
	default:
		due, err = a.send(ctx, j)
	}
	if err == nil {
		a.put(j, due)
	}
	return err
}

// pause lets an announcement stand still because something is wrong, and says so.
func (a *announcer) pause(ctx context.Context, j *announceJob, why string) error {
	j.rec.State, j.rec.Reason = AnnouncePaused, why
	j.close()
	a.put(j, time.Time{})
	a.b.report(ctx, "announcement", fmt.Sprintf("announcement %s is paused: %s", j.key, why))
	return a.commit(ctx, j, &journal.Change{})
}

// settleJob lets go of an announcement that was only looked at.
func (a *announcer) settleJob(j *announceJob) {
	if j.rec.State.over() || len(j.rec.Requests) == 0 {
		a.drop(j)
	}
}

// steer does what a person asks for.
func (a *announcer) steer(ctx context.Context, key string, verb AnnounceVerb) (Announcement, error) {
	unlock, err := a.locks.lock(ctx, key)
	if err != nil {
		return Announcement{}, err
	}
	defer unlock()
	j, err := a.open(ctx, key)
	if err != nil {
		return Announcement{}, err
	}
	change := new(journal.Change)
	err = steerAnnouncement(&j.rec, change, verb, a.b.people, key, a.b.clock.Now())
	if err != nil {
		a.settleJob(j)
		return Announcement{}, err
	}
	view := j.rec.view(key, j.targets)
	if err := a.commit(ctx, j, change); err != nil {
		return Announcement{}, err
	}
	a.poke(j)
	return view, nil
}

// steerAnnouncement changes a record as a person asks, with all that follows from it.
func steerAnnouncement(rec *announceRecord, change *journal.Change, verb AnnounceVerb, p *people, key string, now time.Time) error {
	if err := rec.steer(verb, now); err != nil {
		return err
	}
	if rec.State.over() {
		p.consented(change, announceRun+key)
		rec.conclude(change, now)
	}
	return nil
}

// again has the targets of a request that failed tried anew, for a run that waits for it.
func (a *announcer) again(ctx context.Context, key, id string) error {
	unlock, err := a.locks.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	j, err := a.open(ctx, key)
	if err != nil {
		return err
	}
	req := j.rec.byID(id)
	if req == nil || !req.Done || req.Failed == 0 || j.rec.steer(AnnounceRetry, a.b.clock.Now()) != nil {
		a.settleJob(j)
		return nil // it stays as it is
	}
	req.Done, req.State, req.First = false, "", nil
	if err := a.commit(ctx, j, &journal.Change{}); err != nil {
		return err
	}
	a.poke(j)
	return nil
}

// result tells how a request stands; ok is false when it is not known, done is false while it is going on.
func (a *announcer) result(ctx context.Context, key, id string) (req announceRequest, results []actions.Delivered, ok bool, err error) {
	unlock, err := a.locks.lock(ctx, key)
	if err != nil {
		return req, nil, false, err
	}
	defer unlock()
	j, err := a.open(ctx, key)
	if errors.Is(err, ErrNoAnnouncement) {
		return req, nil, false, nil
	}
	if err != nil {
		return req, nil, false, err
	}
	defer a.settleJob(j)
	found := j.rec.byID(id)
	if found == nil {
		return req, nil, false, nil
	}
	req = *found
	if !req.Done || req.From == req.To {
		return req, nil, true, nil
	}
	page, err := a.b.journal.Targets(ctx, journal.TargetQuery{Key: key, After: req.From, UpTo: req.To, Limit: actions.MaxResults})
	if err != nil {
		return req, nil, false, err
	}
	for i := range page {
		t, err := targetView(&page[i])
		if err != nil {
			return req, nil, false, err
		}
		results = append(results, t.delivered())
	}
	return req, results, true, nil
}

// RunAnnouncement sends one announcement to its end, without answering any events: for a bot whose Run is never called. It
// returns when the announcement is over or stands still, or ctx ends; tell, which may be nil, is called after each step.
func (b *Bot) RunAnnouncement(ctx context.Context, key string, tell func(Announcement)) (Announcement, error) {
	a := b.announcer
	for {
		unlock, err := a.locks.lock(ctx, key)
		if err != nil {
			return Announcement{}, err
		}
		j, err := a.open(ctx, key)
		unlock()
		if err != nil {
			return Announcement{}, err
		}
		view := j.rec.view(key, j.targets)
		if tell != nil {
			tell(view)
		}
		if view.State.over() || view.State == AnnouncePaused || view.State == AnnounceWaiting {
			a.drop(j)
			return view, nil
		}
		if due := j.due; due.After(b.clock.Now()) && !a.sleep(ctx, due, true) {
			return view, ctx.Err()
		} else if due.After(b.clock.Now()) {
			continue
		}
		if err := a.turn(ctx, j); err != nil {
			return view, err
		}
	}
}

// batchMax is how many targets are on their way at once: what a crash leaves unknown is settled by asking one by one, unless
// the connection itself knows a second send.
func (a *announcer) batchMax() int {
	if r, ok := a.b.conn.(sdkconn.Repeater); ok && r.RepeatWindow(sdkconn.C2C("x")) != 0 {
		return 500
	}
	return 50
}

// rate is the pace of a request, at most the bot's.
func (a *announcer) rate(req *announceRequest) rules.Rate {
	r, err := AnnouncePace(req.Pace, a.b.rules().Bot.Pace)
	if err != nil { // it was checked
		r = paceTotal
	}
	return r
}

// AnnouncePace is how fast an announcement may go that asks for a pace, "" for none, from a bot with this one.
func AnnouncePace(own string, of rules.Pace) (rules.Rate, error) {
	total := of.Total
	if total.Times <= 0 || total.Per <= 0 {
		total = paceTotal
	}
	if own == "" {
		return total, nil
	}
	r, err := rules.ParseRate(own)
	if err == nil && perSecond(r) > perSecond(total) {
		r = total
	}
	return r, err
}

func perSecond(r rules.Rate) float64 { return float64(r.Times) / r.Per.Seconds() }
