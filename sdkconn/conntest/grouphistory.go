package conntest

import (
	"fmt"

	"github.com/timbot-go/timbot/sdkconn"
)

// meeting is a group in which bob, a member from early on, has seen n messages.
func (e *env) meeting(n int) (alice, bob *user, conv sdkconn.Conversation, all []*sdkconn.Message) {
	e.Helper()
	alice, bob, _, conv = e.trio()
	for i := range n {
		from := alice
		if i%2 == 1 {
			from = bob
		}
		from.send(conv, fmt.Sprintf("m%02d", i))
	}
	all = alice.history(conv)
	for i := 1; i < len(all); i++ {
		if all[i].Seq <= all[i-1].Seq {
			e.Fatalf("the history of a group is not in the order of seq: %v", seqs(all))
		}
	}
	if got := userTexts(all); len(got) != n {
		e.Fatalf("%d messages in the history, %d were sent", len(got), n)
	}
	return alice, bob, conv, all
}

var groupHistoryChecks = []check{
	{"history/group: back and forth from every position, which is left out", []feature{groups}, func(e *env) {
		alice, _, conv, all := e.meeting(8)
		for i, m := range all {
			older := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: m})
			equal(e, fmt.Sprint("older than ", m.Seq), seqs(older), reversed(seqs(all[:i])))
			newer := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: m, IsForward: true})
			equal(e, fmt.Sprint("newer than ", m.Seq), seqs(newer), seqs(all[i+1:]))
		}
	}},
	{"history/group: paging without gap or repeat", []feature{groups}, func(e *env) {
		alice, bob, conv, all := e.meeting(33)
		for _, size := range []uint32{1, 7, 20} {
			equal(e, fmt.Sprintf("back in pages of %d", size), seqs(alice.pages(conv, nil, false, size)), reversed(seqs(all)))
			equal(e, fmt.Sprintf("forth in pages of %d", size), seqs(alice.pages(conv, all[0], true, size)), seqs(all[1:]))
		}
		equal(e, "a member's", userTexts(reversed(bob.pages(conv, nil, false, 10))), userTexts(all))
	}},
	{"history/group: a position counts by its seq", []feature{groups}, func(e *env) {
		alice, _, conv, all := e.meeting(6)
		at := &sdkconn.Message{Seq: all[3].Seq}
		newer := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: at, IsForward: true})
		equal(e, "newer", seqs(newer), seqs(all[4:]))
		older := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: at})
		equal(e, "older", seqs(older), reversed(seqs(all[:3])))
	}},
	{"history/group: last_msg_seq belongs to the answer", []feature{groups}, func(e *env) {
		alice, _, conv, all := e.meeting(8)
		for i, m := range all {
			older := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsgSeq: m.Seq})
			equal(e, fmt.Sprint("up to ", m.Seq), seqs(older), reversed(seqs(all[:i+1])))
			newer := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsgSeq: m.Seq, IsForward: true})
			equal(e, fmt.Sprint("from ", m.Seq), seqs(newer), seqs(all[i:]))
		}
		page := alice.page(conv, sdkconn.GetMsgListParam{Count: 2, LastMsgSeq: all[4].Seq})
		equal(e, "two of them", seqs(page), reversed(seqs(all[3:5])))
	}},
	{"history/group: last_msg wins over last_msg_seq", []feature{groups}, func(e *env) {
		alice, _, conv, all := e.meeting(6)
		page := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, LastMsg: all[2], LastMsgSeq: all[5].Seq})
		equal(e, "older", seqs(page), reversed(seqs(all[:2])))
	}},
	{"history/group: certain seqs, newest first", []feature{groups}, func(e *env) {
		alice, _, conv, all := e.meeting(8)
		last := all[len(all)-1].Seq
		page := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, Seqs: []uint64{last - 2, last, 1 << 40, last - 5, last - 2}})
		equal(e, "those that exist", seqs(page), []uint64{last, last - 2, last - 5})
		page = alice.page(conv, sdkconn.GetMsgListParam{Count: 100, Seqs: []uint64{1 << 40, 1<<64 - 1}})
		equal(e, "none exists", seqs(page), nil)
	}},
	{"history/group: time ranges include both ends", []feature{groups, clock}, func(e *env) {
		alice, _, conv, all := e.meeting(6) // one each second
		n := len(all)
		page := alice.page(conv, sdkconn.GetMsgListParam{Count: 100, TimeBegin: all[n-2].ServerTime, TimePeriod: 2})
		equal(e, "back", seqs(page), reversed(seqs(all[n-4:n-1])))
		page = alice.page(conv, sdkconn.GetMsgListParam{Count: 100, TimeBegin: all[n-3].ServerTime, TimePeriod: 1, IsForward: true})
		equal(e, "forth", seqs(page), seqs(all[n-3:n-1]))
	}},
	{"history/group: forward without a position there is nothing newer", []feature{groups}, func(e *env) {
		alice, _, conv, _ := e.meeting(3)
		if page := alice.page(conv, sdkconn.GetMsgListParam{Count: 10, IsForward: true}); len(page) != 0 {
			e.Errorf("got %v", seqs(page))
		}
	}},
}
