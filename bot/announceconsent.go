package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

// consentOf is whom an order with Approve asks: bot.admins in bot.ops_group.
func (a *announcer) consentOf() (*announceConsent, error) {
	bot := a.b.rules().Bot
	if bot.OpsGroup == "" || len(bot.Admins) == 0 {
		return nil, wrongOrder("nobody can be asked to approve it: the bot's file needs bot.ops_group and bot.admins")
	}
	return &announceConsent{Group: bot.OpsGroup, By: bot.Admins, Timeout: announceTimeout.Milliseconds()}, nil
}

// consent asks people, and lets the announcement begin or end by what they say.
func (a *announcer) consent(ctx context.Context, j *announceJob) (time.Time, error) {
	rec, now := &j.rec, a.b.clock.Now()
	c := rec.Consent
	if err := a.b.people.load(ctx, a.b.journal); err != nil {
		return time.Time{}, err
	}
	if c.Number == 0 {
		return now, a.askConsent(ctx, j)
	}
	asked, ok := a.b.people.approval(c.Number)
	if ok && asked.Run != announceRun+j.key {
		ok = false
	}
	switch {
	case !ok:
		asked.End = endNoApproval
	case asked.End != "":
	case !now.Before(time.UnixMilli(c.Due)):
		decided, _, ok, err := a.b.people.decide(c.Number, endNoApproval, "")
		if err != nil || !ok {
			return now, err // answered in this moment: look again
		}
		asked = decided
	case !c.Said:
		return a.sayConsent(ctx, j, asked.What)
	default:
		return time.UnixMilli(c.Due), nil
	}
	change := new(journal.Change)
	a.b.people.consented(change, announceRun+j.key)
	rec.Consent = nil
	if rec.State = AnnounceRunning; asked.End != endApproved {
		rec.State, rec.Reason = AnnounceRefused, asked.told(announceTimeout)
	}
	rec.conclude(change, now)
	a.b.log.Info("approval", "number", c.Number, "end", asked.End, "by", asked.Decider, "key", j.key)
	a.b.tell("announcement "+j.key, asked.told(announceTimeout))
	return now, a.commit(ctx, j, change)
}

// askConsent writes the request down.
func (a *announcer) askConsent(ctx context.Context, j *announceJob) error {
	rec, now := &j.rec, a.b.clock.Now()
	c := rec.Consent
	number, counted := a.b.people.number()
	c.Number, c.Due = number, now.Add(time.Duration(c.Timeout)*time.Millisecond).UnixMilli()
	r := approvalRecord{
		Number: number, Run: announceRun + j.key, Rule: "timbot announce", Action: "announce", Group: c.Group, By: c.By,
		Since: now.UnixMilli(), Due: c.Due,
	}
	r.What = r.request(a.plan(j), "", time.Duration(c.Timeout)*time.Millisecond)
	w, err := entry(scopeApproval, fmt.Sprint(number), r)
	if err != nil {
		return err
	}
	if err := a.commit(ctx, j, &journal.Change{State: []journal.StateWrite{counted, w}}); err != nil {
		return err
	}
	a.b.people.addApproval(r)
	return nil
}

// plan tells people what would be done.
func (a *announcer) plan(j *announceJob) string {
	var s strings.Builder
	fmt.Fprintf(&s, "key: %s\ntargets: %d\n", j.key, j.targets)
	if n := len(j.rec.Requests); n > 0 {
		req := j.rec.Requests[n-1]
		text := []rune(req.text())
		if len(text) > maxAsked {
			text = append(text[:maxAsked], '…')
		}
		fmt.Fprintf(&s, "by: %s\ntext: %s\ntakes: %s\n", req.By, string(text), perTarget(a.rate(req), int(j.targets)).Round(time.Second))
	}
	return s.String()
}

// sayConsent sends the request.
func (a *announcer) sayConsent(ctx context.Context, j *announceJob, text string) (time.Time, error) {
	c, now := j.rec.Consent, a.b.clock.Now()
	before := c.Asked
	if before == 0 {
		c.Asked = max(now.UnixMilli(), 1)
		if err := a.commit(ctx, j, &journal.Change{}); err != nil {
			return time.Time{}, err
		}
	}
	call := &actions.Call{Conn: a.b.conn, EffectID: effectID(j.effect, "request"), Clock: a.b.clock, Log: a.b.log}
	if before != 0 {
		call.Unsettled = time.UnixMilli(before)
	}
	msg, err := call.Marked(&sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}})
	if err != nil {
		return time.Time{}, a.pause(ctx, j, "the request for approval: "+err.Error())
	}
	conv := sdkconn.Group(c.Group)
	sent, err := a.askOne(ctx, call, conv, msg)
	if err == nil && sent == nil {
		var out *outgoing
		if out, err = a.sayOne(ctx, j, conv, msg); errors.Is(err, actions.ErrLater) {
			at, _ := out.isLater()
			return at, nil
		}
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if err != nil {
		if j.rec.Tries++; j.rec.Tries < announceTries && (unknown(err) || sdkconn.Retryable(err)) {
			return now.Add(j.backoff(settleBackoff, j.rec.Tries)), nil
		}
		return time.Time{}, a.pause(ctx, j, "the request for approval could not be sent: "+err.Error())
	}
	c.Said, j.rec.Tries = true, 0
	return time.UnixMilli(c.Due), a.commit(ctx, j, &journal.Change{})
}

func (a *announcer) askOne(ctx context.Context, call *actions.Call, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	if call.Unsettled.IsZero() {
		return nil, nil
	}
	ctx, cancel := withTimeout(ctx, a.b.clock, announceCall)
	defer cancel()
	return call.Settled(ctx, conv, msg)
}

// sayOne sends one message at the bot's pace.
func (a *announcer) sayOne(ctx context.Context, j *announceJob, conv sdkconn.Conversation, msg *sdkconn.Message) (*outgoing, error) {
	ctx, spent, cancel := withStepTime(ctx, a.b.clock, announceCall)
	defer cancel()
	out := a.outgoing(j, spent)
	_, err := out.SendNewMsg(ctx, conv, msg)
	return out, err
}
