package bot

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// eventRecord is an event as the journal keeps it: one of the connection, one of the bot's own life, a signal, or a call of a
// webhook.
type eventRecord struct {
	SDK       *sdkconn.Event `json:"sdk,omitzero"`
	Lifecycle string         `json:"lifecycle,omitzero"`
	At        uint64         `json:"at,omitzero"` // seconds

	Data jsontext.Value `json:"data,omitzero"` // of a signal: encodeValue
	Hops int            `json:"hops,omitzero"` // of a signal: how many led to it
	From string         `json:"from,omitzero"` // of a step's signal: the key of the event that the step's rule fired on
	Call jsontext.Value `json:"call,omitzero"` // of a webhook: callRecord

	Slot *slotRecord `json:"slot,omitzero"` // of a schedule
}

func newEvent(e *sdkconn.Event) (journal.Event, error) {
	data, err := sdkconn.Marshal(eventRecord{SDK: e})
	if err != nil {
		return journal.Event{}, fmt.Errorf("event %s: %w", e.Key(), err)
	}
	out := journal.Event{Key: e.Key(), At: time.Unix(int64(e.At), 0), Data: data}
	if c := e.Conversation(); c.Valid() {
		out.Conversation = c.String()
	}
	if m := e.Message; m != nil && e.Kind == sdkconn.EventNewMsg {
		out.At = time.Unix(int64(m.Time()), 0)
		if m.ConvType == sdkconn.ConvGroup {
			out.Seq = m.Seq
		}
	}
	return out, nil
}

// runRecord is a run as the journal keeps it.
type runRecord struct {
	Rule   string         `json:"rule"`
	Nth    int            `json:"nth"` // which of the rule events that the event stands for
	Hit    rules.Hit      `json:"hit"`
	Facts  factsRecord    `json:"facts"`
	Vars   jsontext.Value `json:"vars,omitzero"` // encodeValue of a map
	Root   root           `json:"root,omitzero"` // which of the rule's lists of steps the frames begin in
	Frames []frame        `json:"frames"`
	Failed int            `json:"failed,omitzero"` // how often the step at the place has failed

	// Refused is how often the service said to the step at the place that there were too many, and Asked how often the
	// step did not learn what became of it. Neither counts as a failure.
	Refused int `json:"refused,omitzero"`
	Asked   int `json:"asked,omitzero"`

	// Unsettled is when the step at the place was first begun without its outcome becoming known, in Unix milliseconds.
	Unsettled int64 `json:"unsettled,omitzero"`

	// Parent is the run that this one is a branch of, and Base how many of the frames are that run's.
	Parent string `json:"parent,omitzero"`
	Base   int    `json:"base,omitzero"`

	Wait *waitRecord `json:"wait,omitzero"` // what the run waits for; nil while it goes on
	Dead *deadRecord `json:"dead,omitzero"` // why it stands still until a person decides

	Tried int          `json:"tried,omitzero"` // attempts of the step at the place before a person had it tried again
	Turn  *turnRecord  `json:"turn,omitzero"`  // the turn under a limit that it waits for, or waited
	Batch *batchRecord `json:"batch,omitzero"` // the batch that it belongs to

	// Lane is the run that has a place in the lane of its rule: this one, or the one that it is a branch of.
	Lane string `json:"lane,omitzero"`
}

// turnRecord names a mark of a limit.
type turnRecord struct {
	Scope string `json:"scope"`
	Mark  string `json:"mark"`
	At    int64  `json:"at"` // Unix milliseconds
}

// batchRecord names a batch.
type batchRecord struct {
	Scope  string `json:"scope"`        // where the journal keeps which batches may be joined
	Key    string `json:"key,omitzero"` // of the leader: its entry there
	Leader string `json:"leader"`       // the run that does the steps
}

// afresh forgets what was about the step at the place: another one is.
func (rec *runRecord) afresh() {
	rec.Failed, rec.Refused, rec.Asked, rec.Tried, rec.Unsettled, rec.Wait = 0, 0, 0, 0, 0, nil
}

// root names one of a rule's lists of steps.
type root string

// The lists.
const (
	rootSteps     root = "" // do
	rootOver      root = "limit.reply"
	rootUsage     root = "command.usage"
	rootOnTimeout root = "session.on_timeout"
	rootOnCancel  root = "session.on_cancel"
)

// of returns the list.
func (r root) of(rule *rules.Rule) []*rules.Step {
	switch {
	case r == rootOver && rule.Limit != nil:
		return rule.Limit.Reply
	case r == rootUsage && rule.Command != nil:
		return rule.Command.Usage
	case r == rootOnTimeout && rule.Session != nil:
		return rule.Session.OnTimeout
	case r == rootOnCancel && rule.Session != nil:
		return rule.Session.OnCancel
	}
	return rule.Steps
}

// outcome is how a run whose steps are done has ended.
func (r root) outcome() string {
	switch r {
	case rootOnTimeout:
		return "timed out"
	case rootOnCancel:
		return "cancelled"
	}
	return "done"
}

// waitFor says what a run waits for.
type waitFor string

// What runs wait for.
const (
	waitRetry   waitFor = "retry"    // the step at the place is tried again
	waitDelay   waitFor = "delay"    // the time of a delay step
	waitAsk     waitFor = "ask"      // a person's answer
	waitApprove waitFor = "approval" // a person's consent
	waitHandoff waitFor = "handoff"  // people who give the conversation back
	waitLimit   waitFor = "limit"    // the rule's turn
	waitBatch   waitFor = "batch"    // more events
	waitPace    waitFor = "pace"     // room under the service's limits

	waitParallel waitFor = "parallel" // the branches of a parallel step
	waitAnnounce waitFor = "announce" // an announcement's end

	waitLane waitFor = "runs before it" // of a rule whose runs queue
)

// waitRecord is what a run waits for. Most waits have a timer of the run's id in the journal, due at Due.
type waitRecord struct {
	For   waitFor `json:"for"`
	Step  string  `json:"step,omitzero"` // the key of the step
	Due   int64   `json:"due,omitzero"`  // Unix milliseconds; 0: until something else happens
	Tries int     `json:"tries,omitzero"`
}

// deadRecord is why a run stands still.
type deadRecord struct {
	ID     string `json:"id"` // its key in the scope "dead"
	At     int64  `json:"at"` // Unix milliseconds
	Step   string `json:"step"`
	Action string `json:"action"`
	Code   string `json:"code"`
	Text   string `json:"text"`
	Tries  int    `json:"tries"`

	Inputs map[string]jsontext.Value `json:"inputs,omitzero"` // what can be shown of them
}

// factsRecord is what the rule saw of the world when it fired.
type factsRecord struct {
	UserRole  *string `json:"user_role,omitzero"`
	UserName  *string `json:"user_name,omitzero"`
	ChatName  *string `json:"chat_name,omitzero"`
	GroupType *string `json:"group_type,omitzero"`
}

// frame is a place in one list of steps; the frames of a run lead from the rule's own list down.
type frame struct {
	Index  int            `json:"i"`           // the step
	Branch int            `json:"b,omitzero"`  // choose: the branch taken
	Item   int            `json:"n,omitzero"`  // for_each: the item at hand
	Items  jsontext.Value `json:"in,omitzero"` // for_each: encodeValue of the list, taken once

	Hold *holdRecord `json:"hold,omitzero"` // how far a step that waits for people or time has come
}

// holdRecord is how far a step that waits has come. It is there from the step's beginning to its end.
type holdRecord struct {
	Phase  phase  `json:"phase,omitzero"`
	Aside  aside  `json:"aside,omitzero"`  // what is said, or was said last
	Group  string `json:"group,omitzero"`  // where an aside of the bot's own goes
	Text   string `json:"text,omitzero"`   // and what it is
	Tries  int    `json:"tries,omitzero"`  // ask: the answers that were looked at
	Number int    `json:"number,omitzero"` // handoff and approve: what people call it
	Since  int64  `json:"since,omitzero"`  // Unix milliseconds
	Due    int64  `json:"due,omitzero"`    // approve: when its time is over; Unix milliseconds
	End    string `json:"end,omitzero"`    // approve, announce: what came of it
	By     string `json:"by,omitzero"`     // and whose word that was
	Job    string `json:"job,omitzero"`    // announce: the key of the announcement
}

// phase is a part of a step that waits.
type phase string

// The phases.
const (
	phaseSaying  phase = "saying"  // the aside is being said: a list of its own inside the step
	phaseSaid    phase = "said"    // it was said, or could not be
	phaseWaiting phase = "waiting" // Wait says for what
	phaseAgreed  phase = "agreed"  // approve: the step may be done
)

// aside names a message that a step sends besides what it is for.
type aside string

// The asides; each is the end of the path of the step that sends it.
const (
	asideAsk     aside = "ask"
	asideAgain   aside = "again"
	asideNotice  aside = "notice"  // of a handoff
	asideRequest aside = "request" // of an approval
	asideTold    aside = "told"    // what came of it
)

// stepRecord is what the journal keeps of one step.
type stepRecord struct {
	Done bool             `json:"done,omitzero"`
	At   int64            `json:"at,omitzero"` // when it was begun, Unix milliseconds, while it is not done
	OK   bool             `json:"ok,omitzero"`
	Out  jsontext.Value   `json:"out,omitzero"` // encodeValue
	Text string           `json:"text,omitzero"`
	Val  jsontext.Value   `json:"value,omitzero"` // encodeValue
	Err  *rules.StepError `json:"error,omitzero"`

	final bool // of a failure: trying again cannot help
}

// newStepRecord makes the record of a finished step.
func newStepRecord(ok bool, out any, text string, value any, failure *rules.StepError) (stepRecord, error) {
	rec := stepRecord{Done: true, OK: ok, Text: text, Err: failure}
	var err error
	if out != nil {
		if rec.Out, err = encodeValue(out); err != nil {
			return rec, err
		}
	}
	if value != nil {
		rec.Val, err = encodeValue(value)
	}
	return rec, err
}

// encodeStep is the record as the journal takes it.
func encodeStep(rec stepRecord) ([]byte, error) { return json.Marshal(rec) }

// result is the record as rules take it.
func (rec stepRecord) result() (*rules.Result, error) {
	r := &rules.Result{OK: rec.OK, Text: rec.Text, Err: rec.Err}
	var err error
	if len(rec.Out) > 0 {
		if r.Out, err = decodeValue(rec.Out); err != nil {
			return nil, err
		}
	}
	if len(rec.Val) > 0 {
		r.Value, err = decodeValue(rec.Val)
	}
	return r, err
}

// ruleSetRecord is a rule set as the journal keeps it: the files it was made of.
type ruleSetRecord struct {
	File    string         `json:"file"`
	Sources []rules.Source `json:"sources"`
}

func newRuleSet(set *rules.Set) (journal.RuleSet, error) {
	sources := set.Sources()
	data, err := json.Marshal(ruleSetRecord{File: sources[0].Name, Sources: sources}) // the bot's file is read first
	return journal.RuleSet{Hash: set.Hash(), Data: data}, err
}
