package bot_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

func TestACountSlides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - id: n
        count: {key: "${{ user.id }}", window: 1h}
      - reply: ${{ steps.n.value }} of ${{ count(user.id, "30m") }}, ${{ count("nobody", "1h") }}
`))
		say := func() { h.say("alice", sdkconn.C2C(botUser), "x"); b.idle() }
		say()
		time.Sleep(40 * time.Minute)
		say()
		time.Sleep(20*time.Minute - time.Second)
		say()
		time.Sleep(time.Second)
		say() // the first one is an hour old
		h.say("bob", sdkconn.C2C(botUser), "x")
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "1 of 1, 0", "2 of 1, 0", "3 of 2, 0", "3 of 3, 0")
		h.wantHeard("bob", sdkconn.C2C(botUser), "1 of 1, 0")
		time.Sleep(2 * time.Hour)
		b.idle()
		now := time.Now()
		if n, err := h.journal.Count(t.Context(), "x/alice", now.Add(-24*time.Hour), now); n != 0 || err != nil {
			t.Errorf("%d marks are kept, %v; want none that no window reaches", n, err)
		}
	})
}

func TestACountDecays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - id: n
        count: {key: all, decay: 1h}
      - reply: ${{ steps.n.value }}
`))
		for _, pause := range []time.Duration{0, 0, time.Hour, 2 * time.Hour} {
			time.Sleep(pause)
			h.say("alice", sdkconn.C2C(botUser), "x")
			b.idle()
		}
		h.wantHeard("alice", sdkconn.C2C(botUser), "1", "2", "2", "1.5")
	})
}

// meddling is a journal in which somebody else makes a mark just before each count is written.
type meddling struct {
	journal.Journal
	left int
}

func (m *meddling) Commit(ctx context.Context, c *journal.Change) error {
	if len(c.Counts) > 0 && m.left > 0 {
		m.left--
		if err := m.Journal.Commit(ctx, &journal.Change{Counts: c.Counts}); err != nil {
			return err
		}
	}
	return m.Journal.Commit(ctx, c)
}

func TestACountThatSomebodyElseChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(`
  - id: r
    on: message.c2c
    do:
      - id: n
        count: {key: all, window: 1h}
      - reply: ${{ steps.n.value }}
`), bot.WithJournal(&meddling{h.journal, 2}))
		h.say("alice", sdkconn.C2C(botUser), "x")
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), "3")
		h.wantNothingOpen()
	})
}

func TestCountsOfManyConversations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(`
  - id: r
    on: message
    do:
      - for_each:
          in: ${{ ["a", "b"] }}
          do:
            - id: n
              count: {key: all, window: 24h}
      - probe.repeat: ${{ steps.n.value }}
`))
		for i := range 20 {
			h.say([]string{"alice", "bob"}[i%2], sdkconn.C2C(botUser), fmt.Sprint(i))
			h.say([]string{"alice", "bob"}[i%2], group, fmt.Sprint(i))
		}
		b.idle()
		now := time.Now()
		if n, err := h.journal.Count(t.Context(), "x/all", now.Add(-time.Hour), now); n != 80 || err != nil {
			t.Errorf("%d marks, %v; want 80", n, err)
		}
		if counts := h.probe.seen(); !slices.Contains(counts, "80") { // in which run is not foreseen
			t.Errorf("no run counted to 80: %q", counts)
		}
	})
}

func TestCountsSurviveEveryCrash(t *testing.T) {
	everyCrash(t, `
  - id: r
    on: message.c2c
    do:
      - probe.repeat: x
      - id: n
        count: {key: all, window: 24h}
      - id: d
        count: {key: all, decay: 24h}
      - set: {bot: {r: "${{ (state.bot.r ?? '') + string(steps.n.value) }}"}}
      - probe.repeat: y
`, func(h *house) {
		for _, text := range []string{"a", "b", "c"} {
			h.say("alice", sdkconn.C2C(botUser), text)
		}
	}, func(t *testing.T, h *house) {
		if r := h.kept("bot", "r"); r != `"123"` {
			t.Errorf("it counted %s, want 123", r)
		}
		now := time.Now()
		if n, err := h.journal.Count(t.Context(), "x/all", now.Add(-24*time.Hour), now); n != 3 || err != nil {
			t.Errorf("%d marks, %v; want 3", n, err)
		}
	})
}
