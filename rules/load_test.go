package rules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/timbot-go/timbot/sdkconn"
)

// The rules of the language's draft, as far as this version has what they use.
func TestSixRules(t *testing.T) {
	paths, _ := filepath.Glob("testdata/rules/*.yaml")
	if len(paths) != 7 {
		t.Fatalf("found %v", paths)
	}
	for _, path := range paths {
		if _, err := Load(os.DirFS("testdata/rules"), filepath.Base(path), Options{Catalog: catalog}); err != nil {
			t.Errorf("%s:\n%v", path, err)
		}
	}
	set, err := Load(os.DirFS("testdata/rules"), "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range set.Rules {
		got = append(got, r.ID)
	}
	want := []string{"hours", "mod.ads", "welcome", "order", "faq.fallback", "brief.daily", "archive"}
	if !slices.Equal(got, want) {
		t.Errorf("rules %v, want %v", got, want)
	}
	if got, want := set.Lists()["ads"], []string{"加微信", "兼职", "#地推"}; !slices.Equal(got, want) {
		t.Errorf("list ads %q, want %q", got, want)
	}
	if got, want := set.Needs(), (Needs{Role: true, GroupType: true}); got != want {
		t.Errorf("needs %+v, want %+v", got, want)
	}
	if got, want := set.Rule("mod.ads").Needs(), (Needs{Role: true, ChatName: true}); got != want {
		t.Errorf("mod.ads needs %+v, want %+v", got, want)
	}
	for kind, want := range map[sdkconn.EventKind]bool{
		sdkconn.EventNewMsg: true, sdkconn.EventMsgUpdate: true, sdkconn.EventMsgRevoke: true, sdkconn.EventConv: false,
	} {
		if set.Uses(kind) != want {
			t.Errorf("uses %s: %v", kind, !want)
		}
	}

	fsys, err := SourceFS(set.Sources())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(fsys, "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		t.Fatalf("load from sources: %v", err)
	}
	if again.Hash() != set.Hash() || len(again.Sources()) != 10 {
		t.Errorf("loaded again: %d sources, same hash %v", len(again.Sources()), again.Hash() == set.Hash())
	}
}

func TestArchiveKeyIsTheSameForARevocation(t *testing.T) {
	set, err := Load(os.DirFS("testdata/rules"), "6_archive.yaml", Options{Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	msg := textMsg("mallory", sdkconn.Group("@TGS#vip"), "我的电话13800138000，证件11010519491231002X")
	msg.Elems = append(msg.Elems, &sdkconn.ImageElem{OrigURL: "https://x/1.png"})
	revoked := &sdkconn.Event{Kind: sdkconn.EventMsgRevoke, At: epoch + 9, Revoked: &sdkconn.Revocation{Locator: msg.Locator(), RevokerUserID: "mallory"}}
	var keys []any
	for _, e := range []*sdkconn.Event{newMsg(msg), revoked} {
		ev := &Events(e, "bot")[0]
		d := set.Match(ev, facts())
		if len(d.Fired) != 1 {
			t.Fatalf("%s fired %v", ev.Type, ids(d))
		}
		in, err := d.Fired[0].Rule.Steps[0].Inputs(scope(ev, facts(), &d.Fired[0].Hit))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, in["key"], in["op"])
		if e.Kind == sdkconn.EventNewMsg {
			want := map[string]any{
				"at": "2023-11-14T22:13:20Z", "group": "@TGS#vip", "from": "mallory",
				"text": "我的电话***********，证件******************", "files": []any{"https://x/1.png"},
			}
			if !reflect.DeepEqual(in["record"], want) {
				t.Errorf("record %#v\nwant %#v", in["record"], want)
			}
		}
	}
	if !slices.Equal(keys, []any{keys[0], "upsert", keys[0], "tombstone"}) {
		t.Errorf("key and op %v", keys)
	}
}

func TestIncludeOrder(t *testing.T) {
	rule := func(id string) string { return "rules: [{id: " + id + ", on: message, do: [log: x]}]\n" }
	set := loadFS(t, fstest.MapFS{
		"bot.yaml":         {Data: []byte("version: 1\ninclude: [z.yaml, 'r/*.yaml']\n" + rule("own"))},
		"z.yaml":           {Data: []byte(rule("z") + "include: sub/y.yaml\n")},
		"sub/y.yaml":       {Data: []byte(rule("y") + "lists: {l: {file: words.txt}}\n")},
		"sub/words.txt":    {Data: []byte("\xEF\xBB\xBFone\r\n# two\r\n")},
		"r/b.yaml":         {Data: []byte("version: 1\n" + rule("b"))},
		"r/a.yaml":         {Data: []byte(rule("a") + "vars: {v: '${{ x }}'}\n")[:len(rule("a"))]},
		"r/a_test.yaml":    {Data: []byte("not: loaded")},
		"r/nested/no.yaml": {Data: []byte("not: loaded")},
	})
	var got []string
	for _, r := range set.Rules {
		got = append(got, r.ID)
	}
	if want := []string{"own", "z", "y", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("rules %v, want %v", got, want)
	}
	if got := set.Lists()["l"]; !slices.Equal(got, []string{"one"}) {
		t.Errorf("list %q", got)
	}
}

func TestYAML12(t *testing.T) {
	set := load(t, `
vars: { base: &words [a, "no"], v: *words }
rules:
  - &first
    id: one
    "on": message
    match: { any_of: *words }
    do: [log: x]
  - <<: *first
    id: two
    'on': [message.c2c, "message.edited"]
`)
	if len(set.Rules) != 2 || set.Rules[1].ID != "two" || !slices.Equal(set.Rules[1].Events, []string{"message.c2c", "message.edited"}) || set.Rules[1].match == nil {
		t.Errorf("rules %+v", set.Rules)
	}
}

// Documents that try to use up memory or time are refused, and say why.
func TestHostileFiles(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("version: 1\nvars:\n  a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 20; i++ {
		bomb.WriteString("  " + strings.ReplaceAll("aN: &aN [", "N", string(rune('a'+i))) + strings.Repeat("*"+map[bool]string{true: "a0", false: "a" + string(rune('a'+i-1))}[i == 1]+", ", 8) + "x]\n")
	}
	for name, test := range map[string]struct{ src, want string }{
		"100 MB":            {strings.Repeat("#", 100<<20), "bytes are more than the 4194304"},
		"open lists":        {strings.Repeat("[", 400_000), "exceeded max depth"},
		"open mappings":     {strings.Repeat("{a: ", 100_000), "exceeded max depth"},
		"nested blocks":     {strings.Repeat("- ", 1_000_000), "exceeded max depth"},
		"deep":              {"version: 1\nvars: {a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", "levels of nesting"},
		"many entries":      {"version: 1\nvars: {a: [" + strings.Repeat("a,", 600_000) + "]}", "more than 500000 entries"},
		"alias bomb":        {bomb.String(), "once aliases are expanded"},
		"alias of itself":   {"version: 1\nvars: &a {b: *a}\n", `anchor "a" contains itself`},
		"deep by aliases":   {deepAliases(), "levels of nesting"},
		"merge of itself":   {"version: 1\nvars: &a {<<: *a}\n", `anchor "a" contains itself`},
		"control bytes":     {"version: 1\nvars: {a: \x01}", "control characters"},
		"invalid UTF-8":     {"version: 1\nvars: {a: \xff}", "not valid UTF-8: byte 0xFF"},
		"UTF-8 mark":        {"\xEF\xBB\xBFversion: 1", "byte order mark"},
		"UTF-16":            {"\xFF\xFEv\x00", "UTF-16"},
		"nothing":           {"", "file is empty"},
		"a huge expression": {"version: 1\nrules: [{id: r, on: message, if: '" + strings.Repeat("1+", 6000) + "1 == 1', do: [log: x]}]", "maximum allowed nodes"},
		"a long expression": {"version: 1\nrules: [{id: r, on: message, if: '" + strings.Repeat(" ", 5) + "\"" + strings.Repeat("x", 20000) + "\" == msg.text', do: [log: x]}]", "longer than 16384 bytes"},
		"deep brackets":     {"version: 1\nrules: [{id: r, on: message, if: '" + strings.Repeat("(", 8000) + strings.Repeat(")", 8000) + "', do: [log: x]}]", ""},
		"an unknown alias":  {"version: 1\nvars: {a: *b}", "unknown anchor"},
		"a bad regex":       {"version: 1\nrules: [{id: r, on: message, match: {mode: regex, any_of: ['" + strings.Repeat("(", 2000) + strings.Repeat(")", 2000) + "']}, do: [log: x]}]", "expression nests too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte(test.src)}}, "bot.yaml", Options{Catalog: catalog})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Load: %.300v, want %q", err, test.want)
			}
		})
	}
}

func deepAliases() string {
	var b strings.Builder
	b.WriteString("version: 1\nvars:\n  a0: &a0 x\n")
	for i := 1; i < 200; i++ {
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll("  aN: &aN [*aM]\n", "N", strings.Repeat("i", i)), "M", map[bool]string{true: "0", false: strings.Repeat("i", i-1)}[i == 1]))
	}
	return b.String()
}

// A file may be a folder's, a device's or a link's: what cannot be read is an error that fs knows.
func TestMissingFile(t *testing.T) {
	_, err := Load(fstest.MapFS{}, "bot.yaml", Options{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load: %v", err)
	}
	var e *Error
	if !errors.As(err, &e) || e.File != "bot.yaml" || e.Line != 0 {
		t.Errorf("Load: %#v", e)
	}
	_, err = Load(fstest.MapFS{"x/a": {}}, "x", Options{})
	if err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("Load of a folder: %v", err)
	}
	if _, err = Load(fstest.MapFS{}, "../x", Options{}); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Load outside: %v", err)
	}
}

func TestSecrets(t *testing.T) {
	src := `
bot: { connection: "native:?sig=${{ secrets.SIG }}" }
secrets: { from: env }
rules: [{id: r, on: message, do: [http: {url: u, token: "Bearer ${{ secrets.KEY }}", headers: {x: "${{ secrets.SIG }}"}}]}]`
	set := load(t, src)
	if want := "native:?sig=s3cret-SIG"; set.Bot.Connection != want {
		t.Errorf("connection %q, want %q", set.Bot.Connection, want)
	}
	step := set.Rules[0].Steps[0]
	in, err := step.Inputs(scope(c2c("x"), facts(), nil))
	if err != nil || in["token"] != "Bearer s3cret-KEY" || !slices.Equal(step.Secrets(), []string{"headers", "token"}) {
		t.Errorf("inputs %v, %v; secrets %v", in, err, step.Secrets())
	}
	fsys := fstest.MapFS{"bot.yaml": {Data: []byte("version: 1" + src)}}
	_, err = Load(fsys, "bot.yaml", Options{Catalog: catalog, Env: func(string) (string, bool) { return "", false }})
	if err == nil || strings.Count(err.Error(), "is not in the environment") < 2 {
		t.Errorf("secrets that are not set: %v", err)
	}
	bad := load(t, "secrets: {from: env}\nrules: [{id: r, on: message, do: [http: {url: u, token: '${{ int(secrets.KEY) }}'}]}]")
	if _, err := bad.Rules[0].Steps[0].Inputs(scope(c2c("x"), facts(), nil)); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a secret in an error: %v", err)
	}
	set, err = Load(fsys, "bot.yaml", Options{Catalog: catalog})
	if err != nil || set.Bot.Connection != "native:?sig=" || len(set.Warnings()) != 1 || set.Warnings()[0].ID != "unset-secret" {
		t.Errorf("without a place for secrets: %v, %v", err, set)
	}
	for _, bad := range []string{
		"bot: {connection: x, name: '${{ secrets.A }}'}",
		"vars: {a: '${{ secrets.A }}'}",
		"rules: [{id: r, on: message, if: 'secrets.A == \"x\"', do: [log: x]}]",
		"rules: [{id: r, on: message, do: [log: '${{ secrets.A }}']}]",
		"rules: [{id: r, on: message, do: [set: {bot: {x: '${{ secrets.A }}'}}]}]",
		"rules: [{id: r, on: message, match: {any_of: '${{ secrets.A }}'}, do: [log: x]}]",
		"rules: [{id: r, on: message, do: [http: {url: '${{ secrets.A }}'}]}]",
		"rules: [{id: r, on: message, if: 'now().Local() == now()', do: [log: x]}]",
		"rules: [{id: r, on: message, if: 'now().In(timezone(\"UTC\")) == now()', do: [log: x]}]",
		"rules: [{id: r, on: message, if: 'date(\"a\", \"b\", \"c\") == now()', do: [log: x]}]",
		"rules: [{id: r, on: message, do: [http: {url: x, token: '${{ $env.secrets.A }}'}]}]",
	} {
		if errs := loadErr(t, "secrets: {from: env}\n"+bad); len(errs) == 0 {
			t.Error(bad)
		}
	}
}

func TestWarnings(t *testing.T) {
	set := load(t, `
lists: { a: [x], b: [] }
rules:
  - {id: all, on: message, do: [log: x]}
  - {id: never, on: message.c2c, match: {any_of: [x]}, do: [log: x]}
  - {id: slow, stage: observe, run: shadow, on: message, if: "len(msg.text) > 3", do: [log: "${{ join(lists.b) }}"]}
  - {id: fine, stage: observe, on: message, if: 'len(msg.text) > 3 && user.id == "x"', do: [log: x]}
`)
	var got []string
	for _, w := range set.Warnings() {
		got = append(got, w.ID+" "+w.Rule)
	}
	want := []string{"unused-list ", "empty-list ", "unreachable never", "shadow slow", "always-candidate slow"}
	if !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

func TestWarningsOfMatch(t *testing.T) {
	set := load(t, `rules:
  - {id: a, on: message, match: {mode: fuzzy, any_of: [加微信领红包, 兼职]}, do: [log: x]}
  - {id: b, on: message, match: {any_of: ["V!", 加v, a], normalize: strict}, do: [log: x]}`)
	var got []string
	for _, w := range set.Warnings() {
		got = append(got, w.ID+": "+w.Msg)
	}
	want := []string{
		"fuzzy-cost: 2 fuzzy words are looked for by 3 pieces: about 0.1 µs for a message with one of them (others cost nothing), and 0.3 µs more for each word of which a " +
			"piece is there",
		`short-word: strict leaves "v" of "V!": it is in most texts`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWarningsOfWaiting(t *testing.T) {
	const rules = `
rules:
  - {id: drops, on: message, limit: {rate: 1/s}, do: [log: x]}
  - {id: talks, on: message, session: {}, do: [ask: x]}
  - {id: silent, on: message, match: {any_of: x}, do: [{handoff: {}}, {if: msg.seq > 1, do: [handoff: {resume: {idle: 5m}}]}]}
  - {id: replies, on: message, limit: {rate: 1/s, over: reply, reply: x}, session: {}, do: [log: x]}
  - {id: waits, on: message.c2c, limit: {rate: 1/s, over: wait}, do: [log: x]}
  - {id: never, on: message.c2c, do: [log: x]}
`
	for bot, want := range map[string][]string{
		"":                                   {"silent-handoff silent", "idle-session replies", "unreachable never"},
		"bot: {connection: x, ops_group: g}": {"idle-session replies", "unreachable never"},
	} {
		var got []string
		for _, w := range load(t, bot+rules).Warnings() {
			got = append(got, w.ID+" "+w.Rule)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: warnings %q, want %q", bot, got, want)
		}
	}
}
