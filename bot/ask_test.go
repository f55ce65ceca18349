package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

// orderRules is a dialogue, and rules that show what else hears a message.
const orderRules = `
  - id: order
    on: message
    match: {any_of: [查订单]}
    session:
      timeout: 5m
      cancel: [取消, 算了]
      on_timeout: [{reply: "too late after ${{ steps.who.text }}"}]
      on_cancel: [{reply: cancelled}]
    do:
      - {id: who, ask: "name?"}
      - id: num
        ask:
          text: "number?"
          accept: answer.text matches "^[0-9]+$"
          tries: 2
          retry_text: "digits, please"
      - reply: "${{ steps.who.text }} ${{ steps.num.text }} ${{ steps.num.value }} ${{ steps.num.out.tries }} ${{ steps.num.out.msg.text }}"
  - {id: guard, stage: guard, on: message, match: {any_of: [spam]}, final: true, do: [{reply: guarded}]}
  - {id: rest, stage: fallback, on: message, do: [{reply: "rest ${{ msg.text }}"}]}
  - {id: seen, stage: observe, on: message, do: [{log: "seen ${{ msg.text }}"}]}
`

// dialogue runs f in a bubble with a bot on rules; say says something to the bot alone and waits.
func dialogue(t *testing.T, rules string, f func(h *house, b *running, say func(texts ...string))) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(rules[1:]))
		f(h, b, func(texts ...string) {
			h.t.Helper()
			for _, text := range texts {
				h.say("alice", sdkconn.C2C(botUser), text)
				b.idle()
			}
		})
		b.stop()
	})
}

func TestADialogue(t *testing.T) {
	direct := sdkconn.C2C(botUser)
	for name, test := range map[string]struct {
		say  []string // "+5m" lets time pass
		want []string
	}{
		"to its end":                  {[]string{"查订单", "Ann", "12", "12"}, []string{"name?", "number?", "Ann 12 12 1 12", "rest 12"}},
		"an answer that is refused":   {[]string{"查订单", "Ann", "x", "7"}, []string{"name?", "number?", "digits, please", "Ann 7 7 2 7"}},
		"no tries left":               {[]string{"查订单", "Ann", "x", "y", "z"}, []string{"name?", "number?", "digits, please", "rest z"}},
		"cancelled":                   {[]string{"查订单", "Ann", "取消", "x"}, []string{"name?", "number?", "cancelled", "rest x"}},
		"timed out":                   {[]string{"查订单", "Ann", "+5m", "12"}, []string{"name?", "number?", "too late after Ann", "rest 12"}},
		"each answer has its time":    {[]string{"查订单", "+4m", "Ann", "+4m", "x", "+4m", "12"}, []string{"name?", "number?", "digits, please", "Ann 12 12 2 12"}},
		"its own trigger is a name":   {[]string{"查订单", "查订单", "12"}, []string{"name?", "number?", "查订单 12 12 1 12"}},
		"a final guard rule keeps it": {[]string{"查订单", "spam", "Ann"}, []string{"name?", "guarded", "number?"}},
	} {
		t.Run(name, func(t *testing.T) {
			dialogue(t, orderRules, func(h *house, b *running, say func(...string)) {
				for _, text := range test.say {
					if d, ok := strings.CutPrefix(text, "+"); ok {
						d, _ := time.ParseDuration(d)
						time.Sleep(d)
						synctest.Wait()
						b.idle()
						continue
					}
					say(text)
				}
				h.wantHeard("alice", direct, test.want...)
			})
		})
	}
}

func TestADialogueLeavesNothingBehind(t *testing.T) {
	dialogue(t, orderRules, func(h *house, b *running, say func(...string)) {
		say("查订单", "Ann", "12", "查订单", "取消", "查订单", "Ann", "x", "y")
		say("查订单")
		time.Sleep(6 * time.Minute)
		b.idle()
		wantClean(h)
	})
}

// wantClean checks that nothing is open.
func wantClean(h *house) {
	h.t.Helper()
	ctx := h.t.Context()
	if pending, _ := h.journal.Pending(ctx, 0, 10); len(pending) != 0 {
		h.t.Errorf("%d events are still open", len(pending))
	}
	if timers, _ := h.journal.Timers(ctx); len(timers) != 0 {
		h.t.Errorf("timers are left: %v", timers)
	}
	for _, scope := range []string{"wait", "handoff", "approval"} {
		if state, _ := h.journal.State(ctx, scope); len(state) != 0 {
			h.t.Errorf("the state %s is left: %q", scope, state)
		}
	}
}

func TestWhatAnAnswerIsTo(t *testing.T) {
	dialogue(t, orderRules, func(h *house, b *running, say func(...string)) {
		group := sdkconn.Group("g")
		h.say("alice", group, "查订单")
		b.idle()
		say("not here")
		h.say("bob", group, "nor I")
		b.idle()
		h.say("bob", group, "查订单") // a dialogue of his own
		b.idle()
		h.say("alice", group, "Ann")
		h.say("bob", group, "Bob")
		b.idle()
		h.say("bob", group, "2")
		h.say("alice", group, "1")
		b.idle()
		h.wantHeard("alice", group, "name?", "rest nor I", "name?", "number?", "number?", "Bob 2 2 1 2", "Ann 1 1 1 1")
		h.wantHeard("alice", sdkconn.C2C(botUser), "rest not here")
		for _, want := range []string{"seen Ann", "seen 2", "seen 查订单"} {
			if !strings.Contains(h.log.String(), want) {
				h.t.Errorf("stage observe did not see %q:\n%s", want, h.log)
			}
		}
	})
}

func TestADialogueWithAChat(t *testing.T) {
	dialogue(t, `
  - id: quiz
    on: message.group
    match: {any_of: [quiz]}
    session: {per: chat}
    do:
      - {id: a, ask: {text: "2 + 2?", accept: "answer.text == '4'", tries: 5}}
      - reply: "${{ user.id }} asked"
  - id: solo
    on: message.group
    match: {any_of: [solo]}
    session: {}
    do: [{ask: "you?"}]
`, func(h *house, b *running, say func(...string)) {
		group := sdkconn.Group("g")
		for _, said := range [][2]string{{"alice", "quiz"}, {"alice", "5"}, {"bob", "solo"}, {"bob", "4"}, {"bob", "solo"}, {"alice", "quiz"}, {"bob", "me"}} {
			h.say(said[0], group, said[1])
			b.idle()
		}
		// While everybody is asked, nobody alone is; while one is asked, not everybody.
		h.wantHeard("alice", group, "2 + 2?", "2 + 2?", "2 + 2?", "alice asked", "you?")
		wantClean(h)
	})
}

func TestAPictureAnswers(t *testing.T) {
	dialogue(t, `
  - id: pic
    on: message.c2c
    match: {any_of: [start]}
    session: {}
    do:
      - {id: p, ask: {text: "a face?", accept: "answer.text == '' && answer.msg.elems[0].kind == 'face'"}}
      - reply: "<${{ steps.p.text }}> ${{ steps.p.out.msg.elems[0].kind }}"
`, func(h *house, b *running, say func(...string)) {
		say("start", "no")
		_, err := h.people["alice"].SendNewMsg(h.t.Context(), sdkconn.C2C(botUser), &sdkconn.Message{
			Elems: sdkconn.Elems{&sdkconn.FaceElem{Index: 3}},
		})
		if err != nil {
			h.t.Fatal(err)
		}
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "a face?", "a face?", "<> face")
	})
}

func TestAnAskThatFails(t *testing.T) {
	dialogue(t, `
  - id: r
    on: message.c2c
    match: {any_of: [start]}
    session: {}
    do:
      - {id: a, ask: {text: q, accept: "int(answer.text) > 3", tries: 2}, on_error: continue}
      - reply: "${{ steps.a.ok }} ${{ steps.a.error.code }}"
`, func(h *house, b *running, say func(...string)) {
		say("start", "no number", "2")
		h.wantHeard("alice", sdkconn.C2C(botUser), "q", "q", "false not_accepted")
		wantClean(h)
	})
}

func TestADialogueInTheTraces(t *testing.T) {
	dialogue(t, orderRules, func(h *house, b *running, say func(...string)) {
		say("查订单", "Ann", "spam")
		time.Sleep(6 * time.Minute)
		b.idle()
		for what, want := range map[string][]string{
			"查订单":  {`"outcome":"timed out"`, "no answer in 5m0s", `"name":"who"`},
			"Ann":  {`answer to order (who)`, `"taken":"answer to order (who)"`},
			"spam": {"not taken as an answer to order (num): rule guard is final"},
		} {
			trace := traceOf(h, what)
			for _, w := range want {
				if !strings.Contains(trace, w) {
					h.t.Errorf("the trace of %q has no %s: %s", what, w, trace)
				}
			}
		}
	})
}

func TestAClosedGateIsInTheTrace(t *testing.T) {
	dialogue(t, `
  - id: quiz
    on: message.group
    match: {any_of: [quiz]}
    session: {per: chat}
    do: [{probe.repeat: x}, {delay: 10m}, {ask: "2 + 2?"}]
  - {id: rest, on: message.group, do: [{reply: "rest"}]}
`, func(h *house, b *running, say func(...string)) {
		h.say("alice", sdkconn.Group("g"), "quiz")
		b.idle()
		h.say("bob", sdkconn.Group("g"), "quiz too")
		b.idle()
		h.wantHeard("alice", sdkconn.Group("g"), "rest")
		if trace := traceOf(h, "quiz too"); !strings.Contains(trace, "a dialogue of rule quiz is open") {
			h.t.Errorf("trace: %s", trace)
		}
	})
}

// traceOf is the trace of the event with a text.
func traceOf(h *house, text string) string {
	h.t.Helper()
	records, err := h.journal.Records(h.t.Context(), journal.Query{})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range records {
		if strings.Contains(string(r.Data), `"`+text+`"`) {
			return string(r.Trace.Data)
		}
	}
	h.t.Fatalf("no event with %q", text)
	return ""
}

func TestADelayIsNotBegunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		set := h.set(`
  - id: r
    on: message.c2c
    do:
      - set: {vars: {d: 10m}}
      - delay: ${{ msg.text }}
      - reply: "${{ msg.text }} over"
`[1:])
		b := h.start(set)
		h.say("alice", sdkconn.C2C(botUser), "10m")
		h.say("alice", sdkconn.C2C(botUser), "1m")
		b.idle()
		time.Sleep(time.Minute)
		synctest.Wait()
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "1m over")
		time.Sleep(4 * time.Minute)
		b.stop()
		time.Sleep(4 * time.Minute)
		b = h.start(set, bot.WithGrace(time.Second))
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "1m over")
		time.Sleep(time.Minute)
		synctest.Wait()
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "1m over", "10m over")
		wantClean(h)
	})
}

func TestAnswersComeFromAfterTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		direct := sdkconn.C2C(botUser)
		h.say("alice", direct, "查订单")
		time.Sleep(10 * time.Second)
		h.say("alice", direct, "hurry up")
		time.Sleep(time.Minute)
		b := h.start(h.set(orderRules[1:])) // it was away
		b.idle()
		h.wantHeard("alice", direct, "name?", "rest hurry up")
		b.stop()
		time.Sleep(time.Minute)
		h.say("alice", direct, "Ann") // while it is away again
		time.Sleep(time.Minute)
		b.again(h.set(orderRules[1:]))
		b.idle()
		h.wantHeard("alice", direct, "name?", "rest hurry up", "number?")
	})
}

func TestAnAnswerInTimeCountsThoughTheBotWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		direct := sdkconn.C2C(botUser)
		b := h.start(h.set(orderRules[1:]))
		b.says("alice", direct, "查订单")
		b.stop()
		time.Sleep(time.Minute)
		h.say("alice", direct, "Ann")
		time.Sleep(time.Hour)
		b.again(h.set(orderRules[1:]))
		b.pass(10 * time.Second)
		h.wantHeard("alice", direct, "name?", "number?")
		b.stop()
		time.Sleep(time.Hour)
		h.say("alice", direct, "12") // too late
		b.again(h.set(orderRules[1:]))
		b.pass(10 * time.Second)
		got := h.heard("alice", direct)
		slices.Sort(got)
		if want := []string{"name?", "number?", "rest 12", "too late after Ann"}; !slices.Equal(got, want) {
			t.Errorf("alice heard %q, want %q\n%s", got, want, h.log)
		}
	})
}

func TestADialogueGoesOnUnderOtherRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		direct := sdkconn.C2C(botUser)
		b := h.start(h.set(orderRules[1:]))
		b.says("alice", direct, "查订单")
		b.stop()
		b.again(h.set("  - {id: other, on: bot.started, do: [{log: x}]}\n")) // no rule is on messages
		b.says("alice", direct, "Ann")
		b.says("alice", direct, "12")
		b.says("alice", direct, "bye")
		h.wantHeard("alice", direct, "name?", "number?", "Ann 12 12 1 12")
		wantClean(h)
	})
}

func TestAPanicEndsADialogue(t *testing.T) {
	dialogue(t, `
  - id: r
    on: message.c2c
    match: {any_of: [start]}
    session: {}
    do:
      - {id: a, ask: "q"}
      - {probe.ask: "${{ steps.a.text }}"}
`, func(h *house, b *running, say func(...string)) {
		h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error { panic(name) })
		say("start", "boom", "start")
		h.wantHeard("alice", sdkconn.C2C(botUser), "q", "q")
		say("boom")
		wantClean(h)
	})
}

func TestOneEventBeginsOneDialogue(t *testing.T) {
	dialogue(t, `
  - {id: one, on: message.c2c, continue: true, match: {any_of: [start]}, session: {}, do: [{ask: "one?"}, {reply: done}]}
  - {id: two, on: message.c2c, match: {any_of: [start]}, session: {}, do: [{ask: "two?"}]}
`, func(h *house, b *running, say func(...string)) {
		say("start", "answer")
		h.wantHeard("alice", sdkconn.C2C(botUser), "one?", "done")
		wantClean(h)
	})
}

func TestManyDialoguesAtOnce(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(orderRules[1:]))
	var names []string
	for i := range 10 {
		name := fmt.Sprintf("user%d", i)
		names, h.people[name] = append(names, name), h.login(name)
	}
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() {
			for _, text := range []string{"查订单", name, "x", "12"} {
				h.say(name, sdkconn.C2C(botUser), text)
				b.idle()
			}
		})
	}
	all.Wait()
	b.idle()
	for _, name := range names {
		h.wantHeard(name, sdkconn.C2C(botUser), "name?", "number?", "digits, please", name+" 12 12 2 12")
	}
	wantClean(h)
}

// stubborn is a connection that refuses to send at first.
type stubborn struct {
	sdkconn.Conn
	refusals atomic.Int32
}

func (c *stubborn) SendNewMsg(ctx context.Context, where sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	if c.refusals.Add(-1) >= 0 {
		return nil, errors.New("not now")
	}
	return c.Conn.SendNewMsg(ctx, where, msg)
}

func (c *stubborn) WaitIdle(ctx context.Context) error { return c.Conn.(sdkconn.Idler).WaitIdle(ctx) }

func TestAQuestionIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		direct := sdkconn.C2C(botUser)
		conn := &stubborn{Conn: h.self}
		conn.refusals.Store(1)
		h.self = conn
		b := h.start(h.set(orderRules[1:]))
		b.says("alice", direct, "查订单")
		b.says("alice", direct, "early") // nothing was asked yet
		h.wantHeard("alice", direct, "rest early")
		b.pass(10 * time.Second)
		b.says("alice", direct, "Ann")
		h.wantHeard("alice", direct, "rest early", "name?", "number?")
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
	})
}
