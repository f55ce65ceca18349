package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// MaxAnswer bounds what the outside answered to a step, as a trace keeps it, in bytes.
const MaxAnswer = 16 << 10

// Traffic is one event that a bot was handed, with what it takes to go through it again: the facts that the rules had, and
// what the outside answered to their steps.
type Traffic struct {
	Key          string          `json:"key"`
	At           time.Time       `json:"at"`               // when it happened
	Decided      time.Time       `json:"decided,omitzero"` // when the rules decided; zero when they did not, or nobody knows
	Conversation string          `json:"conversation,omitzero"`
	Event        jsontext.Value  `json:"event"`          // as the journal keeps it
	From         string          `json:"from,omitzero"`  // of a step's signal: the key of the event that led to it
	Self         string          `json:"self,omitzero"`  // the bot's user id
	Zone         int             `json:"zone,omitzero"`  // the bot's, in seconds east of UTC
	Facts        []TrafficFacts  `json:"facts,omitzero"` // one for each rule event that it stands for
	Fired        []string        `json:"fired,omitzero"` // the rules that fired, in their order
	Answers      []TrafficAnswer `json:"answers,omitzero"`
}

// TrafficFacts is what rules knew about a rule event besides what it says itself; nil for what was not known or not asked.
type TrafficFacts struct {
	UserRole  *string `json:"user_role,omitzero"`
	UserName  *string `json:"user_name,omitzero"`
	ChatName  *string `json:"chat_name,omitzero"`
	GroupType *string `json:"group_type,omitzero"`
}

// TrafficAnswer is what an action that asks the world outside was answered.
type TrafficAnswer struct {
	Run    string         `json:"run"`  // the run's id without the event's key: which rule event, and the rule
	Step   string         `json:"step"` // the step's key
	Action string         `json:"action"`
	Out    jsontext.Value `json:"out,omitzero"`   // as the journal keeps values; nothing when it was too large, or failed
	Code   string         `json:"code,omitzero"`  // of a failure
	Error  string         `json:"error,omitzero"` // its text
}

// Effect is the effect's id, as actions see it, in an event with this key.
func (a *TrafficAnswer) Effect(event string) string { return effectID(event+"/"+a.Run, a.Step) }

// Outputs are the action's outputs by name; ok is false when they were not kept.
func (a *TrafficAnswer) Outputs() (out map[string]any, ok bool) {
	if len(a.Out) == 0 {
		return nil, false
	}
	v, err := decodeValue(a.Out)
	out, ok = v.(map[string]any)
	return out, ok && err == nil
}

// SDK is what the connection handed over; nil for an event of the bot's own life, a signal and the like.
func (t *Traffic) SDK() (*sdkconn.Event, error) {
	var rec eventRecord
	if err := sdkconn.Unmarshal(t.Event, &rec); err != nil {
		return nil, fmt.Errorf("event %s: %w", t.Key, err)
	}
	return rec.SDK, nil
}

// Events are the rule events that it stands for, one for each of Facts. Errors: those of an event that cannot be read.
func (t *Traffic) Events() ([]rules.Event, error) {
	var rec eventRecord
	if err := sdkconn.Unmarshal(t.Event, &rec); err != nil {
		return nil, fmt.Errorf("event %s: %w", t.Key, err)
	}
	return ruleEvents(t.stored(), rec, t.Self), nil
}

// Summary is the event in short.
func (t *Traffic) Summary() (StoryEvent, error) {
	a := account{Record: journal.Record{Stored: journal.Stored{Event: t.stored()}}, trace: &traceRecord{Self: t.Self}}
	if err := sdkconn.Unmarshal(t.Event, &a.event); err != nil {
		return StoryEvent{}, fmt.Errorf("event %s: %w", t.Key, err)
	}
	a.events = ruleEvents(a.Event, a.event, t.Self)
	return a.summary(), nil
}

func (t *Traffic) stored() journal.Event {
	return journal.Event{Key: t.Key, Conversation: t.Conversation, At: t.At, Data: t.Event}
}

// Traffic hands the events since then to visit, the newest first, those that were decided or happened since then; at most
// limit of them, 0: all that the journal keeps. It blocks while it reads. Errors: visit's, the journal's.
func (in *Inspector) Traffic(ctx context.Context, since time.Time, limit int, visit func(*Traffic) error) error {
	n, early := 0, 0
	return in.scan(ctx, journal.Query{}, func(r *journal.Record) (bool, error) {
		t, err := in.traffic(ctx, r)
		if err != nil {
			return false, err
		}
		at := t.Decided
		if at.IsZero() {
			at = t.At
		}
		if at.Before(since) {
			early++ // what waited long may stand among later ones
			return early < findPage, nil
		}
		if err := visit(t); err != nil {
			return false, err
		}
		n++
		return limit == 0 || n < limit, nil
	})
}

// TrafficOf is the event with this key. Errors: *NotFoundError, the journal's.
func (in *Inspector) TrafficOf(ctx context.Context, key string) (*Traffic, error) {
	records, err := in.journal.Records(ctx, journal.Query{KeyFrom: key, KeyTo: key + "\x00", Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, &NotFoundError{fmt.Sprintf("there is no event %q", key)}
	}
	return in.traffic(ctx, &records[0])
}

func (in *Inspector) traffic(ctx context.Context, r *journal.Record) (*Traffic, error) {
	a, err := in.read(ctx, *r)
	if err != nil {
		return nil, err
	}
	t := &Traffic{Key: r.Key, At: r.At.UTC(), Conversation: r.Conversation, Event: r.Data, From: a.event.From, Self: a.trace.Self}
	for i, d := range a.trace.Decided {
		if i == 0 {
			t.Decided, t.Zone = milli(d.Now), d.Zone
		}
		t.Facts = append(t.Facts, TrafficFacts{
			cmp.Or(d.Facts.UserRole, d.Known.UserRole), cmp.Or(d.Facts.UserName, d.Known.UserName),
			cmp.Or(d.Facts.ChatName, d.Known.ChatName), cmp.Or(d.Facts.GroupType, d.Known.GroupType),
		})
	}
	for _, run := range a.trace.Runs {
		t.Fired = append(t.Fired, run.Rule)
		for _, s := range run.Steps {
			if action, ok := in.actions.Lookup(s.Action); len(s.Out) > 0 || s.Code != "" && ok && action.Spec().Outside() {
				t.Answers = append(t.Answers, TrafficAnswer{
					Run: strings.TrimPrefix(run.ID, r.Key+"/"), Step: s.Key, Action: s.Action, Out: s.Out, Code: s.Code, Error: s.Err,
				})
			}
		}
	}
	return t, nil
}

// Retell hands the bot an event that another bot was handed, as that one's journal kept it; it returns when the event is in
// the bot's journal. Signals that steps sent are left out, since the rules of this bot send their own, and so is what no
// rule of this bot listens to: then told is false.
func (b *Bot) Retell(ctx context.Context, t *Traffic) (told bool, err error) {
	var rec eventRecord
	if err := sdkconn.Unmarshal(t.Event, &rec); err != nil {
		return false, fmt.Errorf("event %s: %w", t.Key, err)
	}
	if rec.Hops > 0 || rec.SDK != nil && !b.wants(rec.SDK.Kind) {
		return false, nil
	}
	n, err := b.store(ctx, []journal.Event{t.stored()})
	return n > 0, err
}

// WithFacts sets who knows the facts that events lack, in place of the connection. f is called by the workers, many at once,
// and sets what it knows.
func WithFacts(f func(ev *rules.Event, facts *rules.Facts)) Option {
	return func(b *Bot) { b.knows = f }
}

// WithDecisions sets who is told of each decision of the rules before anything is done about it. f is called by the workers,
// many at once; it must not keep or change what it is given by reference.
func WithDecisions(f func(event string, ev *rules.Event, facts *rules.Facts, d *rules.Decision)) Option {
	return func(b *Bot) { b.decisions = f }
}

const historyMost = 1000 // messages of which no call is paced

// History reads what was said in a conversation since then, as far as the service keeps it, at most limit messages, the
// oldest first, as a bot would have been handed them. What the bot's own user said is left out. Facts are those of now, when
// the connection has groups. It blocks while it reads, at the pace that the service allows.
func History(
	ctx context.Context, conn sdkconn.Conn, clock clockwork.Clock, conv sdkconn.Conversation, since time.Time, limit int,
) ([]*Traffic, error) {
	var out []*Traffic
	facts := factsOf(ctx, conn, conv)
	var last *sdkconn.Message
	for seen := 0; len(out) < limit; {
		if seen >= historyMost {
			timer := clock.NewTimer(historyPace)
			select {
			case <-timer.Chan():
			case <-ctx.Done():
				timer.Stop()
				return nil, ctx.Err()
			}
		}
		page, err := conn.GetMsgList(ctx, conv, sdkconn.GetMsgListParam{Count: historyPage, IsRamble: true, LastMsg: last})
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", conv, err)
		}
		seen += len(page)
		for _, m := range page {
			last = m
			if time.Unix(int64(m.Time()), 0).Before(since) {
				page = nil
				break
			}
			if m.IsFromSelf || len(m.Elems) == 0 || len(out) >= limit {
				continue
			}
			m.Status, m.RevokeReason, m.RevokerUserID = sdkconn.StatusSendSucc, "", "" // as it came
			e := &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: m.Time(), Message: m}
			stored, err := newEvent(e)
			if err != nil {
				return nil, err
			}
			out = append(out, &Traffic{
				Key: stored.Key, At: stored.At.UTC(), Conversation: stored.Conversation, Event: stored.Data, Self: conn.Self(),
				Facts: []TrafficFacts{facts(m.Sender)},
			})
		}
		if len(page) < historyPage {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}

// History is the function History over the bot's own connection.
func (b *Bot) History(ctx context.Context, conv sdkconn.Conversation, since time.Time, limit int) ([]*Traffic, error) {
	return History(ctx, b.conn, b.clock, conv, since, limit)
}

// factsOf returns who knows what there is to know of the users of a conversation.
func factsOf(ctx context.Context, conn sdkconn.Conn, conv sdkconn.Conversation) func(user string) TrafficFacts {
	service, ok := conn.(sdkconn.Groups)
	if !ok || conv.Type != sdkconn.ConvGroup {
		return func(string) TrafficFacts { return TrafficFacts{} }
	}
	var group TrafficFacts
	roles := make(map[string]*string)
	infos, err := service.GroupGetGroupInfoList(ctx, []string{conv.ID})
	if err == nil && len(infos) == 1 {
		kind := infos[0].GroupType.String()
		group.ChatName, group.GroupType = &infos[0].GroupName, &kind
	}
	members, more := service.GroupGetMemberInfoList(ctx, conv.ID)
	if errors.Join(err, more) == nil {
		for _, m := range members {
			role := m.Role.String()
			roles[m.Identifier] = &role
		}
	}
	return func(user string) TrafficFacts {
		f := group
		f.UserRole = roles[user]
		return f
	}
}

// knew adds facts that steps of a rule asked for to the last decision.
func (t *traceRecord) knew(f *rules.Facts) {
	d := &t.Decided[len(t.Decided)-1]
	for _, fact := range []struct{ seen, known, now **string }{
		{&d.Facts.UserRole, &d.Known.UserRole, &f.UserRole}, {&d.Facts.UserName, &d.Known.UserName, &f.UserName},
		{&d.Facts.ChatName, &d.Known.ChatName, &f.ChatName}, {&d.Facts.GroupType, &d.Known.GroupType, &f.GroupType},
	} {
		if *fact.seen == nil && *fact.now != nil {
			*fact.known = *fact.now
		}
	}
}

// kept is what a trace keeps of a step's output: what nobody can find out again by doing the step again.
func (r *run) kept(step *rules.Step, out jsontext.Value) jsontext.Value {
	if step.Kind != rules.StepAction || len(out) > MaxAnswer {
		return nil
	}
	if action, ok := r.b.actions.Lookup(step.Action); !ok || !action.Spec().Outside() {
		return nil
	}
	return out
}
