package rulestest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

// writeBot writes a bot's folder. The name of a file is in the first line of each.
func writeBot(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const wrongHead = "version: 1\nbot: {connection: \"local::memory:?user=bot\"}\n"

// wrongOn lets mallory say a text in a group and asks what to do about the rule that fired.
func wrongOn(t *testing.T, dir, text, rule string) (*Wrong, error) {
	t.Helper()
	b := New(t, filepath.Join(dir, "bot.yaml"))
	m := b.Group("@TGS#shop").Member("mallory").Says(text)
	b.acts()
	in := b.world.bot.Inspector()
	story, err := in.Why(t.Context(), b.world.last)
	if err != nil {
		t.Fatal(err)
	}
	traffic, err := in.TrafficOf(t.Context(), (&sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: asHeard(m)}).Key())
	if err != nil {
		t.Fatal(err)
	}
	return (&FalsePositive{
		Registry: registry(), Files: bot.Files{Dir: dir, Name: "bot.yaml"}, Story: story, Traffic: traffic, Rule: rule, Zone: time.UTC,
	}).Wrong(t.Context())
}

// asHeard is a message as others than its sender see it.
func asHeard(m *sdkconn.Message) *sdkconn.Message {
	m.IsFromSelf = false
	return m
}

func TestWrong(t *testing.T) {
	const do = "    do: [revoke: {}]\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		text  string
		fix   string // what the fix adds
		why   string
	}{
		{"a list of safe phrases in a file", map[string]string{
			"bot.yaml": wrongHead + "lists: {ok: {file: lists/ok.txt}}\nrules:\n  - id: ads\n    on: message\n" +
				"    match: {any_of: [加微信], except: \"${{ lists.ok }}\"}\n" + do,
			"lists/ok.txt": "# 可以\n微信群",
		}, "大家好，请不要加微信哦！谢谢", "+请不要加微信哦\n", ""},
		{"a list of messages to let pass", map[string]string{
			"bot.yaml": wrongHead + "lists:\n  ok:\n    - 你好 # 问候\nrules:\n  - id: ads\n    on: message\n" +
				"    match: {any_of: [加微信], none_of: \"${{ lists.ok }}\"}\n" + do,
		}, "请不要加微信", "+    - \"请不要加微信\"\n", ""},
		{"phrases in the rule", map[string]string{
			"bot.yaml": wrongHead + "rules:\n  - id: ads\n    on: message\n    match:\n      any_of: [加微信]\n" +
				"      except: [微信群] # 群\n" + do,
		}, "请不要加微信", "+      except: [\"请不要加微信\", 微信群] # 群\n", ""},
		{"no phrases yet", map[string]string{
			"bot.yaml": wrongHead + "rules:\n  - id: ads\n    on: message\n    match:\n      any_of: [加微信]\n" + do,
		}, "请不要加微信", "+      except: [\"请不要加微信\"]\n", ""},
		{"no phrases yet, in one line", map[string]string{
			"bot.yaml": wrongHead + "rules:\n  - id: ads\n    on: message\n    match: { any_of: [加微信] }\n" + do,
		}, "请不要加微信", "+    match: { except: [\"请不要加微信\"], any_of: [加微信] }\n", ""},
		{"the word alone", map[string]string{
			"bot.yaml": wrongHead + "rules:\n  - id: ads\n    on: message\n    match: { any_of: [加微信] }\n" + do,
		}, "加微信！", "", "nothing stands around"},
		{"no word", map[string]string{
			"bot.yaml": wrongHead + "rules:\n  - id: ads\n    on: message\n    if: msg.text contains \"微信\"\n" + do,
		}, "请不要加微信", "", "found no word"},
		{"a regular expression", map[string]string{
			"bot.yaml": wrongHead + "rules:\n  - id: ads\n    on: message\n    match: { any_of: [\"加.信\"], mode: regex }\n" + do,
		}, "请不要加微信", "", "of mode regex"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := writeBot(t, test.files)
			w, err := wrongOn(t, dir, test.text, "")
			if err != nil {
				t.Fatal(err)
			}
			if test.why != "" {
				if w.Fix != nil || !strings.Contains(w.Why, test.why) {
					t.Errorf("got %q and\n%s", w.Why, w.Fix.Diff())
				}
			} else if w.Fix == nil || !strings.Contains(w.Fix.Diff(), test.fix) {
				t.Fatalf("got %q, %+v", w.Why, w.Fix)
			}
			if w.Passes {
				t.Error("the test passes without the fix")
			}
			if err := w.Test.Apply(); err != nil {
				t.Fatal(err)
			}
			run := func() bool {
				s := load1(t, filepath.Join(dir, "bot_test.yaml"))
				res, err := s.Run(t.Context(), s.Tests[len(s.Tests)-1], time.Now)
				if err != nil {
					t.Fatal(err)
				}
				return res.Passed()
			}
			if run() {
				t.Errorf("the test passes before the fix:\n%s", w.Test.After)
			}
			if w.Fix == nil {
				return
			}
			if test.name == "no phrases yet" {
				again, err := wrongOn(t, dir, test.text, "")
				if err != nil || !again.There || again.Fix == nil || again.Name != w.Name {
					t.Errorf("again: %+v, %v", again, err)
				}
			}
			if err := w.Fix.Apply(); err != nil {
				t.Fatal(err)
			}
			if !run() {
				t.Errorf("the test fails after the fix:\n%s", w.Test.After)
			}
			if err := w.Fix.Apply(); err == nil || !strings.Contains(err.Error(), "has changed meanwhile") {
				t.Errorf("applied twice: %v", err)
			}
		})
	}
}

func load1(t *testing.T, path string) *Suite {
	t.Helper()
	s, err := Load(path, registry())
	if err != nil {
		t.Fatalf("%s", rendered(err))
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestWrongKeepsTheFile: the test goes to the end of the tests, and all else stays; what other rules do is expected.
func TestWrongKeepsTheFile(t *testing.T) {
	const tests = "version: 1\n# 测试\ntests:\n    - name: 问候\n      send: {from: a, text: 微信} # 短\n      expect: []\n\n" +
		"# 覆盖\ncoverage: {rules: 50}\n"
	dir := writeBot(t, map[string]string{
		"bot.yaml": wrongHead + "rules:\n  - id: ads\n    stage: guard\n    final: true\n    on: message\n" +
			"    match: { any_of: [加微信] }\n    do: [revoke: {}]\n" +
			"  - {id: hello, on: message.group, match: {any_of: [请]}, do: [reply: 收到]}\n",
		"bot_test.yaml": tests,
	})
	w, err := wrongOn(t, dir, "请不要加微信", "")
	if err != nil || w.Fix == nil {
		t.Fatalf("%+v, %v", w, err)
	}
	got := string(w.Test.After)
	before, after, ok := strings.Cut(got, "\n    - name: \"误判 ads 2026-01-01 00:00:00\"\n      rule: ads\n")
	if !ok || !strings.HasPrefix(tests, before) || !strings.HasSuffix(got, "\n\n# 覆盖\ncoverage: {rules: 50}\n") ||
		!strings.Contains(after, "reply: {text: 收到}") && !strings.Contains(after, "reply: {text: \"收到\"}") {
		t.Errorf("got\n%s", got)
	}
}

func TestWrongErrors(t *testing.T) {
	dir := writeBot(t, map[string]string{
		"bot.yaml": wrongHead + "rules:\n  - {id: a, stage: guard, on: message, match: {any_of: [x]}, do: [revoke: {}]}\n" +
			"  - {id: b, stage: guard, on: message, match: {any_of: [x]}, do: [revoke: {}]}\n",
	})
	for _, test := range []struct{ text, rule, want string }{
		{"y", "", "no rule fired"},
		{"x y", "", "several rules fired on this message: name one with --rule, a or b"},
		{"x y", "c", `rule "c" did not fire on this message: a, b did`},
	} {
		if _, err := wrongOn(t, dir, test.text, test.rule); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, rule %q: got %v", test.text, test.rule, err)
		}
	}
}

func TestPromote(t *testing.T) {
	for _, form := range []string{"run: shadow # 先看看", "run: 'shadow'", "\"run\": \"shadow\""} {
		rule := "rules:\n  - id: a\n    " + form + "\n    on: message\n    do: [reply: hi]\n" +
			"  - { id: b, on: message, run: shadow, do: [reply: ho] } # b\n"
		dir := writeBot(t, map[string]string{"bot.yaml": wrongHead + rule})
		path := filepath.Join(dir, "bot.yaml")
		p, err := Promote(path, registry(), "a")
		if want := wrongHead + strings.Replace(rule, "shadow", "live", 1); err != nil || string(p.After) != want {
			t.Errorf("%s: %v\n%s", form, err, p.Diff())
		}
		if p, err = Promote(path, registry(), "b"); err != nil || !strings.Contains(p.Diff(), "run: live, do") {
			t.Errorf("%s: %v", form, err)
		}
		if err := p.Apply(); err != nil {
			t.Fatal(err)
		}
		if _, err = Promote(path, registry(), "b"); err == nil || !strings.Contains(err.Error(), "rule b runs live") {
			t.Errorf("%s: %v", form, err)
		}
		if _, err = Promote(path, registry(), "aa"); err == nil || !strings.Contains(err.Error(), "has no rule \"aa\"") {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func TestShadow(t *testing.T) {
	b := live(t)
	g := b.Group("@TGS#shop")
	g.Member("mallory").Says("看 http://a.example")
	g.Member("mallory").Says("看 http://b.example")
	g.Member("carol").Says("大家好")
	b.acts()
	list, err := Shadow(t.Context(), replayBot, registry(), recorded(t, b), "")
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	s := list[0]
	if s.Rule != "mod.links" || s.Would != 2 || s.Live != 2 || s.Users["mallory"] != 2 || s.Does["revoke"] != 2 ||
		s.Words["http://"] != 2 || len(s.Samples) != 2 || s.Samples[0].Event.Text != "看 http://b.example" {
		t.Errorf("%+v", s)
	}
	var text strings.Builder
	if err := WriteShadow(&text, list, time.UTC); err != nil || !strings.Contains(text.String(), "would do  revoke 2") {
		t.Errorf("%v\n%s", err, text.String())
	}
	if _, err := Shadow(t.Context(), replayBot, registry(), nil, "hours"); err == nil || !strings.Contains(err.Error(), "no shadow rule") {
		t.Error(err)
	}
}

func TestDiffRules(t *testing.T) {
	const rule = "  - {id: %, on: message, match: {any_of: [x]}, do: [reply: {text: hi}]}\n"
	of := func(id string) string { return strings.Replace(rule, "%", id, 1) }
	set := func(text string) *RuleSet {
		dir := writeBot(t, map[string]string{"bot.yaml": wrongHead + text})
		return loadRules(t, filepath.Join(dir, "bot.yaml"), nil)
	}
	old := set("lists: {ads: [x, y]}\nrules:\n" + of("a") + of("b") + of("c"))
	for _, test := range []struct{ name, text, want string }{
		{"the same in other words", "lists: {ads: [x, y]}\nrules:\n" +
			"  # a\n  - id: a\n    do: [{reply: {text: \"hi\"}}]\n    stage: main\n    on: [message.group, message.c2c]\n" +
			"    match:\n      any_of:\n        - x\n" + of("b") + of("c"), "the rules are the same\n"},
		{"added, removed", "lists: {ads: [x, y]}\nrules:\n" + of("a") + of("c") + of("d"), "+ rule d\n- rule b\n"},
		{"moved", "lists: {ads: [x, y]}\nrules:\n" + of("b") + of("c") + of("a"), "~ rule a: tried later than before\n"},
		{"changed", "lists: {ads: [x, y]}\nrules:\n" + of("a") + of("b") +
			"  - {id: c, on: message, match: {any_of: [z]}, if: chat.type == \"c2c\", do: [reply: {text: ho}]}\n",
			"~ rule c: do, if, match.any_of\n"},
		{"a list", "lists: {ads: [x, z]}\nrules:\n" + of("a") + of("b") + of("c"), "~ list ads: 1 added (z), 1 removed (y)\n"},
		{"besides", "lists: {ads: [x, y]}\nvars: {v: 1}\nrules:\n" + of("a") + of("b") + of("c"), "~ vars\n"},
	} {
		d, err := DiffRules(old.Set, set(test.text).Set)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		if err := d.Write(&got); err != nil || got.String() != test.want {
			t.Errorf("%s: %v, got\n%s", test.name, err, got.String())
		}
	}
}
