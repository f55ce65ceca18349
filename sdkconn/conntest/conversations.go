package conntest

import (
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// list is the user's conversations, by name, in the order of the list.
func (u *user) list() []string {
	u.e.Helper()
	infos, err := u.Conn.(sdkconn.Conversations).ConvGetConvList(u.e.ctx)
	u.e.ok(err)
	var all []string
	for _, c := range infos {
		if c.Conversation() == sdkconn.C2C(markerUser) {
			continue
		}
		all = append(all, c.Conversation().String())
	}
	return all
}

var conversationChecks = []check{
	{"conversations/the latest active first", []feature{conversations, clock}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		equal(e, "nothing yet", alice.list(), nil)
		alice.send(sdkconn.C2C("bob"), "1")
		alice.send(sdkconn.C2C("carol"), "2")
		equal(e, "alice's", alice.list(), []string{"c2c_carol", "c2c_bob"})
		bob.send(sdkconn.C2C("alice"), "3")
		equal(e, "alice's, later", alice.list(), []string{"c2c_bob", "c2c_carol"})
		equal(e, "carol's", carol.list(), []string{"c2c_alice"})
	}},
	{"conversations/what an entry says", []feature{conversations}, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "last")
		for u, conv := range map[*user]sdkconn.Conversation{alice: sdkconn.C2C("bob"), bob: sdkconn.C2C("alice")} {
			c := u.conversation(conv)
			if c == nil || !c.HasLastMsg || c.LastMsg == nil || c.ActiveTime == 0 {
				e.Fatalf("%s: %+v", u.name, c)
			}
			if c.LastMsg.Rand != m.Rand || c.LastMsg.Conversation() != conv || c.LastMsg.IsFromSelf != (u == alice) {
				e.Errorf("%s's last message is %s", u.name, e.dump(c.LastMsg))
			}
		}
	}},
	{"conversations/it outlives the login", []feature{conversations}, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "1")
		bob.settle()
		e.ok(bob.Close())
		alice.send(sdkconn.C2C("bob"), "2")
		again := e.login("bob")
		if c := again.conversation(sdkconn.C2C("alice")); c == nil || c.UnreadNum != 2 || c.LastMsg == nil || c.LastMsg.Text() != "2" {
			e.Errorf("after a new login: %+v", c)
		}
	}},
	{"conversations/group: an entry for each member", []feature{conversations, groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		dave := e.login("dave")
		alice.send(conv, "x")
		c := bob.conversation(conv)
		if c == nil || c.LastMsg == nil || c.LastMsg.Text() != "x" || c.GroupType != sdkconn.GroupMeeting || c.UnreadNum == 0 {
			e.Errorf("bob's: %+v", c)
		}
		if c := alice.conversation(conv); c == nil || c.UnreadNum != 0 {
			e.Errorf("alice's: %+v", c)
		}
		equal(e, "a stranger's", dave.list(), nil)
	}},
	{"conversations/group: the message first, then the conversation", []feature{convEvents, groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		e.ok(bob.ReportReaded(e.ctx, conv, nil))
		alice.forget()
		bob.forget()
		alice.send(conv, "x")
		equal(e, "bob", told(bob.events()), []string{"new_msg " + conv.String() + " x", "conv 2 " + conv.String() + " unread 1"})
		equal(e, "alice, who sent it", told(alice.events()), []string{"conv 2 " + conv.String() + " unread 0"})
	}},
	{"conversations/group: what came while away is told at the next login", []feature{offline, groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		bob.settle()
		e.ok(bob.Close())
		alice.send(conv, "one")
		dave := e.login("dave")
		e.ok(dave.groups().GroupJoin(e.ctx, conv.ID, ""))
		dave.send(conv, "two")
		again := e.login("bob")
		equal(e, "told", texts(again.news()), []string{"one", "two"})
		if !e.features.NoTips && len(again.tips()) != 1 {
			e.Errorf("%d tips, want dave's joining", len(again.tips()))
		}
	}},
	{"conversations/group: what was before joining", []feature{groups}, func(e *env) {
		alice := e.login("alice")
		meeting := sdkconn.Group(alice.create(sdkconn.GroupCreateParam{GroupName: "m", GroupType: sdkconn.GroupMeeting}))
		work := sdkconn.Group(alice.create(sdkconn.GroupCreateParam{GroupName: "w", GroupType: sdkconn.GroupWork}))
		for _, conv := range []sdkconn.Conversation{meeting, work} {
			alice.send(conv, "before")
		}
		bob := e.login("bob")
		e.ok(bob.groups().GroupJoin(e.ctx, meeting.ID, ""))
		_, err := alice.groups().GroupInviteMember(e.ctx, work.ID, []string{"bob"})
		e.ok(err)
		for conv, want := range map[sdkconn.Conversation][]string{meeting: {"before", "after"}, work: {"after"}} {
			alice.send(conv, "after")
			roaming := bob.page(conv, sdkconn.GetMsgListParam{Count: 100, IsRamble: true})
			equal(e, "from the server, in "+conv.String(), userTexts(reversed(roaming)), want)
		}
		if news := texts(bob.news()); len(news) != 2 {
			e.Errorf("bob was told %v", news)
		}
	}},
	{"send/arguments are not kept", nil, func(e *env) {
		alice, bob := e.pair()
		text := &sdkconn.TextElem{Text: "as sent"}
		m := &sdkconn.Message{Elems: sdkconn.Elems{text}}
		alice.post(sdkconn.C2C("bob"), m)
		text.Text, m.CloudCustom = "changed", "changed"
		m.Elems[0] = &sdkconn.TextElem{Text: "replaced"}
		e.pass(time.Second)
		for _, m := range append(bob.news(), alice.history(sdkconn.C2C("bob"))...) {
			if m.Text() != "as sent" || m.CloudCustom != "" {
				e.Errorf("got %s", e.dump(m))
			}
		}
		equal(e, "bob's history", texts(bob.history(sdkconn.C2C("alice"))), []string{"as sent"})
	}},
}
