package rulestest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rulestest"
)

// folder makes a folder of a txtar archive and goes there, so that paths are short.
func folder(t testing.TB, archive string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range txtar.Parse([]byte(archive)).Files {
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// outcomes runs test files.
func outcomes(t testing.TB, r rulestest.Runner, paths ...string) []*rulestest.Outcome {
	t.Helper()
	r.Registry, r.Now = actions.NewRegistry(actions.Builtin()...), time.Now
	all, err := r.Run(t.Context(), paths)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// report runs test files and returns what a reporter makes of them.
func report(t testing.TB, r rulestest.Runner, to func(*strings.Builder) rulestest.Reporter, paths ...string) string {
	t.Helper()
	var b strings.Builder
	r.Report = to(&b)
	outcomes(t, r, paths...)
	return b.String()
}

// text is the plainest report.
func text(b *strings.Builder) rulestest.Reporter { return rulestest.Text(b, rulestest.TextOptions{}) }

func want(t testing.TB, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
