package plugintest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/plugins/plugintest"
	"github.com/timbot-go/timbot/rules"
)

const manifest = `
name: good
version: 1.0.0
protocol: 1
command: [./program]
rights: {state: true, actions: [reply], signals: [told]}
actions:
  echo:
    idempotent: true
    timeout: 5s
    inputs:
      text: {type: text, required: true}
      count: int
      rest: {type: list, of: text}
      map: map
      wait: duration
      mode: {type: text, enum: [a, b]}
    outputs:
      text: {type: text, required: true}
      count: int
  keep:
    timeout: 5s
    inputs: {text: {type: text, required: true}}
    outputs: {text: {type: text, required: true}}
`

func run(t *testing.T, yaml string, o plugintest.Options) *plugintest.Report {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, rules.ManifestName), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := plugintest.Run(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// as is the test binary as a plugin that behaves so.
func as(t *testing.T, mode string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, "be", mode}
}

// told are the problems of a report, a line each, with the names of their checks.
func told(r *plugintest.Report) string {
	var b strings.Builder
	for _, c := range r.Checks {
		if c.Result == plugintest.NotTried {
			b.WriteString(c.Name + ": not tried\n")
		}
		for _, p := range c.Problems {
			b.WriteString(c.Name + ": " + p + "\n")
		}
	}
	return b.String()
}

// A plugin that is as it should be passes, quick or slow, with calls back or without.
func TestGood(t *testing.T) {
	for _, mode := range []string{"good", "slow", "streamed good", "streamed slow"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := run(t, manifest, plugintest.Options{Command: as(t, mode)})
			if !r.OK() || len(r.Checks) != len(plugintest.Names()) || r.Ready <= 0 || r.Plugin != "good" || r.Version != "1.0.0" {
				t.Errorf("%s%+v", told(r), r)
			}
		})
	}
}

// Each check fails for a plugin that breaks what it expects, and says how.
func TestBroken(t *testing.T) {
	modes := []struct{ check, mode, want string }{
		{"by-hand", "hangs by hand", "did not end within 1s: it must say what it is, and exit"},
		{"by-hand", "silent by hand", "it said nothing"},
		{"by-hand", "handshake by hand", "it wrote a handshake"},
		{"handshake", "dies at once", "it wrote no handshake: its program ended: exit status 3; it wrote to its standard error: cannot find the database"},
		{"handshake", "greets people", `is "Welcome!": that is no handshake; what a program prints for people belongs on its standard error`},
		{"handshake", "other protocol", `it speaks version "9" of the protocol, and this timbot 1`},
		{"handshake", "no certificate", "its certificate, is empty"},
		{"handshake", "padded", "without the = at its end"},
		{"handshake", "garbage certificate", "no X.509"},
		{"handshake", "socket elsewhere", "PLUGIN_UNIX_SOCKET_DIR"},
		{"tls", "trusts everybody", "it serves a program that shows no certificate"},
		{"tls", "trusts any certificate", "it serves a program that shows a certificate of its own"},
		{"tls", "other certificate", "a bot cannot connect"},
		{"start", "slow start", "it wrote no handshake to its standard output within 1s: a bot gives up then. Is the output flushed?"},
		{"start", "never ready", "it did not say Ready within 1s from its start"},
		{"ready", "other name", `the program says that it is "evil" "1.0.0", and plugin.yaml says "good" "1.0.0"`},
		{"ready", "other version", `"1.0.1"`},
		{"ready", "fewer actions", "plugin.yaml has the action keep, and the program has not"},
		{"ready", "more actions", "the program has the action more, and plugin.yaml has not"},
		{"ready", "no ready", "its first message on the session is *wire.PluginMessage_Pong, and must be Ready"},
		{"ready", "ends the session", "the session ended before it said Ready"},
		{"calls", "status", "echo was answered with the status Unknown (not so): what goes wrong belongs into the reply's error"},
		{"calls", "no result", "echo was answered with neither output nor error"},
		{"calls", "bad code", `has the code "NOT a word": use lower_snake_case`},
		{"calls", "silent error", "has no text for people"},
		{"calls", "exits", "it ended in the middle of echo: its program ended: exit status 3; it wrote to its standard error: panic: out of luck"},
		{"calls", "wrong output", "what echo answered is not what plugin.yaml says: text: want text, not a whole number"},
		{"calls", "missing output", "what echo answered is not what plugin.yaml says: text: is missing"},
		{"calls", "more output", "more"},
		{"calls", "streamed status", "the stream Calls ended in the middle of echo (rpc error: code = Unknown desc = not so)"},
		{"calls", "streamed no id", "a reply on the stream Calls is for call 0, which was not made, or answered before"},
		{"calls", "streamed replies twice", "a reply on the stream Calls is for call 1, which was not made, or answered before"},
		{"calls", "streamed exits", "it ended in the middle of echo: its program ended: exit status 3"},
		{"unknown-action", "dies of an unknown action", "it ended when an action was called that it does not have"},
		{"unknown-action", "unknown status", "the status Unimplemented"},
		{"unknown-action", "knows all", "as if all were well"},
		{"odd-inputs", "dies of odd input", "it ended in the middle of echo"},
		{"odd-inputs", "dies of zero bytes", `a\u0000b`},
		{"odd-inputs", "takes anything", "which is no JSON object: echo answered as if all were well"},
		{"big-inputs", "dies of large input", "panic: too large"},
		{"big-inputs", "answers too much", "1800"},
		{"newer-bot", "dies of the unknown", "panic: an unknown message"},
		{"newer-bot", "dies of an unknown cancel", "panic: no such call"},
		{"parallel", "one at a time", "with 16 calls at once: echo was answered with the status ResourceExhausted (one at a time)"},
		{"cancel", "ignores cancel", "cancelled at once: echo did not end within 300ms of Cancel: a bot kills the plugin then"},
		{"deadline", "ignores cancel", "with 200ms of time: echo did not end within 300ms of Cancel"},
		{"calls-back", "asks with id 0", "has the id 0"},
		{"calls-back", "asks for no call", "which was never made"},
		{"calls-back", "asks for nothing", "asks for nothing"},
		{"calls-back", "asks for too much", `it has the bot do "send", and plugin.yaml does not ask for it`},
		{"calls-back", "long key", "a key of its state has 201 bytes: want 1 to 200"},
		{"calls-back", "no JSON", `the value of k is no JSON: "{"`},
		{"calls-back", "large value", "the value of k has 70002 bytes"},
		{"calls-back", "other signal", `it raises the signal "other"`},
		{"calls-back", "replies", "keep has the bot do reply, which others may notice, and plugin.yaml does not say acts_on_chat of it"},
		{"calls-back", "dies of a refusal", "it ended in the middle of keep"},
		{"log", "floods", "echo wrote 1000 lines in one call: a bot keeps 200 a second"},
		{"log", "floods always", "lines within a second in which nothing called it"},
		{"log", "long log", "a line for the log has 10000 bytes"},
		{"log", "many fields", "has 30 fields"},
		{"crash", "keeps a lock", "after it was killed it does not start again in the same folder"},
		{"stop", "does not stop", "it was told to stop, and 2s later it still runs"},
		{"stop", "drops calls", "the call of echo that ran when it was told to stop was not answered"},
		{"stop", "leaves a child", "it left a program behind"},
		{"bot-gone", "outlives the bot", "the session broke, and 2s later it still runs"},
	}
	covered := []string{"manifest", "ping"} // see below
	for _, m := range modes {
		covered = append(covered, m.check)
		t.Run(m.check+"/"+m.mode, func(t *testing.T) {
			t.Parallel()
			only := []string{m.check, "ready"}
			if m.check == "log" {
				only = append(only, "calls")
			}
			o := plugintest.Options{Command: as(t, m.mode), Only: only, StopGrace: 2 * time.Second, CancelGrace: 300 * time.Millisecond}
			if m.check == "start" || m.mode == "hangs by hand" {
				o.StartTimeout = time.Second
			}
			if got := told(run(t, manifest, o)); !strings.Contains(got, m.check+": ") || !strings.Contains(got, m.want) {
				t.Errorf("got %s, want %s: %s", got, m.check, m.want)
			}
		})
	}
	for _, name := range plugintest.Names() {
		if !slices.Contains(covered, name) {
			t.Errorf("no plugin here breaks what %s expects", name)
		}
	}
}

// What an action may have the bot do needs inputs that the bot's action has.
func TestActs(t *testing.T) {
	acting := strings.Replace(manifest, "  keep:\n", "  keep:\n    acts_on_chat: true\n", 1)
	for mode, want := range map[string]string{"replies": "", "replies badly": `calls-back: reply of the bot has no input "txt"`} {
		got := told(run(t, acting, plugintest.Options{Command: as(t, mode), Only: []string{"calls", "calls-back"}}))
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", mode, got, want)
		}
	}
}

// docs/plugins.md tells what each check expects.
func TestDocs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, "", plugintest.Options{})
	for _, c := range r.Checks {
		if row := "\n| `" + c.Name + "` | " + c.Expects + " |\n"; !strings.Contains(string(doc), row) {
			t.Errorf("docs/plugins.md has no row%s", row)
		}
	}
}

func TestPing(t *testing.T) {
	for _, mode := range []string{"no pong", "other pong"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			o := plugintest.Options{Command: as(t, mode), Only: []string{"ping"}, PingTimeout: time.Second}
			if got := told(run(t, manifest, o)); !strings.HasPrefix(got, "ping: a Ping with the id 100 was not answered") {
				t.Error(got)
			}
		})
	}
}

func TestManifest(t *testing.T) {
	for yaml, want := range map[string]string{
		strings.ReplaceAll(manifest, "protocol: 1", "protocol: 7"): "protocol must be 1",
		manifest: "the program that it names cannot be started: ",
	} {
		r := run(t, yaml, plugintest.Options{})
		if got := told(r); r.OK() || !strings.HasPrefix(got, "manifest: ") || !strings.Contains(got, want) || !strings.Contains(got, "stop: not tried") {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	o := plugintest.Options{Command: as(t, "good"), Inputs: map[string]json.RawMessage{"ekho": []byte("{}")}}
	if got := told(run(t, manifest, o)); !strings.Contains(got, `manifest: inputs were given for "ekho", and there is no such action`) {
		t.Error(got)
	}
	if _, err := plugintest.Run(t.Context(), filepath.Join(t.TempDir(), "nowhere"), plugintest.Options{}); err == nil {
		t.Error("a folder that is not there was tested")
	}
}

// Inputs that the author gives are those of the calls.
func TestInputs(t *testing.T) {
	o := plugintest.Options{
		Command: as(t, "good"), Only: []string{"calls"}, Inputs: map[string]json.RawMessage{"echo": []byte(`{"text":1}`)},
	}
	if r := run(t, manifest, o); !r.OK() { // an error for people is fine
		t.Error(told(r))
	}
}
