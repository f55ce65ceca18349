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
		Use:   "schema [BOT]",
		Short: "Print the JSON Schema of bot files, for editors",
		Long: "Print the JSON Schema (2020-12) of bot files: an editor then completes keys, words and the inputs of steps, and\n" +
			"marks wrong ones. With a bot it knows the steps of that bot's plugins too. docs/editor.md says how to set it up.\n" +
			"timbot lint checks more.",
		Example: "  timbot schema --out bot.schema.json",
		Args:    wantArgs(0, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			catalog := bot.Catalog(actions.NewRegistry(actions.Builtin()...))
			if len(args) == 1 {
				files, err := bot.Find(args[0])
				if err != nil {
					return err
				}
				catalog = rules.PluginCatalog(files.FS(), files.Name, catalog)
			}
			schema := rules.Schema(rules.Language(catalog))
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
