package rulestest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // enough for CI; give more by hand
		if err := f.Value.Set("20"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Value.Set(f.DefValue) }()
	}
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

// changedRules is the replay bot with a text of its file changed.
func changedRules(t *testing.T, old, now string) *RuleSet {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/replay")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bot.yaml")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%q is not in the file, %v", old, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadRules(t, path, nil)
}

// TestReplayTells is each kind of difference.
func TestReplayTells(t *testing.T) {
	b := live(t)
	g := b.Group("@TGS#shop")
	g.Member("mallory").Says("加微信")
	g.Member("carol").Says("微信红包")
	g.Member("mallory").Says("看 http://a.example")
	b.Advance(2 * time.Minute)
	g.Member("carol").Says("营业时间？")
	b.User("carol").Says("查订单")
	b.User("carol").Says("1234")
	b.User("carol").Says("x")
	g.Member("carol").Says("提醒我")
	b.Advance(time.Hour)
	b.acts()
	list := recorded(t, b)
	old := loadRules(t, replayBot, nil)
	text, err := os.ReadFile(replayBot)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "    do:\n")
	banned, _, _ := strings.Cut(rest, "\n\n") // the steps of mod.ads
	for _, test := range []struct {
		name, old, now string
		headline       string
		want           Change // of the only event that is told
	}{
		{"a word more", "any_of: ${{ lists.ads }}", "any_of: [加微信, 兼职, 微信红包]",
			"1 message newly revoked, 0 no longer revoked, 9 unchanged",
			Change{Kind: DiffRevoked, Came: []string{"mod.ads"}, Hits: []string{"微信红包"}}},
		{"a word less", "any_of: ${{ lists.ads }}", "any_of: [兼职]",
			"0 messages newly revoked, 1 no longer revoked, 9 unchanged",
			Change{Kind: DiffKept, Gone: []string{"mod.ads"}}},
		{"a shadow rule live", "run: shadow", "run: live",
			"1 message newly revoked, 0 no longer revoked, 9 unchanged",
			Change{Kind: DiffRevoked, Came: []string{"mod.links"}, Hits: []string{"http://"}}},
		{"a rule that answers", "any_of: [营业时间]", "any_of: [营业时间, 红包]",
			"0 messages newly revoked, 0 no longer revoked, 1 newly answered by a rule, 9 unchanged",
			Change{Kind: DiffNew, Came: []string{"hours"}, Hits: []string{"红包"}}},
		{"a rule that is off", "- id: fallback", "- id: fallback\n    run: \"off\"",
			"0 messages newly revoked, 0 no longer revoked, 1 no longer answered by a rule, 9 unchanged",
			Change{Kind: DiffGone, Gone: []string{"fallback"}}},
		{"another text", "没听懂", "听不懂",
			"0 messages newly revoked, 0 no longer revoked, 1 answered in other words, 9 unchanged",
			Change{Kind: DiffText, Lines: []ChangeLine{{"-", ""}, {"+", ""}}}},
		{"another text after a delay", "时间到了", "到时间了",
			"0 messages newly revoked, 0 no longer revoked, 1 answered in other words, 9 unchanged",
			Change{Kind: DiffText}},
		{"another order", banned, strings.TrimPrefix(banned, "      - revoke: {}\n") + "\n      - revoke: {}\n",
			"0 messages newly revoked, 0 no longer revoked, 1 answered in another order, 9 unchanged",
			Change{Kind: DiffOrder}},
		{"to somebody else", "to_user: carol, text: 提醒过了", "to_user: alice, text: 提醒过了",
			"0 messages newly revoked, 0 no longer revoked, 1 treated otherwise, 9 unchanged",
			Change{Kind: DiffOtherwise}},
		{"what the outside answered is known", "steps.found.out.json.status", "steps.found.out.json.status + '！'",
			"0 messages newly revoked, 0 no longer revoked, 1 answered in other words, 9 unchanged",
			Change{Kind: DiffText}},
	} {
		t.Run(test.name, func(t *testing.T) {
			replay := &Replay{
				Registry: registry(), Old: old.Set, New: changedRules(t, test.old, test.now).Set, Dir: old.Dir, Traffic: list,
			}
			c, err := replay.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := c.Write(&text, ReportSamples, time.UTC); err != nil {
				t.Fatal(err)
			}
			if c.Headline() != test.headline || len(c.Changes) != 1 {
				t.Fatalf("got %s", text.String())
			}
			got := c.Changes[0]
			if got.Kind != test.want.Kind || !slices.Equal(got.Came, test.want.Came) || !slices.Equal(got.Gone, test.want.Gone) ||
				!slices.Equal(got.Hits, test.want.Hits) || c.Drifted > 0 || len(c.Unknown) > 0 {
				t.Errorf("got %+v\n%s", got, text.String())
			}
			var page bytes.Buffer
			if err := c.HTML(&page, "replay", time.UTC); err != nil || !strings.Contains(page.String(), test.headline) {
				t.Errorf("page: %v\n%s", err, page.String())
			}
		})
	}
}

func TestReplayWithoutAnswers(t *testing.T) {
	b := live(t)
	b.User("carol").Says("查订单")
	b.User("carol").Says("1234")
	b.acts()
	list := recorded(t, b)
	for _, e := range list {
		e.Answers = nil
	}
	old := loadRules(t, replayBot, nil)
	c, err := (&Replay{Registry: registry(), Old: old.Set, New: old.Set, Dir: old.Dir, Traffic: list}).Run(t.Context())
	if err != nil || c.Unknown["http"] != 2 || len(c.Changes) > 0 {
		t.Errorf("got %+v, %v", c, err)
	}
	if notes := strings.Join(c.notes(), "\n"); !strings.Contains(notes, "what http answered, 2 times") {
		t.Errorf("notes: %s", notes)
	}
}

// TestReplaySince: what was before fills the counts and tells nothing.
func TestReplaySince(t *testing.T) {
	b := live(t)
	g := b.Group("@TGS#shop")
	g.Member("mallory").Says("加微信")
	g.Member("mallory").Says("加微信")
	b.Advance(time.Hour)
	since := b.world.clock.Now()
	g.Member("mallory").Says("加微信")
	b.acts()
	list := recorded(t, b)
	old := loadRules(t, replayBot, nil)
	now := changedRules(t, "又来了", "第三次")
	replay := &Replay{Registry: registry(), Old: old.Set, New: now.Set, Dir: old.Dir, Traffic: list, Since: since}
	c, err := replay.Run(t.Context())
	if err != nil || c.Events != 1 || c.Counts[DiffText] != 1 || c.Drifted != 0 {
		t.Errorf("got %+v, %v", c, err)
	}
	replay.Traffic = list[len(list)-1:]
	if c, err = replay.Run(t.Context()); err != nil || c.Unchanged != 1 {
		t.Errorf("without what was before: got %+v, %v", c, err)
	}
}

func TestTrafficFile(t *testing.T) {
	b := live(t)
	b.Group("@TGS#shop").Member("mallory").Says("加微信 @carol 13800138000")
	b.User("carol").Says("查订单")
	b.User("carol").Says("1234")
	b.Group("@TGS#shop").Person("dave").Joins()
	b.Advance(time.Hour)
	b.acts()
	list := recorded(t, b)
	old := loadRules(t, replayBot, nil)
	for _, test := range []struct {
		name string
		mask Masking
		lost []string // what the file must not tell
		kept []string
	}{
		{"as it was", Masking{}, nil, []string{"mallory", "加微信", "13800138000", "已发货"}},
		{"redacted", Masking{Redact: []string{"phone"}}, []string{"13800138000"}, []string{"mallory", "加微信", "***********"}},
		{"anonymous", Masking{Anonymous: true}, []string{"mallory", "carol", "dave"}, []string{"加微信", "u_"}},
		{"without text", Masking{NoText: true}, []string{"加微信", "查订单"}, []string{"mallory"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var file bytes.Buffer
			w, err := NewTrafficWriter(&file, test.mask, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if err := w.Write(e); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range test.lost {
				if strings.Contains(file.String(), s) {
					t.Errorf("the file tells %s:\n%s", s, file.String())
				}
			}
			for _, s := range test.kept {
				if !strings.Contains(file.String(), s) {
					t.Errorf("the file does not tell %s:\n%s", s, file.String())
				}
			}
			_, again, err := ReadTraffic(&file, "t.jsonl")
			if err != nil || len(again) != len(list) {
				t.Fatalf("%d events of %d, %v", len(again), len(list), err)
			}
			c, err := (&Replay{Registry: registry(), Old: old.Set, New: old.Set, Dir: old.Dir, Traffic: again}).Run(t.Context())
			if err != nil || len(c.Changes) > 0 || len(c.Unknown) > 0 || !test.mask.NoText && c.Drifted > 0 {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}

func TestTrafficFileErrors(t *testing.T) {
	if _, err := NewTrafficWriter(io.Discard, Masking{Redact: []string{"fone"}}, time.Time{}); err == nil ||
		!strings.Contains(err.Error(), `does not know "fone"`) {
		t.Errorf("got %v", err)
	}
	for text, want := range map[string]string{
		"":        "f is empty",
		"hello\n": "f:1: this is no file of recorded traffic",
		"{\"timbot\":\"traffic\",\"version\":9}\n":                              "f:1: the file has version 9, this timbot reads 1",
		"{\"timbot\":\"traffic\",\"version\":1}\n{\"key\":1}\n":                 "f:2: no event",
		"{\"timbot\":\"traffic\",\"version\":1}\n{\"key\":\"a\",\"event\":7}\n": "f:2: event a",
	} {
		if _, _, err := ReadTraffic(strings.NewReader(text), "f"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// BenchmarkReplay is one event through two sets of rules.
func BenchmarkReplay(b *testing.B) {
	const events = 1000
	world := live(b)
	g := world.Group("@TGS#shop")
	for i := range events {
		g.Member("carol").Says([]string{"大家好", "营业时间", "今天吃什么", "加微信"}[i%4])
		world.Advance(time.Second)
	}
	world.acts()
	set := loadRules(b, replayBot, nil)
	replay := &Replay{Registry: registry(), Old: set.Set, New: set.Set, Dir: set.Dir, Traffic: recorded(b, world)}
	for b.Loop() {
		if _, err := replay.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/events, "µs/event")
}
