package bot

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// due takes jobs whose time has come out of the queue, at most jobsAtOnce, or says when the next one's comes.
func (j *jobs) due(now time.Time) (due []*job, next time.Time, more bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(due) < jobsAtOnce {
		name, at, ok := j.queue.First()
		if !ok || at.After(now) {
			return due, at, ok
		}
		j.queue.Remove(name)
		due = append(due, j.byName[name])
	}
	return due, now, true
}

// due is when a slot runs: at its time, and with jitter as much later as its key says.
func (job *job) due(slot time.Time) time.Time {
	if job.from.Jitter <= 0 {
		return slot
	}
	h := fnv.New64a()
	h.Write([]byte(slotKey(job.rule.ID, slot)))
	sum := h.Sum64()
	sum ^= sum >> 32
	return slot.Add(time.Duration(sum % uint64(job.from.Jitter)))
}

// overdue is what is due of a job.
type overdue struct {
	run     []dueSlot
	skipped []time.Time // those that do not run, oldest first
	more    int         // how many older ones there were
	many    bool        // that is not all of them
	last    time.Time   // the last slot of all; zero for none
}

type dueSlot struct {
	at     time.Time
	missed bool
}

// overdue says what becomes of the slots up to now.
func (job *job) overdue(now time.Time) (out overdue) {
	after := time.Unix(job.rec.After, 0)
	late := missedAfter
	if job.from.Missed != rules.MissedSkip {
		late = max(late, job.from.Within)
	}
	if tooLate := now.Add(-late - job.from.Jitter - time.Second); tooLate.After(after) {
		for s, ok := job.slots.Next(after); ok && !s.After(tooLate); s, ok = job.slots.Next(s) {
			if out.last, out.skipped = s, append(out.skipped, s); len(out.skipped) > maxMissed {
				out.many = true
				break
			}
		}
		if out.many {
			out.more, out.skipped = maxMissed, nil
			if last, ok := job.slots.Last(after, tooLate); ok {
				out.last, out.skipped = last, []time.Time{last}
			}
		}
		after = tooLate
	}
	var missed, onTime []time.Time
	for s, ok := job.slots.Next(after); ok; s, ok = job.slots.Next(s) {
		due := job.due(s)
		if due.After(now) {
			break
		}
		out.last = s
		if now.Sub(due) <= missedAfter {
			onTime = append(onTime, s)
			continue
		}
		if missed = append(missed, s); len(missed) >= 2*maxMissed {
			out.more += maxMissed
			missed = slices.Delete(missed, 0, maxMissed)
		}
	}
	keep := 0
	switch job.from.Missed {
	case rules.MissedOnce:
		if len(onTime) == 0 {
			keep = 1
		}
	case rules.MissedAll:
		keep = maxMissed
	}
	cut := max(0, len(missed)-keep)
	for cut < len(missed) && now.Sub(job.due(missed[cut])) > job.from.Within {
		cut++
	}
	out.skipped = append(out.skipped, missed[:cut]...)
	for _, s := range missed[cut:] {
		out.run = append(out.run, dueSlot{s, true})
	}
	for _, s := range onTime {
		out.run = append(out.run, dueSlot{s, false})
	}
	return out
}

// passOver lets nothing of it run.
func (o *overdue) passOver() {
	for _, s := range o.run {
		o.skipped = append(o.skipped, s.at)
	}
	o.run = nil
}

func oneJob(j *job) []*job { return []*job{j} }

// whyPaused is why slots of a paused rule do not run.
const whyPaused = "it was paused"

// fire writes the slots of jobs that are due down, as events, and goes on to their next ones. why says why none of them runs;
// "" when they do. A crash in between is found out by the keys of the events.
func (b *Bot) fire(ctx context.Context, due []*job, now time.Time, why string) error {
	var events []journal.Event
	var told []func()
	recs := make([]jobRecord, len(due))
	change := &journal.Change{Lazy: true}
	for i, job := range due {
		all := job.overdue(now)
		because := why
		if because != "" {
			all.passOver()
		} else {
			because = "no bot was there"
		}
		text, err := b.skip(ctx, job, &all, because, &events)
		if err != nil {
			return err
		}
		if text != "" {
			told = append(told, func() { b.report(ctx, "schedule "+job.rule.ID, text) })
		}
		rec := job.rec
		for _, s := range all.run {
			e, err := newSlot(slotRecord{Rule: job.rule.ID, Zone: rec.Spec.Zone, Missed: s.missed}, s.at, now, "")
			if err != nil {
				return err
			}
			events, rec.Last = append(events, e), e.Key
			b.tellCalendarEnd(job, s.at)
		}
		if !all.last.IsZero() {
			rec.After = all.last.Unix()
		}
		if recs[i] = rec; rec != job.rec && b.jobs.byName[job.name] == job {
			w, err := entry(scopeJob, job.name, rec)
			if err != nil {
				return err
			}
			change.State = append(change.State, w)
		}
	}
	if _, err := b.store(ctx, events); err != nil {
		return err
	}
	if !change.Empty() {
		if err := b.journal.Commit(ctx, change); err != nil {
			return err
		}
	}
	b.jobs.mu.Lock()
	for i, job := range due {
		job.rec = recs[i]
		b.jobs.enqueue(job)
	}
	b.jobs.mu.Unlock()
	for _, tell := range told {
		tell()
	}
	return nil
}

// skip adds the event that stands for the slots that do not run, and returns what people are told of them.
func (b *Bot) skip(ctx context.Context, job *job, due *overdue, why string, events *[]journal.Event) (string, error) {
	for i, s := range slices.Backward(due.skipped) { // what was written down before a crash is not skipped
		e, known, err := b.journal.Event(ctx, slotKey(job.rule.ID, s))
		if err != nil {
			return "", err
		}
		if !known {
			continue
		}
		due.skipped = slices.Delete(due.skipped, i, i+1)
		if rec := readSlot(e); rec != nil && rec.Skipped != "" { // with all before it
			due.skipped, due.more, due.many = due.skipped[i:], 0, false
			break
		}
	}
	n := len(due.skipped)
	if n == 0 {
		return "", nil
	}
	last := due.skipped[n-1]
	e, err := newSlot(slotRecord{Rule: job.rule.ID, Zone: job.rec.Spec.Zone, Skipped: why, Slots: n + due.more}, last, last, "")
	if err != nil {
		return "", err
	}
	*events = append(*events, e)
	text := fmt.Sprintf("schedule of %s: the slot of %s does not run: %s", job.rule.ID, slotTime(last), why)
	if n += due.more; n > 1 {
		count := fmt.Sprint(n)
		if due.many {
			count = "more than " + fmt.Sprint(maxMissed)
		}
		text = fmt.Sprintf("schedule of %s: %s slots up to %s do not run: %s", job.rule.ID, count, slotTime(last), why)
	}
	if len(due.run) > 0 && due.run[0].missed {
		text += fmt.Sprintf("; the one of %s runs now", slotTime(due.run[0].at))
	}
	return text, nil
}
