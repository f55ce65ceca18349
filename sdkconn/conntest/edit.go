package conntest

import (
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// edit makes a message say something else and lets a second pass.
func (u *user) edit(m *sdkconn.Message, text string) *sdkconn.Message {
	u.e.Helper()
	edited, err := u.Conn.(sdkconn.MessageModifier).MsgModifyMessage(u.e.ctx, saying(m, text))
	if err != nil || edited == nil {
		u.e.Fatalf("%s edits %q: %v, %v", u.name, m.Text(), edited, err)
	}
	u.e.pass(time.Second)
	return edited
}

// editRefused checks that an edit is refused with one of the codes.
func (u *user) editRefused(what string, m *sdkconn.Message, codes ...sdkconn.Code) {
	u.e.Helper()
	_, err := u.Conn.(sdkconn.MessageModifier).MsgModifyMessage(u.e.ctx, m)
	u.e.refused(what, err, codes...)
}

// saying is a copy of the message with another text.
func saying(m *sdkconn.Message, text string) *sdkconn.Message {
	c := *m
	c.Elems = sdkconn.Elems{&sdkconn.TextElem{Text: text}}
	return &c
}

var editChecks = []check{
	{"edit/both sides have it and are told", []feature{edits}, func(e *env) {
		alice, bob := e.pair()
		first := alice.send(sdkconn.C2C("bob"), "first")
		m := alice.send(sdkconn.C2C("bob"), "helo")
		alice.forget()
		bob.forget()
		edited := alice.edit(m, "hello")
		if edited.Text() != "hello" || edited.Version == m.Version || edited.MsgID != m.MsgID || edited.Time() != m.Time() || edited.Seq != m.Seq || edited.Rand != m.Rand {
			e.Errorf("the answer is %s, before it was %s", e.dump(edited), e.dump(m))
		}
		for u, conv := range map[*user]sdkconn.Conversation{alice: sdkconn.C2C("bob"), bob: sdkconn.C2C("alice")} {
			h := u.history(conv)
			equal(e, u.name+"'s history", texts(h), []string{"first", "hello"})
			updates := u.ofKind(sdkconn.EventMsgUpdate)
			if len(updates) != 1 {
				e.Fatalf("%s was told %d edits", u.name, len(updates))
			}
			got := updates[0].Message
			if got.Conversation() != conv || got.IsFromSelf != (u == alice) || got.Version != edited.Version || got.MsgID != m.MsgID {
				e.Errorf("%s was told %s", u.name, e.dump(got))
			}
			if e.dump(got) != e.dump(h[1]) {
				e.Errorf("%s was told something else than the history holds:\n%s\n%s", u.name, e.dump(got), e.dump(h[1]))
			}
			if news := u.news(); len(news) != 0 {
				e.Errorf("an edit is no new message: %v", texts(news))
			}
		}
		if h := alice.history(sdkconn.C2C("bob")); e.dump(h[0]) != e.dump(first) {
			e.Errorf("another message changed: %s", e.dump(h[0]))
		}
	}},
	{"edit/everybody in the conversation may edit", []feature{edits}, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "alice's")
		edited := bob.edit(bob.onlyNews(), "by bob")
		if edited.Sender != "alice" || edited.IsFromSelf || edited.ConvID != "alice" {
			e.Errorf("bob's answer is %s", e.dump(edited))
		}
		equal(e, "alice's history", texts(alice.history(sdkconn.C2C("bob"))), []string{"by bob"})
	}},
	{"edit/a stale copy conflicts", []feature{edits}, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "one")
		newest := bob.edit(bob.onlyNews(), "two")
		bob.forget()
		got, err := alice.Conn.(sdkconn.MessageModifier).MsgModifyMessage(e.ctx, saying(m, "three"))
		e.refused("an edit of the old one", err, sdkconn.CodeMsgModifyConflict)
		if got == nil || got.Text() != "two" || got.Version != newest.Version || !got.IsFromSelf {
			e.Fatalf("the newest one is not returned: %v", got)
		}
		equal(e, "nothing is changed", texts(bob.history(sdkconn.C2C("alice"))), []string{"two"})
		if told := bob.events(); len(told) != 0 {
			e.Errorf("bob was told %+v", told)
		}
		alice.edit(got, "three")
		equal(e, "edited on the newest", texts(bob.history(sdkconn.C2C("alice"))), []string{"three"})
	}},
	{"edit/what an edit says twice is told twice", []feature{edits}, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "a")
		bob.forget()
		keys := make(map[string]bool)
		for _, text := range []string{"b", "a", "b"} {
			m = alice.edit(m, text)
			bob.settle() // who is slow may be told the newest only
		}
		for _, ev := range bob.ofKind(sdkconn.EventMsgUpdate) {
			keys[ev.Key()] = true
		}
		if len(keys) != 3 {
			e.Errorf("three edits have the keys %v", keys)
		}
	}},
	{"edit/the cloud custom string and the elements that can be edited", []feature{edits}, func(e *env) {
		alice, bob := e.pair()
		merge := &sdkconn.MergeElem{Title: "t", CompatibleText: "c", Messages: []*sdkconn.Message{
			{Sender: "carol", Status: sdkconn.StatusSendSucc, Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "x"}}},
		}}
		m := alice.post(sdkconn.C2C("bob"), &sdkconn.Message{
			Elems: sdkconn.Elems{merge, &sdkconn.TextElem{Text: "below"}}, CloudCustom: "before", NeedReadReceipt: true,
		})
		change := *m
		change.CloudCustom = "after"
		change.Elems = sdkconn.Elems{m.Elems[0], &sdkconn.FaceElem{Index: 7}}
		edited, err := alice.Conn.(sdkconn.MessageModifier).MsgModifyMessage(e.ctx, &change)
		e.ok(err)
		got := bob.history(sdkconn.C2C("alice"))[0]
		if got.CloudCustom != "after" || !got.NeedReadReceipt || len(got.Elems) != 2 || content(got) != content(edited) {
			e.Errorf("bob has %s", e.dump(got))
		}
		for what, elems := range map[string]sdkconn.Elems{
			"a bundle changes":      {&sdkconn.MergeElem{Title: "other", CompatibleText: "c"}},
			"a bundle is taken out": {&sdkconn.TextElem{Text: "alone"}},
			"a bundle is added":     {m.Elems[0], m.Elems[0]},
			"a tip":                 {m.Elems[0], &sdkconn.GroupTipsElem{}},
			"no element":            nil,
		} {
			c := *edited
			c.Elems = elems
			alice.editRefused(what, &c, sdkconn.CodeInvalidMsgElem)
		}
		if now := bob.history(sdkconn.C2C("alice"))[0]; e.dump(now) != e.dump(got) {
			e.Errorf("a refused edit changed it: %s", e.dump(now))
		}
	}},
	{"edit/what cannot be edited", []feature{edits}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		m := alice.send(sdkconn.C2C("bob"), "x")
		alice.editRefused("nothing", &sdkconn.Message{}, sdkconn.CodeJSON)
		alice.editRefused("no message", nil, sdkconn.CodeJSON)
		elsewhere := saying(m, "y")
		elsewhere.ConvType = sdkconn.ConvSystem
		alice.editRefused("no conversation", elsewhere, sdkconn.CodeParam)
		for name, l := range offByOne(m.Locator()) {
			l.ConvID, l.ConvType = "bob", sdkconn.ConvC2C
			alice.editRefused(name, saying(l.Message(), "y"), sdkconn.CodeInvalidParameters)
		}
		theirs := saying(m, "y")
		theirs.IsFromSelf = false
		theirs.ConvID = "alice"
		carol.editRefused("a stranger's", theirs, sdkconn.CodeInvalidParameters)
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		alice.editRefused("taken back", saying(m, "y"), sdkconn.CodeInvalidParameters)
		if h := bob.history(sdkconn.C2C("alice")); h[0].Text() == "y" || len(bob.ofKind(sdkconn.EventMsgUpdate)) != 0 {
			e.Errorf("it was edited: %s", e.dump(h[0]))
		}
	}},
	{"edit/group: all members have it and are told", []feature{edits, groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		m := bob.send(conv, "x")
		dave := e.login("dave")
		for _, u := range []*user{alice, bob, carol} {
			u.forget()
		}
		dave.editRefused("no member", saying(m, "y"), sdkconn.CodeGroupPermissionDeny)
		edited := carol.edit(carol.find(conv, theirs(m)), "y")
		if edited.SenderMember == nil || edited.Seq != m.Seq {
			e.Errorf("the answer is %s", e.dump(edited))
		}
		for _, u := range []*user{alice, bob, carol} {
			got := u.ofKind(sdkconn.EventMsgUpdate)
			if len(got) != 1 || got[0].Message.Text() != "y" || got[0].Message.IsFromSelf != (u == bob) || got[0].Message.Seq != m.Seq {
				e.Errorf("%s was told %v", u.name, told(got))
			}
			equal(e, u.name+"'s history", userTexts(u.history(conv)), []string{"y"})
		}
		alice.editRefused("unknown group", saying(&sdkconn.Message{ConvID: "nowhere", ConvType: sdkconn.ConvGroup, Seq: 1}, "y"),
			sdkconn.CodeGroupNotFound)
	}},
	{"edit/the conversation shows the newest", []feature{edits, conversations}, func(e *env) {
		alice, bob := e.pair()
		old := alice.send(sdkconn.C2C("bob"), "old")
		m := alice.send(sdkconn.C2C("bob"), "last")
		bob.forget()
		alice.edit(m, "edited")
		if c := bob.conversation(sdkconn.C2C("alice")); c == nil || c.LastMsg == nil || c.LastMsg.Text() != "edited" || c.UnreadNum != 2 {
			e.Errorf("bob's: %+v", c)
		}
		if e.features.NoConvEvents {
			return
		}
		want := []string{"msg_update c2c_alice edited", "conv 2 c2c_alice unread 2"}
		equal(e, "bob is told", told(bob.events()), want)
		bob.forget()
		alice.edit(old, "older")
		equal(e, "an older one", told(bob.events()), []string{"msg_update c2c_alice older"})
	}},
	{"edit/the newest is told after an absence", []feature{edits, offline}, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "one")
		bob.settle()
		e.ok(bob.Close())
		alice.edit(alice.edit(m, "two"), "three")
		again := e.login("bob")
		updates := again.ofKind(sdkconn.EventMsgUpdate)
		if len(updates) == 0 || updates[len(updates)-1].Message.Text() != "three" ||
			!updates[len(updates)-1].CaughtUp && !e.features.NoCaughtUp {
			e.Errorf("bob was told %v", told(updates))
		}
	}},
}

// theirs is the message's identity as the other side has it.
func theirs(m *sdkconn.Message) sdkconn.Locator {
	l := m.Locator()
	l.IsSelf = !l.IsSelf
	return l
}
