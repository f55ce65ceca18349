package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rulestest"
)

func newShadowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shadow",
		Short: "Look after rules that run in shadow",
		Long: "Look after rules with run: shadow: they are tried on every message beside the others, timbot why and trace tell\n" +
			"what they made of it, and they do nothing.",
		Example: "  timbot shadow report examples/bots/moderation --since 7d",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newShadowReportCommand(), newShadowPromoteCommand())
	return cmd
}

func newShadowReportCommand() *cobra.Command {
	var (
		from   trafficFrom
		rule   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "report BOT",
		Short: "Tell what shadow rules would have done",
		Long: "Tell how often each shadow rule would have fired, on whom, and what it would have done as a live rule, with the\n" +
			"newest messages. The messages of the bot's journal go through the rules of today; nothing is sent.",
		Example: "  timbot shadow report examples/bots/moderation --since 7d --rule ads",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from.warmUp = "0s"
			list, _, err := from.read(cmd, args[0])
			if err != nil {
				return err
			}
			found, err := rulestest.Shadow(cmd.Context(), args[0], actions.NewRegistry(actions.Builtin()...), list, rule)
			if err != nil {
				return toldMistakes(cmd, err)
			}
			if asJSON {
				return printJSON(cmd, append([]*rulestest.ShadowRule{}, found...))
			}
			return rulestest.WriteShadow(cmd.OutOrStdout(), found, time.Local)
		},
	}
	from.flags(cmd)
	// A rule that never fires has no state to fill.
	if err := cmd.Flags().MarkHidden("warm-up"); err != nil {
		panic(err)
	}
	cmd.Flags().StringVar(&rule, "rule", "", "only this rule")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list")
	return cmd
}

func newShadowPromoteCommand() *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "promote BOT RULE",
		Short: "Let a shadow rule run live",
		Long: "Change run: shadow of a rule to run: live in its file, and nothing else. Without --yes the change is only shown.\n" +
			"A running bot takes it up as it takes up every change of its files.",
		Example: "  timbot shadow promote examples/bots/moderation ads --yes",
		Args:    wantArgs(2, 2, "BOT and RULE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := bot.Find(args[0])
			if err != nil {
				return err
			}
			p, err := rulestest.Promote(files.Path(), actions.NewRegistry(actions.Builtin()...), args[1])
			if err != nil {
				return toldMistakes(cmd, err)
			}
			if yes {
				if err := p.Apply(); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(cmd, struct {
					Rule    string `json:"rule"`
					File    string `json:"file"`
					Diff    string `json:"diff"`
					Applied bool   `json:"applied"`
				}{args[1], p.Path, p.Diff(), yes})
			}
			fmt.Fprint(cmd.OutOrStdout(), p.Diff())
			if !yes {
				fmt.Fprintln(cmd.ErrOrStderr(), "nothing was changed: --yes writes it")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "write the file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}
