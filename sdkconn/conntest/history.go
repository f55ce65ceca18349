package conntest

import (
	"fmt"
	"slices"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// talk has alice and bob exchange n messages, several of them in the same second, and returns the texts in the order
// of the history, which is that of (time, seq, rand).
func (e *env) talk(alice, bob *user, n int) []*sdkconn.Message {
	e.Helper()
	for i := range n {
		from, to := alice, bob
		if i%3 == 1 {
			from, to = bob, alice
		}
		from.post(sdkconn.C2C(to.name), textMessage(fmt.Sprintf("m%02d", i)))
		if i%4 == 3 {
			e.pass(time.Second)
		}
	}
	all := alice.history(sdkconn.C2C("bob"))
	if len(all) != n {
		e.Fatalf("%d messages in the history, %d were sent", len(all), n)
	}
	if !slices.IsSortedFunc(all, inC2COrder) {
		e.Errorf("the history is not in the order of time, seq, rand: %v", texts(all))
	}
	return all
}

func inC2COrder(a, b *sdkconn.Message) int {
	for _, d := range [][2]uint64{{a.Time(), b.Time()}, {a.Seq, b.Seq}, {a.Rand, b.Rand}} {
		if d[0] != d[1] {
			if d[0] < d[1] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// pages reads a history page by page from a position in one direction.
func (u *user) pages(conv sdkconn.Conversation, from *sdkconn.Message, forward bool, size uint32) []*sdkconn.Message {
	u.e.Helper()
	var all []*sdkconn.Message
	for {
		page := u.page(conv, sdkconn.GetMsgListParam{Count: size, IsForward: forward, LastMsg: from})
		if len(page) == 0 {
			return all
		}
		if len(page) > int(size) {
			u.e.Fatalf("a page of %d, asked were %d", len(page), size)
		}
		if all = append(all, page...); len(all) > 1000 {
			u.e.Fatal("paging never ends")
		}
		from = page[len(page)-1]
	}
}

var historyChecks = []check{
	{"history/newest first, the newest count of them", nil, func(e *env) {
		alice, bob := e.pair()
		all := reversed(texts(e.talk(alice, bob, 10)))
		conv := sdkconn.C2C("bob")
		equal(e, "three", texts(alice.page(conv, sdkconn.GetMsgListParam{Count: 3})), all[:3])
		equal(e, "more than there are", texts(alice.page(conv, sdkconn.GetMsgListParam{Count: 100})), all)
		equal(e, "the largest count", texts(alice.page(conv, sdkconn.GetMsgListParam{Count: 1<<32 - 1})), all)
		equal(e, "with roaming", texts(alice.page(conv, sdkconn.GetMsgListParam{Count: 100, IsRamble: true})), all)
	}},
	{"history/both sides have the same order", nil, func(e *env) {
		alice, bob := e.pair()
		all := texts(e.talk(alice, bob, 24))
		equal(e, "bob's", texts(bob.history(sdkconn.C2C("alice"))), all)
	}},
	{"history/later messages come after earlier ones, whoever sent them", []feature{clock}, func(e *env) {
		alice, bob := e.pair()
		var want []string
		for i := range 12 {
			from, to := alice, bob
			if i%2 == 1 {
				from, to = bob, alice
			}
			want = append(want, fmt.Sprint(i))
			from.send(sdkconn.C2C(to.name), fmt.Sprint(i))
		}
		equal(e, "order", texts(alice.history(sdkconn.C2C("bob"))), want)
	}},
	{"history/forward without a position there is nothing newer", nil, func(e *env) {
		alice, bob := e.pair()
		e.talk(alice, bob, 5)
		if page := alice.page(sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 10, IsForward: true}); len(page) != 0 {
			e.Errorf("got %q", texts(page))
		}
	}},
	{"history/the position itself is left out", nil, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 9)
		names, conv := texts(all), sdkconn.C2C("bob")
		for i, m := range all {
			older := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: m})
			equal(e, "older than "+m.Text(), texts(older), reversed(names[:i]))
			newer := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: m, IsForward: true})
			equal(e, "newer than "+m.Text(), texts(newer), names[i+1:])
		}
		next := alice.page(conv, sdkconn.GetMsgListParam{Count: 2, LastMsg: all[3], IsForward: true})
		equal(e, "the two next", texts(next), names[4:6])
		before := alice.page(conv, sdkconn.GetMsgListParam{Count: 2, LastMsg: all[3]})
		equal(e, "the two before", texts(before), reversed(names[1:3]))
		identity := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: all[3].Locator().Message(), IsForward: true})
		equal(e, "a position that is an identity only", texts(identity), names[4:])
	}},
	{"history/paging through a long one, back and forth, without gap or repeat", nil, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 57)
		names, conv := texts(all), sdkconn.C2C("bob")
		for _, size := range []uint32{1, 7, 20, 57, 58} {
			equal(e, fmt.Sprintf("back in pages of %d", size), texts(alice.pages(conv, nil, false, size)), reversed(names))
			equal(e, fmt.Sprintf("forth in pages of %d", size), texts(alice.pages(conv, all[0], true, size)), names[1:])
		}
	}},
	{"history/paging goes on while messages arrive", nil, func(e *env) {
		alice, bob := e.pair()
		names, conv := texts(e.talk(alice, bob, 12)), sdkconn.C2C("bob")
		var got []string
		var last *sdkconn.Message
		for range 4 {
			page := alice.page(conv, sdkconn.GetMsgListParam{Count: 3, LastMsg: last})
			if len(page) == 0 {
				break
			}
			got, last = append(got, texts(page)...), page[len(page)-1]
			bob.post(sdkconn.C2C("alice"), textMessage("meanwhile"))
		}
		equal(e, "pages", got, reversed(names))
	}},
	{"history/a position with a time only is the beginning of that second", []feature{clock}, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 12) // four each second
		names, conv := texts(all), sdkconn.C2C("bob")
		at := &sdkconn.Message{ServerTime: all[4].ServerTime}
		newer := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: at, IsForward: true})
		equal(e, "forward, that second belongs to it", texts(newer), names[4:])
		older := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: at})
		equal(e, "backward, it does not", texts(older), reversed(names[:4]))
	}},
	{"history/a C2C position without a time is before everything", nil, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 4)
		at := &sdkconn.Message{Seq: all[3].Seq + 1}
		equal(e, "older", texts(alice.page(sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 100, LastMsg: at})), nil)
		equal(e, "newer", texts(alice.page(sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 100, LastMsg: at, IsForward: true})), texts(all))
	}},
	{"history/time ranges include both ends", []feature{clock}, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 20) // four each second, five seconds
		names, conv := texts(all), sdkconn.C2C("bob")
		start := all[0].ServerTime
		for name, c := range map[string]struct {
			begin, period uint64
			forward       bool
			want          []string
		}{
			"back two seconds":            {start + 3, 2, false, reversed(names[4:16])},
			"back before the first":       {start - 1, 5, false, nil},
			"back over the whole":         {start + 100, 200, false, reversed(names)},
			"forth two seconds":           {start + 1, 2, true, names[4:16]},
			"forth over the end":          {start + 4, 100, true, names[16:]},
			"forth behind the last":       {start + 5, 100, true, nil},
			"forth from before the first": {start - 10, 11, true, names[:8]},
		} {
			got := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, TimeBegin: c.begin, TimePeriod: c.period, IsForward: c.forward})
			equal(e, name, texts(got), c.want)
		}
		page := alice.page(conv, sdkconn.GetMsgListParam{Count: 3, TimeBegin: start + 3, TimePeriod: 2})
		equal(e, "the count counts in a range", texts(page), reversed(names[13:16]))
	}},
	{"history/only elements of certain types", nil, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		face := &sdkconn.FaceElem{Index: 1, Buf: "x"}
		alice.send(conv, "text")
		alice.post(conv, &sdkconn.Message{CloudCustom: "face", Elems: sdkconn.Elems{face}})
		e.pass(time.Second)
		alice.post(conv, &sdkconn.Message{CloudCustom: "both", Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "t"}, face}})
		e.pass(time.Second)
		alice.post(conv, &sdkconn.Message{CloudCustom: "custom", Elems: sdkconn.Elems{&sdkconn.CustomElem{Data: "d"}}})
		for name, c := range map[string]struct {
			types []sdkconn.ElemType
			want  int
		}{
			"text": {[]sdkconn.ElemType{sdkconn.ElemText}, 2}, "face": {[]sdkconn.ElemType{sdkconn.ElemFace}, 2},
			"face or custom": {[]sdkconn.ElemType{sdkconn.ElemFace, sdkconn.ElemCustom}, 3}, "file": {[]sdkconn.ElemType{sdkconn.ElemFile}, 0},
			"all": {nil, 4}, "unknown": {[]sdkconn.ElemType{77}, 0},
		} {
			if got := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, ElemTypes: c.types}); len(got) != c.want {
				e.Errorf("%s: %d messages, want %d", name, len(got), c.want)
			}
		}
		if got := alice.page(conv, sdkconn.GetMsgListParam{Count: 1, ElemTypes: []sdkconn.ElemType{sdkconn.ElemText}}); len(got) != 1 || got[0].CloudCustom != "both" {
			e.Errorf("the newest text: %v", texts(got))
		}
	}},
	{"history/count zero", nil, func(e *env) {
		alice, bob := e.pair()
		all := e.talk(alice, bob, 2)
		for name, p := range map[string]sdkconn.GetMsgListParam{
			"nothing given": {}, "forward": {IsForward: true}, "with a position": {LastMsg: all[1]},
		} {
			_, err := alice.GetMsgList(e.ctx, sdkconn.C2C("bob"), p)
			e.refused(name, err, sdkconn.CodeInvalidParameters)
		}
	}},
	{"history/an empty conversation", nil, func(e *env) {
		alice, _ := e.pair()
		e.addUsers("carol")
		if page := alice.page(sdkconn.C2C("carol"), sdkconn.GetMsgListParam{Count: 10}); len(page) != 0 {
			e.Errorf("got %q", texts(page))
		}
	}},
	{"history/conversations do not mix", nil, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		alice.send(sdkconn.C2C("bob"), "to bob")
		alice.send(sdkconn.C2C("carol"), "to carol")
		carol.send(sdkconn.C2C("bob"), "carol to bob")
		equal(e, "alice with bob", texts(alice.history(sdkconn.C2C("bob"))), []string{"to bob"})
		equal(e, "alice with carol", texts(alice.history(sdkconn.C2C("carol"))), []string{"to carol"})
		equal(e, "bob with alice", texts(bob.history(sdkconn.C2C("alice"))), []string{"to bob"})
		equal(e, "bob with carol", texts(bob.history(sdkconn.C2C("carol"))), []string{"carol to bob"})
	}},
	{"history/what is returned is the caller's", nil, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		m := alice.post(conv, textMessage("x"))
		first := alice.history(conv)[0]
		want := e.dump(first)
		first.Elems[0].(*sdkconn.TextElem).Text, first.Sender = "changed", "changed"
		m.Elems[0].(*sdkconn.TextElem).Text = "changed"
		if got := e.dump(alice.history(conv)[0]); got != want {
			e.Errorf("a change to an answer reached the store:\n%s\n%s", got, want)
		}
	}},
	{"history/it outlives the login", nil, func(e *env) {
		alice, bob := e.pair()
		names := texts(e.talk(alice, bob, 5))
		e.ok(alice.Close())
		again := e.login("alice")
		equal(e, "after a new login", texts(again.history(sdkconn.C2C("bob"))), names)
	}},
}
