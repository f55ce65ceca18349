package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/bot/journal"
)

const (
	trimPiece = 2000 // of each kind in one Trim
	trimLook  = 2000 // events in a row that stay, after which no older one is expected: they come nearly in order of time
)

// plan is what a Trim found to let go of. What is done stays done and grows no younger, so that the plan still holds when
// its turn to be written comes.
type plan struct {
	events []uint64 // go, with all
	hollow []uint64 // lose data and trace, keep the key
	traces []uint64 // lose their trace; those of events and hollow are not among them
	state  [][2]string
	marks  []int64
	upTo   uint64 // done events up to it have no data any more; 0: as before
	now    time.Time
	more   bool
}

// Trim implements journal.Journal. Size is that of the pages in use: what Trim frees is used again, the file itself does not
// shrink. By size, traces of the newer half of the events stay as long as there are older data to let go of.
func (j *Journal) Trim(ctx context.Context, r journal.Retention) (out journal.Trimmed, err error) {
	if j.readOnly {
		return out, ErrReadOnly
	}
	var p *plan
	if err := j.look(ctx, func(d *db) (err error) {
		p, err = j.plan(d, r)
		return err
	}, lazyDone, lazyTraces, lazyState); err != nil {
		return out, err
	}
	if len(p.events)+len(p.hollow)+len(p.traces)+len(p.state)+len(p.marks) > 0 || p.upTo > 0 {
		result := new(journal.Trimmed) // the caller may be gone when it is written
		if err := j.write(ctx, &request{rows: maxRows, do: func(b *batch) (err error) {
			*result, err = b.trim(p)
			return err
		}}); err != nil {
			return out, err
		}
		out = *result
	}
	out.More = p.more
	return out, nil
}

// plan looks for what goes. Everything that it looks at is older than the read transaction.
func (j *Journal) plan(d *db, r journal.Retention) (*plan, error) {
	p := &plan{now: r.Now}
	j.mu.RLock()
	last := j.x.last
	pending := make(map[uint64]bool, len(j.x.pending))
	for _, e := range j.x.pending {
		pending[e.n] = true
	}
	j.mu.RUnlock()
	for _, step := range []func() error{
		func() error { return p.findEvents(d, nanos(r.Events), last, pending) },
		func() error { return p.findTraces(d, nanos(r.Traces), last, pending) },
		func() error { return p.findExpired(d) },
		func() error { return p.findBySize(d, r, last, pending) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *plan) findEvents(d *db, cutoff int64, last uint64, pending map[uint64]bool) error {
	if cutoff == zeroTime {
		return nil
	}
	stay := 0
	err := d.each(func(s *sqlite3.Stmt) (bool, error) {
		n := uint64(s.ColumnInt64(0))
		switch {
		case pending[n]:
		case s.ColumnInt64(1) < cutoff:
			p.events, stay = append(p.events, n), 0
		default:
			stay++
		}
		return stay < trimLook && len(p.events) < trimPiece, nil
	}, `SELECT n, at FROM event WHERE n <= ? ORDER BY n`, last)
	p.more = p.more || len(p.events) == trimPiece
	return err
}

// findTraces looks for traces that are too old; those of events that go are looked for when they go.
func (p *plan) findTraces(d *db, cutoff int64, last uint64, pending map[uint64]bool) error {
	if cutoff == zeroTime {
		return nil
	}
	goes := make(map[uint64]bool, len(p.events))
	for _, n := range p.events {
		goes[n] = true
	}
	err := d.each(func(s *sqlite3.Stmt) (bool, error) {
		if n := uint64(s.ColumnInt64(0)); !pending[n] && !goes[n] && s.ColumnInt64(1) < cutoff {
			p.traces = append(p.traces, n)
		}
		return len(p.traces) < trimPiece, nil
	}, `SELECT n, at FROM trace JOIN event USING (n) WHERE n <= ? ORDER BY n`, last)
	if err != nil {
		return err
	}
	stay := 0
	err = d.each(func(s *sqlite3.Stmt) (bool, error) {
		hi := uint64(s.ColumnInt64(0))
		members, err := decodeBlock(hi, s.ColumnRawBlob(1))
		if err != nil {
			return false, err
		}
		for _, m := range members {
			at, err := d.integer(`SELECT at FROM event WHERE n = ?`, m.n)
			if err != nil {
				return false, err
			}
			switch {
			case !m.trace || goes[m.n]:
			case at < cutoff:
				p.traces, stay = append(p.traces, m.n), 0
			default:
				stay++
			}
		}
		return stay < trimLook && len(p.traces) < trimPiece, nil
	}, `SELECT hi, data FROM block WHERE hi <= ? ORDER BY hi`, last)
	p.more = p.more || len(p.traces) >= trimPiece
	return err
}

func (p *plan) findExpired(d *db) error {
	if p.now.IsZero() {
		return nil
	}
	err := d.each(func(s *sqlite3.Stmt) (bool, error) {
		p.state = append(p.state, [2]string{s.ColumnText(0), s.ColumnText(1)})
		return true, nil
	}, `SELECT scope, key FROM state WHERE expire < ? LIMIT ?`, nanos(p.now), trimPiece)
	if err != nil {
		return err
	}
	err = d.each(func(s *sqlite3.Stmt) (bool, error) {
		p.marks = append(p.marks, s.ColumnInt64(0))
		return true, nil
	}, `SELECT m FROM mark WHERE expire < ? LIMIT ?`, nanos(p.now), trimPiece)
	p.more = p.more || len(p.state) == trimPiece || len(p.marks) == trimPiece
	return err
}

// used returns the bytes of the file that hold something.
func (d *db) used() (int64, error) {
	return d.integer(`SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`)
}

// findBySize looks for the oldest of what may go when the journal is too large, unless age has found enough.
func (p *plan) findBySize(d *db, r journal.Retention, last uint64, pending map[uint64]bool) error {
	if r.Bytes <= 0 || p.more {
		return nil
	}
	size, err := d.used()
	if err != nil || size <= r.Bytes {
		return err
	}
	hollow, err := d.number(numHollow)
	if err != nil {
		return err
	}
	goes := make(map[uint64]bool, len(p.events)+len(p.traces))
	for _, n := range append(slices.Clone(p.events), p.traces...) {
		goes[n] = true
	}
	middle := hollow + (last-min(hollow, last))/2
	before := len(p.traces)
	err = d.each(func(s *sqlite3.Stmt) (bool, error) {
		members, err := decodeBlock(uint64(s.ColumnInt64(0)), s.ColumnRawBlob(1))
		for _, m := range members {
			if m.trace && !goes[m.n] {
				p.traces = append(p.traces, m.n)
			}
		}
		return len(p.traces) < trimPiece, err
	}, `SELECT hi, data FROM block WHERE hi <= ? ORDER BY hi`, middle)
	if err != nil || len(p.traces) > before {
		p.more = p.more || len(p.traces) > before
		return err
	}
	keys := nanos(r.Keys)
	k := 0
	err = d.each(func(s *sqlite3.Stmt) (bool, error) {
		n := uint64(s.ColumnInt64(0))
		p.upTo = n
		k++
		switch {
		case pending[n] || goes[n]:
		case keys != zeroTime && s.ColumnInt64(1) < keys:
			p.events = append(p.events, n)
		default:
			p.hollow = append(p.hollow, n)
		}
		return k < trimPiece, nil
	}, `SELECT n, at FROM event WHERE n > ? AND n <= ? ORDER BY n`, hollow, last)
	p.more = p.more || k > 0
	return err
}

// trim writes what a plan says.
func (b *batch) trim(p *plan) (out journal.Trimmed, err error) {
	if err := b.moveMark(true); err != nil { // what is done then no longer stands in blocks alone
		return out, err
	}
	out.Traces, err = b.dropTraces(append(append(slices.Clone(p.traces), p.events...), p.hollow...))
	if err != nil {
		return out, fmt.Errorf("traces: %w", err)
	}
	for _, n := range p.events {
		if err := b.d.exec(`DELETE FROM event WHERE n = ?`, n); err != nil {
			return out, fmt.Errorf("events: %w", err)
		}
		k := int(b.d.conn.Changes())
		out.Events += k
		b.trimmed += uint64(k)
	}
	for _, n := range p.hollow {
		if err := b.hollow(n); err != nil {
			return out, fmt.Errorf("events: %w", err)
		}
	}
	if out.Events > 0 {
		if err := b.d.setNumber(numTrimmed, b.trimmed); err != nil {
			return out, err
		}
		if err := b.d.setNumber(numLast, b.last); err != nil {
			return out, err
		}
	}
	if p.upTo > 0 {
		if err := b.d.setNumber(numHollow, p.upTo); err != nil {
			return out, err
		}
	}
	for _, s := range p.state { // it may have been written again meanwhile
		if err := b.d.exec(`DELETE FROM state WHERE scope = ? AND key = ? AND expire < ?`, s[0], s[1], nanos(p.now)); err != nil {
			return out, fmt.Errorf("state: %w", err)
		}
		out.State += int(b.d.conn.Changes())
	}
	for _, m := range p.marks {
		if err := b.d.exec(`DELETE FROM mark WHERE m = ? AND expire < ?`, m, nanos(p.now)); err != nil {
			return out, fmt.Errorf("marks: %w", err)
		}
		out.Marks += int(b.d.conn.Changes())
	}
	return out, nil
}

// hollow lets go of all of an event but the key. Its row is written anew: SQLite frees the room of rows that go, not that
// of rows that shrink.
func (b *batch) hollow(n uint64) error {
	var e journal.Stored
	found, err := b.d.one(func(s *sqlite3.Stmt) { e = storedOf(s) }, `DELETE FROM event WHERE n = ? RETURNING `+eventColumns, n)
	if err != nil || !found {
		return err
	}
	return b.d.exec(`INSERT INTO event VALUES (?, ?, ?, ?, ?, NULL)`, n, e.Key, e.Conversation, e.Seq, nanos(e.At))
}

// dropTraces takes the traces of done events away, and reports how many there were.
func (b *batch) dropTraces(ns []uint64) (dropped int, err error) {
	if len(ns) == 0 {
		return 0, nil
	}
	goes := make(map[uint64]bool, len(ns))
	for _, n := range ns {
		goes[n] = true
	}
	hashes := make(map[int64]string, len(b.x.sets))
	for hash, s := range b.x.sets {
		hashes[s.s] = hash
	}
	gone := make(map[int64]int) // rule set -> traces
	for n := range goes {
		found, err := b.d.one(func(s *sqlite3.Stmt) { gone[s.ColumnInt64(0)]++ },
			`DELETE FROM trace WHERE n = ? RETURNING ruleset`, n)
		if err != nil {
			return 0, err
		}
		if found {
			dropped++
		}
	}
	lo, hi := slices.Min(ns), slices.Max(ns)
	type change struct {
		hi, lo uint64
		data   []byte // nil: the block goes
	}
	var changes []change
	err = b.d.each(func(s *sqlite3.Stmt) (bool, error) {
		top := uint64(s.ColumnInt64(0))
		members, err := decodeBlock(top, s.ColumnRawBlob(1))
		if err != nil || !slices.ContainsFunc(members, func(m member) bool { return goes[m.n] }) {
			return true, err
		}
		c := change{hi: top}
		for _, m := range members {
			if !goes[m.n] {
				c.data, c.lo = appendMember(c.data, top, m), m.n
			} else if m.trace {
				gone[m.set]++
				dropped++
			}
		}
		changes = append(changes, c)
		return true, nil
	}, `SELECT hi, data FROM block WHERE hi BETWEEN ? AND ? AND lo <= ?`, lo, hi+blockSpan-1, hi)
	if err != nil {
		return 0, err
	}
	for _, c := range changes {
		if c.data == nil {
			err = b.d.exec(`DELETE FROM block WHERE hi = ?`, c.hi)
		} else {
			err = b.d.putBlock(c.hi, c.lo, c.data)
		}
		if err != nil {
			return 0, err
		}
	}
	for s, n := range gone {
		if err := b.use(hashes[s], 0, -n); err != nil {
			return 0, err
		}
	}
	return dropped, nil
}
