package rulestest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rulestest"
)

// Every example bot has tests that pass, reach every rule, and notice every change that nothing explains.
func TestExamples(t *testing.T) {
	bots, err := filepath.Glob("../examples/bots/*/bot.yaml")
	if err != nil || len(bots) < 10 {
		t.Fatalf("%d bots, %v", len(bots), err)
	}
	for _, bot := range bots {
		dir := filepath.Dir(bot)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			path := filepath.Join(dir, "bot"+rulestest.FileSuffix)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), "\ncoverage: { rules: 100,") {
				t.Errorf("%s does not ask for all rules", path)
			}
			registry := actions.NewRegistry(actions.Builtin()...)
			var report strings.Builder
			r := &rulestest.Runner{Registry: registry, Now: time.Now, Report: rulestest.Text(&report, rulestest.TextOptions{})}
			all, err := r.Run(t.Context(), []string{path})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range all {
				if !o.Passed() {
					t.Fatalf("%s", report.String())
				}
			}
			m, err := rulestest.Mutate(t.Context(), registry, []string{path}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range m.Survivors {
				t.Errorf("no test notices: %s: %s: %s", x.Pos, x.Rule, x.What)
			}
		})
	}
}
