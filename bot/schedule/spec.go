package schedule

import (
	"fmt"
	"strings"
	"time"
)

// Spec is a schedule as a person writes it; an empty field is not given.
type Spec struct {
	Cron     string `json:"cron"`
	Zone     string `json:"tz,omitzero"`
	Calendar string `json:"calendar,omitzero"` // its canonical name
	From     string `json:"from,omitzero"`
	Until    string `json:"until,omitzero"`
}

// Compile makes the schedule. calendar is asked for the calendar that is named.
func (s Spec) Compile(calendar func(string) *Calendar) (*Schedule, error) {
	out := new(Schedule)
	var err error
	if out.Cron, err = Parse(s.Cron); err != nil {
		return nil, fmt.Errorf("cron %q: %w", s.Cron, err)
	}
	if s.Zone != "" {
		if out.Zone, err = LoadZone(s.Zone); err != nil {
			return nil, err
		}
	}
	if s.Calendar != "" {
		if out.Calendar = calendar(s.Calendar); out.Calendar == nil {
			return nil, fmt.Errorf("there is no calendar %q", s.Calendar)
		}
	}
	if s.From != "" {
		if out.From, err = ParseBound(s.From, false); err != nil {
			return nil, fmt.Errorf("from: %w", err)
		}
	}
	if s.Until != "" {
		if out.Until, err = ParseBound(s.Until, true); err != nil {
			return nil, fmt.Errorf("until: %w", err)
		}
	}
	return out, nil
}

// String is the schedule in a line, for people.
func (s Spec) String() string {
	words := []string{s.Cron}
	for _, w := range []struct{ before, text string }{
		{"", s.Zone}, {"calendar ", s.Calendar}, {"from ", s.From}, {"until ", s.Until},
	} {
		if w.text != "" {
			words = append(words, w.before+w.text)
		}
	}
	return strings.Join(words, ", ")
}

// LoadZone returns a time zone by its name in the IANA database.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("tz %q: name a zone such as Asia/Shanghai", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %q", name)
	}
	return loc, nil
}

// ParseBound reads a date, a date and a time on the wall, or a moment with its offset. As the end of a schedule a date counts
// whole, and a time is the last that counts.
func ParseBound(text string, end bool) (Bound, error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			at = at.AddDate(0, 0, 1)
		}
		return Bound{At: at, Wall: true}, nil
	}
	past := time.Duration(0)
	if end {
		past = time.Second
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return Bound{At: at.Add(past), Wall: true}, nil
		}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return Bound{At: at.Add(past)}, nil
	}
	return Bound{}, fmt.Errorf("%q is no time: write 2026-05-01, 2026-05-01T09:00 or 2026-05-01T09:00:00+08:00", text)
}
