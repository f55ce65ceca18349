package local

import (
	"context"

	"github.com/timbot-go/timbot/sdkconn"
)

// GroupModifyGroupInfo implements [sdkconn.GroupEditor]. The owner and the administrators may change everything but the
// owner, who passes the group on himself and becomes an ordinary member; in a Work group every member may change name,
// introduction, notification and face. What is as it was changes nothing and is not told.
func (c *Conn) GroupModifyGroupInfo(ctx context.Context, p sdkconn.GroupModifyParam) error {
	const op = "GroupModifyGroupInfo"
	texts := p.GroupName != nil || p.Introduction != nil || p.Notification != nil || p.FaceURL != nil
	rules := p.AddOption != nil || p.ApproveOption != nil || p.MaxMemberNum != nil || p.ShutupAll != nil
	switch {
	case p.NewOwner != nil && (texts || rules):
		return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "a new owner must be alone")
	case p.NewOwner == nil && !texts && !rules:
		return fail(op, sdkconn.CodeInvalidParameters, "nothing to change")
	case p.GroupName != nil && *p.GroupName == "":
		return fail(op, sdkconn.CodeGroupInvalidName, "no group name")
	}
	return c.write(ctx, op, func(t *tx) error {
		r, me, err := t.membership(op, c.user, p.GroupID)
		if err != nil {
			return err
		}
		if p.NewOwner != nil {
			return t.transfer(op, r, me, *p.NewOwner)
		}
		if me.role < sdkconn.RoleAdmin && (rules || !r.rules().anyEdit) {
			return fail(op, sdkconn.CodeGroupPermissionDeny, "%s may not change %s", c.user.name, p.GroupID)
		}
		err = checkPage(op, r.typ, p.GroupName, p.Introduction, p.Notification, p.FaceURL, p.AddOption, p.ApproveOption, p.MaxMemberNum)
		if err != nil {
			return err
		}
		return t.edit(r, c.user, &p)
	})
}

// edit changes what differs and tells it.
func (t *tx) edit(r *room, by *user, p *sdkconn.GroupModifyParam) error {
	var changes []sdkconn.GroupChangeInfo
	text := func(old, asked *string, flag sdkconn.GroupChangeFlag) {
		if asked != nil && *asked != *old {
			*old = *asked
			changes = append(changes, sdkconn.GroupChangeInfo{Flag: flag, Value: *asked})
		}
	}
	option := func(old **sdkconn.GroupAddOption, now sdkconn.GroupAddOption, asked *sdkconn.GroupAddOption, flag sdkconn.GroupChangeFlag) {
		if asked != nil && *asked != now {
			value := *asked
			*old = &value
			changes = append(changes, sdkconn.GroupChangeInfo{Flag: flag, IntValue: int32(value)})
		}
	}
	title, page := r.title, r.page
	text(&title, p.GroupName, sdkconn.GroupChangeName)
	text(&page.Introduction, p.Introduction, sdkconn.GroupChangeIntroduction)
	text(&page.Notification, p.Notification, sdkconn.GroupChangeNotification)
	text(&page.FaceURL, p.FaceURL, sdkconn.GroupChangeFaceURL)
	option(&page.Join, r.join(), p.AddOption, sdkconn.GroupChangeAddOpt)
	option(&page.Invite, r.invite(), p.ApproveOption, sdkconn.GroupChangeApproveOpt)
	if p.ShutupAll != nil && *p.ShutupAll != page.Silent {
		page.Silent = *p.ShutupAll
		changes = append(changes, sdkconn.GroupChangeInfo{Flag: sdkconn.GroupChangeShutupAll, BoolValue: page.Silent})
	}
	more := p.MaxMemberNum != nil && *p.MaxMemberNum != page.Members // which no tip tells
	if more {
		page.Members = *p.MaxMemberNum
	}
	if len(changes) == 0 && !more {
		return nil
	}
	data, err := sdkconn.Marshal(page)
	if err != nil {
		return fail("GroupModifyGroupInfo", sdkconn.CodeSvrGroupInvalidParameters, "group: %w", err)
	}
	if err := t.exec(`UPDATE room SET title = ?, page = ? WHERE id = ?`, title, string(data), r.id); err != nil {
		return err
	}
	r.title, r.page, t.epochMoved = title, page, true
	if len(changes) == 0 {
		return nil
	}
	_, err = t.tip(r, by, &sdkconn.GroupTipsElem{TipType: sdkconn.TipGroupInfoChange, GroupChanges: changes})
	return err
}

// transfer passes a group on.
func (t *tx) transfer(op string, r *room, me *member, to string) error {
	u, err := t.userByName(to)
	switch {
	case err != nil:
		return err
	case me.role != sdkconn.RoleOwner:
		return fail(op, sdkconn.CodeGroupPermissionDeny, "%s is not the owner", me.user.name)
	case !r.rules().transfer:
		return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "a group of type %s keeps its owner", r.typ)
	case u == nil || !r.members[u.id].in():
		return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "%s is not a member of %s", to, r.name)
	case u.id == me.user.id:
		return nil
	}
	if err := t.setRole(r, me, sdkconn.RoleNormal); err != nil {
		return err
	}
	if err := t.setRole(r, r.members[u.id], sdkconn.RoleOwner); err != nil {
		return err
	}
	r.a = u.id
	if err := t.exec(`UPDATE room SET a = ? WHERE id = ?`, r.a, r.id); err != nil {
		return err
	}
	_, err = t.tip(r, me.user, &sdkconn.GroupTipsElem{
		TipType: sdkconn.TipGroupInfoChange, Users: []string{u.name},
		GroupChanges: []sdkconn.GroupChangeInfo{{Flag: sdkconn.GroupChangeOwner, Value: u.name}},
	})
	return err
}
