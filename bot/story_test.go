package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

func (r *running) why(ref string) *bot.Story {
	r.h.t.Helper()
	s, err := r.Inspector().Why(r.h.t.Context(), ref)
	if err != nil {
		r.h.t.Fatalf("why %s: %v", ref, err)
	}
	return s
}

// outcomes is "rule outcome" for each rule that a story tells of.
func outcomes(s *bot.Story) []string {
	var out []string
	for _, d := range s.Decisions {
		for _, r := range d.Rules {
			out = append(out, r.ID+" "+r.Outcome)
		}
	}
	return out
}

const storyRules = `
  - {id: ads, stage: guard, on: message, match: {any_of: [加vx]}, if: "user.id != \"bob\" && chat.type == \"c2c\"", final: true, do: [reply: 不可以]}
  - {id: quiet, stage: guard, run: shadow, on: message, match: {any_of: [vx]}, do: [reply: x]}
  - {id: other, stage: guard, on: message, match: {any_of: [你好]}, do: [reply: x]}
  - {id: hours, on: message, do: [reply: 在]}
  - {id: joins, on: member.joined, do: [reply: x]}
`

func TestWhyTellsWhatEveryRuleMade(t *testing.T) {
	h := newHouse(t)
	r := h.start(h.set(storyRules))
	bot1 := sdkconn.C2C(botUser)
	m := h.say("alice", bot1, "加ＶＸ 了解")
	r.idle()
	s := r.why("last")
	want := []string{"ads fired", "quiet shadow", "other no", "hours skipped"}
	if got := outcomes(s); !slices.Equal(got, want) {
		t.Fatalf("rules %q, want %q", got, want)
	}
	if s.State != bot.StateFired || s.Event.Text != "加ＶＸ 了解" || s.Event.User != "alice" || s.Event.Conversation != "c2c_alice" {
		t.Errorf("event %+v, state %s", s.Event, s.State)
	}
	d := s.Decisions[0]
	ads := d.Rules[0]
	if len(ads.Hits) != 1 || ads.Hits[0].Word != "加vx" || ads.Hits[0].Text != "加ＶＸ" || ads.Normalize != "chat" {
		t.Errorf("hits %+v, normalize %q", ads.Hits, ads.Normalize)
	}
	left := fmt.Sprint(d.Left)
	if left != "[{1 not on message.c2c}]" || !strings.Contains(d.Rules[3].Why, "stopped by ads (final)") {
		t.Errorf("left %s, why %q", left, d.Rules[3].Why)
	}
	if len(s.Runs) != 1 || s.Runs[0].Outcome != "done" || len(s.Runs[0].Steps) != 1 || s.Runs[0].Ended.IsZero() {
		t.Fatalf("runs %+v", s.Runs)
	}
	step := s.Runs[0].Steps[0]
	if !step.OK || step.Action != "reply" || step.MsgID == "" || step.Effect == "" {
		t.Errorf("step %+v", step)
	}
	all, err := r.Inspector().WhyAll(t.Context(), "last")
	if err != nil || len(all.Decisions[0].Rules) != 5 || len(all.Decisions[0].Left) != 0 {
		t.Errorf("all: %v, %v", outcomes(all), err)
	}

	// Every way to name it.
	for _, ref := range []string{s.Event.Key, s.Event.ID, s.Event.MsgID, rules.MessageID(m), s.Runs[0].ID, step.MsgID, step.Effect} {
		by := r.why(ref)
		if by.Event.Key != s.Event.Key {
			t.Errorf("%s led to %s, want %s", ref, by.Event.Key, s.Event.Key)
		}
		answer := ref == step.MsgID || ref == step.Effect || ref == s.Runs[0].ID
		if answer != (by.Answer != nil) || answer && by.Answer.Rule != "ads" {
			t.Errorf("%s is an answer: %+v", ref, by.Answer)
		}
	}
}

func TestWhyFindsMessagesOfGroups(t *testing.T) {
	h := newHouse(t)
	r := h.start(h.set("  - {id: echo, on: message.group, do: [reply: \"${{ msg.id }}\"]}\n"))
	g := sdkconn.Group("g")
	h.say("bob", g, "one")
	two := h.say("bob", g, "two")
	h.say("bob", g, "three")
	r.idle()
	s := r.why(rules.MessageID(two))
	if s.Event.Text != "two" || s.Answer != nil {
		t.Fatalf("event %+v", s.Event)
	}
	msgs, err := h.people["bob"].GetMsgList(t.Context(), g, sdkconn.GetMsgListParam{Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range msgs {
		if m.Sender != botUser || m.Text() != rules.MessageID(two) {
			continue
		}
		for _, ref := range []string{m.MsgID, rules.MessageID(m)} { // the answer, as bob sees it
			if by := r.why(ref); by.Event.Text != "two" || by.Answer == nil || by.Answer.Rule != "echo" {
				t.Errorf("%s led to %q, answer %+v", ref, by.Event.Text, by.Answer)
			}
		}
		if err := h.people["bob"].Revoke(t.Context(), g, two); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no answer")
}

func TestWhyOfWhatIsNotThere(t *testing.T) {
	h := newHouse(t)
	r := h.start(h.set("  - {id: a, on: message, do: [reply: x]}\n"))
	h.say("alice", sdkconn.C2C(botUser), "hi")
	r.idle()
	known := r.why("last").Event
	near := fmt.Sprint(mustUint(t, known.ID) + 54321)
	for ref, want := range map[string][]string{
		near:           {"there is no event, run or sent message", "reaches back to", known.Key},
		"nonsense":     {`"nonsense"`, "reaches back to"},
		"123":          {"there is no event"},
		"":             {"which event?"},
		"a-1-2":        {"there is no event"},
		known.Key[:20]: {"there is no event"},
	} {
		_, err := r.Inspector().Why(t.Context(), ref)
		var missing *bot.NotFoundError
		if !errors.As(err, &missing) {
			t.Errorf("why %q: %v", ref, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("why %q: %v, want %q in it", ref, err, part)
			}
		}
	}
}

func mustUint(t *testing.T, s string) (n uint64) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhyTellsOfSteps(t *testing.T) {
	h := newHouse(t)
	h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
		if name == "bad" {
			return &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeGroupSendMsgFreqLimit + 1}
		}
		return nil
	})
	r := h.start(h.set(`
  - id: many
    on: message
    do:
      - set: {vars: {n: 1}, user: {strikes: 2}}
      - choose:
          - {if: "1 == 2", do: [stop: {}]}
          - {if: "true", do: [probe.repeat: inner]}
      - {if: "false", probe.repeat: never}
      - {for_each: {in: "${{ [\"a\", \"b\"] }}", as: x, do: [probe.repeat: "${{ x }}"]}}
      - {id: boom, probe.repeat: bad}
`))
	h.say("alice", sdkconn.C2C(botUser), "hi")
	r.idle()
	s := r.why("last")
	if s.State != bot.StateFailed || s.Runs[0].Outcome != "dead" || s.Runs[0].Dead == nil || s.Runs[0].Dead.ID == "" {
		t.Errorf("state %s, run %s", s.State, s.Runs[0].Outcome)
	}
	var got []string
	for _, step := range s.Runs[0].Steps {
		got = append(got, strings.TrimSpace(fmt.Sprint(step.Key, " ", step.Action, " ", step.Code, step.Note)))
	}
	want := []string{
		"do[0] set vars.n, state.user.strikes", "do[1] choose branch 2 of 2", "do[1].choose[1].do[0] probe.repeat",
		"do[2] probe.repeat skipped", "do[3] for_each 2 items", "do[3].for_each.do[0]#0 probe.repeat", "do[3].for_each.do[0]#1 probe.repeat",
	}
	if len(got) != 8 || !slices.Equal(got[:7], want) || !strings.HasPrefix(got[7], "do[4] probe.repeat 1") {
		t.Errorf("steps %q", got)
	}
	if last := s.Runs[0].Steps[7]; last.Error == "" || last.OK {
		t.Errorf("failed step %+v", last)
	}
}

// A bot that is gone: its journal alone tells what was decided, and in the middle of what it was.
func TestWhyOfABotThatDied(t *testing.T) {
	h := newHouse(t)
	begun := make(chan struct{})
	h.probe.answers(func(ctx context.Context, _ *actions.Call, name string) error {
		if name == "hang" {
			close(begun)
			<-ctx.Done()
		}
		return ctx.Err()
	})
	r := h.start(h.set(`
  - {id: hangs, on: message, match: {any_of: [go]}, do: [probe.ask: first, {id: second, probe.ask: hang}]}
  - {id: never, on: message, match: {any_of: [stay]}, do: [reply: x]}
`), bot.WithGrace(0))
	h.say("alice", sdkconn.C2C(botUser), "go")
	<-begun
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	in := bot.NewInspector(h.journal, h.registry(), clockwork.NewFakeClock())
	s, err := in.Why(t.Context(), "last")
	if err != nil {
		t.Fatal(err)
	}
	if s.State != bot.StateOpen || !slices.Equal(outcomes(s), []string{"hangs fired", "never skipped"}) {
		t.Errorf("state %s, rules %q, problem %q", s.State, outcomes(s), s.Problem)
	}
	steps := s.Runs[0].Steps
	if len(steps) != 2 || !steps[0].OK || steps[0].Action != "probe.ask" || steps[1].Name != "second" || steps[1].OK ||
		!strings.Contains(steps[1].Note, "not known") {
		t.Errorf("steps %+v", steps)
	}
	if err := in.Follow(t.Context(), bot.TraceFilter{}, nil); !errors.Is(err, bot.ErrNotRunning) {
		t.Errorf("follow: %v", err)
	}

	// The next bot ends it with rules of its own, and tells the decision of the old ones.
	h.probe.answers(nil)
	again := h.start(h.set("  - {id: fresh, on: message, do: [reply: x]}\n"))
	again.idle()
	if s := again.why("last"); !slices.Contains(outcomes(s), "hangs fired") || len(s.Runs) != 1 || len(s.Runs[0].Steps) < 3 {
		t.Errorf("rules %q, runs %+v", outcomes(s), s.Runs)
	}
}

func TestWhyOfAQuietEvent(t *testing.T) {
	h := newHouse(t)
	r := h.start(h.set("  - {id: a, on: message, match: {any_of: [nothing]}, do: [reply: x]}\n"))
	h.say("alice", sdkconn.C2C(botUser), "hi")
	r.idle()
	s := r.why("last")
	if s.State != bot.StateQuiet || !slices.Equal(outcomes(s), []string{"a no"}) || !strings.Contains(s.Decisions[0].Rules[0].Why, "no word") {
		t.Errorf("state %s, rules %+v", s.State, s.Decisions)
	}
}

func TestWhyWithManyRules(t *testing.T) {
	h := newHouse(t)
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "  - {id: r%d, on: message, match: {any_of: [word%d]}, do: [reply: x]}\n", i, i)
	}
	text.WriteString("  - {id: near, on: message, match: {any_of: [hi]}, if: \"user.id == 'bob'\", do: [reply: x]}\n")
	text.WriteString("  - {id: hit, on: message, match: {any_of: [hi]}, do: [reply: x]}\n")
	for i := range 30 {
		fmt.Fprintf(&text, "  - {id: late%d, on: message, match: {any_of: [hi]}, do: [reply: x]}\n", i)
	}
	r := h.start(h.set(text.String()))
	h.say("alice", sdkconn.C2C(botUser), "hi")
	r.idle()
	s := r.why("last")
	if got := outcomes(s); !slices.Equal(got, []string{"near no", "hit fired"}) {
		t.Errorf("rules %q", got)
	}
	if left := fmt.Sprint(s.Decisions[0].Left); !strings.Contains(left, "2000 ") || !strings.Contains(left, "30 skipped, stage main") {
		t.Errorf("left %s", left)
	}
}

func TestTraces(t *testing.T) {
	h := newHouse(t)
	r := h.start(h.set(`
  - {id: hello, on: message, match: {any_of: [hi]}, do: [reply: hello]}
  - {id: fails, on: message, match: {any_of: [break]}, do: [send: {to_user: nobody, text: x}]}
`))
	followed := make(chan string, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	begin := make(chan struct{})
	go func() {
		in := r.Inspector()
		close(begin)
		done <- in.Follow(ctx, bot.TraceFilter{From: "bob"}, func(s *bot.Summary) error {
			followed <- s.Event.Text + " " + s.State
			return nil
		})
	}()
	<-begin
	c := sdkconn.C2C(botUser)
	for seen := false; !seen; { // until somebody follows
		h.say("bob", c, "first")
		r.idle()
		select {
		case got := <-followed:
			seen = got == "first quiet"
		default:
		}
	}
	h.say("alice", c, "hi")
	h.say("bob", sdkconn.Group("g"), "silence")
	h.say("bob", c, "break it")
	r.idle()
	for name, x := range map[string]struct {
		f    bot.TraceFilter
		want []string
	}{
		"all":        {bot.TraceFilter{}, []string{"break it failed", "silence quiet", "hi fired"}},
		"in group":   {bot.TraceFilter{In: "g"}, []string{"silence quiet"}},
		"in group_g": {bot.TraceFilter{In: "group_g"}, []string{"silence quiet"}},
		"from":       {bot.TraceFilter{From: "alice"}, []string{"hi fired"}},
		"rule":       {bot.TraceFilter{Rule: "fails"}, []string{"break it failed"}},
		"fired":      {bot.TraceFilter{Only: "fired"}, []string{"break it failed", "hi fired"}},
		"quiet":      {bot.TraceFilter{Only: "quiet", In: "g"}, []string{"silence quiet"}},
		"failed":     {bot.TraceFilter{Only: "failed"}, []string{"break it failed"}},
		"limit":      {bot.TraceFilter{Limit: 1}, []string{"break it failed"}},
	} {
		found, err := r.Inspector().Traces(t.Context(), x.f)
		var got []string
		for _, s := range found {
			if s.Event.Text != "" && s.Event.Text != "first" {
				got = append(got, s.Event.Text+" "+s.State)
			}
		}
		if err != nil || !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, x.want)
		}
	}
	found, err := r.Inspector().Traces(t.Context(), bot.TraceFilter{Only: "failed"})
	if err != nil || len(found) != 1 || found[0].Runs[0].Code != "20003" {
		t.Errorf("failed: %+v, %v", found, err)
	}
	for missing := map[string]bool{"silence quiet": true, "break it failed": true}; len(missing) > 0; {
		got := <-followed
		if !missing[got] && got != "first quiet" {
			t.Errorf("followed %q", got)
		}
		delete(missing, got)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended with %v", err)
	}
}
