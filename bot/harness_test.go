package bot_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

func TestMain(m *testing.M) {
	beAPlugin() // when a bot started the test
	goleak.VerifyTestMain(m)
}

const botUser = "concierge"

// house is an embedded chat with some people and a bot in it.
type house struct {
	t       *testing.T
	chat    *local.Chat
	self    sdkconn.Conn
	people  map[string]sdkconn.Conn
	journal journal.Journal
	probe   *probe
	log     *logBook
}

// newHouse opens a chat in memory with alice, bob and the bot's user, who own, run and are in the group "g".
func newHouse(t *testing.T) *house {
	t.Helper()
	ctx := t.Context()
	chat, err := local.Open(ctx, ":memory:", local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, chat: chat, people: make(map[string]sdkconn.Conn), journal: journal.NewMemory(0), probe: newProbe(), log: new(logBook)}
	t.Cleanup(func() {
		for _, c := range h.people {
			c.Close()
		}
		h.self.Close()
		if err := chat.Close(); err != nil {
			t.Errorf("close the chat: %v", err)
		}
	})
	h.self = h.login(botUser)
	for _, name := range []string{"alice", "bob"} {
		h.people[name] = h.login(name)
	}
	_, err = h.people["alice"].(sdkconn.Groups).GroupCreate(ctx, sdkconn.GroupCreateParam{
		GroupID: "g", GroupName: "好物群", GroupType: sdkconn.GroupPublic,
		Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}, {Identifier: botUser, Role: sdkconn.RoleAdmin}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) login(name string) sdkconn.Conn {
	h.t.Helper()
	c, err := h.chat.Login(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// registry holds all built-in actions and the probe's.
func (h *house) registry() *actions.Registry {
	r := actions.NewRegistry(actions.Builtin()...)
	for _, a := range h.probe.actions() {
		if err := r.Register(a); err != nil {
			h.t.Fatal(err)
		}
	}
	return r
}

// set compiles rules; text is the list behind "rules:".
func (h *house) set(text string) *rules.Set {
	h.t.Helper()
	return h.load("bot: {connection: \"local:x?user=" + botUser + "\", admins: [alice]}\nrules:\n" + text)
}

// load compiles a bot's file behind its version.
func (h *house) load(text string) *rules.Set {
	h.t.Helper()
	file := "version: 1\n" + text
	set, err := rules.Load(fstest.MapFS{"bot.yaml": {Data: []byte(file)}}, "bot.yaml", rules.Options{Catalog: bot.Catalog(h.registry())})
	var all rules.Errors
	if errors.As(err, &all) {
		h.t.Fatal(all.Render())
	}
	if err != nil {
		h.t.Fatal(err)
	}
	set.Bot.Pace = unbounded
	return set
}

// unbounded is a pace that holds nothing up; the zero Pace is the service's.
var unbounded = rules.Pace{
	Total: rules.Rate{Times: 1 << 30, Per: time.Second}, Chat: rules.Rate{Times: 1 << 30, Per: time.Second},
}

// running is a bot that runs until stop.
type running struct {
	*bot.Bot
	h      *house
	cancel context.CancelFunc
	done   chan error
}

// start runs a bot on the house's journal.
func (h *house) start(set *rules.Set, opts ...bot.Option) *running {
	h.t.Helper()
	all := append([]bot.Option{
		bot.WithJournal(h.journal), bot.WithActions(h.registry()), bot.WithLogger(slog.New(slog.NewTextHandler(h.log, nil))),
	}, opts...)
	b, err := bot.New(h.self, set, all...)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Bot: b, h: h, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- b.Run(ctx) }()
	h.t.Cleanup(func() { r.stop() })
	return r
}

// stop ends the bot and returns what Run returned; a second stop returns nil.
func (r *running) stop() error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	r.cancel = nil
	return <-r.done
}

// again starts another bot in the place of one that has stopped.
func (r *running) again(set *rules.Set, opts ...bot.Option) {
	r.h.t.Helper()
	next := r.h.start(set, opts...)
	*r = *next
	next.cancel = nil // r stops it
}

func (r *running) idle() {
	r.h.t.Helper()
	if err := r.Idle(r.h.t.Context()); err != nil {
		r.h.t.Fatalf("Idle: %v", err)
	}
}

// say sends a text without waiting.
func (h *house) say(who string, where sdkconn.Conversation, text string, mentions ...string) *sdkconn.Message {
	h.t.Helper()
	m, err := h.people[who].SendNewMsg(h.t.Context(), where, &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}, GroupAtUsers: mentions,
	})
	if err != nil {
		h.t.Fatalf("%s says %q: %v", who, text, err)
	}
	return m
}

// heard returns what the bot said in a conversation of somebody's, oldest first; revoked messages are in brackets.
func (h *house) heard(who string, where sdkconn.Conversation) []string {
	h.t.Helper()
	msgs, err := h.people[who].GetMsgList(h.t.Context(), where, sdkconn.GetMsgListParam{Count: 1 << 20})
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, m := range slices.Backward(msgs) {
		if m.Sender != botUser || m.Text() == "" {
			continue
		}
		text := m.Text()
		if m.Status == sdkconn.StatusRevoked {
			text = "[" + text + "]"
		}
		out = append(out, text)
	}
	return out
}

func (h *house) wantHeard(who string, where sdkconn.Conversation, want ...string) {
	h.t.Helper()
	if got := h.heard(who, where); !slices.Equal(got, want) {
		h.t.Errorf("%s heard %q, want %q\n%s", who, got, want, h.log)
	}
}

// logBook keeps what was logged, for failures and for tests of it.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// probe makes actions whose calls a test sees and answers.
type probe struct {
	mu    sync.Mutex
	calls []string
	busy  map[sdkconn.Conversation]int
	most  int
	// answer decides what a call does; nil succeeds.
	answer func(ctx context.Context, call *actions.Call, name string) error
}

func newProbe() *probe { return &probe{busy: make(map[sdkconn.Conversation]int)} }

type probeArgs struct {
	Name string `arg:"name,required" doc:"What the test calls it."`
}

type probeOut struct {
	Name string `arg:"name" doc:"The name again."`
}

// actions returns probe.ask, probe.repeat and probe.report, which differ in how they settle.
func (p *probe) actions() []actions.Action {
	var out []actions.Action
	for _, settle := range []actions.Settle{actions.SettleAsk, actions.SettleRepeat, actions.SettleReport} {
		out = append(out, actions.New(actions.Spec{
			Name: "probe." + string(settle), Doc: "Tells the test.", Example: "probe." + string(settle) + ": x",
			Scalar: "name", Settle: settle, ActsOnChat: true,
		}, p.run))
	}
	return out
}

func (p *probe) run(ctx context.Context, call *actions.Call, args probeArgs) (probeOut, error) {
	p.mu.Lock()
	p.calls = append(p.calls, args.Name)
	p.busy[call.Conversation]++
	if p.busy[call.Conversation] > 1 {
		p.calls = append(p.calls, "two at once in "+call.Conversation.String())
	}
	p.most = max(p.most, len(p.busy))
	answer := p.answer
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.busy[call.Conversation]--; p.busy[call.Conversation] == 0 {
			delete(p.busy, call.Conversation)
		}
	}()
	if answer == nil {
		return probeOut(args), nil
	}
	return probeOut(args), answer(ctx, call, args.Name)
}

func (p *probe) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

func (p *probe) answers(f func(ctx context.Context, call *actions.Call, name string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

func (h *house) wantCalls(want ...string) {
	h.t.Helper()
	if got := h.probe.seen(); !slices.Equal(got, want) {
		h.t.Errorf("calls %q, want %q\n%s", got, want, h.log)
	}
}

// errBusy is a refusal that a retry can help with.
func errBusy() error {
	return &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeGroupSendMsgFreqLimit}
}

// errLost is a failure after which nobody knows whether it took effect.
func errLost() error { return &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeRequestTimeout} }

var _ fmt.Stringer = (*logBook)(nil)
