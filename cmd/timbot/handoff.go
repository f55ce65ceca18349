package main

import (
	"fmt"
	"os/user"
	"slices"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
)

// operator is who gives a command, for the record.
func operator() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username + " (timbot)"
	}
	return "timbot"
}

func newHandoffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "handoff",
		Short: "Look after conversations that are in people's hands",
		Long: "Look after conversations that a handoff step gave to people: the bot is silent there until they are given\n" +
			"back. The bot may be running or not; what is given back while it is down goes on when it starts.",
		Example: "  timbot handoff list examples/bots/hello\n  timbot handoff resume examples/bots/hello c2c_alice",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHandoffListCommand(), newHandoffResumeCommand())
	return cmd
}

func newHandoffListCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "list BOT",
		Short:   "List the conversations that are in people's hands",
		Example: "  timbot handoff list examples/bots/hello",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], false, func(d *desk) error {
				open, err := d.Handoffs(cmd.Context())
				for _, h := range open {
					if err != nil {
						return err
					}
					if asJSON {
						err = printJSON(cmd, h)
						continue
					}
					line := fmt.Sprintf("%d  %s  since %s  rule %s", h.Number, h.Conversation, dateTime(h.Since), h.Rule)
					if h.Queue != "" {
						line += "  queue " + h.Queue
					}
					if !h.Due.IsZero() {
						line += "  until " + dateTime(h.Due)
					}
					if h.Note != "" {
						line += "  " + quoted(h.Note, 60)
					}
					_, err = fmt.Fprintln(cmd.OutOrStdout(), clean(line))
				}
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

func newHandoffResumeCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "resume BOT CONVERSATION",
		Short:   "Give a conversation back to the bot",
		Long:    "Give a conversation back to the bot. It is named as in the list, or by its number there.",
		Example: "  timbot handoff resume examples/bots/hello c2c_alice",
		Args:    wantArgs(2, 2, "BOT CONVERSATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], true, func(d *desk) error {
				open, err := d.Handoffs(cmd.Context())
				if err != nil {
					return err
				}
				name := args[1]
				if i := slices.IndexFunc(open, func(h bot.Handoff) bool {
					return h.Conversation == name || fmt.Sprint(h.Number) == name
				}); i >= 0 {
					name = open[i].Conversation
				} else {
					var names []string
					for _, h := range open {
						names = append(names, h.Conversation)
					}
					return finding{fmt.Errorf("the conversation %q is not in people's hands%s", name, didYouMean(name, names))}
				}
				if err := d.ResumeHandoff(cmd.Context(), name, operator()); err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd, givenBack{name, "resumed"})
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), clean(name)+"  resumed")
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// givenBack is a conversation that the bot answers again.
type givenBack struct {
	Conversation string `json:"conversation"`
	State        string `json:"state"`
}
