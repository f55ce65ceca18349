package rulestest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// DefaultTail is how long a replay goes on after the last event, for what waits: batches, delays, dialogues.
const DefaultTail = time.Hour

// Replay is recorded traffic that goes through two sets of rules.
type Replay struct {
	Registry *actions.Registry // whose catalog both sets were checked against
	Old, New *rules.Set
	Dir      string         // from which actions read files
	Traffic  []*bot.Traffic // in the order of SortTraffic
	Since    time.Time      // what was before only fills state, counts and dialogues; zero: all counts
	Tail     time.Duration  // 0: DefaultTail
}

// Run sends the traffic through both sets, each on the runtime itself with a virtual clock and an empty journal, and
// compares. Nothing is sent: messages leave into the void, and the world outside answers what it answered then, or that
// nothing is known. It blocks until it is done or ctx ends.
func (r *Replay) Run(ctx context.Context) (*Comparison, error) {
	before, err := r.pass(ctx, r.Old)
	if err != nil {
		return nil, fmt.Errorf("the old rules: %w", err)
	}
	after, err := r.pass(ctx, r.New)
	if err != nil {
		return nil, fmt.Errorf("the new rules: %w", err)
	}
	return r.compare(before, after)
}

// played is what one set of rules made of the traffic.
type played struct {
	set    *rules.Set
	events map[string]*effects // by the event's key; none for an event that led to nothing
	told   map[string]bool     // events that the rules were shown
	ran    map[string][]string // the rules that the events began runs of

	mu      sync.Mutex
	unknown map[string]int // actions that had no recorded answer, and how often
}

// effects is what an event led to.
type effects struct {
	fired  []string // live rules, in their order
	shadow []string // rules that would have fired
	acts   []*Act
	words  map[string][]string // by rule: what was found
}

// of is the effects of an event. The caller holds mu.
func (p *played) of(event string) *effects {
	e := p.events[event]
	if e == nil {
		e = &effects{words: make(map[string][]string)}
		p.events[event] = e
	}
	return e
}

// decided notes a decision.
func (p *played) decided(event string, _ *rules.Event, _ *rules.Facts, d *rules.Decision) {
	if len(d.Fired) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.of(event)
	for _, f := range d.Fired {
		if f.Shadow {
			e.shadow = append(e.shadow, f.Rule.ID)
		} else {
			e.fired = append(e.fired, f.Rule.ID)
		}
		e.words[f.Rule.ID] = slices.Clone(f.Hit.Words)
	}
}

// pass sends the traffic through one set of rules.
func (r *Replay) pass(ctx context.Context, set *rules.Set) (_ *played, err error) {
	p := &played{
		set: set, events: make(map[string]*effects), told: make(map[string]bool), ran: make(map[string][]string),
		unknown: make(map[string]int),
	}
	if len(r.Traffic) == 0 {
		return p, nil
	}
	first, last := r.Traffic[0], r.Traffic[len(r.Traffic)-1]
	clock := NewClock(whenOf(first).Add(-time.Second))
	self := bot.UserOf(set.Bot.Connection)
	for _, t := range r.Traffic {
		if t.Self != "" {
			self = t.Self
		}
	}
	void := newVoid(self, clock, r.Traffic)
	facts, err := knownFacts(r.Traffic)
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "timbot-replay-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	b, err := bot.New(void, set, bot.WithJournal(journal.NewMemory(0)), bot.WithActions(r.replayed(p)), bot.WithClock(clock),
		bot.WithSteadyClock(), bot.WithLocation(time.FixedZone("", last.Zone)), bot.WithWorkers(1), bot.WithGrace(0),
		bot.WithArchive(&archive{clock: clock}), bot.WithDir(r.Dir, data), bot.WithLogger(slog.New(slog.DiscardHandler)),
		bot.WithFacts(facts.fill), bot.WithDecisions(p.decided))
	if err != nil {
		return nil, err
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- b.Run(work) }()
	err = r.tell(ctx, b, clock, p, void)
	cancel()
	stopped := <-done
	if errors.Is(err, bot.ErrStopped) {
		err = stopped
	}
	return p, err
}

// tell hands the bot one event after the other at its time, and lets what waits go on meanwhile and for a while after.
func (r *Replay) tell(ctx context.Context, b *bot.Bot, clock *Clock, p *played, void *void) error {
	if err := b.Idle(ctx); err != nil {
		return err
	}
	clear(p.events) // what the start leads to is no traffic's
	for _, t := range r.Traffic {
		if at := whenOf(t); at.After(clock.Now()) {
			if err := passTo(ctx, b, clock, at, nil); err != nil {
				return err
			}
		}
		void.heard(t.Key)
		told, err := b.Retell(ctx, t)
		if err != nil {
			return err
		}
		p.told[t.Key] = told
		if err := b.Idle(ctx); err != nil {
			return err
		}
	}
	tail := r.Tail
	if tail == 0 {
		tail = DefaultTail
	}
	if err := passTo(ctx, b, clock, clock.Now().Add(tail), nil); err != nil {
		return err
	}
	from := make(map[string]string)
	err := b.Inspector().Traffic(ctx, time.Time{}, 0, func(t *bot.Traffic) error {
		p.ran[t.Key] = t.Fired
		if t.From != "" {
			from[t.Key] = t.From
		}
		return nil
	})
	p.fold(from)
	return err
}

// fold makes what signals led to a part of what led to the signals. from is the event behind each of them.
func (p *played) fold(from map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(from)) {
		e, root := p.events[key], key
		for from[root] != "" {
			root = from[root]
		}
		if e == nil {
			continue
		}
		delete(p.events, key)
		to := p.of(root)
		to.fired, to.shadow = append(to.fired, e.fired...), append(to.shadow, e.shadow...)
		maps.Copy(to.words, e.words)
		to.acts = append(to.acts, e.acts...)
		slices.SortStableFunc(to.acts, func(a, b *Act) int { return a.At.Compare(b.At) })
	}
}

// replayed returns the actions of a replay: all but those that ask the world outside are done, into the void.
func (r *Replay) replayed(p *played) *actions.Registry {
	answers := make(map[string][]*bot.TrafficAnswer)
	for _, t := range r.Traffic {
		for i := range t.Answers {
			a := &t.Answers[i]
			id := a.Effect(t.Key)
			answers[id] = append(answers[id], a)
		}
	}
	out := new(actions.Registry)
	for _, name := range r.Registry.Names() {
		a, ok := r.Registry.Lookup(name)
		if !ok {
			continue
		}
		if err := out.Register(&replayedAction{Action: a, spec: a.Spec(), played: p, answers: answers}); err != nil {
			panic("rulestest: " + err.Error()) // it was registered before
		}
	}
	return out
}

// replayedAction notes what an action would do to the chat.
type replayedAction struct {
	actions.Action
	spec    actions.Spec
	played  *played
	answers map[string][]*bot.TrafficAnswer // by effect, those of several attempts in their order
}

// actKey is the key of a context's act.
type actKey struct{}

// Run implements actions.Action.
func (a *replayedAction) Run(ctx context.Context, call *actions.Call, args map[string]any) (actions.Result, error) {
	if a.spec.Outside() || a.spec.Name == "download" {
		return a.recorded(call)
	}
	act := &Act{
		Action: a.spec.Name, Rule: call.Rule, Step: call.Step, Fields: make(map[string]any), At: call.Clock.Now(),
	}
	for name, v := range args {
		act.Fields[name] = field(v)
	}
	if call.Conversation.Valid() {
		act.Fields["in"] = placeOf(call.Conversation)
	}
	if _, given := act.Fields["user"]; !given && call.User != "" {
		act.Fields["user"] = call.User
	}
	result, err := a.Action.Run(context.WithValue(ctx, actKey{}, act), call, args)
	if errors.Is(err, actions.ErrLater) {
		return result, err
	}
	if err != nil {
		act.Err = err.Error()
		act.Fields["error"] = err.Error()
	}
	if a.spec.ActsOnChat {
		a.played.mu.Lock()
		defer a.played.mu.Unlock()
		e := a.played.of(call.EventKey)
		e.acts = append(e.acts, act)
	}
	return result, err
}

// recorded answers what the world outside answered then.
func (a *replayedAction) recorded(call *actions.Call) (actions.Result, error) {
	a.played.mu.Lock()
	defer a.played.mu.Unlock()
	if list := a.answers[call.EffectID]; len(list) > 0 && list[0].Action == a.spec.Name {
		first := list[0]
		if len(list) > 1 { // another attempt is answered by the next
			a.answers[call.EffectID] = list[1:]
		}
		if first.Code != "" {
			return actions.Result{}, &mockError{first.Error, first.Code}
		}
		if out, ok := first.Outputs(); ok {
			if result, err := actions.Answer(a.Action, out); err == nil {
				return result, nil
			}
		}
	}
	a.played.unknown[a.spec.Name]++
	return actions.Result{}, &mockError{"the record does not tell what " + a.spec.Name + " answered", "unknown"}
}

// whenOf is when a bot came to an event.
func whenOf(t *bot.Traffic) time.Time {
	if !t.Decided.IsZero() {
		return t.Decided
	}
	return t.At
}

// SortTraffic puts events into the order in which the bot came to them.
func SortTraffic(list []*bot.Traffic) {
	slices.SortStableFunc(list, func(a, b *bot.Traffic) int { return whenOf(a).Compare(whenOf(b)) })
}

// knowledge is the facts that the record tells.
type knowledge struct {
	exact map[string]bot.TrafficFacts // by key and type of the rule event, and user
	roles map[string]*string          // by group and user: as the record knew it first
	names map[string]*string          // by user
	chats map[string]bot.TrafficFacts // by conversation
}

func factKey(ev *rules.Event) string { return ev.Key + " " + ev.Type + " " + ev.User }

// chatOf is the event's conversation, "" for none.
func chatOf(ev *rules.Event) string {
	if ev.Source == nil {
		return ""
	}
	if c := ev.Source.Conversation(); c.Valid() {
		return c.String()
	}
	return ""
}

func knownFacts(list []*bot.Traffic) (*knowledge, error) {
	k := &knowledge{
		exact: make(map[string]bot.TrafficFacts), roles: make(map[string]*string), names: make(map[string]*string),
		chats: make(map[string]bot.TrafficFacts),
	}
	for _, t := range list {
		if len(t.Facts) == 0 {
			continue
		}
		events, err := t.Events()
		if err != nil {
			return nil, err
		}
		for i := range events[:min(len(events), len(t.Facts))] {
			ev, f := &events[i], t.Facts[i]
			k.exact[factKey(ev)] = f
			chat := chatOf(ev)
			if f.UserRole != nil && k.roles[chat+" "+ev.User] == nil {
				k.roles[chat+" "+ev.User] = f.UserRole
			}
			if f.UserName != nil && k.names[ev.User] == nil {
				k.names[ev.User] = f.UserName
			}
			c := k.chats[chat]
			if c.ChatName == nil {
				c.ChatName = f.ChatName
			}
			if c.GroupType == nil {
				c.GroupType = f.GroupType
			}
			k.chats[chat] = c
		}
	}
	return k, nil
}

// fill sets what the rules knew then; what they did not ask then is what they knew at another event.
func (k *knowledge) fill(ev *rules.Event, f *rules.Facts) {
	exact, chat := k.exact[factKey(ev)], chatOf(ev)
	for _, fact := range []struct {
		to     **string
		values [2]*string
	}{
		{&f.UserRole, [2]*string{exact.UserRole, k.roles[chat+" "+ev.User]}},
		{&f.UserName, [2]*string{exact.UserName, k.names[ev.User]}},
		{&f.ChatName, [2]*string{exact.ChatName, k.chats[chat].ChatName}},
		{&f.GroupType, [2]*string{exact.GroupType, k.chats[chat].GroupType}},
	} {
		for _, v := range fact.values {
			if *fact.to == nil {
				*fact.to = v
			}
		}
	}
}

// sortedKeys are the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
