package bot

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// run is one rule's way through its steps, in a worker's hands. Between two items of work it lives in the journal only.
type run struct {
	b     *Bot
	id    string
	event string // key
	order int
	set   *rules.Set
	rule  *rules.Rule
	ev    *rules.Event
	rec   runRecord
	steps map[string]stepRecord
	items [][]any // of the for_each at each depth
	scope *rules.Scope
	log   *slog.Logger
	trace *traceRecord // of the event; shared by its runs
	// attempt is the step at hand, as the trace will tell it.
	attempt stepTrace

	inherited map[string]bool  // of steps, in a branch of a parallel: those of the runs around it
	fault     *rules.StepError // what the run failed with

	lost error // the journal's, when an expression asked it: nothing more of the run is written

	pass   *pass // how it came through the gate; of a new run
	shared bool  // other runs of its event may end in other hands meanwhile

	// change is what has happened since the last commit.
	change *journal.Change
}

// runID names the run of a rule that fired on the nth of the rule events that an event stands for.
func runID(event string, nth int, rule *rules.Rule) string {
	return fmt.Sprintf("%s/%d/%s", event, nth, rule.ID)
}

// newRun makes the run of a rule that fired.
func (b *Bot) newRun(
	set *rules.Set, stored journal.Event, ev *rules.Event, nth, order int, facts *rules.Facts, f rules.Fired,
	trace *traceRecord,
) *run {
	r := &run{
		b: b, trace: trace, id: runID(stored.Key, nth, f.Rule), event: stored.Key, order: order, set: set,
		rule: f.Rule, ev: ev, steps: make(map[string]stepRecord), change: &journal.Change{},
		rec: runRecord{
			Rule: f.Rule.ID, Nth: nth, Hit: f.Hit, Frames: []frame{{}},
			Facts: factsRecord{facts.UserRole, facts.UserName, facts.ChatName, facts.GroupType},
		},
	}
	if f.Hit.Wrong != "" {
		r.rec.Root = rootUsage
	}
	r.open(facts, make(map[string]any))
	r.trace.run(r.id, r.rule.ID, r.b.clock.Now())
	return r
}

// traced is the run's part of the event's trace.
func (r *run) traced() *runTrace { return r.trace.run(r.id, r.rule.ID, r.b.clock.Now()) }

// keepTrace puts the event's trace, as it is now, into the next commit.
func (r *run) keepTrace() error {
	t, err := r.trace.stored(r.event, r.set.Hash())
	if err != nil {
		return err
	}
	r.change.Traces = append(r.change.Traces, t)
	return nil
}

// open sets up what expressions see.
func (r *run) open(facts *rules.Facts, vars map[string]any) {
	r.scope = &rules.Scope{
		Event: r.ev, Facts: facts, Hit: &r.rec.Hit, Vars: vars, Steps: make(map[string]*rules.Result),
		Locals: make(map[string]any),
	}
	r.log = r.b.log.With("rule", r.rule.ID, "run", r.id)
	if msg := messageID(r.ev); msg != "" {
		r.log = r.log.With("msg_id", msg)
	}
}

// restore makes a run from what the journal holds.
func (b *Bot) restore(ctx context.Context, stored journal.Run, event journal.Event) (*run, error) {
	set, err := b.ruleSet(ctx, stored.RuleSet)
	if err != nil {
		return nil, err
	}
	r := &run{b: b, id: stored.ID, event: stored.Event, order: stored.Order, set: set, change: &journal.Change{}}
	if err := json.Unmarshal(stored.Data, &r.rec); err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if r.rule = set.Rule(r.rec.Rule); r.rule == nil {
		return nil, fmt.Errorf("rule %q is not in its rule set", r.rec.Rule)
	}
	events, err := b.events(event)
	if err != nil {
		return nil, err
	}
	if r.rec.Nth >= len(events) {
		return nil, fmt.Errorf("event %s stands for %d rule events, the run wants number %d", event.Key, len(events), r.rec.Nth)
	}
	r.ev = &events[r.rec.Nth]
	facts := &rules.Facts{
		Now: b.now(), Admins: set.Bot.Admins, BotName: set.Bot.Name, UserRole: r.rec.Facts.UserRole,
		UserName: r.rec.Facts.UserName, ChatName: r.rec.Facts.ChatName, GroupType: r.rec.Facts.GroupType,
	}
	if r.rule.Needs().State {
		if err := b.state(ctx, &facts.State, r.ev); err != nil {
			return nil, err
		}
	}
	vars := make(map[string]any)
	if len(r.rec.Vars) > 0 {
		v, err := decodeValue(r.rec.Vars)
		if err != nil {
			return nil, fmt.Errorf("vars: %w", err)
		}
		if kept, ok := v.(map[string]any); ok {
			vars = kept
		}
	}
	r.open(facts, vars)
	if r.trace, err = b.trace(ctx, r.event); err != nil {
		return nil, err
	}
	if err := r.restoreSteps(ctx); err != nil {
		return nil, err
	}
	return r, r.restoreItems()
}

// restoreSteps reads the results of the steps done so far; of a step in a for_each, the last item's shows.
func (r *run) restoreSteps(ctx context.Context) error {
	raw, err := r.inherit(ctx)
	if err != nil {
		return err
	}
	r.inherited = make(map[string]bool, len(raw))
	for key := range raw {
		r.inherited[key] = true
	}
	mine, err := r.b.journal.Steps(ctx, r.id)
	if err != nil {
		return err
	}
	maps.Copy(raw, mine)
	r.steps = make(map[string]stepRecord, len(raw))
	own := make(map[string]stepRecord, len(mine))
	byPath := stepsByPath(r.rule)
	keys := make([]string, 0, len(raw))
	for key, data := range raw {
		var rec stepRecord
		if err := json.Unmarshal(data, &rec); err != nil {
			return fmt.Errorf("step %s: %w", key, err)
		}
		r.steps[key] = rec
		if !r.inherited[key] {
			own[key] = rec
		}
		keys = append(keys, key)
	}
	r.trace.catchUp(r.traced(), own, byPath)
	slices.SortFunc(keys, compareStepKeys)
	for _, key := range keys {
		path, _, _ := strings.Cut(key, "#")
		if s := byPath[path]; s != nil && r.steps[key].Done {
			if err := r.show(s, r.steps[key]); err != nil {
				return fmt.Errorf("step %s: %w", key, err)
			}
		}
	}
	return nil
}

// restoreItems reads the lists that the run is in the middle of.
func (r *run) restoreItems() error {
	for depth, f := range r.rec.Frames {
		if len(f.Items) == 0 {
			continue
		}
		v, err := decodeValue(f.Items)
		if err != nil {
			return fmt.Errorf("for_each: %w", err)
		}
		items, _ := v.([]any)
		r.setItems(depth, items)
	}
	r.setLocals()
	return nil
}

// stepsByPath is every step of a rule.
func stepsByPath(rule *rules.Rule) map[string]*rules.Step {
	byPath := make(map[string]*rules.Step)
	for _, list := range []root{rootSteps, rootOver, rootUsage, rootOnTimeout, rootOnCancel} {
		eachStep(list.of(rule), func(s *rules.Step) { byPath[s.Path] = s })
	}
	return byPath
}

func eachStep(steps []*rules.Step, f func(*rules.Step)) {
	for _, s := range steps {
		f(s)
		eachStep(s.Steps, f)
		for i := range s.Branches {
			eachStep(s.Branches[i].Steps, f)
		}
	}
}

// stepKey names a step in this run: its path, and the items at hand of the lists around it.
func (r *run) stepKey(s *rules.Step) string {
	key := s.Path
	steps := r.rec.Root.of(r.rule)
	for depth, f := range r.rec.Frames[:len(r.rec.Frames)-1] {
		outer := steps[f.Index]
		switch {
		case outer.Kind == rules.StepForEach:
			key += "#" + strconv.Itoa(f.Item)
		case f.Hold != nil && f.Hold.Tries+f.Hold.Number > 0: // which try's aside it is, or which request's
			key += "#" + strconv.Itoa(f.Hold.Tries+f.Hold.Number)
		}
		steps = inner(outer, r.rec.Frames[depth])
	}
	return key
}

func compareStepKeys(a, b string) int {
	as, bs := strings.Split(a, "#"), strings.Split(b, "#")
	for i := range min(len(as), len(bs)) {
		if i > 0 {
			x, _ := strconv.Atoi(as[i])
			y, _ := strconv.Atoi(bs[i])
			if x != y {
				return x - y
			}
		} else if c := strings.Compare(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return len(as) - len(bs)
}

// inner is the list inside a step that a frame has entered.
func inner(s *rules.Step, f frame) []*rules.Step {
	switch {
	case f.Hold != nil:
		return []*rules.Step{f.Hold.step(s)}
	case s.Kind == rules.StepChoose, s.Kind == rules.StepParallel:
		return s.Branches[f.Branch].Steps
	}
	return s.Steps
}

// list is the innermost list of steps that the run is in.
func (r *run) list() []*rules.Step {
	steps := r.rec.Root.of(r.rule)
	for _, f := range r.rec.Frames[:len(r.rec.Frames)-1] {
		steps = inner(steps[f.Index], f)
	}
	return steps
}

func (r *run) top() *frame { return &r.rec.Frames[len(r.rec.Frames)-1] }

// advance goes to the next step of the innermost list.
func (r *run) advance() {
	f := r.top()
	*f = frame{Index: f.Index + 1}
	r.rec.afresh()
}

// enter goes into the list inside the current step.
func (r *run) enter() { r.rec.Frames = append(r.rec.Frames, frame{}) }

// leave goes back to the step that holds the innermost list: to its next item, or past it.
func (r *run) leave() {
	r.rec.Frames = r.rec.Frames[:len(r.rec.Frames)-1]
	depth := len(r.rec.Frames) - 1
	if h := r.top().Hold; h != nil {
		h.Phase = phaseSaid
		return
	}
	if s := r.list()[r.top().Index]; s.Kind == rules.StepForEach {
		if next := r.top().Item + 1; next < len(r.items[depth]) {
			r.top().Item = next
			r.enter()
			r.setLocals()
			return
		}
		r.items = r.items[:depth]
		r.setLocals()
	}
	r.advance()
}

func (r *run) setItems(depth int, items []any) {
	for len(r.items) <= depth {
		r.items = append(r.items, nil)
	}
	r.items[depth] = items
}

// setLocals shows the items at hand under their names.
func (r *run) setLocals() {
	clear(r.scope.Locals)
	steps := r.rec.Root.of(r.rule)
	for depth, f := range r.rec.Frames[:len(r.rec.Frames)-1] {
		s := steps[f.Index]
		if s.Kind == rules.StepForEach && depth < len(r.items) && f.Item < len(r.items[depth]) {
			r.scope.Locals[s.As] = r.items[depth][f.Item]
		}
		steps = inner(s, f)
	}
}

// show makes a step's result visible to the steps after it.
func (r *run) show(s *rules.Step, rec stepRecord) error {
	if s.ID == "" {
		return nil
	}
	result, err := rec.result()
	if err != nil {
		return err
	}
	r.scope.Steps[s.ID] = result
	return nil
}

// stored is the run as the journal keeps it.
func (r *run) stored() (journal.Run, error) {
	data, err := json.Marshal(r.rec)
	if err != nil {
		return journal.Run{}, fmt.Errorf("run %s: %w", r.id, err)
	}
	return journal.Run{ID: r.id, Event: r.event, Order: r.order, RuleSet: r.set.Hash(), Data: data}, nil
}

// commit makes durable what has happened so far.
func (r *run) commit(ctx context.Context) error {
	if err := r.keepPlace(); err != nil {
		return err
	}
	return r.write(ctx)
}

// keepPlace puts the run's place into the next commit, so that what goes with it is not done again.
func (r *run) keepPlace() error {
	stored, err := r.stored()
	if err == nil && !r.trace.kept { // a crash may come: the decision is told from the first effect on
		err = r.keepTrace()
	}
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.change.Runs, func(o journal.Run) bool { return o.ID == r.id })
	if i >= 0 { // the last word counts
		r.change.Runs[i] = stored
	} else {
		r.change.Runs = append(r.change.Runs, stored)
	}
	return nil
}

func (r *run) write(ctx context.Context) error {
	if r.lost != nil {
		return r.lost
	}
	err := r.b.journal.Commit(ctx, r.change)
	if err == nil {
		r.b.timers.remove(r.change.StopTimers...)
	}
	r.change = &journal.Change{}
	return err
}
