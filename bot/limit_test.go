package bot

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestNoWindowHoldsMoreThanALimitAllows(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		lim := &rules.Limit{Times: 1 + rnd.IntN(4), Window: 10 * time.Second}
		j := journal.NewMemory(0)
		l := new(limits)
		now := noon
		var fired []time.Time
		for range 300 {
			now = now.Add(time.Duration(rnd.Int64N(int64(4 * time.Second))))
			if rnd.IntN(20) == 0 { // another process
				l = new(limits)
			}
			got, err := l.take(t.Context(), j, "limit/r/", lim, clockwork.NewFakeClockAt(now))
			if err != nil {
				t.Fatal(err)
			}
			before := slices.IndexFunc(fired, func(f time.Time) bool { return f.After(now.Add(-lim.Window)) })
			count := 0
			if before >= 0 {
				count = len(fired) - before
			}
			if want := count < lim.Times; got.ok != want {
				t.Fatalf("seed %d: %d fired in the window of %d, and the limit says %v (%s)", seed, count, lim.Times, got.ok, got.why)
			}
			if got.ok {
				fired = append(fired, now)
				if err := j.Commit(t.Context(), &journal.Change{State: got.write}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestMarksOfAClockThatWasPutBackDoNotCount(t *testing.T) {
	lim := &rules.Limit{Times: 1, Window: time.Minute}
	j := journal.NewMemory(0)
	l := new(limits)
	take := func(now time.Time) bool {
		t.Helper()
		got, err := l.take(t.Context(), j, "limit/r/", lim, clockwork.NewFakeClockAt(now))
		if err == nil {
			err = j.Commit(t.Context(), &journal.Change{State: got.write})
		}
		if err != nil {
			t.Fatal(err)
		}
		return got.ok
	}
	back := noon.Add(-time.Hour)
	if !take(noon) || take(noon.Add(time.Second)) || !take(back) || take(back.Add(time.Second)) {
		t.Error("after the clock was put back by an hour, the limit is not open once")
	}
	l = new(limits)
	if take(back.Add(2*time.Second)) || !take(back.Add(time.Minute)) {
		t.Error("another process on the same journal decides otherwise")
	}
}

func TestTheLineOfALimitIsBounded(t *testing.T) {
	lim := &rules.Limit{Times: 2, Window: 10 * time.Second, Over: rules.OverWait}
	j := journal.NewMemory(0)
	l := new(limits)
	var turns []time.Duration
	for range 30 {
		got, err := l.take(t.Context(), j, "limit/r/user/alice", lim, clockwork.NewFakeClockAt(noon))
		if err != nil {
			t.Fatal(err)
		}
		if got.ok {
			turns = append(turns, got.at.Sub(noon)/time.Second)
		} else if want := "2 in the last 0s and 20 waiting; its turn would be in 1m50s, which is more than 10 windows ahead"; !strings.Contains(got.why, want) {
			t.Fatalf("why %q, want %q in it", got.why, want)
		}
	}
	want := []time.Duration{0, 0, 10, 10, 20, 20, 30, 30, 40, 40, 50, 50, 60, 60, 70, 70, 80, 80, 90, 90, 100, 100}
	if !slices.Equal(turns, want) {
		t.Errorf("turns after %v, want %v", turns, want)
	}
}

func TestLogsOfLimitsThatCountNothingGo(t *testing.T) {
	lim := &rules.Limit{Times: 1, Window: time.Second}
	j := journal.NewMemory(0)
	l := new(limits)
	now := noon
	for i := range 5 * limitsSwept {
		now = now.Add(10 * time.Millisecond)
		if _, err := l.take(t.Context(), j, "limit/r/x/"+letters(uint64(i), 6), lim, clockwork.NewFakeClockAt(now)); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.logs) > limitsSwept {
		t.Errorf("%d logs are held, want at most %d", len(l.logs), limitsSwept)
	}
}

func TestShortDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", time.Minute: "1m", 90 * time.Minute: "1h30m", time.Hour: "1h", 10 * time.Minute: "10m",
		1500 * time.Microsecond: "2ms", 12*time.Second + 345*time.Millisecond: "12.3s", 24 * time.Hour: "24h",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestTheRecordedGatesTellTheSameStory(t *testing.T) {
	file := `
version: 1
bot: {connection: "local:x?user=bot"}
rules:
  - {id: r, on: message.c2c, limit: {per: user, rate: 1/30s}, do: [{reply: r}]}
  - {id: s, on: message.c2c, do: [{reply: s}]}
`
	set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(file)}}, "bot.yaml",
		rules.Options{Catalog: Catalog(actions.NewRegistry(actions.Builtin()...))})
	if err != nil {
		t.Fatal(err)
	}
	clock := clockwork.NewFakeClockAt(noon)
	b := &Bot{
		clock: clock, zone: time.UTC, journal: journal.NewMemory(0), log: slog.New(slog.DiscardHandler), people: newPeople(),
	}
	ev := rules.Events(&sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: &sdkconn.Message{
		ConvType: sdkconn.ConvC2C, ConvID: "alice", Sender: "alice", Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "x"}},
	}}, "bot")[0]
	for _, want := range []string{"r", "s"} {
		facts := &rules.Facts{Now: clock.Now()}
		g := &gate{b: b, ctx: t.Context()}
		g.open(&ev, 0, facts)
		d := set.Match(&ev, facts)
		if err := g.close(); err != nil || len(d.Fired) != 1 || d.Fired[0].Rule.ID != want {
			t.Fatalf("fired %+v, %v; want %s", d.Fired, err, want)
		}
		facts.Gate = func(f rules.Fired) rules.Gate {
			return rules.Gate{Closed: g.told[f.Rule.ID].Closed, Why: g.told[f.Rule.ID].Why}
		}
		story := set.Explain(&ev, facts)[0]
		text := "limit 1/30s for user/alice: none in the last 30s"
		if want == "s" {
			text = "limit 1/30s for user/alice: 1 in the last 12s"
		}
		if story.Fired != (want == "r") || story.Text != text {
			t.Errorf("Explain says %v, %q; want %q", story.Fired, story.Text, text)
		}
		clock.Advance(12 * time.Second)
	}
}
