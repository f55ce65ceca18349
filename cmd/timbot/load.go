package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
)

// loaded is a bot that was found fit to run.
type loaded struct {
	files    bot.Files
	set      *rules.Set
	registry *actions.Registry
}

// load reads the bot that path names. Mistakes in its files are told on standard error, all of them.
func load(cmd *cobra.Command, path string) (*loaded, error) {
	files, err := bot.Find(path)
	if err != nil {
		return nil, err
	}
	registry := actions.NewRegistry(actions.Builtin()...)
	set, err := files.Load(registry)
	if err != nil {
		found, err := mistakes(files, err)
		if err != nil {
			return nil, err
		}
		fmt.Fprint(cmd.ErrOrStderr(), found.Render())
		fmt.Fprintf(cmd.ErrOrStderr(), "timbot: %s cannot run: %s\n", files.Path(), counted(len(found), "mistake"))
		return nil, shown{err}
	}
	return &loaded{files: files, set: set, registry: registry}, nil
}

// counted is "1 mistake" or "3 mistakes".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
