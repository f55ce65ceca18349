package bot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
)

// crashing is a journal whose process dies right after the n-th commit: nothing is written or read any more, and who
// asks waits until the bot is stopped.
type crashing struct {
	journal.Journal
	left    atomic.Int64
	commits atomic.Int64
	appends bool // they count too
}

func (c *crashing) dead(ctx context.Context) error {
	if c.left.Load() > 0 {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (c *crashing) Append(ctx context.Context, events []journal.Event) ([]bool, error) {
	if err := c.dead(ctx); err != nil {
		return nil, err
	}
	fresh, err := c.Journal.Append(ctx, events)
	if c.appends {
		c.commits.Add(1)
		if c.left.Add(-1) == 0 {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}
	return fresh, err
}

func (c *crashing) Commit(ctx context.Context, change *journal.Change) error {
	if err := c.dead(ctx); err != nil {
		return err
	}
	err := c.Journal.Commit(ctx, change)
	c.commits.Add(1)
	if c.left.Add(-1) == 0 {
		<-ctx.Done() // it is written, and nobody learns of it
		return ctx.Err()
	}
	return err
}

// everyCrash plays a story once without a crash, and once more for every commit that it made, with a crash right after it
// and a new bot on what is left in the journal. say has people speak, then time passes; check looks at what came of it.
func everyCrash(t *testing.T, text string, say func(h *house), check func(t *testing.T, h *house)) {
	t.Helper()
	play := func(t *testing.T, n int64) (commits int64) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			set := h.set(text)
			c := &crashing{Journal: h.journal}
			c.left.Store(n)
			b := h.start(set, bot.WithJournal(c), bot.WithGrace(0))
			say(h)
			time.Sleep(5 * time.Minute)
			if err := b.stop(); err != nil {
				t.Errorf("Run = %v", err)
			}
			commits = c.commits.Load()
			b = h.start(set)
			b.idle()
			time.Sleep(10 * time.Minute)
			b.idle()
			check(t, h)
			h.wantNothingOpen()
		})
		return commits
	}
	total := play(t, 1<<40)
	if total < 3 {
		t.Fatalf("the story makes %d commits", total)
	}
	for n := int64(1); n <= total; n++ {
		t.Run(fmt.Sprint("after commit ", n), func(t *testing.T) { play(t, n) })
	}
}

// wantNothingOpen checks that the journal holds nothing that is not done, and no traces of batches.
func (h *house) wantNothingOpen() {
	h.t.Helper()
	stats, err := h.journal.Stats(h.t.Context())
	if err != nil || stats.Pending+stats.Runs+stats.Timers != 0 {
		h.t.Errorf("the journal holds %+v, %v\n%s", stats, err, h.log)
	}
}

// marks counts the firings that a limit has noted.
func (h *house) marks(scope string) int {
	h.t.Helper()
	state, err := h.journal.State(h.t.Context(), scope)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(state)
}

// kept is a value of the rules' state, as JSON.
func (h *house) kept(scope, key string) string {
	h.t.Helper()
	state, err := h.journal.State(h.t.Context(), scope)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(state[key])
}

// group is the conversation of everybody.
var group = sdkconn.Group("g")

func TestALimitCountsOnceWhateverCrashes(t *testing.T) {
	everyCrash(t, `
  - id: r
    on: message.c2c
    limit: {rate: 2/1h}
    do: [{set: {bot: {r: "${{ (state.bot.r ?? '') + msg.text }}"}}}, {probe.repeat: x}]
  - {id: all, on: message.c2c, stage: observe, do: [{set: {bot: {n: "${{ (state.bot.n ?? 0) + 1 }}"}}}]}
`, func(h *house) {
		for _, text := range []string{"a", "b", "c"} {
			h.say("alice", sdkconn.C2C(botUser), text)
		}
	}, func(t *testing.T, h *house) {
		if n := h.marks("limit/r/"); n != 2 {
			t.Errorf("%d firings are noted, want 2", n)
		}
		if r, n := h.kept("bot", "r"), h.kept("bot", "n"); r != `"ab"` || n != "3" {
			t.Errorf("the limited rule did %s, the other one %s; want ab and 3", r, n)
		}
	})
}

func TestALimitsLineSurvivesEveryCrash(t *testing.T) {
	everyCrash(t, `
  - id: r
    on: message.c2c
    limit: {rate: 1/10s, over: wait}
    do: [{set: {bot: {r: "${{ (state.bot.r ?? '') + msg.text }}"}}}]
`, func(h *house) {
		for _, text := range []string{"a", "b", "c"} {
			h.say("alice", sdkconn.C2C(botUser), text)
		}
	}, func(t *testing.T, h *house) {
		if r := h.kept("bot", "r"); r != `"abc"` {
			t.Errorf("it did %s, want abc", r)
		}
	})
}

func TestABatchIsDoneOnceWhateverCrashes(t *testing.T) {
	everyCrash(t, `
  - id: r
    on: message
    batch: {quiet: 10s}
    do: [{set: {bot: {r: "${{ (state.bot.r ?? '') + '[' + join(map(events, #.msg.text), ' ') + ']' }}"}}}, {probe.repeat: x}]
  - {id: all, on: message, stage: observe, do: [{set: {chat: {n: "${{ (state.chat.n ?? 0) + 1 }}"}}}]}
`, func(h *house) {
		for _, text := range []string{"a", "b", "c"} {
			h.say("alice", sdkconn.C2C(botUser), text)
			synctest.Wait()
			h.say("bob", group, text+text)
			time.Sleep(time.Second)
		}
	}, func(t *testing.T, h *house) {
		if c2c, g := h.kept("chat/c2c_alice", "n"), h.kept("chat/group_g", "n"); c2c != "3" || g != "3" {
			t.Errorf("%s and %s events were handled, want 3 each", c2c, g)
		}
		all := strings.Fields(strings.NewReplacer("[", " ", "]", " ", `"`, "").Replace(h.kept("bot", "r")))
		slices.Sort(all)
		if want := []string{"a", "aa", "b", "bb", "c", "cc"}; !slices.Equal(all, want) {
			t.Errorf("the batches held %s, want each of %q once", h.kept("bot", "r"), want)
		}
	})
}
