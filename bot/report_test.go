package bot_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

func (h *house) setFor(text string, change func(*rules.BotConfig)) *rules.Set {
	h.t.Helper()
	set := h.set(text)
	change(&set.Bot)
	return set
}

func TestTheOpsGroupHearsOfAFailingJournalOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		j := newFaulty(h.journal)
		h.journal = j
		b := h.start(h.setFor(echo, func(c *rules.BotConfig) { c.OpsGroup = "g" }))
		b.idle()
		for range 3 { // three failures in one minute
			j.set(full)
			h.say("alice", sdkconn.C2C(botUser), "x")
			time.Sleep(5 * time.Second)
			j.set(nil)
			time.Sleep(10 * time.Second)
		}
		b.idle()
		failed, works := 0, 0
		for _, text := range h.heard("alice", sdkconn.Group("g")) {
			failed += strings.Count(text, "takes no more messages until it can")
			works += strings.Count(text, "works again")
		}
		if failed != 1 || works != 1 {
			t.Errorf("the group heard %q: want each kind once within a minute", h.heard("alice", sdkconn.Group("g")))
		}
		time.Sleep(2 * time.Minute)
		heard := h.heard("alice", sdkconn.Group("g"))
		if len(heard) != 4 || !slices.ContainsFunc(heard[2:], func(s string) bool {
			return strings.Contains(s, "takes no more messages") && strings.Contains(s, "and 1 more like this")
		}) {
			t.Errorf("the group heard %q: want the rest of each kind at the end of its minute", heard)
		}
	})
}
