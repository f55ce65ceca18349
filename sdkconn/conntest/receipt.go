package conntest

import (
	"fmt"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func readFlags(msgs []*sdkconn.Message) []bool {
	var all []bool
	for _, m := range msgs {
		all = append(all, m.IsRead)
	}
	return all
}

func peerReadFlags(msgs []*sdkconn.Message) []bool {
	var all []bool
	for _, m := range msgs {
		all = append(all, m.IsPeerRead)
	}
	return all
}

var receiptChecks = []check{
	{"receipt/everything is read", nil, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "one")
		alice.send(sdkconn.C2C("bob"), "two")
		conv := sdkconn.C2C("alice")
		equal(e, "before", readFlags(bob.history(conv)), []bool{false, false})
		e.ok(bob.ReportReaded(e.ctx, conv, nil))
		equal(e, "after", readFlags(bob.history(conv)), []bool{true, true})
		e.pass(time.Second)
		alice.send(sdkconn.C2C("bob"), "three")
		equal(e, "one more", readFlags(bob.history(conv)), []bool{true, true, false})
	}},
	{"receipt/up to a message", []feature{clock}, func(e *env) {
		alice, bob := e.pair()
		for i := range 4 {
			alice.send(sdkconn.C2C("bob"), fmt.Sprint(i))
		}
		conv := sdkconn.C2C("alice")
		h := bob.history(conv)
		e.ok(bob.ReportReaded(e.ctx, conv, h[1]))
		equal(e, "read", readFlags(bob.history(conv)), []bool{true, true, false, false})
		e.ok(bob.ReportReaded(e.ctx, conv, h[0]))
		equal(e, "an older one does not unread", readFlags(bob.history(conv)), []bool{true, true, false, false})
	}},
	{"receipt/the peer gets one receipt", []feature{receipts, clock}, func(e *env) {
		alice, bob := e.pair()
		for i := range 3 {
			alice.send(sdkconn.C2C("bob"), fmt.Sprint(i))
		}
		h := bob.history(sdkconn.C2C("alice"))
		alice.forget()
		bob.forget()
		e.ok(bob.ReportReaded(e.ctx, sdkconn.C2C("alice"), h[1]))
		told := alice.ofKind(sdkconn.EventReadedReceipt)
		if len(told) != 1 {
			e.Fatalf("alice was told %d receipts", len(told))
		}
		r := told[0].Receipt
		if r.ConvID != "bob" || r.ConvType != sdkconn.ConvC2C || r.TimeStamp != h[1].ServerTime {
			e.Errorf("alice was told %+v, want bob up to %d", r, h[1].ServerTime)
		}
		equal(e, "peer read", peerReadFlags(alice.history(sdkconn.C2C("bob"))), []bool{true, true, false})
		if told := bob.ofKind(sdkconn.EventReadedReceipt); len(told) != 0 {
			e.Errorf("the reader was told a receipt: %+v", told)
		}
		e.ok(bob.ReportReaded(e.ctx, sdkconn.C2C("alice"), nil))
		told = alice.ofKind(sdkconn.EventReadedReceipt)
		if len(told) != 2 || told[1].Receipt.TimeStamp < h[2].ServerTime {
			e.Errorf("alice was told %d receipts, the last %+v", len(told), told[len(told)-1].Receipt)
		}
		equal(e, "all peer read", peerReadFlags(alice.history(sdkconn.C2C("bob"))), []bool{true, true, true})
		e.pass(time.Second)
		alice.send(sdkconn.C2C("bob"), "later")
		equal(e, "a later one is not", peerReadFlags(alice.history(sdkconn.C2C("bob"))), []bool{true, true, true, false})
		equal(e, "nor is bob's own view", peerReadFlags(bob.history(sdkconn.C2C("alice")))[3:], []bool{false})
	}},
	{"receipt/unread counts", []feature{conversations}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		want := func(what string, fromAlice, fromCarol uint64) {
			e.Helper()
			if a, c := bob.unread(sdkconn.C2C("alice")), bob.unread(sdkconn.C2C("carol")); a != fromAlice || c != fromCarol {
				e.Errorf("%s: %d and %d unread, want %d and %d", what, a, c, fromAlice, fromCarol)
			}
		}
		alice.send(sdkconn.C2C("bob"), "1")
		alice.send(sdkconn.C2C("bob"), "2")
		carol.send(sdkconn.C2C("bob"), "3")
		want("three came", 2, 1)
		bob.send(sdkconn.C2C("alice"), "own")
		want("own ones do not count", 2, 1)
		e.ok(bob.ReportReaded(e.ctx, sdkconn.C2C("alice"), nil))
		want("alice's are read", 0, 1)
		e.ok(bob.ReportReaded(e.ctx, sdkconn.C2C("alice"), nil))
		want("again", 0, 1)
		e.pass(time.Second)
		alice.send(sdkconn.C2C("bob"), "4")
		want("one more", 1, 1)
		e.ok(bob.ReportReaded(e.ctx, sdkconn.Conversation{Type: sdkconn.ConvC2C}, nil))
		want("all conversations", 0, 0)
		if n := alice.unread(sdkconn.C2C("bob")); n != 1 {
			e.Errorf("alice has %d unread, want her own 1", n)
		}
	}},
	{"receipt/the list tells that it was read", []feature{convEvents}, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "x")
		bob.forget()
		e.ok(bob.ReportReaded(e.ctx, sdkconn.C2C("alice"), nil))
		equal(e, "bob is told", told(bob.events()), []string{"conv 2 c2c_alice unread 0"})
	}},
	{"receipt/group: up to a seq, and nobody is told", []feature{groups}, func(e *env) {
		alice, bob, carol, conv := e.trio()
		for i := range 3 {
			alice.send(conv, fmt.Sprint(i))
		}
		h := bob.history(conv)
		last := h[len(h)-2]
		for _, u := range []*user{alice, carol} {
			u.forget()
		}
		e.ok(bob.ReportReaded(e.ctx, conv, last))
		for _, m := range bob.history(conv) {
			if m.Sender == "alice" && m.IsRead != (m.Seq <= last.Seq) {
				e.Errorf("seq %d: read is %v, reported was %d", m.Seq, m.IsRead, last.Seq)
			}
		}
		for _, u := range []*user{alice, carol} {
			if told := u.ofKind(sdkconn.EventReadedReceipt); len(told) != 0 {
				e.Errorf("%s was told a receipt: %+v", u.name, told)
			}
		}
		if !e.features.NoConversations {
			if n := bob.unread(conv); n != 1 {
				e.Errorf("%d unread, want 1", n)
			}
			e.ok(bob.ReportReaded(e.ctx, sdkconn.Conversation{Type: sdkconn.ConvC2C}, nil))
			if n := bob.unread(conv); n != 1 {
				e.Errorf("reading all C2C conversations left %d unread in the group, want 1", n)
			}
			e.ok(bob.ReportReaded(e.ctx, sdkconn.Conversation{Type: sdkconn.ConvGroup}, nil))
			if n := bob.unread(conv); n != 0 {
				e.Errorf("reading all groups left %d unread", n)
			}
		}
	}},
	{"receipt/nothing to read is no error", nil, func(e *env) {
		alice, _ := e.pair()
		e.ok(alice.ReportReaded(e.ctx, sdkconn.C2C("bob"), nil))
		e.ok(alice.ReportReaded(e.ctx, sdkconn.Conversation{Type: sdkconn.ConvC2C}, nil))
		e.ok(alice.ReportReaded(e.ctx, sdkconn.Conversation{Type: sdkconn.ConvGroup}, nil))
	}},
}
