package rulestest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

// heard notes the types of the events that the rules were asked about.
type heard struct {
	mu    sync.Mutex
	types map[string]bool
}

var _ bot.Observer = (*heard)(nil)

// EventDecided implements bot.Observer.
func (h *heard) EventDecided(typ string, _ bot.Decided, _ time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.types == nil {
		h.types = make(map[string]bool)
	}
	h.types[typ] = true
}

func (*heard) EventStored(string, bool, bool)           {}
func (*heard) EventGivenUp()                            {}
func (*heard) StepDone(_, _, _ string, _ time.Duration) {}
func (*heard) RunEnded(_, _ string, _ time.Duration)    {}
func (*heard) EventDone(*bot.Handled)                   {}
func (*heard) SendPaced(time.Duration)                  {}
func (*heard) JournalWorking(bool)                      {}
func (*heard) WebhookCalled(_, _ string)                {}

// unheard says that none of the test's events is one that its rule listens to; "" when one is, or a step looks at why the rule
// did not fire.
func (w *world) unheard() string {
	rule := w.test.set.Rule(w.test.Rule)
	if rule == nil || slices.ContainsFunc(w.test.steps, func(st *step) bool { return st.about(rule.ID) }) {
		return ""
	}
	if slices.Contains(rule.Events, rules.EventSchedule) { // that it is not its time yet is worth a test
		return ""
	}
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	if slices.ContainsFunc(rule.Events, func(typ string) bool { return w.heard.types[typ] }) {
		return ""
	}
	there := "there was none"
	if len(w.heard.types) > 0 {
		there = "there were " + strings.Join(slices.Sorted(maps.Keys(w.heard.types)), ", ")
	}
	return fmt.Sprintf("rule %s listens to %s, and no event of this test is one (%s): the test would pass whatever the rule says",
		rule.ID, strings.Join(rule.Events, ", "), there)
}
