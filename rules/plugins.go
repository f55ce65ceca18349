package rules

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Plugin is one of the bot's plugins, as its file has it.
type Plugin struct {
	Name     string // what steps call it: NAME.ACTION
	Manifest *Manifest
	Dir      string // the folder of the manifest, in the bot's

	Command  []string // in place of the manifest's; nil: the manifest's
	Checksum string   // "sha256:HEX" that command and files must have; "" for none but the manifest's
	Env      []string // variables of the bot's environment that the plugin sees

	// Grants is what the plugin may do: never more than its manifest asks for.
	Grants PluginRights

	// Conversations is where it may do it: "event" (that of the event), "c2c_USER", "group_ID", "c2c_*", "group_*".
	Conversations []string

	Limits  PluginLimits
	Restart PluginRestart
	AtOnce  bool // started with the bot, not when it is first called
	Pos     Pos
}

// PluginLimits bounds a plugin.
type PluginLimits struct {
	Timeout     time.Duration // of a call, if the step's and the action's own are longer; 0: none
	Concurrency int           // calls at once; further ones wait
	Memory      int64         // bytes resident; 0: no bound
}

// PluginRestart says what becomes of a plugin that ended by itself.
type PluginRestart struct {
	Backoff time.Duration // before it is started again; doubles
	Crashes int           // so many within Within, and it is not started again until the first of them is older
	Within  time.Duration
}

// The defaults of a plugin.
const (
	DefaultPluginConcurrency = 16
	maxPluginConcurrency     = 10_000
	maxPluginCrashes         = 1000
	minPluginMemory          = 16 << 20
	maxPluginVariables       = 200
)

// PluginsMayCall are the actions of the bot that a plugin can be granted.
var PluginsMayCall = []string{"reply", "send", "mark_read", "mute", "unmute", "remove_member"}

func defaultRestart() PluginRestart {
	return PluginRestart{Backoff: time.Second, Crashes: 5, Within: 10 * time.Minute}
}

var (
	pluginKeys        = []string{"path", "command", "checksum", "env", "rights", "limits", "restart", "start"}
	pluginRightsKeys  = []string{"actions", "conversations", "signals", "state", "network"}
	pluginLimitsKeys  = []string{"timeout", "concurrency", "memory"}
	pluginRestartKeys = []string{"backoff", "crashes", "within"}
	pluginStarts      = []string{"lazy", "at_once"}

	variableForm     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	conversationForm = regexp.MustCompile(`^(event|(c2c|group)_.+)$`)
)

// Plugins returns the bot's plugins, in the order of its file. They must not be changed.
func (s *Set) Plugins() []*Plugin { return s.plugins }

// Catalog returns the steps of base and those of the bot's plugins.
func (s *Set) Catalog(base Catalog) Catalog { return joinCatalog(base, s.plugins) }

// PluginCatalog returns the steps of base and those of the plugins of the bot's file name in fsys, as far as it and the
// manifests can be read, whatever mistakes are in them.
func PluginCatalog(fsys fs.FS, name string, base Catalog) Catalog {
	l := newLoader(fsys, Options{Catalog: base})
	l.file(name, nil, Pos{File: name})
	return joinCatalog(base, l.plugins)
}

// joinCatalog is base when there are no plugins.
func joinCatalog(base Catalog, plugins []*Plugin) Catalog {
	if len(plugins) == 0 {
		return base
	}
	c := &pluginCatalog{base: base, steps: make(map[string]StepSpec)}
	if base != nil {
		c.names = slices.Clone(base.Names())
	}
	for _, p := range plugins {
		for i := range p.Manifest.Actions {
			s := p.Manifest.Actions[i].step(p.Name)
			c.steps[s.Name] = s
			if !slices.Contains(c.names, s.Name) {
				c.names = append(c.names, s.Name)
			}
		}
	}
	slices.Sort(c.names)
	return c
}

// pluginCatalog is a catalog with the steps of plugins besides.
type pluginCatalog struct {
	base  Catalog // may be nil
	steps map[string]StepSpec
	names []string
}

// Names implements Catalog.
func (c *pluginCatalog) Names() []string { return c.names }

// Step implements Catalog.
func (c *pluginCatalog) Step(name string) (StepSpec, bool) {
	if s, ok := c.steps[name]; ok {
		return s, true
	}
	if c.base == nil {
		return StepSpec{}, false
	}
	return c.base.Step(name)
}

// readPlugins reads the plugins of the bot's file, and their manifests.
func (l *loader) readPlugins(r *reader, n *yaml.Node) {
	entries, _ := r.mapping(n, "plugins")
	for _, e := range entries {
		if !pluginName.MatchString(e.name) || len(e.name) > maxPluginName {
			r.errorf(e.key, "plugin %q: use small letters, digits and _, %d at most, and a letter first", e.name, maxPluginName)
			continue
		}
		l.lame[e.name] = true
		if p := l.plugin(r, e); p != nil {
			l.plugins = append(l.plugins, p)
			delete(l.lame, e.name)
		}
	}
	l.opts.Catalog = joinCatalog(l.opts.Catalog, l.plugins)
}

func (l *loader) plugin(r *reader, e entry) *Plugin {
	before := len(l.errs)
	p := &Plugin{
		Name: e.name, Pos: r.pos(e.key), Limits: PluginLimits{Concurrency: DefaultPluginConcurrency}, Restart: defaultRestart(),
	}
	keys := make(map[string]entry)
	if v := resolve(e.value); v.Kind == yaml.ScalarNode && isString(v) { // `shop: plugins/shop`
		keys["path"] = entry{"path", v, v}
	} else {
		entries, ok := r.mapping(v, "plugin "+e.name)
		if !ok {
			return nil
		}
		for _, k := range entries {
			keys[k.name] = k
			if !slices.Contains(pluginKeys, k.name) {
				r.unknown(k, pluginKeys)
			}
		}
	}
	k, ok := keys["path"]
	if !ok {
		r.errorf(e.key, "plugin %s needs path, the folder of its %s", e.name, ManifestName)
		return nil
	}
	dir, ok := r.str(k.value, "path")
	if !ok {
		return nil
	}
	if p.Dir, ok = l.inside(r, resolve(k.value), dir); !ok {
		return nil
	}
	p.Manifest = l.manifest(path.Join(p.Dir, ManifestName), r.pos(resolve(k.value)))
	l.pluginKeys(r, p, keys)
	if p.Manifest == nil || len(l.errs) > before {
		return nil
	}
	return p
}

func (l *loader) pluginKeys(r *reader, p *Plugin, keys map[string]entry) {
	if k, ok := keys["command"]; ok {
		p.Command, _ = r.command(k.value, "command")
	}
	if k, ok := keys["checksum"]; ok {
		p.Checksum, _ = r.checksum(k.value, "checksum")
	}
	if k, ok := keys["env"]; ok {
		p.Env = r.words(k.value, "env", variableForm, "the name of a variable")
		for i, name := range p.Env {
			if strings.HasPrefix(name, "PLUGIN_") || strings.HasPrefix(name, "TIMBOT_PLUGIN") || i >= maxPluginVariables {
				r.errorf(resolve(k.value), "env: %s cannot be given: the name is the protocol's own, or there are too many", name)
			}
		}
	}
	if k, ok := keys["rights"]; ok {
		r.grants(k, p)
	}
	if k, ok := keys["limits"]; ok {
		r.pluginLimits(k.value, &p.Limits)
	}
	if k, ok := keys["restart"]; ok {
		r.pluginRestart(k.value, &p.Restart)
	}
	if k, ok := keys["start"]; ok {
		word, _ := r.enum(k.value, "start", pluginStarts...)
		p.AtOnce = word == "at_once"
	}
}

// grants reads what a plugin may do, and refuses what it does not ask for: somebody means another plugin, or another right.
func (r *reader) grants(k entry, p *Plugin) {
	entries, _ := r.mapping(k.value, "rights")
	var asks PluginRights
	if p.Manifest != nil {
		asks = p.Manifest.Asks
	}
	for _, e := range entries {
		if e.name == "conversations" {
			p.Conversations = r.words(e.value, "rights.conversations", conversationForm,
				"a conversation: write event, c2c_USER, group_ID, c2c_* or group_*")
			continue
		}
		if !r.right(e, &p.Grants) {
			r.unknown(e, pluginRightsKeys)
			continue
		}
		if p.Manifest == nil {
			continue
		}
		for _, of := range []struct {
			key           string
			granted, asks []string
		}{
			{"actions", p.Grants.Actions, asks.Actions}, {"signals", p.Grants.Signals, asks.Signals},
			{"network", p.Grants.Network, asks.Network},
		} {
			for _, name := range of.granted {
				if e.name == of.key && !slices.Contains(of.asks, name) {
					r.errorf(resolve(e.value), "rights.%s: plugin %s does not ask for %s%s", e.name, p.Name, name, didYouMean(name, of.asks))
				}
			}
		}
		if e.name == "state" && p.Grants.State && !asks.State {
			r.errorf(resolve(e.value), "rights.state: plugin %s does not ask for it", p.Name)
		}
	}
	if len(p.Grants.Actions) > 0 && p.Conversations == nil {
		p.Conversations = []string{"event"}
	}
}

func (r *reader) pluginLimits(n *yaml.Node, to *PluginLimits) {
	entries, _ := r.mapping(n, "limits")
	for _, e := range entries {
		switch e.name {
		case "timeout":
			to.Timeout = r.above(e.value, "timeout", to.Timeout)
		case "concurrency":
			to.Concurrency, _ = r.integer(e.value, "concurrency", 1, maxPluginConcurrency)
		case "memory":
			if size, ok := r.size(e.value, "memory"); ok {
				if to.Memory = size; size != 0 && size < minPluginMemory {
					r.errorf(resolve(e.value), "memory must be 16MiB at least: no program runs in less")
				}
			}
		default:
			r.unknown(e, pluginLimitsKeys)
		}
	}
}

func (r *reader) pluginRestart(n *yaml.Node, to *PluginRestart) {
	entries, _ := r.mapping(n, "restart")
	for _, e := range entries {
		switch e.name {
		case "backoff":
			to.Backoff = r.above(e.value, "backoff", to.Backoff)
		case "crashes":
			to.Crashes, _ = r.integer(e.value, "crashes", 1, maxPluginCrashes)
		case "within":
			to.Within = r.above(e.value, "within", to.Within)
		default:
			r.unknown(e, pluginRestartKeys)
		}
	}
}

// above reads a duration above 0; what is wrong leaves it as it is.
func (r *reader) above(n *yaml.Node, what string, d time.Duration) time.Duration {
	got, ok := r.duration(n, what)
	if ok && got == 0 {
		r.errorf(resolve(n), "%s must be above 0", what)
		return d
	}
	if ok {
		return got
	}
	return d
}

// ofLamePlugin reports whether a step is of a plugin that the file names and that has mistakes itself.
func (l *loader) ofLamePlugin(step string) bool {
	plugin, _, dotted := strings.Cut(step, ".")
	return dotted && l.lame[plugin]
}

// noPlugin says of an unknown step that its plugin is not there.
func (l *loader) noPlugin(step string) string {
	plugin, _, dotted := strings.Cut(step, ".")
	if !dotted || slices.ContainsFunc(l.plugins, func(p *Plugin) bool { return p.Name == plugin }) {
		return ""
	}
	return ": plugins of the bot's file has no " + plugin
}
