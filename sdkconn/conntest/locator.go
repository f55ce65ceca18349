package conntest

import (
	"fmt"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// offByOne is a locator's neighbours: each differs from it in one of the four fields that count.
func offByOne(l sdkconn.Locator) map[string]sdkconn.Locator {
	all := make(map[string]sdkconn.Locator)
	change := func(name string, f func(*sdkconn.Locator)) {
		n := l
		f(&n)
		all[name] = n
	}
	change("time+1", func(l *sdkconn.Locator) { l.Time++ })
	change("time-1", func(l *sdkconn.Locator) { l.Time-- })
	change("no time", func(l *sdkconn.Locator) { l.Time = 0 })
	change("seq+1", func(l *sdkconn.Locator) { l.Seq++ })
	change("seq-1", func(l *sdkconn.Locator) { l.Seq-- })
	change("rand+1", func(l *sdkconn.Locator) { l.Rand++ })
	change("rand-1", func(l *sdkconn.Locator) { l.Rand-- })
	change("rand+2^32", func(l *sdkconn.Locator) { l.Rand += 1 << 32 })
	change("is_self", func(l *sdkconn.Locator) { l.IsSelf = !l.IsSelf })
	change("unique id alone", func(l *sdkconn.Locator) { *l = sdkconn.Locator{UniqueID: l.UniqueID} })
	return all
}

// exact is a locator that names nothing but the four fields.
func exact(m *sdkconn.Message) sdkconn.Locator {
	return sdkconn.Locator{Time: m.Time(), Seq: m.Seq, Rand: m.Rand, IsSelf: m.IsFromSelf}
}

var locatorChecks = []check{
	{"locator/found from both sides, and not when one field is off", nil, func(e *env) {
		alice, bob := e.pair()
		sent := alice.send(sdkconn.C2C("bob"), "x")
		got := bob.onlyNews()
		for _, side := range []struct {
			u    *user
			conv sdkconn.Conversation
			m    *sdkconn.Message
		}{{alice, sdkconn.C2C("bob"), sent}, {bob, sdkconn.C2C("alice"), got}} {
			found := side.u.find(side.conv, exact(side.m))
			if found == nil {
				e.Errorf("%s does not find it by %+v", side.u.name, exact(side.m))
				continue
			}
			if e.dump(found) != e.dump(side.m) {
				e.Errorf("%s finds another:\n%s\n%s", side.u.name, e.dump(found), e.dump(side.m))
			}
			for name, l := range offByOne(side.m.Locator()) {
				if found := side.u.find(side.conv, l); found != nil {
					e.Errorf("%s, %s: found %s", side.u.name, name, e.dump(found))
				}
			}
		}
	}},
	{"locator/group: not when one field is off", []feature{groups}, func(e *env) {
		_, bob, carol, conv := e.trio()
		sent := bob.send(conv, "x")
		got := carol.onlyNews()
		for _, side := range []struct {
			u *user
			m *sdkconn.Message
		}{{bob, sent}, {carol, got}} {
			if found := side.u.find(conv, exact(side.m)); found == nil || found.Text() != "x" {
				e.Errorf("%s does not find it", side.u.name)
			}
			for name, l := range offByOne(side.m.Locator()) {
				if found := side.u.find(conv, l); found != nil {
					e.Errorf("%s, %s: found %s", side.u.name, name, e.dump(found))
				}
			}
		}
	}},
	{"locator/what else a locator says is ignored", nil, func(e *env) {
		alice, _ := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		l := exact(m)
		l.ConvID, l.ConvType, l.IsRevoked, l.UniqueID = "carol", sdkconn.ConvGroup, true, 1
		if found := alice.find(sdkconn.C2C("bob"), l); found == nil {
			e.Error("not found")
		}
	}},
	{"locator/the conversation counts, exactly", nil, func(e *env) {
		alice, _ := e.pair()
		e.addUsers("carol")
		m := alice.send(sdkconn.C2C("bob"), "x")
		for _, conv := range []sdkconn.Conversation{sdkconn.C2C("carol"), sdkconn.C2C("Bob"), sdkconn.C2C("c2c_bob"), sdkconn.C2C("alice"), sdkconn.Group("bob"), sdkconn.C2C("nobody")} {
			if found := alice.find(conv, exact(m)); found != nil {
				e.Errorf("found in %v", conv)
			}
		}
	}},
	{"locator/in the order of the locators, unknown skipped, repeated once", nil, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 6)
		unknown := exact(all[0])
		unknown.Rand++
		var list []sdkconn.Locator
		for _, i := range []int{4, 1, 4, 5, 1, 0} {
			list = append(list, exact(all[i]), unknown)
		}
		found, err := alice.FindByMsgLocatorList(e.ctx, sdkconn.C2C("bob"), list)
		e.ok(err)
		equal(e, "found", texts(found), []string{all[4].Text(), all[1].Text(), all[5].Text(), all[0].Text()})
		found, err = alice.FindByMsgLocatorList(e.ctx, sdkconn.C2C("bob"), []sdkconn.Locator{unknown, {}})
		if err != nil || len(found) != 0 {
			e.Errorf("nothing to be found: %v, %v", texts(found), err)
		}
	}},
	{"locator/an empty list", nil, func(e *env) {
		alice, _ := e.pair()
		for _, list := range [][]sdkconn.Locator{nil, {}} {
			_, err := alice.FindByMsgLocatorList(e.ctx, sdkconn.C2C("bob"), list)
			e.refused("empty", err, sdkconn.CodeInvalidParameters)
		}
	}},
	{"locator/a long list", nil, func(e *env) {
		alice, _ := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		var list []sdkconn.Locator
		for i := range 3000 {
			list = append(list, sdkconn.Locator{Time: m.ServerTime, Seq: uint64(i) + m.Seq + 1, Rand: m.Rand, IsSelf: true})
		}
		found, err := alice.FindByMsgLocatorList(e.ctx, sdkconn.C2C("bob"), append(list, exact(m)))
		if err != nil || len(found) != 1 {
			e.Errorf("%d found, %v", len(found), err)
		}
	}},
	{"locator/revoked ones are found", nil, func(e *env) {
		alice, bob := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("bob"), m))
		other := exact(m)
		other.IsSelf = false
		for u, found := range map[*user]*sdkconn.Message{alice: alice.find(sdkconn.C2C("bob"), exact(m)), bob: bob.find(sdkconn.C2C("alice"), other)} {
			if found == nil || found.Status != sdkconn.StatusRevoked {
				e.Errorf("%s finds %v", u.name, found)
			}
		}
	}},
	{"locator/deleted ones are found", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		e.ok(alice.Delete(e.ctx, sdkconn.C2C("bob"), m))
		for name, l := range map[string]sdkconn.Locator{"plain": exact(m), "as told": m.Locator()} {
			if found := alice.find(sdkconn.C2C("bob"), l); found == nil || found.Status != sdkconn.StatusDeleted {
				e.Errorf("%s: found %v", name, found)
			}
		}
	}},
	{"locator/messages by their ids", []feature{finder}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		one, two := alice.send(sdkconn.C2C("bob"), "one"), alice.send(sdkconn.C2C("carol"), "two")
		e.ok(alice.Revoke(e.ctx, sdkconn.C2C("carol"), two))
		find := func(u *user, ids ...string) []string {
			msgs, err := u.Conn.(sdkconn.MessageFinder).MsgFindMessages(e.ctx, ids)
			e.ok(err)
			var found []string
			for _, m := range msgs {
				found = append(found, m.MsgID)
			}
			return found
		}
		equal(e, "alice", find(alice, two.MsgID, "nosuch-1-2", one.MsgID), []string{two.MsgID, one.MsgID})
		equal(e, "bob", find(bob, two.MsgID, one.MsgID), []string{one.MsgID})
		equal(e, "carol", find(carol, two.MsgID, one.MsgID), []string{two.MsgID})
		equal(e, "no ids at all", find(alice, "", "-", "x", fmt.Sprint(one.MsgID, "0"), "--"), nil)
		_, err := alice.Conn.(sdkconn.MessageFinder).MsgFindMessages(e.ctx, nil)
		e.refused("no ids", err, sdkconn.CodeInvalidParameters)
	}},
	{"locator/many of the same second and text are told apart", nil, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		for range 20 {
			alice.post(conv, textMessage("same"))
		}
		e.pass(time.Second)
		for _, m := range alice.history(conv) {
			if found := alice.find(conv, exact(m)); found == nil || found.MsgID != m.MsgID {
				e.Errorf("%s: found %v", m.MsgID, found)
			}
		}
	}},
}
