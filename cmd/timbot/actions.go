package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
)

func newActionsCommand() *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:   "actions [NAME]",
		Short: "Tell what the steps of a rule can do",
		Long: "Tell what the steps of a rule can do: all actions, one line each, or everything about one of them:\n" +
			"its inputs, what it leaves behind for later steps, and an example.",
		Example: "  timbot actions reply",
		Args:    wantArgs(0, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			registry := actions.NewRegistry(actions.Builtin()...)
			var specs []actions.Spec
			for _, name := range registry.Names() {
				a, _ := registry.Lookup(name)
				if len(args) == 0 || args[0] == name {
					specs = append(specs, a.Spec())
				}
			}
			if len(specs) == 0 {
				return fmt.Errorf("unknown action %q%s", args[0], didYouMean(args[0], registry.Names()))
			}
			text := actions.HelpIndex(specs)
			switch {
			case markdown:
				text = actions.Markdown(specs)
			case len(args) == 1:
				text = actions.Help(specs[0])
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the reference in Markdown")
	return cmd
}
