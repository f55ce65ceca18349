package bot_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

func TestWhatConcurrencyDoes(t *testing.T) {
	for name, test := range map[string]struct {
		rule string
		said map[int]string
		want []string
	}{
		"single goes on to the next rule": {`
  - {id: r, on: message.c2c, concurrency: {per: user}, do: [{delay: 5s}, {reply: "r ${{ msg.text }}"}]}
  - {id: s, on: message.c2c, do: [{reply: "s ${{ msg.text }}"}]}
`, map[int]string{0: "a", 1: "b", 5: "c", 6: "d"}, []string{"1 s b", "5 r a", "6 s d", "10 r c"}},
		"each key has runs of its own": {`
  - {id: r, on: message.c2c, concurrency: {per: "${{ msg.text }}"}, do: [{delay: 5s}, {reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a b a"}, []string{"5 a", "5 b"}},
		"restart": {`
  - {id: r, on: message.c2c, concurrency: {per: user, mode: restart}, do: [{reply: "begin ${{ msg.text }}"}, {delay: 5s}, {reply: "end ${{ msg.text }}"}]}
`, map[int]string{0: "a", 2: "b", 9: "c"}, []string{"0 begin a", "2 begin b", "7 end b", "9 begin c", "14 end c"}},
		"restart in the middle of branches": {`
  - id: r
    on: message.c2c
    concurrency: {mode: restart}
    do:
      - parallel:
          - do: [{delay: 5s}, {reply: "one ${{ msg.text }}"}]
          - do: [{delay: 6s}, {reply: "two ${{ msg.text }}"}]
      - reply: "end ${{ msg.text }}"
`, map[int]string{0: "a", 2: "b"}, []string{"7 one b", "8 two b", "8 end b"}},
		"queued": {`
  - {id: r, on: message.c2c, concurrency: {mode: queued, max: 2}, do: [{delay: 4s}, {reply: "${{ msg.text }}"}]}
  - {id: s, on: message.c2c, do: [{reply: "full ${{ msg.text }}"}]}
`, map[int]string{0: "a b c d", 5: "e"}, []string{"0 full d", "4 a", "8 b", "12 c", "16 e"}},
		"parallel": {`
  - {id: r, on: message.c2c, concurrency: {mode: parallel, max: 2}, do: [{delay: 4s}, {reply: "${{ msg.text }}"}]}
  - {id: s, on: message.c2c, do: [{reply: "full ${{ msg.text }}"}]}
`, map[int]string{0: "a b c", 4: "d", 5: "e"}, []string{"0 full c", "4 a", "4 b", "8 d", "9 e"}},
		"a limit counts what concurrency let through": {`
  - {id: r, on: message.c2c, concurrency: {}, limit: {rate: 2/20s}, do: [{delay: 2s}, {reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a b c", 3: "d", 6: "e", 21: "f"}, []string{"2 a", "5 d", "23 f"}},
		"what a limit drops restarts nothing": {`
  - {id: r, on: message.c2c, concurrency: {mode: restart}, limit: {rate: 1/10s}, do: [{delay: 5s}, {reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a", 2: "b", 11: "c"}, []string{"5 a", "16 c"}},
		"limit.reply ends nothing and is no run of the rule": {`
  - {id: r, on: message.c2c, concurrency: {mode: restart}, limit: {rate: 1/10s, over: reply, reply: slowly},
     do: [{delay: 5s}, {reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a", 2: "b", 3: "c", 11: "d"}, []string{"2 slowly", "5 a", "16 d"}},
		"a shadow has no runs": {`
  - {id: r, on: message.c2c, run: shadow, concurrency: {}, do: [{delay: 5s}]}
  - {id: s, on: message.c2c, do: [{reply: "${{ msg.text }}"}]}
`, map[int]string{0: "a b"}, []string{"0 a", "0 b"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := talk(t, test.rule, test.said, 40); !slices.Equal(got, test.want) {
				t.Errorf("heard %q, want %q", got, test.want)
			}
		})
	}
}

// lanesLeft are the runs that still hold a place.
func lanesLeft(h *house) {
	h.t.Helper()
	state, err := h.journal.State(h.t.Context(), "lane")
	maps.DeleteFunc(state, func(_ string, v []byte) bool { return strings.Contains(string(v), `"restarted"`) }) // they expire
	if err != nil || len(state) != 0 {
		h.t.Errorf("lanes are left: %q, %v", state, err)
	}
}

func TestConcurrencySurvivesEveryCrash(t *testing.T) {
	alice, bob := sdkconn.C2C(botUser), sdkconn.Group("g")
	for name, test := range map[string]struct {
		rule string
		want []string
	}{
		"single": {`{}`, []string{"begin a", "end a", "begin e", "end e"}},
		"restart": {`{mode: restart}`,
			[]string{"begin a", "begin b", "begin c", "begin d", "end d", "begin e", "end e"}},
		"queued": {`{mode: queued, max: 2}`,
			[]string{"begin a", "end a", "begin b", "end b", "begin c", "end c", "begin e", "end e"}},
		"parallel": {`{mode: parallel, max: 2}`,
			[]string{"begin a", "begin b", "end a", "end b", "begin e", "end e"}},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(h *house) *rules.Set {
				return h.set(`
  - id: r
    on: message
    concurrency: ` + test.rule + `
    do:
      - send: {to_user: bob, text: "begin ${{ msg.text }}"}
      - delay: 1m
      - send: {to_user: bob, text: "end ${{ msg.text }}"}
`)
			}, []act{
				{who: "alice", where: alice, text: "a"}, {who: "alice", where: bob, text: "b"}, {who: "alice", where: alice, text: "c"},
				{who: "alice", where: bob, text: "d"}, {pass: 10 * time.Minute}, {who: "alice", where: alice, text: "e"},
				{pass: 10 * time.Minute},
			}, func(h *house) {
				heard := h.heard("bob", sdkconn.C2C(botUser))
				if name == "parallel" { // conversations have no order among each other
					slices.Sort(heard[:2])
					slices.Sort(heard[2:4])
				}
				if !slices.Equal(heard, test.want) {
					t.Errorf("bob heard %q, want %q\n%s", heard, test.want, h.log)
				}
				lanesLeft(h)
			})
		})
	}
}

func TestADeadRunIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
			if strings.HasSuffix(name, "bad") {
				return &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeSensitiveText}
			}
			return nil
		})
		b := h.start(h.set(`
  - {id: one, on: message.c2c, concurrency: {per: user}, continue: true, do: [{probe.ask: "one ${{ msg.text }}"}]}
  - {id: line, on: message.c2c, concurrency: {per: user, mode: queued}, continue: true, do: [{probe.ask: "line ${{ msg.text }}"}]}
  - {id: anew, on: message.c2c, concurrency: {per: user, mode: restart}, do: [{probe.ask: "anew ${{ msg.text }}"}]}
`))
		b.idle()
		in := b.Inspector()
		h.say("alice", sdkconn.C2C(botUser), "bad")
		b.idle()
		h.say("alice", sdkconn.C2C(botUser), "b")
		b.idle()
		h.wantCalls("one bad", "line bad", "anew bad", "anew b")
		dead, err := in.DeadLetters(t.Context(), "", 10)
		if err != nil || len(dead) != 2 {
			t.Fatalf("dead letters %v, %v: that of the restarted run goes", dead, err)
		}
		story, err := in.Why(t.Context(), "last")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range story.Decisions[0].Rules {
			want := ""
			switch r.ID {
			case "one":
				want = "it stands still as dead letter " + dead[0].ID
				if r.Outcome != bot.OutcomeDropped {
					t.Errorf("one is %s", r.Outcome)
				}
			case "line":
				want = "this one waits"
			case "anew":
				want = "and ends"
			}
			if !strings.Contains(r.Why, want) {
				t.Errorf("%s: why %q, want %q", r.ID, r.Why, want)
			}
		}
		if !strings.Contains(h.log.String(), "rule held up by a dead letter") {
			t.Error("the log does not say that a dead letter holds the rule up")
		}
		if err := in.DropDead(t.Context(), dead[0].ID, dead[1].ID); err != nil {
			t.Fatal(err)
		}
		b.idle()
		h.say("alice", sdkconn.C2C(botUser), "c")
		b.idle()
		h.wantCalls("one bad", "line bad", "anew bad", "anew b", "line b", "one c", "line c", "anew c")
		h.wantNothingOpen()
		lanesLeft(h)
	})
}

// The inspector that drops a dead letter while no bot runs leaves its place too.
func TestADeadRunIsDroppedWhileNoBotRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.probe.answers(func(context.Context, *actions.Call, string) error {
			return &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeSensitiveText}
		})
		set := h.set(`
  - {id: line, on: message.c2c, concurrency: {mode: queued}, do: [{probe.ask: "${{ msg.text }}"}]}
`)
		b := h.start(set)
		h.say("alice", sdkconn.C2C(botUser), "a")
		h.say("alice", sdkconn.C2C(botUser), "b")
		b.idle()
		b.stop()
		h.probe.answers(nil)
		in := bot.NewInspector(h.journal, h.registry(), clockwork.NewRealClock())
		dead, err := in.DeadLetters(t.Context(), "", 10)
		if err != nil || len(dead) != 1 {
			t.Fatalf("dead letters %v, %v", dead, err)
		}
		if err := in.DropDead(t.Context(), dead[0].ID); err != nil {
			t.Fatal(err)
		}
		b.again(set)
		b.idle()
		h.wantCalls("a", "b")
		h.wantNothingOpen()
		lanesLeft(h)
	})
}

func TestARunKeepsItsLaneOverAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		rule := func(concurrency, text string) *rules.Set {
			return h.set(`
  - {id: r, on: message.c2c, ` + concurrency + `, do: [{delay: 5s}, {reply: "` + text + ` ${{ msg.text }}"}]}
`)
		}
		b := h.start(rule("concurrency: {mode: queued}", "old"))
		b.idle()
		direct := sdkconn.C2C(botUser)
		h.say("alice", direct, "a")
		h.say("alice", direct, "b")
		b.idle()
		if err := b.Reload(rule("concurrency: {}", "new")); err != nil {
			t.Fatal(err)
		}
		h.say("alice", direct, "c") // two are open
		time.Sleep(11 * time.Second)
		b.idle()
		h.say("alice", direct, "d")
		time.Sleep(6 * time.Second)
		b.idle()
		h.wantHeard("alice", direct, "old a", "old b", "new d")
		h.wantNothingOpen()
		lanesLeft(h)
	})
}

// A run in another conversation that is doing a step ends after it.
func TestARunThatIsBusyIsRestarted(t *testing.T) {
	h := newHouse(t)
	began, goOn, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
		switch name {
		case "a1":
			close(began)
			<-goOn
		case "b2":
			close(done)
		}
		return nil
	})
	b := h.start(h.set(`
  - {id: r, on: message, concurrency: {mode: restart}, do: [{probe.ask: "${{ msg.text }}1"}, {probe.ask: "${{ msg.text }}2"}]}
`))
	b.idle()
	h.say("alice", sdkconn.C2C(botUser), "a")
	<-began
	h.say("alice", sdkconn.Group("g"), "b")
	<-done
	close(goOn)
	b.idle()
	h.wantCalls("a1", "b1", "b2")
	h.wantNothingOpen()
	lanesLeft(h)
	story, err := b.Inspector().Traces(t.Context(), bot.TraceFilter{Rule: "r"})
	if err != nil || len(story) != 2 || story[1].Runs[0].Outcome != "restarted" || story[0].Runs[0].Outcome != "done" {
		t.Errorf("traces %+v, %v", story, err)
	}
}
