package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

func newSchemaCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of bot files, for editors",
		Long: "Print the JSON Schema (2020-12) of bot files: an editor then completes keys, words and the inputs of steps, and\n" +
			"marks wrong ones. docs/editor.md says how to set it up. timbot lint checks more.",
		Example: "  timbot schema --out bot.schema.json",
		Args:    wantArgs(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			schema := rules.Schema(rules.Language(bot.Catalog(actions.NewRegistry(actions.Builtin()...))))
			if out != "" {
				return os.WriteFile(out, schema, 0o644)
			}
			_, err := cmd.OutOrStdout().Write(schema)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write to this file")
	return cmd
}
