package conntest

import (
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// window is how long after sending a message may be revoked.
const window = 120 * time.Second

var revokeChecks = []check{
	{"revoke/both sides keep it, revoked", nil, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		for u, conv := range map[*user]sdkconn.Conversation{alice: sdkconn.C2C("bob"), bob: sdkconn.C2C("alice")} {
			h := u.history(conv)
			if len(h) != 1 || h[0].Status != sdkconn.StatusRevoked || h[0].Rand != m.Rand {
				e.Errorf("%s has %d messages, the first %+v", u.name, len(h), h)
			} else if h[0].RevokerUserID != "alice" {
				e.Errorf("%s: revoked by %q", u.name, h[0].RevokerUserID)
			}
		}
	}},
	{"revoke/the peer is told which", nil, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "stays")
		m := alice.send(sdkconn.C2C("bob"), "goes")
		alice.forget()
		bob.forget()
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		told := bob.ofKind(sdkconn.EventMsgRevoke)
		if len(told) != 1 {
			e.Fatalf("bob was told %d revocations", len(told))
		}
		r := told[0].Revoked
		if !r.IsRevoked || r.IsSelf || r.ConvID != "alice" || r.ConvType != sdkconn.ConvC2C || r.RevokerUserID != "alice" {
			e.Errorf("bob was told %+v", r)
		}
		if r.Time != m.ServerTime || r.Seq != m.Seq || r.Rand != m.Rand || r.UniqueID != m.UniqueID {
			e.Errorf("another identity: %+v of %s", r, e.dump(m))
		}
		if found := bob.find(sdkconn.C2C("alice"), r.Locator); found == nil || found.Status != sdkconn.StatusRevoked {
			e.Errorf("what was told finds %v", found)
		}
		if told := alice.ofKind(sdkconn.EventMsgRevoke); len(told) != 0 {
			e.Errorf("alice, who did it, was told too: %+v", told)
		}
		if news := bob.news(); len(news) != 0 {
			e.Errorf("a revocation is no new message: %v", texts(news))
		}
	}},
	{"revoke/the identity is enough, and must be right", nil, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		for name, l := range offByOne(m.Locator()) {
			if name == "is_self" {
				continue // names bob's message, which there is none of, or one that is not alice's
			}
			e.refused(name, alice.Revoke(e.ctx, sdkconn.C2C("bob"), l.Message()), sdkconn.CodeInvalidParameters)
		}
		if h := bob.history(sdkconn.C2C("alice")); h[0].Status != sdkconn.StatusSendSucc {
			e.Fatalf("it was revoked by a wrong identity: %s", e.dump(h[0]))
		}
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m.Locator().Message()))
		if h := bob.history(sdkconn.C2C("alice")); h[0].Status != sdkconn.StatusRevoked {
			e.Errorf("not revoked: %s", e.dump(h[0]))
		}
	}},
	{"revoke/not found", nil, func(e *env) {
		alice, _ := e.pair()
		e.addUsers("carol")
		m := alice.send(sdkconn.C2C("bob"), "x")
		e.refused("never sent", alice.Revoke(e.ctx, sdkconn.C2C("bob"), &sdkconn.Message{ServerTime: 1, Seq: 2, Rand: 3}), sdkconn.CodeInvalidParameters)
		e.refused("elsewhere", alice.Revoke(e.ctx, sdkconn.C2C("carol"), m), sdkconn.CodeInvalidParameters)
	}},
	{"revoke/until the window closes", []feature{clock}, func(e *env) {
		alice, bob := e.pair()
		m := alice.post(sdkconn.C2C("bob"), textMessage("x"))
		e.pass(window - time.Second)
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		late := alice.post(sdkconn.C2C("bob"), textMessage("y"))
		e.pass(window + time.Second)
		bob.forget()
		e.refused("too late", alice.Revoke(e.ctx, sdkconn.C2C("bob"), late), sdkconn.CodeRevokeTimeLimit)
		if h := bob.history(sdkconn.C2C("alice")); h[1].Status != sdkconn.StatusSendSucc {
			e.Errorf("revoked all the same: %s", e.dump(h[1]))
		}
		if told := bob.events(); len(told) != 0 {
			e.Errorf("bob was told %+v", told)
		}
	}},
	{"revoke/twice changes nothing more", []feature{clock}, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		bob.forget()
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		e.pass(2 * window)
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m)) // revoked already comes before too late
		if told := bob.ofKind(sdkconn.EventMsgRevoke); len(told) != 0 {
			e.Errorf("told again: %+v", told)
		}
	}},
	{"revoke/somebody else's", []feature{clock}, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "x")
		got := bob.onlyNews()
		e.refused("the peer's", bob.Revoke(e.ctx, sdkconn.C2C("alice"), got), sdkconn.CodeGroupPermissionDeny)
		e.pass(2 * window)
		// Whose it is comes before how old it is.
		e.refused("the peer's, late", bob.Revoke(e.ctx, sdkconn.C2C("alice"), got), sdkconn.CodeGroupPermissionDeny)
		if h := alice.history(sdkconn.C2C("bob")); h[0].Status != sdkconn.StatusSendSucc {
			e.Errorf("revoked all the same: %s", e.dump(h[0]))
		}
	}},
	{"revoke/group: the sender, the owner and admins", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		dave := e.login("dave")
		e.ok(dave.groups().GroupJoin(e.ctx, conv.ID, ""))
		admin := sdkconn.RoleAdmin
		e.ok(alice.groups().GroupModifyMemberInfo(e.ctx, sdkconn.GroupMemberModifyParam{GroupID: conv.ID, User: "dave", Role: &admin}))
		own, forOwner, forAdmin := bob.send(conv, "own"), bob.send(conv, "for the owner"), bob.send(conv, "for the admin")
		kept := bob.send(conv, "kept")
		for _, u := range []*user{alice, bob, carol, dave} {
			u.forget()
		}
		e.ok(bob.Revoke(e.ctx, conv, own))
		for _, r := range []struct {
			by *user
			m  *sdkconn.Message
		}{{alice, forOwner}, {dave, forAdmin}} {
			l := exact(r.m)
			l.IsSelf = false
			seen := r.by.find(conv, l)
			if seen == nil {
				e.Fatalf("%s does not find what is to be revoked", r.by.name)
			}
			e.ok(r.by.Revoke(e.ctx, conv, seen))
		}
		l := exact(kept)
		l.IsSelf = false
		e.refused("a member", carol.Revoke(e.ctx, conv, l.Message()), sdkconn.CodeGroupPermissionDeny)
		for _, m := range carol.history(conv) {
			want := sdkconn.StatusRevoked
			if m.Sender != "bob" || m.Text() == "kept" {
				want = sdkconn.StatusSendSucc
			}
			if m.Status != want {
				e.Errorf("%q of %s has status %d, want %d", m.Text(), m.Sender, m.Status, want)
			}
		}
		// Everyone else is told, and finds the message by what was told, whose own it is or not.
		for u, want := range map[*user]int{alice: 2, bob: 2, carol: 3, dave: 2} {
			told := u.ofKind(sdkconn.EventMsgRevoke)
			if len(told) != want {
				e.Errorf("%s was told %d revocations, want %d", u.name, len(told), want)
			}
			for _, ev := range told {
				found := u.find(conv, ev.Revoked.Locator)
				if found == nil || found.Status != sdkconn.StatusRevoked || found.RevokerUserID != ev.Revoked.RevokerUserID {
					e.Errorf("%s finds %v by %+v", u.name, found, ev.Revoked)
				}
			}
		}
	}},
	{"revoke/group: codes and their order", []feature{groups, clock}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		m := bob.send(conv, "x")
		for name, l := range offByOne(m.Locator()) {
			if name != "is_self" {
				e.refused(name, bob.Revoke(e.ctx, conv, l.Message()), sdkconn.CodeGroupRevokeMsgNotFound)
			}
		}
		done := bob.send(conv, "revoked in time")
		e.ok(bob.Revoke(e.ctx, conv, done))
		e.pass(2 * window)
		others := exact(m)
		others.IsSelf = false
		e.refused("late", bob.Revoke(e.ctx, conv, m), sdkconn.CodeGroupRevokeMsgTimeLimit)
		e.refused("late, the owner", alice.Revoke(e.ctx, conv, others.Message()), sdkconn.CodeGroupRevokeMsgTimeLimit)
		e.refused("late, somebody else", carol.Revoke(e.ctx, conv, others.Message()), sdkconn.CodeGroupPermissionDeny)
		e.ok(bob.Revoke(e.ctx, conv, done))
		unknown := sdkconn.Locator{Time: 1, Seq: 1 << 30, Rand: 1}.Message()
		e.refused("not found comes first", carol.Revoke(e.ctx, conv, unknown), sdkconn.CodeGroupRevokeMsgNotFound)
		e.refused("unknown group", bob.Revoke(e.ctx, sdkconn.Group("@TGS#nosuch"), m), sdkconn.CodeGroupNotFound, sdkconn.CodeGroupInvalidGroupID,
			sdkconn.CodeGroupRevokeMsgNotFound)
	}},
	{"revoke/a tip is nobody's to take back", []feature{groups, tips}, func(e *env) {
		_, bob, _, conv := e.trio()
		for _, m := range bob.history(conv) {
			if m.Sender == sdkconn.SystemSender {
				e.refused("tip", bob.Revoke(e.ctx, conv, m), sdkconn.CodeGroupPermissionDeny, sdkconn.CodeGroupRevokeMsgDeny,
					sdkconn.CodeGroupRevokeMsgNotFound)
				return
			}
		}
		e.Error("there is no tip in the history")
	}},
	{"revoke/the unread count and the last message follow", []feature{conversations}, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		c := bob.conversation(sdkconn.C2C("alice"))
		if c == nil || c.LastMsg == nil || c.LastMsg.Status != sdkconn.StatusRevoked {
			e.Errorf("the conversation is %+v", c)
		}
	}},
}
