package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/bot/journal"
)

// look calls f with a connection, after the lazy changes of these kinds are in the file.
func (j *Journal) look(ctx context.Context, f func(*db) error, kinds ...int) error {
	if err := j.seen(ctx, kinds...); err != nil {
		return err
	}
	return j.read(ctx, f)
}

const eventColumns = `n, key, conversation, seq, at, data`

func storedOf(s *sqlite3.Stmt) journal.Stored {
	return journal.Stored{N: uint64(s.ColumnInt64(0)), Event: journal.Event{
		Key: s.ColumnText(1), Conversation: s.ColumnText(2), Seq: uint64(s.ColumnInt64(3)), At: moment(s.ColumnInt64(4)),
		Data: s.ColumnBlob(5, nil),
	}}
}

// Pending implements journal.Journal.
func (j *Journal) Pending(ctx context.Context, after uint64, limit int) ([]journal.Stored, error) {
	var out []journal.Stored
	err := j.look(ctx, func(d *db) error {
		var ns []uint64
		j.mu.RLock()
		for _, e := range j.x.order[j.x.upTo(after):] {
			if len(ns) == limit {
				break
			}
			if !e.done {
				ns = append(ns, e.n)
			}
		}
		j.mu.RUnlock()
		return d.eachEvent(ns, func(s journal.Stored, _ bool) { out = append(out, s) })
	}, lazyDone)
	return out, err
}

// eachEvent reads the events with these numbers that are there; whole says that their data are.
func (d *db) eachEvent(ns []uint64, f func(s journal.Stored, whole bool)) error {
	for _, n := range ns {
		_, err := d.one(func(s *sqlite3.Stmt) { f(storedOf(s), s.ColumnType(5) != sqlite3.NULL) },
			`SELECT `+eventColumns+` FROM event WHERE n = ?`, n)
		if err != nil {
			return err
		}
	}
	return nil
}

// Event implements journal.Journal.
func (j *Journal) Event(ctx context.Context, key string) (e journal.Event, ok bool, err error) {
	err = j.look(ctx, func(d *db) (err error) {
		ok, err = d.one(func(s *sqlite3.Stmt) { e = storedOf(s).Event },
			`SELECT `+eventColumns+` FROM event WHERE key = ? AND data IS NOT NULL`, key)
		return err
	})
	return e, ok, err
}

// Runs implements journal.Journal.
func (j *Journal) Runs(ctx context.Context, event string) ([]journal.Run, error) {
	var out []journal.Run
	err := j.look(ctx, func(d *db) error {
		j.mu.RLock()
		ids := slices.Clone(j.x.byEvent[event])
		j.mu.RUnlock()
		for _, id := range ids {
			if r, ok, err := j.run(d, id); err != nil {
				return err
			} else if ok {
				out = append(out, r)
			}
		}
		return nil
	}, lazyRuns)
	slices.SortFunc(out, func(a, b journal.Run) int { return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.ID, b.ID)) })
	return out, err
}

// Run implements journal.Journal.
func (j *Journal) Run(ctx context.Context, id string) (r journal.Run, ok bool, err error) {
	err = j.look(ctx, func(d *db) (err error) {
		r, ok, err = j.run(d, id)
		return err
	}, lazyRuns)
	return r, ok, err
}

func (j *Journal) run(d *db, id string) (out journal.Run, ok bool, err error) {
	j.mu.RLock()
	r := j.x.runs[id]
	j.mu.RUnlock()
	if r == nil {
		return out, false, nil
	}
	ok, err = d.one(func(s *sqlite3.Stmt) {
		out = journal.Run{
			ID: id, Event: s.ColumnText(0), Order: s.ColumnInt(1), RuleSet: s.ColumnText(2), Data: s.ColumnBlob(3, nil),
		}
	}, `SELECT event, ord, coalesce(hash, ''), run.data FROM run LEFT JOIN ruleset ON s = ruleset
		WHERE r = ? AND id = ?`, r.r, id)
	return out, ok, err
}

// Steps implements journal.Journal.
func (j *Journal) Steps(ctx context.Context, run string) (map[string][]byte, error) {
	out := make(map[string][]byte)
	err := j.look(ctx, func(d *db) error {
		j.mu.RLock()
		r := j.x.runs[run]
		j.mu.RUnlock()
		if r == nil {
			return nil
		}
		return d.each(func(s *sqlite3.Stmt) (bool, error) {
			out[s.ColumnText(0)] = s.ColumnBlob(1, nil)
			return true, nil
		}, `SELECT step, result FROM run WHERE r = ?1 AND step IS NOT NULL UNION ALL SELECT key, data FROM step WHERE r = ?1`, r.r)
	}, lazyRuns)
	return out, err
}

// Timers implements journal.Journal.
func (j *Journal) Timers(ctx context.Context) ([]journal.Timer, error) {
	var out []journal.Timer
	err := j.look(ctx, func(d *db) error {
		return d.each(func(s *sqlite3.Stmt) (bool, error) {
			out = append(out, journal.Timer{ID: s.ColumnText(0), Due: moment(s.ColumnInt64(1)), Run: s.ColumnText(2)})
			return true, nil
		}, `SELECT timer.id, due, run.id FROM timer JOIN run USING (r) ORDER BY due, timer.id`)
	}, lazyRuns)
	return out, err
}

// State implements journal.Journal.
func (j *Journal) State(ctx context.Context, scope string) (map[string][]byte, error) {
	out := make(map[string][]byte)
	err := j.look(ctx, func(d *db) error {
		return d.each(func(s *sqlite3.Stmt) (bool, error) {
			out[s.ColumnText(0)] = s.ColumnBlob(1, []byte{})
			return true, nil
		}, `SELECT key, value FROM state WHERE scope = ?`, scope)
	}, lazyState)
	return out, err
}

// StateRange implements journal.Journal.
func (j *Journal) StateRange(ctx context.Context, scope, after string, limit int) ([]journal.StateEntry, error) {
	var out []journal.StateEntry
	err := j.look(ctx, func(d *db) error {
		return d.each(func(s *sqlite3.Stmt) (bool, error) {
			e := journal.StateEntry{Key: s.ColumnText(0), Value: s.ColumnBlob(1, []byte{})}
			if s.ColumnType(2) != sqlite3.NULL {
				e.Expire = moment(s.ColumnInt64(2))
			}
			out = append(out, e)
			return true, nil
		}, `SELECT key, value, expire FROM state WHERE scope = ? AND key > ? ORDER BY key LIMIT ?`, scope, after, limit)
	}, lazyState)
	return out, err
}

// Count implements journal.Journal.
func (j *Journal) Count(ctx context.Context, key string, since, until time.Time) (n int, err error) {
	err = j.look(ctx, func(d *db) (err error) {
		n, err = d.count(key, since, until)
		return err
	})
	return n, err
}

// Position implements journal.Journal.
func (j *Journal) Position(ctx context.Context, conversation string) (p journal.Position, ok bool, err error) {
	err = j.peek(ctx, func() { p, ok = j.x.positions[conversation] })
	return p, ok, err
}

// Positions implements journal.Journal.
func (j *Journal) Positions(ctx context.Context) (out []journal.Position, err error) {
	err = j.peek(ctx, func() {
		out = slices.SortedFunc(maps.Values(j.x.positions), func(a, b journal.Position) int {
			return cmp.Compare(a.Conversation, b.Conversation)
		})
	})
	return out, err
}

// peek calls f, which looks at the index alone.
func (j *Journal) peek(ctx context.Context, f func()) error {
	if j.readOnly { // the index may be behind
		return j.read(ctx, func(*db) error {
			f()
			return nil
		})
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	j.life.RLock()
	defer j.life.RUnlock()
	if j.gone {
		return journal.ErrClosed
	}
	j.mu.RLock()
	defer j.mu.RUnlock()
	f()
	return nil
}

// RuleSet implements journal.Journal.
func (j *Journal) RuleSet(ctx context.Context, hash string) (out journal.RuleSet, err error) {
	err = j.look(ctx, func(d *db) error {
		ok, err := d.one(func(s *sqlite3.Stmt) { out = journal.RuleSet{Hash: hash, Data: s.ColumnBlob(0, nil)} },
			`SELECT data FROM ruleset WHERE hash = ? AND data IS NOT NULL`, hash)
		if err == nil && !ok {
			err = journal.ErrUnknownRuleSet
		}
		return err
	}, lazyRuns, lazyTraces)
	return out, err
}

// Records implements journal.Journal. Without bounds on the key, a Query with a Conversation reads back from the newest event
// until it has enough: there is no index on conversations.
func (j *Journal) Records(ctx context.Context, q journal.Query) ([]journal.Record, error) {
	var out []journal.Record
	err := j.look(ctx, func(d *db) error {
		where, args := `data IS NOT NULL`, []any{}
		from := `event NOT INDEXED`
		if q.Before != 0 {
			where, args = where+` AND n < ?`, append(args, q.Before)
		}
		if q.Conversation != "" {
			where, args = where+` AND conversation = ?`, append(args, q.Conversation)
			j.mu.RLock()
			_, known := j.x.positions[q.Conversation]
			j.mu.RUnlock()
			if !known {
				return nil
			}
		}
		if q.KeyFrom != "" || q.KeyTo != "" {
			from = `event INDEXED BY event_key`
			where, args = where+` AND key >= ?`, append(args, q.KeyFrom)
			if q.KeyTo != "" {
				where, args = where+` AND key < ?`, append(args, q.KeyTo)
			}
		}
		err := d.each(func(s *sqlite3.Stmt) (bool, error) {
			out = append(out, journal.Record{Stored: storedOf(s)})
			return true, nil
		}, `SELECT `+eventColumns+` FROM `+from+` WHERE `+where+` ORDER BY n DESC LIMIT ?`, append(args, cmp.Or(q.Limit, 100))...)
		if err != nil {
			return err
		}
		return d.addTraces(out)
	}, lazyTraces, lazyDone)
	return out, err
}

// addTraces reads whether events are done, and their traces.
func (d *db) addTraces(records []journal.Record) error {
	mark, err := d.number(numMark)
	if err != nil {
		return err
	}
	hashes := map[int64]string{0: ""}
	hashOf := func(s int64) (hash string, err error) {
		hash, ok := hashes[s]
		if !ok {
			_, err = d.one(func(st *sqlite3.Stmt) { hash = st.ColumnText(0) }, `SELECT hash FROM ruleset WHERE s = ?`, s)
			hashes[s] = hash
		}
		return hash, err
	}
	var block []member // the last one read
	for i := range records {
		r := &records[i]
		here := func(m member) bool { return m.n == r.N }
		k := slices.IndexFunc(block, here)
		if k < 0 {
			if _, block, err = d.blockOf(r.N); err != nil {
				return err
			}
			k = slices.IndexFunc(block, here)
		}
		set := int64(-1)
		r.Done = k >= 0
		if !r.Done && r.N <= mark {
			open, err := d.integer(`SELECT 1 FROM open WHERE n = ?`, r.N)
			if err != nil {
				return err
			}
			r.Done = open == 0
		}
		if k >= 0 && block[k].trace {
			set, r.Trace.Data = block[k].set, bytes.Clone(block[k].data)
		} else if _, err := d.one(func(s *sqlite3.Stmt) { set, r.Trace.Data = s.ColumnInt64(0), s.ColumnBlob(1, nil) },
			`SELECT ruleset, data FROM trace WHERE n = ?`, r.N); err != nil {
			return err
		}
		if set >= 0 {
			r.Trace.Event = r.Key
			if r.Trace.RuleSet, err = hashOf(set); err != nil {
				return err
			}
		}
	}
	return nil
}

// Stats implements journal.Journal. Bytes are those of the file and its log on the disk.
func (j *Journal) Stats(ctx context.Context) (out journal.Stats, err error) {
	if err := j.seen(ctx, lazyRuns, lazyDone, lazyTraces); err != nil {
		return out, err
	}
	err = j.peek(ctx, func() {
		out = journal.Stats{
			Events: int(j.x.last - j.x.trimmed), Pending: len(j.x.pending), Runs: len(j.x.runs), Timers: len(j.x.timers),
		}
	})
	if err != nil {
		return out, err
	}
	for _, part := range []string{"", "-wal"} {
		if stat, err := os.Stat(j.path + part); err == nil {
			out.Bytes += stat.Size()
		}
	}
	return out, nil
}
