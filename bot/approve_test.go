package bot_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

const approveRules = `
  - id: news
    on: message.c2c
    match: {any_of: [news]}
    do:
      - id: all
        announce:
          to: {users: [alice, bob]}
          text: "today: ${{ msg.text }}"
          approve: {by: [alice, carol], timeout: 1h, text: look at it}
        on_error: continue
      - reply: "${{ steps.all.ok }} ${{ steps.all.error?.code ?? '' }}"
  - {id: ops, on: message.group, do: [{reply: "ops ${{ msg.text }}"}]}
`

const newsRequest = `#1 announce 待批准 waits for approval (rule news)
text: today: news
to: {"users":["alice","bob"]}
look at it
alice, carol: 「同意 1」「拒绝 1」 / approve 1, reject 1 (1h0m0s)`

func TestApproval(t *testing.T) {
	direct := sdkconn.C2C(botUser)
	for name, test := range map[string]struct {
		do     func(h *house, b *running, ops sdkconn.Conversation)
		sent   bool
		code   string
		said   []string // in the ops group, after the request
		traced string
	}{
		"approved by a word": {do: func(h *house, b *running, ops sdkconn.Conversation) {
			b.says("alice", ops, "同意")
		}, sent: true, said: []string{"#1 is approved by alice"}},
		"approved by number": {do: func(h *house, b *running, ops sdkconn.Conversation) {
			b.says("carol", ops, "approve #1")
		}, sent: true, said: []string{"#1 is approved by carol"}},
		"others do not count": {do: func(h *house, b *running, ops sdkconn.Conversation) {
			b.says("bob", ops, "同意1")
			b.says("alice", ops, "同意 2")
			b.says("alice", ops, "同意吗")
			b.says("alice", direct, "同意 1")
			if trace := traceOf(h, "同意1"); !strings.Contains(trace, "bob may not decide about approval #1") {
				h.t.Errorf("trace: %s", trace)
			}
			b.says("alice", ops, "拒绝 １。")
			b.says("carol", ops, "approve 1") // too late
		}, code: "refused", said: []string{"ops 同意1", "ops 同意 2", "ops 同意吗", "#1 is refused by alice", "ops approve 1"}},
		"nobody answers": {do: func(h *house, b *running, ops sdkconn.Conversation) {
			b.pass(time.Hour)
		}, code: "no_approval", said: []string{"#1 is not done: nobody agreed within 1h0m0s"}},
		"by the inspector": {do: func(h *house, b *running, ops sdkconn.Conversation) {
			i := b.Inspector()
			open, err := i.Approvals(h.t.Context())
			if err != nil || len(open) != 1 {
				h.t.Fatalf("approvals %v, %v; want one", open, err)
			}
			if o := open[0]; o.Number != 1 || o.Group != "ops" || o.Action != "announce" || o.Rule != "news" ||
				o.Request != newsRequest || o.Due.Sub(o.Since) != time.Hour || len(o.By) != 2 {
				h.t.Errorf("approval %+v", o)
			}
			if err := i.Decide(h.t.Context(), 2, true, "dave"); !errors.Is(err, bot.ErrNotOpen) {
				h.t.Errorf("decided what is not open: %v", err)
			}
			if err := i.Decide(h.t.Context(), 1, true, "dave"); err != nil {
				h.t.Error(err)
			}
			b.idle()
			if err := i.Decide(h.t.Context(), 1, false, "dave"); !errors.Is(err, bot.ErrNotOpen) {
				h.t.Errorf("decided twice: %v", err)
			}
		}, sent: true, said: []string{"#1 is approved by dave"}},
		"after a restart": {do: func(h *house, b *running, ops sdkconn.Conversation) {
			b.stop()
			time.Sleep(59 * time.Minute)
			b.again(h.opsSet(approveRules[1:]))
			b.says("alice", ops, "同意")
		}, sent: true, said: []string{"#1 is approved by alice"}},
		"while the bot is away": {do: func(h *house, b *running, ops sdkconn.Conversation) {
			b.stop()
			i := bot.NewInspector(h.journal, actions.NewRegistry(), nil)
			if err := i.Decide(h.t.Context(), 1, false, "dave"); err != nil {
				h.t.Error(err)
			}
			b.again(h.opsSet(approveRules[1:]))
			b.idle()
		}, code: "refused", said: []string{"#1 is refused by dave"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				ops := h.newOps()
				b := h.start(h.opsSet(approveRules[1:]))
				b.says("bob", direct, "news")
				h.wantHeard("alice", direct)
				h.wantHeard("carol", ops, newsRequest)
				test.do(h, b, ops)
				h.wantHeard("carol", ops, append([]string{newsRequest}, test.said...)...)
				if test.sent {
					h.wantHeard("alice", direct, "today: news")
					h.wantHeard("bob", direct, "today: news", "true ")
				} else {
					h.wantHeard("alice", direct)
					h.wantHeard("bob", direct, "false "+test.code)
				}
				wantClean(h)
			})
		})
	}
}

func TestSeveralApprovalsNeedNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ops := h.newOps()
		b := h.start(h.opsSet(approveRules[1:]))
		b.says("bob", sdkconn.C2C(botUser), "news")
		b.says("alice", sdkconn.C2C(botUser), "news")
		b.says("alice", ops, "同意")
		if trace := traceOf(h, "同意"); !strings.Contains(trace, "2 approvals are open: the word needs a number") {
			t.Errorf("trace: %s", trace)
		}
		b.says("alice", ops, "拒绝2")
		b.says("alice", ops, "同意")
		h.wantHeard("bob", sdkconn.C2C(botUser), "today: news", "true ")
		h.wantHeard("alice", sdkconn.C2C(botUser), "false refused", "today: news")
		wantClean(h)
	})
}

func TestARequestThatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.opsSet(approveRules[1:])) // there is no group "ops"
		b.says("bob", sdkconn.C2C(botUser), "news")
		b.pass(5 * time.Minute)
		h.wantHeard("bob", sdkconn.C2C(botUser), "false 10010")
		h.wantHeard("alice", sdkconn.C2C(botUser))
		wantClean(h)
	})
}
