package rulestest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// world is what one test has to itself: a chat, a clock, a bot.
type world struct {
	suite   *Suite
	test    *Test
	clock   *Clock
	chat    *local.Chat
	conn    *seen
	people  map[string]*local.Conn
	journal *journal.Memory
	archive archive
	rec     recorder
	names   map[string]*sdkconn.Message // what steps named
	last    string                      // what the last step's event is found by
	dataDir string                      // made when it is needed

	heard   heard           // the types of the events, for a test that is about a rule
	told    map[uint64]bool // events of which what they reached is noted for good
	covered time.Time       // when it was noted

	bot    *bot.Bot
	cancel context.CancelFunc
	done   chan error
}

// newWorld makes what the test is given, and starts the bot.
func newWorld(ctx context.Context, s *Suite, t *Test) (*world, error) {
	w := &world{
		suite: s, test: t, clock: NewClock(s.clock), people: make(map[string]*local.Conn), journal: journal.NewMemory(0),
		names: make(map[string]*sdkconn.Message), rec: recorder{used: make(map[*mock]int), missing: make(map[string]bool)},
	}
	w.archive.clock = w.clock
	if err := w.furnish(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// chatConfig is that of every chat: random numbers name messages, and a test has the same ones every time.
func (w *world) chatConfig() local.Config {
	return local.Config{Clock: w.clock, Rand: rand.NewChaCha8([32]byte{1})}
}

// furnish opens the chat with what is given in it, and gives the bot its state.
func (w *world) furnish(ctx context.Context) error {
	g := &w.test.given
	image := w.suite.images[g.chatKey()]
	if image == nil {
		if err := w.build(ctx); err != nil {
			return err
		}
		chat := w.chat
		w.chat = nil
		clear(w.people)
		var err error
		if image, err = chat.Freeze(); err != nil {
			return err
		}
		w.suite.images[g.chatKey()] = image
	}
	w.clock.set(w.suite.clock)
	var err error
	if w.chat, err = image.Open(ctx, w.chatConfig()); err != nil {
		return err
	}
	inspector := bot.NewInspector(w.journal, w.suite.registry, w.clock)
	for _, m := range g.state {
		if err := inspector.Remember(ctx, m.of(), m.values); err != nil {
			return fmt.Errorf("given: %w", err)
		}
	}
	return nil
}

// build makes users, groups and what was said before.
func (w *world) build(ctx context.Context) error {
	g := &w.test.given
	past := time.Hour
	for _, h := range g.history {
		past = max(past, h.ago+time.Hour)
	}
	w.clock.set(w.suite.clock.Add(-past))
	var err error
	if w.chat, err = local.Open(ctx, local.Memory, w.chatConfig()); err != nil {
		return err
	}
	users := map[string]string{w.suite.botUser: ""}
	for _, group := range g.groups {
		users[group.owner] = ""
		for _, m := range group.members {
			users[m.user] = ""
		}
	}
	for name, u := range g.users {
		users[name] = u.nick
	}
	for _, name := range slices.Sorted(maps.Keys(users)) {
		if err := w.chat.AddUser(ctx, name, users[name]); err != nil {
			return fmt.Errorf("given: user %s: %w", name, err)
		}
	}
	for _, id := range g.order {
		if err := w.makeGroup(ctx, g.groups[id]); err != nil {
			return fmt.Errorf("given: group %s: %w", id, err)
		}
	}
	history := slices.Clone(g.history)
	slices.SortStableFunc(history, func(a, b said) int { return int(b.ago - a.ago) })
	for _, h := range history {
		w.clock.set(w.suite.clock.Add(-h.ago))
		if _, err := w.say(ctx, h.from, h.in, h.inputs); err != nil {
			return fmt.Errorf("given: history: %w", err)
		}
	}
	return w.catchUp(ctx)
}

// catchUp lets the bot's user hear of what was made: to the bot it was always so.
func (w *world) catchUp(ctx context.Context) error {
	conn, err := w.chat.Login(ctx, w.suite.botUser)
	if err != nil {
		return err
	}
	listen, stop := context.WithCancel(ctx)
	heard := make(chan error, 1)
	go func() {
		heard <- conn.Subscribe(listen, func(context.Context, []sdkconn.Event) error { return nil })
	}()
	err = conn.WaitIdle(ctx)
	stop()
	<-heard // it ends with listen
	return errors.Join(err, conn.Close())
}

func (m memory) of() bot.Memory {
	switch {
	case m.user != "":
		return bot.Memory{User: m.user}
	case m.chat != "":
		return bot.Memory{Chat: where(m.chat)}
	}
	return bot.Memory{}
}

// where is a conversation as tests name it: a group's id, or c2c_USER.
func where(place string) sdkconn.Conversation {
	if strings.HasPrefix(place, "c2c_") || strings.HasPrefix(place, "group_") {
		if c, err := sdkconn.ParseConversation(place); err == nil {
			return c
		}
	}
	return sdkconn.Group(place)
}

var roles = map[string]sdkconn.MemberRole{"": sdkconn.RoleNormal, "member": sdkconn.RoleNormal, "admin": sdkconn.RoleAdmin}

func (w *world) makeGroup(ctx context.Context, g *givenGroup) error {
	free := sdkconn.AddAny
	p := sdkconn.GroupCreateParam{GroupID: g.id, GroupName: g.name, GroupType: g.kind, AddOption: &free, ApproveOption: &free}
	if g.approve {
		p.AddOption, p.ApproveOption = nil, nil
	}
	owner := g.owner
	for _, m := range g.members {
		role := m.role
		if role == "" {
			role = w.test.given.users[m.user].role
		}
		if role == "owner" {
			owner = m.user
			role = "admin"
		}
		p.Members = append(p.Members, sdkconn.GroupMemberInfo{Identifier: m.user, Role: roles[role]})
	}
	switch g.bot {
	case "owner":
		owner = w.suite.botUser
	case "none":
	default:
		p.Members = append(p.Members, sdkconn.GroupMemberInfo{Identifier: w.suite.botUser, Role: roles[g.bot]})
	}
	if err := w.chat.AddGroup(ctx, owner, p); err != nil {
		return err
	}
	for _, m := range g.members {
		if m.nameCard == "" {
			continue
		}
		conn, err := w.person(ctx, m.user)
		if err != nil {
			return err
		}
		err = conn.GroupModifyMemberInfo(ctx, sdkconn.GroupMemberModifyParam{GroupID: g.id, User: m.user, NameCard: &m.nameCard})
		if err != nil {
			return err
		}
	}
	return nil
}

// start starts the bot on the world's journal, and waits until it is idle.
func (w *world) start(ctx context.Context) error {
	conn, err := w.chat.Login(ctx, w.suite.botUser)
	if err != nil {
		return err
	}
	w.conn = &seen{conn, w}
	options := []bot.Option{bot.WithJournal(w.journal), bot.WithActions(w.suite.registry),
		bot.WithClock(w.clock), bot.WithSteadyClock(), bot.WithLocation(w.suite.zone), bot.WithWorkers(1), bot.WithGrace(0),
		bot.WithArchive(&w.archive), bot.WithDir(w.suite.dir, w.dataFolder()), bot.WithLogger(slog.New(slog.DiscardHandler))}
	if w.test.Rule != "" {
		options = append(options, bot.WithObserver(&w.heard))
	}
	w.bot, err = bot.New(w.conn, w.test.set, options...)
	if err != nil {
		return err
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel, w.done = cancel, make(chan error, 1)
	go func() { w.done <- w.bot.Run(work) }()
	return w.settle(ctx)
}

// stop ends the bot, as a kill would: nothing that it has begun is waited for.
func (w *world) stop() error {
	if w.cancel == nil {
		return nil
	}
	w.cancel()
	err := <-w.done
	w.cancel = nil
	return errors.Join(err, w.conn.Close())
}

// close ends everything in the world.
func (w *world) close() error {
	err := w.stop()
	for _, conn := range w.people {
		err = errors.Join(err, conn.Close())
	}
	if w.chat != nil {
		err = errors.Join(err, w.chat.Close())
	}
	if w.dataDir != "" {
		err = errors.Join(err, os.RemoveAll(w.dataDir))
	}
	return err
}

// dataFolder is where actions write files; it is made only for rules that do.
func (w *world) dataFolder() string {
	if w.dataDir != "" || !w.test.set.HasAction("download") {
		return w.dataDir
	}
	dir, err := os.MkdirTemp("", "timbot-test-")
	if err == nil {
		w.dataDir = dir
	}
	return w.dataDir
}

// settle waits until the bot has nothing left to do at this moment.
func (w *world) settle(ctx context.Context) error { return w.bot.Idle(ctx) }

// passTo lets the time pass up to then, from one moment at which something is due to the next.
func (w *world) passTo(ctx context.Context, then time.Time) error {
	return passTo(ctx, w.bot, w.clock, then, func(next time.Time) error {
		if w.suite.cover == nil || next.Sub(w.covered) < coverEvery {
			return nil
		}
		return w.reached(ctx)
	})
}

// passTo lets a bot's time pass up to then; before is called before each step; it may be nil.
func passTo(ctx context.Context, b *bot.Bot, clock *Clock, then time.Time, before func(next time.Time) error) error {
	for {
		next := then
		if due, ok := clock.next(); ok && due.Before(next) {
			next = due
		}
		if due, ok := b.NextDue(); ok && due.Before(next) {
			next = due
		}
		if before != nil {
			if err := before(next); err != nil {
				return err
			}
		}
		clock.set(next)
		if err := b.Idle(ctx); err != nil {
			return err
		}
		if !next.Before(then) {
			return nil
		}
	}
}

// person is somebody's login.
func (w *world) person(ctx context.Context, user string) (*local.Conn, error) {
	if conn := w.people[user]; conn != nil {
		return conn, nil
	}
	if user == w.suite.botUser {
		return nil, fmt.Errorf("%s is the bot: what it does follows from the rules", user)
	}
	conn, err := w.chat.Login(ctx, user)
	if err == nil {
		w.people[user] = conn
	}
	return conn, err
}

// say lets somebody write. The inputs are those of the send action.
func (w *world) say(ctx context.Context, from, in string, inputs map[string]any) (*sdkconn.Message, error) {
	conn, err := w.person(ctx, from)
	if err != nil {
		return nil, err
	}
	conv := sdkconn.C2C(w.suite.botUser)
	if in != "" {
		conv = where(in)
	}
	if list, ok := inputs["mentions"].([]any); ok { // "bot" is the bot, whatever its id
		inputs = maps.Clone(inputs)
		list = slices.Clone(list)
		for i, user := range list {
			if user == "bot" {
				list[i] = w.suite.botUser
			}
		}
		inputs["mentions"] = list
	}
	call := &actions.Call{
		Conn: conn, Conversation: conv, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Dir: w.suite.dir,
	}
	result, err := actions.Send.Run(ctx, call, inputs)
	if err != nil {
		return nil, err
	}
	msg, _ := result.Values()["msg"].(*sdkconn.Message)
	return msg, nil
}

// archive keeps the records of archive steps in memory.
type archive struct {
	clock *Clock

	mu      sync.Mutex
	records []actions.ArchiveRecord
}

// Put implements actions.Archive.
func (a *archive) Put(_ context.Context, r actions.ArchiveRecord) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.records, func(old actions.ArchiveRecord) bool {
		return old.Archive == r.Archive && (old.Effect == r.Effect || r.Key != "" && old.Key == r.Key)
	})
	switch {
	case i < 0:
		a.records = append(a.records, r)
	case a.records[i].Effect != r.Effect:
		a.records[i] = r
	}
	return nil
}

// kept returns what an archive holds by now, the oldest first.
func (a *archive) kept(name string) []actions.ArchiveRecord {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []actions.ArchiveRecord
	for _, r := range a.records {
		if r.Archive == name && (r.Expire.IsZero() || r.Expire.After(a.clock.Now())) {
			out = append(out, r)
		}
	}
	return out
}

func (a *archive) names() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	names := make(map[string]bool)
	for _, r := range a.records {
		names[r.Archive] = true
	}
	return slices.Sorted(maps.Keys(names))
}
