package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Each finding shows a file that has it, and one that has not.
func TestFindingsAreFound(t *testing.T) {
	found := func(text string) (ids []string, err error) {
		set, err := Load(fstest.MapFS{"bot.yaml": {Data: []byte(text)}}, "bot.yaml", Options{Catalog: catalog})
		var errs Errors
		if errors.As(err, &errs) {
			for _, e := range errs {
				ids = append(ids, e.ID)
			}
			return ids, err
		}
		for _, w := range slices.Concat(set.Warnings(), set.Overlaps()) {
			ids = append(ids, w.ID)
		}
		return ids, nil
	}
	for _, f := range Findings() {
		if f.Wrong == "" {
			continue
		}
		ids, err := found(f.Wrong)
		if !slices.Contains(ids, f.ID) || f.Mistake != (err != nil) {
			t.Errorf("%s: found %q, %v", f.ID, ids, err)
		}
		if f.Right == "" {
			continue
		}
		if ids, err := found(f.Right); slices.Contains(ids, f.ID) || err != nil {
			t.Errorf("%s: put right it has %q, %v", f.ID, ids, err)
		}
	}
}

// Every warning has its documentation.
func TestWarningsAreDocumented(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:warn|tell|add)\((?:r, )?"([a-z]+-?[a-z]+)",`).FindAllStringSubmatch(string(text), -1) {
			n++
			if f, ok := FindingOf(m[1]); !ok || f.Mistake {
				t.Errorf("%s: nothing is said of the warning %s", path, m[1])
			}
		}
	}
	if n < 9 {
		t.Errorf("only %d warnings are in the source", n)
	}
}

// docs/lint.md is written from the table.
func TestLintPageIsCurrent(t *testing.T) {
	var b strings.Builder
	b.WriteString("# What lint tells\n\n" +
		"`timbot lint` prints the id of a mistake or warning in brackets; `timbot lint --explain ID` prints its part of this page.\n" +
		"A mistake keeps a bot from running. Mistakes that need no explanation have no id.\n\n" +
		"The page is written from the table in `rules/findings.go`, by `go test ./rules -run TestLintPage -update`.\n")
	for _, part := range []struct {
		title string
		of    func(Finding) bool
	}{
		{"Mistakes", func(f Finding) bool { return f.Mistake }},
		{"Warnings", func(f Finding) bool { return !f.Mistake && !f.Asked }},
		{"With --overlap", func(f Finding) bool { return f.Asked }},
	} {
		fmt.Fprintf(&b, "\n## %s\n", part.title)
		for _, f := range Findings() {
			if part.of(f) {
				fmt.Fprintf(&b, "\n### %s\n\n%s", f.ID, f.Markdown())
			}
		}
	}
	path := filepath.Join("..", "docs", "lint.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != b.String() {
		t.Errorf("docs/lint.md is not current: go test ./rules -run TestLintPage -update (%v)", err)
	}
}
