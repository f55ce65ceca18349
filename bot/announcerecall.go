package bot

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

// recallMax is how many copies are revoked before that is written down.
const recallMax = 50

// recall takes the next copies back. Doing it twice is the same as doing it once, so that no intent is written.
func (a *announcer) recall(ctx context.Context, j *announceJob) (time.Time, error) {
	rec, now := &j.rec, a.b.clock.Now()
	if now.Before(j.slot) {
		return j.slot, nil
	}
	req := rec.request(rec.Cursor + 1)
	if req == nil {
		rec.State, rec.Pass = AnnounceRecalled, passSend
		change := new(journal.Change)
		a.b.people.consented(change, announceRun+j.key)
		rec.conclude(change, now)
		a.b.log.Info("announcement recalled", "key", j.key, "revoked", rec.Revoked, "not_revoked", rec.Kept)
		return time.Time{}, a.commit(ctx, j, change)
	}
	rate := a.rate(req)
	page, err := a.b.journal.Targets(ctx, journal.TargetQuery{
		Key: j.key, After: rec.Cursor, UpTo: req.To, States: rec.Pass.states(),
		Limit: min(recallMax, int(max(math.Floor(perSecond(rate)), 1))),
	})
	if err != nil {
		return time.Time{}, err
	}
	if len(page) == 0 {
		rec.Cursor = req.To
		return now, nil
	}
	change := new(journal.Change)
	all, err := prospects(page)
	if err != nil {
		return time.Time{}, err
	}
	due, done := time.Time{}, 0
	for i := range all {
		p := &all[i]
		err := a.revoke(ctx, p)
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err()
		}
		if again := sdkconn.FrequencyLimit(err); again || unknown(err) || sdkconn.Retryable(err) {
			if rec.Tries++; again || rec.Tries < announceTries {
				due = now.Add(j.backoff(refusedBackoff, rec.Tries))
				a.b.log.Info("the recall makes no progress, will try again", "key", j.key, "tries", rec.Tries, "at", due, "err", err)
				break
			}
		}
		rec.Tries = 0
		done++
		rec.Cursor = p.N
		if err == nil {
			p.State, p.data.Code, p.data.Text, p.data.At = journal.TargetRevoked, "", "", a.b.clock.Now().UnixMilli()
			rec.settle(p.N, journal.TargetSent, p.State, p.data)
		} else {
			rec.Kept++
			p.data.Code, p.data.Text = stepError(err).Code, err.Error()
		}
		change.Targets = append(change.Targets, journal.TargetWrite{Key: j.key, N: p.N, State: p.State, Data: p.data.encode()})
	}
	if j.slot.Before(now) {
		j.slot = now
	}
	j.slot = j.slot.Add(perTarget(rate, done))
	if due.IsZero() {
		due = j.slot
	}
	return due, a.commit(ctx, j, change)
}

// revoke takes one copy back.
func (a *announcer) revoke(ctx context.Context, p *prospect) error {
	locator, ok := p.data.locator()
	if !ok {
		return &targetError{codeFailed, "the service did not tell which message it was"}
	}
	ctx, cancel := withTimeout(ctx, a.b.clock, announceCall)
	defer cancel()
	err := a.b.conn.Revoke(ctx, p.conv, locator.Message())
	if err != nil {
		return fmt.Errorf("revoke: %w", a.timely(ctx, err))
	}
	return nil
}
