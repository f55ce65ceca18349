package conntest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// unknownUser is the codes with which services refuse a recipient that does not exist.
var unknownUser = []sdkconn.Code{
	sdkconn.CodeToUserInvalid, sdkconn.CodeInvalidMsgReceiver, sdkconn.CodeSvrMsgInvalidID, sdkconn.CodeSvrMsgToAccountNotFound,
	sdkconn.CodeSvrMsgAccountNotFound, sdkconn.CodeSvrAccountNotFound, sdkconn.CodeInvalidIdentifier,
}

var tooLarge = []sdkconn.Code{sdkconn.CodeMsgBodySizeLimit, sdkconn.CodeSvrCommBodySizeLimit, sdkconn.CodeSvrMsgBodySizeLimit}

var sendChecks = []check{
	{"send/the answer is the message as accepted", nil, func(e *env) {
		alice, _ := e.pair()
		before := textMessage("hello 你好 😀")
		before.CloudCustom = "cloud"
		m := alice.post(sdkconn.C2C("bob"), before)
		if m == before {
			e.Error("the answer is the caller's own message")
		}
		e.accepted(m, "alice", sdkconn.C2C("bob"))
		if m.Text() != "hello 你好 😀" || m.CloudCustom != "cloud" {
			e.Errorf("content changed: %s", e.dump(m))
		}
		if want := m.ServerTime<<32 + m.Rand; m.UniqueID != want {
			e.Errorf("unique id %d, want time*2^32+rand = %d", m.UniqueID, want)
		}
	}},
	{"send/only the service fills in who, when and where", nil, func(e *env) {
		alice, _ := e.pair()
		msg := textMessage("x")
		msg.ClientTime, msg.ServerTime, msg.Rand, msg.Seq, msg.UniqueID, msg.MsgID = 1, 2, 3, 4, 5, "6"
		msg.Sender, msg.ConvID, msg.ConvType, msg.Status, msg.Platform = "bob", "carol", sdkconn.ConvGroup, sdkconn.StatusRevoked, sdkconn.PlatformMac
		msg.IsPeerRead, msg.RevokerUserID = true, "bob"
		before := e.dump(msg)
		m := alice.post(sdkconn.C2C("bob"), msg)
		e.accepted(m, "alice", sdkconn.C2C("bob"))
		if m.ClientTime == 1 || m.ServerTime == 2 || m.Rand == 3 || m.UniqueID == 5 || m.MsgID == "6" {
			e.Errorf("the caller's own values were taken: %s", e.dump(m))
		}
		if m.IsPeerRead || m.RevokerUserID != "" {
			e.Errorf("the peer has not read it, and nobody revoked it: %s", e.dump(m))
		}
		if after := e.dump(msg); after != before {
			e.Errorf("the argument was changed:\n%s\n%s", before, after)
		}
	}},
	{"send/the sender's settings are kept", nil, func(e *env) {
		alice, bob := e.pair()
		msg := textMessage("x")
		msg.CloudCustom, msg.CustomInt, msg.CustomStr = `{"a":1}`, 7, "mine"
		msg.Priority, msg.ExcludedFromUnread, msg.SupportExtension = sdkconn.PriorityHigh, true, true
		m := alice.post(sdkconn.C2C("bob"), msg)
		if m.CloudCustom != `{"a":1}` || m.CustomInt != 7 || m.CustomStr != "mine" || m.Priority != sdkconn.PriorityHigh ||
			!m.ExcludedFromUnread || !m.SupportExtension {
			e.Errorf("settings are lost: %s", e.dump(m))
		}
		got := bob.onlyNews()
		if got.CloudCustom != `{"a":1}` || got.Priority != sdkconn.PriorityHigh || !got.ExcludedFromUnread {
			e.Errorf("settings did not travel: %s", e.dump(got))
		}
		if got.CustomInt != 0 || got.CustomStr != "" {
			e.Errorf("what is for the sender's device only travelled: %s", e.dump(got))
		}
	}},
	{"send/the peer gets the same message seen from its side", nil, func(e *env) {
		alice, bob := e.pair()
		m := alice.post(sdkconn.C2C("bob"), textMessage("x"))
		got := bob.onlyNews()
		if content(got) != content(m) {
			e.Errorf("content differs:\n%s\n%s", content(got), content(m))
		}
		if got.ServerTime != m.ServerTime || got.Seq != m.Seq || got.Rand != m.Rand || got.MsgID != m.MsgID || got.UniqueID != m.UniqueID {
			e.Errorf("identity differs:\n%s\n%s", e.dump(got), e.dump(m))
		}
		if got.IsFromSelf || got.IsRead || got.ConvID != "alice" || got.ConvType != sdkconn.ConvC2C || got.Status != sdkconn.StatusSendSucc {
			e.Errorf("not seen from bob's side: %s", e.dump(got))
		}
		stored := bob.history(sdkconn.C2C("alice"))
		if len(stored) != 1 || e.dump(stored[0]) != e.dump(got) {
			e.Errorf("the history holds something else than was told:\n%v\n%s", texts(stored), e.dump(got))
		}
		own := alice.history(sdkconn.C2C("bob"))
		if len(own) != 1 || e.dump(own[0]) != e.dump(m) {
			e.Errorf("the sender's history holds something else than the answer:\n%v\n%s", texts(own), e.dump(m))
		}
	}},
	{"send/every key of the SDK's message is there", nil, func(e *env) {
		alice, bob := e.pair()
		m := alice.post(sdkconn.C2C("bob"), textMessage("x"))
		for _, m := range []*sdkconn.Message{m, bob.onlyNews()} {
			if m.SenderProfile == nil || m.SenderProfile.Identifier != "alice" {
				e.Errorf("no sender profile: %s", e.dump(m))
			}
			if m.ReceiptUnreadCount != -1 {
				e.Errorf("unread count of receipts is %d, want -1 (unknown)", m.ReceiptUnreadCount)
			}
			if m.SenderMember != nil || m.GroupAtUsers != nil || m.TargetMembers != nil || m.OfflinePush != nil {
				e.Errorf("a C2C message has keys of groups, or such as nobody set: %s", e.dump(m))
			}
		}
	}},
	{"send/every element that may be sent arrives as it was", nil, func(e *env) {
		alice, bob := e.pair()
		msg := &sdkconn.Message{Elems: sdkconn.Elems{
			&sdkconn.TextElem{Text: "a\x00\n\"\\/ 你好 👨‍👩‍👧 \u2028"},
			&sdkconn.CustomElem{Data: `{"k":1}`, Desc: "d", Ext: "e", Sound: "s"},
			&sdkconn.FaceElem{Index: 3, Buf: "[微笑]"},
			&sdkconn.LocationElem{Desc: "深圳", Latitude: 22.5431, Longitude: -114.0579},
			&sdkconn.MergeElem{Title: "t", Abstract: []string{"a", "b"}, CompatibleText: "c", Messages: []*sdkconn.Message{
				{Sender: "carol", ServerTime: 5, Status: sdkconn.StatusSendSucc, Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "in"}}}}},
			&sdkconn.TextElem{},
		}}
		m := alice.post(sdkconn.C2C("bob"), msg)
		want, err := sdkconn.Marshal(msg.Elems)
		e.ok(err)
		for _, m := range []*sdkconn.Message{m, bob.onlyNews(), bob.history(sdkconn.C2C("alice"))[0]} {
			if got, err := sdkconn.Marshal(m.Elems); err != nil || string(got) != string(want) {
				e.Errorf("%v\ngot  %s\nwant %s", err, got, want)
			}
		}
	}},
	{"send/text is sent up to the limit in bytes", nil, func(e *env) {
		alice, bob := e.pair()
		full := strings.Repeat("你", sdkconn.MaxMsgBytes/3)
		alice.post(sdkconn.C2C("bob"), textMessage(full))
		for name, msg := range map[string]*sdkconn.Message{
			"one byte more": textMessage(full + "x"),
			"two elements":  {Elems: sdkconn.Elems{&sdkconn.TextElem{Text: full[:6000]}, &sdkconn.CustomElem{Data: full[6000:], Ext: "x"}}},
			"a megabyte":    textMessage(strings.Repeat("x", 1<<20)),
		} {
			_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), msg)
			e.refused(name, err, tooLarge...)
		}
		if n := len(bob.news()); n != 1 {
			e.Errorf("%d messages arrived, want 1", n)
		}
		if n := len(alice.history(sdkconn.C2C("bob"))); n != 1 {
			e.Errorf("%d messages in the sender's history, want 1", n)
		}
	}},
	{"send/elements that may not be sent are refused", nil, func(e *env) {
		alice, bob := e.pair()
		text := &sdkconn.TextElem{Text: "x"}
		for name, elems := range map[string]sdkconn.Elems{
			"tips":                {&sdkconn.GroupTipsElem{GroupID: "g", TipType: sdkconn.TipKick}},
			"notice":              {&sdkconn.GroupReportElem{ReportType: sdkconn.ReportBeKicked}},
			"friend change":       {&sdkconn.FriendChangeElem{ChangeType: 1}},
			"profile change":      {&sdkconn.ProfileChangeElem{ChangeType: 1}},
			"unknown type":        {&sdkconn.UnknownElem{Type: 13, Raw: []byte(`{"elem_type":13}`)}},
			"invalid type":        {&sdkconn.UnknownElem{Type: sdkconn.ElemInvalid}},
			"tips beside text":    {text, &sdkconn.GroupTipsElem{TipType: sdkconn.TipKick}},
			"nothing but no more": {nil},
		} {
			_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), &sdkconn.Message{Elems: elems})
			e.refused(name, err, sdkconn.CodeInvalidMsgElem)
		}
		_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), &sdkconn.Message{CloudCustom: "no elements"})
		e.refused("no element", err, sdkconn.CodeInvalidMsgElem)
		if got := texts(bob.news()); got != nil {
			e.Errorf("%d messages arrived: %q", len(got), got)
		}
	}},
	{"send/an unknown user is no recipient", nil, func(e *env) {
		alice, _ := e.pair()
		for _, name := range []string{"nobody", "Bob", "c2c_bob", "bob ", strings.Repeat("x", 33), "你好", "b%", "b_b", "' OR 1=1 --"} {
			_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C(name), textMessage("x"))
			e.refused(name, err, unknownUser...)
		}
	}},
	{"send/a user who was never logged in gets the message later", []feature{offline}, func(e *env) {
		e.addUsers("carol")
		alice := e.login("alice")
		alice.send(sdkconn.C2C("carol"), "one")
		alice.send(sdkconn.C2C("carol"), "two")
		carol := e.login("carol")
		equal(e, "told after login", texts(carol.news()), []string{"one", "two"})
		equal(e, "history", texts(carol.history(sdkconn.C2C("alice"))), []string{"one", "two"})
	}},
	{"send/online-only reaches who is online and is stored nowhere", []feature{onlineOnly}, func(e *env) {
		alice, bob := e.pair()
		msg := textMessage("flash")
		msg.IsOnlineMsg = true
		m := alice.post(sdkconn.C2C("bob"), msg)
		if !m.IsOnlineMsg || m.Status != sdkconn.StatusSendSucc {
			e.Errorf("got %s", e.dump(m))
		}
		got := bob.onlyNews()
		if got.Text() != "flash" || !got.IsOnlineMsg {
			e.Errorf("got %s", e.dump(got))
		}
		for _, u := range []*user{alice, bob} {
			other := map[string]string{"alice": "bob", "bob": "alice"}[u.name]
			if h := u.history(sdkconn.C2C(other)); len(h) != 0 {
				e.Errorf("%s has it in the history: %q", u.name, texts(h))
			}
			l := m.Locator()
			l.IsSelf = u == alice
			if found := u.find(sdkconn.C2C(other), l); found != nil {
				e.Errorf("%s finds it: %s", u.name, e.dump(found))
			}
		}
		if !e.features.NoConversations {
			if n := bob.unread(sdkconn.C2C("alice")); n != 0 {
				e.Errorf("bob has %d unread", n)
			}
		}
		e.refused("revoke", alice.Revoke(e.ctx, sdkconn.C2C("bob"), m), sdkconn.CodeGroupRevokeMsgDeny, sdkconn.CodeInvalidParameters)
	}},
	{"send/online-only never reaches who comes later", []feature{onlineOnly, offline}, func(e *env) {
		e.addUsers("carol")
		alice := e.login("alice")
		msg := textMessage("flash")
		msg.IsOnlineMsg = true
		alice.post(sdkconn.C2C("carol"), msg)
		alice.post(sdkconn.C2C("carol"), textMessage("stays"))
		equal(e, "carol is told", texts(e.login("carol").news()), []string{"stays"})
	}},
	{"send/excluded from unread and from last message", []feature{conversations}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("alice")
		alice.send(sdkconn.C2C("bob"), "counts")
		quiet := textMessage("does not count")
		quiet.ExcludedFromUnread = true
		alice.post(sdkconn.C2C("bob"), quiet)
		e.pass(time.Second)
		aside := textMessage("not the last")
		aside.ExcludedFromLastMessage = true
		alice.post(sdkconn.C2C("bob"), aside)
		if n := bob.unread(conv); n != 2 {
			e.Errorf("%d unread, want 2", n)
		}
		c := bob.conversation(conv)
		if c.LastMsg == nil || c.LastMsg.Text() != "does not count" {
			e.Errorf("the last message is %+v", c.LastMsg)
		}
	}},
	{"send/many senders at once", nil, func(e *env) {
		const senders, each = 6, 20
		bob := e.login("bob")
		var wait sync.WaitGroup
		answers := make([][]*sdkconn.Message, senders)
		errs := make([]error, senders)
		for i := range senders {
			u := e.connect(fmt.Sprintf("sender%d", i))
			wait.Go(func() {
				for k := range each {
					m, err := u.SendNewMsg(e.ctx, sdkconn.C2C("bob"), textMessage(fmt.Sprint(k)))
					if err != nil {
						errs[i] = err
						return
					}
					answers[i] = append(answers[i], m)
				}
			})
		}
		wait.Wait()
		for _, err := range errs {
			e.ok(err)
		}
		ids := make(map[string]bool)
		for _, m := range slices.Concat(answers...) {
			ids[m.MsgID] = true
		}
		if len(ids) != senders*each {
			e.Errorf("%d message ids for %d messages", len(ids), senders*each)
		}
		got := make(map[string][]string)
		for _, m := range bob.news() {
			got[m.Sender] = append(got[m.Sender], m.Text())
		}
		for i := range senders {
			from := fmt.Sprintf("sender%d", i)
			equal(e, "from "+from, got[from], texts(answers[i]))
			equal(e, "history with "+from, texts(bob.history(sdkconn.C2C(from))), texts(answers[i]))
		}
	}},
	{"send/one login used from many goroutines", nil, func(e *env) {
		alice, bob := e.pair()
		const n = 40
		var wait sync.WaitGroup
		msgs, errs := make([]*sdkconn.Message, n), make([]error, n)
		for i := range n {
			wait.Go(func() { msgs[i], errs[i] = alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), textMessage(fmt.Sprint(i))) })
		}
		wait.Wait()
		for _, err := range errs {
			e.ok(err)
		}
		got := bob.news()
		if len(got) != n {
			e.Fatalf("%d arrived, want %d", len(got), n)
		}
		seen := make(map[[3]uint64]bool)
		for _, m := range got {
			seen[[3]uint64{m.ServerTime, m.Seq, m.Rand}] = true
		}
		if len(seen) != n {
			e.Errorf("%d identities for %d messages", len(seen), n)
		}
		equal(e, "history in the order told", texts(bob.history(sdkconn.C2C("alice"))), texts(got))
	}},
}

// accepted checks what the service fills in at a send.
func (e *env) accepted(m *sdkconn.Message, sender string, conv sdkconn.Conversation) {
	e.Helper()
	if m.Sender != sender || !m.IsFromSelf || !m.IsRead || m.Conversation() != conv || m.Status != sdkconn.StatusSendSucc {
		e.Errorf("not the sent message of %s in %v: %s", sender, conv, e.dump(m))
	}
	if m.ClientTime == 0 || m.ServerTime == 0 || m.Rand == 0 || m.Rand > 1<<32-1 || m.Platform != sdkconn.PlatformOther {
		e.Errorf("time, rand or platform are wrong: %s", e.dump(m))
	}
	if !e.features.NoClock {
		if now := uint64(e.service.Now().Unix()); m.ServerTime != now || m.ClientTime != now {
			e.Errorf("times %d and %d, the service's is %d", m.ClientTime, m.ServerTime, now)
		}
	}
	if end := fmt.Sprintf("-%d-%d", m.ClientTime, m.Rand); !strings.HasSuffix(m.MsgID, end) || m.MsgID == end {
		e.Errorf("message id %q, want SENDER%s", m.MsgID, end)
	}
}

// onlyNews is the one new message that the user was told.
func (u *user) onlyNews() *sdkconn.Message {
	u.e.Helper()
	news := u.news()
	if len(news) != 1 {
		u.e.Fatalf("%s was told %d messages: %q", u.name, len(news), texts(news))
	}
	return news[0]
}
