package conntest

import (
	"fmt"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func (u *user) requests() sdkconn.GroupPendencies { return u.Conn.(sdkconn.GroupPendencies) }

// asked is the requests that the user is asked, the newest first.
func (u *user) asked() []sdkconn.GroupPendency {
	u.e.Helper()
	result, err := u.requests().GroupGetPendencyList(u.e.ctx, sdkconn.GroupPendencyOption{MaxLimited: 100})
	u.e.ok(err)
	return result.Pendencies
}

// answer answers the newest request.
func (u *user) answer(accept bool, text string) error {
	u.e.Helper()
	list := u.asked()
	if len(list) == 0 {
		u.e.Fatalf("%s is asked nothing", u.name)
	}
	return u.requests().GroupHandlePendency(u.e.ctx, sdkconn.HandlePendencyParam{IsAccept: accept, HandleMsg: text, Pendency: &list[0]})
}

// notices is what the user was told about groups, as "type by whom: message".
func (u *user) notices(group string) []string {
	u.e.Helper()
	var all []string
	for _, ev := range u.ofKind(sdkconn.EventNewMsg) {
		for _, elem := range ev.Message.Elems {
			if n, ok := elem.(*sdkconn.GroupReportElem); ok && n.GroupID == group {
				all = append(all, fmt.Sprintf("%d by %s: %s", n.ReportType, n.OpUser, n.Msg))
			}
		}
	}
	return all
}

// public is a Public group of alice, who owns it, and bob, who is an administrator.
func (e *env) public(param sdkconn.GroupCreateParam) (alice, bob *user, group string) {
	e.Helper()
	alice, bob = e.pair()
	param.GroupName, param.GroupType = "p", sdkconn.GroupPublic
	param.Members = []sdkconn.GroupMemberInfo{{Identifier: "bob", Role: sdkconn.RoleAdmin}}
	group = alice.create(param)
	alice.forget()
	bob.forget()
	return alice, bob, group
}

var pendencyChecks = []check{
	{"join request/the administrators of a Public group are asked", []feature{groups, pendencies, notices}, func(e *env) {
		alice, bob, group := e.public(sdkconn.GroupCreateParam{})
		carol := e.login("carol")
		e.ok(carol.groups().GroupJoin(e.ctx, group, "let me in"))
		equal(e, "members", alice.members(group), []string{"alice owner", "bob admin"})
		_, err := carol.SendNewMsg(e.ctx, sdkconn.Group(group), textMessage("x"))
		e.refused("a send before the answer", err, sdkconn.CodeGroupPermissionDeny)
		for _, u := range []*user{alice, bob} {
			equal(e, u.name+" is told", u.notices(group), []string{"1 by carol: let me in"})
			list := u.asked()
			if len(list) != 1 || list[0].From != "carol" || list[0].GroupID != group || list[0].Type != sdkconn.PendencyJoin ||
				list[0].Handled != sdkconn.PendencyOpen || list[0].ApplyInviteMsg != "let me in" || list[0].AddTime == 0 {
				e.Fatalf("%s is asked %+v", u.name, list)
			}
		}
		if list := carol.asked(); len(list) != 0 {
			e.Errorf("the applicant is asked %+v", list)
		}
		own := sdkconn.HandlePendencyParam{IsAccept: true, Pendency: &alice.asked()[0]}
		e.refused("by the applicant", carol.requests().GroupHandlePendency(e.ctx, own), sdkconn.CodeGroupPermissionDeny)
		e.ok(bob.answer(true, "welcome"))
		equal(e, "members", alice.members(group), []string{"alice owner", "bob admin", "carol member"})
		equal(e, "carol is told", carol.notices(group), []string{"2 by bob: welcome"})
		if list := bob.asked(); len(list) != 1 || list[0].Handled != sdkconn.PendencyBySelf || list[0].HandleResult != sdkconn.PendencyAccepted {
			e.Errorf("bob, who answered, sees %+v", list)
		}
		if list := alice.asked(); len(list) != 1 || list[0].Handled != sdkconn.PendencyByOther || list[0].HandleResult != sdkconn.PendencyAccepted {
			e.Errorf("alice sees %+v", list)
		}
		e.refused("a second answer", alice.answer(false, ""), sdkconn.CodeGroupReqAlreadyHandled)
		carol.send(sdkconn.Group(group), "here")
		equal(e, "members", alice.members(group), []string{"alice owner", "bob admin", "carol member"})
	}},
	{"join request/who is let in is told by a tip", []feature{groups, pendencies, tips}, func(e *env) {
		alice, bob, group := e.public(sdkconn.GroupCreateParam{})
		carol := e.login("carol")
		e.ok(carol.groups().GroupJoin(e.ctx, group, ""))
		if all := bob.tips(); len(all) != 0 {
			e.Errorf("before the answer bob is told %+v", all[0])
		}
		e.ok(alice.answer(true, ""))
		for _, u := range []*user{bob, carol} {
			all := u.tips()
			if len(all) != 1 || all[0].TipType != sdkconn.TipInvite || all[0].JoinType != sdkconn.JoinApply || len(all[0].Users) != 1 ||
				all[0].Users[0] != "carol" || all[0].MemberNum != 3 {
				e.Errorf("%s is told %+v", u.name, all)
			}
		}
	}},
	{"join request/refused, and asked again", []feature{groups, pendencies, notices}, func(e *env) {
		alice, bob, group := e.public(sdkconn.GroupCreateParam{})
		carol := e.login("carol")
		e.ok(carol.groups().GroupJoin(e.ctx, group, "one"))
		e.pass(time.Second)
		e.ok(carol.groups().GroupJoin(e.ctx, group, "two"))
		if list := alice.asked(); len(list) != 1 || list[0].ApplyInviteMsg != "two" {
			e.Errorf("asked twice, alice sees %+v", list)
		}
		e.ok(alice.answer(false, "no"))
		equal(e, "carol is told", carol.notices(group), []string{"3 by alice: no"})
		equal(e, "members", alice.members(group), []string{"alice owner", "bob admin"})
		e.pass(time.Second)
		e.ok(carol.groups().GroupJoin(e.ctx, group, "please"))
		e.ok(bob.answer(true, ""))
		equal(e, "members", alice.members(group), []string{"alice owner", "bob admin", "carol member"})
	}},
	{"join request/a group may ask nobody, or let nobody in", []feature{groups, pendencies}, func(e *env) {
		forbid, anybody := sdkconn.AddForbid, sdkconn.AddAny
		alice := e.login("alice")
		closed := alice.create(sdkconn.GroupCreateParam{GroupName: "c", GroupType: sdkconn.GroupPublic, AddOption: &forbid})
		open := alice.create(sdkconn.GroupCreateParam{GroupName: "o", GroupType: sdkconn.GroupPublic, AddOption: &anybody})
		bob := e.login("bob")
		e.refused("closed", bob.groups().GroupJoin(e.ctx, closed, ""), sdkconn.CodeGroupPermissionDeny, sdkconn.CodeGroupInvalidReq)
		e.ok(bob.groups().GroupJoin(e.ctx, open, ""))
		equal(e, "open", alice.members(open), []string{"alice owner", "bob member"})
		equal(e, "closed", alice.members(closed), []string{"alice owner"})
		if list := alice.asked(); len(list) != 0 {
			e.Errorf("alice is asked %+v", list)
		}
	}},
	{"join request/pages and what is read", []feature{groups, pendencies, clock}, func(e *env) {
		alice, _, group := e.public(sdkconn.GroupCreateParam{})
		var want []string
		for i := range 5 {
			name := fmt.Sprint("user", i)
			e.ok(e.connect(name).groups().GroupJoin(e.ctx, group, ""))
			want = append([]string{name}, want...)
			if i%2 == 0 {
				e.pass(time.Second)
			}
		}
		var got []string
		option := sdkconn.GroupPendencyOption{MaxLimited: 2}
		for range 4 {
			page, err := alice.requests().GroupGetPendencyList(e.ctx, option)
			e.ok(err)
			if page.UnreadNum != 5 || len(page.Pendencies) > 2 {
				e.Errorf("a page of %d, %d unread", len(page.Pendencies), page.UnreadNum)
			}
			for _, p := range page.Pendencies {
				got = append(got, p.From)
			}
			if option.StartTime = page.NextStartTime; option.StartTime == 0 {
				break
			}
		}
		equal(e, "newest first", got, want)
		e.ok(alice.requests().GroupReportPendencyReaded(e.ctx, alice.asked()[1].AddTime))
		page, err := alice.requests().GroupGetPendencyList(e.ctx, sdkconn.GroupPendencyOption{MaxLimited: 1})
		if err != nil || page.UnreadNum != 1 || page.ReadTimeSeq == 0 {
			e.Errorf("after reading all but one: %+v, %v", page, err)
		}
	}},
	{"join request/what cannot be answered", []feature{groups, pendencies}, func(e *env) {
		alice, _, group := e.public(sdkconn.GroupCreateParam{})
		handle := func(p *sdkconn.GroupPendency) error {
			return alice.requests().GroupHandlePendency(e.ctx, sdkconn.HandlePendencyParam{IsAccept: true, Pendency: p})
		}
		e.refused("nothing", handle(nil), sdkconn.CodeJSON)
		e.refused("what nobody asked", handle(&sdkconn.GroupPendency{GroupID: group, From: "bob"}), sdkconn.CodeGroupInvalidReq,
			sdkconn.CodeSvrGroupInvalidParameters, sdkconn.CodeGroupReqAlreadyHandled)
		e.refused("an unknown group", handle(&sdkconn.GroupPendency{GroupID: "@TGS#nosuch", From: "bob"}), sdkconn.CodeGroupNotFound, sdkconn.CodeGroupInvalidGroupID)
	}},
	{"join request/who is invited answers where he is asked", []feature{groups, pendencies, notices}, func(e *env) {
		alice, bob, group := e.public(sdkconn.GroupCreateParam{})
		carol, dave := e.login("carol"), e.login("dave")
		results, err := alice.groups().GroupInviteMember(e.ctx, group, []string{"carol", "dave"})
		e.ok(err)
		if results[0].Result != sdkconn.MemberResultPending { // the service's settings decide
			equal(e, "brought in", alice.members(group), []string{"alice owner", "bob admin", "carol member", "dave member"})
			return
		}
		equal(e, "members", alice.members(group), []string{"alice owner", "bob admin"})
		equal(e, "carol is told", carol.notices(group), []string{"12 by alice: "})
		if list := carol.asked(); len(list) != 1 || list[0].Type != sdkconn.PendencyInvited || list[0].From != "alice" || list[0].To != "carol" {
			e.Fatalf("carol is asked %+v", list)
		}
		stranger := sdkconn.HandlePendencyParam{IsAccept: true, Pendency: &carol.asked()[0]}
		e.refused("by somebody else", bob.requests().GroupHandlePendency(e.ctx, stranger), sdkconn.CodeGroupPermissionDeny, sdkconn.CodeGroupInvalidReq)
		e.ok(carol.answer(true, "gladly"))
		e.ok(dave.answer(false, "never"))
		equal(e, "alice is told", alice.notices(group), []string{"13 by carol: gladly", "14 by dave: never"})
		equal(e, "members", alice.members(group), []string{"alice owner", "bob admin", "carol member"})
	}},
	{"join request/a member's invitation is approved", []feature{groups, pendencies, notices}, func(e *env) {
		auth := sdkconn.AddAuth
		alice, bob := e.pair()
		group := alice.create(sdkconn.GroupCreateParam{GroupName: "m", GroupType: sdkconn.GroupMeeting, ApproveOption: &auth,
			Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}}})
		alice.forget()
		e.addUsers("carol", "dave")
		results, err := bob.groups().GroupInviteMember(e.ctx, group, []string{"carol"})
		e.ok(err)
		equal(e, "results", results, []sdkconn.GroupMemberResult{{User: "carol", Result: sdkconn.MemberResultPending}})
		equal(e, "members", alice.members(group), []string{"alice owner", "bob member"})
		equal(e, "alice is told", alice.notices(group), []string{"24 by bob: "})
		if list := alice.asked(); len(list) != 1 || list[0].Type != sdkconn.PendencyInviteAdmin || list[0].From != "bob" || list[0].To != "carol" {
			e.Fatalf("alice is asked %+v", list)
		}
		e.ok(alice.answer(true, ""))
		equal(e, "members", alice.members(group), []string{"alice owner", "bob member", "carol member"})
		results, err = alice.groups().GroupInviteMember(e.ctx, group, []string{"dave"})
		e.ok(err)
		equal(e, "the owner's own", results, []sdkconn.GroupMemberResult{{User: "dave", Result: sdkconn.MemberResultSuccess}})
	}},
}
