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

// What is drafted passes, and names what it could not think of.
func TestDraft(t *testing.T) {
	examples, err := filepath.Glob("../examples/bots/*/bot.yaml")
	if err != nil || len(examples) < 7 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	for _, from := range append(examples, "testdata/shop.yaml") {
		t.Run(filepath.Base(filepath.Dir(from)), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(from))); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, filepath.Base(from))
			text, err := rulestest.Draft(t.Context(), path, actions.NewRegistry(actions.Builtin()...))
			if err != nil {
				t.Fatal(err)
			}
			file := strings.TrimSuffix(path, ".yaml") + rulestest.FileSuffix
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			s := load(t, file)
			for _, test := range s.Tests {
				res, err := s.Run(t.Context(), test, time.Now)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range res.Failures {
					t.Errorf("%s: %s %v\n%s", test.Title(), f.Message, f.Diff, text)
				}
			}
			if filepath.Base(from) == "shop.yaml" && !strings.Contains(string(text), "# Without a test by now, because no event could be made up that fires them: deploy.") {
				t.Errorf("drafted\n%s", text)
			}
		})
	}
}
