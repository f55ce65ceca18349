package host

import (
	"reflect"
	"strings"
	"time"

	"github.com/timbot-go/timbot/actions"
)

// Plugin is a plugin as the bot's file and the plugin's manifest have it.
type Plugin struct {
	Name string // what steps call it

	// Program and Version are the manifest's: the process must say the same.
	Program, Version string

	Dir string // of the manifest, absolute

	// Command is the program, relative to Dir when it has a separator in it, else looked for in PATH; and its arguments. One that
	// begins with ./ is relative to Dir too.
	Command []string

	// Files are names and patterns, relative to Dir, of what belongs to the program besides. A change of any is a new program.
	Files []string

	// Checksums are "sha256:HEX" that Checksum must give.
	Checksums []string

	Env     []string // variables of the bot's environment that the process sees
	Actions []Action
	Rights  Rights
	Limits  Limits
	Restart Restart
	AtOnce  bool // started with the bot and kept running; else when it is first called
}

// Action is an action of a plugin.
type Action struct {
	// Spec is the action as the bot knows it, under the name PLUGIN.ACTION.
	Spec    actions.Spec
	Timeout time.Duration // the longest a call takes
}

// name is what the plugin itself calls the action.
func (a *Action) name() string {
	_, name, _ := strings.Cut(a.Spec.Name, ".")
	return name
}

// Rights is what a plugin may ask the bot for.
type Rights struct {
	Actions []string
	Signals []string
	State   bool

	// Conversations is where it may act: "event", "c2c_USER", "group_ID", "c2c_*", "group_*".
	Conversations []string
}

// Limits bounds a plugin. Zero is no bound, but for Concurrency.
type Limits struct {
	Timeout     time.Duration // of a call
	Concurrency int           // calls at once; 0 is 16
	Memory      int64         // bytes resident; where the system tells
}

// Restart says when a plugin that ended by itself is started again: after Backoff, which doubles; and after Crashes ends within
// Within not before the first of them is older.
type Restart struct {
	Backoff time.Duration
	Crashes int
	Within  time.Duration
}

const (
	defaultConcurrency = 16
	maxBackoff         = time.Minute
)

// withDefaults fills in what is zero.
func (p Plugin) withDefaults() Plugin {
	if p.Limits.Concurrency <= 0 {
		p.Limits.Concurrency = defaultConcurrency
	}
	if p.Restart.Backoff <= 0 {
		p.Restart.Backoff = time.Second
	}
	if p.Restart.Crashes <= 0 {
		p.Restart.Crashes = 5
	}
	if p.Restart.Within <= 0 {
		p.Restart.Within = 10 * time.Minute
	}
	return p
}

// same reports whether both are run alike.
func (p *Plugin) same(q *Plugin) bool {
	return reflect.DeepEqual(strip(p), strip(q))
}

// strip leaves out what DeepEqual cannot compare: types are the same when what they describe is.
func strip(p *Plugin) Plugin {
	out := *p
	out.Actions = nil
	for _, a := range p.Actions {
		a.Spec.SettleOf = nil
		out.Actions = append(out.Actions, a)
	}
	return out
}
