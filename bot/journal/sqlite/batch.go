package sqlite

import (
	"fmt"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/bot/journal"
)

// batch is one transaction of the writer, and what it will change in the index. A request looks first and writes then:
// once it has written, only the disk may make it fail, because that fails the whole batch.
type batch struct {
	j *Journal
	d *db
	x *index // as committed

	last             uint64
	lastRun, lastSet int64
	trimmed          uint64
	mark             uint64
	added            []*event
	byKey            map[string]*event // of added
	ended            []*event
	members          []member
	runs             map[string]*openRun // nil: ended
	timers           map[string]string   // "": stopped
	sets             map[string]*ruleSet // copies with what the batch changes; nil: gone
	positions        []posMove
	traced           map[*event]string // events that got a row in trace, and its rule set
}

type posMove struct {
	conversation string
	seq          uint64
	at           int64
}

func newBatch(j *Journal) *batch {
	x := &j.x
	return &batch{
		j: j, d: j.w, x: x, last: x.last, lastRun: x.lastRun, lastSet: x.lastSet, trimmed: x.trimmed, mark: x.mark,
	}
}

func (b *batch) apply(r *request) error {
	switch {
	case r.do != nil:
		return r.do(b)
	case r.change != nil:
		return b.change(r)
	}
	return b.append(r)
}

// append stores events that are not stored yet.
func (b *batch) append(r *request) error {
	if len(r.events) == 0 {
		return nil
	}
	s, err := b.d.prepare(`INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	added := make([]event, len(r.events))
	b.added = slices.Grow(b.added, len(r.events))
	for i := range r.events {
		e := &r.events[i]
		at := nanos(e.At)
		if err := first(s.BindInt64(1, int64(b.last+1)), s.BindText(2, e.Key), s.BindText(3, e.Conversation),
			s.BindInt64(4, int64(e.Seq)), s.BindInt64(5, at), bindBlob(s, 6, e.Data)); err != nil {
			return err
		}
		if err := s.Exec(); err != nil {
			return fmt.Errorf("append: %w", err)
		}
		if r.fresh[i] = b.d.conn.Changes() > 0; !r.fresh[i] {
			continue
		}
		b.last++
		added[i] = event{n: b.last, key: e.Key}
		b.added = append(b.added, &added[i])
		if b.byKey != nil {
			b.byKey[e.Key] = &added[i]
		}
		if e.Conversation != "" {
			b.positions = append(b.positions, posMove{e.Conversation, e.Seq, at})
		}
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// pending returns the event with that key as long as it is not done.
func (b *batch) pending(key string) *event {
	e := b.x.pending[key]
	if e == nil && len(b.added) > 0 {
		if b.byKey == nil {
			b.byKey = make(map[string]*event, len(b.added))
			for _, a := range b.added {
				b.byKey[a.key] = a
			}
		}
		e = b.byKey[key]
	}
	if e == nil || e.ended == b.j.gen {
		return nil
	}
	return e
}

func (b *batch) run(id string) *openRun {
	if r, ok := b.runs[id]; ok {
		return r
	}
	return b.x.runs[id]
}

func (b *batch) setRun(id string, r *openRun) {
	if b.runs == nil {
		b.runs = make(map[string]*openRun)
	}
	b.runs[id] = r
}

func (b *batch) timerRun(id string) string {
	if run, ok := b.timers[id]; ok {
		return run
	}
	return b.x.timers[id]
}

func (b *batch) setTimer(id, run string) {
	if b.timers == nil {
		b.timers = make(map[string]string)
	}
	b.timers[id] = run
}

// set returns the batch's own copy of a rule set; nil when there is none of that hash.
func (b *batch) set(hash string) *ruleSet {
	if s, ok := b.sets[hash]; ok {
		return s
	}
	s := b.x.sets[hash]
	if s == nil {
		return nil
	}
	own := *s
	own.touched = false
	if b.sets == nil {
		b.sets = make(map[string]*ruleSet)
	}
	b.sets[hash] = &own
	return &own
}

// named returns the rule set of that hash, also when its text was never given; nil for "".
func (b *batch) named(hash string) (*ruleSet, error) {
	if hash == "" {
		return nil, nil
	}
	if s := b.set(hash); s != nil {
		return s, nil
	}
	return b.addSet(&text{hash: hash}, nil)
}

func (b *batch) addSet(t *text, data any) (*ruleSet, error) {
	b.lastSet++
	s := &ruleSet{s: b.lastSet, hash: t.hash, text: data != nil}
	if b.sets == nil {
		b.sets = make(map[string]*ruleSet)
	}
	b.sets[t.hash] = s
	return s, b.d.exec(`INSERT INTO ruleset VALUES (?, ?, ?)`, s.s, s.hash, data)
}

// finish writes what the batch's requests have in common.
func (b *batch) finish() (err error) {
	if b.j.scratch, err = b.d.writeBlocks(b.members, b.j.scratch); err != nil {
		return fmt.Errorf("blocks: %w", err)
	}
	for hash, s := range b.sets {
		old := b.x.sets[hash]
		switch {
		case s == nil:
		case s.runs+s.traces == 0 && s.touched:
			if err := b.dropSet(s); err != nil {
				return err
			}
		case old == nil && s.traces > 0, old != nil && s.traces != old.traces:
			if err := b.d.setNumber(numTraces+s.s, uint64(s.traces)); err != nil {
				return err
			}
		}
	}
	return b.moveMark(false)
}

func (b *batch) dropSet(s *ruleSet) error {
	b.sets[s.hash] = nil
	if err := b.d.exec(`DELETE FROM ruleset WHERE s = ?`, s.s); err != nil {
		return err
	}
	return b.d.exec(`DELETE FROM number WHERE k = ?`, numTraces+s.s)
}

// The mark moves when so many events came after it, at once or, when the oldest that are not done are in its way, later:
// what stands before it is known without looking into blocks, which bounds how long Open takes.
const (
	markEvery = 8192
	markLate  = 32768
)

// moveMark brings the mark near the newest event when it is time, or when it must.
func (b *batch) moveMark(must bool) error {
	if b.last == b.mark || !must && b.last-b.mark < markEvery {
		return nil
	}
	target := b.last
	if !must {
		if oldest := b.oldest(); oldest > b.mark+markEvery/2 {
			target = min(target, oldest-1)
		} else if b.last-b.mark < markLate {
			return nil
		}
	}
	for _, e := range slices.Concat(b.x.order[b.x.upTo(b.mark):], b.added) {
		if e.n > target || e.done || e.ended == b.j.gen {
			continue
		}
		if err := b.d.exec(`INSERT INTO open VALUES (?)`, e.n); err != nil {
			return err
		}
	}
	// Positions may be written newer than the mark: they only move forward.
	put := func(p journal.Position) error {
		return b.d.exec(`INSERT INTO position VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, at = excluded.at`,
			p.Conversation, p.Seq, nanos(p.At))
	}
	moved := make(map[string]journal.Position)
	for c := range b.x.moved {
		moved[c] = b.x.positions[c]
	}
	for _, m := range b.positions {
		p, ok := moved[m.conversation]
		if !ok {
			p = b.x.positions[m.conversation]
		}
		moved[m.conversation] = m.onto(p)
	}
	for _, p := range moved {
		if err := put(p); err != nil {
			return err
		}
	}
	b.mark = target
	return b.d.setNumber(numMark, b.mark)
}

// oldest returns the number of the oldest event after the mark that is not done, or the next one that will be.
func (b *batch) oldest() uint64 {
	for _, events := range [][]*event{b.x.order[b.x.upTo(b.mark):], b.added} {
		for _, e := range events {
			if !e.done && e.ended != b.j.gen {
				return e.n
			}
		}
	}
	return b.last + 1
}

// onto returns the position that p becomes.
func (m posMove) onto(p journal.Position) journal.Position {
	p.Conversation, p.Seq = m.conversation, max(p.Seq, m.seq)
	if t := moment(m.at); t.After(p.At) {
		p.At = t
	}
	return p
}

// publish makes the index what the file now is.
func (b *batch) publish() {
	x := b.x
	x.last, x.lastRun, x.lastSet, x.trimmed = b.last, b.lastRun, b.lastSet, b.trimmed
	for _, m := range b.positions {
		x.positions[m.conversation] = m.onto(x.positions[m.conversation])
		x.moved[m.conversation] = struct{}{}
	}
	if b.mark != x.mark {
		x.mark = b.mark
		clear(x.moved)
	}
	for _, e := range b.added {
		x.pending[e.key] = e
		x.order = append(x.order, e)
	}
	for _, e := range b.ended {
		e.done = true
		delete(x.pending, e.key)
	}
	x.clean()
	for e, set := range b.traced {
		e.traced, e.set = true, set
	}
	for id, r := range b.runs {
		old := x.runs[id]
		if old != nil && (r == nil || r.event != old.event) {
			ids := slices.DeleteFunc(x.byEvent[old.event], func(o string) bool { return o == id })
			if x.byEvent[old.event] = ids; len(ids) == 0 {
				delete(x.byEvent, old.event)
			}
		}
		if r == nil {
			delete(x.runs, id)
			continue
		}
		if old == nil || r.event != old.event {
			x.byEvent[r.event] = append(x.byEvent[r.event], id)
		}
		x.runs[id] = r
	}
	for id, run := range b.timers {
		if run == "" {
			delete(x.timers, id)
		} else {
			x.timers[id] = run
		}
	}
	for hash, s := range b.sets {
		if s == nil {
			delete(x.sets, hash)
		} else {
			x.sets[hash] = s
		}
	}
}

// eventRow finds an event that need not be pending; whole says that its data are there.
func (b *batch) eventRow(key string) (n uint64, whole bool, err error) {
	_, err = b.d.one(func(s *sqlite3.Stmt) { n, whole = uint64(s.ColumnInt64(0)), s.ColumnInt(1) == 1 },
		`SELECT n, data IS NOT NULL FROM event WHERE key = ?`, key)
	return n, whole, err
}
