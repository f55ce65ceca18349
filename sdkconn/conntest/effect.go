package conntest

import (
	"github.com/timbot-go/timbot/sdkconn"
)

// effectMessage is a text with an effect's id.
func effectMessage(text, id string) *sdkconn.Message {
	m := textMessage(text)
	m.CloudCustom = sdkconn.WithEffect("mine", id)
	return m
}

var effectChecks = []check{
	{"effect/a repeated send happens once", []feature{effects}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("bob")
		first := alice.post(conv, effectMessage("once", "e1"))
		alice.send(conv, "between")
		again := alice.post(conv, effectMessage("once", "e1"))
		if e.dump(again) != e.dump(first) {
			e.Errorf("the answer is another one:\n%s\n%s", e.dump(again), e.dump(first))
		}
		equal(e, "told", texts(bob.news()), []string{"once", "between"})
		equal(e, "alice's history", texts(alice.history(conv)), []string{"once", "between"})
		if id, rest := sdkconn.SplitEffect(bob.news()[0].CloudCustom); id != "e1" || rest != "mine" {
			e.Errorf("bob got the id %q and %q", id, rest)
		}
	}},
	{"effect/it outlives the login", []feature{effects}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("bob")
		first := alice.post(conv, effectMessage("once", "e1"))
		e.ok(alice.Close())
		again := e.login("alice").post(conv, effectMessage("once", "e1"))
		if again.MsgID != first.MsgID {
			e.Errorf("the answer is %s, first it was %s", e.dump(again), e.dump(first))
		}
		equal(e, "told", texts(bob.news()), []string{"once"})
	}},
	{"effect/another id, sender or conversation is another send", []feature{effects}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		alice.post(sdkconn.C2C("bob"), effectMessage("1", "e1"))
		alice.post(sdkconn.C2C("bob"), effectMessage("2", "e2"))
		alice.post(sdkconn.C2C("carol"), effectMessage("3", "e1"))
		bob.post(sdkconn.C2C("alice"), effectMessage("4", "e1"))
		carol.post(sdkconn.C2C("bob"), effectMessage("5", "e1"))
		plain := textMessage("6")
		plain.CloudCustom = "e1"
		alice.post(sdkconn.C2C("bob"), plain)
		alice.post(sdkconn.C2C("bob"), plain)
		equal(e, "bob was told", texts(bob.news()), []string{"1", "2", "5", "6", "6"})
		equal(e, "carol was told", texts(carol.news()), []string{"3"})
		equal(e, "alice was told", texts(alice.news()), []string{"4"})
	}},
	{"effect/a refused send has not happened", []feature{effects}, func(e *env) {
		alice := e.login("alice")
		_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), effectMessage("x", "e1"))
		e.refused("nobody is there", err, unknownUser...)
		bob := e.login("bob")
		alice.post(sdkconn.C2C("bob"), effectMessage("x", "e1"))
		equal(e, "told", texts(bob.news()), []string{"x"})
	}},
	{"effect/a repeated batch", []feature{effects}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		first, err := alice.BatchSend(e.ctx, []string{"bob"}, effectMessage("x", "e1"))
		e.ok(err)
		again, err := alice.BatchSend(e.ctx, []string{"bob", "carol"}, effectMessage("x", "e1"))
		e.ok(err)
		if len(again) != 2 || again[0].Msg == nil || again[0].Msg.MsgID != first[0].Msg.MsgID {
			e.Errorf("the second time: %+v", again)
		}
		equal(e, "bob was told", texts(bob.news()), []string{"x"})
		equal(e, "carol was told", texts(carol.news()), []string{"x"})
	}},
	{"effect/group: a repeated send happens once", []feature{effects, groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		first := bob.post(conv, effectMessage("x", "e1"))
		alice.post(conv, effectMessage("y", "e1"))
		again := bob.post(conv, effectMessage("x", "e1"))
		if again.Seq != first.Seq || again.Rand != first.Rand {
			e.Errorf("the answer is %s, first it was %s", e.dump(again), e.dump(first))
		}
		equal(e, "carol was told", texts(carol.news()), []string{"x", "y"})
	}},
	{"effect/group: a room without history", []feature{effects, groups}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.Group(alice.create(sdkconn.GroupCreateParam{GroupName: "live", GroupType: sdkconn.GroupAVChatRoom}))
		e.ok(bob.groups().GroupJoin(e.ctx, conv.ID, ""))
		for range 2 {
			alice.post(conv, effectMessage("x", "e1"))
		}
		want := []string{"x", "x"}
		if r, ok := alice.Conn.(sdkconn.Repeater); ok && r.RepeatWindow(conv) != 0 {
			want = want[:1]
		}
		equal(e, "bob was told", texts(bob.news()), want)
	}},
}
