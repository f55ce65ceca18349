package rulestest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

const replayBot = "testdata/replay/bot.yaml"

func registry() *actions.Registry { return actions.NewRegistry(actions.Builtin()...) }

// party is a bot and those who come to it.
type party struct {
	*Bot
	guests int
}

// chatter is what people can do in the chat of the replay bot.
var chatter = []func(b *party, user string){
	func(b *party, user string) { b.Group("@TGS#shop").Member(user).Says("加微信") },
	func(b *party, user string) { b.Group("@TGS#shop").Member(user).Says("看 http://a.example") },
	func(b *party, user string) { b.Group("@TGS#shop").Member(user).Says("营业时间？") },
	func(b *party, user string) { b.Group("@TGS#shop").Member(user).Says("提醒我") },
	func(b *party, user string) { b.Group("@TGS#shop").Member(user).Says("大家好") },
	func(b *party, user string) {
		b.guests++
		b.Group("@TGS#shop").Person(fmt.Sprintf("guest%d", b.guests)).Joins()
	},
	func(b *party, user string) { b.User(user).Says("查订单") },
	func(b *party, user string) { b.User(user).Says("1234") },
	func(b *party, user string) { b.User(user).Says("x") },
	func(b *party, user string) { b.User(user).Says("营业时间") },
	func(b *party, _ string) { b.Advance(20 * time.Second) },
	func(b *party, _ string) { b.Advance(7 * time.Minute) },
	func(b *party, _ string) { b.Advance(25 * time.Hour) },
}

// live is a bot with everybody in its group.
func live(t T) *Bot {
	b := New(t, replayBot, Mock("http", map[string]any{"status": 200, "json": map[string]any{"status": "已发货"}}))
	g := b.Group("@TGS#shop")
	g.Member("mallory")
	g.Member("carol")
	g.Admin("alice")
	return b
}

// recorded is what the journal of a bot under test tells.
func recorded(t T, b *Bot) []*bot.Traffic {
	list, cut, err := JournalTraffic(context.Background(), b.started().bot.Inspector(), time.Time{}, MaxTraffic)
	if err != nil || cut {
		t.Fatalf("traffic: %v, cut %v", err, cut)
	}
	return list
}

func loadRules(t T, path string, modes map[string]rules.Mode) *RuleSet {
	set, err := LoadRules(path, registry(), nil, modes)
	var all rules.Errors
	if errors.As(err, &all) {
		t.Fatalf("%s", all.Render())
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	return set
}

// TestReplayChangesNothing is the property: traffic that goes through the rules that it went through leads to the same.
func TestReplayChangesNothing(t *testing.T) {
	set := loadRules(t, replayBot, nil)
	rapid.Check(t, func(rt *rapid.T) {
		cleaner := &cleaning{T: rt}
		defer cleaner.clean()
		b := &party{Bot: live(cleaner)}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(chatter)*3-1), 1, 25).Draw(rt, "chatter") {
			chatter[i%len(chatter)](b, []string{"mallory", "carol", "alice"}[i/len(chatter)])
		}
		b.Advance(time.Hour)
		list := recorded(cleaner, b.Bot)
		var did []string
		for _, a := range b.acts() {
			did = append(did, a.Rule+" "+a.Action+" "+show(a.Fields["text"]))
		}
		replay := &Replay{Registry: registry(), Old: set.Set, New: set.Set, Dir: set.Dir, Traffic: list}
		c, err := replay.Run(context.Background())
		if err != nil {
			rt.Fatal(err)
		}
		if c.Unchanged != c.Events || len(c.Changes) > 0 || c.Drifted > 0 || len(c.Unknown) > 0 {
			rt.Fatalf("%+v", c)
		}
		p, err := replay.pass(context.Background(), set.Set)
		if err != nil {
			rt.Fatal(err)
		}
		var does []string
		for _, e := range p.events {
			for _, a := range e.acts {
				does = append(does, a.Rule+" "+a.Action+" "+show(a.Fields["text"]))
			}
		}
		slices.Sort(did)
		slices.Sort(does)
		if !slices.Equal(did, does) {
			rt.Fatalf("the bot did\n%s\nand in the replay\n%s", strings.Join(did, "\n"), strings.Join(does, "\n"))
		}
	})
}

// cleaning is a rapid.T with the clean-up of one round.
type cleaning struct {
	*rapid.T
	after []func()
}

func (c *cleaning) Cleanup(f func()) { c.after = append(c.after, f) }
func (c *cleaning) clean() {
	for _, f := range slices.Backward(c.after) {
		f()
	}
}
