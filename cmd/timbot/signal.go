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
		data   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "signal BOT NAME",
		Short: "Tell a running bot's rules of something",
		Long: "Tell a running bot's rules on signal.NAME of something. They see what --data says as event.data. The command\n" +
			"ends when the bot has written the signal down; what the rules do about it comes after.",
		Example: "  timbot signal examples/bots/signals deploy.done --data '{\"version\": \"1.4.0\"}'",
		Args:    wantArgs(2, 2, "BOT NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			value := jsontext.Value(data)
			if data != "" && !value.IsValid() {
				return &usageError{cmd, fmt.Sprintf("--data %q is no JSON: a text is written '\"like this\"'", data)}
			}
			c, err := of.client(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := c.Signal(cmd.Context(), args[1], value); err != nil {
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
	cmd.Flags().StringVar(&data, "data", "", "what the rules see as event.data: JSON")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// signalled is a signal that was sent.
type signalled struct {
	Signal string `json:"signal"`
	State  string `json:"state"`
}
