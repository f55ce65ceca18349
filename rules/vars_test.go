package rules

import (
	"fmt"
	"strings"
	"testing"
)

func TestVarsOfVars(t *testing.T) {
	set := loadFS(t, filesOf(map[string]string{
		"bot.yaml": `
include: more.yaml
vars:
  shop: 好物
  hours: {open: 9, close: "21"}
  title: 「${{ vars.shop }}」${{ vars.hours.open }}–${{ vars.hours.close }}
rules:
  - {id: r, on: message, do: [log: '${{ vars.title }} ${{ vars.wait }} ${{ vars.all[1] }} ${{ vars.deep.in[0] + 1 }}']}
`,
		"more.yaml": "lists: {l: [a, b]}\nvars: {wait: '${{ duration(\"90s\") }}', all: '${{ lists.l }}', deep: {in: ['${{ vars.hours.open }}']}}\n",
	}))
	in, err := set.Rules[0].Steps[0].Inputs(scope(c2c("x"), facts(), nil))
	if want := "「好物」9–21 1m30s b 10"; err != nil || in["text"] != want {
		t.Errorf("%q, %v; want %q", in["text"], err, want)
	}
}

// Vars that double one another are refused before they take the machine's memory.
func TestVarsDoNotExplode(t *testing.T) {
	var b strings.Builder
	b.WriteString("vars:\n  v0: [" + strings.Repeat("x,", 100) + "]\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&b, "  v%d: ['${{ vars.v%d }}', '${{ vars.v%d }}']\n", i, i-1, i-1)
	}
	if got := mistakesIn(map[string]string{"bot.yaml": b.String()}); !strings.Contains(got, "the expressions of vars make more than 500000 entries") {
		t.Errorf("mistakes: %.300s", got)
	}
}
