package main

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
)

func newSignalCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "signal BOT NAME [JSON]",
		Short: "Tell a running bot's rules of something",
		Long: "Tell a running bot's rules on signal.NAME of something. They see the JSON as event.data. The command\n" +
			"ends when the bot has written the signal down; what the rules do about it comes after.",
		Example: "  timbot signal examples/bots/strikes strikes.muted '{\"who\": \"bob\", \"group\": \"shop\"}'",
		Args:    wantArgs(2, 3, "BOT NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var data jsontext.Value
			if len(args) == 3 {
				if data = jsontext.Value(args[2]); !data.IsValid() {
					return &usageError{cmd, fmt.Sprintf("%q is no JSON: a text is written '\"like this\"'", args[2])}
				}
			}
			c, err := of.client(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := c.Signal(cmd.Context(), args[1], data); err != nil {
				if errors.As(err, new(*bot.NotFoundError)) {
					err = finding{err}
				}
				return err
			}
			if asJSON {
				return printJSON(cmd, signalled{args[1], "sent"})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), clean(args[1])+"  sent")
			return err
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// signalled is a signal that was sent.
type signalled struct {
	Signal string `json:"signal"`
	State  string `json:"state"`
}
