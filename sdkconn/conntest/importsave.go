package conntest

import (
	"fmt"

	"github.com/timbot-go/timbot/sdkconn"
)

// old is a message of the past, as an archive holds it.
func old(sender, text string, time, seq, rand uint64) *sdkconn.Message {
	m := textMessage(text)
	m.Sender, m.ClientTime, m.ServerTime, m.Seq, m.Rand = sender, time, time, seq, rand
	return m
}

var importSaveChecks = []check{
	{"import/messages keep who and when, and nobody is told", []feature{localStore}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("bob")
		alice.send(conv, "now")
		alice.forget()
		bob.forget()
		mine := old("alice", "mine", 1500000002, 9, 10)
		mine.IsFromSelf = true
		e.ok(alice.ImportMsgList(e.ctx, conv, []*sdkconn.Message{old("bob", "second", 1500000001, 7, 8), mine, old("bob", "first", 1500000000, 5, 6)}))
		h := alice.history(conv)
		equal(e, "history by time", texts(h), []string{"first", "second", "mine", "now"})
		first := h[0]
		if first.Sender != "bob" || first.ServerTime != 1500000000 || first.ClientTime != 1500000000 || first.Seq != 5 || first.Rand != 6 ||
			first.IsFromSelf || first.Conversation() != conv {
			e.Errorf("got %s", e.dump(first))
		}
		if !h[2].IsFromSelf || h[2].Sender != "alice" {
			e.Errorf("got %s", e.dump(h[2]))
		}
		for _, m := range h[:3] {
			if m.Status != sdkconn.StatusLocalImported {
				e.Errorf("%q has status %d, want %d", m.Text(), m.Status, sdkconn.StatusLocalImported)
			}
			if found := alice.find(conv, exact(m)); found == nil || found.Text() != m.Text() {
				e.Errorf("%q is not found by its locator", m.Text())
			}
		}
		if news := alice.news(); len(news) != 0 {
			e.Errorf("alice was told new messages: %v", texts(news))
		}
		if told := bob.events(); len(told) != 0 {
			e.Errorf("bob was told %+v", told)
		}
		equal(e, "bob's history", texts(bob.history(sdkconn.C2C("alice"))), []string{"now"})
	}},
	{"import/an identity that is there already changes nothing", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		e.ok(alice.ImportMsgList(e.ctx, conv, []*sdkconn.Message{old("bob", "first", 1500000000, 5, 6)}))
		e.ok(alice.ImportMsgList(e.ctx, conv, []*sdkconn.Message{old("bob", "first", 1500000000, 5, 6), old("bob", "again", 1500000000, 5, 6),
			old("bob", "new", 1500000000, 5, 7), old("bob", "new", 1500000000, 5, 7)}))
		equal(e, "history", texts(alice.history(conv)), []string{"first", "new"})
		sent := alice.send(conv, "sent")
		copied := old("alice", "sent, copied", sent.ServerTime, sent.Seq, sent.Rand)
		copied.IsFromSelf = true
		e.ok(alice.ImportMsgList(e.ctx, conv, []*sdkconn.Message{copied}))
		h := alice.history(conv)
		if len(h) != 3 || h[2].Text() != "sent" || h[2].Status != sdkconn.StatusSendSucc {
			e.Errorf("the sent message is now %v", texts(h))
		}
	}},
	{"import/what is missing is filled in", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		byClient := textMessage("client time only")
		byClient.Sender, byClient.ClientTime = "bob", 1500000000
		bare := textMessage("bare")
		bare.Sender = "bob"
		before := e.dump(bare)
		other := textMessage("bare too") // whether two that say the same are one or two is not recorded
		other.Sender = "bob"
		e.ok(alice.ImportMsgList(e.ctx, conv, []*sdkconn.Message{byClient, bare, other}))
		if e.dump(bare) != before {
			e.Error("an argument was changed")
		}
		h := alice.history(conv)
		if len(h) != 3 || h[0].Time() != 1500000000 {
			e.Fatalf("history %v", texts(h))
		}
		for _, m := range h {
			if m.Time() == 0 || m.Rand == 0 {
				e.Errorf("no time or rand: %s", e.dump(m))
			}
		}
		if !e.features.NoClock {
			if now := uint64(e.service.Now().Unix()); h[1].Time() != now {
				e.Errorf("time %d, now is %d", h[1].Time(), now)
			}
		}
	}},
	{"import/empty lists and empty messages write nothing", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		for name, list := range map[string][]*sdkconn.Message{
			"nil": nil, "empty": {}, "a nil message": {old("bob", "x", 1, 2, 3), nil}, "an empty message": {old("bob", "x", 1, 2, 3), {}},
		} {
			e.refused(name, alice.ImportMsgList(e.ctx, conv, list), sdkconn.CodeJSON)
		}
		if h := alice.history(conv); len(h) != 0 {
			e.Errorf("written: %v", texts(h))
		}
	}},
	{"import/many at once are there and can be paged", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		var list []*sdkconn.Message
		var want []string
		for i := range 300 {
			want = append(want, fmt.Sprint(i))
			list = append(list, old("bob", fmt.Sprint(i), 1500000000+uint64(i/10), uint64(i%10)+1, uint64(i)+1))
		}
		e.ok(alice.ImportMsgList(e.ctx, conv, list))
		equal(e, "pages", texts(reversed(alice.pages(conv, nil, false, 20))), want)
	}},
	{"import/group: into one's own view only", []feature{localStore, groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		before := len(bob.history(conv))
		m := old("carol", "archived", 1500000000, 1<<33, 6)
		e.ok(alice.ImportMsgList(e.ctx, conv, []*sdkconn.Message{m}))
		if found := alice.find(conv, exact(m)); found == nil || found.Text() != "archived" || found.Status != sdkconn.StatusLocalImported {
			e.Errorf("found %v", found)
		}
		if n := len(bob.history(conv)); n != before {
			e.Errorf("bob has %d messages, had %d", n, before)
		}
		sent := alice.send(conv, "next")
		if sent.Seq > 1<<32 {
			e.Errorf("the import moved the group's seq to %d", sent.Seq)
		}
	}},
	{"save/one message of one's own, and nobody is told", []feature{localStore}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("bob")
		e.ok(alice.SaveMsg(e.ctx, conv, textMessage("note")))
		h := alice.history(conv)
		if len(h) != 1 || h[0].Text() != "note" || h[0].Time() == 0 || h[0].Rand == 0 || h[0].Conversation() != conv {
			e.Fatalf("history %v", texts(h))
		}
		if h[0].Sender != "alice" || !h[0].IsFromSelf || h[0].Status != sdkconn.StatusLocalImported {
			e.Errorf("got %s", e.dump(h[0]))
		}
		if !e.features.NoClock {
			if now := uint64(e.service.Now().Unix()); h[0].Time() != now {
				e.Errorf("time %d, now is %d", h[0].Time(), now)
			}
		}
		if news := alice.news(); len(news) != 0 {
			e.Errorf("alice was told new messages: %v", texts(news))
		}
		if told := bob.events(); len(told) != 0 {
			e.Errorf("bob was told %+v", told)
		}
		if h := bob.history(sdkconn.C2C("alice")); len(h) != 0 {
			e.Errorf("bob has %v", texts(h))
		}
	}},
	{"save/twice is two messages", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		e.ok(alice.SaveMsg(e.ctx, conv, textMessage("note")))
		e.ok(alice.SaveMsg(e.ctx, conv, textMessage("note")))
		equal(e, "history", texts(alice.history(conv)), []string{"note", "note"})
	}},
	{"save/a given time is kept", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		alice.send(conv, "now")
		m := textMessage("note")
		m.ServerTime, m.ClientTime = 1500000000, 1500000000
		e.ok(alice.SaveMsg(e.ctx, conv, m))
		h := alice.history(conv)
		if len(h) != 2 || h[0].Text() != "note" || h[0].Time() != 1500000000 {
			e.Errorf("history %v", texts(h))
		}
	}},
	{"save/nothing", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		e.refused("nil", alice.SaveMsg(e.ctx, sdkconn.C2C("bob"), nil), sdkconn.CodeJSON)
		e.refused("empty", alice.SaveMsg(e.ctx, sdkconn.C2C("bob"), &sdkconn.Message{}), sdkconn.CodeJSON)
		if h := alice.history(sdkconn.C2C("bob")); len(h) != 0 {
			e.Errorf("written: %v", texts(h))
		}
	}},
}
