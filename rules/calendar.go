package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/bot/schedule"
)

// workdayFunction tells working days in expressions.
const workdayFunction = "workday"

var calendarKeys = []string{"source", "first", "last", "weekend", "off", "work"}

// calendar returns the calendar with a name, or nil.
func (l *loader) calendar(name string) *schedule.Calendar {
	return l.calendars[schedule.CanonicalName(name)]
}

// noCalendar is the error for a name that no calendar has.
func (l *loader) noCalendar(name string) string {
	return noCalendar(name, l.calendars)
}

func noCalendar(name string, have map[string]*schedule.Calendar) string {
	return fmt.Sprintf("there is no calendar %q%s; there is %s, and what calendars names", name, didYouMean(name, append(keys(have), "cn")), oneOf(keys(have)))
}

// builtinCalendars are the calendars that are there without any file.
func builtinCalendars() map[string]*schedule.Calendar {
	out := make(map[string]*schedule.Calendar)
	for _, c := range schedule.Builtin() {
		out[c.Name] = c
	}
	return out
}

// readCalendars reads calendars of the top level.
func (l *loader) readCalendars(r *reader, n *yaml.Node) {
	entries, _ := r.mapping(n, "calendars")
	for _, e := range entries {
		if !ruleID.MatchString(e.name) {
			r.errorf(e.key, "calendar %q: use small letters, digits, dots, - and _", e.name)
			continue
		}
		if full := schedule.CanonicalName(e.name); full != e.name {
			r.errorf(e.key, "calendar %q is a short name of %q: use that", e.name, full)
			continue
		}
		if first, ok := l.calendarPos[e.name]; ok {
			r.errorf(e.key, "calendar %q comes twice, first at %s", e.name, first)
			continue
		}
		l.calendarPos[e.name] = r.pos(e.key)
		c := l.calendarEntry(r, e)
		if c == nil {
			c = schedule.NewCalendar(e.name, "", 0, 0, schedule.Weekend) // the mistake is told, and no other about it
		} else if builtin := l.calendars[e.name]; builtin != nil {
			if !builtin.Touches(c) {
				r.errorf(e.value, "calendar %s knows the days from %s to %s, the file those from %s to %s: the days between are missing",
					e.name, builtin.First, builtin.Last, c.First, c.Last)
			}
			c = builtin.With(c)
		}
		l.calendars[e.name] = c
	}
}

// calendarEntry reads {file: NAME}.
func (l *loader) calendarEntry(r *reader, e entry) *schedule.Calendar {
	entries, ok := r.mapping(e.value, "a calendar")
	if !ok {
		return nil
	}
	var file *yaml.Node
	for _, in := range entries {
		if in.name != "file" {
			r.unknown(in, []string{"file"})
			continue
		}
		file = in.value
	}
	if file == nil {
		r.errorf(e.value, "calendar %q needs {file: NAME}", e.name)
		return nil
	}
	name, ok := r.str(file, "file")
	if !ok {
		return nil
	}
	full, ok := l.inside(r, resolve(file), name)
	if !ok {
		return nil
	}
	d := l.docs[full]
	if d == nil {
		if d = l.read(full, MaxRuleFile, r.pos(resolve(file))); d == nil {
			return nil
		}
	}
	root := l.parseYAML(d)
	if root == nil {
		return nil
	}
	return (&reader{l: l, d: d}).calendarFile(e.name, root)
}

// calendarFile reads a calendar's own file.
func (r *reader) calendarFile(name string, root *yaml.Node) *schedule.Calendar {
	entries, ok := r.mapping(root, "a calendar's file")
	if !ok {
		return nil
	}
	get := make(map[string]*yaml.Node)
	for _, e := range entries {
		if !slices.Contains(calendarKeys, e.name) {
			r.unknown(e, calendarKeys)
			continue
		}
		get[e.name] = e.value
	}
	before := len(r.l.errs)
	source := ""
	if n := get["source"]; n != nil {
		source, _ = r.str(n, "source")
	}
	var bounds [2]schedule.Day
	for i, key := range []string{"first", "last"} {
		n := get[key]
		if n == nil {
			r.errorf(resolve(root), "a calendar needs %s: the days that it knows, for instance `%s: 2027-01-01`", key, key)
			continue
		}
		days, ok := r.days(n, key)
		if ok && (days.First != days.Last || days.Name != "") {
			r.errorf(resolve(n), "%s is one date", key)
		}
		bounds[i] = days.First
	}
	if len(r.l.errs) > before {
		return nil
	}
	if bounds[1] < bounds[0] || bounds[1]-bounds[0] > schedule.MaxCalendar {
		r.errorf(resolve(get["last"]), "last is before first, or more than %d days after it", schedule.MaxCalendar)
		return nil
	}
	weekend := schedule.Weekend
	if n := get["weekend"]; n != nil {
		weekend = r.weekend(n)
	}
	var all []schedule.Days
	set := make(map[schedule.Day]*yaml.Node)
	for _, key := range []string{"off", "work"} {
		if get[key] == nil {
			continue
		}
		items, _ := r.sequence(get[key], key)
		for _, item := range items {
			days, ok := r.days(item, key)
			if !ok {
				continue
			}
			days.Work = key == "work"
			if days.First < bounds[0] || days.Last > bounds[1] {
				r.errorf(item, "%s: the calendar is about the days from %s to %s", key, bounds[0], bounds[1])
				continue
			}
			for d := days.First; d <= days.Last; d++ {
				if other := set[d]; other != nil {
					r.errorf(item, "%s comes twice, first in line %d", d, other.Line)
					break
				}
				set[d] = item
			}
			all = append(all, days)
		}
	}
	if len(r.l.errs) > before {
		return nil
	}
	return schedule.NewCalendar(name, source, bounds[0], bounds[1], weekend, all...)
}

// days reads DATE, DATE..DATE, or either with a name behind.
func (r *reader) days(n *yaml.Node, what string) (out schedule.Days, ok bool) {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!timestamp" && !isString(n) {
		r.errorf(n, "%s: want a date such as 2027-01-01, or 2027-01-01..2027-01-03, perhaps with a name behind, have %s", what, kindName(n))
		return out, false
	}
	dates, name, _ := strings.Cut(strings.TrimSpace(n.Value), " ")
	first, last, span := strings.Cut(dates, "..")
	if !span {
		last = first
	}
	var err error
	if out.First, err = schedule.ParseDay(first); err == nil {
		out.Last, err = schedule.ParseDay(last)
	}
	switch {
	case err != nil:
		r.errorf(n, "%s: %v", what, err)
		return out, false
	case out.Last < out.First || out.Last-out.First > schedule.MaxCalendar:
		r.errorf(n, "%s: %s..%s is no run of days", what, first, last)
		return out, false
	}
	out.Name = strings.TrimSpace(name)
	return out, true
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (r *reader) weekend(n *yaml.Node) []time.Weekday {
	out := []time.Weekday{}
	items, _ := r.sequence(n, "weekend")
	for _, item := range items {
		if word, ok := r.enum(item, "weekend", weekdays...); ok {
			out = append(out, time.Weekday(slices.Index(weekdays, word)))
		}
	}
	return out
}

// workday gives workday(time, "NAME") its calendar.
func (c *nameCheck) workday(n *ast.CallNode) {
	if len(n.Arguments) != 2 {
		c.errorf(n, `workday takes a time and a calendar: workday(now(), "cn")`)
		return
	}
	name, ok := n.Arguments[1].(*ast.StringNode)
	if !ok {
		c.errorf(n.Arguments[1], `workday: the calendar is a plain text: workday(now(), "cn")`)
		return
	}
	calendar := c.p.calendars[schedule.CanonicalName(name.Value)]
	if calendar == nil {
		c.errorf(name, "workday: %s", noCalendar(name.Value, c.p.calendars))
		return
	}
	n.Arguments[1] = &ast.ConstantNode{Value: calendar}
}
