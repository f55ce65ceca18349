package plugins

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// Plugin is what a program serves.
type Plugin struct {
	Name    string // lower_snake_case
	Version string
	Doc     string // a sentence
	Actions []Action

	// Run, when it is not nil, is called once, when the bot is there: for what the plugin does of its own accord, with BotOf.
	// ctx ends when the plugin is to stop; Run then returns. That it returns before does no harm; its error is logged, and
	// makes the plugin unwell.
	Run func(ctx context.Context) error

	// What follows is only for the manifest that the program writes.

	// Command is what starts the plugin, relative to the folder of plugin.yaml. The default is the program ./NAME.
	Command []string

	// Commands is that by system, "linux/amd64", "darwin", "default", in place of Command.
	Commands map[string][]string

	// Files are names and patterns of what belongs to the program beside its command.
	Files []string

	Rights Rights
}

// Rights is what a plugin asks for. The bot's file grants it, or not.
type Rights struct {
	Actions []string // of the bot, for Bot.Do: reply, send, ...
	Signals []string // for Bot.Signal
	State   bool     // for Bot.Get and Bot.Set
	Network []string // hosts that the plugin speaks to, for people to know
}

// Action is one thing that a rule can do.
type Action struct {
	Name string // lower_snake_case; rules write PLUGIN.NAME
	Doc  string // a sentence

	// Do is made with Func.
	Do Handler

	// Idempotent says that doing it twice is the same as doing it once. After a crash such a call is made again, with the same
	// Call.Effect; another is reported as interrupted.
	Idempotent bool

	// ActsOnChat says that others may notice it: it replies or sends. Without it a call cannot.
	ActsOnChat bool

	// Timeout is the longest it takes. The default is 30 seconds.
	Timeout time.Duration
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// check says what a programmer has to change.
func (p *Plugin) check() error {
	if !nameForm.MatchString(p.Name) {
		return fmt.Errorf("Plugin.Name is %q: want lower_snake_case", p.Name)
	}
	if p.Version == "" {
		return fmt.Errorf("Plugin.Version is empty")
	}
	seen := make(map[string]bool)
	for _, a := range p.Actions {
		switch {
		case !nameForm.MatchString(a.Name):
			return fmt.Errorf("an action's Name is %q: want lower_snake_case", a.Name)
		case seen[a.Name]:
			return fmt.Errorf("two actions are called %s", a.Name)
		case a.Do == nil:
			return fmt.Errorf("action %s has no Do", a.Name)
		}
		seen[a.Name] = true
		if err := a.Do.check(); err != nil {
			return fmt.Errorf("action %s: %w", a.Name, err)
		}
	}
	return nil
}
