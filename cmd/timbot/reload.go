package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newReloadCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "reload BOT",
		Short: "Let a running bot go on by its changed rules",
		Long: "Let a running bot read its files again. When something is wrong with them every mistake is told, the bot goes\n" +
			"on by the rules that it has, and the exit code is 1. What is being done is finished by the rules that it\n" +
			"began with. Another connection needs a restart.",
		Example: "  timbot reload examples/bots/hello",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := of.client(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			r, err := client.Reload(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd, r); err != nil {
					return err
				}
			} else {
				for _, text := range append(r.Mistakes, r.Warnings...) {
					fmt.Fprintln(cmd.OutOrStdout(), text)
				}
			}
			switch {
			case len(r.Mistakes) > 0 && asJSON:
				return errFindings
			case len(r.Mistakes) > 0:
				return finding{fmt.Errorf("not reloaded: %s; the bot goes on with its %s", counted(len(r.Mistakes), "mistake"), counted(r.Rules, "rule"))}
			case asJSON:
			case r.Changed:
				fmt.Fprintf(cmd.OutOrStdout(), "reloaded: %s\n", counted(r.Rules, "rule"))
			default:
				fmt.Fprintf(cmd.OutOrStdout(), "nothing has changed: %s\n", counted(r.Rules, "rule"))
			}
			return nil
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}
