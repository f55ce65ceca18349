package rules

import (
	"strings"
	"testing"
	"testing/fstest"
)

func hookSet(t *testing.T, text string) *Set {
	t.Helper()
	env := func(name string) (string, bool) {
		return map[string]string{"A": "secret a", "B": "secret b"}[name], name <= "B"
	}
	set, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte("version: 1\nsecrets: {from: env}\n" + text)}}, "bot.yaml",
		Options{Catalog: catalog, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestWebhookForms(t *testing.T) {
	set := hookSet(t, `
bot:
  connection: local:x?user=b
  webhooks: {listen: ":8080", secret: "${{ secrets.A }}", max_size: 1kB, signature: token}
rules:
  - {id: plain, on: {webhook: /a}, do: [log: x]}
  - id: whole
    on:
      - webhook: {path: /b, secret: "${{ secrets.B }}", signature: github, max_size: 2kB, methods: [GET, PUT]}
      - signal.b
    do: [log: x]
  - {id: first, on: {webhook: /c}, do: [log: x]}
  - {id: second, on: {webhook: {path: /c, methods: PUT}}, do: [log: x]}
  - {id: none, run: off, on: {webhook: /d}, do: [log: x]}
`)
	for path, want := range map[string]Webhook{
		"/a": {Secret: "secret a", Proof: ProofToken, MaxSize: 1000, Methods: []string{"POST"}},
		"/b": {Secret: "secret b", Proof: ProofGitHub, MaxSize: 2000, Methods: []string{"GET", "PUT"}},
		"/c": {Secret: "secret a", Proof: ProofToken, MaxSize: 1000, Methods: []string{"PUT"}},
	} {
		w := set.Webhook(path)
		if w == nil || !w.Secured || w.Secret != want.Secret || w.Proof != want.Proof || w.MaxSize != want.MaxSize ||
			strings.Join(w.Methods, " ") != strings.Join(want.Methods, " ") {
			t.Errorf("%s: %+v, want %+v", path, w, want)
		}
	}
	if set.Webhook("/d") != nil || len(set.Webhooks()) != 3 {
		t.Error("a rule that is off has a webhook")
	}
	if got := strings.Join(set.Rule("whole").Events, " "); got != "signal.b webhook./b" {
		t.Errorf("events %s", got)
	}
	d := set.Describe(set.Rule("whole"), nil)
	if want := "GET or PUT /b, at most 2000 bytes, signed (X-Hub-Signature-256)"; len(d.Keys) != 1 || d.Keys[0].Text != want {
		t.Errorf("described as %+v, want %s", d.Keys, want)
	}
	open := load(t, "rules: [{id: r, on: {webhook: /a}, do: [log: x]}]").Webhook("/a")
	if open.Secured || open.MaxSize != DefaultWebhookSize {
		t.Errorf("%+v", open)
	}
}

func TestWebhookMistakes(t *testing.T) {
	for on, want := range map[string]string{
		"{webhook: deploy}":                                  `"deploy" is no path for a webhook`,
		"{webhook: /a/../b}":                                 "is no path for a webhook",
		"{webhook: /a/}":                                     "is no path for a webhook",
		"{webhook: 12}":                                      "must be a string",
		"{webhook: {}}":                                      "webhook needs path",
		"{webhook: {path: /a, secrt: x}}":                    `did you mean "secret"?`,
		"{webhook: {path: /a, secret: abc}}":                 "secret must be ${{ secrets.NAME }}: secrets stand in the environment",
		"{webhook: {path: /a, secret: '${{ secrets.C }}'}}":  "secret C is not in the environment",
		"{webhook: {path: /a, secret: '${{ user.id }}'}}":    "not known when the file is loaded",
		"{webhook: {path: /a, signature: gitlab}}":           "it is one of any, github",
		"{webhook: {path: /a, max_size: 2MiB}}":              "max_size must be from 1B to 1MiB",
		"{webhook: {path: /a, max_size: 2}}":                 "2 what?",
		"{webhook: {path: /a, methods: [POTS]}}":             `did you mean "POST"?`,
		"{webhook: {path: /a, methods: []}}":                 "methods is empty",
		"{webhook: /a, secret: x}":                           "the options of a webhook stand under it",
		"{webhok: /a}":                                       `did you mean "webhook"?`,
		"message.c2c\n    if: trigger.path == ''":            `"trigger": the events of this rule have none`,
		"{webhook: /a}\n    if: trigger.pth == ''":           `pth`,
		"{webhook: /a}\n    if: msg.text == ''":              `"msg": the events of this rule have none`,
		"{webhook: /a}\n    match: {any_of: x}":              "webhook./a has none",
		"{webhook: /a}\n    session: {}":                     "webhook./a is nothing that is written",
		"{webhook: /a}\n    limit: {rate: 1/s, per: user}":   "webhook./a has no user",
		"{webhook: /a}\n    do: [reply: hi]":                 "acts in the event's conversation, but webhook./a has none",
		"{webhook: /a}\n    do: [log: '${{ secrets.A }}']":   "a secret is not allowed here",
		"{webhook: {path: /taken, methods: PUT}}":            "webhook /taken is set up at bot.yaml:4:",
		"[message, {webhook: /a}]\n    if: trigger.id == ''": "",
	} {
		text := "secrets: {from: env}\nrules:\n  - {id: t, on: {webhook: {path: /taken, methods: [PUT]}}, do: [log: x]}\n" +
			"  - id: r\n    on: " + on + "\n"
		if !strings.Contains(on, "do:") {
			text += "    do: [log: x]\n"
		}
		env := func(name string) (string, bool) { return "x", name == "A" }
		_, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte("version: 1\n" + text)}}, "bot.yaml", Options{Catalog: catalog, Env: env})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", on, got, want)
		}
	}
	for hooks, want := range map[string]string{
		"{listen: 8080}": "must be a string", "{listen: nowhere}": "is no address to listen at", "{secret: x}": "secret must be ${{",
		"{lisen: ':80'}": `did you mean "listen"?`, "{max_size: 3GiB}": "from 1B to 1MiB", "{signature: x}": "it is one of",
	} {
		if got := loadError("bot: {connection: \"local:x?user=b\", webhooks: " + hooks + "}"); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", hooks, got, want)
		}
	}
}

// What a rule sees of a call, in its if and in its steps.
func TestTrigger(t *testing.T) {
	set := load(t, `rules:
  - id: r
    on: {webhook: /a}
    if: trigger.headers["x-event"] == "push" && trigger.json.n > 2 && trigger.query.none == ""
    do: [log: "${{ trigger.method }} ${{ trigger.path }} ${{ trigger.id }} ${{ trigger.body }} ${{ trigger.form.f }} ${{ trigger.json.n + 1 }}"]
`)
	ev := &Event{Type: WebhookEvent("/a"), Key: "1700000000.webhook./a.1", Data: map[string]any{
		"path": "/a", "method": "POST", "id": "i", "body": "b", "headers": map[string]any{"x-event": "push"},
		"query": map[string]any{}, "form": map[string]string{"f": "g"}, "json": map[string]any{"n": int64(3)},
	}}
	d := set.Match(ev, facts())
	if len(d.Fired) != 1 {
		t.Fatalf("%+v", d)
	}
	in, err := set.Rules[0].Steps[0].Inputs(&Scope{Event: ev, Facts: facts(), Hit: &Hit{}})
	if err != nil || in["text"] != "POST /a i b g 4" {
		t.Errorf("%v, %v", in, err)
	}
	ev.Data = nil // of another version, say
	if d := set.Match(ev, facts()); len(d.Fired) != 0 {
		t.Errorf("%+v", d)
	}
}
