package actions

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write docs/actions.md and the golden files anew")

func builtinSpecs() []Spec {
	var specs []Spec
	for _, a := range Builtin() {
		specs = append(specs, a.Spec())
	}
	return specs
}

func TestHelp(t *testing.T) {
	for _, s := range builtinSpecs() {
		golden(t, filepath.Join("testdata", "help", s.Name+".txt"), Help(s))
	}
	golden(t, filepath.Join("testdata", "help", "index.txt"), HelpIndex(builtinSpecs()))
}

func TestMarkdownIsUpToDate(t *testing.T) {
	golden(t, filepath.Join("..", "docs", "actions.md"), Markdown(builtinSpecs()))
}

// golden compares with a file, or with -update writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run go test ./actions -update", err)
	}
	if got != string(want) {
		t.Errorf("%s is out of date; run go test ./actions -update\n%s", path, got)
	}
}
