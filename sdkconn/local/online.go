package local

import (
	"github.com/timbot-go/timbot/sdkconn"
)

// onlineMessage is how a message that only those online get travels to other processes. It is no part of any history.
type onlineMessage struct {
	Seq   uint64 `json:"seq"`
	Rand  uint64 `json:"rand"`
	Flags int64  `json:"flags"`
	Types int64  `json:"types"`
	Body  *body  `json:"body"`
}

// onlineKept is how many seconds an online-only message stays in the file for other processes to hear of it.
const onlineKept = 60

// postOnline sends an online-only message. It takes no number in a group.
func (t *tx) postOnline(m *row) error {
	m.flags |= flagOnline | flagNoUnread | flagNoLast
	if !m.room.isGroup() {
		m.seq = uint64(uint32(t.e.next))
	}
	data, err := sdkconn.Marshal(onlineMessage{m.seq, m.rand, m.flags, m.types, m.body})
	if err != nil {
		return err
	}
	err = t.exec(`DELETE FROM event WHERE kind = 4 AND at < ?`, int64(m.time)-onlineKept)
	if err != nil {
		return err
	}
	h := &happening{
		at: m.time, kind: happenedOnline, room: m.room, actor: m.sender.id, data: string(data), row: m,
	}
	if err := t.happen(h); err != nil {
		return err
	}
	m.id = h.id
	return nil
}

// onlineRow is the message in the event's data.
func (h *happening) onlineRow(l *lookup) (*row, error) {
	var o onlineMessage
	if err := sdkconn.Unmarshal([]byte(h.data), &o); err != nil {
		return nil, err
	}
	sender, err := l.userByID(h.actor)
	return &row{
		id: h.id, room: h.room, time: h.at, seq: o.Seq, rand: o.Rand, sender: sender, status: sdkconn.StatusSendSucc,
		flags: o.Flags, types: o.Types, body: o.Body,
	}, err
}
