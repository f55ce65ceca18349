package bot_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// TestADay lets a bot live through a day: people talk, steps fail and are tried again, the disk is full now and then, the
// connection is lost and comes back, the rules are reloaded. Everybody is answered once and in order, and in the evening
// the bot holds no more than in the morning.
func TestADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		j := newFaulty(h.journal)
		h.journal = j
		failed := newOnce()
		h.probe.answers(func(_ context.Context, _ *actions.Call, name string) error {
			if hash(name)%5 == 0 && failed.first(name) {
				return errBusy()
			}
			return nil
		})
		rule := func(version int) *rules.Set {
			return h.setFor(fmt.Sprintf(`
  - id: answer
    on: message
    do:
      - {id: try, if: "msg.text startsWith 'hard'", probe.ask: "${{ user.id }} ${{ msg.text }}", retry: {times: 3, backoff: 20s}}
      - set: {user: {n: "${{ (state.user.n ?? 0) + 1 }}", version: "v%d"}}
      - {if: "chat.group_type == nil", reply: "${{ msg.text }}"}
      - {if: "chat.group_type != nil", reply: "${{ msg.text }} ${{ user.role }}"}
`, version), func(c *rules.BotConfig) {
				c.CatchUp.MaxAge = 24 * time.Hour
				c.Keep = rules.Keep{Events: 6 * time.Hour}
			})
		}
		b := h.start(rule(0))
		b.idle()
		people := []string{"alice", "bob"}
		for i := range 6 {
			name := fmt.Sprint("user", i)
			h.people[name] = h.login(name)
			people = append(people, name)
		}
		private, group := sdkconn.C2C(botUser), sdkconn.Group("g")
		wantPrivate, wantGroup := make(map[string][]string), []string(nil)
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		var morning int
		const minutes = 24 * 60
		for minute := range minutes {
			who := people[hash(fmt.Sprint(minute))%uint32(len(people))]
			switch {
			case minute%3 == 0:
				text := fmt.Sprint("hard ", minute)
				h.say(who, private, text)
				wantPrivate[who] = append(wantPrivate[who], text)
			case minute%3 == 1:
				text := fmt.Sprint("easy ", minute)
				h.say(who, private, text)
				wantPrivate[who] = append(wantPrivate[who], text)
			default:
				text := fmt.Sprint("group ", minute)
				h.say("bob", group, text)
				wantGroup = append(wantGroup, text+" member")
			}
			switch minute % 240 { // six times a day
			case 60:
				j.set(full)
			case 65, 125:
				j.set(nil)
			case 120:
				j.set(everyThird())
			case 150:
				check(w.lose(time.Now().Unix()))
			case 180:
				check(w.back(time.Now().Unix()))
			}
			if minute%90 == 30 {
				check(b.Reload(rule(minute)))
			}
			time.Sleep(time.Minute)
			if minute == 100 {
				b.idle()
				morning = runtime.NumGoroutine()
			}
		}
		time.Sleep(10 * time.Minute)
		b.idle()
		synctest.Wait()
		for _, who := range people {
			got, want := h.heard(who, private), wantPrivate[who]
			slices.Sort(got) // what is tried again comes later
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s heard %d answers, want %d: %q", who, len(got), len(want), difference(want, got))
			}
		}
		if got := h.heard("alice", group); !slices.Equal(got, wantGroup) {
			t.Errorf("the group heard %d answers, want %d: %q", len(got), len(wantGroup), difference(wantGroup, got))
		}
		for what, n := range b.Sizes() {
			if n != 0 {
				t.Errorf("in the evening: %d %s", n, what)
			}
		}
		stats, err := h.journal.Stats(t.Context())
		check(err)
		if stats.Pending != 0 || stats.Runs != 0 || stats.Timers != 0 || stats.Events > 8*60 {
			t.Errorf("in the evening the journal holds %+v", stats)
		}
		if evening := runtime.NumGoroutine(); evening > morning {
			t.Errorf("%d goroutines in the evening, %d in the morning", evening, morning)
		}
		if got := b.Health(); !got.Ready {
			t.Errorf("health %+v", got)
		}
		if got := b.Stats(); got.CaughtUp < 100 || got.Queued != 0 || got.Timers != 0 {
			t.Errorf("stats %+v: want what came in three hours without a connection to be caught up", got)
		}
		if log := h.log.String(); strings.Count(log, "the journal works again") < 12 || strings.Contains(log, "given up") {
			t.Error("the log does not tell of twelve failures that ended, or of events given up")
		}
		if n := w.count("members"); n > 10 {
			t.Errorf("the members of the one group were read %d times", n)
		}
	})
}

func hash(s string) uint32 {
	f := fnv.New32a()
	f.Write([]byte(s))
	return f.Sum32()
}

type once struct {
	mu   sync.Mutex
	seen map[string]bool
}

func newOnce() *once { return &once{seen: make(map[string]bool)} }

func (o *once) first(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := o.seen[name]
	o.seen[name] = true
	return !was
}

// difference is what one list has and the other lacks, at most ten of each.
func difference(want, got []string) (out []string) {
	for _, w := range want {
		if !slices.Contains(got, w) && len(out) < 10 {
			out = append(out, "-"+w)
		}
	}
	for _, g := range got {
		if n := strings.Count(strings.Join(got, "\n")+"\n", g+"\n"); (n > 1 || !slices.Contains(want, g)) && len(out) < 20 {
			out = append(out, "+"+g)
		}
	}
	return out
}
