package bot_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

func TestControlSteps(t *testing.T) {
	for name, test := range map[string]struct {
		rule string
		say  []string
		want []string
	}{
		"a step's result": {`
      - {id: first, reply: one}
      - reply: "${{ steps.first.ok }} ${{ steps.first.text }} ${{ steps.first.out.msg.text }}"
`, []string{"x"}, []string{"one", "true one one"}},
		"a skipped step": {`
      - {if: msg.text == "no", reply: skipped}
      - reply: said
`, []string{"x"}, []string{"said"}},
		"choose": {`
      - choose:
          - {if: msg.text == "a", do: [{reply: A}]}
          - {if: msg.text == "b", do: [{reply: B}, {reply: BB}]}
          - {do: [{reply: other}]}
      - reply: after
`, []string{"a", "b", "c"}, []string{"A", "after", "B", "BB", "after", "other", "after"}},
		"choose of nothing": {`
      - choose: [{if: msg.text == "a", do: [{reply: A}]}]
      - reply: after
`, []string{"x"}, []string{"after"}},
		"a block": {`
      - {if: msg.text == "in", do: [{reply: 1}, {reply: 2}]}
      - reply: after
`, []string{"in", "out"}, []string{"1", "2", "after", "after"}},
		"for_each": {`
      - for_each:
          in: ${{ ["x", "y", "z"] }}
          as: it
          do:
            - {id: said, reply: "${{ it }}"}
            - {if: it == "y", do: [{reply: "after ${{ steps.said.text }}"}]}
      - reply: "last ${{ steps.said.text }}"
`, []string{"go"}, []string{"x", "y", "after y", "z", "last z"}},
		"for_each in for_each": {`
      - for_each:
          in: ${{ [1, 2] }}
          as: a
          do:
            - for_each: {in: "${{ ['p', 'q'] }}", as: b, do: [{reply: "${{ a }}${{ b }}"}]}
`, []string{"go"}, []string{"1p", "1q", "2p", "2q"}},
		"for_each of nothing": {`
      - for_each: {in: "${{ [] }}", do: [{reply: never}]}
      - reply: after
`, []string{"go"}, []string{"after"}},
		"stop": {`
      - reply: first
      - {if: msg.text == "stop", do: [{stop: {}}]}
      - reply: second
`, []string{"stop", "go"}, []string{"first", "first", "second"}},
		"vars of a run": {`
      - set: {vars: {n: "${{ len(msg.text) }}"}}
      - set: {vars: {n: "${{ vars.n + 1 }}"}}
      - reply: "${{ vars.n }}"
`, []string{"abc", "a"}, []string{"4", "2"}},
		"state of a user": {`
      - set: {user: {seen: "${{ (state.user.seen ?? 0) + 1 }}", last: "${{ msg.text }}"}}
      - reply: "${{ state.user.seen }} ${{ state.user.last }}"
`, []string{"a", "b", "c"}, []string{"1 a", "2 b", "3 c"}},
		"on_error continue": {`
      - {id: bad, send: {to_user: nobody-here, text: x}, on_error: continue}
      - reply: "${{ steps.bad.ok }} ${{ steps.bad.error.code != '' }}"
`, []string{"x"}, []string{"false true"}},
		"on_error stop": {`
      - reply: before
      - reply: "${{ int(msg.text) }}"
      - reply: never
`, []string{"x"}, []string{"before"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b := h.start(h.set("  - id: r\n    on: message.c2c\n    do:" + test.rule))
			for _, text := range test.say {
				h.say("alice", sdkconn.C2C(botUser), text)
			}
			b.idle()
			h.wantHeard("alice", sdkconn.C2C(botUser), test.want...)
			if pending, _ := h.journal.Pending(t.Context(), 0, 10); len(pending) != 0 {
				t.Errorf("%d events are still open", len(pending))
			}
		})
	}
}

func TestARetryIsATimerAndHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		failures := 2
		h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
			if name == "slow" && failures > 0 {
				failures--
				return errBusy()
			}
			return nil
		})
		b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - {probe.ask: "${{ msg.text }}", retry: {times: 3, backoff: 10s}}
      - reply: "${{ msg.text }} done"
`))
		start := time.Now()
		h.say("alice", sdkconn.C2C(botUser), "slow")
		h.say("alice", sdkconn.C2C(botUser), "quick")
		b.idle()
		h.wantCalls("slow", "quick")
		h.wantHeard("alice", sdkconn.C2C(botUser), "quick done")
		timers, err := h.journal.Timers(t.Context())
		if err != nil || len(timers) != 1 {
			t.Fatalf("timers %v, %v; want one", timers, err)
		}
		if wait := timers[0].Due.Sub(start); wait < 10*time.Second || wait > 12*time.Second {
			t.Errorf("the first retry is due after %s, want 10s to 12s", wait)
		}
		time.Sleep(13 * time.Second)
		b.idle()
		h.wantCalls("slow", "quick", "slow")
		time.Sleep(25 * time.Second)
		b.idle()
		h.wantCalls("slow", "quick", "slow", "slow")
		h.wantHeard("alice", sdkconn.C2C(botUser), "quick done", "slow done")
		if timers, _ := h.journal.Timers(t.Context()); len(timers) != 0 {
			t.Errorf("timers are left: %v", timers)
		}
		if pending, _ := h.journal.Pending(t.Context(), 0, 10); len(pending) != 0 {
			t.Errorf("%d events are still open", len(pending))
		}
	})
}

func TestWhatIsRetried(t *testing.T) {
	for name, test := range map[string]struct {
		action string
		err    error
		calls  int
		code   string
	}{
		"a refusal that may pass":            {"probe.ask", errBusy(), 3, "10023"},
		"a refusal that stays":               {"probe.ask", &sdkconn.Error{Code: sdkconn.CodeGroupNotFound}, 1, "10010"},
		"a send that may have arrived":       {"probe.ask", errLost(), 4, "6012"},
		"an effect that is only reported":    {"probe.report", errLost(), 1, "interrupted"},
		"a repeatable effect":                {"probe.repeat", errLost(), 3, "6012"},
		"what cannot be asked":               {"probe.ask", actions.ErrUnsettled, 1, "interrupted"},
		"what can be asked later":            {"probe.ask", actions.Retry(actions.ErrUnsettled, time.Second), 4, "interrupted"},
		"anything else":                      {"probe.ask", errors.New("disk on fire"), 3, "failed"},
		"the action's own advice":            {"probe.ask", actions.Retry(&sdkconn.Error{Code: sdkconn.CodeGroupNotFound}, time.Second), 3, "10010"},
		"an input that is wrong stays wrong": {"probe.ask", &actions.InputError{Input: "name", Text: "bad"}, 1, "input"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.probe.answers(func(context.Context, *actions.Call, string) error { return test.err })
				b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - {id: s, ` + test.action + `: x, retry: {times: 2, backoff: 1s}, on_error: continue}
      - reply: "${{ steps.s.error.code }}"
`))
				h.say("alice", sdkconn.C2C(botUser), "go")
				b.idle()
				time.Sleep(time.Minute)
				b.idle()
				if calls := h.probe.seen(); len(calls) != test.calls {
					t.Errorf("%d calls, want %d\n%s", len(calls), test.calls, h.log)
				}
				h.wantHeard("alice", sdkconn.C2C(botUser), test.code)
			})
		})
	}
}

func TestAStepHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.probe.answers(func(ctx context.Context, _ *actions.Call, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		})
		b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - {id: a, probe.repeat: short, timeout: 2s, on_error: continue}
      - {id: b, probe.repeat: default, on_error: continue}
      - reply: "${{ steps.a.error.code }} ${{ steps.b.error.code }}"
`))
		start := time.Now()
		h.say("alice", sdkconn.C2C(botUser), "go")
		b.idle()
		if took := time.Since(start); took != 32*time.Second {
			t.Errorf("it took %s, want 2s and the default of 30s", took)
		}
		h.wantHeard("alice", sdkconn.C2C(botUser), "timeout timeout")
	})
}

const threeSteps = `
  - id: r
    on: message.c2c
    do:
      - {id: one, probe.ask: one}
      - {id: two, probe.ACT: two, on_error: continue}
      - reply: "${{ steps.one.out.name }} ${{ steps.two.error?.code ?? 'fine' }}"
`

func TestARunGoesOnWhereItStood(t *testing.T) {
	for act, want := range map[string]struct {
		calls  []string
		answer string
	}{
		"ask":    {[]string{"one", "two", "two"}, "one fine"},
		"report": {[]string{"one", "two"}, "one interrupted"},
		"repeat": {[]string{"one", "two", "two"}, "one fine"},
	} {
		t.Run(act, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.probe.answers(func(ctx context.Context, _ *actions.Call, name string) error {
					if name == "two" {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				})
				set := h.set(strings.ReplaceAll(threeSteps, "ACT", act))
				b := h.start(set, bot.WithGrace(time.Second))
				h.say("alice", sdkconn.C2C(botUser), "go")
				synctest.Wait()
				if err := b.stop(); err != nil {
					t.Fatalf("Run = %v", err)
				}
				h.wantCalls("one", "two")
				h.probe.answers(nil)
				// The rules have changed meanwhile; the run ends on those that it began with.
				b = h.start(h.set("  - {id: other, on: message.c2c, do: [{reply: new}]}\n"))
				b.idle()
				h.wantCalls(want.calls...)
				h.wantHeard("alice", sdkconn.C2C(botUser), want.answer)
				h.say("alice", sdkconn.C2C(botUser), "more")
				b.idle()
				h.wantHeard("alice", sdkconn.C2C(botUser), want.answer, "new")
			})
		})
	}
}

func TestALoopAndAWaitGoOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		fail := true
		h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
			if name == "2b" && fail {
				return errBusy()
			}
			return nil
		})
		set := h.set(`
  - id: r
    on: message.c2c
    do:
      - set: {vars: {word: "${{ msg.text }}", kept: "${{ msg }}"}}
      - for_each:
          in: ${{ [1, 2, 3] }}
          as: n
          do:
            - {id: a, probe.ask: "${{ n }}a"}
            - {probe.ask: "${{ n }}b", retry: {times: 5, backoff: 1m}}
      - reply: "${{ vars.word }} ${{ steps.a.out.name }} ${{ vars.kept.text }}"
`)
		b := h.start(set)
		h.say("alice", sdkconn.C2C(botUser), "word")
		b.idle()
		h.wantCalls("1a", "1b", "2a", "2b")
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		fail = false
		b = h.start(set)
		b.idle()
		h.wantCalls("1a", "1b", "2a", "2b") // its time has not come
		time.Sleep(2 * time.Minute)
		b.idle()
		h.wantCalls("1a", "1b", "2a", "2b", "2b", "3a", "3b")
		h.wantHeard("alice", sdkconn.C2C(botUser), "word 3a word")
	})
}

func TestStopWaitsForTheGracePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.probe.answers(func(ctx context.Context, _ *actions.Call, _ string) error {
			select {
			case <-time.After(3 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		b := h.start(h.set(strings.Replace(hold, "}]", "}, {reply: done}]", 1)), bot.WithGrace(5*time.Second))
		h.say("alice", sdkconn.C2C(botUser), "1")
		h.say("bob", sdkconn.C2C(botUser), "2")
		synctest.Wait()
		start := time.Now()
		if err := b.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("the stop took %s, want the 3s that the steps needed", took)
		}
		h.wantHeard("alice", sdkconn.C2C(botUser), "done")
		h.wantHeard("bob", sdkconn.C2C(botUser), "done")
	})
}

func TestStopCancelsAfterTheGracePeriodAndKeepsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.probe.answers(func(ctx context.Context, _ *actions.Call, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		})
		b := h.start(h.set(hold), bot.WithGrace(5*time.Second))
		for range 3 {
			h.say("alice", sdkconn.C2C(botUser), "x")
		}
		synctest.Wait()
		start := time.Now()
		if err := b.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("the stop took %s, want the grace period of 5s", took)
		}
		if pending, _ := h.journal.Pending(t.Context(), 0, 10); len(pending) != 3 {
			t.Errorf("%d events are in the journal, want all 3", len(pending))
		}
	})
}

func TestStateOutlivesTheBot(t *testing.T) {
	h := newHouse(t)
	set := h.set(`
  - id: r
    on: message
    do:
      - set:
          user: {n: "${{ (state.user.n ?? 0) + 1 }}"}
          chat: {n: "${{ (state.chat.n ?? 0) + 10 }}", gone: "${{ msg.text == 'drop' ? nil : 'kept' }}"}
          bot: {n: "${{ (state.bot.n ?? 0) + 100 }}"}
      - reply: "${{ state.user.n }} ${{ state.chat.n }} ${{ state.bot.n }} ${{ state.chat.gone ?? 'dropped' }}"
`)
	b := h.start(set)
	group := sdkconn.Group("g")
	h.say("alice", group, "a")
	b.idle()
	h.say("bob", group, "b")
	b.idle()
	b.stop()
	b = h.start(set)
	h.say("alice", group, "drop")
	b.idle()
	h.wantHeard("alice", group, "1 10 100 kept", "1 20 200 kept", "2 30 300 dropped")
}

func TestRevokeByRule(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(`
  - id: ads
    stage: guard
    on: message.group
    match: {any_of: [加微信]}
    if: user.role not in ["owner", "admin"]
    do:
      - revoke: {}
      - send: {to_user: "${{ user.id }}", text: "已撤回：${{ match.words[0] }}"}
`))
	group := sdkconn.Group("g")
	h.say("bob", group, "请加微信")
	h.say("alice", group, "加微信")
	b.idle()
	msgs, err := h.people["alice"].GetMsgList(t.Context(), group, sdkconn.GetMsgListParam{Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range slices.Backward(msgs) {
		if m.Text() != "" {
			got = append(got, m.Sender+map[bool]string{true: " revoked", false: ""}[m.Status == sdkconn.StatusRevoked])
		}
	}
	if want := []string{"bob revoked", "alice"}; !slices.Equal(got, want) {
		t.Errorf("the group shows %q, want %q\n%s", got, want, h.log)
	}
	h.wantHeard("bob", sdkconn.C2C(botUser), "已撤回：加微信")
}

func TestAWaitingRunKeepsItsEventAndHoldsNoOtherRunUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		tries := make(map[string]int)
		h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
			if tries[name]++; tries[name] == 1 {
				return errBusy()
			}
			return nil
		})
		b := h.start(h.set(`
  - id: first
    stage: guard
    on: message.c2c
    do:
      - {probe.ask: a, retry: {times: 1, backoff: 10s}}
      - {probe.ask: b, retry: {times: 1, backoff: 10s}}
      - reply: "first ${{ msg.text }}"
  - {id: second, on: message.c2c, do: [{reply: "second ${{ msg.text }}"}]}
`[1:]))
		h.say("alice", sdkconn.C2C(botUser), "x")
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "second x")
		if pending, _ := h.journal.Pending(t.Context(), 0, 10); len(pending) != 1 {
			t.Errorf("%d events are open, want the one that a run waits for", len(pending))
		}
		for range 2 { // each step has its own tries
			time.Sleep(13 * time.Second)
			b.idle()
		}
		h.wantCalls("a", "a", "b", "b")
		h.wantHeard("alice", sdkconn.C2C(botUser), "second x", "first x")
		if pending, _ := h.journal.Pending(t.Context(), 0, 10); len(pending) != 0 {
			t.Errorf("%d events are still open", len(pending))
		}
	})
}
