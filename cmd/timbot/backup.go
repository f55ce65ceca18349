package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/archive"
	"github.com/timbot-go/timbot/bot/backup"
)

// The names of the databases, in the data folder and in a backup.
const (
	chatFileIn = "chat.db"
)

// databases are those of a data folder, the journal first; chat may be empty.
func databases(dataDir, chat string) []backup.Source {
	list := []backup.Source{
		{Name: journalFile, Path: filepath.Join(dataDir, journalFile)},
		{Name: archive.FileName, Path: archivePath(dataDir)},
	}
	if chat != "" {
		list = append(list, backup.Source{Name: chatFileIn, Path: chat})
	}
	return list
}

func newBackupCommand() *cobra.Command {
	var (
		dataDir  string
		withChat bool
	)
	cmd := &cobra.Command{
		Use:   "backup BOT FILE",
		Short: "Copy what a bot must not lose into one file",
		Long: "Copy a bot's journal and archives into one new file (a tar), beside the running bot or without it, and\n" +
			"check that they are sound. --with-chat adds the file of the embedded chat. Restore brings them back.\n\n" +
			"Not in it: the bot's own files, and what download steps saved; they are plain files.",
		Example: "  timbot backup examples/bots/archive archive-2026-10-10.tar",
		Args:    wantArgs(2, 2, "BOT FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := bot.Find(args[0])
			if err != nil {
				return err
			}
			if dataDir == "" {
				dataDir = files.DataDir()
			}
			chat := ""
			if withChat {
				if chat, err = chatOf(cmd, args[0]); err != nil {
					return err
				}
			}
			m, err := backup.Write(cmd.Context(), args[1], databases(dataDir, chat), readBuild().Version, time.Now())
			if err != nil {
				return fmt.Errorf("%s: %w", dataDir, err)
			}
			for _, f := range m.Files {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %d bytes\n", f.Name, f.Bytes)
			}
			return nil
		},
	}
	dataFlag(cmd, &dataDir)
	cmd.Flags().BoolVar(&withChat, "with-chat", false, "with the embedded chat's file")
	return cmd
}

// chatOf is the chat file of the bot that path means.
func chatOf(cmd *cobra.Command, path string) (string, error) {
	l, err := load(cmd, path)
	if err != nil {
		return "", err
	}
	chat, ok := chatFile(l.set.Bot.Connection, l.files.Dir)
	if !ok {
		return "", fmt.Errorf("%s: the bot's connection is no file of the embedded chat (local:PATH)", path)
	}
	return chat, nil
}
