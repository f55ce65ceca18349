package bot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// A bubble's clock begins at 2000-01-01T00:00:00Z, a Saturday.
var utc = bot.WithLocation(time.UTC)

// ops compiles rules for a bot whose people are in the group "g".
func (h *house) ops(text string) *rules.Set {
	h.t.Helper()
	return h.load("bot: {connection: \"local:x?user=" + botUser + "\", ops_group: g}\nrules:\n" + text)
}

// say5 tells alice the slot.
const say5 = `
  - id: tick
    on: {schedule: {cron: "*/5 * * * *"%s}}
    do: [{send: {to_user: alice, text: "${{ trigger.slot }}${{ trigger.missed ? ' late' : '' }}${{ trigger.manual ? ' by hand' : '' }}"}}]
`

func tick(more string) string {
	if more != "" {
		more = ", " + more
	}
	return fmt.Sprintf(say5, more)
}

// slots are minutes of the first hours, as the rule says them.
func slots(how string, minutes ...int) []string {
	var out []string
	for _, m := range minutes {
		out = append(out, time.Date(2000, 1, 1, 0, m, 0, 0, time.UTC).Format(time.RFC3339)+how)
	}
	return out
}

func (h *house) wantTold(what ...string) {
	h.t.Helper()
	all := strings.Join(h.heard("bob", group), "\n")
	for _, w := range what {
		if !strings.Contains(all, w) {
			h.t.Errorf("the ops group was not told %q:\n%s\n%s", w, all, h.log)
		}
	}
	if len(what) == 0 && all != "" {
		h.t.Errorf("the ops group was told %s", all)
	}
}

func TestASlotFiresItsRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.ops(tick("")+`
  - {id: zoned, on: {schedule: {cron: "0 8 * * *", tz: Asia/Shanghai}}, do: [{send: {to_user: bob, text: "${{ trigger.date }} ${{ trigger.slot }} ${{ trigger.rule }} ${{ event.type }} ${{ trigger.at.Hour() }}"}}]}
  - {id: other, on: message, do: [{reply: no}]}
`), utc)
		time.Sleep(11 * time.Minute)
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), slots("", 5, 10)...)
		time.Sleep(24 * time.Hour)
		b.idle()
		h.wantHeard("bob", sdkconn.C2C(botUser), "2000-01-02 2000-01-02T08:00:00+08:00 zoned schedule 8")
		h.wantTold()
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		h.wantNothingOpen()
	})
}

func TestMissedSlots(t *testing.T) {
	for _, c := range []struct {
		how  string
		down time.Duration // from 00:06 on
		want []string
		told string
	}{
		{"", 30 * time.Second, nil, ""},
		{"", 4*time.Minute + 30*time.Second, slots("", 10), ""}, // half a minute late is not missed
		{"", 21 * time.Minute, slots(" late", 25), "3 slots up to 2000-01-01 00:20:00 +00:00 do not run: no bot was there; the one of 2000-01-01 00:25:00 +00:00 runs now"},
		{"", 19*time.Minute + 30*time.Second, slots("", 25), "3 slots up to 2000-01-01 00:20:00"},
		{"missed: once, within: 90s", 21 * time.Minute, nil, "4 slots up to 2000-01-01 00:25:00"},
		{"missed: skip", 21 * time.Minute, nil, "4 slots up to 2000-01-01 00:25:00 +00:00 do not run"},
		{"missed: skip", 6 * time.Minute, nil, "the slot of 2000-01-01 00:10:00 +00:00 does not run: no bot was there"},
		{"missed: all", 21 * time.Minute, slots(" late", 10, 15, 20, 25), ""},
		{"missed: all, within: 8m", 21 * time.Minute, slots(" late", 20, 25), "2 slots up to 2000-01-01 00:15:00"},
		{"missed: all", 400 * 24 * time.Hour, nil, "more than 1000 slots up to 2001-02-03 23:"},
	} {
		t.Run(fmt.Sprint(c.how, " ", c.down), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				set := h.ops(tick(c.how))
				b := h.start(set, utc)
				time.Sleep(6 * time.Minute)
				b.idle()
				if err := b.stop(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.down)
				b.again(set, utc)
				b.idle()
				synctest.Wait()
				want := append(slots("", 5), c.want...)
				got := h.heard("alice", sdkconn.C2C(botUser))
				if c.down > time.Hour {
					got = got[:1]
				}
				if !slices.Equal(got, want) {
					t.Errorf("alice heard %q, want %q\n%s", got, want, h.log)
				}
				if c.told == "" {
					h.wantTold()
				} else {
					h.wantTold(c.told)
				}
				before := len(h.heard("alice", sdkconn.C2C(botUser)))
				if err := b.stop(); err != nil { // and again: nothing comes twice
					t.Fatal(err)
				}
				b.again(set, utc)
				b.idle()
				if n := len(h.heard("alice", sdkconn.C2C(botUser))); n != before {
					t.Errorf("after another start alice heard %d more\n%s", n-before, h.log)
				}
				if err := b.stop(); err != nil {
					t.Fatal(err)
				}
				h.wantNothingOpen()
			})
		})
	}
}

func TestSlotsSurviveEveryCrash(t *testing.T) {
	const text = `
  - id: tick
    on: {schedule: {cron: "* * * * *", missed: all}}
    do: [{probe.ask: x}, {set: {bot: {r: "${{ (state.bot.r ?? '') + ' ' + string(trigger.at.Minute()) }}"}}}]
  - {id: all, on: message, do: [{log: x}]}
`
	play := func(t *testing.T, n int64) (commits int64) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			set := h.set(text)
			b := h.start(set) // a schedule counts from when the bot has seen it
			b.idle()
			if err := b.stop(); err != nil {
				t.Fatal(err)
			}
			c := &crashing{Journal: h.journal, appends: true}
			c.left.Store(n)
			b = h.start(set, bot.WithJournal(c), bot.WithGrace(0))
			time.Sleep(4*time.Minute + time.Second)
			if err := b.stop(); err != nil {
				t.Errorf("Run = %v", err)
			}
			commits = c.commits.Load()
			b = h.start(set)
			b.idle()
			time.Sleep(3 * time.Minute)
			b.idle()
			want := ""
			for m := 1; m <= 7; m++ {
				want += fmt.Sprint(" ", m)
			}
			if got := strings.Trim(h.kept("bot", "r"), `"`); got != want {
				t.Errorf("the slots that ran are %q, want %q\n%s", got, want, h.log)
			}
			h.wantNothingOpen()
		})
		return commits
	}
	total := play(t, 1<<40)
	if total < 10 {
		t.Fatalf("the story makes %d commits", total)
	}
	for n := int64(1); n <= total; n++ {
		t.Run(fmt.Sprint("after commit ", n), func(t *testing.T) { play(t, n) })
	}
}

func TestReloadedSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		rule := func(id, cron string) string {
			return fmt.Sprintf("\n  - {id: %s, on: {schedule: %q}, do: [{send: {to_user: alice, text: \"${{ trigger.rule }} ${{ trigger.at.Minute() }}\"}}]}", id, cron)
		}
		b := h.start(h.ops(rule("same", "5,15 * * * *")+rule("moved", "6,16 * * * *")+rule("gone", "7,17 * * * *")), utc)
		time.Sleep(10 * time.Minute)
		if err := b.Reload(h.ops(rule("same", "5,15 * * * *") + rule("moved", "8,18 * * * *") + rule("new", "9,19 * * * *"))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Minute)
		b.idle()
		want := []string{"same 5", "moved 6", "gone 7", "same 15", "moved 18", "new 19"}
		h.wantHeard("alice", sdkconn.C2C(botUser), want...)
		h.wantTold()
		if err := b.stop(); err != nil { // at 21
			t.Fatal(err)
		}
		time.Sleep(38 * time.Minute) // until 59
		b.again(h.ops(rule("moved", "50 1 * * *")+rule("new", "9,19 * * * *")), utc)
		b.idle()
		time.Sleep(time.Minute)
		b.idle()
		// moved had no slot left in its old form, and the new one counts from now on
		h.wantHeard("alice", sdkconn.C2C(botUser), want...)
		h.wantTold()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Minute) // until 01:12: new has missed 01:09
		b.again(h.ops(rule("moved", "50 2 * * *")+rule("new", "11 5 * * *")), utc)
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), append(want, "new 9")...)
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		b.again(h.ops(rule("moved", "50 2 * * *")), utc)
		b.idle()
		synctest.Wait()
		h.wantTold("schedule of new: the slot of 2000-01-01 05:11:00 +00:00 does not run: its rule is gone")
	})
}

func TestPausedSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		set := h.ops(tick("missed: all, within: 1d"))
		b := h.start(set, utc)
		time.Sleep(6 * time.Minute)
		if err := b.PauseJob(t.Context(), "tick", "alice"); err != nil {
			t.Fatal(err)
		}
		if err := b.PauseJob(t.Context(), "tick", "alice"); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("a second pause: %v", err)
		}
		if err := b.PauseJob(t.Context(), "tock", ""); err == nil || !strings.Contains(err.Error(), "these have: tick") {
			t.Errorf("a pause of nothing: %v", err)
		}
		time.Sleep(10 * time.Minute)
		jobs, err := b.Jobs(t.Context())
		if err != nil || len(jobs) != 1 || jobs[0].Paused == nil || jobs[0].Paused.By != "alice" || !jobs[0].Next.IsZero() {
			t.Errorf("the jobs are %+v, %v", jobs, err)
		}
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		b.again(set, utc)
		b.idle()
		time.Sleep(5 * time.Minute) // 31
		if _, err := b.RunJob(t.Context(), "tick"); err != nil {
			t.Fatal(err)
		}
		if err := b.ResumeJob(t.Context(), "tick"); err != nil {
			t.Fatal(err)
		}
		b.idle()
		if err := b.ResumeJob(t.Context(), "tick"); err == nil {
			t.Error("what is not paused was resumed")
		}
		time.Sleep(5 * time.Minute)
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), append(append(slots("", 5), slots(" by hand", 30)...), slots("", 35)...)...)
		h.wantTold("5 slots up to 2000-01-01 00:30:00 +00:00 do not run: it was paused")
		past, err := b.JobHistory(t.Context(), "tick", 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range past {
			got = append(got, fmt.Sprintf("%s %s %d", s.Slot.Format("15:04"), s.State, s.Slots))
		}
		if want := []string{"00:35 fired 0", "00:30 skipped 5", "00:30 fired 0", "00:05 fired 0"}; !slices.Equal(got, want) {
			t.Errorf("its history is %q, want %q", got, want)
		}
		if story, err := b.Inspector().Why(t.Context(), past[1].Key); err != nil || story.Event.Type != "schedule" || len(story.Notes) != 1 ||
			story.Notes[0].Text != "not run: it was paused" {
			t.Errorf("why the skipped one: %+v, %v", story, err)
		}
		jobs, err = b.Jobs(t.Context())
		if err != nil || jobs[0].Last == nil || jobs[0].Last.Slot.Minute() != 35 || jobs[0].Next.Minute() != 40 || jobs[0].Zone != "UTC" {
			t.Errorf("the jobs are %+v, %v", jobs, err)
		}
	})
}

func TestAFailedSlotIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.ops(`
  - {id: fails, on: {schedule: "5 * * * *"}, do: [{log: "${{ int('x' + trigger.rule) }}"}]}
  - {id: limited, on: {schedule: "6,7 * * * *"}, limit: {rate: 1/1h}, do: [{log: x}]}
  - {id: quiet, on: {schedule: "* * * * *"}, if: trigger.missed, do: [{log: x}]}
`), utc)
		time.Sleep(10 * time.Minute)
		b.idle()
		synctest.Wait()
		h.wantTold("schedule of fails: the run of 2000-01-01 00:05:00 +00:00 failed (expression): timbot why ",
			"schedule of limited: the slot of 2000-01-01 00:07:00 +00:00 does not run: limit")
		if all := strings.Join(h.heard("bob", group), "\n"); strings.Contains(all, "quiet") {
			t.Errorf("what is meant was told: %s", all)
		}
	})
}

// The slots of one rule run one after the other, and those of others beside them.
func TestSlotsOfOneRuleRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.probe.answers(func(ctx context.Context, _ *actions.Call, _ string) error {
			select {
			case <-time.After(25 * time.Second):
			case <-ctx.Done():
			}
			return nil
		})
		b := h.start(h.ops(`
  - id: slow
    on: {schedule: "*/10 * * * * *"}
    do: [{probe.ask: x}, {set: {bot: {r: "${{ (state.bot.r ?? '') + ' ' + string(trigger.at.Second()) }}"}}}]
  - {id: fast, on: {schedule: "*/10 * * * * *"}, do: [{set: {bot: {f: "${{ (state.bot.f ?? 0) + 1 }}"}}}]}
`), utc)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if r, f := h.kept("bot", "r"), h.kept("bot", "f"); r != `" 10 20"` || f != "6" {
			t.Errorf("slow did %s, fast %s", r, f)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestJitterIsTheSameEachTime(t *testing.T) {
	play := func() (got []string) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			b := h.start(h.ops(`
  - {id: r, on: {schedule: {cron: "0 * * * *", jitter: 20m}}, do: [{send: {to_user: alice, text: "${{ trigger.slot }} at ${{ now() }}"}}]}
`), utc)
			time.Sleep(5*time.Hour + 30*time.Minute)
			b.idle()
			got = h.heard("alice", sdkconn.C2C(botUser))
		})
		return got
	}
	first := play()
	if len(first) != 5 || !slices.Equal(first, play()) {
		t.Errorf("heard %q, and another time %q", first, play())
	}
	apart := make(map[string]bool)
	for _, line := range first {
		slot, at, _ := strings.Cut(line, " at ")
		a, err1 := time.Parse(time.RFC3339, slot)
		b, err2 := time.Parse(time.RFC3339, at)
		d := b.Sub(a)
		if err1 != nil || err2 != nil || d < 0 || d >= 20*time.Minute {
			t.Errorf("%q: later by %s", line, d)
		}
		apart[d.String()] = true
	}
	if len(apart) < 4 {
		t.Errorf("the jitter is %v", apart)
	}
}

func TestSchedulesWhenTheClockJumps(t *testing.T) {
	for _, c := range []struct {
		by   time.Duration
		want []string
		told string
	}{
		{40 * time.Minute, append(append(slots("", 5), slots(" late", 45)...), slots("", 50)...), "7 slots up to 2000-01-01 00:40:00"},
		{-4 * time.Minute, append(slots("", 5), slots("", 10)...), ""},
		{-4*time.Minute - 24*time.Hour*365*5, slots("", 5), "the clock was put back"},
	} {
		t.Run(fmt.Sprint(c.by), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, clock := newHouse(t), newWallClock()
				b := h.start(h.ops(tick("")), utc, bot.WithClock(clock))
				time.Sleep(6*time.Minute + 30*time.Second)
				clock.jump(c.by)
				time.Sleep(4 * time.Minute)
				if c.by < 0 {
					time.Sleep(4 * time.Minute)
				}
				b.idle()
				synctest.Wait()
				got := h.heard("alice", sdkconn.C2C(botUser))
				if c.by < -time.Hour {
					if len(got) != 3 || !strings.HasPrefix(got[1], "1995-01-02T00:05:00") {
						t.Errorf("alice heard %q\n%s", got, h.log)
					}
				} else if !slices.Equal(got, c.want) {
					t.Errorf("alice heard %q, want %q\n%s", got, c.want, h.log)
				}
				if c.told != "" {
					h.wantTold(c.told)
				}
			})
		})
	}
}

// No schedule wakes a bot up before its time, but for a look at the clock once a minute.
func TestManySchedulesCostOneTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var text strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&text, "\n  - {id: r%d, on: {schedule: \"%d %d * * *\"}, do: [{set: {bot: {r%d: \"${{ trigger.slot }}\"}}}]}", i, i%60, i/60%24, i)
		}
		b := h.start(h.ops(text.String()), utc)
		time.Sleep(24 * time.Hour)
		b.idle()
		state, err := h.journal.State(t.Context(), "bot")
		if err != nil || len(state) != 2000 {
			t.Errorf("%d of 2000 schedules ran, %v\n", len(state), err)
		}
	})
}

// Idle waits for the slots that a clock has reached, on a clock that tests move.
func TestIdleWaitsForSlots(t *testing.T) {
	h := newHouse(t)
	clock := clockwork.NewFakeClockAt(time.Date(2026, 10, 10, 0, 30, 0, 0, time.UTC))
	b := h.start(h.ops(`
  - {id: r, on: {schedule: {cron: "0 9 * * *", tz: Asia/Shanghai, calendar: cn}}, do: [{send: {to_user: alice, text: "${{ trigger.slot }}"}}]}
`), utc, bot.WithClock(clock))
	b.idle()
	for _, d := range []time.Duration{30 * time.Minute, 24 * time.Hour, 23*time.Hour + 59*time.Minute, 30 * time.Second, 30 * time.Second} {
		clock.Advance(d)
		b.idle()
	}
	h.wantHeard("alice", sdkconn.C2C(botUser), "2026-10-10T09:00:00+08:00", "2026-10-12T09:00:00+08:00")
}

// A slot's run that waits for consent goes on in the line of its rule.
func TestASlotWaitsForConsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		set := h.ops(`
  - id: brief
    on: {schedule: "5 * * * *"}
    do:
      - announce: {to: {users: [alice]}, text: hi, approve: {by: [bob]}}
      - send: {to_user: alice, text: "done ${{ trigger.at.Hour() }}"}
`)
		b := h.start(set, utc)
		time.Sleep(6 * time.Minute)
		b.idle()
		h.say("bob", group, "同意")
		b.idle()
		time.Sleep(time.Hour)
		b.idle()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.again(set, utc)
		b.idle()
		h.say("bob", group, "同意")
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "hi", "done 0", "hi", "done 1")
	})
}
