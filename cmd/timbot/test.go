package main

import (
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
		only   string
		mutate bool
	)
	cmd := &cobra.Command{
		Use:   "test [PATH|./...]...",
		Short: "Run the tests of rules",
		Long: "Run the tests of rules: files *_test.yaml, on the runtime that run has, on an embedded chat in memory, with a\n" +
			"virtual clock. A path is a test file, a rules file that has one beside it, a folder, or FOLDER/... for all in it and\n" +
			"below. Without a path the working directory's tests are run. The exit code is 1 when a test fails.",
		Example: "  timbot test ./...\n  timbot test --run 'moderation/' examples/bots/moderation",
		Args:    wantArgs(0, -1, "PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := findTests(args)
			if err != nil {
				return err
			}
			if mutate {
				return mutateRules(cmd, paths)
			}
			r := &rulestest.Runner{
				Registry: actions.NewRegistry(actions.Builtin()...), Now: time.Now,
				Report: rulestest.Text(cmd.OutOrStdout(), tellFailure),
			}
			if only != "" {
				if r.Only, err = regexp.Compile(only); err != nil {
					return &usageError{cmd, "--run: " + err.Error()}
				}
			}
			all, err := r.Run(cmd.Context(), paths)
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
	cmd.Flags().BoolVar(&mutate, "mutate", false, "change the rules, one small change at a time, and tell the changes that no test notices")
	cmd.MarkFlagsMutuallyExclusive("mutate", "run")
	return cmd
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

// tellFailure tells what the bot made of a failed step's event.
func tellFailure(f *rulestest.Failure) string { return tellStory(f.Story, false) }
