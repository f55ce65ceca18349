package conntest

import (
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

var deleteChecks = []check{
	{"delete/one message is hidden from oneself", []feature{localStore}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("bob")
		alice.send(conv, "one")
		two := alice.send(conv, "two")
		alice.send(conv, "three")
		bob.forget()
		e.ok(alice.Delete(e.ctx, conv, two))
		equal(e, "alice's", texts(alice.history(conv)), []string{"one", "three"})
		equal(e, "bob's", texts(bob.history(sdkconn.C2C("alice"))), []string{"one", "two", "three"})
		if told := bob.events(); len(told) != 0 {
			e.Errorf("bob was told %+v", told)
		}
		if found := alice.find(conv, exact(two)); found == nil || found.Status != sdkconn.StatusDeleted {
			e.Errorf("by its locator: %v", found)
		}
		position := alice.page(conv, sdkconn.GetMsgListParam{Count: 10, LastMsg: two})
		equal(e, "it is a position still", texts(position), []string{"one"})
	}},
	{"delete/by the identity, from the other side", []feature{localStore}, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "x")
		got := bob.onlyNews()
		e.ok(bob.Delete(e.ctx, sdkconn.C2C("alice"), exact(got).Message()))
		equal(e, "bob's", texts(bob.history(sdkconn.C2C("alice"))), nil)
		equal(e, "alice's", texts(alice.history(sdkconn.C2C("bob"))), []string{"x"})
	}},
	{"delete/pages and types leave it out", []feature{localStore}, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 10)
		conv := sdkconn.C2C("bob")
		for _, i := range []int{0, 4, 5, 9} {
			e.ok(alice.Delete(e.ctx, conv, all[i]))
		}
		want := texts(append(append([]*sdkconn.Message{}, all[1:4]...), all[6:9]...))
		equal(e, "pages of two", texts(reversed(alice.pages(conv, nil, false, 2))), want)
		page := alice.page(conv, sdkconn.GetMsgListParam{Count: 10, ElemTypes: []sdkconn.ElemType{sdkconn.ElemText}})
		equal(e, "by type", texts(reversed(page)), want)
	}},
	{"delete/the whole conversation", []feature{localStore}, func(e *env) {
		alice, bob := e.pair()
		e.addUsers("carol")
		all := e.talk(alice, bob, 5)
		alice.send(sdkconn.C2C("carol"), "elsewhere")
		conv := sdkconn.C2C("bob")
		e.ok(alice.Delete(e.ctx, conv, nil))
		equal(e, "alice's", texts(alice.history(conv)), nil)
		equal(e, "with carol", texts(alice.history(sdkconn.C2C("carol"))), []string{"elsewhere"})
		equal(e, "bob's", texts(bob.history(sdkconn.C2C("alice"))), texts(all))
		e.pass(time.Second)
		bob.send(sdkconn.C2C("alice"), "new")
		equal(e, "what comes later", texts(alice.history(conv)), []string{"new"})
		e.ok(alice.Delete(e.ctx, sdkconn.C2C("carol"), nil))
		e.ok(alice.Delete(e.ctx, sdkconn.C2C("carol"), nil))
	}},
	{"delete/it outlives the login", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		m := alice.send(conv, "x")
		alice.send(conv, "y")
		e.ok(alice.Delete(e.ctx, conv, m))
		e.ok(alice.Close())
		equal(e, "after a new login", texts(e.login("alice").history(conv)), []string{"y"})
	}},
	{"delete/the message before becomes the last one", []feature{localStore, conversations}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		alice.send(conv, "one")
		two := alice.send(conv, "two")
		e.ok(alice.Delete(e.ctx, conv, two))
		if c := alice.conversation(conv); c == nil || c.LastMsg == nil || c.LastMsg.Text() != "one" {
			e.Errorf("the conversation is %+v", c)
		}
	}},
	{"delete/an empty message is none", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		alice.send(conv, "x")
		e.refused("empty", alice.Delete(e.ctx, conv, &sdkconn.Message{}), sdkconn.CodeJSON)
		equal(e, "nothing is deleted", texts(alice.history(conv)), []string{"x"})
	}},
	{"delete/group: one's own view", []feature{localStore, groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		m := alice.send(conv, "x")
		alice.send(conv, "y")
		e.ok(alice.Delete(e.ctx, conv, m))
		equal(e, "alice's", userTexts(alice.history(conv)), []string{"y"})
		equal(e, "bob's", userTexts(bob.history(conv)), []string{"x", "y"})
		e.ok(alice.Delete(e.ctx, conv, nil))
		equal(e, "alice's, all", seqs(alice.history(conv)), nil)
		equal(e, "bob's still", userTexts(bob.history(conv)), []string{"x", "y"})
	}},
}
