package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// trims is a journal that notes what it is asked to forget, and gives it up in pieces.
type trims struct {
	journal.Journal
	mu     sync.Mutex
	asked  []journal.Retention
	pieces int
	err    error
}

func (j *trims) Trim(_ context.Context, r journal.Retention) (journal.Trimmed, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = append(j.asked, r)
	if j.err != nil {
		return journal.Trimmed{}, j.err
	}
	j.pieces--
	return journal.Trimmed{Events: 1, More: j.pieces > 0}, nil
}

func TestTheJournalIsTrimmedEveryHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		j := &trims{Journal: h.journal, pieces: 3}
		h.journal = j
		b := h.start(h.setFor(echo, func(c *rules.BotConfig) {
			c.Keep = rules.Keep{Events: 14 * 24 * time.Hour, Size: 1 << 30}
			c.CatchUp.MaxAge = 24 * time.Hour
		}))
		b.idle()
		asked := func() []journal.Retention {
			synctest.Wait()
			j.mu.Lock()
			defer j.mu.Unlock()
			return j.asked
		}
		began := time.Now()
		time.Sleep(time.Minute)
		if n := len(asked()); n != 0 {
			t.Errorf("trimmed %d times right after the start", n)
		}
		time.Sleep(10 * time.Minute)
		got := asked()
		if len(got) != 3 {
			t.Fatalf("%d calls for three pieces", len(got))
		}
		first := got[0]
		if !first.Events.Equal(first.Now.Add(-14*24*time.Hour)) || !first.Traces.IsZero() || first.Bytes != 1<<30 ||
			first.Keys.After(began.Add(-24*time.Hour)) {
			t.Errorf("asked to keep %+v", first)
		}
		j.mu.Lock()
		j.err = errors.New("no")
		j.mu.Unlock()
		time.Sleep(time.Hour)
		if n := len(asked()); n != 4 {
			t.Errorf("%d calls after an hour, want one more", n)
		}
		if !strings.Contains(h.log.String(), "upkeep failed") || !b.Health().Ready {
			t.Errorf("a failure to trim is a line in the log and nothing else:\n%s", h.log)
		}
		time.Sleep(time.Hour)
		if n := len(asked()); n != 5 {
			t.Errorf("%d calls after two hours", n)
		}
	})
}

func TestOldEventsGoFromTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.setFor(echo, func(c *rules.BotConfig) { c.Keep = rules.Keep{Events: 48 * time.Hour} }))
		for i := range 10 {
			h.say("alice", sdkconn.C2C(botUser), fmt.Sprint(i))
			time.Sleep(24 * time.Hour)
		}
		b.idle()
		records, err := h.journal.Records(t.Context(), journal.Query{})
		if err != nil || len(records) > 3 {
			t.Errorf("%d events are kept (%v), want those of two days", len(records), err)
		}
	})
}
