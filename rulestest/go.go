package rulestest

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// T is what tests in Go have: *testing.T, *testing.B and the like.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// Bot is a bot under test, in a world of its own: an embedded chat in memory and a virtual clock. Make it with New. What goes
// wrong fails the test. It is used by one goroutine.
type Bot struct {
	t       T
	suite   *Suite
	test    *Test
	world   *world
	modes   map[string]rules.Mode
	checked bool
}

// Option sets something of the world before the bot starts.
type Option func(*Bot)

// At sets the time at which the test begins, as RFC 3339 with its zone; 2026-01-01T00:00:00Z unless given.
func At(when string) Option {
	return func(b *Bot) {
		b.t.Helper()
		at, err := time.Parse(time.RFC3339, when)
		if err != nil {
			b.t.Fatalf("rulestest.At: %v", err)
		}
		b.suite.clock = at.In(b.suite.zone)
	}
}

// In sets the zone of now() and of the clock; UTC unless given.
func In(zone *time.Location) Option {
	return func(b *Bot) { b.suite.zone, b.suite.clock = zone, b.suite.clock.In(zone) }
}

// List gives a list in place of what the files say.
func List(name string, entries ...string) Option {
	return func(b *Bot) {
		if b.test.given.lists == nil {
			b.test.given.lists = make(map[string][]string)
		}
		b.test.given.lists[name] = entries
	}
}

// Run lets a rule run as live, shadow or off, whatever the files say.
func Run(rule, mode string) Option {
	return func(b *Bot) {
		b.t.Helper()
		i := slices.Index([]string{"live", "shadow", "off"}, mode)
		if i < 0 {
			b.t.Fatalf("rulestest.Run: %q: want live, shadow or off", mode)
		}
		b.modes[rule] = rules.Mode(i)
	}
}

// Mock lets an action answer with these outputs in place of doing anything.
func Mock(action string, outputs map[string]any) Option {
	return func(b *Bot) {
		b.test.mocks = append(b.test.mocks, &mock{action: action, out: outputs})
	}
}

// MockError lets an action fail. code is what rules see as error.code; it may be empty.
func MockError(action, text, code string) Option {
	return func(b *Bot) { b.test.mocks = append(b.test.mocks, &mock{action: action, err: text, code: code}) }
}

// Actions adds actions that the rules may name besides the built-in ones, such as those of a plugin's author: they run in
// process, and may be mocked.
func Actions(own ...actions.Action) Option {
	return func(b *Bot) {
		b.t.Helper()
		for _, a := range own {
			b.suite.inProcess[a.Spec().Name] = true
			if err := b.suite.registry.Register(&watchedAction{a, a.Spec()}); err != nil {
				b.t.Fatalf("rulestest.Actions: %v", err)
			}
		}
	}
}

// New prepares a bot of the rules in a file: a bot's file, or one of rules alone. The bot starts with the first thing that
// happens.
func New(t T, path string, options ...Option) *Bot {
	t.Helper()
	s := newSuite(path, actions.NewRegistry(actions.Builtin()...))
	s.inProcess = make(map[string]bool)
	s.reader = &reader{file: path}
	s.files(&yaml.Node{}, []string{filepath.Base(path)})
	if len(s.reader.errs) > 0 {
		t.Fatalf("rulestest: %v", s.reader.errs)
	}
	b := &Bot{t: t, suite: s, test: &Test{Name: path, repeat: 1}, modes: make(map[string]rules.Mode)}
	b.test.given.groups, b.test.given.users = make(map[string]*givenGroup), make(map[string]givenUser)
	for _, option := range options {
		option(b)
	}
	t.Cleanup(b.close)
	return b
}

func (b *Bot) close() {
	b.t.Helper()
	if b.world != nil {
		if rest := b.acts(); len(rest) > 0 && b.checked {
			b.t.Errorf("the bot did more than the test expects:\n%s", b.list(rest))
		}
		if err := b.world.close(); err != nil {
			b.t.Errorf("rulestest: %v", err)
		}
	}
	if err := b.suite.Close(); err != nil {
		b.t.Errorf("rulestest: %v", err)
	}
}

// started is the world, with the bot running in it.
func (b *Bot) started() *world {
	b.t.Helper()
	if b.world != nil {
		return b.world
	}
	set, err := b.suite.load(b.test.given.lists, b.modes)
	if err != nil {
		b.t.Fatalf("rulestest: %s", rendered(err))
	}
	b.test.set = set
	if b.world, err = newWorld(context.Background(), b.suite, b.test); err != nil {
		b.t.Fatalf("rulestest: %v", err)
	}
	return b.world
}

// do does something and waits until the bot has nothing left to do.
func (b *Bot) do(f func(context.Context, *world) error) {
	b.t.Helper()
	w := b.started()
	ctx := context.Background()
	err := f(ctx, w)
	if err == nil {
		err = w.settle(ctx)
	}
	if err != nil {
		b.t.Fatalf("rulestest: %v", err)
	}
}

// Group is a group that the bot administers. It is made when there is none yet.
type Group struct {
	b  *Bot
	id string
}

// Person is somebody who writes to the bot, or in a group.
type Person struct {
	b        *Bot
	user, in string
}

// Group returns a group of this id, of type Public. Groups are made before anything happens.
func (b *Bot) Group(id string) *Group {
	b.t.Helper()
	g := &b.test.given
	if g.groups[id] == nil {
		if b.world != nil {
			b.t.Fatalf("rulestest: group %s must be made before anything happens", id)
		}
		g.groups[id] = &givenGroup{id: id, name: id, owner: "owner", kind: sdkconn.GroupPublic, bot: "admin"}
		g.order = append(g.order, id)
	}
	return &Group{b, id}
}

// Member returns a member of the group. Who is none yet becomes one: as if it had always been so before anything happens,
// later by an invitation that the bot hears of.
func (g *Group) Member(user string) *Person {
	g.b.t.Helper()
	given := g.b.test.given.groups[g.id]
	if !slices.ContainsFunc(given.members, func(m givenMember) bool { return m.user == user }) {
		given.members = append(given.members, givenMember{user: user})
		if g.b.world != nil {
			g.b.do(func(ctx context.Context, w *world) error {
				return w.members(ctx, "invite", g.id, given.owner, []string{user})
			})
		}
	}
	return &Person{g.b, user, g.id}
}

// Admin is Member for an administrator of the group, who is made before anything happens.
func (g *Group) Admin(user string) *Person {
	g.b.t.Helper()
	if g.b.world != nil {
		g.b.t.Fatalf("rulestest: administrator %s must be made before anything happens", user)
	}
	given := g.b.test.given.groups[g.id]
	given.members = append(given.members, givenMember{user: user, role: "admin"})
	return &Person{g.b, user, g.id}
}

// User returns somebody who writes to the bot alone.
func (b *Bot) User(id string) *Person { return &Person{b, id, ""} }

// Says writes a text. The message is returned to be revoked or expected.
func (p *Person) Says(text string, mentions ...string) *sdkconn.Message {
	p.b.t.Helper()
	inputs := map[string]any{"text": text}
	if len(mentions) > 0 {
		list := make([]any, len(mentions))
		for i, m := range mentions {
			list[i] = m
		}
		inputs["mentions"] = list
	}
	return p.Sends(inputs)
}

// Sends writes a message of any kind; the inputs are those of the send action.
func (p *Person) Sends(inputs map[string]any) *sdkconn.Message {
	p.b.t.Helper()
	var msg *sdkconn.Message
	p.b.do(func(ctx context.Context, w *world) (err error) {
		if msg, err = w.say(ctx, p.user, p.in, maps.Clone(inputs)); err == nil {
			w.last = rules.MessageID(msg)
		}
		return err
	})
	return msg
}

// Revokes takes a message back.
func (p *Person) Revokes(msg *sdkconn.Message) {
	p.b.t.Helper()
	p.b.do(func(ctx context.Context, w *world) error {
		conn, err := w.person(ctx, p.user)
		if err != nil {
			return err
		}
		return conn.Revoke(ctx, msg.Conversation(), msg)
	})
}

// Joins enters the group, and Leaves leaves it.
func (p *Person) Joins() { p.b.t.Helper(); p.member("join") }

// Leaves leaves the group.
func (p *Person) Leaves() { p.b.t.Helper(); p.member("leave") }

func (p *Person) member(what string) {
	p.b.t.Helper()
	p.b.do(func(ctx context.Context, w *world) error { return w.members(ctx, what, p.in, "", []string{p.user}) })
}

// Person returns somebody who is no member of the group, to join it.
func (g *Group) Person(user string) *Person { return &Person{g.b, user, g.id} }

// Advance lets time pass; what is due meanwhile happens.
func (b *Bot) Advance(d time.Duration) {
	b.t.Helper()
	b.do(func(ctx context.Context, w *world) error { return w.passTo(ctx, w.clock.Now().Add(d)) })
}

// Signal tells the rules on signal.NAME. data is nil or JSON.
func (b *Bot) Signal(name string, data jsontext.Value) {
	b.t.Helper()
	b.do(func(ctx context.Context, w *world) error { return w.bot.Signal(ctx, name, data) })
}

// Restart ends the bot and starts it again on the same journal.
func (b *Bot) Restart() {
	b.t.Helper()
	b.do(func(ctx context.Context, w *world) error {
		if err := w.stop(); err != nil {
			return err
		}
		return w.start(ctx)
	})
}

// Want is what the bot is expected to do: an action, and what is known of it.
type Want struct {
	action string
	fields map[string]any
}

// Do is any action, with some of its fields as expectations in test files name them. A value is compared as it stands; a
// mapping may ask for more: {"contains": "…"}.
func Do(action string, fields map[string]any) Want { return Want{action, fields} }

// Reply is a reply with this text.
func Reply(text string) Want { return Want{"reply", map[string]any{"text": text}} }

// Revoke is the revocation of a message in a group, or in the conversation c2c_USER.
func Revoke(in string) Want { return Want{"revoke", map[string]any{"in": in}} }

// SendTo is a message to a user.
func SendTo(user string) Want { return Want{"send", map[string]any{"to_user": user}} }

// SendToGroup is a message to a group.
func SendToGroup(group string) Want { return Want{"send", map[string]any{"to_group": group}} }

// With adds a field to what is wanted.
func (w Want) With(field string, value any) Want {
	fields := maps.Clone(w.fields)
	if fields == nil {
		fields = make(map[string]any)
	}
	fields[field] = value
	return Want{w.action, fields}
}

// ExpectOnly checks what the bot did since the last check: this, in this order, and nothing else.
func (b *Bot) ExpectOnly(want ...Want) {
	b.t.Helper()
	w := b.started()
	b.checked = true
	st := &step{expects: true}
	for _, x := range want {
		one, err := b.wanted(x)
		if err != nil {
			b.t.Fatalf("rulestest: %v", err)
			return
		}
		st.expect = append(st.expect, one)
	}
	for _, f := range st.compare(w) {
		var lines strings.Builder
		for _, l := range f.Diff {
			fmt.Fprintf(&lines, "\n  %c %s", l.Sign, l.Text)
		}
		b.t.Errorf("%s%s", f.Message, lines.String())
	}
}

// ExpectNothing checks that the bot did nothing since the last check.
func (b *Bot) ExpectNothing() { b.t.Helper(); b.ExpectOnly() }

// Acts returns what the bot did since the last check, notices left out.
func (b *Bot) Acts() []*Act {
	b.t.Helper()
	b.started()
	b.checked = true
	return b.acts()
}

func (b *Bot) acts() []*Act {
	return slices.DeleteFunc(b.world.rec.take(), func(a *Act) bool { return a.Action == Notice })
}

// Archived returns the records that an archive holds, the oldest first.
func (b *Bot) Archived(name string) []actions.ArchiveRecord {
	b.t.Helper()
	return b.started().archive.kept(name)
}

func (b *Bot) list(acts []*Act) string {
	lines := make([]string, len(acts))
	for i, a := range acts {
		lines[i] = "  + " + a.describe(nil, nil)
	}
	return strings.Join(lines, "\n")
}

// wanted reads a Want as a test file would have it.
func (b *Bot) wanted(x Want) (*wanted, error) {
	r := &reader{file: b.suite.Path}
	var n yaml.Node
	if err := n.Encode([]any{map[string]any{x.action: x.fields}}); err != nil {
		return nil, err
	}
	s := *b.suite
	s.reader = r
	list := s.expect(&n, true)
	if len(r.errs) > 0 {
		return nil, r.errs
	}
	return list[0], nil
}
