package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
)

// deadPage is how many dead letters are asked for at once.
const deadPage = 500

func newDeadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "Look after steps that failed for good",
		Long: "Look after steps that failed for good: a run whose step should have done something that a person would miss\n" +
			"stands still, as a dead letter, until somebody lets it try again or drops it. The bot may be running or not;\n" +
			"a run that is retried while the bot is down goes on when it starts.",
		Example: "  timbot dead list examples/bots/moderation\n  timbot dead retry examples/bots/moderation --all",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDeadListCommand(), newDeadShowCommand(),
		newDeadDoCommand("retry", "Let runs go on with the step that failed", "retried",
			func(ctx context.Context, d *desk, ids []string) error { return d.RetryDead(ctx, ids...) }),
		newDeadDoCommand("drop", "End runs that stand still", "dropped",
			func(ctx context.Context, d *desk, ids []string) error { return d.DropDead(ctx, ids...) }))
	return cmd
}

// eachDead hands over the dead letters, the oldest first.
func eachDead(ctx context.Context, d *desk, f func(*bot.DeadLetter) error) error {
	after := ""
	for {
		page, err := d.DeadLetters(ctx, after, deadPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := f(&page[i]); err != nil {
				return err
			}
		}
		after = page[len(page)-1].ID
	}
}

func newDeadListCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "list BOT",
		Short:   "List the dead letters, the oldest first",
		Example: "  timbot dead list examples/bots/moderation",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], false, func(d *desk) error {
				return eachDead(cmd.Context(), d, func(l *bot.DeadLetter) error {
					if asJSON {
						return printJSON(cmd, l)
					}
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s  %s  %s %s: %s\n", l.ID, dateTime(l.At), clean(l.Conversation),
						l.Rule, l.Step, l.Action, clean(l.Code+" "+quoted(l.Text, 100)))
					return err
				})
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

func newDeadShowCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "show BOT ID",
		Short:   "Tell everything about a dead letter",
		Example: "  timbot dead show examples/bots/moderation 1n6r0pk2dq7",
		Args:    wantArgs(2, 2, "BOT ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], false, func(d *desk) error {
				l, err := d.DeadLetter(cmd.Context(), args[1])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd, l)
				}
				tellDead(cmd, &l)
				story, err := d.Why(cmd.Context(), l.Run)
				if err != nil {
					return err
				}
				story.Answer = nil
				_, err = fmt.Fprint(cmd.OutOrStdout(), "\n"+tellStory(story, colours(cmd.OutOrStdout())))
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func tellDead(cmd *cobra.Command, l *bot.DeadLetter) {
	row := func(name, text string) {
		fmt.Fprintln(cmd.OutOrStdout(), column(name, 8)+clean(text))
	}
	row("id", l.ID)
	row("since", dateTime(l.At))
	row("rule", l.Rule)
	row("step", l.Step+" "+l.Action)
	row("error", l.Code+" "+l.Text)
	tries := counted(l.Tries, "attempt")
	if l.Unknown {
		tries += "; whether it took effect is not known"
	}
	row("tried", tries)
	for _, name := range slices.Sorted(maps.Keys(l.Inputs)) {
		row("input", name+": "+string(l.Inputs[name]))
	}
}

// settled is a dead letter that something was done with.
type settled struct {
	ID    string `json:"id"`
	State string `json:"state"` // retried or dropped
}

// newDeadDoCommand makes the command of something that is done with dead letters.
func newDeadDoCommand(verb, short, done string, do func(context.Context, *desk, []string) error) *cobra.Command {
	var (
		of          whose
		all, asJSON bool
	)
	cmd := &cobra.Command{
		Use:     verb + " BOT {ID... | --all}",
		Short:   short,
		Example: "  timbot dead " + verb + " examples/bots/moderation --all",
		Args:    wantArgs(1, -1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids := args[1:]
			if all == (len(ids) > 0) {
				return &usageError{cmd, "give ids of dead letters, or --all"}
			}
			return of.at(cmd, args[0], true, func(d *desk) error {
				if all {
					err := eachDead(cmd.Context(), d, func(l *bot.DeadLetter) error {
						ids = append(ids, l.ID)
						return nil
					})
					if err != nil {
						return err
					}
				}
				for _, id := range ids { // one by one: what is done is told
					if err := do(cmd.Context(), d, []string{id}); err != nil {
						return err
					}
					var err error
					if asJSON {
						err = printJSON(cmd, settled{id, done})
					} else {
						_, err = fmt.Fprintln(cmd.OutOrStdout(), id+"  "+done)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all of them")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}
