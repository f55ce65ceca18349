package schedule_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/timbot-go/timbot/bot/schedule"
)

// yearZones change their clocks by an hour or half of one, at night, at midnight or never, in both halves of the world.
var yearZones = []string{
	"America/New_York", "Europe/Berlin", "Europe/London", "Australia/Lord_Howe", "Australia/Sydney", "America/Santiago",
	"America/Havana", "Asia/Beirut", "Africa/Casablanca", "Pacific/Chatham", "Asia/Shanghai", "UTC",
}

var yearTexts = []string{
	"* * * * *", "30 2 * * *", "*/15 * * * *", "0 * * * *", "15 0-3 * * *", "*/20 1-2 * * 0", "0 0 * * *", "45 23 28-31 * *",
	"0 9 * * 1-5", "30 2 1,15 3,4,10,11 0", "0 0 29 2 *", "5 */2 * * *", "0 0-23 * 4 *",
}

func load(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func parse(t testing.TB, text string) *schedule.Cron {
	t.Helper()
	c, err := schedule.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return c
}

// slowField is one field of a cron text as a table, by the words of crontab(5) and nothing of the package.
func slowField(text string, low, high int) (in [61]bool, star bool) {
	for part := range strings.SplitSeq(text, ",") {
		part, by, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			step, _ = strconv.Atoi(by)
		}
		from, to := low, high
		if part != "*" {
			a, b, ranged := strings.Cut(part, "-")
			from, _ = strconv.Atoi(a)
			if to = from; ranged {
				to, _ = strconv.Atoi(b)
			}
		}
		star = star || part == "*" && !stepped
		for v := from; v <= to; v += step {
			in[v] = true
		}
	}
	return in, star
}

type slowCron struct {
	minute, hour, dom, month, dow [61]bool
	anyDom, anyDow, everyHour     bool
}

func newSlow(text string) *slowCron {
	f := strings.Fields(text)
	c := new(slowCron)
	c.minute, _ = slowField(f[0], 0, 59)
	c.hour, _ = slowField(f[1], 0, 23)
	c.dom, c.anyDom = slowField(f[2], 1, 31)
	c.month, _ = slowField(f[3], 1, 12)
	c.dow, c.anyDow = slowField(f[4], 0, 6)
	c.everyHour = !slices.Contains(c.hour[:24], false)
	return c
}

// face is what a clock on the wall shows, and which minute that is as if it were UTC.
type face struct {
	at                             int64
	minute, hour, day, month, week uint8
}

func newFace(at int64) face {
	t := time.Unix(at*60, 0).UTC()
	return face{at, uint8(t.Minute()), uint8(t.Hour()), uint8(t.Day()), uint8(t.Month()), uint8(t.Weekday())}
}

func (c *slowCron) meant(f *face) bool {
	if !c.minute[f.minute] || !c.hour[f.hour] || !c.month[f.month] {
		return false
	}
	d, w := c.dom[f.day], c.dow[f.week]
	if c.anyDom || c.anyDow {
		return d && w
	}
	return d || w
}

// slowYear finds the slots of a year by watching a clock on the wall, minute by minute: it returns the minutes after the start.
func slowYear(c *slowCron, walls []face) (slots []int) {
	highest := walls[0].at - 1 // that the wall has shown
	for i := range walls {
		wall := &walls[i]
		hit := (c.everyHour || wall.at > highest) && c.meant(wall)
		for left := highest + 1; !c.everyHour && left < wall.at; left++ { // what it leaves out comes now
			f := newFace(left)
			hit = hit || c.meant(&f)
		}
		highest = max(highest, wall.at)
		if hit {
			slots = append(slots, i)
		}
	}
	return slots
}

func TestAYearInTwelveZonesEqualsAWatchedClock(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	const minutes = 366 * 24 * 60
	for _, zone := range yearZones {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			loc := load(t, zone)
			walls := make([]face, minutes)
			for i := range walls {
				_, offset := start.Add(time.Duration(i) * time.Minute).In(loc).Zone()
				walls[i] = newFace(start.Unix()/60 + int64(i) + int64(offset)/60)
			}
			for _, text := range yearTexts {
				want := slowYear(newSlow(text), walls)
				s := &schedule.Schedule{Cron: parse(t, text), Zone: loc}
				end := start.Add((minutes - 1) * time.Minute)
				n := 0
				for slot, ok := s.Next(start.Add(-time.Second)); ok && !slot.After(end); slot, ok = s.Next(slot) {
					if n >= len(want) || !slot.Equal(start.Add(time.Duration(want[n])*time.Minute)) {
						t.Fatalf("%q: slot %d is %s, the watched clock has minutes %v", text, n, slot, want[min(n, len(want)):min(n+1, len(want))])
					}
					n++
				}
				if n != len(want) {
					t.Errorf("%q has %d slots, the watched clock has %d", text, n, len(want))
				}
			}
		})
	}
}

func TestSummerTime(t *testing.T) {
	for _, c := range []struct{ zone, text, from, want string }{
		{"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00"},
		{"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
		{"Europe/Berlin", "0,30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
		{"Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
		{"Europe/Berlin", "30 * * * *", "2026-10-25T00:00:00Z", "2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+01:00 2026-10-25T03:30:00+01:00"},
		{"Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00+01:00 2026-03-29T03:30:00+02:00"},
		{"America/Havana", "0 0 * * *", "2026-03-07T12:00:00Z", "2026-03-08T01:00:00-04:00 2026-03-09T00:00:00-04:00"},
		{"America/Havana", "30 0 * * *", "2026-10-31T20:00:00Z", "2026-11-01T00:30:00-04:00 2026-11-02T00:30:00-05:00"},
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", "2026-10-04T02:30:00+11:00 2026-10-05T02:15:00+11:00"},
		{"Pacific/Apia", "0 12 * * *", "2011-12-29T00:00:00Z", "2011-12-29T12:00:00-10:00 2011-12-31T00:00:00+14:00 2011-12-31T12:00:00+14:00"},
		{"Asia/Shanghai", "@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00+08:00"},
		{"Asia/Shanghai", "5 0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T09:00:05+08:00"},
		{"Asia/Shanghai", "@every 90m", "2026-01-01T00:00:00Z", "2026-01-01T09:30:00+08:00 2026-01-01T11:00:00+08:00"},
		{"UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"UTC", "0 0 31 2 *", "2026-03-01T00:00:00Z", ""},
	} {
		at, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		s := &schedule.Schedule{Cron: parse(t, c.text), Zone: load(t, c.zone)}
		var got []string
		for range max(1, len(strings.Fields(c.want))) {
			slot, ok := s.Next(at)
			if !ok {
				break
			}
			got = append(got, slot.Format(time.RFC3339))
			at = slot
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %q from %s: %v, want %s", c.zone, c.text, c.from, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "empty", "TZ=": "write it as tz", "CRON_TZ=": "write it as tz", "TZ=Asia/Shanghai": "write it as tz",
		" TZ=UTC 0 9 * * *": "write it as tz", "0 9 * *": "4 fields", "0 9 * * * * *": "7 fields", "0 25 * * *": "above maximum",
		"0 9 * * 7": "Sunday is 0", "@reboot": "bot.started", "@every": "", "@every 5": "duration", "@every 0s": "whole seconds",
		"@every 1500ms": "whole seconds", "@fortnightly": "", "x 9 * * *": "", ", 9 * * *": "name no value",
		strings.Repeat("1,", 200) + "1 9 * * *": "longer than",
	} {
		if _, err := schedule.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q in it", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range append([]string{"TZ=", "@every 1h", "*/7 1-5,9 L * ?", "0 0 1/3 JAN-MAR MON"}, yearTexts...) {
		f.Add(text, int64(1_800_000_000))
	}
	loc := load(f, "America/New_York")
	f.Fuzz(func(t *testing.T, text string, at int64) {
		c, err := schedule.Parse(text)
		if err != nil || at < 0 || at > 1<<33 {
			return
		}
		s := &schedule.Schedule{Cron: c, Zone: loc}
		after := time.Unix(at, 0)
		slot, ok := s.Next(after)
		if ok && !slot.After(after) {
			t.Fatalf("%q: the slot after %s is %s", text, after, slot)
		}
		if ok {
			if last, found := s.Last(after, slot); !found || !last.Equal(slot) {
				t.Fatalf("%q: the last slot up to %s is %s, %v", text, slot, last, found)
			}
		}
	})
}

func TestEveryNamedZoneExists(t *testing.T) {
	for _, name := range schedule.ZoneNames() {
		if _, err := time.LoadLocation(name); err != nil {
			t.Error(err)
		}
	}
}

// The slots that Last finds are those that Next goes through.
func TestLast(t *testing.T) {
	loc := load(t, "Europe/Berlin")
	for _, text := range []string{"*/10 * * * * *", "0 9 * * *", "@yearly", "@every 7m", "* * 9 * * *"} {
		s := &schedule.Schedule{Cron: parse(t, text), Zone: loc}
		after := time.Date(2026, 3, 28, 7, 0, 0, 0, time.UTC)
		for _, d := range []time.Duration{0, time.Second, time.Minute, 26 * time.Hour, 400 * 24 * time.Hour} {
			upTo := after.Add(d)
			var want time.Time
			if d < 48*time.Hour {
				for slot, ok := s.Next(after); ok && !slot.After(upTo); slot, ok = s.Next(slot) {
					want = slot
				}
			}
			got, ok := s.Last(after, upTo)
			switch {
			case d < 48*time.Hour:
				if ok == want.IsZero() || !got.Equal(want) {
					t.Errorf("%q after %s: %s %v, want %s", text, d, got, ok, want)
				}
			case !ok || got.After(upTo):
				t.Errorf("%q after %s: %s %v", text, d, got, ok)
			default:
				if next, ok := s.Next(got); ok && !next.After(upTo) {
					t.Errorf("%q after %s: %s is not the last, %s is later", text, d, got, next)
				}
			}
		}
	}
}

func ExampleSchedule_Upcoming() {
	c, _ := schedule.Parse("0 9 * * *")
	loc, _ := time.LoadLocation("Asia/Shanghai")
	s := schedule.Schedule{Cron: c, Zone: loc, Calendar: schedule.Builtin()[0]}
	for _, d := range s.Upcoming(time.Date(2026, 10, 6, 12, 0, 0, 0, loc), 4) {
		fmt.Println(d.At.Format("2006-01-02 Mon 15:04"), cmp.Or(d.Skipped, "slot"))
	}
	// Output:
	// 2026-10-07 Wed 09:00 国庆节 in cn-workday
	// 2026-10-08 Thu 09:00 slot
	// 2026-10-09 Fri 09:00 slot
	// 2026-10-10 Sat 09:00 slot
	// 2026-10-11 Sun 09:00 Sunday in cn-workday
	// 2026-10-12 Mon 09:00 slot
}
