package bot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

const (
	announcePeek  = 500              // targets that are looked at, at once
	announceTries = 10               // for what the service says may work later, without any progress between
	announceCall  = 30 * time.Second // the service has to answer a call within
)

// prospect is a target whose turn it is.
type prospect struct {
	journal.Target
	conv sdkconn.Conversation
	data targetData
	msg  *sdkconn.Message // marked
	text string
}

// fate is what became of a prospect.
type fate int

const (
	fateOpen    fate = iota // nothing left, or the service refused it for now
	fateUnknown             // nobody knows
	fateSettled             // state and data are
)

// chunkResult is what came of one round over a chunk.
type chunkResult struct {
	fates   []fate
	fresh   bool      // nothing had left for the chunk before
	later   time.Time // when what is open may go on, because it is not its turn, or there were too many; zero for neither
	refusal error     // the service's word that there were too many
}

// states are those of targets that the pass is about.
func (p announcePass) states() []journal.TargetState {
	switch p {
	case passRetry:
		return []journal.TargetState{journal.TargetFailed}
	case passRecall:
		return []journal.TargetState{journal.TargetSent}
	}
	return []journal.TargetState{journal.TargetQueued}
}

// send sends the next chunk: the intent is written down, then the messages leave, then what became of them is written down.
func (a *announcer) send(ctx context.Context, j *announceJob) (due time.Time, err error) {
	rec, now := &j.rec, a.b.clock.Now()
	if now.Before(j.slot) {
		more, err := a.b.journal.Targets(ctx, journal.TargetQuery{Key: j.key, After: rec.Cursor, States: rec.Pass.states(), Limit: 1})
		if err != nil || len(more) > 0 || rec.Intent != nil {
			return j.slot, err
		}
	}
	var chunk []prospect
	var unsettled time.Time
	if in := rec.Intent; in != nil { // a crash, or an answer that did not come
		unsettled = time.UnixMilli(in.At)
		if _, knows := a.b.conn.(sdkconn.Repeater); !knows {
			if asks := unsettled.Add(settleBackoff); now.Before(asks) { // it may be on its way yet
				return asks, nil
			}
		}
		if chunk, err = a.intended(ctx, j); err != nil {
			return time.Time{}, err
		}
		if len(chunk) == 0 {
			rec.Intent = nil
			return now, a.commit(ctx, j, &journal.Change{})
		}
	} else {
		var held []uint64
		if chunk, held, err = a.choose(ctx, j); err != nil {
			return time.Time{}, err
		}
		if len(chunk) == 0 {
			return a.endPass(ctx, j)
		}
		rec.Intent = &announceIntent{From: chunk[0].N, To: chunk[len(chunk)-1].N, Not: held, At: max(now.UnixMilli(), 1)}
		if rec.Began == 0 {
			rec.Began = now.UnixMilli()
		}
		if err := a.commit(ctx, j, &journal.Change{}); err != nil {
			return time.Time{}, err
		}
	}
	req := rec.request(chunk[0].N)
	if req == nil {
		return time.Time{}, a.pause(ctx, j, fmt.Sprintf("target %d belongs to no request", chunk[0].N))
	}
	round, err := a.deliver(ctx, j, req, chunk, unsettled)
	if err != nil {
		return time.Time{}, err
	}
	round.fresh = unsettled.IsZero()
	return a.noteFates(ctx, j, req, chunk, round)
}

// intended are the targets of the intent that nothing is known of.
func (a *announcer) intended(ctx context.Context, j *announceJob) ([]prospect, error) {
	in := j.rec.Intent
	page, err := a.b.journal.Targets(ctx, journal.TargetQuery{
		Key: j.key, After: in.From - 1, UpTo: in.To, States: j.rec.Pass.states(), Limit: 2 * announcePeek,
	})
	if err != nil {
		return nil, err
	}
	page = slices.DeleteFunc(page, func(t journal.Target) bool { return slices.Contains(in.Not, t.N) })
	return prospects(page)
}

func prospects(page []journal.Target) (out []prospect, err error) {
	for i := range page {
		p := prospect{Target: page[i]}
		if p.data, err = decodeTarget(&page[i]); err != nil {
			return nil, err
		}
		if p.conv, err = sdkconn.ParseConversation(p.Name); err != nil {
			return nil, fmt.Errorf("target %d: %w", p.N, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// choose takes the next targets of the pass that may go now, none at its end, and tells which of those between them are held.
func (a *announcer) choose(ctx context.Context, j *announceJob) (chunk []prospect, between []uint64, err error) {
	rec, now := &j.rec, a.b.clock.Now()
	if rec.HeldFrom == 0 {
		rec.Held = 0 // of the pass before
	}
	for {
		req := rec.request(rec.Cursor + 1)
		if req == nil {
			return nil, nil, nil
		}
		size := min(a.batchMax(), int(max(math.Floor(perSecond(a.rate(req))), 1)))
		page, err := a.b.journal.Targets(ctx, journal.TargetQuery{
			Key: j.key, After: rec.Cursor, UpTo: req.To, States: rec.Pass.states(), Limit: announcePeek,
		})
		if err != nil {
			return nil, nil, err
		}
		found, err := prospects(page)
		if err != nil {
			return nil, nil, err
		}
		quiet, err := newQuietHours(req.Quiet)
		if err != nil {
			return nil, nil, err
		}
		for i := range found {
			if len(chunk) == size {
				break
			}
			n := found[i].N
			rec.Cursor = n
			if until, held := a.held(quiet, req, &found[i], now); held {
				rec.hold(n, until)
				if len(chunk) > 0 {
					between = append(between, n)
				}
				continue
			}
			chunk = append(chunk, found[i])
		}
		if len(chunk) > 0 {
			last := chunk[len(chunk)-1].N
			return chunk, slices.DeleteFunc(between, func(n uint64) bool { return n > last }), nil
		}
		if len(found) < announcePeek {
			rec.Cursor = req.To
		}
	}
}

// hold notes a target that quiet hours hold back.
func (rec *announceRecord) hold(n uint64, until time.Time) {
	rec.Held++
	if rec.HeldFrom == 0 {
		rec.HeldFrom, rec.HeldUntil = n, until.UnixMilli()
	}
	rec.HeldUntil = min(rec.HeldUntil, until.UnixMilli())
}

// held reports whether it is quiet where a target is, and until when.
func (a *announcer) held(q quietHours, req *announceRequest, p *prospect, now time.Time) (time.Time, bool) {
	if q == (quietHours{}) || p.data.Code != "" && p.State == journal.TargetQueued {
		return time.Time{}, false
	}
	name := p.data.Zone
	if name == "" {
		name = req.Quiet.TZ
	}
	zone, err := a.zones.zone(name, a.b.zone)
	if err != nil { // the column of a target that did not come from a file
		zone = a.b.zone
	}
	return q.until(now, zone)
}

// endPass ends a pass, or begins it anew with what was held back.
func (a *announcer) endPass(ctx context.Context, j *announceJob) (time.Time, error) {
	rec, now := &j.rec, a.b.clock.Now()
	change := new(journal.Change)
	due := now
	switch {
	case rec.HeldFrom != 0:
		due = time.UnixMilli(rec.HeldUntil)
		rec.Cursor, rec.HeldFrom = rec.HeldFrom-1, 0
		j.slot = due
		a.b.log.Info("announcement held: it is quiet", "key", j.key, "held", rec.Held, "until", due)
		return due, a.commit(ctx, j, change)
	case rec.Pass == passRetry: // what came meanwhile
		rec.Pass, rec.Cursor, rec.Held = passSend, 0, 0
	default:
		rec.State = AnnounceDone
		a.b.log.Info("announced", "key", j.key, "total", j.targets, "sent", rec.Sent, "failed", rec.Failed)
	}
	rec.conclude(change, now)
	return due, a.commit(ctx, j, change)
}

// template is what makes the text of a request's rows; nil for one that says the same to all.
func (j *announceJob) template(req *announceRequest) (*rules.RowTemplate, error) {
	if req.Text == nil {
		return nil, nil
	}
	if t := j.templates[req.ID]; t != nil {
		return t, nil
	}
	t, err := req.Text.Compile()
	if err != nil {
		return nil, fmt.Errorf("its text: %w", err)
	}
	if j.templates == nil {
		j.templates = make(map[string]*rules.RowTemplate)
	}
	j.templates[req.ID] = t
	return t, nil
}

// withText is a message with another first text.
func withText(msg *sdkconn.Message, text string) *sdkconn.Message {
	out := *msg
	out.Elems = slices.Clone(msg.Elems)
	for i, e := range out.Elems {
		if old, ok := e.(*sdkconn.TextElem); ok {
			elem := *old
			elem.Text = text
			out.Elems[i] = &elem
			break
		}
	}
	return &out
}

// compose makes a prospect's message. Its error is the target's.
func (p *prospect) compose(call *actions.Call, req *announceRequest, t *rules.RowTemplate, same *sdkconn.Message) error {
	if p.data.Code == codeInput && p.State == journal.TargetQueued {
		return &targetError{codeInput, p.data.Text}
	}
	if t == nil {
		p.msg = same
		return nil
	}
	text, err := t.Render(p.data.Row)
	if err != nil {
		return &targetError{codeExpression, err.Error()}
	}
	if text == "" {
		return &targetError{codeInput, "its text is empty"}
	}
	if p.msg, err = call.Marked(withText(req.Message, text)); err != nil {
		return err
	}
	p.text = text
	return nil
}

// targetError is why a target gets nothing, found out before anything was sent.
type targetError struct{ code, text string }

func (e *targetError) Error() string { return e.text }

// deliver sends to a chunk's targets, and says what became of each. Errors are ctx's, or such as no target is to blame for.
func (a *announcer) deliver(ctx context.Context, j *announceJob, req *announceRequest, chunk []prospect, unsettled time.Time) (chunkResult, error) {
	r := chunkResult{fates: make([]fate, len(chunk))}
	call := &actions.Call{Conn: a.b.conn, EffectID: j.effect, Clock: a.b.clock, Log: a.b.log}
	template, err := j.template(req)
	if err != nil {
		return r, err
	}
	same, err := call.Marked(req.Message)
	if err != nil && template == nil {
		return r, err
	}
	for i := range chunk {
		p := &chunk[i]
		if err := p.compose(call, req, template, same); err != nil {
			r.fates[i] = p.settled(nil, err, a.b.clock.Now())
			continue
		}
		call.Unsettled = unsettled
		if since := p.data.Unsettled; since != 0 { // an earlier round did not learn it
			call.Unsettled = time.UnixMilli(since)
		}
		asked, err := a.askOne(ctx, call, p.conv, p.msg)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if asked != nil || err != nil {
			r.fates[i] = p.settled(asked, err, a.b.clock.Now())
		}
	}
	tried := make([]bool, len(chunk))
	for {
		group := nextGroup(chunk, r.fates, tried, template != nil)
		if len(group) == 0 {
			return r, nil
		}
		later, refusal := a.deliverGroup(ctx, j, chunk, group, r.fates)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if !later.IsZero() && (r.later.IsZero() || later.Before(r.later)) {
			r.later = later
		}
		if refusal != nil {
			r.refusal = refusal
			a.b.log.Info("the service wants fewer messages, the announcement goes on later", "key", j.key, "at", r.later, "err", refusal)
		}
		if !later.IsZero() && !ofConversation(refusal) { // nothing can leave at all
			return r, nil
		}
		for _, i := range group {
			tried[i] = true
		}
	}
}

// nextGroup are the places of the prospects that one call sends to: users who get the same, or one target.
func nextGroup(chunk []prospect, fates []fate, tried []bool, texts bool) (group []int) {
	for i := range chunk {
		switch {
		case fates[i] != fateOpen || tried[i]:
		case len(group) == 0:
			group = append(group, i)
			if chunk[i].conv.Type != sdkconn.ConvC2C {
				return group
			}
		case chunk[i].conv.Type == sdkconn.ConvC2C && (!texts || chunk[i].text == chunk[group[0]].text):
			group = append(group, i)
		}
	}
	return group
}

// deliverGroup makes one call to the service. It answers until when what is open is put off, and the refusal if that is why.
func (a *announcer) deliverGroup(
	ctx context.Context, j *announceJob, chunk []prospect, group []int, fates []fate,
) (later time.Time, refusal error) {
	ctx, spent, cancel := withStepTime(ctx, a.b.clock, announceCall)
	defer cancel()
	out := a.outgoing(j, spent)
	began := a.b.clock.Now()
	settle := func(i int, msg *sdkconn.Message, err error) {
		if fates[i] = chunk[i].settled(msg, err, a.b.clock.Now()); fates[i] == fateUnknown {
			chunk[i].data.Unsettled = cmp.Or(chunk[i].data.Unsettled, began.UnixMilli(), 1)
		}
	}
	if len(group) == 1 {
		p := &chunk[group[0]]
		sent, err := out.SendNewMsg(ctx, p.conv, p.msg)
		if errors.Is(err, actions.ErrLater) {
			return out.isLater()
		}
		settle(group[0], sent, a.timely(ctx, err))
		return a.refused(j, err)
	}
	users := make([]string, len(group))
	places := make(map[string]int, len(group))
	for k, i := range group {
		users[k] = chunk[i].conv.ID
		places[users[k]] = i
	}
	results, err := out.BatchSend(ctx, users, chunk[group[0]].msg)
	if errors.Is(err, actions.ErrLater) {
		return out.isLater()
	}
	for _, r := range results {
		if i, ok := places[r.User]; ok {
			settle(i, r.Msg, r.Err())
			delete(places, r.User)
		}
	}
	err = a.timely(ctx, err)
	for _, i := range places { // no word of them
		settle(i, nil, cmp.Or(err, errNoResult))
	}
	for _, r := range results {
		if sdkconn.FrequencyLimit(r.Err()) {
			err = r.Err()
		}
	}
	return a.refused(j, err)
}

// refused says until when what the service refused is put off, if it did because there were too many.
func (a *announcer) refused(j *announceJob, err error) (later time.Time, refusal error) {
	if !sdkconn.FrequencyLimit(err) {
		return time.Time{}, nil
	}
	return a.b.clock.Now().Add(j.backoff(refusedBackoff, j.rec.Refused+1)), err
}

// outgoing is where the messages of one call leave.
func (a *announcer) outgoing(j *announceJob, spent *stepTime) *outgoing {
	return &outgoing{
		conn: a.b.conn, pace: a.b.pace, effect: j.effect, time: spent, tries: math.MaxInt32,
		backoff: func(n int) time.Duration { return j.backoff(refusedBackoff, j.rec.Refused+n) },
	}
}

// errNoResult is what is known of a user that a batch does not mention.
var errNoResult error = &sdkconn.Error{Op: "BatchSend", Code: sdkconn.CodeRequestTimeout, Desc: "no result for this user"}

// timely is an error that says when the service did not answer in time.
func (a *announcer) timely(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == context.DeadlineExceeded {
		return fmt.Errorf("no answer within %s: %w: %w", announceCall, context.DeadlineExceeded, err)
	}
	return err
}

// settled takes over what became of a prospect.
func (p *prospect) settled(msg *sdkconn.Message, err error, now time.Time) fate {
	_, wait := actions.RetryAfter(err)
	var own *targetError
	switch {
	case err == nil:
		p.State, p.data = journal.TargetSent, targetData{At: now.UnixMilli(), Zone: p.data.Zone}
		if msg != nil {
			l := msg.Locator()
			p.data.MsgID, p.data.Time, p.data.Seq, p.data.Rand = msg.MsgID, l.Time, l.Seq, l.Rand
		}
		return fateSettled
	case errors.As(err, &own):
		p.failed(own.code, own.text, now)
		return fateSettled
	case errors.Is(err, actions.ErrUnsettled) && !wait:
		p.failed(codeInterrupted, err.Error(), now)
		return fateSettled
	case errors.Is(err, actions.ErrUnsettled), unknown(err):
		p.data.Text = err.Error()
		return fateUnknown
	case sdkconn.FrequencyLimit(err), sdkconn.Retryable(err):
		p.data.Code, p.data.Text = stepError(err).Code, err.Error()
		return fateOpen
	}
	p.failed(stepError(err).Code, err.Error(), now)
	return fateSettled
}

func (p *prospect) failed(code, text string, now time.Time) {
	p.State = journal.TargetFailed
	since := p.data.Unsettled
	if code != codeInterrupted {
		since = 0
	}
	p.data = targetData{Row: p.data.Row, Zone: p.data.Zone, Code: code, Text: text, At: now.UnixMilli(), Unsettled: since}
}

// backoff is the wait after the nth of a row, from 1: it doubles, with jitter.
func (j *announceJob) backoff(first time.Duration, n int) time.Duration {
	d := first << min(max(n-1, 0), 20)
	if d <= 0 || d > maxPatience {
		d = maxPatience
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %d %d", j.key, j.rec.Cursor, n)
	return d + time.Duration(float64(d)*0.2*float64(h.Sum32())/(1<<32))
}

// noteFates writes down what became of a chunk, and says when the next one's turn is.
func (a *announcer) noteFates(
	ctx context.Context, j *announceJob, req *announceRequest, chunk []prospect, r chunkResult,
) (time.Time, error) {
	rec, now := &j.rec, a.b.clock.Now()
	was := rec.Pass.states()[0]
	change := new(journal.Change)
	note := func(p *prospect) {
		rec.settle(p.N, was, p.State, p.data)
		change.Targets = append(change.Targets, journal.TargetWrite{Key: j.key, N: p.N, State: p.State, Data: p.data.encode()})
		if p.State == was { // it failed again: the pass is over it
			rec.Intent.Not = append(rec.Intent.Not, p.N)
		}
	}
	var left []*prospect
	known := r.fresh // that nothing of what is left has left
	for i := range chunk {
		if r.fates[i] == fateSettled {
			note(&chunk[i])
			continue
		}
		known = known && r.fates[i] == fateOpen
		left = append(left, &chunk[i])
	}
	due := now
	if settled := len(chunk) - len(left); settled > 0 {
		rec.Tries, rec.Refused = 0, 0
		if j.slot.Before(now) {
			j.slot = now
		}
		j.slot = j.slot.Add(perTarget(a.rate(req), settled))
		due = j.slot
	}
	switch {
	case len(left) == 0:
		rec.Intent = nil
	case !r.later.IsZero() && (r.refusal == nil || rec.Refused < refusedTries): // not its turn, or too many
		if due = r.later; r.refusal != nil {
			rec.Refused++
		}
		rec.leaveOpen(left, known)
	case r.refusal == nil && rec.Tries+1 < tries(known):
		rec.Tries++
		due = now.Add(j.backoff(settleBackoff, rec.Tries))
		a.b.log.Info("the announcement makes no progress, will try again", "key", j.key, "targets", len(left), "tries", rec.Tries,
			"at", due, "err", left[0].data.Text)
		rec.leaveOpen(left, known)
	default:
		for _, p := range left {
			code := cmp.Or(p.data.Code, codeFailed)
			if r.refusal != nil {
				code, p.data.Text = stepError(r.refusal).Code, r.refusal.Error()
			}
			if !known {
				code, p.data.Unsettled = codeInterrupted, cmp.Or(p.data.Unsettled, rec.Intent.At)
			}
			p.failed(code, p.data.Text, now)
			note(p)
		}
		rec.Intent, rec.Tries, rec.Refused = nil, 0, 0
	}
	rec.conclude(change, now)
	if err := a.commit(ctx, j, change); err != nil {
		return time.Time{}, err
	}
	return due, nil
}

// tries is how often what is left of a chunk is tried; known says that nothing of it has left.
func tries(known bool) int {
	if known {
		return announceTries
	}
	return settleTries
}

// leaveOpen has what is left of a chunk looked at again: as part of the pass when it is known that nothing of it has left.
func (rec *announceRecord) leaveOpen(left []*prospect, known bool) {
	in, first, last := rec.Intent, left[0].N, left[len(left)-1].N
	if known {
		rec.Cursor, rec.Intent = min(rec.Cursor, first-1), nil
		return
	}
	not := slices.DeleteFunc(in.Not, func(n uint64) bool { return n < first || n > last })
	rec.Intent = &announceIntent{From: first, To: last, Not: not, At: in.At}
}

// perTarget is how long n targets take at a pace.
func perTarget(r rules.Rate, n int) time.Duration {
	return time.Duration(float64(r.Per) / float64(r.Times) * float64(n))
}
