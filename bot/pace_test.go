package bot

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// TestNoWindowHoldsMoreThanTheLimit, whatever comes when, and whoever always sends is not much slower than it.
func TestNoWindowHoldsMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rules.Rate{
			Times: rapid.IntRange(1, 300).Draw(t, "times"),
			Per:   time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "per")),
		}
		l := newLimit(rate, rules.Rate{})
		var b bucket
		var left []int64
		now := int64(1_700_000_000_000_000_000)
		for _, gap := range rapid.SliceOfN(rapid.Int64Range(0, 3*l.every), 1, 500).Draw(t, "gaps") {
			now = max(now+gap*rapid.Int64Range(0, 1).Draw(t, "busy"), b.next(l))
			b.take(l, now, 1)
			left = append(left, now)
			first := max(0, len(left)-1-rate.Times)
			if len(left) > rate.Times && now-left[first] < int64(rate.Per) {
				t.Fatalf("%d within %s", rate.Times+1, time.Duration(now-left[first]))
			}
		}
		if steady := int64(rate.Per) / l.every; steady < int64(rate.Times)*7/10 {
			t.Fatalf("%d of %d in the long run", steady, rate.Times)
		}
	})
}

func testPace(times int) (*pace, *clockwork.FakeClock) {
	clock := clockwork.NewFakeClock()
	rate := rules.Rate{Times: times, Per: time.Second}
	return newPace(clock, rules.Pace{Chat: rate, Total: rules.Rate{Times: 1_000_000, Per: time.Second}}, 4), clock
}

// in takes a place that must be free.
func (p *pace) in(t testing.TB, effect string, conv sdkconn.Conversation) *place {
	t.Helper()
	pl, later, err := p.enter(t.Context(), effect, conv, false)
	if pl == nil {
		t.Fatalf("%s: put off until %s, %v", effect, later, err)
	}
	return pl
}

// off asks for a place that must not be free.
func (p *pace) off(t testing.TB, effect string, conv sdkconn.Conversation) time.Time {
	t.Helper()
	pl, later, err := p.enter(t.Context(), effect, conv, false)
	if pl != nil || err != nil {
		t.Fatalf("%s is let through, %v", effect, err)
	}
	return later
}

func TestConversationsAreForgotten(t *testing.T) {
	p, clock := testPace(1)
	most := 0
	for i := range 100_000 {
		p.leave(p.in(t, "e", sdkconn.C2C(fmt.Sprint(i))))
		most = max(most, len(p.lines))
		clock.Advance(10 * time.Millisecond) // a hundred were sent to within the last second
	}
	if most > 500 || len(p.away) != 0 || p.waiting != 0 {
		t.Errorf("%d conversations were kept, %d runs are away, %d wait", most, len(p.away), p.waiting)
	}
}

// TestARunThatDoesNotComeBackLosesItsPlace: it was ended, for instance.
func TestARunThatDoesNotComeBackLosesItsPlace(t *testing.T) {
	p, clock := testPace(1)
	conv := sdkconn.Group("g")
	p.leave(p.in(t, "first", conv))
	gone := p.off(t, "gone", conv)
	next := p.off(t, "next", conv)
	if wait := next.Sub(gone); wait != time.Second {
		t.Errorf("the next one's turn is %s after the other's", wait)
	}
	clock.Advance(gone.Sub(clock.Now()) + paceLease)
	p.off(t, "next", conv) // it may come yet
	clock.Advance(2 * paceLease)
	p.leave(p.in(t, "next", conv))
	if p.waiting != 0 || len(p.away) != 0 {
		t.Errorf("%d wait, %d are away", p.waiting, len(p.away))
	}
}

// TestAPlaceIsKeptAndGivenUp under the effect's id.
func TestAPlaceIsKeptAndGivenUp(t *testing.T) {
	p, clock := testPace(1)
	conv, other := sdkconn.Group("g"), sdkconn.C2C("bob")
	p.leave(p.in(t, "first", conv))
	a, b := p.off(t, "a", conv), p.off(t, "b", conv)
	clock.Advance(b.Sub(clock.Now()))
	if p.due("b").IsZero() || !p.due("a").IsZero() || !p.due("unknown").IsZero() {
		t.Errorf("due: a %s, b %s", p.due("a"), p.due("b"))
	}
	p.off(t, "b", conv) // a was there before
	p.leave(p.in(t, "a", conv))
	p.forget("b")
	if p.Stats().Waiting != 0 {
		t.Errorf("%d wait", p.Stats().Waiting)
	}
	p.off(t, "c", conv)
	p.leave(p.in(t, "c", other)) // it goes elsewhere now
	if p.Stats().Waiting != 0 || len(p.away) != 0 {
		t.Errorf("%d wait, %d are away", p.waiting, len(p.away))
	}
	if stats := p.Stats(); stats.Sent != 3 || stats.Waited < b.Sub(a) {
		t.Errorf("stats %+v", stats)
	}
}

// TestARefusedMessageStaysFirst, and whoever is behind it is not woken before.
func TestARefusedMessageStaysFirst(t *testing.T) {
	for _, all := range []bool{false, true} {
		p, clock := testPace(40)
		conv := sdkconn.Group("g")
		until := clock.Now().Add(time.Minute)
		p.refuse(p.in(t, "a", conv), "a", until, all)
		for _, effect := range []string{"b", "a", "c"} {
			if later := p.off(t, effect, conv); later.Before(until) {
				t.Errorf("%s is to come at %s, before %s", effect, later, until)
			}
		}
		if all {
			p.off(t, "other", sdkconn.C2C("bob"))
		} else {
			p.leave(p.in(t, "other", sdkconn.C2C("bob")))
		}
		clock.Advance(time.Minute)
		p.leave(p.in(t, "a", conv))
		p.leave(p.in(t, "b", conv))
		p.leave(p.in(t, "c", conv))
		if stats := p.Stats(); stats.Refused != 1 || stats.Sent != 3+map[bool]uint64{false: 1}[all] {
			t.Errorf("stats %+v", stats)
		}
	}
}

// TestRunsThatNeverComeBackDoNotHoldTheBotBack for good.
func TestRunsThatNeverComeBackDoNotHoldTheBotBack(t *testing.T) {
	p, clock := testPace(1)
	conv := sdkconn.Group("g")
	p.leave(p.in(t, "first", conv))
	for i := range paceChatWaiting {
		if err := p.room(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.off(t, fmt.Sprint(i), conv)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if p.room(cancelled) == nil {
		t.Error("there is room for one more than the bound")
	}
	done := make(chan error)
	go func() { done <- p.room(t.Context()) }()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// BenchmarkPace is what one send costs the bot beside the call itself.
func BenchmarkPace(b *testing.B) {
	convs := make([]sdkconn.Conversation, 10_000)
	for i := range convs {
		convs[i] = sdkconn.C2C(fmt.Sprint("user", i))
	}
	for name, n := range map[string]int{"one conversation": 1, "10000 conversations": len(convs)} {
		b.Run(name, func(b *testing.B) {
			free := rules.Rate{Times: 1 << 30, Per: time.Second}
			p := newPace(clockwork.NewRealClock(), rules.Pace{Chat: free, Total: free}, DefaultWorkers)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				pl, _, err := p.enter(b.Context(), "e", convs[i%n], false)
				if err != nil || pl == nil {
					b.Fatal("put off", err)
				}
				p.leave(pl)
			}
		})
	}
	b.Run("a batch of 500, each", func(b *testing.B) {
		free := rules.Rate{Times: 1 << 30, Per: time.Second}
		p := newPace(clockwork.NewRealClock(), rules.Pace{Chat: free, Total: free}, DefaultWorkers)
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			places, _, err := p.enterBatch(b.Context(), "e", convs[:500], false)
			if err != nil || len(places) != 500 {
				b.Fatal("put off", err)
			}
			p.leave(places...)
			n += 500
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/target")
	})
}
