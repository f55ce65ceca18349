package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

const mayDie = `
  - id: r
    on: message.c2c
    do:
      - {id: one, probe.repeat: "one ${{ msg.text }}"}
      - {id: two, probe.ACT: "two ${{ steps.one.out.name }}", retry: {times: 2, backoff: 1s}}
      - reply: "done ${{ msg.text }}"
`

// refuse makes the calls whose name contains a text fail until the returned function is called.
func (h *house) refuse(text string, failure error) (relent func()) {
	h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
		if strings.Contains(name, text) {
			return failure
		}
		return nil
	})
	return func() { h.probe.answers(nil) }
}

func (h *house) letters(in *bot.Inspector) []bot.DeadLetter {
	h.t.Helper()
	letters, err := in.DeadLetters(h.t.Context(), "", 100)
	if err != nil {
		h.t.Fatal(err)
	}
	return letters
}

func TestAStepThatFailsForGoodWaitsForAPerson(t *testing.T) {
	for _, test := range []struct {
		act     string
		err     error
		tries   int
		unknown bool
	}{
		{"ask", errBusy(), 3, false},
		{"report", errLost(), 1, true},
		{"report", &sdkconn.Error{Code: sdkconn.CodeGroupNotFound}, 1, false},
		{"repeat", errors.New("disk on fire"), 3, false},
	} {
		t.Run(fmt.Sprint(test.act, " ", test.err), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				relent := h.refuse("two", test.err)
				b := h.start(h.set(strings.ReplaceAll(mayDie, "ACT", test.act)))
				h.say("alice", sdkconn.C2C(botUser), "x")
				b.idle()
				time.Sleep(time.Minute)
				h.say("alice", sdkconn.C2C(botUser), "y") // goes its own way
				b.idle()
				time.Sleep(time.Minute)
				b.idle()
				in := b.Inspector()
				letters := h.letters(in)
				if len(letters) != 2 {
					t.Fatalf("%d dead letters, want 2\n%s", len(letters), h.log)
				}
				d := letters[0]
				if d.Rule != "r" || d.Step != "do[1]" || d.Action != "probe."+test.act || d.Tries != test.tries ||
					d.Unknown != test.unknown || d.User != "alice" || d.Conversation != "c2c_alice" || d.Code == "" || d.Text == "" {
					t.Errorf("the dead letter is %+v", d)
				}
				if len(d.ID) != 11 || d.ID >= letters[1].ID || !strings.Contains(h.log.String(), "dead_letter="+d.ID) {
					t.Errorf("ids %s and %s\n%s", d.ID, letters[1].ID, h.log)
				}
				whole, err := in.DeadLetter(t.Context(), d.ID)
				if err != nil || string(whole.Inputs["name"]) != `"two one x"` {
					t.Errorf("inputs %s, %v", whole.Inputs, err)
				}
				if next, err := in.DeadLetters(t.Context(), d.ID, 1); err != nil || len(next) != 1 || next[0].ID != letters[1].ID {
					t.Errorf("after the first: %v, %v", next, err)
				}

				// It dies again, then lives.
				if err := in.RetryDead(t.Context(), d.ID); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				time.Sleep(time.Minute)
				b.idle()
				letters = h.letters(in)
				if len(letters) != 2 || letters[1].Run != d.Run || letters[1].Tries <= test.tries {
					t.Fatalf("after a retry in vain: %+v\n%s", letters, h.log)
				}
				if err := in.RetryDead(t.Context(), d.ID); !errors.Is(err, bot.ErrNoDeadLetter) {
					t.Errorf("a retry of an old id: %v", err)
				}
				relent()
				if err := in.RetryDead(t.Context(), letters[1].ID, letters[0].ID); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				b.idle()
				h.wantHeard("alice", sdkconn.C2C(botUser), "done x", "done y")
				if n := len(slices.DeleteFunc(h.probe.seen(), func(s string) bool { return s != "one x" })); n != 1 {
					t.Errorf("the step before was done %d times", n)
				}
				h.wantNothingOpen()
			})
		})
	}
}

func TestWhatDoesNotBecomeADeadLetter(t *testing.T) {
	for name, step := range map[string]string{
		"an input that is wrong":   `{probe.ask: bad}`,
		"an expression":            `{probe.ask: "${{ int(msg.text) }}"}`,
		"a failure that is wanted": `{probe.ask: gone, on_error: continue}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
					if name == "bad" {
						return &actions.InputError{Input: "name", Text: "bad"}
					}
					return errors.New("gone")
				})
				b := h.start(h.set("  - {id: r, on: message.c2c, do: [" + step + "]}\n"))
				h.say("alice", sdkconn.C2C(botUser), "x")
				b.idle()
				if letters := h.letters(b.Inspector()); len(letters) != 0 {
					t.Errorf("dead letters %+v", letters)
				}
				h.wantNothingOpen()
			})
		})
	}
}

func TestDeadLettersWithoutABot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		relent := h.refuse("two", errBusy())
		set := h.set(strings.ReplaceAll(mayDie, "ACT", "ask"))
		b := h.start(set)
		for _, text := range []string{"a", "b", "c"} {
			h.say("alice", sdkconn.C2C(botUser), text)
			b.idle()
			time.Sleep(time.Minute)
			b.idle()
		}
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		calls := len(h.probe.seen())
		b = h.start(set) // they stand still
		b.idle()
		if err := b.stop(); err != nil || len(h.probe.seen()) != calls {
			t.Errorf("%v; calls %q", err, h.probe.seen())
		}

		in := bot.NewInspector(h.journal, h.registry(), clockwork.NewRealClock())
		letters := h.letters(in)
		if len(letters) != 3 {
			t.Fatalf("%d dead letters\n%s", len(letters), h.log)
		}
		if err := in.DropDead(t.Context(), letters[1].ID); err != nil {
			t.Fatal(err)
		}
		if err := in.RetryDead(t.Context(), letters[2].ID, letters[0].ID, "nonsense"); !errors.Is(err, bot.ErrNoDeadLetter) {
			t.Errorf("retry of nonsense: %v", err)
		}
		relent()
		// The rules have changed meanwhile; the runs end on those that they began with.
		b = h.start(h.set("  - {id: other, on: message.c2c, do: [{reply: new}]}\n"))
		b.idle()
		synctest.Wait()
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "done a", "done c")
		h.wantNothingOpen()
		records, err := h.journal.Records(t.Context(), journal.Query{Conversation: "c2c_alice"})
		if err != nil {
			t.Fatal(err)
		}
		var outcomes []string
		for _, r := range slices.Backward(records) {
			_, rest, _ := strings.Cut(string(r.Trace.Data), `"outcome":"`)
			outcome, _, ok := strings.Cut(rest, `"`)
			if ok {
				outcomes = append(outcomes, outcome)
			}
		}
		if want := []string{"done", "dropped", "done"}; !slices.Equal(outcomes, want) {
			t.Errorf("the traces say %q, want %q", outcomes, want)
		}
	})
}

func TestDeadLettersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.refuse("two", errors.New("no"))
		b := h.start(h.set(strings.ReplaceAll(mayDie, "ACT", "ask")))
		bot.SetMaxDead(b.Bot, 3)
		for _, text := range []string{"a", "b", "c", "d", "e"} {
			h.say("alice", sdkconn.C2C(botUser), text)
			time.Sleep(time.Minute)
			b.idle()
		}
		in := b.Inspector()
		if letters := h.letters(in); len(letters) != 3 || in.DroppedDead() != 2 {
			t.Errorf("%d dead letters, %d dropped; want 3 and 2\n%s", len(letters), in.DroppedDead(), h.log)
		}
		if err := bot.TrimDead(t.Context(), b.Bot, time.Now().Add(29*24*time.Hour)); err != nil || len(h.letters(in)) != 3 {
			t.Errorf("a trim before their time: %v", err)
		}
		err := bot.TrimDead(t.Context(), b.Bot, time.Now().Add(31*24*time.Hour))
		if err != nil || len(h.letters(in)) != 0 || in.DroppedDead() != 5 {
			t.Errorf("a trim after their time: %v", err)
		}
		h.wantNothingOpen()
	})
}

func TestABatchThatDiesHoldsItsEvents(t *testing.T) {
	const rule = `
  - id: r
    on: message
    batch: {quiet: 5s}
    do: [{probe.ask: "two ${{ join(map(events, #.msg.text), ' ') }}"}]
`
	for _, retry := range []bool{true, false} {
		t.Run(fmt.Sprint("retry ", retry), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				relent := h.refuse("two", errors.New("no"))
				set := h.set(rule)
				b := h.start(set)
				h.say("alice", sdkconn.C2C(botUser), "a")
				b.idle()
				h.say("bob", group, "b")
				b.idle()
				time.Sleep(time.Minute)
				b.idle()
				h.say("bob", group, "c") // another batch, which dies too
				time.Sleep(time.Minute)
				b.idle()
				letters := h.letters(b.Inspector())
				if stats, _ := h.journal.Stats(t.Context()); len(letters) != 2 || stats.Pending != 3 || stats.Runs != 3 {
					t.Fatalf("%d dead letters, %+v\n%s", len(letters), stats, h.log)
				}
				if err := b.stop(); err != nil {
					t.Fatal(err)
				}
				b = h.start(set)
				b.idle()
				relent()
				in, do := b.Inspector(), b.Inspector().DropDead
				calls := []string{"two a b", "two c"}
				if retry {
					do, calls = in.RetryDead, append(calls, "two a b", "two c")
				}
				for _, d := range letters {
					if err := do(t.Context(), d.ID); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					b.idle()
				}
				h.wantCalls(calls...)
				h.wantNothingOpen()
				for _, scope := range []string{"dead", "batch/r/", "joined/" + letters[0].Run, "joined/" + letters[1].Run} {
					if n := h.marks(scope); n != 0 {
						t.Errorf("%d entries are left in %s", n, scope)
					}
				}
			})
		})
	}
}
