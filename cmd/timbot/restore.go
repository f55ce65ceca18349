package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/backup"
)

func newRestoreCommand() *cobra.Command {
	var (
		dataDir string
		force   bool
	)
	cmd := &cobra.Command{
		Use:   "restore FILE [BOT]",
		Short: "Bring back what a backup holds",
		Long: "Bring a backup's journal and archives back into a bot's data folder, and the embedded chat's file to where\n" +
			"the bot's file says, once all of the backup is found to be whole. Without BOT, --data says where.\n\n" +
			"A data folder in use is refused. One with a journal or archives of its own is refused unless --force moves\n" +
			"them into a folder before-restore-TIME in it. Nobody may have the chat file open meanwhile.",
		Example: "  timbot restore archive-2026-10-10.tar examples/bots/archive",
		Args:    wantArgs(1, 2, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 1 && dataDir == "" {
				return &usageError{cmd, "missing argument: BOT, or --data DIR"}
			}
			m, err := backup.Look(args[0])
			if err != nil {
				return err
			}
			hasChat := slices.ContainsFunc(m.Files, func(e backup.Entry) bool { return e.Name == chatFileIn })
			chat := ""
			if len(args) == 2 {
				files, err := bot.Find(args[1])
				if err != nil {
					return err
				}
				if dataDir == "" {
					dataDir = files.DataDir()
				}
				if hasChat {
					if chat, err = chatOf(cmd, args[1]); err != nil {
						return err
					}
					if err := bot.MakeFolder(filepath.Dir(chat)); err != nil {
						return fmt.Errorf("the chat file's folder: %w", err)
					}
				}
			} else if hasChat {
				chat = filepath.Join(dataDir, chatFileIn)
			}
			folder, err := bot.OpenFolder(dataDir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, folder.Close()) }()
			var places []backup.Place
			for _, d := range databases(dataDir, chat) {
				places = append(places, backup.Place(d))
			}
			m, moved, err := backup.Restore(cmd.Context(), args[0], places, force, time.Now())
			if moved != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "what was there is now in %s\n", moved)
			}
			if errors.Is(err, backup.ErrOccupied) {
				return fmt.Errorf("%w: --force moves it aside", err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "restored what was backed up at %s:\n", m.At.Local().Format(time.RFC3339))
			for _, f := range m.Files {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %d bytes\n", f.Name, f.Bytes)
			}
			return nil
		},
	}
	dataFlag(cmd, &dataDir)
	cmd.Flags().BoolVar(&force, "force", false, "move what is there aside")
	return cmd
}
