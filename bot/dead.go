package bot

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

const (
	// MaxDead is how many dead letters are kept. When there are more, the oldest are dropped, with a warning.
	MaxDead = 10_000

	// deadPage is how many dead letters are read from the journal at once.
	deadPage = 500

	// maxShown bounds one input of a dead letter, in bytes.
	maxShown = 4000

	// scopeDead is the scope of the journal's state that has an entry for each dead letter, by its id.
	scopeDead = "dead"

	outcomeDead    = "dead"
	outcomeDropped = "dropped"
)

// ErrNoDeadLetter is wrapped by what is returned for an id that names none, or none any more.
var ErrNoDeadLetter = errors.New("no such dead letter")

// DeadLetter is a run that stands still because a step of it failed for good, until a person retries or drops it.
type DeadLetter struct {
	ID           string    `json:"id"`
	At           time.Time `json:"at"` // when the step failed
	Rule         string    `json:"rule"`
	Run          string    `json:"run"`
	Event        string    `json:"event"`
	Conversation string    `json:"conversation,omitzero"`
	User         string    `json:"user,omitzero"`
	Step         string    `json:"step"` // its key: the path, and the items of the lists around it
	Action       string    `json:"action"`
	Code         string    `json:"code"`
	Text         string    `json:"text"`
	Tries        int       `json:"tries"`   // how often the step was tried in all
	Unknown      bool      `json:"unknown"` // the step may have taken effect

	// Inputs is what the step was called with, as JSON, without secrets; a long one is cut to a string. Only DeadLetter
	// fills it in.
	Inputs map[string]jsontext.Value `json:"inputs,omitzero"`
}

// deadBook is what an Inspector knows about the dead letters.
type deadBook struct {
	dropped atomic.Int64 // because there were too many, or they were too old

	lock    locks // of what follows, and of every change: under scopeDead
	counted bool
	n       int
	last    int64 // the milliseconds of the newest id
	most    int   // in place of MaxDead, for tests; 0: MaxDead
}

// settledCodes are those of failures that trying again does not change, or that a person decided.
var settledCodes = []string{codeExpression, codeInput, "refused", "no_approval"}

// bury lets the run stand still when the step that failed was to do something that a person would miss; it reports
// whether it does.
func (r *run) bury(step *rules.Step, key string, rec stepRecord) bool {
	if rec.Err == nil || step.Kind != rules.StepAction || step.ContinueOnError || slices.Contains(settledCodes, rec.Err.Code) || rec.final {
		return false
	}
	action, ok := r.b.action(step.Action)
	if !ok {
		return false
	}
	spec := action.Spec()
	if settle, err := r.settle(spec, step); err != nil || !spec.ActsOnChat && settle == actions.SettleRepeat {
		return false
	}
	now := r.b.clock.Now()
	if r.attempt.Key != key {
		r.attempt = stepTrace{Key: key, Name: stepName(step), Action: step.Action, Began: now.UnixMilli()}
	}
	r.attempt.Code, r.attempt.Err = rec.Err.Code, rec.Err.Text
	if unknownEffect(rec.Err.Code) && r.rec.Unsettled == 0 {
		r.rec.Unsettled = r.attempt.Began
	}
	r.traced().step(r.attempt)
	r.observeStep(r.attempt)
	r.attempt = stepTrace{}
	r.rec.Dead = &deadRecord{
		At: now.UnixMilli(), Step: key, Action: step.Action, Code: rec.Err.Code, Text: rec.Err.Text,
		Tries: r.rec.Tried + r.rec.Failed + r.rec.Refused + 1, Inputs: r.shown(step),
	}
	return true
}

// unknownEffect reports whether a step that failed with the code may have taken effect.
func unknownEffect(code string) bool {
	if code == codeTimeout || code == codeInterrupted {
		return true
	}
	n, err := strconv.ParseInt(code, 10, 32)
	return err == nil && sdkconn.EffectUnknown(&sdkconn.Error{Code: sdkconn.Code(n)})
}

// shown is what people may see of a step's inputs.
func (r *run) shown(step *rules.Step) map[string]jsontext.Value {
	inputs, err := step.Inputs(r.scope)
	if err != nil {
		return nil
	}
	out := make(map[string]jsontext.Value, len(inputs))
	secrets := step.Secrets()
	for name, v := range inputs {
		if slices.Contains(secrets, name) {
			continue
		}
		data, err := encodeValue(v)
		if err == nil && len(data) > maxShown {
			data, err = json.Marshal(strings.ToValidUTF8(string(data[:maxShown]), "") + "…")
		}
		if err == nil {
			out[name] = data
		}
	}
	return out
}

// park writes down that the run stands still.
func (r *run) park(ctx context.Context) error {
	in, dead := r.b.inspector, r.rec.Dead
	unlock, err := in.openDead(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	dead.ID = in.deadID(r.id, time.UnixMilli(dead.At))
	letter := r.letter()
	letter.Inputs = nil // they are in the run
	data, err := json.Marshal(letter)
	if err != nil {
		return fmt.Errorf("dead letter %s: %w", dead.ID, err)
	}
	r.rec.Wait = nil
	t := r.traced()
	t.Outcome, t.Wait = outcomeDead, nil
	if err := r.keepTrace(); err != nil {
		return err
	}
	r.change.State = append(r.change.State, journal.StateWrite{Scope: scopeDead, Key: dead.ID, Value: data})
	r.change.StopTimers = append(r.change.StopTimers, r.id)
	if err := r.commit(ctx); err != nil {
		return err
	}
	in.dead.n++
	r.log.Warn("the run stands still: a step failed for good", "dead_letter", dead.ID, "step", dead.Step, "action", dead.Action,
		"code", dead.Code, "err", dead.Text, "tries", dead.Tries,
		"hint", "timbot dead show "+dead.ID+" tells more; retry or drop it")
	r.b.observer.RunEnded(r.rule.ID, outcomeDead, time.Duration(dead.At-t.Began)*time.Millisecond)
	r.b.tell("dead letter", fmt.Sprintf("rule %s stands still: its step %s failed for good (%s). "+
		"See `timbot dead show`: dead letter %s.", r.rule.ID, dead.Step, dead.Code, dead.ID))
	if in.dead.n <= in.maxDead() {
		return nil
	}
	oldest, err := in.journal.StateRange(ctx, scopeDead, "", in.dead.n-in.maxDead())
	if err != nil {
		return err
	}
	return r.b.dropOld(ctx, oldest, "there are too many dead letters: the oldest are dropped")
}

// letter is the run as a dead letter.
func (r *run) letter() DeadLetter {
	d := deadLetter(r.id, r.event, &r.rec)
	d.User = r.ev.User
	if c := r.ev.Conversation(); c.Valid() {
		d.Conversation = c.String()
	}
	return d
}

func deadLetter(id, event string, rec *runRecord) DeadLetter {
	dead := rec.Dead
	return DeadLetter{
		ID: dead.ID, At: time.UnixMilli(dead.At), Rule: rec.Rule, Run: id, Event: event, Step: dead.Step, Action: dead.Action,
		Code: dead.Code, Text: dead.Text, Tries: dead.Tries, Unknown: rec.Unsettled != 0, Inputs: dead.Inputs,
	}
}

// deadID makes an id: the time in nine letters, and two that keep apart what a clock that was put back would not.
func (in *Inspector) deadID(run string, at time.Time) string {
	in.dead.last = max(in.dead.last+1, at.UnixMilli())
	h := fnv.New32a()
	h.Write([]byte(run))
	return letters(uint64(in.dead.last), 9) + letters(uint64(h.Sum32()), 2)
}

// letters writes the low bits of n, five a letter, so that the order of texts is that of numbers. What people mix up
// (i, l, o, u) is not among the letters.
func letters(n uint64, count int) string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	out := make([]byte, count)
	for i := range out {
		out[count-1-i] = alphabet[n>>(5*i)&31]
	}
	return string(out)
}

// asleep reports whether a run waits for something that has no time: it does not go on by itself.
func asleep(stored journal.Run) bool {
	rec, err := readRun(stored)
	return err == nil && (rec.Dead != nil || rec.Wait != nil && rec.Wait.Due == 0)
}

// maxDead is MaxDead, or what a test wants.
func (in *Inspector) maxDead() int {
	if in.dead.most > 0 {
		return in.dead.most
	}
	return MaxDead
}

// openDead locks the dead letters, with their number known.
func (in *Inspector) openDead(ctx context.Context) (unlock func(), err error) {
	if unlock, err = in.dead.lock.lock(ctx, scopeDead); err != nil {
		return nil, err
	}
	if err := in.countDead(ctx); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// countDead finds out how many dead letters there are, once.
func (in *Inspector) countDead(ctx context.Context) error {
	if in.dead.counted {
		return nil
	}
	after, n := "", 0
	for {
		entries, err := in.journal.StateRange(ctx, scopeDead, after, deadPage)
		if err != nil {
			return err
		}
		n += len(entries)
		if len(entries) < deadPage {
			in.dead.counted, in.dead.n = true, n
			return nil
		}
		after = entries[len(entries)-1].Key
	}
}

// DeadLetters returns dead letters without their inputs, the oldest first, at most limit, beginning after the one with
// the id after ("": with the oldest).
func (in *Inspector) DeadLetters(ctx context.Context, after string, limit int) ([]DeadLetter, error) {
	entries, err := in.journal.StateRange(ctx, scopeDead, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]DeadLetter, len(entries))
	for i, e := range entries {
		if err := json.Unmarshal(e.Value, &out[i]); err != nil {
			return nil, fmt.Errorf("dead letter %s: %w", e.Key, err)
		}
	}
	return out, nil
}

// DeadLetter returns one dead letter whole. Errors: ErrNoDeadLetter.
func (in *Inspector) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	d, _, rec, err := in.deadRun(ctx, id)
	if err == nil {
		d.Inputs = rec.Dead.Inputs
	}
	return d, err
}

// deadRun reads a dead letter and its run.
func (in *Inspector) deadRun(ctx context.Context, id string) (d DeadLetter, stored journal.Run, rec runRecord, err error) {
	// The entry is the first one behind the longest key that is less than it.
	entries, err := in.journal.StateRange(ctx, scopeDead, before(id), 1)
	if err != nil {
		return d, stored, rec, err
	}
	if len(entries) == 0 || entries[0].Key != id {
		return d, stored, rec, fmt.Errorf("%q: %w: see the list of them", id, ErrNoDeadLetter)
	}
	if err := json.Unmarshal(entries[0].Value, &d); err != nil {
		return d, stored, rec, fmt.Errorf("dead letter %s: %w", id, err)
	}
	stored, ok, err := in.journal.Run(ctx, d.Run)
	if err != nil {
		return d, stored, rec, err
	}
	if ok {
		rec, err = readRun(stored)
	}
	if err == nil && (!ok || rec.Dead == nil || rec.Dead.ID != id) {
		err = fmt.Errorf("%q: %w: its run is over", id, ErrNoDeadLetter)
	}
	return d, stored, rec, err
}

// before is a key behind which an id comes first, whatever other ids there are.
func before(id string) string {
	if id == "" {
		return ""
	}
	last := id[len(id)-1]
	if last == 0 {
		return id[:len(id)-1]
	}
	return id[:len(id)-1] + string([]byte{last - 1}) + "\x7f"
}

// RetryDead lets runs go on with the step that failed, by the rules that they began with: at once when the bot runs, else
// when it starts. A step whose effect is not known asks whether it happened before it is done again, where its action
// can ask; the failed try counts as the first of the step's retries. It stops at the first error; those before it are
// retried. Errors: ErrNoDeadLetter.
func (in *Inspector) RetryDead(ctx context.Context, ids ...string) error {
	unlock, err := in.openDead(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, id := range ids {
		_, stored, rec, err := in.deadRun(ctx, id)
		if err != nil {
			return err
		}
		now := in.clock.Now()
		if a, ok := in.actions.Lookup(rec.Dead.Action); ok && a.Spec().Settle != actions.SettleAsk {
			rec.Unsettled = 0 // nobody can be asked: the person has decided
		}
		rec.Failed, rec.Refused, rec.Asked = 1, 0, 0
		if rec.Unsettled != 0 {
			rec.Failed = 0
		}
		rec.Tried = rec.Dead.Tries - rec.Failed
		rec.Wait = &waitRecord{For: waitRetry, Step: rec.Dead.Step, Due: now.UnixMilli()}
		rec.Dead = nil
		if stored.Data, err = json.Marshal(rec); err != nil {
			return fmt.Errorf("run %s: %w", stored.ID, err)
		}
		timer := journal.Timer{ID: stored.ID, Due: now, Run: stored.ID}
		err = in.journal.Commit(ctx, &journal.Change{
			Runs: []journal.Run{stored}, State: []journal.StateWrite{{Scope: scopeDead, Key: id}}, SetTimers: []journal.Timer{timer},
		})
		if err != nil {
			return fmt.Errorf("retry of dead letter %s: %w", id, err)
		}
		in.dead.n--
		if in.wake != nil {
			in.wake(timer)
		}
	}
	return nil
}

// DropDead ends runs that stand still, with the batches that they lead. It stops at the first error; those before it are
// dropped. Errors: ErrNoDeadLetter.
func (in *Inspector) DropDead(ctx context.Context, ids ...string) error {
	unlock, err := in.openDead(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, id := range ids {
		if err := in.drop(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// drop ends one; the caller holds the lock.
func (in *Inspector) drop(ctx context.Context, id string) error {
	_, stored, _, err := in.deadRun(ctx, id)
	if err != nil {
		return err
	}
	people, err := in.waiting(ctx)
	if err != nil {
		return err
	}
	e := ending{in.journal, &in.events, people, in.lanes, outcomeDropped, in.clock.Now(), in.wake}
	change := &journal.Change{State: []journal.StateWrite{{Scope: scopeDead, Key: id}}}
	if err := e.tell(ctx, change, stored); err != nil {
		return err
	}
	if err := e.commit(ctx, change, []journal.Run{stored}); err != nil {
		return fmt.Errorf("drop of dead letter %s: %w", id, err)
	}
	in.dead.n--
	return nil
}

// trimDead drops the dead letters that are older than BotConfig.Keep.Dead.
func (b *Bot) trimDead(ctx context.Context, now time.Time) error {
	keep := b.rules().Bot.Keep.Dead
	if keep <= 0 {
		return nil
	}
	in := b.inspector
	unlock, err := in.openDead(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for {
		entries, err := in.journal.StateRange(ctx, scopeDead, "", deadPage)
		if err != nil {
			return err
		}
		old := len(entries)
		for i, e := range entries {
			var d DeadLetter
			if err := json.Unmarshal(e.Value, &d); err != nil {
				return fmt.Errorf("dead letter %s: %w", e.Key, err)
			}
			if now.Sub(d.At) < keep {
				old = i
				break
			}
		}
		if err := b.dropOld(ctx, entries[:old], "dead letters are dropped: they are older than bot.keep.dead"); err != nil {
			return err
		}
		if old < deadPage {
			return nil
		}
	}
}

// dropOld drops dead letters that nobody looked after, and says so.
func (b *Bot) dropOld(ctx context.Context, entries []journal.StateEntry, why string) error {
	if len(entries) == 0 {
		return nil
	}
	in := b.inspector
	for _, e := range entries {
		err := in.drop(ctx, e.Key)
		if errors.Is(err, ErrNoDeadLetter) { // its run is over; only the entry is left
			in.dead.n--
			err = in.journal.Commit(ctx, &journal.Change{State: []journal.StateWrite{{Scope: scopeDead, Key: e.Key}}})
		}
		if err != nil {
			return err
		}
		in.dead.dropped.Add(1)
	}
	b.log.Warn(why, "dropped", len(entries), "oldest", entries[0].Key, "newest", entries[len(entries)-1].Key,
		"dropped_in_all", in.dead.dropped.Load())
	return nil
}

// DroppedDead returns how many dead letters the bot dropped by itself since it started: they were too many or too old.
func (in *Inspector) DroppedDead() int { return int(in.dead.dropped.Load()) }
