// Package schedule says when a schedule's time comes: cron texts, time zones and calendars of working days become slots.
//
// It is pure: it has no clock, starts nothing, and the same schedule always has the same slots. A slot is a whole second.
//
// # Summer time
//
// A schedule is about the clock on the wall of its zone. On the day on which that clock is put forward some times do not
// come: a slot in the gap is had at its end, once however many stood in it. On the day on which it is put back some times
// come twice: a slot there is had the first time. A schedule for every hour (its hour field is * or names all of them) is
// about time that passes instead: in the gap it has nothing, in the hour that comes twice it goes on both times.
//
// `@every 90m` knows no wall: its slots are counted from the schedule's From, or else from 1970-01-01T00:00:00Z, so that
// no restart shifts them.
package schedule

import (
	"fmt"
	"time"
)

// Schedule is a cron text with its zone, its calendar and its bounds. It is not changed once it is made.
type Schedule struct {
	Cron     *Cron
	Zone     *time.Location // nil: the caller's, see In
	Calendar *Calendar      // nil: every day counts
	From     Bound          // slots begin here
	Until    Bound          // and are before this
}

// Bound is a moment, or a place on the wall of the schedule's zone. The zero Bound is none.
type Bound struct {
	At   time.Time // for Wall: what the clock on the wall shows, as UTC
	Wall bool
}

// IsZero reports whether there is no bound.
func (b Bound) IsZero() bool { return b.At.IsZero() }

// in is the bound as Unix seconds; a second that has begun counts whole.
func (b Bound) in(loc *time.Location) int64 {
	if b.Wall {
		return instant(b.At.Unix(), loc)
	}
	return b.At.Unix()
}

const (
	day = 24 * 60 * 60 // seconds

	// horizon is how far ahead a slot is looked for: 29 February is eight years away at most, and some Januaries have no
	// working first.
	horizon = 12 * 366 * day
)

// In is the schedule in a zone, unless it has one of its own.
func (s *Schedule) In(loc *time.Location) *Schedule {
	if s.Zone != nil {
		return s
	}
	own := *s
	own.Zone = loc
	return &own
}

func (s *Schedule) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}

// Next is the first slot after a time, in the schedule's zone. ok is false when there is none in the next twelve years.
func (s *Schedule) Next(after time.Time) (slot time.Time, ok bool) {
	at := s.begin(after)
	limit := at + horizon
	for {
		t, ok := s.next(at, limit)
		if !ok {
			return time.Time{}, false
		}
		slot := time.Unix(t, 0).In(s.zone())
		if s.Calendar == nil || s.Calendar.Workday(DayOf(slot)) {
			return slot, true
		}
		at = s.dayEnd(slot)
	}
}

// begin is the second after which slots are looked for.
func (s *Schedule) begin(after time.Time) int64 {
	at := after.Unix()
	if !s.From.IsZero() {
		at = max(at, s.From.in(s.zone())-1)
	}
	return at
}

// dayEnd is the last second of a time's day.
func (s *Schedule) dayEnd(t time.Time) int64 { return instant(int64(DayOf(t)+1)*day, s.zone()) - 1 }

// next is the first slot after a second, whatever the calendar says.
func (s *Schedule) next(after, limit int64) (int64, bool) {
	var t int64
	ok := true
	switch {
	case s.Cron.every > 0:
		var anchor int64
		if !s.From.IsZero() {
			anchor = s.From.in(s.zone())
		}
		t = anchor + (floorDiv(after-anchor, s.Cron.every)+1)*s.Cron.every
	case s.Cron.everyHour():
		t, ok = s.nextPassing(after, limit)
	default:
		t, ok = s.nextOnWall(after, limit)
	}
	if !ok || !s.Until.IsZero() && t >= s.Until.in(s.zone()) {
		return 0, false
	}
	return t, true
}

// nextPassing goes from one change of the clocks to the next: between them wall and time run alike.
func (s *Schedule) nextPassing(after, limit int64) (int64, bool) {
	at := time.Unix(after+1, 0).In(s.zone()) // the first second that may be it
	for {
		_, offset := at.Zone()
		wall, ok := s.Cron.next(at.Unix()-1+int64(offset), limit+int64(offset))
		if !ok {
			return 0, false
		}
		_, end := at.ZoneBounds()
		if t := wall - int64(offset); end.IsZero() || t < end.Unix() {
			return t, true
		}
		at = end
	}
}

// nextOnWall goes along the wall: every place on it stands for one moment, and those in a gap for its end.
func (s *Schedule) nextOnWall(after, limit int64) (int64, bool) {
	_, offset := time.Unix(after, 0).In(s.zone()).Zone()
	for wall := after + int64(offset); ; {
		var ok bool
		if wall, ok = s.Cron.next(wall, limit+int64(offset)); !ok {
			return 0, false
		}
		if t := instant(wall, s.zone()); t > after {
			return t, true
		}
	}
}

// Last is the last slot after one time and not after another.
func (s *Schedule) Last(after, upTo time.Time) (slot time.Time, ok bool) {
	has := func(from time.Time) bool {
		next, ok := s.Next(from)
		return ok && !next.After(upTo)
	}
	if !upTo.After(after) {
		return slot, false
	}
	from := upTo
	for step := time.Minute; !has(from); step *= 2 { // back in growing steps, until there is one
		if !from.After(after) {
			return slot, false
		}
		if from = upTo.Add(-step); from.Before(after) {
			from = after
		}
	}
	none := upTo // from has a slot after it, and none has not
	for none.Sub(from) > time.Second {
		if mid := from.Add(none.Sub(from) / 2); has(mid) {
			from = mid
		} else {
			none = mid
		}
	}
	for next, ok := s.Next(from); ok && !next.After(upTo); next, ok = s.Next(next) {
		slot = next
	}
	return slot, true
}

// Date is a slot that is to come, or a day that has none and why.
type Date struct {
	At      time.Time // in the schedule's zone; of a day without a slot, when its first would have been
	Skipped string    // why there is none; empty for a slot
	Note    string    // what there is to know about it; for people
}

// maxSkipped bounds how many days without a slot Upcoming tells of.
const maxSkipped = 1000

// Upcoming is the next slots after a time, at most count, and between them the days on which the calendar left some out, each
// once.
func (s *Schedule) Upcoming(after time.Time, count int) []Date {
	var out []Date
	at := s.begin(after)
	limit := at + horizon
	for slots, skipped := 0, 0; slots < count && skipped < maxSkipped; {
		t, ok := s.next(at, limit)
		if !ok {
			break
		}
		d := Date{At: time.Unix(t, 0).In(s.zone())}
		at = t
		if c := s.Calendar; c != nil {
			today := DayOf(d.At)
			if !c.Workday(today) {
				d.Skipped = c.Why(today)
				out = append(out, d)
				skipped++
				at = s.dayEnd(d.At)
				continue
			}
			if !c.Knows(today) {
				d.Note = fmt.Sprintf("%s knows the days from %s to %s: a weekday is taken for a working day",
					c.Name, c.First, c.Last)
			}
		}
		if s.Cron.every == 0 && !s.Cron.everyHour() {
			if wall := wallOf(d.At); !s.Cron.matches(wall) {
				d.Note = "the clock is put forward: the time that is meant does not come"
			} else if _, second := passes(wall, s.zone()); second {
				d.Note = "the clock is put back: the first of the two times"
			}
		}
		out = append(out, d)
		slots++
		limit = at + horizon
	}
	return out
}
