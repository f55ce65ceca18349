package conntest

import (
	"slices"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

var batchChecks = []check{
	{"batch/a message for each, and a result for each in their order", nil, func(e *env) {
		alice := e.login("alice")
		users := []*user{e.login("dave"), e.login("bob"), e.login("carol")}
		msg := textMessage("news")
		msg.CloudCustom = "c"
		before := e.dump(msg)
		results, err := alice.BatchSend(e.ctx, []string{"dave", "bob", "carol"}, msg)
		e.ok(err)
		if len(results) != 3 {
			e.Fatalf("%d results", len(results))
		}
		rands := make(map[uint64]bool)
		for i, u := range users {
			r := results[i]
			if r.User != u.name || r.Err() != nil || r.Msg == nil {
				e.Errorf("result %d: %+v", i, r)
				continue
			}
			e.accepted(r.Msg, "alice", sdkconn.C2C(u.name))
			rands[r.Msg.Rand] = true
			got := u.onlyNews()
			if got.Text() != "news" || got.CloudCustom != "c" || got.Rand != r.Msg.Rand || got.ConvID != "alice" {
				e.Errorf("%s got %s", u.name, e.dump(got))
			}
			if h := alice.history(sdkconn.C2C(u.name)); len(h) != 1 || h[0].MsgID != r.Msg.MsgID {
				e.Errorf("alice's history with %s: %v", u.name, texts(h))
			}
		}
		if len(rands) != 3 {
			e.Errorf("the messages share their rand: %v", rands)
		}
		if e.dump(msg) != before {
			e.Error("the argument was changed")
		}
	}},
	{"batch/some fail", nil, func(e *env) {
		alice, bob := e.pair()
		results, err := alice.BatchSend(e.ctx, []string{"nobody", "bob", "", "你好"}, textMessage("x"))
		e.ok(err)
		if len(results) != 4 {
			e.Fatalf("%d results", len(results))
		}
		for i, name := range []string{"nobody", "bob", "", "你好"} {
			r := results[i]
			if r.User != name {
				e.Errorf("result %d is of %q, want %q", i, r.User, name)
			}
			if name == "bob" {
				e.ok(r.Err())
			} else if codes := append(slices.Clone(unknownUser), sdkconn.CodeParam, sdkconn.CodeInvalidParameters); !slices.Contains(codes, r.Code) {
				e.Errorf("result of %q: %v", name, r.Err())
			}
		}
		equal(e, "bob is told", texts(bob.news()), []string{"x"})
	}},
	{"batch/all fail", nil, func(e *env) {
		alice, _ := e.pair()
		results, err := alice.BatchSend(e.ctx, []string{"nobody", "nobody2"}, textMessage("x"))
		e.refused("unknown users", err, append(slices.Clone(unknownUser), sdkconn.CodeNoSuccResult)...)
		if len(results) != 2 || results[0].Code == 0 || results[1].Code == 0 {
			e.Errorf("results beside the error: %+v", results)
		}
		_, err = alice.BatchSend(e.ctx, []string{"bob"}, textMessage(strings.Repeat("x", sdkconn.MaxMsgBytes+1)))
		e.refused("too large", err, append(slices.Clone(tooLarge), sdkconn.CodeNoSuccResult)...)
		_, err = alice.BatchSend(e.ctx, []string{"bob"}, &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.GroupTipsElem{}}})
		e.refused("tips", err, sdkconn.CodeInvalidMsgElem, sdkconn.CodeNoSuccResult)
	}},
	{"batch/a user named twice gets two", nil, func(e *env) {
		alice, bob := e.pair()
		results, err := alice.BatchSend(e.ctx, []string{"bob", "bob"}, textMessage("x"))
		e.ok(err)
		if len(results) != 2 || results[0].Msg.Rand == results[1].Msg.Rand {
			e.Errorf("results: %+v", results)
		}
		equal(e, "bob is told", texts(bob.news()), []string{"x", "x"})
	}},
	{"batch/nobody and nothing", nil, func(e *env) {
		alice, bob := e.pair()
		for _, users := range [][]string{nil, {}} {
			_, err := alice.BatchSend(e.ctx, users, textMessage("x"))
			e.refused("nobody", err, sdkconn.CodeInvalidParameters)
		}
		_, err := alice.BatchSend(e.ctx, []string{"bob"}, nil)
		e.refused("nil message", err, sdkconn.CodeJSON)
		_, err = alice.BatchSend(e.ctx, []string{"bob"}, &sdkconn.Message{})
		e.refused("empty message", err, sdkconn.CodeJSON)
		if news := bob.news(); len(news) != 0 {
			e.Errorf("%d messages arrived", len(news))
		}
	}},
	{"batch/groups are no users", []feature{groups}, func(e *env) {
		alice, _, _, conv := e.trio()
		_, err := alice.BatchSend(e.ctx, []string{conv.ID}, textMessage("x"))
		e.refused("a group", err, append(slices.Clone(unknownUser), sdkconn.CodeNoSuccResult)...)
	}},
}
