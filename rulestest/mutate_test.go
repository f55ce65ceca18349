package rulestest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rulestest"
)

// The tests of the shop notice most changes, and not these.
func TestMutate(t *testing.T) {
	m, err := rulestest.Mutate(t.Context(), actions.NewRegistry(actions.Builtin()...), []string{"testdata/shop_test.yaml"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tell := func(all []*rulestest.Mutant) []string {
		var out []string
		for _, x := range all {
			out = append(out, fmt.Sprintf("%d %s %s", x.Pos.Line, x.Kind, x.What))
		}
		return out
	}
	want := []string{
		"22 number count.window is 25h, not 24h",
		"36 number session.timeout is 6m, not 5m",
		"44 number ask.tries is 3, not 2",
		"46 step without the step reply",
	}
	if got := tell(m.Survivors); !slices.Equal(got, want) {
		t.Errorf("survivors\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := tell(m.Same); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "without final") }) {
		t.Errorf("the same: %q", got)
	}
	if m.Killed < 15 {
		t.Errorf("%d were noticed", m.Killed)
	}
}

// Each kind of change is made, and a test that looks at it notices it.
func TestMutationKinds(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("words.txt", "# words\nalpha\nbeta\n")
	write("kinds.yaml", `version: 1
lists:
  words: {file: words.txt}
rules:
  - id: limited
    on: message.c2c
    match: {any_of: "${{ lists.words }}", none_of: [quiet]}
    if: len(msg.text) > 4 && user.id != "eve"
    limit: {per: user, rate: 1/1m}
    do:
      - choose:
          - if: msg.text contains "alpha"
            do: [reply: a]
          - do: [reply: b]
  - id: rest
    on: message.c2c
    do: [reply: rest]
`)
	write("kinds_test.yaml", `version: 1
unnoticed:
  - {rule: limited, what: "> 5 in", because: no word has five letters and a blank}
tests:
  - name: all of it
    steps:
      - send: {from: ann, text: alpha}
        expect: [reply: a]
      - send: {from: ann, text: alpha}
        expect: [reply: rest]
      - send: {from: bob, text: "beta "}
        expect: [reply: b]
      - send: {from: dan, text: beta}
        expect: [reply: rest]
      - send: {from: eve, text: alpha}
        expect: [reply: rest]
      - send: {from: fay, text: alpha quiet}
        expect: [reply: rest]
      - advance: 60s
      - send: {from: ann, text: alpha}
        expect: [reply: a]
`)
	m, err := rulestest.Mutate(t.Context(), actions.NewRegistry(actions.Builtin()...), []string{filepath.Join(dir, "kinds_test.yaml")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range m.Survivors {
		if x.Kind != rulestest.KindNumber {
			t.Errorf("survived: %d %s %s", x.Pos.Line, x.Kind, x.What)
		}
	}
	if len(m.Explained) != 0 && !strings.Contains(m.Explained[0].What, "> 5") {
		t.Errorf("explained: %v", m.Explained[0])
	}
	if m.Killed < 12 {
		t.Errorf("%d noticed, %d refused", m.Killed, m.Invalid)
	}
}

// Tests that fail as they are cannot judge changes.
func TestMutateFailing(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"x.yaml":      "version: 1\nrules: [{id: a, on: message.c2c, do: [reply: a]}]\n",
		"x_test.yaml": "version: 1\ntests: [{name: t, send: {from: ann, text: hi}, expect: []}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := rulestest.Mutate(t.Context(), actions.NewRegistry(actions.Builtin()...), []string{filepath.Join(dir, "x_test.yaml")}, nil)
	if err == nil || !strings.Contains(err.Error(), "fails as it is") {
		t.Errorf("error %v", err)
	}
}
