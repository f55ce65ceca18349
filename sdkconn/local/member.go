package local

import (
	"cmp"
	"context"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
)

// maxCard bounds a name card, in bytes.
const maxCard = 50

// inOrder lists who is in the group now: the owner first, then in the order of joining.
func (r *room) inOrder() []*member {
	var list []*member
	for _, m := range r.members {
		if m.in() {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *member) int {
		if ao, bo := a.role == sdkconn.RoleOwner, b.role == sdkconn.RoleOwner; ao != bo {
			if ao {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.stays[len(a.stays)-1].from, b.stays[len(b.stays)-1].from), cmp.Compare(a.user.id, b.user.id))
	})
	return list
}

func (r *room) count() uint32 {
	n := uint32(0)
	for _, m := range r.members {
		if m.in() {
			n++
		}
	}
	return n
}

// GroupJoin implements [sdkconn.Groups]. Who is let in is the type's rule, unless the group says otherwise: nobody
// (CodeGroupJoinPrivateGroupDeny for a Work group, else CodeGroupPermissionDeny), whom an administrator approves, or
// everybody at once.
func (c *Conn) GroupJoin(ctx context.Context, group, hello string) error {
	const op = "GroupJoin"
	return c.write(ctx, op, func(t *tx) error {
		r, err := t.liveGroup(op, group)
		if err != nil {
			return err
		}
		switch {
		case r.typ == sdkconn.GroupWork:
			return fail(op, sdkconn.CodeGroupJoinPrivateGroupDeny, "%s is entered by invitation", group)
		case r.members[c.user.id].in():
			return fail(op, sdkconn.CodeGroupAlreadyMember, "%s is a member of %s", c.user.name, group)
		case r.join() == sdkconn.AddForbid:
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s lets nobody join", group)
		case r.full(0):
			return fail(op, sdkconn.CodeGroupFullMemberCount, "%s is full", group)
		case r.join() == sdkconn.AddAuth:
			return t.askAdmins(r, c.user, c.user, sdkconn.PendencyJoin, hello)
		}
		return t.letIn(r, c.user, c.user)
	})
}

// letIn makes a member of who asked for it; by is himself or who approved it.
func (t *tx) letIn(r *room, u, by *user) error {
	if err := t.enter(r, u, sdkconn.RoleNormal, t.e.next); err != nil {
		return err
	}
	_, err := t.tip(r, by, &sdkconn.GroupTipsElem{
		TipType: sdkconn.TipInvite, JoinType: sdkconn.JoinApply, Users: []string{u.name}, MemberNum: r.count(),
	})
	return err
}

// liveGroup finds a group that exists, with its members.
func (t *tx) liveGroup(op, group string) (*room, error) {
	r, err := t.group(group)
	if err != nil {
		return nil, err
	}
	if !r.live() {
		return nil, fail(op, sdkconn.CodeGroupNotFound, "no group %q", group)
	}
	return r, t.loadMembers(r)
}

// GroupQuit implements [sdkconn.Groups]. Only an owner whose group's type says so may leave; it passes to who joined first.
func (c *Conn) GroupQuit(ctx context.Context, group string) error {
	const op = "GroupQuit"
	return c.write(ctx, op, func(t *tx) error {
		r, m, err := t.membership(op, c.user, group)
		if err != nil {
			return err
		}
		owner := m.role == sdkconn.RoleOwner
		if owner && !r.rules().ownerQuit {
			return fail(op, sdkconn.CodeGroupSuperNotAllowQuit, "the owner of %s cannot leave", group)
		}
		if err := t.leave(r, m); err != nil {
			return err
		}
		if rest := r.inOrder(); owner && len(rest) > 0 {
			if err := t.setRole(r, rest[0], sdkconn.RoleOwner); err != nil {
				return err
			}
			r.a = rest[0].user.id
			if err := t.exec(`UPDATE room SET a = ? WHERE id = ?`, r.a, r.id); err != nil {
				return err
			}
		}
		_, err = t.tip(r, c.user, &sdkconn.GroupTipsElem{
			TipType: sdkconn.TipQuit, Users: []string{c.user.name}, MemberNum: r.count(),
		})
		return err
	})
}

// GroupInviteMember implements [sdkconn.Groups]. Whom ordinary members may invite is the type's rule, unless the group says
// otherwise. In a Public group who is invited is asked first.
func (c *Conn) GroupInviteMember(ctx context.Context, group string, users []string) ([]sdkconn.GroupMemberResult, error) {
	const op = "GroupInviteMember"
	switch {
	case len(users) == 0:
		return nil, fail(op, sdkconn.CodeGroupInviteNoMember, "nobody to invite")
	case len(users) > maxInvited:
		return nil, fail(op, sdkconn.CodeGroupMemberCountLimit, "%d users, at most %d", len(users), maxInvited)
	}
	var results []sdkconn.GroupMemberResult
	err := c.write(ctx, op, func(t *tx) error {
		results = nil
		r, me, err := t.membership(op, c.user, group)
		if err != nil {
			return err
		}
		ordinary := me.role < sdkconn.RoleAdmin
		if r.invite() == sdkconn.AddForbid && (ordinary || r.rules().fixed) {
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s may not invite to %s", c.user.name, group)
		}
		var fresh []*user
		for _, name := range users {
			u, err := t.userByName(name)
			if err != nil {
				return err
			}
			result := uint32(sdkconn.MemberResultSuccess)
			switch {
			case u == nil, r.full(len(fresh)):
				result = sdkconn.MemberResultError
			case r.members[u.id].in(), containsUser(fresh, u):
				result = sdkconn.MemberResultAlready
			default:
				fresh = append(fresh, u)
			}
			results = append(results, sdkconn.GroupMemberResult{User: name, Result: result})
		}
		kind := sdkconn.PendencyInvited
		switch {
		case ordinary && r.invite() == sdkconn.AddAuth:
			kind = sdkconn.PendencyInviteAdmin
		case !r.rules().consent:
			return t.bringIn(r, c.user, fresh)
		}
		for i := range results {
			if results[i].Result == sdkconn.MemberResultSuccess {
				results[i].Result = sdkconn.MemberResultPending
			}
		}
		return t.invite(r, c.user, fresh, kind)
	})
	return results, err
}

// bringIn makes the users members, who are told so.
func (t *tx) bringIn(r *room, by *user, users []*user) error {
	if err := t.welcome(r, by, users); err != nil {
		return err
	}
	for _, u := range users {
		if err := t.notice(r, u, by, &sdkconn.GroupReportElem{ReportType: sdkconn.ReportInvite}); err != nil {
			return err
		}
	}
	return nil
}

// welcome makes the users members and tells the group.
func (t *tx) welcome(r *room, by *user, users []*user) error {
	if len(users) == 0 {
		return nil
	}
	var names []string
	since := t.e.next // the tip is the first thing that they see
	for _, u := range users {
		if err := t.enter(r, u, sdkconn.RoleNormal, since); err != nil {
			return err
		}
		names = append(names, u.name)
	}
	_, err := t.tip(r, by, &sdkconn.GroupTipsElem{
		TipType: sdkconn.TipInvite, JoinType: sdkconn.JoinInvite, Users: names, MemberNum: r.count(),
	})
	return err
}

// GroupDeleteMember implements [sdkconn.Groups]. The owner removes anybody else, administrators only ordinary members.
func (c *Conn) GroupDeleteMember(ctx context.Context, group string, users []string, reason string) ([]sdkconn.GroupMemberResult, error) {
	const op = "GroupDeleteMember"
	if len(users) == 0 {
		return nil, fail(op, sdkconn.CodeInvalidParameters, "nobody to remove")
	}
	var results []sdkconn.GroupMemberResult
	err := c.write(ctx, op, func(t *tx) error {
		results = nil
		r, by, err := t.membership(op, c.user, group)
		if err != nil {
			return err
		}
		if by.role < sdkconn.RoleAdmin {
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s may not remove members", c.user.name)
		}
		var out []*member
		var names []string
		for _, name := range users {
			u, err := t.userByName(name)
			if err != nil {
				return err
			}
			result := uint32(sdkconn.MemberResultError)
			if u != nil && r.members[u.id].in() && r.members[u.id].role < by.role && !slices.Contains(names, name) {
				result = sdkconn.MemberResultSuccess
				out, names = append(out, r.members[u.id]), append(names, name)
			}
			results = append(results, sdkconn.GroupMemberResult{User: name, Result: result})
		}
		return t.throwOut(r, c.user, out, names, reason)
	})
	return results, err
}

func (t *tx) throwOut(r *room, by *user, out []*member, names []string, reason string) error {
	if len(out) == 0 {
		return nil
	}
	for _, m := range out {
		if err := t.leave(r, m); err != nil {
			return err
		}
	}
	_, err := t.tip(r, by, &sdkconn.GroupTipsElem{TipType: sdkconn.TipKick, Users: names, MemberNum: r.count()})
	if err != nil {
		return err
	}
	for _, m := range out {
		err := t.notice(r, m.user, by, &sdkconn.GroupReportElem{ReportType: sdkconn.ReportBeKicked, Msg: reason})
		if err != nil {
			return err
		}
	}
	return nil
}

// GroupModifyMemberInfo implements [sdkconn.Groups]. The owner makes and unmakes administrators; the owner and
// administrators mute who is below them; the name card may be changed by them and by the member himself.
func (c *Conn) GroupModifyMemberInfo(ctx context.Context, p sdkconn.GroupMemberModifyParam) error {
	const op = "GroupModifyMemberInfo"
	switch {
	case p.NameCard != nil && len(*p.NameCard) > maxCard:
		return fail(op, sdkconn.CodeGroupInvalidNameCard, "name card of %d bytes, at most %d", len(*p.NameCard), maxCard)
	case p.Role != nil && *p.Role != sdkconn.RoleNormal && *p.Role != sdkconn.RoleAdmin:
		return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "role %d", *p.Role)
	}
	return c.write(ctx, op, func(t *tx) error {
		r, by, err := t.membership(op, c.user, p.GroupID)
		if err != nil {
			return err
		}
		u, err := t.userByName(p.User)
		if err != nil {
			return err
		}
		if u == nil || !r.members[u.id].in() {
			return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "%s is not a member of %s", p.User, p.GroupID)
		}
		m := r.members[u.id]
		above := by.role >= sdkconn.RoleAdmin && by.role > m.role
		switch {
		case p.Role != nil && (by.role != sdkconn.RoleOwner || m == by):
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s may not change roles", c.user.name)
		case p.ShutupTime != nil && !above:
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s may not mute %s", c.user.name, p.User)
		case p.NameCard != nil && !above && m != by:
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s may not rename %s", c.user.name, p.User)
		}
		return t.modify(r, c.user, m, &p)
	})
}

func (t *tx) modify(r *room, by *user, m *member, p *sdkconn.GroupMemberModifyParam) error {
	if p.NameCard != nil {
		m.card, t.epochMoved = *p.NameCard, true
		if err := t.exec(`UPDATE member SET card = ? WHERE room = ? AND user = ? AND until = 0`, m.card, r.id, m.user.id); err != nil {
			return err
		}
	}
	if p.Role != nil && *p.Role != m.role {
		tip, report := sdkconn.TipSetAdmin, sdkconn.ReportGrantAdmin
		if *p.Role == sdkconn.RoleNormal {
			tip, report = sdkconn.TipCancelAdmin, sdkconn.ReportCancelAdmin
		}
		if err := t.setRole(r, m, *p.Role); err != nil {
			return err
		}
		if _, err := t.tip(r, by, &sdkconn.GroupTipsElem{TipType: tip, Users: []string{m.user.name}}); err != nil {
			return err
		}
		if err := t.notice(r, m.user, by, &sdkconn.GroupReportElem{ReportType: report}); err != nil {
			return err
		}
	}
	if p.ShutupTime != nil {
		return t.mute(r, by, m, *p.ShutupTime)
	}
	return nil
}

func (t *tx) setRole(r *room, m *member, role sdkconn.MemberRole) error {
	m.role, t.epochMoved = role, true
	return t.exec(`UPDATE member SET role = ? WHERE room = ? AND user = ? AND until = 0`, int(role), r.id, m.user.id)
}

func (t *tx) mute(r *room, by *user, m *member, seconds uint32) error {
	m.muted, t.epochMoved = 0, true
	if seconds > 0 {
		m.muted = t.now + uint64(seconds)
	}
	if err := t.exec(`UPDATE member SET muted = ? WHERE room = ? AND user = ? AND until = 0`, m.muted, r.id, m.user.id); err != nil {
		return err
	}
	_, err := t.tip(r, by, &sdkconn.GroupTipsElem{
		TipType: sdkconn.TipMemberInfoChange, Users: []string{m.user.name},
		MemberChanges: []sdkconn.MemberChangeInfo{{Identifier: m.user.name, ShutupTime: seconds}},
	})
	if err != nil {
		return err
	}
	return t.notice(r, m.user, by, &sdkconn.GroupReportElem{ReportType: sdkconn.ReportShutUpMember, ShutUpTime: seconds})
}

// GroupGetMemberInfoList implements [sdkconn.Groups]. Only members may ask.
func (c *Conn) GroupGetMemberInfoList(ctx context.Context, group string) ([]sdkconn.GroupMemberInfo, error) {
	const op = "GroupGetMemberInfoList"
	var list []sdkconn.GroupMemberInfo
	err := c.read(ctx, op, func(l *lookup) error {
		r, err := l.group(group)
		if err != nil {
			return err
		}
		if !r.live() {
			return fail(op, sdkconn.CodeGroupNotFound, "no group %q", group)
		}
		if err := l.loadMembers(r); err != nil {
			return err
		}
		if !r.members[c.user.id].in() {
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s is not a member of %s", c.user.name, group)
		}
		now := uint64(max(0, c.e.clock.Now().Unix()))
		for _, m := range r.inOrder() {
			list = append(list, *m.info(r, now))
		}
		return nil
	})
	return list, err
}
