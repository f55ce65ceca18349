package conntest

import (
	"fmt"

	"github.com/timbot-go/timbot/sdkconn"
)

func (u *user) convs() sdkconn.ConvEditor { return u.Conn.(sdkconn.ConvEditor) }

func (u *user) opts() sdkconn.ReceiveOpts { return u.Conn.(sdkconn.ReceiveOpts) }

// total checks the number of all unread messages that notify.
func (u *user) total(want uint64) {
	u.e.Helper()
	n, err := u.convs().ConvGetTotalUnreadMessageCount(u.e.ctx)
	u.e.ok(err)
	if n != want {
		u.e.Errorf("%s has %d unread messages in all, want %d", u.name, n, want)
	}
}

var convEditChecks = []check{
	{"conversation list/pinned ones are first", []feature{conversations, convEditor, clock}, func(e *env) {
		alice, bob := e.pair()
		e.addUsers("carol", "dave")
		for _, name := range []string{"bob", "carol", "dave"} {
			alice.send(sdkconn.C2C(name), "x")
		}
		equal(e, "by time", alice.list(), []string{"c2c_dave", "c2c_carol", "c2c_bob"})
		e.ok(alice.convs().ConvPinConversation(e.ctx, sdkconn.C2C("bob"), true))
		equal(e, "bob's is pinned", alice.list(), []string{"c2c_bob", "c2c_dave", "c2c_carol"})
		if c := alice.conversation(sdkconn.C2C("bob")); !c.IsPinned {
			e.Errorf("the entry is %+v", c)
		}
		alice.send(sdkconn.C2C("carol"), "x")
		equal(e, "after a message to carol", alice.list(), []string{"c2c_bob", "c2c_carol", "c2c_dave"})
		if c := bob.conversation(sdkconn.C2C("alice")); c.IsPinned {
			e.Error("bob's is pinned too")
		}
		e.ok(alice.convs().ConvPinConversation(e.ctx, sdkconn.C2C("bob"), false))
		equal(e, "no more", alice.list(), []string{"c2c_carol", "c2c_dave", "c2c_bob"})
	}},
	{"conversation list/a deleted one comes back with its next message", []feature{conversations, convEditor, convEvents}, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "one")
		bob.send(sdkconn.C2C("alice"), "two")
		bob.forget()
		e.ok(bob.convs().ConvDelete(e.ctx, sdkconn.C2C("alice")))
		equal(e, "bob's", bob.list(), nil)
		equal(e, "alice's", alice.list(), []string{"c2c_bob"})
		equal(e, "alice's history", texts(alice.history(sdkconn.C2C("bob"))), []string{"one", "two"})
		if m := alice.history(sdkconn.C2C("bob"))[0]; m.IsPeerRead {
			e.Error("what bob deleted unread was read")
		}
		alice.send(sdkconn.C2C("bob"), "three")
		equal(e, "bob's history", texts(bob.history(sdkconn.C2C("alice"))), []string{"three"})
		if c := bob.conversation(sdkconn.C2C("alice")); c == nil || c.UnreadNum != 1 || c.LastMsg == nil || c.LastMsg.Text() != "three" {
			e.Errorf("the entry is %+v", c)
		}
		alice.send(sdkconn.C2C("bob"), "four")
		equal(e, "bob is told", told(bob.events()), []string{"conv 1 c2c_alice unread 0", "new_msg c2c_alice three", "conv 0 c2c_alice unread 1",
			"new_msg c2c_alice four", "conv 2 c2c_alice unread 2"})
		e.ok(bob.convs().ConvDelete(e.ctx, sdkconn.C2C("nobody")))
	}},
	{"conversation list/group: deleted by one", []feature{conversations, convEditor, groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		alice.send(conv, "one")
		e.ok(bob.convs().ConvDelete(e.ctx, conv))
		equal(e, "bob's", bob.list(), nil)
		if c := carol.conversation(conv); c == nil || c.UnreadNum == 0 {
			e.Errorf("carol's is %+v", c)
		}
		equal(e, "members", alice.members(conv.ID), []string{"alice owner", "bob member", "carol member"})
		alice.send(conv, "two")
		equal(e, "bob's history", userTexts(bob.history(conv)), []string{"two"})
		if n := bob.unread(conv); n != 1 {
			e.Errorf("bob has %d unread", n)
		}
	}},
	{"conversation list/all unread messages", []feature{conversations, convEditor, receiveOpts}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		carol.total(0)
		alice.send(sdkconn.C2C("carol"), "1")
		alice.send(sdkconn.C2C("carol"), "2")
		bob.send(sdkconn.C2C("carol"), "3")
		carol.total(3)
		e.ok(carol.opts().MsgSetC2CReceiveMessageOpt(e.ctx, []string{"alice"}, sdkconn.ReceiveSilently))
		carol.total(1)
		e.ok(carol.ReportReaded(e.ctx, sdkconn.C2C("bob"), nil))
		carol.total(0)
		e.ok(carol.opts().MsgSetC2CReceiveMessageOpt(e.ctx, []string{"alice"}, sdkconn.Receive))
		carol.total(2)
	}},
	{"receive options/what is not received is not told", []feature{receiveOpts}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		e.ok(bob.opts().MsgSetC2CReceiveMessageOpt(e.ctx, []string{"alice"}, sdkconn.ReceiveNot))
		alice.send(sdkconn.C2C("bob"), "one")
		carol.send(sdkconn.C2C("bob"), "carol's")
		bob.send(sdkconn.C2C("alice"), "own")
		equal(e, "bob is told", texts(bob.news()), []string{"carol's"})
		equal(e, "alice is told", texts(alice.news()), []string{"own"})
		equal(e, "bob's history", texts(bob.history(sdkconn.C2C("alice"))), []string{"one", "own"})
		for _, opt := range []sdkconn.ReceiveOpt{sdkconn.ReceiveSilently, sdkconn.ReceiveMentionOnly, sdkconn.Receive} {
			e.ok(bob.opts().MsgSetC2CReceiveMessageOpt(e.ctx, []string{"alice"}, opt))
			bob.forget()
			alice.send(sdkconn.C2C("bob"), "again")
			equal(e, fmt.Sprint("with option ", opt), texts(bob.news()), []string{"again"})
		}
	}},
	{"receive options/group: by one member", []feature{receiveOpts, groups, conversations}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		bob.forget()
		e.ok(bob.opts().MsgSetGroupReceiveMessageOpt(e.ctx, conv.ID, sdkconn.ReceiveNot))
		alice.send(conv, "x")
		equal(e, "bob is told", texts(bob.news()), nil)
		equal(e, "carol is told", texts(carol.news()), []string{"x"})
		if c := bob.conversation(conv); c == nil || c.RecvOpt != uint32(sdkconn.ReceiveNot) {
			e.Errorf("bob's entry is %+v", c)
		}
		e.refused("by a stranger", e.login("dave").opts().MsgSetGroupReceiveMessageOpt(e.ctx, conv.ID, sdkconn.ReceiveNot), sdkconn.CodeGroupPermissionDeny)
	}},
	{"receive options/what came while away and is not received", []feature{receiveOpts, offline}, func(e *env) {
		alice, bob := e.pair()
		e.ok(bob.opts().MsgSetC2CReceiveMessageOpt(e.ctx, []string{"alice"}, sdkconn.ReceiveNot))
		bob.settle()
		e.ok(bob.Close())
		alice.send(sdkconn.C2C("bob"), "one")
		e.login("carol").send(sdkconn.C2C("bob"), "two")
		equal(e, "told", texts(e.login("bob").news()), []string{"two"})
	}},
	{"receive options/whom it cannot be set for", []feature{receiveOpts}, func(e *env) {
		alice, _ := e.pair()
		var many []string
		for i := range 31 {
			many = append(many, fmt.Sprint("user", i))
		}
		e.addUsers(many...)
		e.refused("nobody", alice.opts().MsgSetC2CReceiveMessageOpt(e.ctx, nil, sdkconn.ReceiveNot), sdkconn.CodeInvalidParameters, sdkconn.CodeJSON)
		e.refused("31 users", alice.opts().MsgSetC2CReceiveMessageOpt(e.ctx, many, sdkconn.ReceiveNot), sdkconn.CodeInvalidParameters)
		e.ok(alice.opts().MsgSetC2CReceiveMessageOpt(e.ctx, many[1:], sdkconn.ReceiveNot))
	}},
}
