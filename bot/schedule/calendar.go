package schedule

import (
	"fmt"
	"strings"
	"time"
)

// Day is a date: days since 1970-01-01.
type Day int64

// DayOf is the date that the wall shows at a time, in the time's zone.
func DayOf(t time.Time) Day { return Day(floorDiv(wallOf(t), day)) }

// ParseDay reads a date such as 2026-10-01.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fmt.Errorf("%q is no date such as 2026-10-01", text)
	}
	return DayOf(t), nil
}

// String writes the date as ParseDay reads it.
func (d Day) String() string { return d.time().Format(time.DateOnly) }

// Weekday is the date's day of the week.
func (d Day) Weekday() time.Weekday { return weekday(int64(d)) }

func (d Day) time() time.Time { return time.Unix(int64(d)*day, 0).UTC() }

// Days is a run of dates that are not as the day of the week says.
type Days struct {
	First, Last Day
	Work        bool   // working days; else free ones
	Name        string // of the holiday; may be empty
}

// Calendar says which days are working days. It is not changed once it is made.
type Calendar struct {
	Name        string
	Source      string // where its days come from, for people
	First, Last Day    // the days that it knows; of others only the weekday counts

	free [7]bool // by weekday
	days map[Day]*Days
}

// MaxCalendar is how many days a calendar may name.
const MaxCalendar = 100_000

// Weekend is the free days of the week unless a calendar has others.
var Weekend = []time.Weekday{time.Saturday, time.Sunday}

// NewCalendar makes a calendar of the days from first to last. A later entry of days takes the place of an earlier one.
func NewCalendar(name, source string, first, last Day, weekend []time.Weekday, days ...Days) *Calendar {
	c := &Calendar{Name: name, Source: source, First: first, Last: last, days: make(map[Day]*Days)}
	for _, w := range weekend {
		c.free[w] = true
	}
	for i := range days {
		for d := days[i].First; d <= days[i].Last; d++ {
			c.days[d] = &days[i]
		}
	}
	return c
}

// With is the calendar with the days that another one knows in the place of its own. The two must touch: see Touches.
func (c *Calendar) With(more *Calendar) *Calendar {
	out := &Calendar{
		Name: c.Name, Source: c.Source + "; " + more.Source, First: min(c.First, more.First), Last: max(c.Last, more.Last),
		free: more.free, days: make(map[Day]*Days),
	}
	for d, what := range c.days {
		if !more.Knows(d) {
			out.days[d] = what
		}
	}
	for d, what := range more.days {
		out.days[d] = what
	}
	return out
}

// Touches reports whether no day lies between the days of two calendars that neither knows.
func (c *Calendar) Touches(other *Calendar) bool {
	return other.First <= c.Last+1 && c.First <= other.Last+1
}

// Knows reports whether more than the day of the week is known of a day.
func (c *Calendar) Knows(d Day) bool { return c.First <= d && d <= c.Last }

// Workday reports whether a day is a working day. Of a day that the calendar does not know, the day of the week decides.
func (c *Calendar) Workday(d Day) bool {
	if what := c.days[d]; what != nil {
		return what.Work
	}
	return !c.free[d.Weekday()]
}

// Why says what a day that is no working day is.
func (c *Calendar) Why(d Day) string {
	why := d.Weekday().String()
	if what := c.days[d]; what != nil && what.Name != "" {
		why = what.Name
	} else if what != nil {
		why = "a holiday"
	}
	if !c.Knows(d) {
		return fmt.Sprintf("%s, and %s knows the days from %s to %s only", why, c.Name, c.First, c.Last)
	}
	return why + " in " + c.Name
}

// Builtin returns the calendars that are in the program.
func Builtin() []*Calendar { return []*Calendar{cnWorkday} }

// aliases are other names of built-in calendars.
var aliases = map[string]string{"cn": "cn-workday"}

// CanonicalName is the name of the calendar that a name means: cn means cn-workday.
func CanonicalName(name string) string {
	if full, ok := aliases[strings.ToLower(name)]; ok {
		return full
	}
	return name
}
