package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/sdkconn/local"
)

func newChatFileCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "chat-file",
		Short: "Look after the file of an embedded chat",
		Long: "Look after the file of an embedded chat (local:PATH). The chat may be in use meanwhile, and nobody's login\n" +
			"ends. The exit code of check is 1 when something is wrong with the file.",
		Example: "  timbot chat-file info .timbot/chat.db\n" +
			"  timbot chat-file export .timbot/chat.db --as alice > alice.jsonl",
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newChatFileInfoCommand(), newChatFileCheckCommand(), newChatFileCompactCommand(),
		newChatFileExportCommand(), newChatFileImportCommand())
	return cmd
}

func newChatFileInfoCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info FILE",
		Short:   "Tell what a chat file holds",
		Example: "  timbot chat-file info .timbot/chat.db",
		Args:    wantArgs(1, 1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			info, err := local.Info(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, info)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "file      %s, %d bytes, schema %d\n", info.Path, info.Bytes, info.Schema)
			fmt.Fprintf(out, "people    %d users, %d groups\n", info.Users, info.Groups)
			fmt.Fprintf(out, "messages  %d, and %d imported or saved\n", info.Messages, info.OwnMessages)
			if info.Messages > 0 {
				fmt.Fprintf(out, "from      %s to %s\n", stamp(info.First), stamp(info.Last))
			}
			fmt.Fprintf(out, "files     %d, %d bytes\n", info.Files, info.FileBytes)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// stamp is a time in the zone of whoever reads it.
func stamp(unix int64) string { return time.Unix(unix, 0).Format(time.RFC3339) }

func newChatFileCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   "Read a whole chat file and tell what is wrong with it",
		Example: "  timbot chat-file check .timbot/chat.db",
		Args:    wantArgs(1, 1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			problems, err := local.Check(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(cmd.OutOrStdout(), p)
			}
			if len(problems) > 0 {
				return errFindings
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return nil
		},
	}
}

func newChatFileCompactCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "compact FILE",
		Short:   "Give the room that a chat file does not need back to the disk",
		Example: "  timbot chat-file compact .timbot/chat.db",
		Args:    wantArgs(1, 1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			before, after, err := local.Compact(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d bytes, %d before\n", after, before)
			return nil
		},
	}
}

func newChatFileExportCommand() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "export FILE --as USER",
		Short: "Print a user's messages, one line of the SDK's JSON each",
		Long: "Print what a user sees of all conversations, one line of the SDK's message JSON each: one conversation after\n" +
			"the other, the oldest message first. The files of pictures and the like are not part of it.",
		Example: "  timbot chat-file export .timbot/chat.db --as alice > alice.jsonl",
		Args:    wantArgs(1, 1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withChatFile(cmd, args[0], as, func(chat *local.Chat) error {
				_, err := chat.Export(cmd.Context(), as, cmd.OutOrStdout())
				return err
			})
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "whose messages")
	return cmd
}

func newChatFileImportCommand() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "import FILE --as USER [MESSAGES]",
		Short: "Add exported messages to a user's own history",
		Long: "Add messages, one line of the SDK's JSON each as export prints them, to a user's own history; from the standard\n" +
			"input unless a file is named. Nobody else sees them, and what is there already is not added again.",
		Example: "  timbot chat-file import .timbot/chat.db --as alice alice.jsonl",
		Args:    wantArgs(1, 2, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withChatFile(cmd, args[0], as, func(chat *local.Chat) error {
				var in io.Reader = cmd.InOrStdin()
				if len(args) == 2 {
					f, err := os.Open(args[1])
					if err != nil {
						return err
					}
					defer f.Close()
					in = f
				}
				n, err := chat.Import(cmd.Context(), as, in)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d messages read\n", n)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "to whose history")
	return cmd
}

// withChatFile opens a chat file that is there.
func withChatFile(cmd *cobra.Command, path, as string, f func(*local.Chat) error) error {
	if as == "" {
		return &usageError{cmd, "missing flag: --as, the user"}
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	chat, err := local.Open(cmd.Context(), path, local.Config{})
	if err != nil {
		return err
	}
	return errors.Join(f(chat), chat.Close())
}
