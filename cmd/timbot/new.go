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
	"github.com/timbot-go/timbot/rulestest"
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
		Short: "Make a folder with a small bot and its tests",
		Long: "Make a folder with a small bot that answers in the embedded chat, and its tests. NAME is the folder, and its last\n" +
			"part the bot's user id: small letters, digits, - and _.",
		Example: "  timbot new bot concierge",
		Args:    wantArgs(1, 1, "NAME"),
		RunE:    func(cmd *cobra.Command, args []string) error { return newBot(cmd, args[0]) },
	})
	cmd.AddCommand(newRuleCommand(), newTestFileCommand())
	return cmd
}

var botName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// starter is a new bot's file; NAME is its user id.
const starter = `# yaml-language-server: $schema=` + rules.SchemaID + `
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

// starterTests are the tests of a new bot.
const starterTests = `version: 1

given:
  groups:
    team: { members: [ann] }

tests:
  - name: who greets is greeted
    table: [{ text: hello }, { text: hi there }, { text: 你好 }]
    send: { from: ann, text: "${{ row.text }}" }
    expect: [reply: Hello ann! Write menu to see what I can do.]

  - name: a greeting goes before the menu
    send: { from: ann, text: menu hello }
    expect: [reply: Hello ann! Write menu to see what I can do.]

  - name: menu tells what there is, in groups too
    steps:
      - send: { from: ann, text: menu }
        expect: [reply: { text: { contains: I greet you } }]
      - send: { in: team, from: ann, text: 帮助 }
        expect: [reply: { text: { contains: this text } }]

  - name: anything else is answered once a minute
    steps:
      - send: { from: ann, text: what }
        expect: [reply: I did not get that. Write menu to see what I can do.]
      - send: { from: ann, text: what }
        expect: []
      - advance: 1m
      - send: { from: ann, text: what }
        expect: [reply]

coverage: { rules: 100, branches: 80 }
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
	if err := writeNew(file, strings.ReplaceAll(starter, "NAME", name)); err != nil {
		return fmt.Errorf("new bot: %w", err)
	}
	tests := filepath.Join(dir, "bot"+rulestest.FileSuffix)
	if err := writeNew(tests, starterTests); err != nil {
		return fmt.Errorf("new bot: %w", err)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\ntalk to it: timbot chat %s\ntest it: timbot test %s\n", file, tests, dir, dir)
	return err
}

// writeNew writes a file that is not there yet.
func writeNew(file, text string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("there is a %s already, which is left as it is", file)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
