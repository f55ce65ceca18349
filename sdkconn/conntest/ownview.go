package conntest

import (
	"fmt"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func (u *user) listDelete(conv sdkconn.Conversation, msgs ...*sdkconn.Message) error {
	return u.Conn.(sdkconn.MessageListDeleter).MsgListDelete(u.e.ctx, conv, msgs)
}

func (u *user) clearHistory(conv sdkconn.Conversation) error {
	return u.Conn.(sdkconn.HistoryClearer).MsgClearHistoryMessage(u.e.ctx, conv)
}

// keepData sets a message's local custom fields, by its identity alone.
func (u *user) keepData(m *sdkconn.Message, n uint32, s string) error {
	c := m.Locator().Message()
	c.CustomInt, c.CustomStr = n, s
	return u.Conn.(sdkconn.LocalCustomData).MsgSetLocalCustomData(u.e.ctx, c)
}

var ownViewChecks = []check{
	{"listdelete/several at once, in one's own view", []feature{listDelete}, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 5)
		bob.forget()
		e.ok(alice.listDelete(sdkconn.C2C("bob"), all[0], all[3].Locator().Message(), all[4]))
		equal(e, "alice's", texts(alice.history(sdkconn.C2C("bob"))), texts(all[1:3]))
		equal(e, "bob's", texts(bob.history(sdkconn.C2C("alice"))), texts(all))
		if told := bob.events(); len(told) != 0 {
			e.Errorf("bob was told %+v", told)
		}
		if found := alice.find(sdkconn.C2C("bob"), exact(all[3])); found == nil || found.Status != sdkconn.StatusDeleted {
			e.Errorf("by its locator: %v", found)
		}
		if !e.features.NoConversations {
			if c := alice.conversation(sdkconn.C2C("bob")); c == nil || c.LastMsg == nil || c.LastMsg.Text() != all[2].Text() {
				e.Errorf("the conversation is %+v", c)
			}
		}
	}},
	{"listdelete/what is no list of one conversation", []feature{listDelete}, func(e *env) {
		alice, bob := e.pair()
		e.addUsers("carol")
		conv := sdkconn.C2C("bob")
		all := e.talk(alice, bob, 2)
		elsewhere := alice.send(sdkconn.C2C("carol"), "elsewhere")
		var many []*sdkconn.Message
		for range sdkconn.MaxListDelete + 1 {
			many = append(many, all[0])
		}
		e.refused("an empty list", alice.listDelete(conv), sdkconn.CodeJSON)
		e.refused("an empty message", alice.listDelete(conv, all[0], &sdkconn.Message{}), sdkconn.CodeJSON)
		e.refused("no message", alice.listDelete(conv, all[0], nil), sdkconn.CodeJSON)
		e.refused("no conversation", alice.listDelete(sdkconn.C2C(""), all[0]), sdkconn.CodeParam)
		e.refused("too many", alice.listDelete(conv, many...), sdkconn.CodeInvalidParameters)
		e.refused("one of another conversation", alice.listDelete(conv, all[0], elsewhere), sdkconn.CodeInvalidParameters)
		unknown := sdkconn.Message{ServerTime: 1, Seq: 2, Rand: 3}
		e.refused("one that is not there", alice.listDelete(conv, all[0], &unknown), sdkconn.CodeInvalidParameters)
		equal(e, "nothing is deleted", texts(alice.history(conv)), texts(all))
		e.ok(alice.listDelete(conv, many[:sdkconn.MaxListDelete]...))
		equal(e, "one is", texts(alice.history(conv)), texts(all[1:]))
	}},
	{"clear/all of a conversation, in one's own view", []feature{clearHistory}, func(e *env) {
		alice, bob := e.pair()
		e.addUsers("carol")
		all := e.talk(alice, bob, 4)
		alice.send(sdkconn.C2C("carol"), "elsewhere")
		conv := sdkconn.C2C("bob")
		e.refused("no conversation", alice.clearHistory(sdkconn.Group("")), sdkconn.CodeParam)
		e.ok(alice.clearHistory(conv))
		equal(e, "alice's", texts(alice.history(conv)), nil)
		equal(e, "with carol", texts(alice.history(sdkconn.C2C("carol"))), []string{"elsewhere"})
		h := bob.history(sdkconn.C2C("alice"))
		equal(e, "bob's", texts(h), texts(all))
		for _, m := range h {
			if m.Status != sdkconn.StatusSendSucc {
				e.Errorf("bob's: %s", e.dump(m))
			}
		}
		if !e.features.NoConversations {
			if c := alice.conversation(conv); c == nil || c.HasLastMsg || c.UnreadNum != 0 {
				e.Errorf("the conversation is %+v", c)
			}
		}
		e.pass(time.Second)
		bob.send(sdkconn.C2C("alice"), "new")
		equal(e, "what comes later", texts(alice.history(conv)), []string{"new"})
	}},
	{"customdata/one's own, with any message", []feature{customData}, func(e *env) {
		alice, bob := e.pair()
		first := textMessage("first")
		first.CustomInt, first.CustomStr = 1, "as sent"
		m := alice.post(sdkconn.C2C("bob"), first)
		e.pass(time.Second)
		other := alice.send(sdkconn.C2C("bob"), "other")
		got := bob.news()[0]
		alice.forget()
		e.ok(bob.keepData(got, 7, "bob's"))
		e.ok(alice.keepData(m, 8, "alice's"))
		e.ok(alice.keepData(m, 9, "alice's, later"))
		for u, want := range map[*user]string{alice: "9 alice's, later", bob: "7 bob's"} {
			conv := sdkconn.C2C("bob")
			if u == bob {
				conv = sdkconn.C2C("alice")
			}
			h := u.history(conv)
			if said := fmt.Sprint(h[0].CustomInt, " ", h[0].CustomStr); said != want {
				e.Errorf("%s has %q, want %q", u.name, said, want)
			}
			if found := u.find(conv, exact(h[0])); found == nil || e.dump(found) != e.dump(h[0]) {
				e.Errorf("by its locator %s has %v", u.name, found)
			}
			if h[1].CustomInt != 0 || h[1].CustomStr != "" {
				e.Errorf("%s has data of another message: %s", u.name, e.dump(h[1]))
			}
		}
		for _, ev := range alice.events() {
			if ev.Kind != sdkconn.EventConv {
				e.Errorf("alice was told %+v", ev)
			}
		}
		e.ok(alice.keepData(m, 0, ""))
		if h := alice.history(sdkconn.C2C("bob")); h[0].CustomInt != 0 || h[0].CustomStr != "" {
			e.Errorf("not taken away: %s", e.dump(h[0]))
		}
		for name, l := range offByOne(other.Locator()) {
			l.ConvID, l.ConvType = "bob", sdkconn.ConvC2C
			e.refused(name, alice.keepData(l.Message(), 1, "x"), sdkconn.CodeInvalidParameters)
		}
		e.refused("no conversation", alice.keepData(&sdkconn.Message{Seq: 1}, 1, "x"), sdkconn.CodeParam)
	}},
	{"customdata/it outlives the login, saved messages have it too", []feature{customData, localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		m := alice.send(conv, "x")
		e.ok(alice.SaveMsg(e.ctx, conv, textMessage("saved")))
		e.ok(alice.keepData(m, 1, "one"))
		e.ok(alice.keepData(alice.history(conv)[1], 2, "two"))
		e.ok(alice.Close())
		h := e.login("alice").history(conv)
		if len(h) != 2 || h[0].CustomStr != "one" || h[1].CustomStr != "two" || h[1].CustomInt != 2 {
			e.Errorf("after a new login: %s", e.dump(h[1]))
		}
	}},
}
