package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/bot/schedule"
)

// EventSchedule is the type of the event that a slot of a schedule is.
const EventSchedule = "schedule"

// Missed says what becomes of slots that no bot was there for.
type Missed int

// What becomes of them.
const (
	MissedOnce Missed = iota // the last of them runs
	MissedSkip               // none runs
	MissedAll                // each runs
)

var missedNames = []string{"once", "skip", "all"}

// String returns the word for it in a rule.
func (m Missed) String() string { return missedNames[m] }

// Schedule is one `schedule` of a rule's on.
type Schedule struct {
	*schedule.Schedule // its Zone is nil when the rule gives none

	Spec   schedule.Spec // as the rule has it
	Missed Missed
	Within time.Duration // how late a missed slot may still run; 1h unless given
	Jitter time.Duration // how much later than its slot a run may begin, drawn from the event's key; 0: not at all
	Pos    Pos
}

// The defaults and bounds of a schedule.
const (
	DefaultWithin = time.Hour
	MaxWithin     = 31 * 24 * time.Hour
	MaxJitter     = 24 * time.Hour
	MaxSchedules  = 20 // of one rule
)

// Slot is which slot of a schedule an event is.
type Slot struct {
	At     time.Time // in the schedule's zone
	Missed bool      // it runs late because no bot was there at its time
	Manual bool      // a person had it run
}

// SlotEvent makes the event of a rule's slot.
func SlotEvent(rule string, slot Slot, self string) Event {
	return Event{
		Type: EventSchedule, Key: fmt.Sprintf("%010d.%s.%s", slot.At.Unix(), EventSchedule, rule), Self: self, Rule: rule, Slot: &slot,
	}
}

// Calendar returns the calendar with a name, or nil: one of the files', or a built-in one.
func (s *Set) Calendar(name string) *schedule.Calendar {
	return s.calendars[schedule.CanonicalName(name)]
}

var scheduleKeys = []string{"cron", "tz", "calendar", "missed", "within", "jitter", "from", "until"}

// schedule reads one schedule of on: a cron text, or a mapping.
func (c *ruleCompiler) schedule(n *yaml.Node) {
	r := c.r
	n = resolve(n)
	s := &Schedule{Schedule: new(schedule.Schedule), Within: DefaultWithin, Pos: r.pos(n)}
	if len(c.rule.Schedules) >= MaxSchedules {
		r.errorf(n, "a rule has at most %d schedules", MaxSchedules)
		return
	}
	entries := []entry{{name: "cron", key: n, value: n}}
	if n.Kind == yaml.MappingNode {
		var ok bool
		if entries, ok = r.mapping(n, "schedule"); !ok {
			return
		}
	} else if n.Kind != yaml.ScalarNode {
		r.errorf(n, "schedule must be a cron text or a mapping with cron, not %s", kindName(n))
		return
	}
	var within *yaml.Node
	for _, e := range entries {
		switch e.name {
		case "cron":
			c.cron(s, e.value)
		case "tz":
			c.zone(s, e.value)
		case "calendar":
			c.calendar(s, e.value)
		case "missed":
			word, _ := r.enum(e.value, "missed", missedNames...)
			s.Missed = Missed(max(0, slices.Index(missedNames, word)))
		case "within":
			within = resolve(e.value)
			if s.Within = c.positive(e.value, "within", s.Within); s.Within > MaxWithin {
				r.errorf(within, "within is at most %s", spell(MaxWithin))
			}
		case "jitter":
			if s.Jitter = c.positive(e.value, "jitter", 0); s.Jitter > MaxJitter {
				r.errorf(resolve(e.value), "jitter is at most %s", spell(MaxJitter))
			}
		case "from":
			s.From, s.Spec.From = c.bound(e, false)
		case "until":
			s.Until, s.Spec.Until = c.bound(e, true)
		default:
			r.unknown(e, scheduleKeys)
		}
	}
	if !slices.ContainsFunc(entries, func(e entry) bool { return e.name == "cron" }) {
		r.errorf(n, "schedule needs cron, for instance `cron: \"0 9 * * *\"`")
	}
	if within != nil && s.Missed == MissedSkip {
		r.errorf(within, "within says how late a missed slot may still run: with missed: skip none does")
	}
	c.rule.Schedules = append(c.rule.Schedules, s)
}

func (c *ruleCompiler) cron(s *Schedule, n *yaml.Node) {
	text, ok := c.r.str(n, "cron")
	if !ok {
		return
	}
	parsed, err := schedule.Parse(text)
	if err != nil {
		c.r.errorf(resolve(n), "cron %q: %v", text, err)
		return
	}
	s.Cron, s.Spec.Cron = parsed, strings.TrimSpace(text)
}

func (c *ruleCompiler) zone(s *Schedule, n *yaml.Node) {
	name, ok := c.r.str(n, "tz")
	if !ok {
		return
	}
	loc, err := schedule.LoadZone(name)
	if err != nil {
		near := nearest(name, schedule.ZoneNames())
		if near == "" { // the city alone
			near = city(name)
		}
		if near != "" {
			near = fmt.Sprintf(" (did you mean %q?)", near)
		}
		c.r.errorf(resolve(n), "%v%s", err, near)
		return
	}
	s.Zone, s.Spec.Zone = loc, name
}

// city is the zone whose last part is nearest to a name.
func city(name string) string {
	cities := make(map[string]string)
	for _, zone := range schedule.ZoneNames() {
		cities[zone[strings.LastIndexByte(zone, '/')+1:]] = zone
	}
	return cities[nearest(name[strings.LastIndexByte(name, '/')+1:], keys(cities))]
}

func (c *ruleCompiler) calendar(s *Schedule, n *yaml.Node) {
	name, ok := c.r.str(n, "calendar")
	if !ok {
		return
	}
	if s.Calendar = c.r.l.calendar(name); s.Calendar == nil {
		c.r.errorf(resolve(n), "%s", c.r.l.noCalendar(name))
		return
	}
	s.Spec.Calendar = s.Calendar.Name
}

// bound reads from or until. YAML takes a plain date for a time of its own.
func (c *ruleCompiler) bound(e entry, end bool) (schedule.Bound, string) {
	n := resolve(e.value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!timestamp" {
		if _, ok := c.r.str(n, e.name); !ok {
			return schedule.Bound{}, ""
		}
	}
	b, err := schedule.ParseBound(n.Value, end)
	if err != nil {
		c.r.errorf(n, "%s: %v", e.name, err)
		return schedule.Bound{}, ""
	}
	return b, n.Value
}

// lintSchedules looks for schedules that never come.
func (r *Rule) lintSchedules(warn func(pos Pos, id, format string, args ...any)) {
	for _, s := range r.Schedules {
		if _, ok := s.Next(time.Unix(0, 0)); !ok {
			warn(s.Pos, "never-due", "this schedule has no slot in twelve years: %s", s.Spec)
		}
	}
}

// calendarAhead is how far ahead Outlived looks.
const calendarAhead = 30 * aDay

// Outlived returns the schedules that will soon be about days that their calendars do not know: within 30 days of now. Of
// such days the day of the week decides.
func (s *Set) Outlived(now time.Time) []Warning {
	var out []Warning
	for _, r := range s.Rules {
		for _, sch := range r.Schedules {
			c := sch.Calendar
			if c == nil || r.Mode == ModeOff {
				continue
			}
			slot, ok := sch.In(now.Location()).Last(now, now.Add(calendarAhead))
			if !ok || schedule.DayOf(slot) <= c.Last {
				continue
			}
			text := ""
			for i := range s.sources {
				if s.sources[i].Name == sch.Pos.File {
					text = newDocument(sch.Pos.File, s.sources[i].Text, 0).line(sch.Pos.Line)
				}
			}
			out = append(out, Warning{ID: "calendar-ends", Error: Error{
				File: sch.Pos.File, Line: sch.Pos.Line, Col: sch.Pos.Col, Rule: r.ID, Source: text,
				Msg: fmt.Sprintf("calendar %s knows the days up to %s, and this schedule has a slot on %s: "+
					"give it more days by `calendars: {%s: {file: ...}}`", c.Name, c.Last, schedule.DayOf(slot), c.Name),
			}})
		}
	}
	return out
}

// describe is the schedule in a line, for people.
func (s *Schedule) describe() string {
	text := s.Spec.Cron + " in " + s.Spec.Zone
	if s.Spec.Zone == "" {
		text = s.Spec.Cron + " in the bot's zone"
	}
	if s.Calendar != nil {
		text += ", on working days of " + s.Calendar.Name
	}
	if s.Spec.From != "" {
		text += ", from " + s.Spec.From
	}
	if s.Spec.Until != "" {
		text += ", until " + s.Spec.Until
	}
	if s.Jitter > 0 {
		text += ", up to " + spell(s.Jitter) + " later"
	}
	switch s.Missed {
	case MissedSkip:
		return text + "; missed slots are skipped"
	case MissedAll:
		return text + "; missed slots run up to " + spell(s.Within) + " late"
	}
	return text + "; of missed slots the last runs, up to " + spell(s.Within) + " late"
}
