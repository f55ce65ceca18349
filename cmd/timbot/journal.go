package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/control"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/bot/journal/sqlite"
)

func newJournalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Look after the journal of a bot",
		Long: "Look after the journal of a bot: what it was handed, what it is in the middle of, and what it remembers. The\n" +
			"bot may be running meanwhile. The exit code of check is 1 when something is wrong with the file.",
		Example: "  timbot journal check examples/bots/hello",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newJournalCheckCommand(), newJournalTrimCommand())
	return cmd
}

func newJournalCheckCommand() *cobra.Command {
	var of whose
	cmd := &cobra.Command{
		Use:   "check BOT",
		Short: "Read a whole journal and tell what is wrong with it",
		Long: "Read a whole journal and tell what is wrong with it. It may take a while, and disturbs nobody. \"timbot status\"\n" +
			"tells how much a journal holds.",
		Example: "  timbot journal check examples/bots/hello",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			dir, err := of.folder(args[0])
			if err != nil {
				return err
			}
			j, err := sqlite.Open(cmd.Context(), filepath.Join(dir, journalFile), sqlite.Config{ReadOnly: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, j.Close()) }()
			problems, err := j.Check(cmd.Context())
			if err != nil {
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(cmd.OutOrStdout(), p)
			}
			if len(problems) > 0 {
				return errFindings
			}
			fmt.Fprintln(cmd.OutOrStdout(), "nothing is wrong with the journal")
			return nil
		},
	}
	of.flags(cmd)
	return cmd
}

func newJournalTrimCommand() *cobra.Command {
	var (
		of     whose
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "trim BOT",
		Short: "Forget what the bot's file lets its journal forget",
		Long: "Forget now what \"bot.keep\" of the bot's file lets its journal forget: done events, traces, values that have\n" +
			"expired. A running bot does so by itself once an hour. What is open always stays. The space is used again.",
		Example: "  timbot journal trim examples/bots/hello",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return of.at(cmd, args[0], true, func(d *desk) error {
				var t *control.Trimmed
				if d.running != nil {
					var err error
					if t, err = d.running.Trim(cmd.Context()); err != nil {
						return err
					}
				} else {
					l, err := load(cmd, args[0])
					if err != nil {
						return err
					}
					gone, err := d.inspector.Trim(cmd.Context(), bot.Retention(l.set.Bot, time.Now()))
					if err != nil {
						return err
					}
					t = trimmed(gone)
				}
				if asJSON {
					return printJSON(cmd, t)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "forgotten: %s, %s, %s\n", counted(t.Events, "event"), counted(t.Traces, "trace"),
					counted(t.Values+t.Marks, "value"))
				return nil
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func trimmed(t journal.Trimmed) *control.Trimmed {
	return &control.Trimmed{Events: t.Events, Traces: t.Traces, Values: t.State, Marks: t.Marks}
}
