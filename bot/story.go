package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// Story is what became of one event: what every rule made of it, and what those that fired did.
type Story struct {
	Event     StoryEvent      `json:"event"`
	Also      []string        `json:"also,omitzero"`   // keys of other events of the same message: its edits, its revocation
	Answer    *StoryAnswer    `json:"answer,omitzero"` // when the story was asked for by what it led to
	State     string          `json:"state"`           // one of the States
	RuleSet   string          `json:"rule_set,omitzero"`
	Problem   string          `json:"problem,omitzero"` // why the decisions cannot be told, or not as they were
	Decisions []StoryDecision `json:"decisions,omitzero"`
	Runs      []StoryRun      `json:"runs,omitzero"`
	Notes     []StoryNote     `json:"notes,omitzero"`
	TookUS    int64           `json:"took_us,omitzero"` // microseconds that the decision took
}

// The states of an event.
const (
	StateWaiting = "not handled yet" // it is in the journal, and nothing was decided
	StateQuiet   = "quiet"           // handled, and no rule fired
	StateOpen    = "open"            // a run is not over: it is being done, or waits
	StateFailed  = "failed"          // a run failed, or stands still
	StateFired   = "fired"           // all runs are over
)

// StoryEvent is the event that a story is about.
type StoryEvent struct {
	Key          string    `json:"key"`
	Type         string    `json:"type"` // of the first rule event; the kind of the event for one that is none
	Time         time.Time `json:"time"` // when it happened
	Conversation string    `json:"conversation,omitzero"`
	User         string    `json:"user,omitzero"`
	Text         string    `json:"text,omitzero"`
	ID           string    `json:"id,omitzero"`     // msg.id in rules
	MsgID        string    `json:"msg_id,omitzero"` // message_msg_id of the SDK
	CaughtUp     bool      `json:"caught_up,omitzero"`
}

// StoryAnswer is the effect by which a story was asked for.
type StoryAnswer struct {
	Run  string `json:"run"`
	Rule string `json:"rule"`
	Step string `json:"step,omitzero"`
}

// StoryDecision is what was decided for one rule event: an event can be several.
type StoryDecision struct {
	Type  string      `json:"type"`
	User  string      `json:"user,omitzero"`
	At    time.Time   `json:"at"`
	Taken string      `json:"taken,omitzero"` // why main and fallback were not tried
	Rules []StoryRule `json:"rules,omitzero"` // in the order in which they were tried
	Left  []StoryLeft `json:"left,omitzero"`  // what there is to say of the rules that are not in Rules
}

// StoryLeft counts rules that there is nothing more to say about.
type StoryLeft struct {
	Rules int    `json:"rules"`
	Why   string `json:"why"`
}

// StoryRule is what one rule made of an event.
type StoryRule struct {
	ID        string      `json:"id"`
	Name      string      `json:"name,omitzero"`
	Stage     string      `json:"stage"`
	Outcome   string      `json:"outcome"` // one of the Outcomes
	Shadow    bool        `json:"shadow,omitzero"`
	Why       string      `json:"why,omitzero"`
	Hits      []StoryHit  `json:"hits,omitzero"`
	Normalize string      `json:"normalize,omitzero"` // of a rule with hits
	Found     string      `json:"found,omitzero"`     // the row of a faq that answers, or what is wrong with a command's arguments
	Command   string      `json:"command,omitzero"`
	Args      []string    `json:"args,omitzero"`
	Parts     []StoryPart `json:"parts,omitzero"` // of its if, in their order
}

// The outcomes of a rule.
const (
	OutcomeFired   = "fired"
	OutcomeShadow  = "shadow"  // it would have fired
	OutcomeNo      = "no"      // it did not match, or its if was false
	OutcomeError   = "error"   // its if could not be evaluated, or a fact was missing
	OutcomeSkipped = "skipped" // its stage was not tried
	OutcomeDropped = "dropped" // it matched, and a limit or the like did not let it through
	OutcomeOff     = "off"
	OutcomeOther   = "other" // it does not listen to the event
)

// StoryHit is a word and where it stands.
type StoryHit struct {
	Word  string `json:"word"`
	Text  string `json:"text"` // as the message has it
	Start int    `json:"start"`
	End   int    `json:"end"` // bytes of the message's text
}

// StoryPart is one operand of an if, or what stands inside one.
type StoryPart struct {
	Source string `json:"source"`
	Value  string `json:"value"`
	Held   bool   `json:"held"`
	Depth  int    `json:"depth,omitzero"` // 0 for an operand
}

// StoryRun is what a rule that fired did.
type StoryRun struct {
	ID      string      `json:"id"`
	Rule    string      `json:"rule"`
	Began   time.Time   `json:"began,omitzero"`
	Ended   time.Time   `json:"ended,omitzero"` // zero while it is open
	Outcome string      `json:"outcome"`        // running, waiting, done, failed, dead, dropped, cancelled, timed out, restarted, given up
	Wait    *StoryWait  `json:"wait,omitzero"`
	Dead    *StoryDead  `json:"dead,omitzero"`
	Steps   []StoryStep `json:"steps,omitzero"`
	More    int         `json:"more,omitzero"` // steps from the middle that were not kept
}

// StoryWait is what a run waits for.
type StoryWait struct {
	For   string    `json:"for"`
	Step  string    `json:"step,omitzero"`
	Due   time.Time `json:"due,omitzero"` // zero: until something else happens
	Tries int       `json:"tries,omitzero"`
}

// StoryDead is why a run stands still until a person decides.
type StoryDead struct {
	ID    string    `json:"id"` // of the dead letter
	At    time.Time `json:"at"`
	Step  string    `json:"step"`
	Code  string    `json:"code"`
	Error string    `json:"error"`
	Tries int       `json:"tries,omitzero"`
}

// StoryStep is one attempt of one step.
type StoryStep struct {
	Name   string    `json:"name"` // the id, or the path
	Key    string    `json:"key"`
	Action string    `json:"action"`
	Began  time.Time `json:"began,omitzero"`
	TookUS int64     `json:"took_us,omitzero"`
	OK     bool      `json:"ok"`
	Code   string    `json:"code,omitzero"`
	Error  string    `json:"error,omitzero"`
	Effect string    `json:"effect,omitzero"`
	MsgID  string    `json:"msg_id,omitzero"` // of the message that was sent
	Note   string    `json:"note,omitzero"`
}

// StoryNote is something that happened to the event besides.
type StoryNote struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// maxSets is how many rule sets of the journal an inspector keeps ready.
const maxSets = 4

// manyRules is how many rules of one outcome a story tells one by one.
const manyRules = 20

// Why tells the story of the event that ref names: by an event's key, a run's id, msg.id of the rules, message_msg_id of
// the SDK, the id or the effect id of a message that the bot sent, or "last" for the newest event of a conversation. It
// leaves out, and counts, the rules that do not listen to the event; of very many also those that were not tried or whose
// words were not there.
//
// Errors: *NotFoundError; else the journal's. It blocks while it reads the journal, of which an unknown ref reads much.
func (in *Inspector) Why(ctx context.Context, ref string) (*Story, error) {
	return in.why(ctx, ref, false)
}

// WhyAll is like Why and tells of every rule, also of those that do not listen to the event.
func (in *Inspector) WhyAll(ctx context.Context, ref string) (*Story, error) {
	return in.why(ctx, ref, true)
}

func (in *Inspector) why(ctx context.Context, ref string, all bool) (*Story, error) {
	found, err := in.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	s, err := in.story(ctx, found.record, all)
	if err != nil {
		return nil, err
	}
	s.Also, s.Answer = found.also, found.answer
	return s, nil
}

// account is a record of the journal with all that can be read out of it.
type account struct {
	journal.Record
	event  eventRecord
	trace  *traceRecord
	events []rules.Event
	open   []journal.Run
	recs   map[string]runRecord // of the open runs
}

// read takes a record apart.
func (in *Inspector) read(ctx context.Context, rec journal.Record) (*account, error) {
	t := &account{Record: rec, recs: make(map[string]runRecord)}
	var err error
	if t.trace, err = readTrace(rec.Trace.Data); err != nil {
		return nil, fmt.Errorf("trace of %s: %w", rec.Key, err)
	}
	if err := sdkconn.Unmarshal(rec.Data, &t.event); err != nil {
		return nil, fmt.Errorf("event %s: %w", rec.Key, err)
	}
	t.events = ruleEvents(rec.Event, t.event, t.trace.Self)
	if rec.Done {
		return t, nil
	}
	if t.open, err = in.journal.Runs(ctx, rec.Key); err != nil {
		return nil, err
	}
	for _, r := range t.open {
		var run runRecord
		if err := json.Unmarshal(r.Data, &run); err != nil {
			return nil, fmt.Errorf("run %s: %w", r.ID, err)
		}
		t.recs[r.ID] = run
	}
	return t, nil
}

// summary is the event in short.
func (t *account) summary() StoryEvent {
	e := StoryEvent{Key: t.Key, Time: t.At.UTC(), Conversation: t.Conversation, Type: t.event.Lifecycle}
	if sdk := t.event.SDK; sdk != nil {
		e.Type, e.CaughtUp = string(sdk.Kind), sdk.CaughtUp
		if m := sdk.Message; m != nil {
			e.ID, e.MsgID, e.Text, e.User = rules.MessageID(m), m.MsgID, m.Text(), m.Sender
		} else if sdk.Revoked != nil {
			e.ID = rules.MessageID(sdk.Revoked.Message())
		}
	}
	if len(t.events) > 0 {
		e.Type, e.User = t.events[0].Type, t.events[0].User
		if c := t.events[0].Conversation(); c.Valid() {
			e.Conversation = c.String()
		}
	}
	return e
}

// state says how far the event is.
func (t *account) state(runs []StoryRun) string {
	failed, open := false, !t.Done
	for _, r := range runs {
		switch r.Outcome {
		case "failed", "dead", "given up":
			failed = true
		}
		open = open || r.Ended.IsZero()
	}
	switch {
	case failed:
		return StateFailed
	case len(runs) > 0 && open:
		return StateOpen
	case len(runs) > 0:
		return StateFired
	case open:
		return StateWaiting
	}
	return StateQuiet
}

// story tells one record.
func (in *Inspector) story(ctx context.Context, rec journal.Record, all bool) (*Story, error) {
	t, err := in.read(ctx, rec)
	if err != nil {
		return nil, err
	}
	s := &Story{Event: t.summary(), RuleSet: rec.Trace.RuleSet, TookUS: t.trace.Took}
	for _, n := range t.trace.Notes {
		s.Notes = append(s.Notes, StoryNote{milli(n.At), n.Text})
	}
	if s.RuleSet == "" && len(t.open) > 0 {
		s.RuleSet = t.open[0].RuleSet
	}
	set, lost := in.set(ctx, s.RuleSet)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if s.Runs, err = in.runs(ctx, t, set); err != nil {
		return nil, err
	}
	s.State = t.state(s.Runs)
	switch {
	case set != nil && len(t.trace.Decided) > 0:
		for i := range t.trace.Decided {
			if i >= len(t.events) {
				break
			}
			d := &t.trace.Decided[i]
			if d.NoState {
				s.Problem = "the state at that time was too large to be kept: conditions that read it may tell something else"
			}
			s.Decisions = append(s.Decisions, decision(set, &t.events[i], d, all))
		}
	case s.State == StateWaiting || len(rec.Trace.Data) > 0 && len(t.trace.Decided) == 0:
	case len(rec.Trace.Data) == 0:
		s.Problem = "the trace of this event is gone: what was decided is not known any more"
	default:
		s.Problem = fmt.Sprintf("its rules cannot be read any more: %v", lost)
	}
	return s, nil
}

// set returns a rule set of the journal; of the last ones that were asked for it is ready.
func (in *Inspector) set(ctx context.Context, hash string) (*rules.Set, error) {
	if hash == "" {
		return nil, nil
	}
	if in.live != nil {
		if set := in.live(); set.Hash() == hash {
			return set, nil
		}
	}
	in.reading.Lock()
	defer in.reading.Unlock()
	for i, set := range in.sets {
		if set.Hash() == hash {
			in.sets = append(slices.Delete(in.sets, i, i+1), set)
			return set, nil
		}
	}
	// What is told of a decision reads no secret, and who asks may not have them.
	set, err := storedSet(ctx, in.journal, in.actions, hash, func(string) (string, bool) { return "", true })
	if err != nil {
		return nil, err
	}
	if in.sets = append(in.sets, set); len(in.sets) > maxSets {
		in.sets = slices.Delete(in.sets, 0, 1)
	}
	return set, nil
}

// decision tells what the rules made of one rule event, with the facts that they had.
func decision(set *rules.Set, ev *rules.Event, d *decidedRecord, all bool) StoryDecision {
	facts := &rules.Facts{
		Now: time.UnixMilli(d.Now).In(time.FixedZone("", d.Zone)), UserRole: d.Facts.UserRole, UserName: d.Facts.UserName,
		ChatName: d.Facts.ChatName, GroupType: d.Facts.GroupType, Admins: set.Bot.Admins, BotName: set.Bot.Name, Taken: d.Taken,
		State: seenState(d.State),
		Gate: func(f rules.Fired) rules.Gate {
			g := d.Gates[f.Rule.ID]
			return rules.Gate{Closed: g.Closed, Why: g.Why}
		},
	}
	out := StoryDecision{Type: ev.Type, User: ev.User, At: milli(d.Now), Taken: d.Taken}
	explained := set.Explain(ev, facts)
	left := make(map[string]int)
	plain, skipped := 0, 0 // rules of whose words none was there, and those that were not tried
	for i := range explained {
		switch outcomeOf(&explained[i]) {
		case OutcomeSkipped:
			skipped++
		case OutcomeNo:
			if explained[i].Reason != "if" {
				plain++
			}
		}
	}
	text := ""
	if ev.Source != nil && ev.Source.Message != nil {
		text = ev.Source.Message.Text()
	}
	for i := range explained {
		e := &explained[i]
		outcome := outcomeOf(e)
		switch {
		case all:
		case outcome == OutcomeOther:
			left["not on "+ev.Type]++
			continue
		case outcome == OutcomeOff:
			left["off"]++
			continue
		case outcome == OutcomeSkipped && skipped > manyRules:
			left["skipped, "+e.Text]++
			continue
		case outcome == OutcomeNo && e.Reason == "self":
			left["no, "+e.Text]++
			continue
		case outcome == OutcomeNo && e.Reason != "if" && plain > manyRules:
			left["no, none of their words is there"]++
			continue
		}
		out.Rules = append(out.Rules, storyRule(e, outcome, text))
	}
	for _, why := range slices.Sorted(maps.Keys(left)) {
		out.Left = append(out.Left, StoryLeft{left[why], why})
	}
	return out
}

// seenState is the state of a decision as rules see it.
func seenState(kept []byte) (s rules.State) {
	if len(kept) == 0 {
		return s
	}
	v, err := decodeValue(kept)
	if err != nil {
		return s
	}
	parts, _ := v.(map[string]any)
	part := func(name string) map[string]any {
		values, _ := parts[name].(map[string]any)
		out := make(map[string]any, len(values))
		for k, v := range values {
			out[k] = seenValue(v)
		}
		return out
	}
	s.User, s.Chat, s.Bot = part("user"), part("chat"), part("bot")
	return s
}

func outcomeOf(e *rules.Explanation) string {
	switch {
	case e.Fired && e.Shadow:
		return OutcomeShadow
	case e.Fired:
		return OutcomeFired
	}
	switch e.Reason {
	case "off":
		return OutcomeOff
	case "event":
		return OutcomeOther
	case "stage":
		return OutcomeSkipped
	case "limit":
		return OutcomeDropped
	case "fact", "error":
		return OutcomeError
	}
	return OutcomeNo
}

func storyRule(e *rules.Explanation, outcome, text string) StoryRule {
	r := StoryRule{
		ID: e.Rule.ID, Name: e.Rule.Name, Stage: e.Rule.Stage.String(), Outcome: outcome, Shadow: e.Shadow, Why: e.Text,
		Found: e.Found, Command: e.Hit.Command, Args: e.Hit.Args,
	}
	for i, word := range e.Hit.Words {
		hit := StoryHit{Word: word}
		if i < len(e.Hit.Spans) {
			hit.Start, hit.End = e.Hit.Spans[i].Start, e.Hit.Spans[i].End
			if 0 <= hit.Start && hit.Start <= hit.End && hit.End <= len(text) {
				hit.Text = text[hit.Start:hit.End]
			}
		}
		r.Hits = append(r.Hits, hit)
	}
	if len(r.Hits) > 0 {
		r.Normalize = e.Rule.Normalize().String()
	}
	for _, p := range e.Parts {
		r.Parts = append(r.Parts, StoryPart(p))
	}
	return r
}

// runs tells the runs of an event: those that the trace knows, and those that the journal alone knows because the bot
// died in the middle of them.
func (in *Inspector) runs(ctx context.Context, t *account, set *rules.Set) ([]StoryRun, error) {
	for _, r := range t.open {
		rec := t.recs[r.ID]
		run := t.trace.run(r.ID, rec.Rule, t.At)
		raw, err := in.journal.Steps(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		steps := make(map[string]stepRecord, len(raw))
		for key, data := range raw {
			var step stepRecord
			if err := json.Unmarshal(data, &step); err != nil {
				return nil, fmt.Errorf("step %s of %s: %w", key, r.ID, err)
			}
			steps[key] = step
		}
		byPath := map[string]*rules.Step{}
		if set != nil && set.Rule(rec.Rule) != nil {
			byPath = stepsByPath(set.Rule(rec.Rule))
		}
		t.trace.catchUp(run, steps, byPath)
		if run.Wait = rec.Wait; rec.Wait != nil && run.Outcome == "" {
			run.Outcome = "waiting"
		}
	}
	var out []StoryRun
	for _, r := range t.trace.Runs {
		out = append(out, t.storyRun(r))
	}
	return out, nil
}

func (t *account) storyRun(r *runTrace) StoryRun {
	run := StoryRun{ID: r.ID, Rule: r.Rule, Began: milli(r.Began), Ended: milli(r.Ended), Outcome: r.Outcome, More: r.More}
	_, open := t.recs[r.ID]
	switch {
	case r.Ended == 0 && !open && t.Done: // given up, by a panic or because it could not be restored
		run.Outcome = "given up"
	case r.Outcome == "":
		run.Outcome = "running"
	}
	if w := r.Wait; w != nil {
		run.Wait = &StoryWait{For: string(w.For), Step: w.Step, Due: milli(w.Due), Tries: w.Tries}
	}
	if d := t.recs[r.ID].Dead; d != nil {
		run.Outcome = "dead"
		run.Dead = &StoryDead{ID: d.ID, At: milli(d.At), Step: d.Step, Code: d.Code, Error: d.Text, Tries: d.Tries}
	}
	for _, s := range r.Steps {
		run.Steps = append(run.Steps, StoryStep{
			Name: s.Name, Key: s.Key, Action: s.Action, Began: milli(s.Began), TookUS: s.Took,
			OK: s.Code == "" && s.Note != noteBegun, Code: s.Code, Error: s.Err, Effect: s.Effect, MsgID: s.Msg, Note: s.Note,
		})
	}
	return run
}

// milli is a time of a trace; the zero time for none.
func milli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
