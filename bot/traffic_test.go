package bot_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// TestTrafficIsToldAgain: what one bot's journal keeps, another bot is told.
func TestTrafficIsToldAgain(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(`
  - id: hi
    on: message.c2c
    if: user.name != "nobody"
    do: [{reply: "hi ${{ msg.text }}"}, {signal: {name: greeted}}]
  - {id: greeted, on: signal.greeted, do: [{log: greeted}]}
`))
	conv := sdkconn.C2C(botUser)
	h.say("alice", conv, "1")
	h.say("alice", conv, "2")
	b.idle()
	var list []*bot.Traffic
	err := b.Inspector().Traffic(t.Context(), time.Time{}, 0, func(e *bot.Traffic) error {
		list = append(list, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list)

	far := newHouse(t)
	var decided []string
	other := far.start(far.set(saying("again")), bot.WithWorkers(1),
		bot.WithDecisions(func(event string, ev *rules.Event, _ *rules.Facts, d *rules.Decision) {
			if len(d.Fired) > 0 {
				decided = append(decided, d.Fired[0].Rule.ID+" "+ev.User)
			}
		}))
	told := 0
	for _, e := range list {
		again, err := other.Retell(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if again {
			told++
		}
		if twice, err := other.Retell(t.Context(), e); twice || err != nil {
			t.Errorf("told twice: %s, %v", e.Key, err)
		}
		if e.From != "" && again {
			t.Errorf("a step's signal is told: %s", e.Key)
		}
	}
	other.idle()
	if !slices.Equal(decided, []string{"answer alice", "answer alice"}) || told < 2 {
		t.Errorf("decided %v, %d told", decided, told)
	}
	one, err := b.Inspector().TrafficOf(t.Context(), list[len(list)-1].Key)
	if err != nil || one.From == "" {
		t.Errorf("the last event is no signal: %+v, %v", one, err)
	}
}

// TestHistoryIsTraffic: what was said in a conversation, with the facts of now.
func TestHistoryIsTraffic(t *testing.T) {
	h := newHouse(t)
	b := h.start(h.set(saying("yes")))
	conv := sdkconn.C2C(botUser)
	for range 25 { // more than a page
		h.say("alice", conv, "x")
	}
	h.say("alice", conv, "last")
	b.idle()
	list, err := b.History(context.Background(), sdkconn.C2C("alice"), time.Time{}, 100)
	if err != nil || len(list) != 26 {
		t.Fatalf("%d messages, %v", len(list), err)
	}
	s, err := list[25].Summary()
	if err != nil || s.Text != "last" || s.User != "alice" || s.Type != "message.c2c" {
		t.Errorf("%+v, %v", s, err)
	}
	if list, err = b.History(context.Background(), sdkconn.C2C("alice"), time.Time{}, 3); err != nil || len(list) != 3 {
		t.Errorf("%d messages, %v", len(list), err)
	}
	if list, err = b.History(context.Background(), sdkconn.C2C("alice"), time.Now().Add(time.Hour), 3); err != nil || len(list) != 0 {
		t.Errorf("%d messages of the future, %v", len(list), err)
	}
}
