// Package timbot holds nothing but the test that keeps the house in order: which package may import which, and why.
package timbot

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/timbot-go/timbot"

// arrows says what of this module each package may import. Arrows point down this list; what is not here is refused,
// so that a new package has to be given a place and a reason.
var arrows = []struct {
	dir     string
	imports []string
	why     string
}{
	{"cmd/timbot", []string{
		"bot", "bot/archive", "bot/backup", "bot/control", "bot/journal", "bot/journal/sqlite", "bot/targets", "bot/telemetry",
		"bot/webhook", "actions", "plugins/host", "plugins/plugintest", "plugins/starter", "rules", "rules/format", "rulestest",
		"sdkconn", "sdkconn/local", "sdkconn/native",
	}, "the command joins everything and holds no logic"},
	{"rulestest", []string{"bot", "bot/journal", "actions", "rules", "sdkconn", "sdkconn/local"},
		"runs tests on the very runtime, on the embedded chat in memory"},
	{"examples/bots/plugin/plugins/weather", []string{"plugins"}, "a plugin as an author writes one: the kit and nothing else"},
	{"internal/faultvfs", nil, "faults below SQLite, for the tests of all that keep files"},
	{"internal/footprint", []string{"sdkconn", "sdkconn/local"}, "measures the command from outside, as its users see it"},
	{"internal/killtest", []string{"sdkconn", "sdkconn/local", "bot/journal/sqlite", "bot/archive"},
		"kills the command and looks at the files that are left"},
	{"internal/tables", nil, "makes the rules' tables of characters; the rules do not know how"},
	{"bot/telemetry", []string{"bot"}, "watches a bot through its Observer; the caller starts it"},
	{"bot/webhook", []string{"bot", "rules"}, "HTTP before the bot's webhooks; the caller starts it"},
	{"bot/control", []string{"bot", "sdkconn"}, "the way into a running bot stands beside it: a bot does not know that it is there"},
	{"bot", []string{"bot/journal", "bot/schedule", "bot/targets", "actions", "plugins/host", "rules", "sdkconn"},
		"the runtime joins connection, journal, rules, actions and plugins; it knows no driver"},
	{"bot/schedule", nil, "when a schedule's time comes: a function of its text, its zone and its calendar"},
	{"bot/targets", []string{"sdkconn"}, "reads lists of who gets an announcement, whatever becomes of them"},
	{"bot/archive", []string{"actions"}, "keeps what archive steps write; the runtime knows it by the actions' interface"},
	{"bot/backup", nil, "copies databases, whatever is in them"},
	{"bot/journal", nil, "the journal does not look into what it keeps"},
	{"bot/journal/sqlite", []string{"bot/journal"}, "a journal imports the contract only"},
	{"bot/journal/journaltest", []string{"bot/journal"}, "the suite of every journal"},
	{"plugins", []string{"plugins/wire"}, "the kit that plugins import: nothing of the bot's"},
	{"plugins/plugintest", []string{"actions", "bot", "plugins/host", "plugins/wire", "rules"},
		"tests a program as a bot would take it: above bot, which knows what becomes of a manifest"},
	{"plugins/starter", []string{"plugins/wire"}, "writes the folder that an author begins with; knows neither bot nor rules"},
	{"plugins/host", []string{"actions", "plugins/wire", "sdkconn"}, "runs plugins; what a plugin may ask is an interface that bot has"},
	{"plugins/wire", nil, "what a bot and a plugin say to each other: made from plugin.proto"},
	{"actions", []string{"sdkconn"}, "actions and rules do not know each other: bot fills the rules' Catalog"},
	{"rules/format", []string{"rules"}, "puts files in form by the table of the language; the language does not need it"},
	{"rules", []string{"sdkconn", "bot/schedule"},
		"rules are pure: no I/O, no clock, no actions; what a schedule means is pure too, and checked at load"},
	{"sdkconn/local", []string{"sdkconn", "sdkconn/usersig"}, "a driver imports the contract only, and what a UserSig is"},
	{"sdkconn/native", []string{"sdkconn", "sdkconn/native/wire", "sdkconn/usersig"},
		"a driver imports the contract only, its own protocol, and what a UserSig is"},
	{"sdkconn/native/wire", nil, "what a program and its child say to each other: made from wire.proto"},
	{"sdkconn/libimsdk", []string{"sdkconn", "sdkconn/libimsdk/face"}, "the C library: symbols and nothing behind them"},
	{"sdkconn/libimsdk/face", []string{"sdkconn", "sdkconn/local"}, "the C API over the embedded chat, in Go, so that it is tested as Go"},
	{"sdkconn/libimsdk/exportgen", []string{"sdkconn/libimsdk/tencent"}, "writes the exports from the SDK's headers"},
	{"sdkconn/libimsdk/tencent", nil, "fetches the SDK for the generator and the tests"},
	{"sdkconn/conntest", []string{"sdkconn"}, "the suite of every connection knows no driver"},
	{"sdkconn/usersig", nil, "signatures are made by one driver and verified by another, which do not know each other"},
	{"sdkconn", nil, "the vocabulary imports nothing of ours"},
}

// forbiddenCalls are refused outside cmd, internal (programs) and tests: time is a value that is passed from the top, so
// that a bot runs on a virtual clock.
var forbiddenCalls = map[string][]string{
	"time":    {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
}

// badNames say nothing about what is inside.
var badNames = []string{"util", "utils", "common", "helpers", "helper", "models", "misc", "shared"}

type source struct {
	dir, file string
	test      bool
	syntax    *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(name))
		out = append(out, source{dir, name, strings.HasSuffix(name, "_test.go"), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		i := slices.IndexFunc(arrows, func(a struct {
			dir     string
			imports []string
			why     string
		}) bool {
			return a.dir == s.dir
		})
		if i < 0 {
			t.Errorf("%s: the package has no place in the layout; add it to arrows with its reason", s.file)
			continue
		}
		for _, spec := range s.syntax.Imports {
			ours, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/")
			if ok && !slices.Contains(arrows[i].imports, ours) {
				t.Errorf("%s imports %s, and must not: %s", s.file, ours, arrows[i].why)
			}
		}
	}
}

func TestTimeIsAValue(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "cmd/") || strings.HasPrefix(s.dir, "internal/") || strings.HasSuffix(s.dir, "test") { // the suites are tests
			continue
		}
		names := make(map[string]string) // the name in this file -> the package
		for _, spec := range s.syntax.Imports {
			p := strings.Trim(spec.Path.Value, `"`)
			if forbiddenCalls[p] == nil {
				continue
			}
			name := p
			if spec.Name != nil {
				name = spec.Name.Name
			}
			names[name] = p
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if ok && slices.Contains(forbiddenCalls[names[x.Name]], sel.Sel.Name) {
				t.Errorf("%s calls %s.%s; take the time from the clock that was passed in", s.file, x.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	docs := make(map[string][]string)
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		docs[s.dir] = append(docs[s.dir], "")
		if s.syntax.Doc != nil {
			docs[s.dir][len(docs[s.dir])-1] = s.file
		}
	}
	for dir, files := range docs {
		files = slices.DeleteFunc(files, func(f string) bool { return f == "" })
		if len(files) != 1 {
			t.Errorf("package %s has its doc in %d files %v, want 1", dir, len(files), files)
		}
	}
}

func TestPackageNamesSayWhatIsInside(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains(badNames, path.Base(s.dir)) {
			t.Errorf("%s: a package called %s says nothing", s.file, path.Base(s.dir))
		}
	}
}
