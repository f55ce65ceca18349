package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

const echo = `
  - id: echo
    on: message
    do: [{reply: "${{ msg.text }}!"}]
`

func TestAnswersOthersAndNotItself(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(echo))
	h.say("alice", sdkconn.C2C(botUser), "你好")
	h.say("bob", sdkconn.Group("g"), "hi")
	b.idle()
	h.wantHeard("alice", sdkconn.C2C(botUser), "你好!")
	h.wantHeard("alice", sdkconn.Group("g"), "hi!")
	if err := b.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestUserTextIsNeverEvaluated(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(echo))
	for _, text := range []string{"${{ secrets.X }}", "{{ .X }}", "a: [1", "msg.text", "*alias", "${{ 1 + 1 }}"} {
		h.say("alice", sdkconn.C2C(botUser), text)
		b.idle()
		if got := h.heard("alice", sdkconn.C2C(botUser)); got[len(got)-1] != text+"!" {
			t.Errorf("%q was answered with %q", text, got[len(got)-1])
		}
	}
}

// Text stays text on every way through a rule: captures, vars, state, lists, signals, what an action gave.
func TestUserTextIsNeverEvaluatedOnItsWay(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.hookSet(`
  - id: take
    on: message.c2c
    match: {mode: regex, any_of: ['(?s)(?P<all>.+)']}
    do:
      - set: {vars: {a: "${{ match.groups.all }}"}, user: {b: "${{ msg.text }}"}}
      - for_each: {in: "${{ [vars.a, state.user.b] }}", as: x, do: [{set: {chat: {c: "${{ x }}"}}}]}
      - {id: p, probe.ask: "${{ state.chat.c }}"}
      - signal: {name: told, data: {text: "${{ steps.p.out.name }}"}}
  - id: say
    on: signal.told
    do:
      - send: {to_user: alice, text: "${{ event.data.text }}!"}
`))
	for _, text := range []string{
		"${{ secrets.HOOK }}", "x ${{ '${{ secrets.HOOK }}' }} }}", "{{ secrets.HOOK }}", "secrets.HOOK", "$HOOK ${HOOK} $(HOOK)", "*a &a !!str",
		"- a: [1\n  b: }", "\"; secrets.HOOK; \"", "'}} ${{ secrets.HOOK", "let a = secrets.HOOK; a", `{"$message": {}}`, "%s %!d(MISSING) \\1 ${1}",
	} {
		h.say("alice", sdkconn.C2C(botUser), text)
		b.idle()
		if got := h.heard("alice", sdkconn.C2C(botUser)); len(got) == 0 || got[len(got)-1] != text+"!" {
			t.Errorf("%q was answered with %q\n%s", text, got, h.log)
		}
	}
	if strings.Contains(h.log.String(), hookSecret) {
		t.Error("the log has the secret")
	}
}

func TestOneConversationIsHandledInOrder(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(echo))
	var want []string
	for i := range 100 {
		text := fmt.Sprint("line ", i)
		h.say("alice", sdkconn.Group("g"), text)
		want = append(want, text+"!")
	}
	b.idle()
	h.wantHeard("bob", sdkconn.Group("g"), want...)
}

const hold = `
  - id: hold
    on: message
    do: [{probe.ask: "${{ user.id }} ${{ msg.text }}"}]
`

func TestConversationsRunInParallelBoundedByWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		const workers, people = 3, 8
		h.probe.answers(func(ctx context.Context, _ *actions.Call, _ string) error {
			time.Sleep(time.Second)
			return nil
		})
		b := h.start(h.set(hold), bot.WithWorkers(workers))
		b.idle()
		for i := range people {
			name := fmt.Sprint("user", i)
			h.people[name] = h.login(name)
			for n := range 3 {
				h.say(name, sdkconn.C2C(botUser), fmt.Sprint(n))
			}
		}
		b.idle()
		calls := h.probe.seen()
		if len(calls) != people*3 {
			t.Errorf("%d calls, want %d: %q", len(calls), people*3, calls)
		}
		for i := range people {
			var own []string
			for _, c := range calls {
				if user, n, _ := strings.Cut(c, " "); user == fmt.Sprint("user", i) {
					own = append(own, n)
				}
			}
			if !slices.Equal(own, []string{"0", "1", "2"}) {
				t.Errorf("user%d was handled in the order %q", i, own)
			}
		}
		if h.probe.most != workers {
			t.Errorf("%d conversations at once, want %d", h.probe.most, workers)
		}
	})
}

// gate lets calls through one by one.
type gate struct {
	entered chan string
	open    chan struct{}
}

func newGate() *gate { return &gate{make(chan string, 1000), make(chan struct{})} }

func (g *gate) answer(ctx context.Context, _ *actions.Call, name string) error {
	g.entered <- name
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestAFullQueueHoldsTheConnectionBackAndLosesNothing(t *testing.T) {
	h := newHouse(t)
	g := newGate()
	h.probe.answers(g.answer)
	b := h.start(h.set(hold), bot.WithWorkers(1), bot.WithQueue(2))
	b.idle()
	const n = 50
	var want []string
	for i := range n {
		h.say("alice", sdkconn.C2C(botUser), fmt.Sprint(i))
		want = append(want, fmt.Sprint("alice ", i))
	}
	<-g.entered
	pending, err := h.journal.Pending(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Idle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Idle of a busy bot with a cancelled context = %v", err)
	}
	close(g.open)
	b.idle()
	h.wantCalls(want...)
	t.Logf("while the only worker was held, %d of %d events were in the journal", len(pending), n)
}

func TestAPanicCostsOneEvent(t *testing.T) {
	h := newHouse(t)
	h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
		if strings.HasSuffix(name, "boom") {
			panic("boom")
		}
		return nil
	})
	b := h.start(h.set(hold + echo[1:]))
	for _, text := range []string{"a", "boom", "b"} {
		h.say("alice", sdkconn.C2C(botUser), text)
	}
	b.idle()
	h.wantCalls("alice a", "alice boom", "alice b")
	if pending, _ := h.journal.Pending(t.Context(), 0, 10); len(pending) != 0 {
		t.Errorf("%d events are still open", len(pending))
	}
	if !strings.Contains(h.log.String(), "panic") {
		t.Errorf("the panic was not logged:\n%s", h.log)
	}
}

func TestStagesAndShadow(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(`
  - {id: watch, stage: observe, on: message, do: [{log: seen}]}
  - {id: fall, stage: fallback, on: message, do: [{reply: fallback}]}
  - {id: ban, stage: guard, final: true, on: message, match: {any_of: [bad]}, do: [{reply: guarded}]}
  - {id: try, stage: guard, final: true, run: shadow, on: message, do: [{reply: never}]}
  - {id: one, on: message, match: {any_of: [one]}, do: [{reply: one}]}
  - {id: two, on: message, match: {any_of: [one, two]}, do: [{reply: two}]}
`[1:]))
	for _, text := range []string{"bad one", "one", "two", "else"} {
		h.say("alice", sdkconn.C2C(botUser), text)
	}
	b.idle()
	h.wantHeard("alice", sdkconn.C2C(botUser), "guarded", "one", "two", "fallback")
	if log := h.log.String(); !strings.Contains(log, "shadow") {
		t.Errorf("the shadow rule's decisions were not logged:\n%s", log)
	}
}

func TestFactsComeFromTheDirectory(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(`
  - id: who
    on: message.group
    do: [{reply: "${{ user.role ?? 'nobody' }} in ${{ chat.name ?? '?' }} (${{ chat.group_type ?? '?' }})"}]
`))
	group := sdkconn.Group("g")
	h.say("alice", group, "1")
	h.say("bob", group, "2")
	b.idle()
	admin := sdkconn.RoleAdmin
	err := h.people["alice"].(sdkconn.Groups).GroupModifyMemberInfo(t.Context(), sdkconn.GroupMemberModifyParam{GroupID: "g", User: "bob", Role: &admin})
	if err != nil {
		t.Fatal(err)
	}
	h.say("bob", group, "3")
	b.idle()
	h.wantHeard("alice", group, "owner in 好物群 (Public)", "member in 好物群 (Public)", "admin in 好物群 (Public)")
}

func TestLifecycleEventsFire(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(`
  - {id: up, on: [bot.started, bot.online], do: [{send: {to_user: alice, text: "${{ event.type }}"}}]}
`))
	b.idle()
	h.wantHeard("alice", sdkconn.C2C(botUser), "bot.started", "bot.online")
}

func TestRunEndsWhenTheConnectionIsLost(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(echo))
	b.idle()
	h.self.Close()
	if err := <-b.done; err == nil || !strings.Contains(err.Error(), "connection") {
		t.Errorf("Run = %v, want the connection's error", err)
	}
	b.cancel()
	b.cancel = nil
	if err := b.Idle(t.Context()); !errors.Is(err, bot.ErrStopped) {
		t.Errorf("Idle of a stopped bot = %v", err)
	}
	if err := b.Run(t.Context()); !errors.Is(err, bot.ErrStopped) {
		t.Errorf("a second Run = %v", err)
	}
}

func TestRunEndsWhenTheJournalFails(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(echo))
	b.idle()
	h.journal.Close()
	h.say("alice", sdkconn.C2C(botUser), "hi")
	if err := <-b.done; err == nil || !strings.Contains(err.Error(), "journal") {
		t.Errorf("Run = %v, want the journal's error", err)
	}
	b.cancel()
	b.cancel = nil
}

func TestManyTalkAtOnce(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(echo))
	const people, each = 16, 20
	for i := range people {
		h.people[fmt.Sprint("user", i)] = h.login(fmt.Sprint("user", i))
	}
	var wg sync.WaitGroup
	for i := range people {
		name := fmt.Sprint("user", i)
		wg.Go(func() {
			for n := range each {
				h.say(name, sdkconn.C2C(botUser), fmt.Sprint(n))
			}
		})
	}
	wg.Wait()
	b.idle()
	for i := range people {
		if got := h.heard(fmt.Sprint("user", i), sdkconn.C2C(botUser)); len(got) != each {
			t.Errorf("user%d got %d answers, want %d", i, len(got), each)
		}
	}
}

func TestWhatPeopleWriteIsNotLogged(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(`
  - {id: cond, on: message, if: "int(msg.text) > 1", do: [{log: x}]}
  - {id: echo, on: message, do: [{reply: "${{ msg.text }}"}, {id: n, reply: "${{ int(msg.text) }}"}]}
`[1:]))
	const secret = "my-secret-words"
	h.say("alice", sdkconn.C2C(botUser), secret)
	b.idle()
	h.wantHeard("alice", sdkconn.C2C(botUser), secret)
	log := h.log.String()
	for _, want := range []string{"rule=cond", "condition failed", "bot.yaml:", "code=expression"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, secret) {
		t.Errorf("the log holds a message's text above debug:\n%s", log)
	}
}

func TestEditsAndRevocationsFire(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(`
  - {id: edit, on: message.edited, do: [{reply: "edited: ${{ msg.text }}"}]}
  - {id: back, on: message.revoked, do: [{reply: "gone: ${{ msg.id == state.chat.id }}"}]}
  - {id: note, on: message, do: [{set: {chat: {id: "${{ msg.id }}"}}}]}
`[1:]))
	conv := sdkconn.C2C(botUser)
	m := h.say("alice", conv, "frist")
	b.idle()
	m.Elems = sdkconn.Elems{&sdkconn.TextElem{Text: "first"}}
	if _, err := h.people["alice"].(sdkconn.MessageModifier).MsgModifyMessage(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	b.idle()
	if err := h.people["alice"].Revoke(t.Context(), conv, m); err != nil {
		t.Fatal(err)
	}
	b.idle()
	h.wantHeard("alice", conv, "edited: first", "gone: true")
}
