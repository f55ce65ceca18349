package bot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

func saying(word string) string {
	return fmt.Sprintf(`
  - id: answer
    on: message
    do: [{reply: "%s ${{ msg.text }}"}]
`, word)
}

func TestReloadedRulesAnswerTheNextMessage(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(saying("old")))
	conv := sdkconn.C2C(botUser)
	h.say("alice", conv, "1")
	b.idle()
	if err := b.Reload(h.set(saying("new"))); err != nil {
		t.Fatal(err)
	}
	h.say("alice", conv, "2")
	b.idle()
	h.wantHeard("alice", conv, "old 1", "new 2")

	other := h.setFor(saying("other"), func(c *rules.BotConfig) { c.Connection = "local:y?user=" + botUser })
	if err := b.Reload(other); err == nil || !strings.Contains(err.Error(), "restart") {
		t.Errorf("Reload with another connection = %v, want to be told to restart", err)
	}
	h.say("alice", conv, "3")
	b.idle()
	h.wantHeard("alice", conv, "old 1", "new 2", "new 3")
}

func TestARunFinishesOnTheRulesThatItBeganWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var once sync.Once
		h.probe.answers(func(context.Context, *actions.Call, string) (err error) {
			once.Do(func() { err = errBusy() })
			return err
		})
		sets := &countingSets{Journal: h.journal}
		h.journal = sets
		rule := func(word string) *rules.Set {
			return h.set(fmt.Sprintf(`
  - id: r
    on: message
    do:
      - {probe.ask: "%s", retry: {times: 1, backoff: 1m}}
      - reply: "%s ${{ msg.text }}"
`, word, word))
		}
		b := h.start(rule("old"))
		conv := sdkconn.C2C(botUser)
		h.say("alice", conv, "1")
		b.idle()
		if err := b.Reload(rule("new")); err != nil {
			t.Fatal(err)
		}
		h.say("alice", conv, "2")
		b.idle()
		time.Sleep(2 * time.Minute)
		b.idle()
		h.wantHeard("alice", conv, "new 2", "old 1")
		if sets.reads != 0 {
			t.Errorf("the old rules were parsed %d times again: they were at hand", sets.reads)
		}
	})
}

// countingSets counts how often a rule set is read.
type countingSets struct {
	journal.Journal
	mu    sync.Mutex
	reads int
}

func (j *countingSets) RuleSet(ctx context.Context, hash string) (journal.RuleSet, error) {
	j.mu.Lock()
	j.reads++
	j.mu.Unlock()
	return j.Journal.RuleSet(ctx, hash)
}

func TestReloadUnderLoadLosesAndRepeatsNothing(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(saying("v0")), bot.WithQueue(10))
	const people, each, reloads = 8, 40, 20
	sets := make([]*rules.Set, reloads)
	for i := range sets {
		sets[i] = h.set(saying(fmt.Sprint("v", i+1)))
	}
	for i := range people {
		h.people[fmt.Sprint("user", i)] = h.login(fmt.Sprint("user", i))
	}
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			for n := range each {
				h.say(fmt.Sprint("user", i), sdkconn.C2C(botUser), fmt.Sprint(n))
			}
		})
	}
	wg.Go(func() {
		for _, set := range sets {
			if err := b.Reload(set); err != nil {
				t.Error(err)
			}
			b.Health()
			b.Stats()
		}
	})
	wg.Wait()
	b.idle()
	for i := range people {
		heard := h.heard(fmt.Sprint("user", i), sdkconn.C2C(botUser))
		var said []string
		for _, text := range heard {
			_, n, _ := strings.Cut(text, " ")
			said = append(said, n)
		}
		var want []string
		for n := range each {
			want = append(want, fmt.Sprint(n))
		}
		if !slices.Equal(said, want) {
			t.Errorf("user%d heard %q", i, heard)
		}
	}
	if s := b.Stats(); s.Handled < people*each || s.Queued != 0 || s.Timers != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestReloadRunsTheTestsFirst(t *testing.T) {
	type outcome struct {
		failed []string
		err    error
	}
	fails := outcome{failed: []string{"a_test.yaml:3: test \"a\": no", "a_test.yaml:9: test \"b\": no"}}
	for _, test := range []struct {
		name     string
		old, new rules.TestMode
		tests    outcome
		runs     int
		want     string // of the error; "": reloaded
		report   bool
	}{
		{"off", rules.TestsOff, rules.TestsOff, fails, 0, "", false},
		{"they pass", rules.TestsOff, rules.TestsRequire, outcome{}, 1, "", false},
		{"one fails", rules.TestsRequire, rules.TestsRequire, fails, 1, `a_test.yaml:3: test "a": no (and 1 more)`, false},
		{"the requirement itself is taken away", rules.TestsRequire, rules.TestsOff, fails, 1, `test "a": no`, false},
		{"a warning", rules.TestsOff, rules.TestsWarn, fails, 1, "", true},
		{"they cannot be run", rules.TestsRequire, rules.TestsRequire, outcome{err: errBusy()}, 1, "the tests could not be run", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t)
			runs := 0
			with := func(text string, mode rules.TestMode) *rules.Set {
				return h.setFor(text, func(c *rules.BotConfig) { c.Reload.Tests = mode })
			}
			b := h.start(with(saying("old"), test.old), bot.WithTests(func(context.Context, *rules.Set) ([]string, error) {
				runs++
				return test.tests.failed, test.tests.err
			}))
			err := b.Reload(with(saying("new"), test.new))
			if runs != test.runs || test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Fatalf("%d runs, %v", runs, err)
			}
			if err != nil {
				b.NotReloaded(t.Context(), err)
			}
			s, serr := b.Status(t.Context())
			if serr != nil || !strings.Contains(s.NotReloaded, test.want) || (s.NotReloaded == "") != (err == nil) {
				t.Errorf("status %q, %v", s.NotReloaded, serr)
			}
			conv := sdkconn.C2C(botUser)
			h.say("alice", conv, "1")
			b.idle()
			word := "new"
			if err != nil {
				word = "old"
			}
			h.wantHeard("alice", conv, word+" 1")
			if told := strings.Contains(h.log.String(), "used although a test fails: a_test.yaml:3"); told != test.report {
				t.Errorf("reported: %v\n%s", told, h.log.String())
			}
		})
	}
}
