package local

import (
	"context"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/timbot-go/timbot/sdkconn"
)

// The bounds of a group's names and of one call's members.
const (
	maxGroupID = 48
	maxInvited = 20
)

// The codes of the service that sdkconn has no name for.
const codeAccountUnknown sdkconn.Code = 10019 // a user who is to be a member does not exist

// GroupCreate implements [sdkconn.Groups]. The members are in at once and are told by a notice; there is no tip, so that the
// first message of the group has number 1.
func (c *Conn) GroupCreate(ctx context.Context, p sdkconn.GroupCreateParam) (string, error) {
	const op = "GroupCreate"
	switch {
	case p.GroupName == "":
		return "", fail(op, sdkconn.CodeParam, "no group name")
	case p.GroupID != "" && (!printable(p.GroupID) || len(p.GroupID) > maxGroupID || strings.HasPrefix(p.GroupID, "@TGS#")):
		return "", fail(op, sdkconn.CodeGroupInvalidID, "group id %q", p.GroupID)
	case len(p.Members) > maxInvited:
		return "", fail(op, sdkconn.CodeGroupMemberCountLimit, "%d members, at most %d", len(p.Members), maxInvited)
	case p.GroupType.String() == "":
		return "", fail(op, sdkconn.CodeSvrGroupInvalidParameters, "group type %d", p.GroupType)
	}
	err := checkPage(op, p.GroupType, &p.GroupName, &p.Introduction, &p.Notification, &p.FaceURL, p.AddOption, p.ApproveOption, &p.MaxMemberNum)
	if err != nil {
		return "", err
	}
	var id string
	err = c.write(ctx, op, func(t *tx) error {
		id = p.GroupID
		return t.createGroup(op, c.user, &id, &p)
	})
	return id, err
}

func (t *tx) createGroup(op string, owner *user, id *string, p *sdkconn.GroupCreateParam) error {
	var old *room
	if *id == "" {
		n, err := t.db.integer(`SELECT coalesce(max(id), 0) + 1 FROM room`)
		if err != nil {
			return err
		}
		*id = fmt.Sprintf("@TGS#%d", n)
		if p.GroupType == sdkconn.GroupCommunity {
			*id = fmt.Sprintf("@TGS#_%d", n)
		}
	} else {
		var err error
		if old, err = t.group(*id); err != nil {
			return err
		}
		if old.live() {
			code := sdkconn.CodeGroupIDInUse
			if old.a == owner.id {
				code = sdkconn.CodeGroupIDInUseForSuper
			}
			return fail(op, code, "group id %q", *id)
		}
	}
	users := []*user{owner}
	roles := []sdkconn.MemberRole{sdkconn.RoleOwner}
	for _, info := range p.Members {
		u, err := t.userByName(info.Identifier)
		if err != nil {
			return err
		}
		switch {
		case u == nil:
			return fail(op, codeAccountUnknown, "no user %q", info.Identifier)
		case info.Role >= sdkconn.RoleOwner && u.id != owner.id:
			return fail(op, sdkconn.CodeGroupInviteSuperDeny, "%s cannot be a second owner", u.name)
		case containsUser(users, u):
			continue
		}
		role := sdkconn.RoleNormal
		if info.Role == sdkconn.RoleAdmin {
			role = sdkconn.RoleAdmin
		}
		users, roles = append(users, u), append(roles, role)
	}
	page, err := sdkconn.Marshal(page{
		Introduction: p.Introduction, Notification: p.Notification, FaceURL: p.FaceURL,
		Join: p.AddOption, Invite: p.ApproveOption, Members: p.MaxMemberNum,
	})
	if err != nil {
		return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "group: %w", err)
	}
	if old != nil && old.made == 0 { // so far only imported messages named it
		err = t.exec(`UPDATE room SET a = ?, title = ?, type = ?, made = ?, page = ? WHERE id = ?`,
			owner.id, p.GroupName, int(p.GroupType), t.now, string(page), old.id)
	} else {
		err = t.exec(`INSERT INTO room (kind, a, b, name, title, type, made, gone, page) VALUES (2, ?, 0, ?, ?, ?, ?, 0, ?)`,
			owner.id, *id, p.GroupName, int(p.GroupType), t.now, string(page))
	}
	if err != nil {
		return err
	}
	if old != nil {
		delete(t.rooms, old.id)
		delete(t.groups, *id)
	}
	r, err := t.group(*id)
	if err != nil {
		return err
	}
	r.members = make(map[int64]*member)
	for i, u := range users {
		if err := t.enter(r, u, roles[i], t.here()); err != nil {
			return err
		}
		if u != owner {
			if err := t.notice(r, u, owner, &sdkconn.GroupReportElem{ReportType: sdkconn.ReportInvite}); err != nil {
				return err
			}
		}
		t.afterConv(u, r)
	}
	return nil
}

func containsUser(users []*user, u *user) bool {
	for _, x := range users {
		if x.id == u.id {
			return true
		}
	}
	return false
}

// enter makes the user a member from a log position on. What was before is read already.
func (t *tx) enter(r *room, u *user, role sdkconn.MemberRole, since int64) error {
	t.epochMoved = true
	u, err := t.userByID(u.id)
	if err != nil {
		return err
	}
	m := r.members[u.id]
	if m == nil {
		m = &member{user: u}
	}
	if n := len(m.stays); n > 0 && since <= m.stays[n-1].to {
		since = m.stays[n-1].to + 1
	}
	m.user, m.role, m.joined, m.muted, m.card = u, role, t.now, 0, ""
	m.stays = append(m.stays, stay{from: since})
	r.members[u.id] = m
	err = t.exec(`INSERT INTO member (room, user, since, until, role, joined, muted, card) VALUES (?, ?, ?, 0, ?, ?, 0, '')`,
		r.id, u.id, since, int(role), t.now)
	if err != nil {
		return err
	}
	if err := t.ensureView(r, u.id, since); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM pendency WHERE room = ? AND subject = ? AND handler = 0`, r.id, u.id); err != nil {
		return err
	}
	seq, err := t.db.integer(`SELECT max(seq) FROM msg WHERE room = ? AND grp = 1 AND id < ?`, r.id, since)
	if err != nil {
		return err
	}
	t.forget(u, r)
	return t.exec(`UPDATE view SET read = ?, read_time = ?, read_seq = ? WHERE user = ? AND room = ?`,
		since-1, t.now, seq, u.id, r.id)
}

// leave ends the user's stay with the newest log position.
func (t *tx) leave(r *room, m *member) error {
	t.epochMoved = true
	last := &m.stays[len(m.stays)-1]
	last.to = max(last.from, t.e.next-1)
	t.forget(m.user, r)
	return t.exec(`UPDATE member SET until = ?, role = 0 WHERE room = ? AND user = ? AND since = ?`,
		last.to, r.id, m.user.id, last.from)
}

// forget makes the next telling of the conversation read it anew.
func (t *tx) forget(u *user, r *room) {
	t.after(func() {
		if c := t.e.conns[u.id]; c != nil {
			delete(c.convs, r.id)
		}
	})
}

// GroupDelete implements [sdkconn.Groups]. What was said stays in the members' histories.
func (c *Conn) GroupDelete(ctx context.Context, group string) error {
	const op = "GroupDelete"
	return c.write(ctx, op, func(t *tx) error {
		r, m, err := t.membership(op, c.user, group)
		if err != nil {
			return err
		}
		if m.role != sdkconn.RoleOwner {
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s is not the owner", c.user.name)
		}
		members := r.inOrder()
		for _, m := range members {
			if m.user.id != c.user.id {
				if err := t.notice(r, m.user, c.user, &sdkconn.GroupReportElem{ReportType: sdkconn.ReportDelete}); err != nil {
					return err
				}
			}
		}
		for _, m := range members {
			if err := t.leave(r, m); err != nil {
				return err
			}
		}
		r.gone = t.now
		return t.exec(`UPDATE room SET gone = ? WHERE id = ?`, t.now, r.id)
	})
}

// GroupGetGroupInfoList implements [sdkconn.Groups].
func (c *Conn) GroupGetGroupInfoList(ctx context.Context, groups []string) ([]sdkconn.GroupInfo, error) {
	list := []sdkconn.GroupInfo{}
	err := c.read(ctx, "GroupGetGroupInfoList", func(l *lookup) error {
		for _, name := range groups {
			r, err := l.group(name)
			if err != nil {
				return err
			}
			if !r.live() {
				continue
			}
			info, err := l.groupInfo(r)
			if err != nil {
				return err
			}
			list = append(list, info)
		}
		return nil
	})
	return list, err
}

// GroupGetJoinedGroupList implements [sdkconn.Groups].
func (c *Conn) GroupGetJoinedGroupList(ctx context.Context) ([]sdkconn.GroupInfo, error) {
	list := []sdkconn.GroupInfo{}
	err := c.read(ctx, "GroupGetJoinedGroupList", func(l *lookup) error {
		var ids []int64
		err := l.db.each(func(s *sqlite3.Stmt) (bool, error) {
			ids = append(ids, s.ColumnInt64(0))
			return true, nil
		}, `SELECT room FROM member WHERE user = ? AND until = 0 ORDER BY since`, c.user.id)
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, err := l.roomByID(id)
			if err != nil {
				return err
			}
			info, err := l.groupInfo(r)
			if err != nil {
				return err
			}
			list = append(list, info)
		}
		return nil
	})
	return list, err
}

func (l *lookup) groupInfo(r *room) (sdkconn.GroupInfo, error) {
	info := sdkconn.GroupInfo{
		GroupID: r.name, GroupType: r.typ, GroupName: r.title, CreateTime: r.made, MaxMemberNum: r.limit(),
		Introduction: r.page.Introduction, Notification: r.page.Notification, FaceURL: r.page.FaceURL,
		AddOption: r.join(), ApproveOption: r.invite(), ShutupAll: r.page.Silent,
	}
	owner, err := l.userByID(r.a)
	if err != nil {
		return info, err
	}
	info.Owner = owner.name
	n, err := l.db.integer(`SELECT count(*) FROM member WHERE room = ? AND until = 0`, r.id)
	if err != nil {
		return info, err
	}
	info.MemberNum = uint32(n)
	seq, err := l.db.integer(`SELECT max(seq) FROM msg WHERE room = ? AND grp = 1`, r.id)
	info.LatestSeq = uint64(seq)
	return info, err
}
