package bot_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

// witness notes what an observer is told.
type witness struct {
	mu      sync.Mutex
	said    []string
	handled []*bot.Handled
}

func (w *witness) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *witness) EventStored(kind string, caughtUp, fresh bool) {
	w.note("stored %s %t %t", kind, caughtUp, fresh)
}
func (w *witness) EventDecided(typ string, result bot.Decided, _ time.Duration) {
	w.note("decided %s %s", typ, result)
}
func (w *witness) EventGivenUp() { w.note("given up") }
func (w *witness) StepDone(rule, action, code string, _ time.Duration) {
	w.note("step %s %s %q", rule, action, code)
}
func (w *witness) RunEnded(rule, outcome string, _ time.Duration) { w.note("run %s %s", rule, outcome) }
func (w *witness) SendPaced(time.Duration)                        { w.note("paced") }
func (w *witness) WebhookCalled(path, result string)              { w.note("webhook %s %s", path, result) }
func (w *witness) JournalWorking(ok bool)                         { w.note("journal %t", ok) }
func (w *witness) EventDone(h *bot.Handled) {
	w.note("done %d runs", len(h.Runs))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handled = append(w.handled, h)
}

func TestObserver(t *testing.T) {
	h, w := newHouse(t), new(witness)
	h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
		if name == "panic" {
			panic("in a step")
		}
		return errLost()
	})
	r := h.start(h.set(`
  - { id: a, on: message.c2c, if: msg.text == "a", do: [{ reply: yes }, { archive: { to: a, record: {} } }] }
  - { id: s, on: message.c2c, run: shadow, if: msg.text == "s", do: [{ reply: yes }] }
  - { id: d, on: message.c2c, if: msg.text == "d", do: [{ probe.report: x }] }
  - { id: p, on: message.c2c, if: msg.text == "p", do: [{ probe.ask: panic }] }
`), bot.WithObserver(w))
	r.idle()
	h.say("alice", sdkconn.C2C(botUser), "a")
	h.say("alice", sdkconn.C2C(botUser), "s")
	h.say("alice", sdkconn.C2C(botUser), "d")
	h.say("alice", sdkconn.C2C(botUser), "p")
	r.idle()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"stored bot.started false true", "decided bot.started quiet", "stored new_msg false true", "decided message.c2c fired",
		`step a reply ""`, `step a archive "failed"`, "run a failed", "done 1 runs", "decided message.c2c quiet", "done 0 runs",
		`step d probe.report "interrupted"`, "run d dead", "given up",
	} {
		if !slices.Contains(w.said, want) {
			t.Errorf("nobody was told %q: %q", want, w.said)
		}
	}
	i := slices.IndexFunc(w.handled, func(h *bot.Handled) bool { return len(h.Runs) == 1 && h.Runs[0].Rule == "a" })
	if i < 0 {
		t.Fatalf("%+v", w.handled)
	}
	a := w.handled[i]
	if run := a.Runs[0]; run.Outcome != "failed" || len(run.Steps) != 2 || run.Steps[1].Code != "failed" || run.Steps[0].Action != "reply" ||
		run.Began.IsZero() || run.Ended.Before(run.Began) || a.Types[0] != "message.c2c" || a.Began.After(a.Ended) {
		t.Errorf("%+v", a)
	}
}

// Backlog and Alive tell of a bot that has something to do.
func TestBacklog(t *testing.T) {
	h := newHouse(t)
	r := h.start(h.set(`
  - { id: a, on: message.c2c, do: [{ probe.repeat: x, retry: { times: 1, backoff: 1h } }] }
`))
	h.probe.answers(func(context.Context, *actions.Call, string) error { return errBusy() })
	r.idle()
	h.say("alice", sdkconn.C2C(botUser), "a")
	r.idle()
	r.Alive()
	s, err := r.Backlog(t.Context())
	if err != nil || s.Timers != 1 || s.Journal.Runs != 1 || s.Queued != 0 || s.QueueLimit != bot.DefaultQueue || !r.Health().Started {
		t.Errorf("%+v, %v", s, err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if r.Health().Started {
		t.Error("a stopped bot says that it works")
	}
}
