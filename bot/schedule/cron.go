package schedule

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Cron is a parsed cron text: which places on the wall it means, or how far apart its times are.
type Cron struct {
	text  string
	every int64 // seconds; 0 for fields

	second, minute, hour, dom, month, dow uint64 // a bit for each value that is meant
}

const (
	maxText = 256

	// star is the bit by which the parser marks a field that says nothing.
	star = 1 << 63
)

var parser = cron.NewParser(
	cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// Parse reads a cron text: five fields (minute, hour, day of the month, month, day of the week), six with the seconds first,
// a name such as @daily, or @every with a duration of whole seconds.
func Parse(text string) (*Cron, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, errors.New("it is empty: five fields are wanted, for instance 0 9 * * *")
	case len(text) > maxText:
		return nil, fmt.Errorf("it is longer than %d characters", maxText)
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="): // on which the parser may panic
		return nil, errors.New("a zone does not stand in the cron text: write it as tz")
	case strings.HasPrefix(text, "@reboot"):
		return nil, errors.New("@reboot is no time: a rule on bot.started fires when the bot starts")
	}
	c := &Cron{text: text}
	if rest, ok := strings.CutPrefix(text, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(rest))
		switch {
		case err != nil:
			return nil, fmt.Errorf("@every wants a duration such as 90m, not %q", strings.TrimSpace(rest))
		case d < time.Second || d%time.Second != 0:
			return nil, fmt.Errorf("@every wants whole seconds, at least one: %s is not", d)
		}
		c.every = int64(d / time.Second)
		return c, nil
	}
	if !strings.HasPrefix(text, "@") {
		if n := len(strings.Fields(text)); n != 5 && n != 6 {
			return nil, fmt.Errorf("it has %d fields: five are wanted (minute, hour, day, month, weekday), "+
				"or six with the seconds first", n)
		}
	}
	parsed, err := parser.Parse(text)
	if err != nil {
		return nil, errors.New(explain(err.Error()))
	}
	s, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("%q is no form that is known", text)
	}
	c.second, c.minute, c.hour, c.dom, c.month, c.dow = s.Second, s.Minute, s.Hour, s.Dom, s.Month, s.Dow
	for _, f := range []struct {
		name string
		bits uint64
	}{
		{"seconds", c.second}, {"minutes", c.minute}, {"hours", c.hour}, {"days", c.dom}, {"months", c.month}, {"weekdays", c.dow},
	} {
		if f.bits&^star == 0 {
			return nil, fmt.Errorf("its %s name no value", f.name)
		}
	}
	return c, nil
}

// explain adds to the parser's words what people stumble over.
func explain(msg string) string {
	if strings.Contains(msg, "above maximum (6)") {
		msg += " (Sunday is 0)"
	}
	return msg
}

// String returns the text.
func (c *Cron) String() string { return c.text }

const allHours = 1<<24 - 1

// everyHour reports whether the schedule is about time that passes rather than about places on the wall.
func (c *Cron) everyHour() bool { return c.hour&allHours == allHours }

// next is the first place on the wall after one that is meant, none after limit. A place is what the wall shows, in seconds
// as if it were UTC.
func (c *Cron) next(wall, limit int64) (int64, bool) {
	wall++
	today := floorDiv(wall, day)
	rest := wall - today*day
	for today*day <= limit {
		year, month, d := time.Unix(today*day, 0).UTC().Date()
		switch {
		case c.month>>month&1 == 0:
			today = time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC).Unix() / day
		case !c.matchesDay(d, weekday(today)):
			today++
		default:
			if rest, ok := c.inDay(rest); ok {
				return today*day + rest, true
			}
			today++
		}
		rest = 0
	}
	return 0, false
}

// matches reports whether a place on the wall is meant.
func (c *Cron) matches(wall int64) bool {
	next, ok := c.next(wall-1, wall)
	return ok && next == wall
}

// matchesDay follows cron: when both the day of the month and the weekday are given, either is enough.
func (c *Cron) matchesDay(d int, w time.Weekday) bool {
	inMonth, inWeek := c.dom>>d&1 != 0, c.dow>>w&1 != 0
	if c.dom&star != 0 || c.dow&star != 0 {
		return inMonth && inWeek
	}
	return inMonth || inWeek
}

// inDay is the first second of a day from one on that is meant.
func (c *Cron) inDay(from int64) (int64, bool) {
	hour, minute, second := from/3600, from/60%60, from%60
	second, ok := nextBit(c.second, second)
	if !ok {
		minute++
		second, _ = nextBit(c.second, 0)
	}
	m, ok := nextBit(c.minute, minute)
	if !ok {
		hour++
		m, _ = nextBit(c.minute, 0)
	}
	if m != minute {
		second, _ = nextBit(c.second, 0)
	}
	h, ok := nextBit(c.hour, hour)
	if !ok {
		return 0, false
	}
	if h != hour {
		m, _ = nextBit(c.minute, 0)
		second, _ = nextBit(c.second, 0)
	}
	return h*3600 + m*60 + second, true
}

// nextBit is the first value from one on that a field names.
func nextBit(field uint64, from int64) (int64, bool) {
	if field = field &^ star >> from; field == 0 {
		return 0, false
	}
	return from + int64(bits.TrailingZeros64(field)), true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// weekday is that of a day since 1970.
func weekday(today int64) time.Weekday { return time.Weekday(((today+4)%7 + 7) % 7) }
