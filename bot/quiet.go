package bot

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zones, where the machine has none

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
)

// quietHours are the hours in which nobody is disturbed, in minutes since midnight. The zero value is none.
type quietHours struct{ from, to int }

func newQuietHours(q actions.Quiet) (quietHours, error) {
	if q.From == "" && q.To == "" {
		return quietHours{}, nil
	}
	from, err := rules.ParseClock(q.From)
	if err != nil {
		return quietHours{}, fmt.Errorf("quiet.from: %w", err)
	}
	to, err := rules.ParseClock(q.To)
	if err != nil {
		return quietHours{}, fmt.Errorf("quiet.to: %w", err)
	}
	if from == to {
		return quietHours{}, fmt.Errorf("quiet: from and to are the same time %s: they leave no hour to send in", q.From)
	}
	return quietHours{from, to}, nil
}

// CheckQuiet says what is wrong with quiet hours.
func CheckQuiet(q actions.Quiet) error {
	_, err := newQuietHours(q)
	return err
}

// until is when the quiet hours that now falls into are over, in a zone; ok is false when it falls into none.
func (q quietHours) until(now time.Time, zone *time.Location) (end time.Time, ok bool) {
	local := now.In(zone)
	minute := local.Hour()*60 + local.Minute()
	in, tomorrow := minute >= q.from && minute < q.to, 0
	if q.from > q.to { // over midnight
		in = minute >= q.from || minute < q.to
		if minute >= q.from {
			tomorrow = 1
		}
	}
	if !in {
		return time.Time{}, false
	}
	end = time.Date(local.Year(), local.Month(), local.Day()+tomorrow, q.to/60, q.to%60, 0, 0, zone)
	if !end.After(now) { // a clock that was put forward went over it
		end = now.Add(time.Minute)
	}
	return end, true
}

// zones are the time zones that were asked for; one goroutine uses them.
type zones map[string]*time.Location

// zone returns a zone by its name, "" for the one that stands in.
func (z zones) zone(name string, otherwise *time.Location) (*time.Location, error) {
	if name == "" {
		return otherwise, nil
	}
	if known, ok := z[name]; ok {
		if known == nil {
			return nil, fmt.Errorf("there is no time zone %q: write for instance Asia/Shanghai", name)
		}
		return known, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		loc = nil
	}
	if len(z) < 1000 { // a file may be full of nonsense
		z[name] = loc
	}
	if loc == nil {
		return nil, fmt.Errorf("there is no time zone %q: write for instance Asia/Shanghai", name)
	}
	return loc, nil
}
