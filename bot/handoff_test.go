package bot_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// opsSet compiles rules of a bot with an ops group; alice is its admin.
func (h *house) opsSet(text string) *rules.Set {
	h.t.Helper()
	return h.load("bot: {connection: \"local:x?user=" + botUser + "\", admins: [alice], ops_group: ops}\nrules:\n" + text)
}

// newOps adds the group "ops" to the house: bob, carol and the bot are in it.
func (h *house) newOps() sdkconn.Conversation {
	h.t.Helper()
	h.people["carol"] = h.login("carol")
	_, err := h.people["carol"].(sdkconn.Groups).GroupCreate(h.t.Context(), sdkconn.GroupCreateParam{
		GroupID: "ops", GroupName: "值班", GroupType: sdkconn.GroupPublic,
		Members: []sdkconn.GroupMemberInfo{{Identifier: "alice"}, {Identifier: "bob"}, {Identifier: botUser}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return sdkconn.Group("ops")
}

const handoffRules = `
  - id: human
    on: message.c2c
    match: {any_of: [人工]}
    do:
      - {handoff: {queue: desk, note: "says ${{ msg.text }}", resume: {after: 30m, idle: 10m}}}
      - reply: "back, ${{ msg.text }}"
  - {id: guard, stage: guard, on: message.c2c, match: {any_of: [spam]}, do: [{reply: guarded}]}
  - {id: rest, stage: fallback, on: message.c2c, do: [{reply: "rest ${{ msg.text }}"}]}
  - {id: ops, on: message.group, do: [{reply: "ops ${{ msg.text }}"}]}
`

// lets time pass, and the bot do what is due then.
func (r *running) pass(d time.Duration) {
	r.h.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	r.idle()
}

func (r *running) says(who string, where sdkconn.Conversation, text string) {
	r.h.t.Helper()
	r.h.say(who, where, text)
	r.idle()
}

const deskNotice = "#1 c2c_alice 转人工 handed off → desk (rule human)\nsays 人工\n交还给机器人请发送「恢复 1」 / to give it back: resume 1"

func TestAHandoffKeepsTheBotQuietUntilItIsGivenBack(t *testing.T) {
	direct := sdkconn.C2C(botUser)
	for name, test := range map[string]struct {
		do   func(h *house, b *running, ops sdkconn.Conversation)
		said []string // in the ops group, after the notice
	}{
		"by a word in the ops group": {func(h *house, b *running, ops sdkconn.Conversation) {
			b.says("bob", ops, "恢复")
		}, nil},
		"by its number": {func(h *house, b *running, ops sdkconn.Conversation) {
			b.says("bob", ops, "恢复 2")
			h.wantHeard("alice", direct, "guarded")
			b.says("bob", ops, "@concierge  Resume　＃１")
		}, []string{"ops 恢复 2"}},
		"by an admin alone with the bot": {func(h *house, b *running, ops sdkconn.Conversation) {
			b.says("bob", direct, "resume 1") // no admin
			b.says("alice", direct, "resume 1")
		}, nil},
		"by the inspector": {func(h *house, b *running, ops sdkconn.Conversation) {
			if err := b.Inspector().ResumeHandoff(h.t.Context(), "c2c_bob", "carol"); !errors.Is(err, bot.ErrNotOpen) {
				h.t.Errorf("resumed what is not open: %v", err)
			}
			if err := b.Inspector().ResumeHandoff(h.t.Context(), "c2c_alice", "carol"); err != nil {
				h.t.Error(err)
			}
			b.idle()
		}, nil},
		"by silence": {func(h *house, b *running, ops sdkconn.Conversation) {
			b.pass(9 * time.Minute)
			b.says("alice", direct, "anybody?")
			b.pass(9 * time.Minute)
			h.wantHeard("alice", direct, "guarded")
			b.pass(time.Minute)
		}, nil},
		"by time": {func(h *house, b *running, ops sdkconn.Conversation) {
			for range 3 {
				b.pass(9 * time.Minute)
				b.says("alice", direct, "anybody?")
			}
			h.wantHeard("alice", direct, "guarded")
			b.pass(3 * time.Minute)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				ops := h.newOps()
				b := h.start(h.opsSet(handoffRules[1:]))
				b.says("alice", direct, "人工")
				b.says("alice", direct, "hello")
				b.says("alice", direct, "spam")
				h.wantHeard("alice", direct, "guarded")
				if trace := traceOf(h, "hello"); !strings.Contains(trace, `"taken":"handed off to desk"`) {
					t.Errorf("trace: %s", trace)
				}
				b.says("bob", direct, "who is there?") // another conversation
				h.wantHeard("bob", direct, "rest who is there?")
				open, err := b.Inspector().Handoffs(t.Context())
				if err != nil || len(open) != 1 {
					t.Fatalf("handoffs %v, %v; want one", open, err)
				}
				if o := open[0]; o.Number != 1 || o.Conversation != "c2c_alice" || o.Queue != "desk" || o.Note != "says 人工" ||
					o.Rule != "human" || o.Due.Sub(o.Since) < 10*time.Minute {
					t.Errorf("handoff %+v", o)
				}
				test.do(h, b, ops)
				h.wantHeard("alice", direct, "guarded", "back, 人工")
				b.says("alice", direct, "again")
				h.wantHeard("alice", direct, "guarded", "back, 人工", "rest again")
				h.wantHeard("carol", ops, append([]string{deskNotice}, test.said...)...)
				b.pass(time.Hour)
				wantClean(h)
			})
		})
	}
}

func TestAHandoffOutlivesTheBot(t *testing.T) {
	direct := sdkconn.C2C(botUser)
	for name, offline := range map[string]bool{"given back beside a running bot": false, "given back without one": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				ops := h.newOps()
				set := h.opsSet(strings.Replace(handoffRules[1:], ", resume: {after: 30m, idle: 10m}", "", 1))
				b := h.start(set)
				b.says("alice", direct, "人工")
				b.pass(100 * time.Hour)
				b.stop()
				b = h.start(set)
				b.says("alice", direct, "hello")
				h.wantHeard("alice", direct)
				i := b.Inspector()
				if offline {
					b.stop()
					i = bot.NewInspector(h.journal, actions.NewRegistry(), nil)
				}
				if open, err := i.Handoffs(t.Context()); err != nil || len(open) != 1 || !open[0].Due.IsZero() {
					t.Errorf("handoffs %+v, %v; want one without an end", open, err)
				}
				if err := i.ResumeHandoff(t.Context(), "c2c_alice", "carol"); err != nil {
					t.Error(err)
				}
				if open, err := i.Handoffs(t.Context()); err != nil || len(open) != 0 {
					t.Errorf("handoffs %+v, %v; want none", open, err)
				}
				if offline {
					b = h.start(set)
				}
				b.idle()
				b.says("alice", direct, "more")
				h.wantHeard("alice", direct, "back, 人工", "rest more")
				h.wantHeard("carol", ops, deskNotice)
				wantClean(h)
			})
		})
	}
}

func TestNumbersAreNotUsedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ops := h.newOps()
		set := h.opsSet(handoffRules[1:])
		b := h.start(set)
		b.says("alice", sdkconn.C2C(botUser), "人工")
		b.says("bob", sdkconn.C2C(botUser), "人工")
		b.says("carol", ops, "恢复") // which?
		b.says("carol", ops, "恢复1")
		b.says("carol", ops, "恢复 1") // not any more
		b.stop()
		b = h.start(set)
		b.says("alice", sdkconn.C2C(botUser), "人工")
		var numbers []int
		open, err := b.Inspector().Handoffs(t.Context())
		for _, o := range open {
			numbers = append(numbers, o.Number)
		}
		if err != nil || len(numbers) != 2 || numbers[0] != 2 || numbers[1] != 3 {
			t.Errorf("numbers %v, %v; want 2 and 3", numbers, err)
		}
		h.wantHeard("alice", sdkconn.C2C(botUser), "back, 人工")
	})
}

func TestAConversationIsHandedOffOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.newOps()
		b := h.start(h.opsSet(`
  - {id: one, stage: guard, on: message.c2c, do: [{handoff: {}}, {reply: "back ${{ msg.text }}"}]}
`[1:]))
		b.says("alice", sdkconn.C2C(botUser), "1")
		b.says("alice", sdkconn.C2C(botUser), "2")
		if trace := traceOf(h, "2"); !strings.Contains(trace, `"code":"handed_off"`) || !strings.Contains(trace, `"taken":"handed off"`) {
			t.Errorf("trace: %s", trace)
		}
		b.says("bob", sdkconn.Group("ops"), "恢复")
		h.wantHeard("alice", sdkconn.C2C(botUser), "back 1")
		wantClean(h)
	})
}
