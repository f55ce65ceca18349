package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
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
		newChatFileExportCommand(), newChatFileImportCommand(), newChatFileSecretCommand())
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
			if info.SecretApp != 0 {
				fmt.Fprintf(out, "secret    UserSigs of app %d are verified\n", info.SecretApp)
			}
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

func newChatFileSecretCommand() *cobra.Command {
	var app uint64
	var env, file string
	var off bool
	cmd := &cobra.Command{
		Use:   "secret FILE (--sdkappid N (--secret-env NAME | --secret-file PATH) | --clear)",
		Short: "Have the UserSigs of C programs verified",
		Long: "Give a chat file the secret key of an app, so that programs which log in through the C library (libImSDK.so) are\n" +
			"let in as TIM lets them in: with a UserSig that was made with this key, for this app and user, and has not expired.\n" +
			"A file that is not there is made. Without a secret any UserSig is accepted. The key comes from the environment or a\n" +
			"file, and lies in the chat file as it is: use that of an app for tests. Bots and timbot chat, which open the file\n" +
			"itself, need no UserSig. Who is logged in stays so.",
		Example: "  timbot chat-file secret chat.db --sdkappid 1400000000 --secret-env TIM_SECRET\n" +
			"  timbot chat-file secret chat.db --clear",
		Args: wantArgs(1, 1, "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			set := env != "" || file != "" || app != 0
			switch {
			case off && set:
				return &usageError{cmd, "--clear goes with no other flag"}
			case off:
				if _, err := os.Stat(args[0]); err != nil {
					return err
				}
			case app == 0:
				return &usageError{cmd, "missing flag: --sdkappid, the app that the key is of, or --clear"}
			case (env == "") == (file == ""):
				return &usageError{cmd, "want one of --secret-env and --secret-file, which say where the key is"}
			}
			key, err := secretKey(env, file)
			if err != nil {
				return err
			}
			chat, err := local.Open(cmd.Context(), args[0], local.Config{})
			if err != nil {
				return err
			}
			said := "any UserSig is accepted from now on"
			if off {
				err = chat.ClearSecret(cmd.Context())
			} else {
				err = chat.SetSecret(cmd.Context(), app, key)
				said = fmt.Sprintf("UserSigs of app %d are verified from now on", app)
			}
			if err := errors.Join(err, chat.Close()); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), said)
			return nil
		},
	}
	cmd.Flags().Uint64Var(&app, "sdkappid", 0, "the app that the key is of")
	cmd.Flags().StringVar(&env, "secret-env", "", "the variable that holds the key")
	cmd.Flags().StringVar(&file, "secret-file", "", "the file that holds the key")
	cmd.Flags().BoolVar(&off, "clear", false, "take the secret out of the file")
	return cmd
}

// secretKey reads the key from one of the places that are not empty.
func secretKey(env, file string) (string, error) {
	var key string
	switch {
	case env != "":
		if key = strings.TrimSpace(os.Getenv(env)); key == "" {
			return "", fmt.Errorf("the environment has no %s, which --secret-env names", env)
		}
	case file != "":
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if key = strings.TrimSpace(string(data)); key == "" {
			return "", fmt.Errorf("%s is empty", file)
		}
	}
	return key, nil
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
