package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func newApprovalsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approvals",
		Short: "Look after steps that wait for a person's consent",
		Long: "Look after steps that wait for a person's consent. The bot may be running or not; what is decided while it is\n" +
			"down is done when it starts.",
		Example: "  timbot approvals list examples/bots/hello\n  timbot approvals approve examples/bots/hello 3",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newApprovalsListCommand(), newDecideCommand("approve", "Agree to a step", "approved", true),
		newDecideCommand("reject", "Refuse a step: it fails with the code refused", "rejected", false))
	return cmd
}

func newApprovalsListCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "list BOT",
		Short:   "List the steps that wait for a person's consent",
		Example: "  timbot approvals list examples/bots/hello",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], false, func(d *desk) error {
				open, err := d.Approvals(cmd.Context())
				for _, a := range open {
					if err != nil {
						return err
					}
					if asJSON {
						err = printJSON(cmd, a)
						continue
					}
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d  rule %s  %s  asked in %s, %s, until %s\n    %s\n", a.Number, a.Rule,
						a.Action, clean(a.Group), dateTime(a.Since), dateTime(a.Due),
						strings.ReplaceAll(strings.TrimSpace(clean(a.Request)), "\n", "\n    "))
				}
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each")
	return cmd
}

// newDecideCommand makes the command that answers a request.
func newDecideCommand(verb, short, done string, approve bool) *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     verb + " BOT NUMBER",
		Short:   short,
		Example: "  timbot approvals " + verb + " examples/bots/hello 3",
		Args:    wantArgs(2, 2, "BOT NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.Atoi(strings.TrimPrefix(args[1], "#"))
			if err != nil || n < 1 {
				return &usageError{cmd, fmt.Sprintf("%q is no number of a request: timbot approvals list has them", args[1])}
			}
			return of.at(cmd, args[0], true, func(d *desk) error {
				if err := d.Decide(cmd.Context(), n, approve, operator()); err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd, decided{n, done})
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "#%d  %s\n", n, done)
				return err
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// decided is a request that was answered.
type decided struct {
	Number int    `json:"number"`
	State  string `json:"state"` // approved or rejected
}
