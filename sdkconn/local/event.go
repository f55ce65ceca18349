package local

import (
	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// happening is a row of the table of events: what is told beside new messages.
type happening struct {
	id    int64
	at    uint64
	kind  int64
	room  *room
	user  int64 // to whom; 0 everybody in the room
	actor int64 // by whom, who is not told
	msg   int64 // see the kinds
	data  string

	row *row // the message that was taken back or edited, or the online-only one, once it is loaded
}

// The kinds of happenings.
const (
	happenedRevoke  = 1 // msg was taken back by actor
	happenedReceipt = 2 // actor read up to msg, a time in seconds
	happenedNotice  = 3 // data is a GroupReportElem, msg the rand of the message that holds it
	happenedOnline  = 4 // data is an online-only message
	happenedEdit    = 5 // msg was edited; data is its version then
)

// changesMessage reports whether a message is another one since, so that its conversation may be, too.
func (h *happening) changesMessage() bool { return h.kind == happenedRevoke || h.kind == happenedEdit }

// happen writes an event and has it told after the commit.
func (t *tx) happen(h *happening) error {
	h.id = t.nextID()
	t.news = append(t.news, news{event: h})
	var room int64
	if h.room != nil {
		room = h.room.id
	}
	return t.exec(`INSERT INTO event (id, at, kind, room, user, actor, msg, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		h.id, h.at, h.kind, room, h.user, h.actor, h.msg, h.data)
}

const rowColumns = `SELECT id, room, time, seq, rand, sender, status, flags, types, body, revoker FROM msg `

// scanned is a row of msg before its users and room are looked up, which needs the statement to have ended.
type scanned struct {
	row
	roomID, senderID, revokerID int64
}

func scanRow(s *sqlite3.Stmt) (scanned, error) {
	r := scanned{roomID: s.ColumnInt64(1), senderID: s.ColumnInt64(5), revokerID: s.ColumnInt64(10)}
	r.id, r.time, r.seq = s.ColumnInt64(0), uint64(s.ColumnInt64(2)), uint64(s.ColumnInt64(3))
	r.rand, r.status = uint64(s.ColumnInt64(4)), sdkconn.Status(s.ColumnInt64(6))
	r.flags, r.types = s.ColumnInt64(7), s.ColumnInt64(8)
	var err error
	r.body, err = unmarshalBody(s.ColumnRawText(9))
	return r, err
}

// resolve looks up whom and what a scanned row names.
func (l *lookup) resolve(r *scanned) (*row, error) {
	var err error
	if r.room, err = l.roomByID(r.roomID); err != nil {
		return nil, err
	}
	if r.sender, err = l.userByID(r.senderID); err != nil {
		return nil, err
	}
	if r.revokerID != 0 {
		if r.revoker, err = l.userByID(r.revokerID); err != nil {
			return nil, err
		}
	}
	return &r.row, nil
}

// rows loads messages that a query on msg selects.
func (l *lookup) rows(sql string, args ...any) ([]*row, error) {
	var found []scanned
	err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
		r, err := scanRow(s)
		found = append(found, r)
		return true, err
	}, rowColumns+sql, args...)
	if err != nil {
		return nil, err
	}
	rows := make([]*row, len(found))
	for i := range found {
		if rows[i], err = l.resolve(&found[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (l *lookup) rowByID(id int64) (*row, error) {
	rows, err := l.rows(`WHERE id = ?`, id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// happenings loads events that a query selects, without their messages.
func (l *lookup) happenings(sql string, args ...any) ([]*happening, error) {
	var found []*happening
	var rooms []int64
	err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
		found = append(found, &happening{
			id: s.ColumnInt64(0), at: uint64(s.ColumnInt64(1)), kind: s.ColumnInt64(2), user: s.ColumnInt64(4),
			actor: s.ColumnInt64(5), msg: s.ColumnInt64(6), data: s.ColumnText(7),
		})
		rooms = append(rooms, s.ColumnInt64(3))
		return true, nil
	}, `SELECT id, at, kind, room, user, actor, msg, data FROM event `+sql, args...)
	if err != nil {
		return nil, err
	}
	for i, h := range found {
		if rooms[i] != 0 {
			if h.room, err = l.roomByID(rooms[i]); err != nil {
				return nil, err
			}
		}
		if err := l.complete(h); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// complete loads the message that an event is about.
func (l *lookup) complete(h *happening) (err error) {
	switch {
	case h.row != nil:
	case h.kind == happenedOnline:
		h.row, err = h.onlineRow(l)
	case h.kind == happenedRevoke, h.kind == happenedEdit:
		h.row, err = l.rowByID(h.msg)
	}
	return err
}

// newsBetween is what was committed after one log position and up to another.
func (l *lookup) newsBetween(after, upTo int64) ([]news, error) {
	rows, err := l.rows(`WHERE id > ? AND id <= ? ORDER BY id`, after, upTo)
	if err != nil {
		return nil, err
	}
	events, err := l.happenings(`WHERE id > ? AND id <= ? ORDER BY id`, after, upTo)
	if err != nil {
		return nil, err
	}
	return merge(rows, events), nil
}

// merge brings messages and events into the order of the log.
func merge(rows []*row, events []*happening) []news {
	all := make([]news, 0, len(rows)+len(events))
	for len(rows) > 0 || len(events) > 0 {
		if len(events) == 0 || len(rows) > 0 && rows[0].id < events[0].id {
			all, rows = append(all, news{msg: rows[0]}), rows[1:]
		} else {
			all, events = append(all, news{event: events[0]}), events[1:]
		}
	}
	return all
}
