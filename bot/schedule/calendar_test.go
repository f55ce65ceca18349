package schedule_test

import (
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot/schedule"
)

// The notices name how long each holiday is and which weekends are worked: a year's working days follow from them.
func TestTheStateCouncilsCalendar(t *testing.T) {
	cn := schedule.Builtin()[0]
	made := map[int]int{2023: 7, 2024: 8, 2025: 5, 2026: 6} // weekend days that are worked
	work := map[int]int{}
	for d := cn.First; d <= cn.Last; d++ {
		year := time.Unix(int64(d)*86400, 0).UTC().Year()
		weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
		if cn.Workday(d) {
			work[year]++
			if weekend {
				made[year]--
			}
		}
	}
	for year, left := range made {
		if left != 0 {
			t.Errorf("%d: %d worked weekend days too few", year, left)
		}
	}
	// As payroll departments count them: 2023 249, 2024 251, 2025 248, 2026 248.
	for year, want := range map[int]int{2023: 249, 2024: 251, 2025: 248, 2026: 248} {
		if work[year] != want {
			t.Errorf("%d has %d working days, want %d", year, work[year], want)
		}
	}
	for text, want := range map[string]bool{
		"2026-10-10": true, "2026-10-07": false, "2026-02-14": true, "2026-02-23": false, "2026-02-24": true, "2023-10-08": true,
		"2024-02-09": true, "2025-01-28": false, "2027-01-02": false, "2027-01-04": true, "2026-11-23": true, "2026-11-22": false,
	} {
		d, err := schedule.ParseDay(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := cn.Workday(d); got != want {
			t.Errorf("%s: working day %v, want %v (%s)", text, got, want, cn.Why(d))
		}
	}
}

func TestACalendarGoesOnWithAnother(t *testing.T) {
	day := func(text string) schedule.Day {
		d, err := schedule.ParseDay(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	cn := schedule.Builtin()[0]
	more := schedule.NewCalendar("cn-workday", "mine", day("2027-01-01"), day("2027-12-31"), schedule.Weekend,
		schedule.Days{First: day("2027-01-01"), Last: day("2027-01-03"), Name: "元旦"},
		schedule.Days{First: day("2027-02-06"), Last: day("2027-02-06"), Work: true})
	if !cn.Touches(more) || cn.Touches(schedule.NewCalendar("x", "", day("2027-01-02"), day("2027-12-31"), nil)) {
		t.Error("Touches is wrong about the days between two calendars")
	}
	both := cn.With(more)
	for text, want := range map[string]bool{"2026-10-10": true, "2027-01-01": false, "2027-02-06": true, "2027-02-07": false} {
		if both.Workday(day(text)) != want {
			t.Errorf("%s: working day %v, want %v", text, !want, want)
		}
	}
	if both.First != cn.First || both.Last != day("2027-12-31") || !both.Knows(day("2027-06-01")) {
		t.Errorf("it knows the days from %s to %s", both.First, both.Last)
	}
}

func TestBounds(t *testing.T) {
	loc := load(t, "Asia/Shanghai")
	wall := func(text string) schedule.Bound {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return schedule.Bound{At: at, Wall: true}
	}
	s := &schedule.Schedule{Cron: parse(t, "0 9 * * *"), Zone: loc, From: wall("2026-05-01"), Until: wall("2026-05-03")}
	slot, ok := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, loc))
	if !ok || slot.Format(time.RFC3339) != "2026-05-01T09:00:00+08:00" {
		t.Errorf("the first slot is %s, %v", slot, ok)
	}
	if slot, ok = s.Next(slot); !ok || slot.Day() != 2 {
		t.Errorf("the second slot is %s, %v", slot, ok)
	}
	if slot, ok = s.Next(slot); ok {
		t.Errorf("after its end there is a slot, %s", slot)
	}
}
