package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rulestest"
)

func newWrongCommand() *cobra.Command {
	var (
		of            whose
		rule, test    string
		apply, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "wrong BOT MSG",
		Short: "Make a test of a message on which a rule should not have fired",
		Long: "Add a test to the bot's tests: the message as it was, on which the rule must not fire; and propose a safe phrase\n" +
			"for the rule, with which the test passes. The proposal is shown, and written with --apply only. MSG is as in\n" +
			"timbot why. The bot may be running or not.",
		Example: "  timbot wrong examples/bots/moderation last",
		Args:    wantArgs(2, 2, "BOT and MSG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := bot.Find(args[0])
			if err != nil {
				return err
			}
			f := &rulestest.FalsePositive{
				Registry: actions.NewRegistry(actions.Builtin()...), Files: files, Rule: rule, Test: test, Zone: time.Local,
			}
			err = of.at(cmd, args[0], false, func(d *desk) error {
				f.Story, err = d.Why(cmd.Context(), args[1])
				return err
			})
			if err != nil {
				return err
			}
			in, done, err := of.readJournal(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			f.Traffic, err = in.TrafficOf(cmd.Context(), f.Story.Event.Key)
			if err = errors.Join(err, done()); err != nil {
				return err
			}
			w, err := f.Wrong(cmd.Context())
			if err != nil {
				return toldMistakes(cmd, err)
			}
			if err := w.Test.Apply(); err != nil {
				return err
			}
			if apply && w.Fix != nil {
				if err := w.Fix.Apply(); err != nil {
					return err
				}
			}
			return tellWrong(cmd, w, apply, asJSON)
		},
	}
	of.flags(cmd)
	cmd.Flags().StringVar(&rule, "rule", "", "the rule that is meant, when several fired")
	cmd.Flags().StringVar(&test, "test", "", "the test file (default that of the rule's file, or else of the bot's)")
	cmd.Flags().BoolVar(&apply, "apply", false, "write the safe phrase too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// tellWrong tells what was written and what is proposed.
func tellWrong(cmd *cobra.Command, w *rulestest.Wrong, applied, asJSON bool) error {
	fix := ""
	if w.Fix != nil {
		fix = w.Fix.Diff()
	}
	if asJSON {
		return printJSON(cmd, struct {
			*rulestest.Wrong
			TestDiff string `json:"test_diff"`
			FixDiff  string `json:"fix_diff,omitzero"`
			Applied  bool   `json:"applied,omitzero"`
		}{w, w.Test.Diff(), fix, applied && w.Fix != nil})
	}
	out := cmd.OutOrStdout()
	what := "a test"
	if w.There {
		what = "it has the test already,"
	}
	fmt.Fprintf(out, "%s: %s %q\n", w.Test.Path, what, w.Name)
	switch {
	case w.Passes:
		fmt.Fprintf(out, "it passes as it is: the message alone does not make rule %s fire\n", w.Rule)
	case w.Fix == nil:
		fmt.Fprintf(out, "no safe phrase can be proposed: %s\n", clean(w.Why))
	case applied:
		fmt.Fprintf(out, "and a safe phrase:\n%s", clean(fix))
	default:
		fmt.Fprintf(out, "it passes with a safe phrase, which --apply writes:\n%s", clean(fix))
	}
	return nil
}
