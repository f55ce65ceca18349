package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	set := loadFS(t, filesOf(map[string]string{
		"bot.yaml": `
include: guards.yaml
defaults: {run: shadow, limit: {per: user, rate: 1/30s}, timeout: 10s, retry: {times: 3}, on_error: continue}
rules:
  - {id: plain, on: message, do: [log: x, {for_each: {in: [1], do: [log: y]}}]}
  - {id: own, on: message, run: live, limit: none, do: [{log: x, timeout: 1s, retry: {times: 0}, on_error: stop}]}
`,
		"guards.yaml": `
defaults: {stage: guard, priority: 7, normalize: strict, timeout: 20s}
rules:
  - {id: words, on: message, match: {any_of: [加微信]}, do: [log: x]}
  - {id: regex, on: message, match: {mode: regex, any_of: [加微信]}, do: [log: x]}
  - {id: chat, on: message, match: {normalize: chat, any_of: [加微信]}, do: [log: x]}
`,
	}))
	is := func(id, want string) {
		t.Helper()
		r := set.Rule(id)
		s := r.Steps[0]
		got := fmt.Sprint(r.Stage, r.Priority, " ", r.Mode, " ", r.Limit != nil, " ", s.Timeout, " ", s.Retry.Times, " ", s.ContinueOnError, " ", r.Normalize())
		if got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	is("plain", "main 0 shadow true 10s 3 true none")
	is("own", "main 0 live false 1s 0 false none")
	is("words", "guard 7 shadow true 20s 3 true strict")
	is("regex", "guard 7 shadow true 20s 3 true chat")
	is("chat", "guard 7 shadow true 20s 3 true chat")
	if s := set.Rule("plain").Steps[1].Steps[0]; s.Timeout != 10*time.Second {
		t.Errorf("a step inside another has timeout %s", s.Timeout)
	}
	var told []string
	for _, d := range set.Describe(set.Rule("words"), catalog).Defaults {
		told = append(told, d.Key+" "+d.Text)
	}
	want := "stage guard (guards.yaml:2:12), run shadow (bot.yaml:4:12), priority 7 (guards.yaml:2:26), " +
		"normalize strict (guards.yaml:2:39), limit per: user, rate: 1/30s (bot.yaml:4:25), timeout 20s (guards.yaml:2:58), " +
		"retry times: 3 (bot.yaml:4:72), on_error continue (bot.yaml:4:91)"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("explained as\n%s, want\n%s", got, want)
	}
}
