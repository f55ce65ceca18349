package sqlite

import (
	"cmp"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/bot/journal"
)

// index is what is kept in memory of the committed file: all that is open, and the position of every conversation. The
// writer alone changes it, under the journal's mu, when a batch is durable; it reads it without.
type index struct {
	mark    uint64 // see number.go
	last    uint64 // the number of the newest event
	trimmed uint64
	lastRun int64
	lastSet int64

	pending   map[string]*event
	order     []*event // pending by number; some are done already
	runs      map[string]*openRun
	byEvent   map[string][]string // ids of open runs
	timers    map[string]string   // id -> run
	sets      map[string]*ruleSet
	positions map[string]journal.Position
	moved     map[string]struct{} // conversations whose position is newer than the mark
}

// event is an event that is not done.
type event struct {
	n    uint64
	key  string
	done bool // guarded by the journal's mu

	ended  uint64 // the batch that finished it; the writer's own, and nothing when the batch failed
	traced bool   // it has a row in the table trace, of
	set    string // this rule set
}

// openRun is never changed: a new one takes its place.
type openRun struct {
	r      int64
	event  string
	order  int
	set    string  // the hash of its rule set
	first  *string // the step in the run's own row
	more   bool    // it has steps in the table step
	timers []string
}

// ruleSet is a rule set that something names, or whose text was given.
type ruleSet struct {
	s      int64
	hash   string
	text   bool // it is kept
	runs   int  // how many open runs name it,
	traces int  // and how many traces

	touched bool // the batch changed runs or traces
}

func newIndex() index {
	return index{
		pending: make(map[string]*event), runs: make(map[string]*openRun), byEvent: make(map[string][]string),
		timers: make(map[string]string), sets: make(map[string]*ruleSet), positions: make(map[string]journal.Position),
		moved: make(map[string]struct{}),
	}
}

// load reads the index from the file, in one read transaction of the caller.
func load(d *db) (x index, err error) {
	x = newIndex()
	bySet := make(map[int64]*ruleSet)
	done := make(map[uint64]struct{}) // after the mark
	byNumber := make(map[uint64]*event)
	byRun := make(map[int64]string)
	hashOf := func(s int64) string {
		if set := bySet[s]; set != nil {
			return set.hash
		}
		return ""
	}
	add := func(s *sqlite3.Stmt) *event {
		e := &event{n: uint64(s.ColumnInt64(0)), key: s.ColumnText(1)}
		if _, ok := done[e.n]; !ok {
			x.pending[e.key] = e
			x.order = append(x.order, e)
			byNumber[e.n] = e
		}
		return e
	}
	rows := func(f func(s *sqlite3.Stmt) error, sql string, args ...any) {
		if err == nil {
			err = d.each(func(s *sqlite3.Stmt) (bool, error) { return true, f(s) }, sql, args...)
		}
	}
	if x.mark, err = d.number(numMark); err != nil {
		return x, err
	}
	if x.trimmed, err = d.number(numTrimmed); err != nil {
		return x, err
	}
	if x.last, err = d.number(numLast); err != nil {
		return x, err
	}
	rows(func(s *sqlite3.Stmt) error {
		x.positions[s.ColumnText(0)] = journal.Position{
			Conversation: s.ColumnText(0), Seq: uint64(s.ColumnInt64(1)), At: moment(s.ColumnInt64(2)),
		}
		return nil
	}, `SELECT conversation, seq, at FROM position`)
	rows(func(s *sqlite3.Stmt) error {
		members, err := decodeBlock(uint64(s.ColumnInt64(0)), s.ColumnRawBlob(1))
		for _, m := range members {
			if m.n > x.mark {
				done[m.n] = struct{}{}
			}
		}
		return err
	}, `SELECT hi, data FROM block WHERE hi > ?`, x.mark)
	rows(func(s *sqlite3.Stmt) error { add(s); return nil }, `SELECT n, key FROM open JOIN event USING (n) ORDER BY n`)
	rows(func(s *sqlite3.Stmt) error {
		e := add(s)
		x.last = max(x.last, e.n)
		x.advance(s.ColumnText(2), uint64(s.ColumnInt64(3)), s.ColumnInt64(4))
		return nil
	}, `SELECT n, key, conversation, seq, at FROM event WHERE n > ? ORDER BY n`, x.mark)
	x.last = max(x.last, x.mark)
	rows(func(s *sqlite3.Stmt) error {
		set := &ruleSet{s: s.ColumnInt64(0), hash: s.ColumnText(1), text: s.ColumnInt(2) == 1, traces: s.ColumnInt(3)}
		bySet[set.s], x.sets[set.hash] = set, set
		x.lastSet = max(x.lastSet, set.s)
		return nil
	}, `SELECT s, hash, data IS NOT NULL, coalesce(v, 0) FROM ruleset LEFT JOIN number ON k = s + ?`, numTraces)
	rows(func(s *sqlite3.Stmt) error {
		if e := byNumber[uint64(s.ColumnInt64(0))]; e != nil {
			e.traced, e.set = true, hashOf(s.ColumnInt64(1))
		}
		return nil
	}, `SELECT n, ruleset FROM trace`)
	rows(func(s *sqlite3.Stmt) error {
		r := &openRun{r: s.ColumnInt64(0), event: s.ColumnText(2), order: s.ColumnInt(3), set: hashOf(s.ColumnInt64(4))}
		if s.ColumnType(5) != sqlite3.NULL {
			key := s.ColumnText(5)
			r.first = &key
		}
		r.more = s.ColumnInt(6) == 1
		if set := x.sets[r.set]; set != nil {
			set.runs++
		}
		id := s.ColumnText(1)
		byRun[r.r], x.runs[id] = id, r
		x.byEvent[r.event] = append(x.byEvent[r.event], id)
		x.lastRun = max(x.lastRun, r.r)
		return nil
	}, `SELECT r, id, event, ord, ruleset, step, EXISTS (SELECT 1 FROM step WHERE step.r = run.r) FROM run`)
	rows(func(s *sqlite3.Stmt) error {
		id, run := s.ColumnText(0), byRun[s.ColumnInt64(1)]
		if r := x.runs[run]; r != nil {
			x.timers[id] = run
			r.timers = append(r.timers, id)
		}
		return nil
	}, `SELECT id, r FROM timer`)
	return x, err
}

// advance moves a conversation's position forward.
func (x *index) advance(conversation string, seq uint64, at int64) {
	if conversation == "" {
		return
	}
	p := x.positions[conversation]
	p.Conversation, p.Seq = conversation, max(p.Seq, seq)
	if t := moment(at); t.After(p.At) {
		p.At = t
	}
	x.positions[conversation] = p
	x.moved[conversation] = struct{}{}
}

// before returns how many of order have numbers up to n.
func (x *index) upTo(n uint64) int {
	i, _ := slices.BinarySearchFunc(x.order, n+1, func(e *event, n uint64) int { return cmp.Compare(e.n, n) })
	return i
}

// clean lets go of done events in order when they are many.
func (x *index) clean() {
	if len(x.order) > 2*len(x.pending)+64 {
		x.order = slices.DeleteFunc(x.order, func(e *event) bool { return e.done })
	}
}
