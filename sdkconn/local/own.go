package local

import (
	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// ownRow is a message in one user's history alone, imported or saved by him.
type ownRow struct {
	id     int64
	time   uint64 // in the identity
	seq    uint64
	rand   uint64
	self   bool
	sender string
	client uint64
	status sdkconn.Status
	body   *body
}

func (r *ownRow) key() key { return key{r.time, r.seq, r.rand} }

// own returns a stretch of the user's own messages in the room.
func (l *lookup) own(self *user, r *room, q query) ([]ownRow, error) {
	where, args := q.where(false)
	if q.only != nil {
		where += ` AND self = ?`
		args = append(args, q.only.IsSelf)
	} else {
		where = ` AND status <> 4` + where
	}
	var list []ownRow
	err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
		o := ownRow{
			id: s.ColumnInt64(0), time: uint64(s.ColumnInt64(1)), seq: uint64(s.ColumnInt64(2)),
			rand: uint64(s.ColumnInt64(3)), self: s.ColumnBool(4), sender: s.ColumnText(5),
			client: uint64(s.ColumnInt64(6)), status: sdkconn.Status(s.ColumnInt64(7)),
		}
		var err error
		if o.body, err = unmarshalBody(s.ColumnRawText(8)); err != nil {
			return false, err
		}
		list = append(list, o)
		return uint64(len(list)) < q.limit, nil
	}, `SELECT id, time, seq, rand, self, sender, client, status, body FROM own WHERE user = ? AND room = ?`+where,
		append([]any{self.id, r.id}, args...)...)
	return list, err
}

// ownMessage is the row as its user sees it.
func (l *lookup) ownMessage(self *user, conv sdkconn.Conversation, o *ownRow) (*sdkconn.Message, error) {
	sender, err := l.anyUser(o.sender)
	if err != nil {
		return nil, err
	}
	id := o.sender // a sender without a numeric id is named in full
	if sender != nil {
		id = sender.tiny()
	} else {
		sender = &user{name: o.sender}
	}
	r := row{
		room: &room{kind: conv.Type}, time: o.time, seq: o.seq, rand: o.rand, sender: sender, status: o.status, body: o.body,
	}
	m := r.message(eyes{self: self, conv: conv})
	m.IsFromSelf, m.IsRead, m.IsPeerRead = o.self, true, false
	m.CustomInt, m.CustomStr, m.Elems = o.body.CustomInt, o.body.CustomStr, o.body.Elems
	m.ClientTime = o.client
	m.MsgID = msgID(id, o.client, o.rand)
	return m, nil
}

// addOwn writes an own message unless its identity is there already.
func (t *tx) addOwn(self *user, r *room, o *ownRow, types, flags int64, text string) error {
	v, err := t.view(self.id, r)
	if err != nil {
		return err
	}
	same, err := t.shared(self, r, v, query{limit: 1, only: &sdkconn.Locator{
		Time: o.time, Seq: o.seq, Rand: o.rand, IsSelf: o.self,
	}})
	if err != nil || len(same) > 0 {
		return err
	}
	return t.exec(`INSERT INTO own (user, room, time, seq, rand, self, sender, client, status, flags, types, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		self.id, r.id, o.time, o.seq, o.rand, o.self, o.sender, o.client, int(o.status), flags, types, text)
}
