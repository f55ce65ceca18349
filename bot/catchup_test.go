package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

const marked = `
  - id: echo
    on: message
    do: [{reply: "${{ msg.text }}!"}]
  - id: gone
    on: message.revoked
    do: [{probe.repeat: "revoked by ${{ user.id }}"}]
  - id: joined
    on: [member.joined, group.requested]
    do: [{probe.repeat: "${{ event.type }} ${{ user.id }}"}]
`

// catching lets a bot catch up, and answer all that at once.
func catching(c *rules.BotConfig) {
	c.CatchUp.MaxAge = 24 * time.Hour
	c.Pace = rules.Pace{Total: rules.Rate{Times: 10_000, Per: time.Second}, Chat: rules.Rate{Times: 1000, Per: time.Second}}
}

// says sends texts and returns what a bot that echoes would answer.
func (h *house) says(who string, conv sdkconn.Conversation, prefix string, n int) []string {
	var want []string
	for i := range n {
		text := fmt.Sprint(prefix, i)
		h.say(who, conv, text)
		want = append(want, text+"!")
	}
	return want
}

func TestWhatCameWhileTheBotWasDownIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		private, group := sdkconn.C2C(botUser), sdkconn.Group("g")
		h.say("alice", private, "before the bot was there")
		h.say("alice", group, "before the bot was there")
		time.Sleep(time.Second) // what comes in the second of the start may be on its way to the bot
		h.connect()
		set := h.setFor(marked, catching)
		b := h.start(set)
		b.idle()
		h.wantHeard("alice", private) // a first start catches up nothing
		wantPrivate, wantGroup := h.says("alice", private, "live", 3), h.says("bob", group, "live", 3)
		b.idle()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		h.self.Close()
		time.Sleep(time.Hour)
		wantPrivate = append(wantPrivate, h.says("alice", private, "missed", 50)...)
		wantGroup = append(wantGroup, h.says("bob", group, "missed", 50)...)
		wantNew := h.says("bob", private, "never seen", 5)
		taken := h.say("alice", private, "taken back")
		if err := h.people["alice"].Revoke(t.Context(), private, taken); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		h.connect()
		b = h.start(set)
		wantPrivate = append(wantPrivate, h.says("alice", private, "new", 3)...)
		wantGroup = append(wantGroup, h.says("bob", group, "new", 3)...)
		b.idle()
		h.wantHeard("alice", private, wantPrivate...)
		h.wantHeard("bob", group, wantGroup...)
		h.wantHeard("bob", private, wantNew...)
		h.wantCalls("revoked by alice")
		if s := b.Stats(); s.CaughtUp < 106 || s.CaughtUp > 112 { // the new ones may come either way
			t.Errorf("%d events were caught up, want the 106 that were missed: %+v", s.CaughtUp, s)
		}
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		h.self.Close()
		h.connect()
		b = h.start(set)
		b.idle()
		h.wantHeard("alice", private, wantPrivate...)
		if s := b.Stats(); s.CaughtUp != 0 {
			t.Errorf("%d events were caught up when nothing was missed", s.CaughtUp)
		}
	})
}

func TestWhatTheConnectionKeptItselfIsNotToldTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		set := h.setFor(marked, catching)
		conv := sdkconn.C2C(botUser)
		b := h.start(set)
		want := h.says("alice", conv, "live", 3)
		b.idle()
		b.stop()
		h.self.Close()
		want = append(want, h.says("alice", conv, "missed", 30)...)
		taken := h.say("alice", conv, "taken back")
		if err := h.people["alice"].Revoke(t.Context(), conv, taken); err != nil {
			t.Fatal(err)
		}
		h.self = h.login(botUser) // which keeps what was missed, and hands it over
		b = h.start(set)
		b.idle()
		h.wantHeard("alice", conv, want...)
		h.wantCalls("revoked by alice")
		if s := b.Stats(); s.Duplicates < 30 || s.CaughtUp != 31 {
			t.Errorf("stats %+v: want what was read back to be known when the connection hands it over", s)
		}
	})
}

func TestALostConnectionIsCaughtUpWhenItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		private, group := sdkconn.C2C(botUser), sdkconn.Group("g")
		b := h.start(h.setFor(marked, catching))
		want, wantGroup := h.says("alice", private, "live", 3), h.says("bob", group, "live", 3)
		b.idle()
		if err := w.lose(time.Now().Unix()); err != nil {
			t.Fatal(err)
		}
		if got := b.Health(); got.Ready || problemOf(b, "connection") == "" {
			t.Errorf("without a connection the health is %+v", got)
		}
		time.Sleep(10 * time.Minute)
		want = append(want, h.says("alice", private, "missed", 45)...)
		missed := h.says("bob", group, "missed", 45)
		synctest.Wait()
		// The service tells the newest at once, even before it says that the connection is back.
		w.mu.Lock()
		w.cut = false
		w.mu.Unlock()
		wantGroup = append(append(wantGroup, h.says("alice", group, "early", 1)...), missed...)
		synctest.Wait()
		if err := w.back(time.Now().Unix()); err != nil {
			t.Fatal(err)
		}
		want = append(want, h.says("alice", private, "new", 3)...)
		wantGroup = append(wantGroup, h.says("bob", group, "new", 3)...)
		b.idle()
		h.wantHeard("alice", private, want...)
		h.wantHeard("bob", group, wantGroup...)
		if got := b.Health(); !got.Ready {
			t.Errorf("the connection is back, and the health is %+v", got)
		}
		if state, _ := h.journal.State(t.Context(), "catchup"); state["since"] != nil {
			t.Errorf("the journal still says that something is missing since %s", state["since"])
		}
	})
}

func TestAConversationThatCannotBeReadStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		set := h.setFor(marked, catching)
		conv, group := sdkconn.C2C(botUser), sdkconn.Group("g")
		b := h.start(set)
		h.says("alice", conv, "live", 1)
		h.says("bob", group, "live", 1)
		b.idle()
		b.stop()
		w.Close()
		time.Sleep(time.Hour)
		h.says("alice", conv, "missed", 3)
		h.says("bob", group, "missed", 3)
		w = h.connect()
		refuse := func(_ context.Context, call, about string) error {
			if call == "history" && about == group.String() {
				return &sdkconn.Error{Op: "GetMsgList", Code: sdkconn.CodeRequestTimeout}
			}
			return nil
		}
		w.fails(refuse)
		b = h.start(set)
		h.says("bob", group, "new", 1)
		b.idle()
		h.wantHeard("alice", conv, "live0!", "missed0!", "missed1!", "missed2!")
		h.wantHeard("bob", group, "live0!", "new0!")
		if !b.Health().Ready {
			t.Errorf("one conversation that cannot be read makes the bot not ready: %+v", b.Health())
		}
		time.Sleep(time.Minute)
		if n := strings.Count(h.log.String(), "history not read"); n < 3 || n > 8 {
			t.Errorf("tried %d times in a minute", n)
		}
		b.stop() // the next start knows that something is missing, though newer messages came
		w.Close()
		h.connect()
		b = h.start(set)
		b.idle()
		got := h.heard("bob", group)
		slices.Sort(got)
		if want := []string{"live0!", "missed0!", "missed1!", "missed2!", "new0!"}; !slices.Equal(got, want) {
			t.Errorf("after all the group heard %q, want %q", got, want)
		}
	})
}

func TestALiveMessageNeedNotWaitForOtherConversations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		set := h.setFor(marked, catching)
		b := h.start(set)
		b.idle()
		b.stop()
		w.Close()
		const people = 40
		for i := range people {
			h.people[fmt.Sprint("user", i)] = h.login(fmt.Sprint("user", i))
			h.says(fmt.Sprint("user", i), sdkconn.C2C(botUser), "missed", 25)
		}
		w = h.connect()
		b = h.start(set)
		synctest.Wait()
		h.say("user0", sdkconn.C2C(botUser), "now") // whom the list has last
		h.say("alice", sdkconn.C2C(botUser), "now") // of whom nothing was missed
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h.wantHeard("alice", sdkconn.C2C(botUser), "now!")
		if got := h.heard("user0", sdkconn.C2C(botUser)); len(got) != 26 || got[25] != "now!" {
			t.Errorf("after two seconds user0 heard %q", got)
		}
		if problemOf(b, "catch-up") == "" {
			t.Error("the health does not tell that the bot catches up")
		}
		began := time.Now()
		b.idle()
		if took := time.Since(began); took < 5*time.Second || took > 15*time.Second {
			t.Errorf("%d calls took %s more, want ten a second", w.count("history"), took)
		}
		for i := range people {
			if got := h.heard(fmt.Sprint("user", i), sdkconn.C2C(botUser)); len(got) < 25 || got[24] != "missed24!" {
				t.Errorf("user%d heard %q", i, got)
			}
		}
	})
}

func TestOldMessagesAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		set := h.setFor(marked, catching)
		conv, group := sdkconn.C2C(botUser), sdkconn.Group("g")
		b := h.start(set)
		h.says("alice", group, "live", 1)
		b.idle()
		b.stop()
		w.Close()
		h.says("alice", conv, "old", 3)
		h.says("alice", group, "old", 3)
		time.Sleep(25 * time.Hour)
		h.says("alice", conv, "young", 3)
		h.says("alice", group, "young", 3)
		h.self = h.login(botUser) // hands over the old ones, too
		b = h.start(set)
		b.idle()
		h.wantHeard("alice", conv, "young0!", "young1!", "young2!")
		h.wantHeard("alice", group, "live0!", "young0!", "young1!", "young2!")
		if s := b.Stats(); s.TooOld == 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestOnlySomeStagesLookAtWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		set := h.setFor(`
  - {id: guard, stage: guard, on: message, match: {any_of: [bad]}, final: true, do: [{reply: "not here"}]}
  - {id: main, on: message, do: [{reply: "${{ msg.text }}!"}]}
`[1:], func(c *rules.BotConfig) {
			catching(c)
			c.CatchUp.Stages = []rules.Stage{rules.StageGuard}
		})
		conv := sdkconn.C2C(botUser)
		b := h.start(set)
		b.idle()
		b.stop()
		w.Close()
		h.say("alice", conv, "hello")
		h.say("alice", conv, "bad")
		time.Sleep(time.Minute)
		h.connect()
		b = h.start(set)
		b.idle()
		h.say("alice", conv, "now")
		b.idle()
		h.wantHeard("alice", conv, "not here", "now!")
	})
}

func TestTheListOfConversationsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		set := h.setFor(marked, catching)
		conv := sdkconn.C2C(botUser)
		b := h.start(set)
		h.says("alice", conv, "live", 1)
		b.idle()
		b.stop()
		w.Close()
		h.says("alice", conv, "missed", 2)
		w = h.connect()
		w.fails(func(_ context.Context, call, _ string) error {
			if call == "list" {
				return errors.New("no network")
			}
			return nil
		})
		b = h.start(set)
		h.says("bob", conv, "new", 1)
		b.idle()
		h.wantHeard("bob", conv, "new0!") // which does not wait for ever
		w.fails(nil)
		time.Sleep(10 * time.Second)
		b.idle()
		h.wantHeard("alice", conv, "live0!", "missed0!", "missed1!")
	})
}

func TestRequestsToJoinAreReadBackOnce(t *testing.T) {
	for name, again := range map[string]func(*house){
		"the notice is lost": func(h *house) { h.connect() },
		"the notice is kept": func(h *house) { h.self = h.login(botUser) },
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			h.connect()
			set := h.setFor(marked, catching)
			for _, who := range []string{"carol", "dave"} {
				h.people[who] = h.login(who)
			}
			b := h.start(set)
			b.idle()
			join := func(who string) {
				if err := h.people[who].(sdkconn.Groups).GroupJoin(t.Context(), "g", "let me in"); err != nil {
					t.Fatal(err)
				}
			}
			join("carol")
			b.idle()
			b.stop()
			h.self.Close()
			time.Sleep(time.Minute)
			join("dave")
			for range 3 {
				again(h)
				b = h.start(set)
				b.idle()
				b.stop()
				h.self.Close()
			}
			h.self = h.login(botUser)
			if got, want := h.probe.seen(), []string{"group.requested carol", "group.requested dave"}; !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q\n%s", name, got, want, h.log)
			}
		})
	}
}

func TestACrashWhileCatchingUpLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := h.connect()
		set := h.setFor(marked, catching)
		group := sdkconn.Group("g")
		b := h.start(set)
		want := h.says("alice", group, "live", 1)
		b.idle()
		b.stop()
		w.Close()
		want = append(want, h.says("alice", group, "missed", 100)...)
		for stop := range 4 { // each start is stopped after some pages
			w = h.connect()
			var mu sync.Mutex
			pages := 0
			enough := make(chan struct{})
			w.fails(func(ctx context.Context, call, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if call != "history" {
					return nil
				}
				if pages++; pages == stop+2 {
					close(enough)
				}
				if pages > stop+1 {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			})
			b = h.start(set)
			want = append(want, h.says("alice", group, fmt.Sprint("start", stop, "-"), 1)...)
			<-enough
			b.stop()
			w.Close()
		}
		h.connect()
		b = h.start(set)
		b.idle()
		h.wantHeard("alice", group, want...)
	})
}
