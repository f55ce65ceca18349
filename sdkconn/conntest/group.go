package conntest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// members lists a group as "user role".
func (u *user) members(group string) []string {
	u.e.Helper()
	list, err := u.groups().GroupGetMemberInfoList(u.e.ctx, group)
	u.e.ok(err)
	var all []string
	for _, m := range list {
		all = append(all, fmt.Sprint(m.Identifier, " ", m.Role))
	}
	return all
}

func (u *user) groupInfo(group string) sdkconn.GroupInfo {
	u.e.Helper()
	list, err := u.groups().GroupGetGroupInfoList(u.e.ctx, []string{group})
	u.e.ok(err)
	if len(list) != 1 {
		u.e.Fatalf("%d infos of group %q", len(list), group)
	}
	return list[0]
}

func (u *user) create(param sdkconn.GroupCreateParam) string {
	u.e.Helper()
	id, err := u.groups().GroupCreate(u.e.ctx, param)
	u.e.ok(err)
	return id
}

func (u *user) role(group, name string, role sdkconn.MemberRole) error {
	return u.groups().GroupModifyMemberInfo(u.e.ctx, sdkconn.GroupMemberModifyParam{GroupID: group, User: name, Role: &role})
}

var groupChecks = []check{
	{"group/made by its owner", []feature{groups}, func(e *env) {
		alice, bob := e.pair()
		id := alice.create(sdkconn.GroupCreateParam{GroupName: "一群", GroupType: sdkconn.GroupWork,
			Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}}})
		if !strings.HasPrefix(id, "@TGS#") {
			e.Errorf("a made id is %q, want @TGS#...", id)
		}
		equal(e, "members", alice.members(id), []string{"alice owner", "bob member"})
		info := bob.groupInfo(id)
		if info.GroupID != id || info.GroupName != "一群" || info.GroupType != sdkconn.GroupWork || info.Owner != "alice" || info.MemberNum != 2 {
			e.Errorf("info %+v", info)
		}
		own := alice.create(sdkconn.GroupCreateParam{GroupID: "my-group", GroupName: "g", GroupType: sdkconn.GroupPublic})
		if own != "my-group" {
			e.Errorf("the id asked for became %q", own)
		}
		if other := alice.create(sdkconn.GroupCreateParam{GroupName: "g"}); other == id {
			e.Errorf("two groups have the id %q", id)
		}
	}},
	{"group/ids that cannot be had", []feature{groups}, func(e *env) {
		alice, bob := e.pair()
		alice.create(sdkconn.GroupCreateParam{GroupID: "taken", GroupName: "g"})
		for name, c := range map[string]struct {
			by    *user
			id    string
			codes []sdkconn.Code
		}{
			"another's":     {bob, "taken", []sdkconn.Code{sdkconn.CodeGroupIDInUse}},
			"one's own":     {alice, "taken", []sdkconn.Code{sdkconn.CodeGroupIDInUseForSuper, sdkconn.CodeGroupIDInUse}},
			"the service's": {alice, "@TGS#x", []sdkconn.Code{sdkconn.CodeGroupInvalidID, sdkconn.CodeGroupInvalidGroupID}},
			"not ASCII":     {alice, "群", []sdkconn.Code{sdkconn.CodeGroupInvalidID, sdkconn.CodeGroupInvalidGroupID}},
			"too long":      {alice, strings.Repeat("x", 49), []sdkconn.Code{sdkconn.CodeGroupInvalidID, sdkconn.CodeGroupInvalidGroupID}},
		} {
			_, err := c.by.groups().GroupCreate(e.ctx, sdkconn.GroupCreateParam{GroupID: c.id, GroupName: "g"})
			e.refused(name, err, c.codes...)
		}
	}},
	{"group/joining", []feature{groups}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		meeting := alice.create(sdkconn.GroupCreateParam{GroupName: "m", GroupType: sdkconn.GroupMeeting})
		work := alice.create(sdkconn.GroupCreateParam{GroupName: "w", GroupType: sdkconn.GroupWork})
		e.ok(bob.groups().GroupJoin(e.ctx, meeting, ""))
		e.pass(time.Second)
		e.ok(carol.groups().GroupJoin(e.ctx, meeting, ""))
		equal(e, "owner first, then in the order of joining", bob.members(meeting), []string{"alice owner", "bob member", "carol member"})
		e.refused("again", bob.groups().GroupJoin(e.ctx, meeting, ""), sdkconn.CodeGroupAlreadyMember)
		e.refused("by invitation only", bob.groups().GroupJoin(e.ctx, work, ""), sdkconn.CodeGroupJoinPrivateGroupDeny, sdkconn.CodeGroupPermissionDeny)
		e.refused("unknown", bob.groups().GroupJoin(e.ctx, "@TGS#nosuch", ""), sdkconn.CodeGroupNotFound, sdkconn.CodeGroupInvalidGroupID)
		list, err := bob.groups().GroupGetJoinedGroupList(e.ctx)
		e.ok(err)
		if len(list) != 1 || list[0].GroupID != meeting {
			e.Errorf("bob is in %+v", list)
		}
	}},
	{"group/inviting", []feature{groups}, func(e *env) {
		alice, bob := e.pair()
		e.addUsers("carol")
		id := alice.create(sdkconn.GroupCreateParam{GroupName: "w", GroupType: sdkconn.GroupWork})
		results, err := alice.groups().GroupInviteMember(e.ctx, id, []string{"bob", "nobody", "carol"})
		e.ok(err)
		equal(e, "results", results, []sdkconn.GroupMemberResult{{User: "bob", Result: sdkconn.MemberResultSuccess},
			{User: "nobody", Result: sdkconn.MemberResultError}, {User: "carol", Result: sdkconn.MemberResultSuccess}})
		results, err = bob.groups().GroupInviteMember(e.ctx, id, []string{"carol"})
		if err == nil {
			equal(e, "a member already", results, []sdkconn.GroupMemberResult{{User: "carol", Result: sdkconn.MemberResultAlready}})
		} else {
			e.refused("a member already", err, sdkconn.CodeGroupAlreadyMember)
		}
		equal(e, "members", alice.members(id), []string{"alice owner", "bob member", "carol member"})
		_, err = e.login("dave").groups().GroupInviteMember(e.ctx, id, []string{"dave"})
		e.refused("by a stranger", err, sdkconn.CodeGroupPermissionDeny)
	}},
	{"group/leaving", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		alice.send(conv, "before")
		e.ok(bob.groups().GroupQuit(e.ctx, conv.ID))
		equal(e, "members", alice.members(conv.ID), []string{"alice owner", "carol member"})
		bob.forget()
		alice.send(conv, "after")
		if news := bob.news(); len(news) != 0 {
			e.Errorf("bob, who left, is told %v", texts(news))
		}
		equal(e, "carol is told", texts(carol.news()), []string{"before", "after"})
		if h := userTexts(bob.history(conv)); !slices.Contains(h, "before") || slices.Contains(h, "after") {
			e.Errorf("bob's history is %v, want what was before he left", h)
		}
		e.refused("twice", bob.groups().GroupQuit(e.ctx, conv.ID), sdkconn.CodeGroupPermissionDeny, sdkconn.CodeGroupInvalidReq, sdkconn.CodeGroupNotFound)
		public := alice.create(sdkconn.GroupCreateParam{GroupName: "p", GroupType: sdkconn.GroupPublic})
		e.refused("the owner of a Public group", alice.groups().GroupQuit(e.ctx, public), sdkconn.CodeGroupSuperNotAllowQuit)
		e.ok(bob.groups().GroupJoin(e.ctx, conv.ID, ""))
		alice.send(conv, "again")
		equal(e, "back again", texts(bob.news()), []string{"again"})
	}},
	{"group/removing", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		_, err := bob.groups().GroupDeleteMember(e.ctx, conv.ID, []string{"carol"}, "")
		e.refused("by a member", err, sdkconn.CodeGroupPermissionDeny)
		results, err := alice.groups().GroupDeleteMember(e.ctx, conv.ID, []string{"carol"}, "spam")
		e.ok(err)
		equal(e, "results", results, []sdkconn.GroupMemberResult{{User: "carol", Result: sdkconn.MemberResultSuccess}})
		equal(e, "members", alice.members(conv.ID), []string{"alice owner", "bob member"})
		carol.forget()
		alice.send(conv, "x")
		if news := carol.news(); len(news) != 0 {
			e.Errorf("carol is told %v", texts(news))
		}
		e.ok(alice.role(conv.ID, "bob", sdkconn.RoleAdmin))
		// Whether that is refused as a whole or for her alone is not recorded.
		_, _ = bob.groups().GroupDeleteMember(e.ctx, conv.ID, []string{"alice"}, "")
		equal(e, "an admin cannot remove the owner", alice.members(conv.ID), []string{"alice owner", "bob admin"})
	}},
	{"group/roles", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		e.refused("by a member", bob.role(conv.ID, "carol", sdkconn.RoleAdmin), sdkconn.CodeGroupPermissionDeny)
		e.ok(alice.role(conv.ID, "bob", sdkconn.RoleAdmin))
		equal(e, "members", alice.members(conv.ID), []string{"alice owner", "bob admin", "carol member"})
		e.refused("by an admin", bob.role(conv.ID, "carol", sdkconn.RoleAdmin), sdkconn.CodeGroupPermissionDeny)
		e.ok(alice.role(conv.ID, "bob", sdkconn.RoleNormal))
		equal(e, "members", carol.members(conv.ID), []string{"alice owner", "bob member", "carol member"})
		if err := alice.role(conv.ID, "nobody", sdkconn.RoleAdmin); err == nil {
			e.Error("a stranger became admin")
		}
	}},
	{"group/the card is in the messages", []feature{groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		card := "队长"
		e.ok(bob.groups().GroupModifyMemberInfo(e.ctx, sdkconn.GroupMemberModifyParam{GroupID: conv.ID, User: "bob", NameCard: &card}))
		bob.send(conv, "x")
		if got := alice.onlyNews(); got.SenderMember == nil || got.SenderMember.NameCard != card {
			e.Errorf("got %s", e.dump(got))
		}
	}},
	{"group/a muted member cannot send until it is over", []feature{groups, mute, clock}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		shut := func(by *user, name string, seconds uint32) error {
			return by.groups().GroupModifyMemberInfo(e.ctx, sdkconn.GroupMemberModifyParam{GroupID: conv.ID, User: name, ShutupTime: &seconds})
		}
		e.refused("by a member", shut(carol, "bob", 60), sdkconn.CodeGroupPermissionDeny)
		e.ok(shut(alice, "bob", 60))
		_, err := bob.SendNewMsg(e.ctx, conv, textMessage("x"))
		e.refused("muted", err, sdkconn.CodeGroupShutupDeny)
		carol.send(conv, "not muted")
		e.pass(61 * time.Second)
		bob.send(conv, "over")
		e.ok(shut(alice, "bob", 600))
		e.ok(shut(alice, "bob", 0))
		bob.send(conv, "ended")
		equal(e, "alice is told", texts(alice.news()), []string{"not muted", "over", "ended"})
	}},
	{"group/dissolving", []feature{groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		e.refused("by a member", bob.groups().GroupDelete(e.ctx, conv.ID), sdkconn.CodeGroupPermissionDeny)
		e.ok(alice.groups().GroupDelete(e.ctx, conv.ID))
		e.refused("twice", alice.groups().GroupDelete(e.ctx, conv.ID), sdkconn.CodeGroupNotFound)
		e.refused("joining", bob.groups().GroupJoin(e.ctx, conv.ID, ""), sdkconn.CodeGroupNotFound)
		list, err := bob.groups().GroupGetJoinedGroupList(e.ctx)
		if err != nil || len(list) != 0 {
			e.Errorf("bob is in %+v, %v", list, err)
		}
		infos, err := bob.groups().GroupGetGroupInfoList(e.ctx, []string{conv.ID, "@TGS#nosuch"})
		if err != nil || len(infos) != 0 {
			e.Errorf("infos %+v, %v", infos, err)
		}
	}},
	{"group/tips tell everyone what happened", []feature{groups, tips}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		e.addUsers("dave", "erin")
		last := func(u *user, what string, typ sdkconn.TipType, op string, users ...string) *sdkconn.GroupTipsElem {
			e.Helper()
			all := u.tips()
			if len(all) == 0 {
				e.Fatalf("%s: %s was told no tip", what, u.name)
			}
			tip := all[len(all)-1]
			if tip.TipType != typ || tip.OpUser != op || tip.GroupID != conv.ID || !slices.Equal(tip.Users, users) {
				e.Errorf("%s: %s was told %+v, want type %d by %s about %v", what, u.name, tip, typ, op, users)
			}
			u.forget()
			return tip
		}
		frank := e.login("frank")
		e.ok(frank.groups().GroupJoin(e.ctx, conv.ID, ""))
		if tip := last(carol, "join", sdkconn.TipInvite, "frank", "frank"); tip.JoinType != sdkconn.JoinApply || tip.MemberNum != 4 {
			e.Errorf("join: %+v", tip)
		}
		_, err := alice.groups().GroupInviteMember(e.ctx, conv.ID, []string{"dave", "erin"})
		e.ok(err)
		if tip := last(carol, "invite", sdkconn.TipInvite, "alice", "dave", "erin"); tip.JoinType != sdkconn.JoinInvite || tip.MemberNum != 6 {
			e.Errorf("invite: %+v", tip)
		}
		e.ok(alice.role(conv.ID, "bob", sdkconn.RoleAdmin))
		last(carol, "set admin", sdkconn.TipSetAdmin, "alice", "bob")
		_, err = bob.groups().GroupDeleteMember(e.ctx, conv.ID, []string{"dave"}, "spam")
		e.ok(err)
		if tip := last(carol, "kick", sdkconn.TipKick, "bob", "dave"); tip.MemberNum != 5 {
			e.Errorf("kick: %+v", tip)
		}
		e.ok(alice.role(conv.ID, "bob", sdkconn.RoleNormal))
		last(carol, "cancel admin", sdkconn.TipCancelAdmin, "alice", "bob")
		e.ok(frank.groups().GroupQuit(e.ctx, conv.ID))
		all := carol.tips()
		if tip := all[len(all)-1]; tip.TipType != sdkconn.TipQuit || tip.OpUser != "frank" || tip.MemberNum != 4 {
			e.Errorf("quit: %+v", tip)
		}
		for _, m := range carol.history(conv) {
			if tip, ok := m.Elems[0].(*sdkconn.GroupTipsElem); ok {
				if m.Sender != sdkconn.SystemSender || m.Seq == 0 || m.Conversation() != conv || tip.GroupID != conv.ID {
					e.Errorf("a tip is the message %s", e.dump(m))
				}
			}
		}
	}},
	{"group/a muted member is told", []feature{groups, tips, mute}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		seconds := uint32(60)
		e.ok(alice.groups().GroupModifyMemberInfo(e.ctx, sdkconn.GroupMemberModifyParam{GroupID: conv.ID, User: "bob", ShutupTime: &seconds}))
		for _, u := range []*user{bob, carol} {
			all := u.tips()
			if len(all) != 1 || all[0].TipType != sdkconn.TipMemberInfoChange || all[0].OpUser != "alice" || len(all[0].MemberChanges) != 1 ||
				all[0].MemberChanges[0].Identifier != "bob" || all[0].MemberChanges[0].ShutupTime != 60 {
				e.Errorf("%s was told %+v", u.name, all)
			}
		}
	}},
	{"group/notices to single users", []feature{groups, notices}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		notice := func(u *user, typ sdkconn.ReportType) {
			e.Helper()
			var types []sdkconn.ReportType
			for _, ev := range u.ofKind(sdkconn.EventNewMsg) {
				for _, elem := range ev.Message.Elems {
					if n, ok := elem.(*sdkconn.GroupReportElem); ok {
						types = append(types, n.ReportType)
						if n.GroupID != conv.ID || ev.Message.ConvType != sdkconn.ConvSystem || ev.Message.ConvID != "" || ev.Message.Sender != sdkconn.SystemSender {
							e.Errorf("%s was told %s", u.name, e.dump(ev.Message))
						}
					}
				}
			}
			if !slices.Contains(types, typ) {
				e.Errorf("%s was told the notices %v, want %d among them", u.name, types, typ)
			}
		}
		_, err := alice.groups().GroupDeleteMember(e.ctx, conv.ID, []string{"bob"}, "spam")
		e.ok(err)
		notice(bob, sdkconn.ReportBeKicked)
		e.ok(alice.groups().GroupDelete(e.ctx, conv.ID))
		notice(carol, sdkconn.ReportDelete)
	}},
	{"group/users' profiles", []feature{profiles}, func(e *env) {
		alice, _ := e.pair()
		list, err := alice.Conn.(sdkconn.Profiles).ProfileGetUserProfileList(e.ctx, []string{"bob", "nobody", "alice"})
		e.ok(err)
		if len(list) != 2 || list[0].Identifier != "bob" || list[1].Identifier != "alice" {
			e.Errorf("got %+v", list)
		}
	}},
}
