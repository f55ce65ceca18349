package rules

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	_ "time/tzdata"
)

const scheduleFile = `version: 1
calendars:
  shop: { file: cal/shop.yaml }
  cn-workday: { file: cal/cn.yaml }
rules:
  - id: a
    on: { schedule: { cron: "0 9 * * *", tz: Asia/Shanghai, calendar: cn, jitter: 1m, within: 2h, missed: all, from: 2026-10-06, until: 2026-10-12 } }
    if: workday(trigger.at, "cn") && !workday(trigger.at, "shop") && trigger.slot == "2026-10-10T09:00:00+08:00" && trigger.date == "2026-10-10" && trigger.missed && !trigger.manual && trigger.rule == "a"
    do: [log: x]
  - id: b
    on: [message, { schedule: ["0 9 * * *", { cron: "@every 90m" }] }]
    do: [log: "${{ trigger.slot }}|${{ workday(event.time, 'cn-workday') }}"]
  - { id: idle, on: { schedule: "@daily" }, run: "off", do: [log: x] }
`

var scheduleFiles = fstest.MapFS{
	"bot.yaml": {Data: []byte(scheduleFile)},
	"cal/shop.yaml": {Data: []byte("source: the shop\nfirst: 2026-01-01\nlast: '2026-12-31'\nweekend: [monday]\n" +
		"off:\n  - 2026-10-08..2026-10-11 stocktaking\n  - \"2026-12-24\"\nwork:\n  - 2026-10-12\n")},
	"cal/cn.yaml": {Data: []byte("first: 2027-01-01\nlast: 2027-12-31\noff: [2027-01-01 元旦]\nwork: []\n")},
}

func TestSchedules(t *testing.T) {
	set, err := Load(scheduleFiles, "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	a, b := set.Rule("a"), set.Rule("b")
	if len(a.Schedules) != 1 || len(b.Schedules) != 2 || !slices.Equal(a.Events, []string{"schedule"}) {
		t.Fatalf("rule a has %d schedules on %v, b has %d", len(a.Schedules), a.Events, len(b.Schedules))
	}
	s := a.Schedules[0]
	if s.Missed != MissedAll || s.Within != 2*time.Hour || s.Jitter != time.Minute || s.Calendar.Last.String() != "2027-12-31" {
		t.Errorf("the schedule is %+v", s)
	}
	var slots []string
	for at, ok := s.Next(time.Unix(0, 0)); ok; at, ok = s.Next(at) {
		slots = append(slots, at.Format(time.DateOnly))
	}
	if got := strings.Join(slots, " "); got != "2026-10-08 2026-10-09 2026-10-10 2026-10-12" {
		t.Errorf("its slots are %s", got)
	}
	if set.Calendar("cn") != set.Calendar("cn-workday") || set.Calendar("shop").Source != "the shop" || set.Calendar("nope") != nil {
		t.Error("Calendar does not find what the files name")
	}
	if got := set.Describe(a, nil).Schedules; len(got) != 1 || got[0] != "0 9 * * * in Asia/Shanghai, on working days of cn-workday, "+
		"from 2026-10-06, until 2026-10-12, up to 1m later; missed slots run up to 2h late" {
		t.Errorf("it is described as %q", got)
	}
}

// A slot fires its own rule and no other.
func TestASlotIsForOneRule(t *testing.T) {
	set, err := Load(scheduleFiles, "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	loc, _ := time.LoadLocation("Asia/Shanghai")
	slot := Slot{At: time.Date(2026, 10, 10, 9, 0, 0, 0, loc), Missed: true}
	for rule, want := range map[string]string{"a": "a", "b": "b", "idle": "", "gone": ""} {
		ev, facts := SlotEvent(rule, slot, "bot"), &Facts{Now: slot.At}
		got := ""
		for _, f := range set.Match(&ev, facts).Fired {
			got += f.Rule.ID
		}
		if got != want {
			t.Errorf("the slot of %s fires %q, want %q", rule, got, want)
		}
		fired := 0
		for _, e := range set.Explain(&ev, facts) {
			if e.Fired {
				fired++
			} else if e.Rule.ID == "a" && rule == "b" && e.Text != "it is for b" {
				t.Errorf("why not a: %q", e.Text)
			}
		}
		if fired != len(want) {
			t.Errorf("Explain says that %d rules fire on the slot of %s", fired, rule)
		}
	}
	ev := SlotEvent("b", slot, "bot")
	sc := &Scope{Event: &ev, Facts: &Facts{Now: slot.At}}
	in, err := set.Rule("b").Steps[0].Inputs(sc)
	if err != nil || in["text"] != "2026-10-10T09:00:00+08:00|true" {
		t.Errorf("its step sees %v, %v", in, err)
	}
	if ev.Key != "1791594000.schedule.b" {
		t.Errorf("its key is %s", ev.Key)
	}
}

func TestCalendarsEnd(t *testing.T) {
	set, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte(`version: 1
rules:
  - { id: r, on: { schedule: { cron: "0 9 * * *", calendar: cn } }, do: [log: x] }
  - { id: ends, on: { schedule: { cron: "0 9 * * *", calendar: cn, until: 2026-12-31 } }, do: [log: x] }
  - { id: none, on: { schedule: "0 9 * * *" }, do: [log: x] }
  - { id: gone, on: { schedule: { cron: "0 9 31 2 *", calendar: cn } }, do: [log: x] }
`)}}, "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]int{"2026-11-23": 0, "2026-12-01": 0, "2026-12-05": 1, "2027-06-01": 1} {
		now, _ := time.Parse(time.DateOnly, day)
		if got := set.Outlived(now); len(got) != want || want > 0 && got[0].Rule != "r" {
			t.Errorf("on %s: %v, want %d", day, got, want)
		}
	}
	var ids []string
	for _, w := range set.Warnings() {
		ids = append(ids, w.ID+" "+w.Rule)
	}
	if !slices.Contains(ids, "never-due gone") || slices.Contains(ids, "never-due r") {
		t.Errorf("warnings: %v", ids)
	}
}
