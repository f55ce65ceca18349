package rulestest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rulestest"
)

// Wrong test files are refused with the place, the nearest name, and what to do.
func TestWrongFiles(t *testing.T) {
	one := func(test string) string { return "version: 1\ntests:\n  - " + test + "\n" }
	for _, c := range []struct{ file, want string }{
		{"", "a_test.yaml: file is empty: it needs at least version, and tests"},
		{"version: 1\ntests: [", `a_test.yaml:2: did not find expected node content`},
		{"- a\n", `a_test.yaml:1:1: a test file must be a mapping (key: value), not a list`},
		{"tests: []\n", "a_test.yaml:1:1: file has no version: it begins with `version: 1`"},
		{"version: 2\n", `a_test.yaml:1:10: version must be 1: this timbot reads no other`},
		{"version: 1\n", `a_test.yaml: file has no tests`},
		{"version: 1\ntests: []\n", `a_test.yaml:2:8: tests is empty: a file without tests passes whatever the rules say`},
		{"version: 1\ntest: []\n",
			`a_test.yaml:2:1: a test file has no key "test" (did you mean "tests"?); there are version, rules, clock, zone, given, mocks, tests, coverage, unnoticed`},
		{"version: 1\nversion: 1\n", `a_test.yaml:2:1: key "version" comes twice`},
		{"version: 1\nzone: Asia/Shanghia\n", `a_test.yaml:2:7: unknown time zone "Asia/Shanghia": want for instance Asia/Shanghai or UTC`},
		{"version: 1\nclock: noon\n",
			`a_test.yaml:2:8: clock must be a time such as 2026-10-10T08:30:00+08:00, or 2026-10-10 08:30 in the file's zone`},
		{"version: 1\nrules: [b.yaml]\n", `a_test.yaml:2:8: rules: cannot read "b.yaml": no such file or directory`},
		{"version: 1\nrules: []\n", `a_test.yaml:2:8: rules names no file`},
		{"version: 1\ncoverage: {rules: 101}\n", `a_test.yaml:2:19: coverage.rules must be a whole number from 0 to 100`},
		{"version: 1\ncoverage: {branch: 1}\n",
			`a_test.yaml:2:12: coverage has no key "branch" (did you mean "branches"?); there are rules, branches`},
		{"version: 1\ngiven: {list: {}}\ntests: [{name: a, expect: []}]\n",
			`a_test.yaml:2:9: given has no key "list" (did you mean "lists"?); there are lists, groups, users, state, history`},
		{"version: 1\nmocks: {htp: []}\ntests: [{name: a, expect: []}]\n", `a_test.yaml:2:9: there is no action "htp" (did you mean "http"?)`},
		{"version: 1\nmocks: {http: [{}]}\ntests: [{name: a, expect: []}]\n", `a_test.yaml:2:16: a mock needs return or error`},
		{"version: 1\nmocks: {http: [{when: a ==, error: x}]}\ntests: [{name: a, expect: []}]\n",
			`a_test.yaml:2:23: when: unexpected token EOF (1:4)`},
		{one(`{ name: a, send: &a { from: u, text: x, elements: [*a] }, expect: [] }`),
			`a_test.yaml:3:56: file is too large or too deep once aliases are expanded, or an alias is inside of what it stands for`},
		{"version: 1\na: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n" +
			"c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n" +
			"e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n",
			`a_test.yaml:2:29: file is too large or too deep once aliases are expanded, or an alias is inside of what it stands for`},
		{one(`{ expect: [], advance: 1h }`), `a_test.yaml:3:5: test has no name`},
		{one("{ name: a, expect: [], advance: 1h }\n  - { name: a, expect: [], advance: 1h }"),
			`a_test.yaml:4:13: test "a" comes twice, first in line 3`},
		{one(`{ name: a, advance: 1h }`),
			`a_test.yaml:3:5: test expects nothing: it would pass whatever the rules do (expect: [] means silence)`},
		{one(`{ name: a, rule: eco, advance: 1h, expect: [] }`), `a_test.yaml:3:22: there is no rule "eco" (did you mean "echo"?)`},
		{one(`{ name: a, rule: guarded, advance: 1h, expect: [] }`),
			"a_test.yaml:3:5: rule guarded runs as shadow in this test, so it does nothing whatever it says: give `run: live`, or check why"},
		{one(`{ name: a, rule: echo, run: off, advance: 1h, expect: [] }`),
			"a_test.yaml:3:5: rule echo runs as off in this test, so it does nothing whatever it says: give `run: live`, or check why"},
		{one(`{ name: a, rule: echo, run: life, advance: 1h, expect: [] }`), `a_test.yaml:3:33: run must be live, shadow or off`},
		{one(`{ name: a, run: live, advance: 1h, expect: [] }`), `a_test.yaml:3:16: run says as what the test's rule runs: the test has no rule`},
		{one(`{ name: a, table: [], advance: 1h, expect: [] }`), `a_test.yaml:3:23: table has no rows: the test would never run`},
		{one(`{ name: a, table: [1], advance: 1h, expect: [] }`), `a_test.yaml:3:24: a row must be a mapping (name: value), not "1"`},
		{one(`{ name: a, table: [{x: 1}], advance: 1h, expect: [] }`),
			`a_test.yaml:3:23: nothing in the test reads a row, so that each is the same test: ${{ row.NAME }} stands for a value`},
		{one(`{ name: a, table: [{x: 1}], send: { from: u, text: "${{ row.y + 1 }}" }, expect: [] }`),
			`a_test.yaml:3:56: ${{ row.y + 1 }}: invalid operation: <nil> + int (1:8)`},
		{one(`{ name: a, table: [{x: 1}], send: { from: u, text: "${{ row.x" }, expect: [] }`), `a_test.yaml:3:56: ${{ without its }}`},
		{one(`{ name: a, repeat: 0, advance: 1h, expect: [] }`), `a_test.yaml:3:24: repeat must be a whole number from 1 to 10000`},
		{one(`{ name: a, steps: [{ advance: 1h, expect: [] }], expect: [] }`),
			`a_test.yaml:3:54: a test has steps, or the keys of one step beside its name: expect belongs into a step`},
		{one(`{ name: a, steps: [{}] }`),
			`a_test.yaml:3:24: step does nothing and checks nothing: it has one of …`},
		{one(`{ name: a, steps: [{ advance: 1h, restart: true, expect: [] }] }`),
			`a_test.yaml:3:39: a step does one thing: restart belongs into a step of its own`},
		{one(`{ name: a, steps: [{ advance: soon, expect: [] }] }`), `a_test.yaml:3:35: advance must be a duration such as 30s, 5m or 25h`},
		{one(`{ name: a, steps: [{ advance: -5m, expect: [] }] }`), `a_test.yaml:3:35: advance must be a duration such as 30s, 5m or 25h`},
		{one(`{ name: a, steps: [{ at: soon, expect: [] }] }`),
			`a_test.yaml:3:30: at must be a time such as 2026-10-10T08:30:00+08:00, or 2026-10-10 08:30 in the file's zone`},
		{one(`{ name: a, steps: [{ sent: {}, expect: [] }] }`),
			`a_test.yaml:3:26: a step has no key "sent" (did you mean "send"?); there are …`},
		{one(`{ name: a, send: { text: x }, expect: [] }`), `a_test.yaml:3:22: from is missing: who sends it`},
		{one(`{ name: a, steps: [{ send: { from: u, text: x, as: msg1 } }, { revoke: { msg: msg2 }, expect: [] }] }`),
			`a_test.yaml:3:83: no step before this one names a message "msg2" (did you mean "msg1"?)`},
		{one(`{ name: a, edit: { msg: m, text: x }, expect: [] }`), `a_test.yaml:3:29: no step before this one names a message "m"`},
		{one(`{ name: a, join: { user: u }, expect: [] }`), `a_test.yaml:3:22: in is missing: which group`},
		{one(`{ name: a, join: { in: g }, expect: [] }`), `a_test.yaml:3:22: user is missing: who`},
		{one(`{ name: a, restart: 5, expect: [] }`), `a_test.yaml:3:25: restart is true, or {after: DURATION}`},
		{one(`{ name: a, advance: 1h, expect: [replay] }`), `a_test.yaml:3:38: there is no action "replay" (did you mean "reply"?)`},
		{one(`{ name: a, advance: 1h, expect: [archive] }`),
			`a_test.yaml:3:38: nobody notices archive: it belongs into quietly, and what it leaves into archived or state`},
		{one(`{ name: a, advance: 1h, expect: [{ reply: x, send: y }] }`),
			`a_test.yaml:3:38: an expectation is one action, with what is known of it: {reply: {text: 你好}}`},
		{one(`{ name: a, advance: 1h, expect: [{ revoke: { msgs: m } }] }`),
			`a_test.yaml:3:50: revoke has no "msgs" (did you mean "msg"?); there are answers, code, error, in, in_group, in_user, locator, msg, rule, step, text, to_group, to_user, user`},
		{one(`{ name: a, advance: 1h, expect: [{ reply: { text: { contain: x } } }] }`), ""}, // a mapping that is compared
		{one(`{ name: a, advance: 1h, expect: [{ reply: { text: { contains: x, contain: x } } }] }`),
			`a_test.yaml:3:70: unknown matcher "contain" (did you mean "contains"?); there are contains, not_contains, regex, one_of, not, expr`},
		{one(`{ name: a, advance: 1h, expect: [{ reply: { text: { contains: "" } } }] }`), `a_test.yaml:3:67: contains is empty: every text has that`},
		{one(`{ name: a, advance: 1h, expect: [{ reply: { text: { regex: "(" } } }] }`), "a_test.yaml:3:64: regex: error parsing regexp: missing closing ): `(`"},
		{one(`{ name: a, advance: 1h, expect: [{ reply: { text: { expr: "1 == 1" } } }] }`),
			`a_test.yaml:3:63: expr does not look at value: it says the same of every value`},
		{one(`{ name: a, advance: 1h, expect: [], why: { eco: x } }`), `a_test.yaml:3:48: there is no rule "eco" (did you mean "echo"?)`},
		{one(`{ name: a, advance: 1h, expect: [], why: { echo: "" } }`), `a_test.yaml:3:54: why.echo is empty: want a part of the reason, or fired`},
		{one(`{ name: a, advance: 1h, expect: [], nam: b }`),
			`a_test.yaml:3:41: a test has no key "nam" (did you mean "name"?); there are …`},
	} {
		t.Run(c.file, func(t *testing.T) {
			folder(t, echoRules)
			if err := os.WriteFile("a_test.yaml", []byte(c.file), 0o644); err != nil {
				t.Fatal(err)
			}
			s, err := rulestest.Load("a_test.yaml", actions.NewRegistry(actions.Builtin()...))
			if err == nil {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want == "":
			case err == nil:
				t.Errorf("it was loaded, want %s", c.want)
			case strings.HasSuffix(c.want, "…") && strings.Contains("\n"+err.Error(), "\n"+strings.TrimSuffix(c.want, "…")):
			case !strings.Contains("\n"+err.Error()+"\n", "\n"+c.want+"\n"):
				t.Errorf("got:\n%v\nwant:\n%s", err, c.want)
			}
		})
	}
}

// Mistakes of the rules are told with their own places.
func TestWrongRules(t *testing.T) {
	folder(t, `
-- sub/a.yaml --
version: 1
rules: [{id: a, on: mesage, do: [{reply: x}]}]
-- sub/a_test.yaml --
version: 1
tests: [{name: a, advance: 1h, expect: []}]
`)
	want(t, report(t, rulestest.Runner{}, text, "sub/a_test.yaml"), `
FAIL  sub/a_test.yaml
      sub/a.yaml:2:21: rule "a": unknown event "mesage" (did you mean "message"?)
          2 | rules: [{id: a, on: mesage, do: [{reply: x}]}]
            |                     ^
1 of 1 test failed
`)
}

// FuzzTestFile: no text of a test file makes Load panic, and what is refused says where.
func FuzzTestFile(f *testing.F) {
	for _, name := range []string{"shop_test.yaml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, test := range []string{
		"table: [{a: 1}]\n    send: {from: u, text: \"${{ row.a }}\"}\n    expect: [reply]",
		"steps: [{send: &a {from: u, as: m}}, {edit: {msg: m, text: 1}}, {join: {in: g, users: [u]}, state: {user: {u: {k: {not: 1}}}}}]",
		"given: {groups: {g: {members: {u: {role: admin}}}}, history: [{in: g, from: u, text: x, ago: 5m}]}\n    why: {order: fired}",
		"mocks: {http: [{when: args.url == \"\", return: {status: 1}, times: 2, after: 1s}]}\n    signal: {name: x, data: {a: [1]}}\n    expect: []",
	} {
		f.Add(fmt.Sprintf("version: 1\nrules: shop.yaml\ncoverage: {rules: 1}\ntests:\n  - name: a\n    %s\n", test))
	}
	f.Add("version: 1\nrules: []\n")
	f.Add("version: 1\ntests: &a [*a]\n")
	dir := f.TempDir()
	rules, err := os.ReadFile(filepath.Join("testdata", "shop.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop.yaml"), rules, 0o644); err != nil {
		f.Fatal(err)
	}
	registry := actions.NewRegistry(actions.Builtin()...)
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, fmt.Sprintf("shop%d%s", os.Getpid(), rulestest.FileSuffix)) // workers share the folder
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		rulestest.FilesOf(path)
		s, err := rulestest.Load(path, registry)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
