package host

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/actions"
)

// Config says how plugins are run.
type Config struct {
	// Dir is the folder in which each plugin gets a folder of its own. It is made when the first one is started. Required.
	Dir string

	// Version is the bot's, as plugins are told.
	Version string

	// Env looks up variables of the bot's environment. The default is os.LookupEnv.
	Env func(string) (string, bool)

	Clock    clockwork.Clock // the real one unless given
	Log      *slog.Logger    // discards unless given
	Observer Observer        // nobody unless given
}

// Observer is told of plugins, for metrics. Its methods are called by many goroutines at once, and return at once. Names are those
// of the bot's file and the manifests.
type Observer interface {
	// PluginCalled is called after each call. code is empty for one that worked, else the error's.
	PluginCalled(plugin, action, code string, took time.Duration)
	// PluginEnded is called when a plugin ended by itself, or was killed because it misbehaved.
	PluginEnded(plugin string)
}

type nobody struct{}

func (nobody) PluginCalled(string, string, string, time.Duration) {}
func (nobody) PluginEnded(string)                                 {}

// Host runs plugins. Make it with New, and Close it. Its methods may be called by many goroutines at once.
type Host struct {
	dir      string
	run      string       // where sockets are; empty before the first process
	prepare  func() error // makes run and spawner, once
	version  string
	env      func(string) (string, bool)
	clock    clockwork.Clock
	log      *slog.Logger
	observer Observer
	spawner  *spawner
	ctx      context.Context // ends with the host
	cancel   context.CancelFunc
	work     sync.WaitGroup
	leaving  sync.WaitGroup // instances that finish what they do
	closing  chan struct{}
	caller   atomic.Value // of callerBox
	byName   atomic.Pointer[map[string]*action]

	mu      sync.Mutex
	plugins map[string]*supervisor
	order   []string
	closed  bool
}

// maxSocketDir is how long the name of the folder for sockets may be: the system bounds a socket's to some 100 bytes, and
// go-plugin makes a folder in it.
const maxSocketDir = 60

// New makes a host without plugins. It starts no process.
func New(c Config) (*Host, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("plugins: %w", err)
	}
	h := &Host{
		dir: dir, version: c.Version, env: c.Env, clock: c.Clock, log: c.Log, observer: c.Observer,
		plugins: make(map[string]*supervisor), closing: make(chan struct{}),
	}
	if h.observer == nil {
		h.observer = nobody{}
	}
	if h.env == nil {
		h.env = os.LookupEnv
	}
	if h.clock == nil {
		h.clock = clockwork.NewRealClock()
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.byName.Store(&map[string]*action{})
	h.caller.Store(callerBox{})
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.prepare = sync.OnceValue(h.prepareNow)
	return h, nil
}

// prepareNow makes what the first process needs.
func (h *Host) prepareNow() error {
	run := filepath.Join(h.dir, ".run") // no plugin's name begins so
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	_ = os.RemoveAll(run) // of a bot that was killed
	var err error
	if len(run) > maxSocketDir {
		run, err = os.MkdirTemp("", "timbot-")
	} else {
		err = os.Mkdir(run, 0o700)
	}
	if err != nil {
		return err
	}
	h.run, h.spawner = run, newSpawner()
	return nil
}

// Use sets which plugins there are, and whom they may ask; caller may be nil. Those that were and are no more end when their
// calls have; those that changed are started anew, and calls that run finish on what they began with; those that run at once
// are started. It does not wait for any of that.
func (h *Host) Use(list []Plugin, caller Caller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.caller.Store(callerBox{caller})
	byName := make(map[string]*action)
	var order []string
	for i := range list {
		p := list[i].withDefaults()
		s := h.plugins[p.Name]
		if s == nil {
			s = h.newSupervisor(&p)
			h.plugins[p.Name] = s
			if p.AtOnce {
				s.mu.Lock()
				s.beginStart(true)
				s.mu.Unlock()
			}
		} else {
			s.use(&p)
		}
		order = append(order, p.Name)
		for j := range p.Actions {
			a := &action{supervisor: s, action: &p.Actions[j], plugin: &p}
			byName[a.action.Spec.Name] = a
		}
	}
	for name, s := range h.plugins {
		if !slices.Contains(order, name) {
			delete(h.plugins, name)
			h.leaving.Go(func() { s.close(true) })
		}
	}
	h.order = order
	h.byName.Store(&byName)
}

// Lookup returns an action of a plugin by its name in steps.
func (h *Host) Lookup(name string) (actions.Action, bool) {
	a, ok := (*h.byName.Load())[name]
	if !ok {
		return nil, false
	}
	return a, true
}

// Restart starts a plugin anew, also one that is not started any more because it ended too often. Calls that run finish on the
// old process. It blocks until the new one can be called, or cannot be started, or ctx ends.
func (h *Host) Restart(ctx context.Context, name string) error {
	s, err := h.find(name)
	if err != nil {
		return err
	}
	if err := s.restart(ctx); err != nil {
		return fmt.Errorf("plugin %s: %w", name, err)
	}
	return nil
}

// NotFoundError says that there is no such plugin.
type NotFoundError struct{ Text string }

func (e *NotFoundError) Error() string { return e.Text }

func (h *Host) find(name string) (*supervisor, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.plugins[name]
	if s == nil {
		return nil, &NotFoundError{fmt.Sprintf("the bot has no plugin %q; it has %v", name, h.order)}
	}
	return s, nil
}

// Logs returns the last n lines that a plugin said, the oldest first; at most 500 are kept.
func (h *Host) Logs(name string, n int) ([]Line, error) {
	s, err := h.find(name)
	if err != nil {
		return nil, err
	}
	return s.kept.last(n), nil
}

// reason is what a process said about its end.
func (h *Host) reason(name string, pid int) string {
	h.mu.Lock()
	s := h.plugins[name]
	h.mu.Unlock()
	if s == nil {
		return ""
	}
	return s.kept.reason(pid)
}

// lookAt has a plugin looked at whose files may have changed.
func (h *Host) lookAt(i *instance) {
	h.mu.Lock()
	s := h.plugins[i.plugin.Name]
	h.mu.Unlock()
	if s != nil {
		s.swapIfChanged()
	}
}

// Close stops all plugins and waits until no process and no goroutine is left. Those that run get some seconds to finish what
// they do.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	close(h.closing)
	all := slices.Collect(maps.Values(h.plugins))
	h.mu.Unlock()
	var closing sync.WaitGroup
	for _, s := range all {
		closing.Go(func() { s.close(false) })
	}
	closing.Wait()
	h.leaving.Wait()
	h.cancel()
	h.work.Wait()
	if h.run == "" {
		return nil
	}
	h.spawner.close()
	return os.RemoveAll(h.run)
}
