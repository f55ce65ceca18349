package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rulestest"
)

func newTestCommand() *cobra.Command {
	var (
		t      testRun
		only   string
		mutate bool
		watch  bool
	)
	cmd := &cobra.Command{
		Use:   "test [PATH|./...]...",
		Short: "Run the tests of rules",
		Long: "Run the tests of rules: files *_test.yaml, on the runtime that run has, on an embedded chat in memory, with a\n" +
			"virtual clock. A path is a test file, a rules file that has one beside it, a folder, or FOLDER/... for all in it and\n" +
			"below. Without a path the working directory's tests are run. The exit code is 1 when a test fails, or when tests\n" +
			"reach less of the rules than they must, by --min or by their file's coverage section.",
		Example: "  timbot test ./...\n  timbot test --run 'moderation/' examples/bots/moderation\n" +
			"  timbot test --cover --min 80 --html coverage.html ./...\n  timbot test --watch",
		Args: wantArgs(0, -1, "PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := findTests(args)
			if err != nil {
				return err
			}
			if mutate {
				return mutateRules(cmd, paths)
			}
			if t.min < 0 || t.min > 100 {
				return &usageError{cmd, fmt.Sprintf("--min %d: want a percentage from 0 to 100", t.min)}
			}
			if only != "" {
				if t.only, err = regexp.Compile(only); err != nil {
					return &usageError{cmd, "--run: " + err.Error()}
				}
			}
			t.cmd = cmd
			if watch {
				return t.watch(args, paths)
			}
			all, err := t.run(paths)
			if errors.Is(err, rulestest.ErrNoTests) && only != "" {
				return fmt.Errorf("no test matches %q", only)
			}
			if err != nil {
				return err
			}
			if slices.ContainsFunc(all, func(o *rulestest.Outcome) bool { return !o.Passed() }) {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&only, "run", "", "only tests whose FILE/NAME matches this regular expression")
	cmd.Flags().BoolVar(&watch, "watch", false, "run tests again when their files, their rules or lists change, until Ctrl-C")
	cmd.Flags().BoolVar(&t.cover, "cover", false, "tell what of the rules the tests reach, and what they do not")
	cmd.Flags().IntVar(&t.min, "min", 0, "fail when the tests of a file reach less than this percentage of its rules or branches")
	cmd.Flags().StringVar(&t.html, "html", "", "write a page that shows on the rules' text what was reached, to this file")
	cmd.Flags().BoolVar(&t.diff, "diff", false, "compare texts of several lines, or long ones, line by line")
	cmd.Flags().BoolVar(&t.json, "json", false, "print a JSON object for each test, for coverage, and for the whole")
	cmd.Flags().BoolVar(&t.tap, "tap", false, "print TAP, version 14")
	cmd.Flags().BoolVar(&t.github, "github", false, "mark failures in GitHub Actions")
	cmd.Flags().StringVar(&t.junit, "junit", "", "write JUnit XML to this file")
	cmd.Flags().BoolVar(&mutate, "mutate", false, "change the rules, one small change at a time, and tell the changes that no test notices")
	for _, name := range []string{"run", "cover", "min", "html", "diff", "json", "tap", "github", "junit", "watch"} {
		cmd.MarkFlagsMutuallyExclusive("mutate", name)
	}
	for _, name := range []string{"cover", "min", "html"} { // a part of the tests says nothing about coverage
		cmd.MarkFlagsMutuallyExclusive("run", name)
	}
	for _, name := range []string{"html", "json", "tap", "github", "junit"} {
		cmd.MarkFlagsMutuallyExclusive("watch", name)
	}
	cmd.MarkFlagsMutuallyExclusive("json", "tap", "github")
	return cmd
}

// testRun is how tests are run and told of.
type testRun struct {
	cmd                            *cobra.Command
	only                           *regexp.Regexp // nil: all
	cover, diff, json, tap, github bool
	min                            int // percent
	html, junit                    string
}

// run runs the tests of some files and reports them.
func (t *testRun) run(paths []string) ([]*rulestest.Outcome, error) {
	out := t.cmd.OutOrStdout()
	var reports []rulestest.Reporter
	switch {
	case t.json:
		reports = append(reports, rulestest.JSON(out))
	case t.tap:
		reports = append(reports, rulestest.TAP(out))
	default:
		reports = append(reports, t.text())
	}
	if t.github {
		reports = append(reports, rulestest.GitHub(out))
	}
	var junit bytes.Buffer
	if t.junit != "" {
		reports = append(reports, rulestest.JUnit(&junit))
	}
	r := &rulestest.Runner{
		Registry: actions.NewRegistry(actions.Builtin()...), Now: time.Now, Only: t.only, Report: rulestest.Reporters(reports...),
		Cover: t.cover || t.html != "", Least: rulestest.Least{Rules: t.min, Branches: t.min},
	}
	all, err := r.Run(t.cmd.Context(), paths)
	if err != nil {
		return all, err
	}
	if t.junit != "" {
		if err := os.WriteFile(t.junit, junit.Bytes(), 0o644); err != nil {
			return all, fmt.Errorf("--junit: %w", err)
		}
	}
	if t.html != "" {
		var page bytes.Buffer
		if err := rulestest.WriteHTML(&page, all); err != nil {
			return all, fmt.Errorf("--html: %w", err)
		}
		if err := os.WriteFile(t.html, page.Bytes(), 0o644); err != nil {
			return all, fmt.Errorf("--html: %w", err)
		}
	}
	return all, nil
}

// tints are the colours of a text report.
var tints = map[rulestest.Tint]colour{
	rulestest.TintGood: green, rulestest.TintBad: red, rulestest.TintGot: green, rulestest.TintDim: dim,
}

// text tells people.
func (t *testRun) text() rulestest.Reporter {
	paint := colours(t.cmd.OutOrStdout())
	return rulestest.Text(t.cmd.OutOrStdout(), rulestest.TextOptions{
		Tell:  func(f *rulestest.Failure) string { return tellStory(f.Story, paint) },
		Paint: func(tint rulestest.Tint, text string) string { return paint.as(tints[tint], text) },
		Clean: clean, Diff: t.diff, Missing: t.cover,
	})
}

// mutateRules tells what changes of the rules the tests would not notice.
func mutateRules(cmd *cobra.Command, paths []string) error {
	var progress func(done, all int)
	if f, ok := cmd.ErrOrStderr().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		progress = func(done, all int) {
			fmt.Fprintf(f, "\r%d/%d", done, all)
			if done == all {
				fmt.Fprint(f, "\r\x1b[K")
			}
		}
	}
	m, err := rulestest.Mutate(cmd.Context(), actions.NewRegistry(actions.Builtin()...), paths, progress)
	if err != nil {
		return err
	}
	if err := m.Write(cmd.OutOrStdout()); err != nil {
		return err
	}
	if len(m.Survivors) > 0 {
		return errFindings
	}
	return nil
}

// findTests returns the test files that a person means.
func findTests(args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	var paths []string
	for _, arg := range args {
		found, err := rulestest.Find(arg)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no tests in %s: their names end in %s", arg, rulestest.FileSuffix)
		}
		for _, path := range found {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths, nil
}
