package local

import (
	"github.com/timbot-go/timbot/sdkconn"
)

// tip tells all members what happened in their group, as a message of the service that consumes a number.
func (t *tx) tip(r *room, op *user, elem *sdkconn.GroupTipsElem) (*row, error) {
	op, err := t.userByID(op.id) // a login's own may be older than his profile
	if err != nil {
		return nil, err
	}
	elem.GroupID, elem.OpUser = r.name, op.name
	info := op.fullProfile()
	elem.OpUserInfo = &info
	if m := r.members[op.id]; m != nil {
		elem.OpMember = m.info(r, t.now)
	}
	for _, name := range elem.Users {
		u, err := t.userByName(name)
		if err != nil {
			return nil, err
		}
		if u == nil {
			continue
		}
		elem.ChangedUsers = append(elem.ChangedUsers, u.fullProfile())
		if m := r.members[u.id]; m != nil {
			elem.ChangedMembers = append(elem.ChangedMembers, *m.info(r, t.now))
		}
	}
	rand, err := t.nextRand(sdkconn.ConvGroup)
	if err != nil {
		return nil, err
	}
	b := &body{Elems: sdkconn.Elems{elem}, Priority: sdkconn.PriorityLowest}
	_, text, err := b.encode()
	if err != nil {
		return nil, err
	}
	m := &row{
		room: r, time: t.now, rand: rand, sender: system, status: sdkconn.StatusSendSucc,
		flags: flagNoUnread, types: typeBits(b.Elems), body: b,
	}
	return m, t.post(m, text)
}

// notice tells one user about a group, in the conversation of the service.
func (t *tx) notice(r *room, to, op *user, elem *sdkconn.GroupReportElem) error {
	op, err := t.userByID(op.id)
	if err != nil {
		return err
	}
	elem.GroupID, elem.GroupName, elem.OpUser = r.name, r.title, op.name
	info := op.fullProfile()
	elem.OpUserInfo = &info
	data, err := sdkconn.Marshal(elem)
	if err != nil {
		return err
	}
	rand, err := t.nextRand(sdkconn.ConvGroup)
	if err != nil {
		return err
	}
	return t.happen(&happening{at: t.now, kind: happenedNotice, user: to.id, msg: int64(rand), data: string(data)})
}

// notice is the event that holds a notice.
func (h *happening) notice() (*sdkconn.Event, error) {
	elem := new(sdkconn.GroupReportElem)
	if err := sdkconn.Unmarshal([]byte(h.data), elem); err != nil {
		return nil, err
	}
	m := &sdkconn.Message{
		ClientTime: h.at, ConvType: sdkconn.ConvSystem, Elems: sdkconn.Elems{elem}, ReceiptUnreadCount: -1,
		Priority: sdkconn.PriorityLowest, Rand: uint64(h.msg), Sender: system.name, SenderProfile: system.profile(),
		Seq: uint64(uint32(h.id)), ServerTime: h.at, Status: sdkconn.StatusSendSucc,
		MsgID: msgID(system.tiny(), h.at, uint64(h.msg)),
	}
	m.UniqueID = uniqueID(sdkconn.ConvSystem, m)
	return &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: h.at, Message: m}, nil
}

// info is the member as others see him.
func (m *member) info(r *room, now uint64) *sdkconn.GroupMemberInfo {
	info := &sdkconn.GroupMemberInfo{
		GroupID: r.name, Identifier: m.user.name, JoinTime: m.joined, Role: m.role, NameCard: m.card, NickName: m.user.nick,
		FaceURL: m.user.page.FaceURL,
	}
	if m.muted > now {
		info.ShutupTime = m.muted
	}
	return info
}
