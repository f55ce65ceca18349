package local

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// query asks for a stretch of a conversation. Messages come newest first, or oldest first with forward.
type query struct {
	forward  bool
	limit    uint64
	from     *key       // exclusive position by key
	seqs     *[2]uint64 // lowest and highest seq, inclusive
	times    *[2]uint64 // lowest and highest time, inclusive
	types    int64      // bits of element types, 0 for all
	without  int64      // flags that a message must not have
	likes    []string   // patterns that a body must match, one of them or with allLikes all
	allLikes bool
	only     *sdkconn.Locator // this message alone, deleted or not
}

// GetMsgList implements [sdkconn.Conn]. IsRamble makes no difference: the file is the server and the local store.
func (c *Conn) GetMsgList(ctx context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	const op = "GetMsgList"
	if err := c.checkConv(op, conv); err != nil {
		return nil, err
	}
	if err := c.check(op); err != nil {
		return nil, err
	}
	if p.Count == 0 {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "count is zero")
	}
	group := conv.Type == sdkconn.ConvGroup
	q, some := newQuery(group, &p)
	list := []*sdkconn.Message{}
	if !some {
		return list, nil
	}
	err := c.read(ctx, op, func(l *lookup) error {
		r, err := l.room(c.user, conv)
		if err != nil || r == nil {
			return err
		}
		v, err := l.view(c.user.id, r)
		if err != nil {
			return err
		}
		if !group || len(p.Seqs) == 0 {
			list, err = l.history(c.user, r, v, q)
			return err
		}
		for _, seq := range descending(p.Seqs) {
			one, err := l.history(c.user, r, v, query{limit: 1, seqs: &[2]uint64{seq, seq}, types: q.types})
			if err != nil {
				return err
			}
			list = append(list, one...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func descending(seqs []uint64) []uint64 {
	s := slices.Clone(seqs)
	slices.Sort(s)
	s = slices.Compact(s)
	slices.Reverse(s)
	return s
}

// newQuery translates what the caller asks; some is false when that can match nothing.
func newQuery(group bool, p *sdkconn.GetMsgListParam) (q query, some bool) {
	q = query{forward: p.IsForward, limit: uint64(p.Count)}
	for _, t := range p.ElemTypes {
		q.types |= typeBit(t)
	}
	if len(p.ElemTypes) > 0 && q.types == 0 {
		return q, false
	}
	if p.TimeBegin != 0 {
		switch {
		case p.IsForward && p.TimePeriod == 0:
			q.times = &[2]uint64{p.TimeBegin, math.MaxUint64}
		case p.IsForward:
			q.times = &[2]uint64{p.TimeBegin, p.TimeBegin + min(p.TimePeriod, math.MaxUint64-p.TimeBegin)}
		case p.TimePeriod == 0 || p.TimePeriod > p.TimeBegin:
			q.times = &[2]uint64{0, p.TimeBegin}
		default:
			q.times = &[2]uint64{p.TimeBegin - p.TimePeriod, p.TimeBegin}
		}
	}
	switch last := p.LastMsg; {
	case last != nil && group && last.Seq != 0:
		q.seqs = &[2]uint64{0, last.Seq - 1}
		if p.IsForward {
			q.seqs = &[2]uint64{last.Seq + 1, math.MaxUint64}
			return q, last.Seq < math.MaxInt64
		}
	case last != nil:
		q.from = &key{last.Time(), last.Seq, last.Rand}
	case group && p.LastMsgSeq != 0:
		q.seqs = &[2]uint64{0, p.LastMsgSeq}
		if p.IsForward {
			q.seqs = &[2]uint64{p.LastMsgSeq, math.MaxUint64}
		}
	case p.IsForward && q.times == nil && len(p.Seqs) == 0:
		return q, false // nothing is newer than the newest
	}
	return q, true
}

// history returns what the user sees of a stretch of the room: the messages that all share and those that he imported
// or saved.
func (l *lookup) history(self *user, r *room, v view, q query) ([]*sdkconn.Message, error) {
	shared, err := l.shared(self, r, v, q)
	if err != nil {
		return nil, err
	}
	own, err := l.own(self, r, q)
	if err != nil {
		return nil, err
	}
	e, err := l.oldEyes(self, r, v)
	if err != nil {
		return nil, err
	}
	cards := make(map[int64]string)
	list := make([]*sdkconn.Message, 0, len(shared)+len(own))
	for uint64(len(list)) < q.limit && (len(shared) > 0 || len(own) > 0) {
		if len(own) == 0 || len(shared) > 0 && shared[0].key().less(own[0].key()) == q.forward {
			sender, known := shared[0].sender.id, false
			if e.card, known = cards[sender]; !known {
				if e.card, err = l.card(r, sender); err != nil {
					return nil, err
				}
				cards[sender] = e.card
			}
			e.hidden, e.note = shared[0].hidden, shared[0].note
			list, shared = append(list, shared[0].message(e)), shared[1:]
			continue
		}
		m, err := l.ownMessage(self, e.conv, &own[0])
		if err != nil {
			return nil, err
		}
		list, own = append(list, m), own[1:]
	}
	return list, nil
}

// seen is a message and what the user has done with it.
type seen struct {
	*row
	hidden bool
	note   *note
}

// shared returns the messages of the room that everybody in it has.
func (l *lookup) shared(self *user, r *room, v view, q query) ([]seen, error) {
	sight, err := l.sight(self, r)
	if err != nil || !sight.any {
		return nil, err
	}
	where, args := q.where(r.isGroup())
	sql := `SELECT id, room, time, seq, rand, sender, status, flags, types, body, revoker,
		EXISTS (SELECT 1 FROM hidden WHERE hidden.user = ? AND hidden.msg = msg.id), n, s
		FROM msg LEFT JOIN note ON note.user = ? AND note.msg = msg.id WHERE room = ?` + where
	args = append([]any{self.id, self.id, r.id}, args...)
	var found []scanned
	var list []seen
	err = l.db.each(func(s *sqlite3.Stmt) (bool, error) {
		id := s.ColumnInt64(0)
		if id < sight.floor && !q.forward && q.only == nil {
			return false, nil // older ones have lower positions still
		}
		gone := s.ColumnBool(11) || id <= v.cleared
		if !sight.covers(id) || gone && q.only == nil {
			return q.only != nil || q.forward || id > v.cleared, nil
		}
		row, err := scanRow(s)
		if err != nil {
			return false, err
		}
		if row.flags&flagTargets != 0 && row.senderID != self.id && !slices.Contains(row.body.TargetMembers, self.name) {
			return true, nil
		}
		if q.only != nil && (row.senderID == self.id) != q.only.IsSelf {
			return true, nil
		}
		one := seen{hidden: gone}
		if s.ColumnType(12) != sqlite3.NULL {
			one.note = &note{uint32(s.ColumnInt64(12)), s.ColumnText(13)}
		}
		found, list = append(found, row), append(list, one)
		return uint64(len(found)) < q.limit, nil
	}, sql, args...)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if list[i].row, err = l.resolve(&found[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// where is the query as SQL, with its order. sharedGroup says that it is for messages that a whole group has.
func (q *query) where(sharedGroup bool) (string, []any) {
	var sql strings.Builder
	var args []any
	add := func(s string, a ...any) {
		sql.WriteString(s)
		args = append(args, a...)
	}
	if q.only != nil {
		add(` AND time = ? AND seq = ? AND rand = ?`, q.only.Time, q.only.Seq, q.only.Rand)
		if max(q.only.Time, q.only.Seq, q.only.Rand) > math.MaxInt64 {
			add(` AND 0`) // larger than anything stored
		}
		return sql.String(), args
	}
	if q.times != nil {
		add(` AND time BETWEEN ? AND ?`, q.times[0], q.times[1])
	}
	if q.from != nil && q.forward {
		add(` AND (time, seq, rand) > (?, ?, ?)`, q.from.time, q.from.seq, q.from.rand)
	} else if q.from != nil {
		add(` AND (time, seq, rand) < (?, ?, ?)`, q.from.time, q.from.seq, q.from.rand)
	}
	if q.types != 0 {
		add(` AND types & ? <> 0`, q.types)
	}
	if q.without != 0 {
		add(` AND flags & ? = 0`, q.without)
	}
	if len(q.likes) > 0 {
		with := " OR "
		if q.allLikes {
			with = " AND "
		}
		add(` AND (body LIKE ? ESCAPE '\'` + strings.Repeat(with+`body LIKE ? ESCAPE '\'`, len(q.likes)-1) + `)`)
		for _, like := range q.likes {
			args = append(args, like)
		}
	}
	order := []string{"time", "seq", "rand"}
	if q.seqs != nil {
		add(` AND seq BETWEEN ? AND ?`, q.seqs[0], q.seqs[1])
		if sharedGroup {
			add(` AND grp = 1`)
			order = []string{"seq"} // the same order, by the index that begins there
		}
	}
	way := ""
	if !q.forward {
		way = " DESC"
	}
	add(` ORDER BY ` + strings.Join(order, way+", ") + way)
	return sql.String(), args
}

// sight is which log positions of a room a user may see.
type sight struct {
	any   bool
	all   bool
	floor int64 // nothing below
	stays []stay
}

func (s *sight) covers(id int64) bool {
	if s.all {
		return true
	}
	for _, st := range s.stays {
		if st.covers(id) {
			return true
		}
	}
	return false
}

func (l *lookup) sight(self *user, r *room) (sight, error) {
	if !r.isGroup() {
		return sight{any: true, all: true}, nil
	}
	m, err := l.member(r, self.id)
	if err != nil || m == nil || r.forgets() {
		return sight{}, err
	}
	if m.in() && r.openPast() {
		return sight{any: true, all: true}, nil
	}
	return sight{any: true, floor: m.stays[0].from, stays: m.stays}, nil
}

// card is a member's name card.
func (l *lookup) card(r *room, user int64) (string, error) {
	if !r.isGroup() || user == system.id {
		return "", nil
	}
	m, err := l.member(r, user)
	if err != nil || m == nil {
		return "", err
	}
	return m.card, nil
}
