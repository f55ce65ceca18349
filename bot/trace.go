package bot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

const (
	// maxTraced bounds how many steps of one run a trace keeps, and how many notes.
	maxTraced = 200

	// maxTracedState bounds the state that a trace keeps, in bytes.
	maxTracedState = 64 << 10
)

// traceRecord is what the journal keeps of one event's handling: enough to tell everything that was decided and done, with
// the event and the text of its rule set, which are kept too.
type traceRecord struct {
	Self    string          `json:"self,omitzero"`    // the bot's user id
	Decided []decidedRecord `json:"decided,omitzero"` // one for each rule event that the event stands for
	Runs    []*runTrace     `json:"runs,omitzero"`
	Notes   []noteRecord    `json:"notes,omitzero"`
	Took    int64           `json:"took,omitzero"` // microseconds from taking the event up to its decision's end

	types []string // of the rule events, for the observer
	kept  bool     // it is in the journal, perhaps as it was earlier
}

// decidedRecord is what a decision was made of. Rules are pure: with the same facts they decide the same again.
type decidedRecord struct {
	Now     int64                 `json:"now"`           // Unix milliseconds
	Zone    int                   `json:"zone,omitzero"` // the bot's, in seconds east of UTC
	Facts   factsRecord           `json:"facts,omitzero"`
	Known   factsRecord           `json:"known,omitzero"`    // what steps asked for besides
	State   jsontext.Value        `json:"state,omitzero"`    // encodeValue of the maps of rules.State, when a condition reads them
	NoState bool                  `json:"no_state,omitzero"` // it was too large to be kept
	Taken   string                `json:"taken,omitzero"`    // why main and fallback were not tried
	Gates   map[string]gateRecord `json:"gates,omitzero"`    // by rule: what limits and the like said
}

// gateRecord is what Facts.Gate answered for a rule.
type gateRecord struct {
	Closed bool   `json:"closed,omitzero"`
	Why    string `json:"why,omitzero"`
}

// runTrace is what became of one rule that fired.
type runTrace struct {
	ID      string      `json:"id"`
	Rule    string      `json:"rule"`
	Began   int64       `json:"began"`            // Unix milliseconds
	Ended   int64       `json:"ended,omitzero"`   // 0 while it is open
	Outcome string      `json:"outcome,omitzero"` // done, failed, waiting, dead, dropped, cancelled, timed out, restarted, given up
	Wait    *waitRecord `json:"wait,omitzero"`    // while it waits
	Steps   []stepTrace `json:"steps,omitzero"`
	More    int         `json:"more,omitzero"` // steps that are not in Steps
}

// stepTrace is one attempt of one step.
type stepTrace struct {
	Key    string `json:"key"`
	Name   string `json:"name"` // the id, or the path
	Action string `json:"action"`
	Began  int64  `json:"began"`          // Unix milliseconds
	Took   int64  `json:"took,omitzero"`  // microseconds
	Code   string `json:"code,omitzero"`  // of a failure
	Err    string `json:"error,omitzero"` // its text
	Effect string `json:"effect,omitzero"`
	Msg    string `json:"msg,omitzero"`  // the id of the message that was sent
	Note   string `json:"note,omitzero"` // "skipped", "tried again in 2s", ...

	Out jsontext.Value `json:"out,omitzero"` // encodeValue of what the world outside answered, up to MaxAnswer
}

// noteRecord is something that happened to an event besides.
type noteRecord struct {
	At   int64  `json:"at"` // Unix milliseconds
	Text string `json:"text"`
}

// note adds a remark.
func (t *traceRecord) note(at time.Time, format string, args ...any) {
	if len(t.Notes) < maxTraced {
		t.Notes = append(t.Notes, noteRecord{at.UnixMilli(), fmt.Sprintf(format, args...)})
	}
}

// run returns the part of one run, which is made when it is not there yet.
func (t *traceRecord) run(id, rule string, now time.Time) *runTrace {
	for _, r := range t.Runs {
		if r.ID == id {
			return r
		}
	}
	r := &runTrace{ID: id, Rule: rule, Began: now.UnixMilli()}
	t.Runs = append(t.Runs, r)
	return r
}

// step adds an attempt of a step. Of very many the first and the last ones stay.
func (r *runTrace) step(s stepTrace) {
	if len(r.Steps) >= maxTraced {
		r.Steps = slices.Delete(r.Steps, maxTraced/2, maxTraced/2+1)
		r.More++
	}
	r.Steps = append(r.Steps, s)
}

// did tells of a step that has no action, or whose if was false.
func (r *run) did(step *rules.Step, format string, args ...any) {
	r.traced().step(stepTrace{
		Key: r.stepKey(step), Name: stepName(step), Action: actionName(step), Began: r.b.clock.Now().UnixMilli(),
		Note: fmt.Sprintf(format, args...),
	})
}

// assigned names what a set step wrote, in the order of the names.
func assigned(a rules.Assignment) string {
	var names []string
	for _, part := range []struct {
		name   string
		values map[string]any
	}{{"vars", a.Vars}, {"state.user", a.User}, {"state.chat", a.Chat}, {"state.bot", a.Bot}} {
		for _, key := range slices.Sorted(maps.Keys(part.values)) {
			names = append(names, part.name+"."+key)
		}
	}
	return strings.Join(names, ", ")
}

// sentID is the id of the message that an action sent, as its output tells it; "" for none.
func sentID(out any) string {
	values, _ := out.(map[string]any)
	id, _ := values["msg_id"].(string)
	return id
}

// catchUp adds the steps of a run that the journal knows and the trace does not: those of a run that a crash ended.
func (r *runTrace) catchUp(steps map[string]stepRecord, byPath map[string]*rules.Step) {
	told := make(map[string]bool)
	for _, s := range r.Steps {
		told[s.Key] = true
	}
	for _, key := range slices.SortedFunc(maps.Keys(steps), compareStepKeys) {
		if told[key] || r.More > 0 {
			continue
		}
		rec := steps[key]
		path, _, _ := strings.Cut(key, "#")
		s := stepTrace{Key: key, Name: path, Effect: effectID(r.ID, key)}
		if step := byPath[path]; step != nil {
			s.Name, s.Action = stepName(step), actionName(step)
		}
		switch {
		case !rec.Done:
			s.Began, s.Note = rec.At, noteBegun
		case rec.Err != nil:
			s.Code, s.Err = rec.Err.Code, rec.Err.Text
		default:
			if result, err := rec.result(); err == nil {
				s.Msg = sentID(result.Out)
			}
		}
		r.step(s)
	}
}

// noteSkipped marks a step whose if was false.
const noteSkipped = "skipped"

// noteBegun marks a step of which only the beginning was written down.
const noteBegun = "begun; what came of it is not known"

// decided adds what a decision was made of.
func (t *traceRecord) decided(set *rules.Set, f *rules.Facts, gates map[string]gateRecord) {
	_, zone := f.Now.Zone()
	rec := decidedRecord{
		Now: f.Now.UnixMilli(), Zone: zone, Facts: factsRecord{f.UserRole, f.UserName, f.ChatName, f.GroupType}, Taken: f.Taken,
		Gates: gates,
	}
	if set.Needs().State {
		state, err := encodeValue(map[string]any{"user": rawState(f.State.User), "chat": rawState(f.State.Chat), "bot": rawState(f.State.Bot)})
		if rec.NoState = err != nil || len(state) > maxTracedState; !rec.NoState {
			rec.State = state
		}
	}
	t.Decided = append(t.Decided, rec)
}

// rawState is state as encodeValue takes it.
func rawState(seen map[string]any) map[string]any {
	out := make(map[string]any, len(seen))
	for k, v := range seen {
		out[k] = rules.Raw(v)
	}
	return out
}

// stored is the trace as the journal keeps it.
func (t *traceRecord) stored(event, ruleSet string) (journal.Trace, error) {
	data, err := json.Marshal(t)
	if err != nil {
		return journal.Trace{}, fmt.Errorf("trace of %s: %w", event, err)
	}
	t.kept = true
	return journal.Trace{Event: event, RuleSet: ruleSet, Data: data}, nil
}

// newTrace begins the trace of an event.
func (b *Bot) newTrace() *traceRecord { return &traceRecord{Self: b.conn.Self()} }

// readTrace reads what stored wrote; an empty trace of nothing.
func readTrace(data []byte) (*traceRecord, error) {
	t := new(traceRecord)
	if len(data) == 0 {
		return t, nil
	}
	return t, json.Unmarshal(data, t)
}

// trace reads an event's trace from the journal; an empty one when there is none.
func (b *Bot) trace(ctx context.Context, event string) (*traceRecord, error) {
	t := b.newTrace()
	found, err := b.journal.Records(ctx, journal.Query{KeyFrom: event, KeyTo: event + "\x00", Limit: 1})
	if err != nil || len(found) == 0 || len(found[0].Trace.Data) == 0 {
		return t, err
	}
	t.kept = true
	if err := json.Unmarshal(found[0].Trace.Data, t); err != nil {
		return b.newTrace(), nil // of another version: told anew from here on
	}
	return t, nil
}
