package conntest

import (
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

func (u *user) editGroup(param sdkconn.GroupModifyParam) error {
	u.e.Helper()
	return u.Conn.(sdkconn.GroupEditor).GroupModifyGroupInfo(u.e.ctx, param)
}

var groupEditChecks = []check{
	{"group info/changes are kept and told", []feature{groups, groupEditor, tips}, func(e *env) {
		alice, bob, _, conv := e.trio()
		name, introduction, notification, face := "新名字", "intro", "note", "https://example.com/f.png"
		e.ok(alice.editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, GroupName: &name, Introduction: &introduction,
			Notification: &notification, FaceURL: &face}))
		info := bob.groupInfo(conv.ID)
		if info.GroupName != name || info.Introduction != introduction || info.Notification != notification || info.FaceURL != face {
			e.Errorf("info %+v", info)
		}
		told := make(map[sdkconn.GroupChangeFlag]string)
		for _, tip := range bob.tips() {
			if tip.TipType != sdkconn.TipGroupInfoChange || tip.OpUser != "alice" || tip.GroupID != conv.ID {
				e.Errorf("bob is told %+v", tip)
			}
			for _, c := range tip.GroupChanges {
				told[c.Flag] = c.Value
			}
		}
		for flag, want := range map[sdkconn.GroupChangeFlag]string{sdkconn.GroupChangeName: name, sdkconn.GroupChangeIntroduction: introduction,
			sdkconn.GroupChangeNotification: notification, sdkconn.GroupChangeFaceURL: face} {
			if told[flag] != want {
				e.Errorf("change %d is told as %q, want %q", flag, told[flag], want)
			}
		}
		if seqs := seqs(alice.history(conv)); len(seqs) == 0 || seqs[len(seqs)-1] != uint64(len(seqs)) {
			e.Errorf("the tips have no numbers of their own: %v", seqs)
		}
	}},
	{"group info/who may change what", []feature{groups, groupEditor}, func(e *env) {
		alice, bob, _, conv := e.trio()
		name, auth := "n", sdkconn.AddAuth
		e.refused("by a member", bob.editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, GroupName: &name}), sdkconn.CodeGroupPermissionDeny)
		e.refused("by a stranger", e.login("dave").editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, GroupName: &name}), sdkconn.CodeGroupPermissionDeny)
		e.refused("an unknown group", alice.editGroup(sdkconn.GroupModifyParam{GroupID: "@TGS#nosuch", GroupName: &name}), sdkconn.CodeGroupNotFound, sdkconn.CodeGroupInvalidGroupID)
		e.ok(alice.role(conv.ID, "bob", sdkconn.RoleAdmin))
		e.ok(bob.editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, GroupName: &name, AddOption: &auth}))
		if info := alice.groupInfo(conv.ID); info.GroupName != "n" || info.AddOption != sdkconn.AddAuth {
			e.Errorf("info %+v", info)
		}
		work := alice.create(sdkconn.GroupCreateParam{GroupName: "w", GroupType: sdkconn.GroupWork, Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}}})
		e.ok(bob.editGroup(sdkconn.GroupModifyParam{GroupID: work, GroupName: &name}))
	}},
	{"group info/texts that are too long", []feature{groups, groupEditor}, func(e *env) {
		alice, bob, _, conv := e.trio()
		text := func(n int) *string { s := strings.Repeat("x", n); return &s }
		before := alice.groupInfo(conv.ID)
		bob.forget()
		for code, p := range map[sdkconn.Code]sdkconn.GroupModifyParam{
			sdkconn.CodeGroupInvalidName:         {GroupName: text(31)},
			sdkconn.CodeGroupInvalidIntroduction: {Introduction: text(241), GroupName: text(3)},
			sdkconn.CodeGroupInvalidNotification: {Notification: text(301), GroupName: text(3)},
			sdkconn.CodeGroupInvalidFaceURL:      {FaceURL: text(101), GroupName: text(3)},
		} {
			p.GroupID = conv.ID
			e.refused(code.Error(), alice.editGroup(p), code)
		}
		_, err := alice.groups().GroupCreate(e.ctx, sdkconn.GroupCreateParam{GroupName: *text(31)})
		e.refused("at creation", err, sdkconn.CodeGroupInvalidName)
		if after := alice.groupInfo(conv.ID); after.GroupName != before.GroupName || len(bob.tips()) != 0 {
			e.Errorf("refused, and yet: %+v, %v", after, bob.tips())
		}
		e.ok(alice.editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, GroupName: text(30), Introduction: text(240), Notification: text(300), FaceURL: text(100)}))
	}},
	{"group info/all muted", []feature{groups, groupEditor, mute, tips}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		e.ok(alice.role(conv.ID, "bob", sdkconn.RoleAdmin))
		carol.forget()
		on, off := true, false
		e.ok(alice.editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, ShutupAll: &on}))
		_, err := carol.SendNewMsg(e.ctx, conv, textMessage("x"))
		e.refused("a member", err, sdkconn.CodeGroupShutupDeny)
		bob.send(conv, "an admin")
		alice.send(conv, "the owner")
		if !carol.groupInfo(conv.ID).ShutupAll {
			e.Error("the group does not say so")
		}
		all := carol.tips()
		if len(all) != 1 || len(all[0].GroupChanges) != 1 || all[0].GroupChanges[0].Flag != sdkconn.GroupChangeShutupAll || !all[0].GroupChanges[0].BoolValue {
			e.Errorf("carol is told %+v", all)
		}
		e.ok(alice.editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, ShutupAll: &off}))
		carol.send(conv, "again")
	}},
	{"group info/passing the group on", []feature{groups, groupEditor, tips}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		to := func(name string) sdkconn.GroupModifyParam {
			return sdkconn.GroupModifyParam{GroupID: conv.ID, NewOwner: &name}
		}
		e.refused("by a member", bob.editGroup(to("bob")), sdkconn.CodeGroupPermissionDeny)
		e.refused("to a stranger", alice.editGroup(to("nobody")), sdkconn.CodeSvrGroupInvalidParameters, sdkconn.CodeGroupInvalidReq)
		both := to("bob")
		both.GroupName = both.NewOwner
		e.refused("not alone", alice.editGroup(both), sdkconn.CodeSvrGroupInvalidParameters, sdkconn.CodeInvalidParameters)
		carol.forget()
		e.ok(alice.editGroup(to("bob")))
		equal(e, "members", carol.members(conv.ID), []string{"bob owner", "alice member", "carol member"})
		if info := carol.groupInfo(conv.ID); info.Owner != "bob" {
			e.Errorf("info %+v", info)
		}
		all := carol.tips()
		if len(all) != 1 || len(all[0].GroupChanges) != 1 || all[0].GroupChanges[0].Flag != sdkconn.GroupChangeOwner || all[0].GroupChanges[0].Value != "bob" {
			e.Errorf("carol is told %+v", all)
		}
		e.refused("by the former owner", alice.groups().GroupDelete(e.ctx, conv.ID), sdkconn.CodeGroupPermissionDeny)
		e.ok(alice.groups().GroupQuit(e.ctx, conv.ID))
		e.ok(bob.groups().GroupDelete(e.ctx, conv.ID))
	}},
	{"group info/full", []feature{groups, groupEditor}, func(e *env) {
		alice, _, _, conv := e.trio()
		three, many := uint32(3), uint32(6001)
		e.refused("more than the type allows", alice.editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, MaxMemberNum: &many}),
			sdkconn.CodeSvrGroupInvalidParameters, sdkconn.CodeGroupMemberCountLimit)
		e.ok(alice.editGroup(sdkconn.GroupModifyParam{GroupID: conv.ID, MaxMemberNum: &three}))
		dave := e.login("dave")
		e.refused("joining", dave.groups().GroupJoin(e.ctx, conv.ID, ""), sdkconn.CodeGroupFullMemberCount)
		equal(e, "members", alice.members(conv.ID), []string{"alice owner", "bob member", "carol member"})
	}},
}
