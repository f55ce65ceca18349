package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

func newChatCommand() *cobra.Command {
	var (
		dataDir, as, in string
		asJSON          bool
		logs            logging
	)
	cmd := &cobra.Command{
		Use:   "chat BOT",
		Short: "Talk to a bot in the terminal, without any account",
		Long: "Talk to a bot in the terminal, without any account: the bot runs on the embedded chat, where you play\n" +
			"several users and groups. /help lists the commands.\n\n" +
			"When standard input or output is no terminal, each line of the input is a message or a command. The next\n" +
			"line waits until the bot has nothing left to do; what the bot does is printed on standard output. The exit\n" +
			"code is 1 when a line failed.\n\n" +
			"The chat and the bot's data are temporary unless --data says where to keep them. With the data folder of\n" +
			"\"timbot run\" (.timbot beside the bot's file), this is the chat file that the examples run on.",
		Example: "  timbot chat examples/bots/hello",
		Args:    wantArgs(1, 1, "BOT"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			l, err := load(cmd, args[0])
			if err != nil {
				return err
			}
			keepDir := dataDir
			if dataDir == "" {
				dataDir, err = os.MkdirTemp("", "timbot-chat-")
				if errors.Is(err, fs.ErrNotExist) { // a container of this binary alone has no folder for temporary files
					dataDir, err = os.MkdirTemp(".", "timbot-chat-")
				}
				if err != nil {
					return err
				}
				defer func(dir string) { err = errors.Join(err, os.RemoveAll(dir)) }(dataDir)
			}
			folder, err := bot.OpenFolder(dataDir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, folder.Close()) }()
			c := chatting{loaded: l, folder: folder, keep: keepDir != "", as: as, in: in, logs: logs, cmd: cmd}
			if !asJSON && terminals(cmd.InOrStdin(), cmd.OutOrStdout()) {
				return c.terminal(keepDir)
			}
			return c.script(asJSON)
		},
	}
	cmd.Flags().StringVar(&dataDir, "data", "", "the folder that keeps the chat and the bot's data (default temporary)")
	cmd.Flags().StringVar(&as, "as", "alice", "the user whom you play first")
	cmd.Flags().StringVar(&in, "in", "", "the group in which you begin")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for everything shown, and read lines")
	logs.flags(cmd.Flags(), "warn")
	return cmd
}

// chatting is one run of the chat command.
type chatting struct {
	*loaded
	folder *bot.Folder
	keep   bool // the folder stays, and the bot's journal in it
	as, in string
	logs   logging
	cmd    *cobra.Command
}

// open opens the session; its log goes to w.
func (c *chatting) open(w io.Writer, show func(*session, entry)) (*session, error) {
	c.logs.short = true
	if _, err := c.logs.logger(w); err != nil {
		return nil, &usageError{c.cmd, err.Error()}
	}
	data := c.folder.Path()
	s, err := openSession(c.cmd.Context(), c.loaded, filepath.Join(data, "chat.db"), c.folder, c.keep, c.as, show, c.logs, w)
	if err != nil || c.in == "" {
		return s, err
	}
	err = s.in([]string{c.in})
	if err == nil {
		err = s.settle()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--in: %w", err), s.close())
	}
	return s, nil
}

// script does what the lines of standard input say.
func (c *chatting) script(asJSON bool) error {
	out := c.cmd.OutOrStdout()
	show := func(s *session, e entry) {
		if asJSON {
			data, err := sdkconn.Marshal(e)
			if err != nil {
				data = fmt.Appendf(nil, `{"kind":"error","text":%q}`, err)
			}
			fmt.Fprintf(out, "%s\n", data)
			return
		}
		fmt.Fprintln(out, e.line(s.where()))
	}
	s, err := c.open(c.cmd.ErrOrStderr(), show)
	if err != nil {
		return err
	}
	err = script(s, c.cmd.InOrStdin(), c.cmd.ErrOrStderr())
	return errors.Join(err, s.close())
}
