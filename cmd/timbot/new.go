package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

func newNewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "new",
		Short:   "Begin something new",
		Example: "  timbot new bot concierge",
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "bot NAME",
		Short: "Make a folder with a small bot",
		Long: "Make a folder with a small bot that answers in the embedded chat. NAME is the folder, and its last part the bot's\n" +
			"user id: small letters, digits, - and _.",
		Example: "  timbot new bot concierge",
		Args:    wantArgs(1, 1, "NAME"),
		RunE:    func(cmd *cobra.Command, args []string) error { return newBot(cmd, args[0]) },
	})
	return cmd
}

var botName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// newBotFile is a new bot's file; NAME is its user id.
const newBotFile = `# yaml-language-server: $schema=` + rules.SchemaID + `
version: 1

bot:
  connection: local:.timbot/chat.db?user=NAME
  name: NAME

rules:
  - id: hello
    name: Greeting
    on: message.c2c
    match:
      any_of: [你好, hello, hi]
      mode: word
    do:
      - reply: Hello ${{ user.name ?? user.id }}! Write menu to see what I can do.

  - id: help
    name: Help
    on: message
    match:
      any_of: [menu, 帮助]
      mode: command
    do:
      - reply: |-
          I can do this:
          · hello — I greet you
          · menu — this text

  - id: fallback
    name: Everything else
    on: message.c2c
    stage: fallback
    limit:
      per: user
      rate: 1/1m
    do:
      - reply: I did not get that. Write menu to see what I can do.
`

func newBot(cmd *cobra.Command, dir string) error {
	name := filepath.Base(dir)
	if !botName.MatchString(name) {
		return &usageError{cmd, fmt.Sprintf("%q cannot be a bot's user id: use small letters, digits, - and _, a letter first", name)}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("new bot: %w", err)
	}
	file := filepath.Join(dir, bot.FileName)
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("new bot: there is a %s already, which is left as it is", file)
	}
	if err != nil {
		return fmt.Errorf("new bot: %w", err)
	}
	_, err = f.WriteString(strings.ReplaceAll(newBotFile, "NAME", name))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("new bot: %w", err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\ntalk to it: timbot chat %s\n", file, dir)
	return err
}
