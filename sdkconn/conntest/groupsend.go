package conntest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
)

// room makes a group that lets people in, owned by owner, with the others as members, and returns its conversation.
func (e *env) room(owner *user, members ...*user) sdkconn.Conversation {
	e.Helper()
	id, err := owner.groups().GroupCreate(e.ctx, sdkconn.GroupCreateParam{GroupName: "room", GroupType: sdkconn.GroupMeeting})
	e.ok(err)
	for _, m := range members {
		e.ok(m.groups().GroupJoin(e.ctx, id, "hello"))
	}
	for _, u := range append(members, owner) {
		if u.box != nil {
			u.forget()
		}
	}
	return sdkconn.Group(id)
}

func (u *user) groups() sdkconn.Groups {
	u.e.Helper()
	g, ok := u.Conn.(sdkconn.Groups)
	if !ok {
		u.e.Fatalf("%T offers no sdkconn.Groups", u.Conn)
	}
	return g
}

func (e *env) trio() (alice, bob, carol *user, conv sdkconn.Conversation) {
	e.Helper()
	alice, bob, carol = e.login("alice"), e.login("bob"), e.login("carol")
	return alice, bob, carol, e.room(alice, bob, carol)
}

var groupSendChecks = []check{
	{"send/group: the answer is the message as accepted", []feature{groups}, func(e *env) {
		_, bob, carol, conv := e.trio()
		m := bob.post(conv, textMessage("x"))
		e.accepted(m, "bob", conv)
		if m.Seq == 0 {
			e.Error("no seq")
		}
		if want := m.Seq<<32 + m.Rand; m.UniqueID != want {
			e.Errorf("unique id %d, want seq*2^32+rand = %d", m.UniqueID, want)
		}
		got := carol.onlyNews()
		if got.Conversation() != conv || got.IsFromSelf || got.Seq != m.Seq || got.Rand != m.Rand || got.ServerTime != m.ServerTime || got.MsgID != m.MsgID {
			e.Errorf("carol got %s", e.dump(got))
		}
		for _, m := range []*sdkconn.Message{m, got} {
			if m.SenderMember == nil || m.SenderMember.Identifier != "bob" {
				e.Errorf("a group message names the sender's membership: %s", e.dump(m))
			}
		}
	}},
	{"send/group: everyone but the sender is told", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		dave := e.login("dave")
		bob.send(conv, "x")
		for u, want := range map[*user][]string{alice: {"x"}, bob: nil, carol: {"x"}, dave: nil} {
			equal(e, u.name+" is told", texts(u.news()), want)
		}
		for _, u := range []*user{alice, bob, carol} {
			if !slices.Contains(texts(u.history(conv)), "x") {
				e.Errorf("%s has it not in the history", u.name)
			}
		}
	}},
	{"send/group: seq starts at one and has no gaps", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		for i := range 5 {
			alice.send(conv, fmt.Sprint(i))
			bob.send(conv, fmt.Sprint(i))
		}
		e.ok(carol.groups().GroupQuit(e.ctx, conv.ID)) // a tip takes a number too
		bob.send(conv, "last")
		other := e.room(bob, alice)
		alice.send(other, "elsewhere")
		got := seqs(alice.history(conv))
		if len(got) < 11 {
			e.Fatalf("seqs %v", got)
		}
		for i, seq := range got {
			if seq != uint64(i+1) {
				e.Fatalf("seqs %v, want 1, 2, 3, ...", got)
			}
		}
	}},
	{"send/group: many senders at once, one order for all", []feature{groups}, func(e *env) {
		const each = 15
		alice, bob, carol, conv := e.trio()
		var wait sync.WaitGroup
		users := []*user{alice, bob, carol}
		errs := make([]error, len(users))
		for i, u := range users {
			wait.Go(func() {
				for k := range each {
					if _, err := u.SendNewMsg(e.ctx, conv, textMessage(fmt.Sprint(u.name, k))); err != nil {
						errs[i] = err
						return
					}
				}
			})
		}
		wait.Wait()
		for _, err := range errs {
			e.ok(err)
		}
		all := alice.history(conv)
		for i, m := range all {
			if m.Seq != uint64(i+1) {
				e.Fatalf("seqs %v, want 1, 2, 3, ...", seqs(all))
			}
		}
		for _, u := range users {
			var want []string
			for _, m := range all {
				if m.Sender != u.name && m.Sender != sdkconn.SystemSender {
					want = append(want, m.Text())
				}
			}
			equal(e, u.name+" is told", texts(u.news()), want)
			equal(e, u.name+" has", userTexts(u.history(conv)), userTexts(all))
		}
	}},
	{"send/group: unknown group and no member", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		_, err := alice.SendNewMsg(e.ctx, sdkconn.Group("@TGS#nosuch"), textMessage("x"))
		e.refused("unknown group", err, sdkconn.CodeGroupNotFound, sdkconn.CodeGroupInvalidGroupID)
		_, err = alice.SendNewMsg(e.ctx, sdkconn.Group("bob"), textMessage("x"))
		e.refused("a user is no group", err, sdkconn.CodeGroupNotFound, sdkconn.CodeGroupInvalidGroupID)
		_, err = alice.SendNewMsg(e.ctx, sdkconn.C2C(conv.ID), textMessage("x"))
		e.refused("a group is no user", err, unknownUser...)
		dave := e.login("dave")
		_, err = dave.SendNewMsg(e.ctx, conv, textMessage("x"))
		e.refused("never a member", err, sdkconn.CodeGroupPermissionDeny)
		e.ok(carol.groups().GroupQuit(e.ctx, conv.ID))
		_, err = carol.SendNewMsg(e.ctx, conv, textMessage("x"))
		e.refused("no member any more", err, sdkconn.CodeGroupPermissionDeny)
		e.ok(alice.groups().GroupDelete(e.ctx, conv.ID))
		_, err = bob.SendNewMsg(e.ctx, conv, textMessage("x"))
		e.refused("dissolved", err, sdkconn.CodeGroupNotFound)
	}},
	{"send/group: mentions travel", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		msg := textMessage("@bob @all")
		msg.GroupAtUsers = []string{"bob", sdkconn.MentionAll}
		m := alice.post(conv, msg)
		for _, m := range []*sdkconn.Message{m, bob.onlyNews(), carol.onlyNews()} {
			equal(e, "mentions", m.GroupAtUsers, []string{"bob", sdkconn.MentionAll})
		}
	}},
	{"send/group: targets get it, the others do not", []feature{groups, targets}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		msg := textMessage("for bob")
		msg.TargetMembers = []string{"bob"}
		m := alice.post(conv, msg)
		equal(e, "targets", m.TargetMembers, []string{"bob"})
		equal(e, "bob is told", texts(bob.news()), []string{"for bob"})
		equal(e, "carol is told", texts(carol.news()), nil)
		if slices.Contains(texts(carol.history(conv)), "for bob") {
			e.Error("carol has it in the history")
		}
		for _, u := range []*user{alice, bob} {
			if !slices.Contains(texts(u.history(conv)), "for bob") {
				e.Errorf("%s has it not in the history", u.name)
			}
		}
	}},
	{"send/group: online-only is stored nowhere", []feature{groups, onlineOnly}, func(e *env) {
		alice, bob, _, conv := e.trio()
		before := len(bob.history(conv))
		msg := textMessage("flash")
		msg.IsOnlineMsg = true
		m := alice.post(conv, msg)
		equal(e, "bob is told", texts(bob.news()), []string{"flash"})
		for _, u := range []*user{alice, bob} {
			if n := len(u.history(conv)); n != before {
				e.Errorf("%s has %d messages, had %d", u.name, n, before)
			}
		}
		e.refused("revoke", alice.Revoke(e.ctx, conv, m), sdkconn.CodeGroupRevokeMsgDeny, sdkconn.CodeGroupRevokeMsgNotFound)
	}},
}
