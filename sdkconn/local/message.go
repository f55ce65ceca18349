package local

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/sdkconn"
)

// body is what a message says, whoever looks at it: the part that is stored as JSON.
type body struct {
	Elems                   sdkconn.Elems              `json:"e,omitempty"`
	CloudCustom             string                     `json:"cloud,omitzero"`
	CustomInt               uint32                     `json:"int,omitzero"` // the sender's own
	CustomStr               string                     `json:"str,omitzero"` // the sender's own
	ModerationConfigID      string                     `json:"mod,omitzero"`
	ExcludedFromModeration  bool                       `json:"nomod,omitzero"`
	ExcludedFromLastMessage bool                       `json:"nolast,omitzero"`
	ExcludedFromUnread      bool                       `json:"nounread,omitzero"`
	GroupAtUsers            []string                   `json:"at,omitempty"`
	NeedReadReceipt         bool                       `json:"receipt,omitzero"`
	OfflinePush             *sdkconn.OfflinePushConfig `json:"push,omitzero"`
	Priority                sdkconn.Priority           `json:"prio,omitzero"`
	SupportExtension        bool                       `json:"ext,omitzero"`
	TargetMembers           []string                   `json:"to,omitempty"`
	Unknown                 jsontext.Value             `json:"x,omitzero"`
	Version                 uint64                     `json:"v,omitzero"` // how often it was edited
}

// The flags of a stored message.
const (
	flagNoUnread = 1 << iota // never counts as unread
	flagNoLast               // never is a conversation's last message
	flagTargets              // only some members get it
	flagOnline               // only those online get it; never in the table of messages
)

// newBody takes what a sender may say out of msg. It shares nothing with msg.
func newBody(msg *sdkconn.Message, elems sdkconn.Elems) *body {
	b := &body{
		Elems: elems, CloudCustom: msg.CloudCustom, CustomInt: msg.CustomInt, CustomStr: msg.CustomStr,
		ModerationConfigID: msg.ModerationConfigID, ExcludedFromModeration: msg.ExcludedFromModeration,
		ExcludedFromLastMessage: msg.ExcludedFromLastMessage, ExcludedFromUnread: msg.ExcludedFromUnread,
		GroupAtUsers: slices.Clone(msg.GroupAtUsers), NeedReadReceipt: msg.NeedReadReceipt,
		Priority: msg.Priority, SupportExtension: msg.SupportExtension,
		TargetMembers: slices.Clone(msg.TargetMembers), Unknown: bytes.Clone(msg.Unknown),
	}
	if msg.OfflinePush != nil {
		push := *msg.OfflinePush
		push.Android, push.IOS = bytes.Clone(push.Android), bytes.Clone(push.IOS)
		push.Unknown = bytes.Clone(push.Unknown)
		b.OfflinePush = &push
	}
	return b
}

func (b *body) flags() int64 {
	var f int64
	if b.ExcludedFromUnread {
		f |= flagNoUnread
	}
	if b.ExcludedFromLastMessage {
		f |= flagNoLast
	}
	if len(b.TargetMembers) > 0 {
		f |= flagTargets | flagNoUnread
	}
	return f
}

// typeBits has one bit for each element type among elems.
func typeBits(elems sdkconn.Elems) int64 {
	var bits int64
	for _, e := range elems {
		bits |= typeBit(e.ElemType())
	}
	return bits
}

func typeBit(t sdkconn.ElemType) int64 {
	if t < 0 || t > 62 {
		return 0
	}
	return 1 << t
}

// encode writes the body as it is stored, and returns the body that reading it back yields: invalid UTF-8 does not survive.
func (b *body) encode() (*body, string, error) {
	data, err := sdkconn.Marshal(b)
	if err == nil && bytes.ContainsRune(data, utf8.RuneError) {
		b, err = unmarshalBody(data)
	}
	return b, string(data), err
}

func unmarshalBody(data []byte) (*body, error) {
	b := new(body)
	if err := sdkconn.Unmarshal(data, b); err != nil {
		return nil, fmt.Errorf("stored message: %w", err)
	}
	return b, nil
}

// clone copies b so deep that a caller may change what he gets.
func (b *body) clone() *body {
	c := *b
	c.Elems = cloneElems(b.Elems)
	c.GroupAtUsers, c.TargetMembers = slices.Clone(b.GroupAtUsers), slices.Clone(b.TargetMembers)
	if b.OfflinePush != nil {
		push := *b.OfflinePush
		c.OfflinePush = &push
	}
	return &c
}

// row is a stored message, or an online-only one on its way.
type row struct {
	id      int64 // log position
	room    *room
	time    uint64
	seq     uint64
	rand    uint64
	sender  *user
	status  sdkconn.Status
	flags   int64
	types   int64
	body    *body
	revoker *user // who took it back; nil when nobody did
}

// forUser reports whether the message is for the user as far as its targets go.
func (r *row) forUser(u *user) bool {
	return r.flags&flagTargets == 0 || r.sender.id == u.id || slices.Contains(r.body.TargetMembers, u.name)
}

// countsFor reports whether the message counts as unread for the user until he reads it.
func (r *row) countsFor(u *user) bool {
	return r.flags&flagNoUnread == 0 && r.sender.id != u.id && r.sender.id != system.id &&
		r.status != sdkconn.StatusRevoked && !r.room.forgets()
}

// eyes is what makes a message look different to different users.
type eyes struct {
	self     *user
	conv     sdkconn.Conversation
	read     int64 // log position up to which self has read
	peerRead int64 // log position up to which the other user has read
	hidden   bool
	card     string // the sender's, in a group
	note     *note  // what self keeps with it; nil is what he sent along
}

// message is the row as the user sees it. It shares the body with other users' messages.
func (r *row) message(e eyes) *sdkconn.Message {
	b := r.body
	m := &sdkconn.Message{
		ClientTime: r.time, CloudCustom: b.CloudCustom, ConvID: e.conv.ID, ConvType: e.conv.Type,
		ModerationConfigID: b.ModerationConfigID, Elems: b.Elems,
		ExcludedFromModeration: b.ExcludedFromModeration, ExcludedFromLastMessage: b.ExcludedFromLastMessage,
		GroupAtUsers: b.GroupAtUsers, ReceiptUnreadCount: -1, ExcludedFromUnread: b.ExcludedFromUnread,
		IsFromSelf: r.sender.id == e.self.id, IsOnlineMsg: r.flags&flagOnline != 0,
		MsgID:           msgID(r.sender.tiny(), r.time, r.rand),
		NeedReadReceipt: b.NeedReadReceipt, OfflinePush: b.OfflinePush, Priority: b.Priority, Rand: r.rand,
		Sender: r.sender.name, SenderProfile: r.sender.profile(), Seq: r.seq, ServerTime: r.time, Status: r.status,
		SupportExtension: b.SupportExtension, TargetMembers: b.TargetMembers, Unknown: b.Unknown, Version: b.Version,
	}
	m.UniqueID = uniqueID(e.conv.Type, m)
	if m.IsFromSelf {
		m.IsRead = true
		m.IsPeerRead = e.conv.Type == sdkconn.ConvC2C && r.id <= e.peerRead
		m.CustomInt, m.CustomStr = b.CustomInt, b.CustomStr
	} else {
		m.IsRead = r.id <= e.read
		m.Elems = withoutPaths(m.Elems)
	}
	if e.note != nil {
		m.CustomInt, m.CustomStr = e.note.n, e.note.s
	}
	if e.conv.Type == sdkconn.ConvGroup {
		m.SenderMember = &sdkconn.GroupMemberInfo{
			GroupID: e.conv.ID, Identifier: r.sender.name, NickName: r.sender.nick, NameCard: e.card,
			FaceURL: r.sender.page.FaceURL,
		}
	}
	if r.revoker != nil {
		m.RevokerUserID, m.RevokerNickName = r.revoker.name, r.revoker.nick
	}
	if e.hidden {
		m.Status = sdkconn.StatusDeleted
	}
	return m
}

// uniqueID is TIM's formula: time and rand in a C2C conversation, seq and rand in a group.
func uniqueID(t sdkconn.ConvType, m *sdkconn.Message) uint64 {
	high := m.Time()
	if t == sdkconn.ConvGroup {
		high = m.Seq
	}
	return high<<32 + m.Rand
}

// key is a message's place in its conversation.
type key struct{ time, seq, rand uint64 }

func (r *row) key() key { return key{r.time, r.seq, r.rand} }

func (k key) less(o key) bool {
	if k.time != o.time {
		return k.time < o.time
	}
	if k.seq != o.seq {
		return k.seq < o.seq
	}
	return k.rand < o.rand
}

// emptyMessage reports whether msg is what the C API calls an empty object: nothing at all was set.
func emptyMessage(msg *sdkconn.Message) bool {
	if msg == nil {
		return true
	}
	if len(msg.Elems) > 0 || msg.ServerTime != 0 || msg.ClientTime != 0 || msg.Seq != 0 || msg.Rand != 0 {
		return false
	}
	c := *msg
	c.ReceiptUnreadCount = 0
	data, err := sdkconn.Marshal(&c)
	return err == nil && bytes.Equal(data, blank)
}

var blank, _ = sdkconn.Marshal(new(sdkconn.Message))

// msgID is TIM's formula: the sender's numeric id, the client time and the rand.
func msgID(sender string, client, rand uint64) string {
	b := make([]byte, 0, len(sender)+22)
	b = append(b, sender...)
	b = append(b, '-')
	b = strconv.AppendUint(b, client, 10)
	b = append(b, '-')
	return string(strconv.AppendUint(b, rand, 10))
}
