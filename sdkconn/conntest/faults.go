package conntest

import (
	"context"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/timbot-go/timbot/sdkconn"
)

// strange is an element that nobody knows.
type strange struct{}

func (strange) ElemType() sdkconn.ElemType { return sdkconn.ElemText }

var faultChecks = []check{
	{"faults/invalid UTF-8 is refused, or sent as valid text", nil, func(e *env) {
		alice, bob := e.pair()
		sent := 0
		for _, text := range []string{"a\xff", "\xe4\xbd", "\xed\xa0\x80", "\x80你好"} {
			msg := textMessage(text)
			msg.CloudCustom = text
			m, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), msg)
			if err != nil {
				continue
			}
			sent++
			if !utf8.ValidString(m.Text()) || !utf8.ValidString(m.CloudCustom) {
				e.Errorf("%q was sent as %q", text, m.Text())
			}
		}
		for _, m := range append(bob.news(), bob.history(sdkconn.C2C("alice"))...) {
			if !utf8.ValidString(m.Text()) {
				e.Errorf("%q arrived", m.Text())
			}
		}
		if n := len(bob.news()); n != sent {
			e.Errorf("%d messages arrived, %d were sent", n, sent)
		}
	}},
	{"faults/elements that cannot be written", nil, func(e *env) {
		alice, bob := e.pair()
		for name, elem := range map[string]sdkconn.Elem{
			"no number":      &sdkconn.LocationElem{Latitude: math.NaN()},
			"infinite":       &sdkconn.LocationElem{Longitude: math.Inf(1)},
			"foreign":        strange{},
			"nil of a type":  (*sdkconn.TextElem)(nil),
			"broken raw":     &sdkconn.UnknownElem{Type: 77, Raw: []byte(`{`)},
			"broken unknown": &sdkconn.TextElem{Text: "x", Unknown: []byte(`{"a":`)},
		} {
			_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{elem}})
			if err == nil {
				e.Errorf("%s: accepted", name)
			}
		}
		if n := len(bob.news()); n != 0 {
			e.Errorf("%d messages arrived", n)
		}
		alice.post(sdkconn.C2C("bob"), textMessage("still works"))
		equal(e, "bob is told", texts(bob.news()), []string{"still works"})
	}},
	{"faults/merged messages nested too deep", nil, func(e *env) {
		alice, _ := e.pair()
		msg := textMessage("innermost")
		for range 2000 {
			msg = &sdkconn.Message{Status: sdkconn.StatusSendSucc, Elems: sdkconn.Elems{&sdkconn.MergeElem{Title: "t", CompatibleText: "c", Messages: []*sdkconn.Message{msg}}}}
		}
		_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), msg)
		e.refused("2000 layers", err, append([]sdkconn.Code{sdkconn.CodeMergerMsgLayersOverLimit, sdkconn.CodeInvalidMsgElem}, tooLarge...)...)
	}},
	{"faults/names made to hurt", nil, func(e *env) {
		alice, bob := e.pair()
		alice.send(sdkconn.C2C("bob"), "x")
		for _, id := range []string{"' OR '1'='1", "%", "_", "b*", "../../etc/passwd", "bob\x00", "bob\n", "\xff", strings.Repeat("x", 1<<16), "bob;", `"`, "😀"} {
			for _, conv := range []sdkconn.Conversation{sdkconn.C2C(id), sdkconn.Group(id)} {
				if msgs, err := alice.GetMsgList(e.ctx, conv, sdkconn.GetMsgListParam{Count: 10}); err == nil && len(msgs) != 0 {
					e.Errorf("the history of %.40q is %v", id, texts(msgs))
				}
				if _, err := alice.SendNewMsg(e.ctx, conv, textMessage("y")); err == nil {
					e.Errorf("%.40q is a recipient", id)
				}
				if err := alice.Revoke(e.ctx, conv, &sdkconn.Message{ServerTime: 1, Seq: 1, Rand: 1}); err == nil {
					e.Errorf("something was revoked in %.40q", id)
				}
			}
		}
		equal(e, "bob is told", texts(bob.news()), []string{"x"})
	}},
	{"faults/numbers at their ends", nil, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		alice.send(conv, "x")
		const most = math.MaxUint64
		for name, l := range map[string]sdkconn.Locator{
			"largest": {Time: most, Seq: most, Rand: most, IsSelf: true}, "sign bit": {Time: 1 << 63, Seq: 1 << 63, Rand: 1 << 63}, "zero": {},
		} {
			if found := alice.find(conv, l); found != nil {
				e.Errorf("%s: found %s", name, e.dump(found))
			}
		}
		last := &sdkconn.Message{ServerTime: most, Seq: most, Rand: most}
		equal(e, "before the end of time", texts(alice.page(conv, sdkconn.GetMsgListParam{Count: 10, LastMsg: last})), []string{"x"})
		equal(e, "after it", texts(alice.page(conv, sdkconn.GetMsgListParam{Count: 10, LastMsg: last, IsForward: true})), nil)
		page := alice.page(conv, sdkconn.GetMsgListParam{Count: 10, TimeBegin: 1, TimePeriod: most, IsForward: true})
		equal(e, "a range without end", texts(page), []string{"x"})
		page = alice.page(conv, sdkconn.GetMsgListParam{Count: 10, TimeBegin: most, TimePeriod: most})
		equal(e, "all of time", texts(page), []string{"x"})
	}},
	{"faults/import of strange messages", []feature{localStore}, func(e *env) {
		alice, _ := e.pair()
		conv := sdkconn.C2C("bob")
		far := old("bob", "far", math.MaxInt64, math.MaxInt64, math.MaxUint32)
		strangers := old("' OR 1=1 --", "x\xff", 1500000000, 1, 1)
		if err := alice.ImportMsgList(e.ctx, conv, []*sdkconn.Message{far, strangers}); err == nil {
			if n := len(alice.history(conv)); n != 2 {
				e.Errorf("%d messages in the history, want 2", n)
			}
		}
		e.pass(time.Second)
		alice.send(conv, "still works")
	}},
	{"faults/a handler that panics costs its own call", nil, func(e *env) {
		alice := e.login("alice")
		bob := e.connect("bob")
		alice.send(sdkconn.C2C("bob"), "x")
		func() {
			defer func() {
				if recover() == nil {
					e.Error("the panic was swallowed")
				}
			}()
			_ = bob.Subscribe(e.ctx, func(context.Context, []sdkconn.Event) error { panic("handler") })
		}()
		bob.subscribe()
		equal(e, "told again", texts(bob.news()), []string{"x"})
	}},
}
