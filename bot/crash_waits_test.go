package bot_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// dyingJournal makes left commits durable. The next one never comes to an end, as when the process is killed in it: what
// was done up to there is done, and nothing of what comes after is known.
type dyingJournal struct {
	journal.Journal
	mu   sync.Mutex
	left int
	dead bool
}

func (j *dyingJournal) Commit(ctx context.Context, c *journal.Change) error {
	j.mu.Lock()
	j.left--
	dead := j.left < 0
	j.dead = j.dead || dead
	j.mu.Unlock()
	if dead {
		<-ctx.Done()
		return ctx.Err()
	}
	return j.Journal.Commit(ctx, c)
}

func (j *dyingJournal) died() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dead
}

// act is something that happens to a bot: somebody says something, or time passes.
type act struct {
	who   string
	where sdkconn.Conversation
	text  string
	pass  time.Duration
}

// everywhere does the acts with a bot that dies in its first commit, one that dies in its second, and so on, each time
// followed by another bot on the same journal, until one lives. check looks at the end of each.
func everywhere(t *testing.T, set func(h *house) *rules.Set, acts []act, check func(h *house)) {
	for n, lives := 0, false; !lives; n++ {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.newOps()
				rules := set(h)
				j := &dyingJournal{Journal: h.journal, left: n}
				b := h.start(rules, bot.WithJournal(j), bot.WithGrace(0))
				synctest.Wait()
				var again bool
				for _, a := range acts {
					if a.pass > 0 {
						time.Sleep(a.pass)
					} else {
						h.say(a.who, a.where, a.text)
					}
					synctest.Wait()
					if j.died() && !again {
						again = true
						b.stop()
						b.again(rules)
						synctest.Wait()
						time.Sleep(3 * time.Second) // until it has caught up
						synctest.Wait()
					}
					if again {
						b.idle()
					}
				}
				check(h)
				wantClean(h)
				lives = !again
				if n > 200 {
					t.Fatal("the bot dies again and again")
				}
			})
		})
		if t.Failed() {
			return
		}
	}
}

func TestADialogueSurvivesEveryCrash(t *testing.T) {
	direct := sdkconn.C2C(botUser)
	for name, test := range map[string]struct {
		acts []act
		want []string
	}{
		"to its end": {[]act{
			{who: "alice", where: direct, text: "查订单"}, {who: "alice", where: direct, text: "Ann"},
			{who: "alice", where: direct, text: "x"}, {who: "alice", where: direct, text: "12"}, {pass: time.Hour},
			{who: "alice", where: direct, text: "bye"},
		}, []string{"name?", "number?", "digits, please", "Ann 12 12 2 12", "rest bye"}},
		"timed out": {[]act{
			{who: "alice", where: direct, text: "查订单"}, {who: "alice", where: direct, text: "Ann"}, {pass: 6 * time.Minute},
			{who: "alice", where: direct, text: "12"},
		}, []string{"name?", "number?", "too late after Ann", "rest 12"}},
		"cancelled": {[]act{
			{who: "alice", where: direct, text: "查订单"}, {who: "alice", where: direct, text: "算了"},
			{who: "alice", where: direct, text: "12"},
		}, []string{"name?", "cancelled", "rest 12"}},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(h *house) *rules.Set { return h.set(orderRules[1:]) }, test.acts, func(h *house) {
				h.wantHeard("alice", direct, test.want...)
			})
		})
	}
}

func TestAHandoffSurvivesEveryCrash(t *testing.T) {
	direct, ops := sdkconn.C2C(botUser), sdkconn.Group("ops")
	for name, back := range map[string]act{
		"by a word": {who: "carol", where: ops, text: "恢复 1"}, "by silence": {pass: 11 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(h *house) *rules.Set { return h.opsSet(handoffRules[1:]) }, []act{
				{who: "alice", where: direct, text: "人工"}, {who: "alice", where: direct, text: "hello"}, back,
				{who: "alice", where: direct, text: "more"}, {pass: time.Hour},
			}, func(h *house) {
				h.wantHeard("alice", direct, "back, 人工", "rest more")
				h.wantHeard("carol", ops, deskNotice)
			})
		})
	}
}

func TestAnApprovalSurvivesEveryCrash(t *testing.T) {
	direct, ops := sdkconn.C2C(botUser), sdkconn.Group("ops")
	for name, test := range map[string]struct {
		answer act
		sent   bool
		want   []string
	}{
		"approved": {act{who: "alice", where: ops, text: "同意"}, true, []string{newsRequest, "#1 is approved by alice"}},
		"refused":  {act{who: "alice", where: ops, text: "拒绝 1"}, false, []string{newsRequest, "#1 is refused by alice"}},
		"no answer": {act{pass: time.Hour + time.Second}, false,
			[]string{newsRequest, "#1 is not done: nobody agreed within 1h0m0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(h *house) *rules.Set { return h.opsSet(approveRules[1:]) }, []act{
				{who: "bob", where: direct, text: "news"}, test.answer, {pass: time.Hour},
			}, func(h *house) {
				h.wantHeard("carol", ops, test.want...)
				heard := h.heard("alice", direct)
				if test.sent != slices.Equal(heard, []string{"today: news"}) {
					h.t.Errorf("alice heard %q", heard)
				}
				if heard := h.heard("bob", direct); len(heard) == 0 || heard[len(heard)-1][:len("true")] != map[bool]string{
					true: "true", false: "fals"}[test.sent] {
					h.t.Errorf("bob heard %q", heard)
				}
			})
		})
	}
}
