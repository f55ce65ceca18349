package bot

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

const (
	// maxAhead is how many windows ahead a run may wait for its turn.
	maxAhead = 10

	// lateTurn is how late a run may begin and still count as begun at its turn. What began later counts from then on,
	// and moves those behind it: runs whose turns passed while no bot ran do not all begin at once.
	lateTurn = time.Second

	// waitsLong is how long after its turn a run keeps its place in the line.
	waitsLong = 24 * time.Hour

	// limitPage is how many marks are read from the journal at once.
	limitPage = 1000

	// limitsSwept is how many logs are held before those that count nothing any more go.
	limitsSwept = 1000
)

// limits is the firings that count, by scope of the journal: "limit/", the rule and Limit.Key. It is right because one
// process alone writes a journal: what was decided and is on its way into the journal is here already. The journal has
// an entry for each firing and not one for all, so that two firings need not be written in their order.
type limits struct {
	mu    sync.Mutex
	logs  map[string]*limitLog
	sweep int // at so many logs
}

// limitLog is the firings of one key.
type limitLog struct {
	users int // who use it; guarded by limits.mu

	lock   lock // of what follows
	loaded bool
	marks  []mark
	told   time.Time // when limit.reply last began
	expire time.Time // when nothing of it counts any more
}

// mark is one firing.
type mark struct {
	at    int64 // its time, or its turn; Unix nanoseconds
	made  int64 // when it was written down: a mark of the future is one of a clock that was put back
	waits bool  // its run waits for its turn
	key   string
}

// expire is when the mark counts no more. A run that waits may begin late, when no bot ran at its turn; after waitsLong
// it has no place in the line any more.
func (m mark) expire(window time.Duration) time.Time {
	if m.waits {
		window += waitsLong
	}
	return time.Unix(0, m.at).Add(window)
}

// write is the mark as the journal keeps it: when it was made, and "w" while it waits.
func (m mark) write(scope string, window time.Duration) journal.StateWrite {
	value := strconv.AppendInt(nil, m.made, 10)
	if m.waits {
		value = append(value, 'w')
	}
	return journal.StateWrite{Scope: scope, Key: m.key, Value: value, Expire: m.expire(window)}
}

// keyTold is the entry that keeps when limit.reply last began; it stands behind the marks.
const keyTold = "told"

// turn is what a limit says to a firing.
type turn struct {
	ok    bool // it fires, at At
	at    time.Time
	tell  bool   // it does limit.reply
	mark  string // the entry that was made, "" for none
	why   string
	write []journal.StateWrite
}

func limitScope(rule *rules.Rule, key string) string { return "limit/" + rule.ID + "/" + key }

// take asks for a firing now and notes it, at once for everybody; what it returns is to be written with what fires.
func (l *limits) take(
	ctx context.Context, j journal.Journal, scope string, lim *rules.Limit, clock clockwork.Clock,
) (turn, error) {
	l.tidy(clock.Now())
	log, now, done, err := l.open(ctx, j, scope, lim, clock)
	if err != nil {
		return turn{}, err
	}
	defer done()
	t := log.decide(lim, now)
	t.why = limitName(lim, scope) + ": " + t.why
	switch {
	case t.tell:
		log.told = now
		log.outlast(now.Add(lim.Window))
		t.write = []journal.StateWrite{{
			Scope: scope, Key: keyTold, Value: strconv.AppendInt(nil, now.UnixNano(), 10), Expire: now.Add(lim.Window),
		}}
	case t.ok && !t.silent():
		m := log.add(mark{at: t.at.UnixNano(), made: now.UnixNano(), waits: t.at.After(now)}, lim.Window)
		t.mark, t.write = m.key, []journal.StateWrite{m.write(scope, lim.Window)}
	}
	return t, nil
}

// begin asks whether a run whose turn has come may begin. When it may not, because others began late, it says when to
// ask again; else the mark counts from the turn on, or from now on when that is long over.
func (l *limits) begin(
	ctx context.Context, j journal.Journal, scope, key string, lim *rules.Limit, clock clockwork.Clock,
) (again time.Time, write []journal.StateWrite, newKey string, err error) {
	log, now, done, err := l.open(ctx, j, scope, lim, clock)
	if err != nil {
		return again, nil, key, err
	}
	defer done()
	m := mark{at: now.UnixNano(), made: now.UnixNano()}
	var began []int64
	for _, o := range log.marks {
		switch {
		case o.key == key:
			m = o
		case !o.waits && o.made <= now.UnixNano() && o.at > now.Add(-lim.Window).UnixNano():
			began = append(began, o.at)
		}
	}
	if n := len(began); n >= lim.Times {
		return ceilMilli(time.Unix(0, began[n-lim.Times]).Add(lim.Window)), nil, key, nil
	}
	log.drop(func(o mark) bool { return o.key == key })
	m.waits = false
	if now.Sub(time.Unix(0, m.at)) > lateTurn {
		m.at = now.UnixNano()
		write = append(write, journal.StateWrite{Scope: scope, Key: key})
	}
	m = log.add(m, lim.Window)
	return again, append(write, m.write(scope, lim.Window)), m.key, nil
}

// open locks a log that is read, and then looks at the clock: what the log holds is not of the future.
func (l *limits) open(
	ctx context.Context, j journal.Journal, scope string, lim *rules.Limit, clock clockwork.Clock,
) (log *limitLog, now time.Time, done func(), err error) {
	log = l.enter(scope)
	if err := log.lock.lock(ctx); err != nil {
		l.leave(log)
		return nil, now, nil, err
	}
	now = clock.Now()
	done = func() {
		log.lock.unlock()
		l.leave(log)
	}
	if err := log.load(ctx, j, scope, lim.Window, now); err != nil {
		done()
		return nil, now, nil, err
	}
	log.drop(func(m mark) bool { return m.made <= now.UnixNano() && !m.expire(lim.Window).After(now) })
	return log, now, done, nil
}

// forget takes back a mark that was not written.
func (l *limits) forget(ctx context.Context, scope, key string) error {
	log := l.enter(scope)
	defer l.leave(log)
	if err := log.lock.lock(ctx); err != nil {
		return err
	}
	defer log.lock.unlock()
	log.drop(func(m mark) bool { return m.key == key })
	return nil
}

// decide says whether a firing may be now, or when.
func (log *limitLog) decide(lim *rules.Limit, now time.Time) turn {
	var count []int64
	waiting := 0
	for _, m := range log.marks {
		switch {
		case m.made > now.UnixNano():
			continue
		case m.waits:
			m.at = max(m.at, now.UnixNano())
			waiting++
		}
		count = append(count, m.at)
	}
	slices.Sort(count)
	at := now
	if n := len(count); n > 0 {
		at = later(at, time.Unix(0, count[n-1])) // one after another
		if n >= lim.Times {
			at = later(at, time.Unix(0, count[n-lim.Times]).Add(lim.Window))
		}
	}
	t := turn{why: fired(count, waiting, now, lim.Window)}
	if !at.After(now) && waiting == 0 {
		t.ok, t.at = true, now
		return t
	}
	at = ceilMilli(at)
	wait := at.Sub(now)
	switch {
	case lim.Over == rules.OverWait && wait <= maxAhead*lim.Window:
		t.ok, t.at = true, at
		t.why += fmt.Sprintf(", its turn is in %s", short(wait))
	case lim.Over == rules.OverWait:
		t.why += fmt.Sprintf("; its turn would be in %s, which is more than %d windows ahead", short(wait), maxAhead)
	case lim.Over == rules.OverReply && (log.told.After(now) || !log.told.Add(lim.Window).After(now)):
		t.ok, t.tell, t.at = true, true, now
		t.why += ", so that limit.reply is done instead"
	case lim.Over == rules.OverReply:
		t.ok = true
		t.why += fmt.Sprintf("; limit.reply was done %s ago", short(now.Sub(log.told)))
	}
	return t
}

// silent reports whether the rule counts as fired and does nothing.
func (t *turn) silent() bool { return t.ok && !t.tell && t.at.IsZero() }

// add puts a mark in its place, with a key of its own.
func (log *limitLog) add(m mark, window time.Duration) mark {
	prefix := fmt.Sprintf("%016x.", m.at)
	for n := 0; !strings.HasPrefix(m.key, prefix); n++ {
		key := prefix + strconv.Itoa(n)
		if !slices.ContainsFunc(log.marks, func(o mark) bool { return o.key == key }) {
			m.key = key
		}
	}
	i, _ := slices.BinarySearchFunc(log.marks, m.at+1, func(o mark, at int64) int { return cmp.Compare(o.at, at) })
	log.marks = slices.Insert(log.marks, i, m)
	log.outlast(m.expire(window))
	return m
}

func (log *limitLog) drop(which func(mark) bool) { log.marks = slices.DeleteFunc(log.marks, which) }

func (log *limitLog) outlast(t time.Time) { log.expire = later(log.expire, t) }

// load reads the marks of the processes before this one, as far as they may still count.
func (log *limitLog) load(ctx context.Context, j journal.Journal, scope string, window time.Duration, now time.Time) error {
	if log.loaded {
		return nil
	}
	after := fmt.Sprintf("%016x", now.Add(-window-waitsLong).UnixNano())
	for {
		entries, err := j.StateRange(ctx, scope, after, limitPage)
		if err != nil {
			return err
		}
		for _, e := range entries {
			after = e.Key
			value, waits := strings.CutSuffix(string(e.Value), "w")
			made, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fmt.Errorf("%s %s: %w", scope, e.Key, err)
			}
			log.outlast(e.Expire)
			if e.Key == keyTold {
				log.told = time.Unix(0, made)
				continue
			}
			digits, _, _ := strings.Cut(e.Key, ".")
			at, err := strconv.ParseInt(digits, 16, 64)
			if err != nil {
				return fmt.Errorf("%s %s: %w", scope, e.Key, err)
			}
			if m := (mark{at, made, waits, e.Key}); m.expire(window).After(now) {
				log.marks = append(log.marks, m)
			}
		}
		if len(entries) < limitPage {
			log.loaded = true
			return nil
		}
	}
}

func (l *limits) enter(scope string) *limitLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.logs == nil {
		l.logs, l.sweep = make(map[string]*limitLog), limitsSwept
	}
	log := l.logs[scope]
	if log == nil {
		log = &limitLog{lock: newLock()}
		l.logs[scope] = log
	}
	log.users++
	return log
}

func (l *limits) leave(log *limitLog) {
	l.mu.Lock()
	defer l.mu.Unlock()
	log.users--
}

// tidy lets go of the logs that count nothing any more, once there are many.
func (l *limits) tidy(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.logs) < l.sweep || l.sweep == 0 {
		return
	}
	for scope, log := range l.logs {
		if log.users == 0 && !log.expire.After(now) {
			delete(l.logs, scope)
		}
	}
	l.sweep = max(limitsSwept, 2*len(l.logs))
}

// fired tells of the firings in words: "2 in the last 12s and 1 waiting".
func fired(count []int64, waiting int, now time.Time, window time.Duration) string {
	past := len(count) - waiting
	text := fmt.Sprintf("none in the last %s", short(window))
	if past > 0 {
		text = fmt.Sprintf("%d in the last %s", past, short(now.Sub(time.Unix(0, count[0]))))
	}
	if waiting > 0 {
		text += fmt.Sprintf(" and %d waiting", waiting)
	}
	return text
}

// limitName names a limit as its rule does: "limit 1/30s for chat/group_g".
func limitName(l *rules.Limit, scope string) string {
	name := fmt.Sprintf("limit %d/%s", l.Times, short(l.Window))
	_, key, _ := strings.Cut(strings.TrimPrefix(scope, "limit/"), "/")
	if key = strings.TrimPrefix(key, "x/"); key != "" {
		name += " for " + key
	}
	return name
}

// short is a duration as people write it: "30s", "1m", "1h30m".
func short(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(100 * time.Millisecond)
	} else {
		d = d.Round(time.Millisecond)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ceilMilli is the next whole millisecond: the due time of a timer is one.
func ceilMilli(t time.Time) time.Time {
	if rest := t.Sub(t.Truncate(time.Millisecond)); rest > 0 {
		return t.Add(time.Millisecond - rest)
	}
	return t
}
