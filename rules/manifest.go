package rules

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// ManifestName is the name of a plugin's manifest in its folder.
const ManifestName = "plugin.yaml"

// PluginProtocol is the version of the protocol that this version of timbot speaks with plugins.
const PluginProtocol = 1

// Bounds of a plugin.
const (
	maxPluginActions  = 200
	maxPluginFields   = 200            // of one action or object
	maxPluginTimeout  = 24 * time.Hour // of one action
	defaultPluginTime = DefaultTimeout // of an action that does not say
	maxPluginDepth    = 10             // of types inside one another
	maxPluginName     = 50             // characters
)

// Manifest is what a plugin says of itself, in its plugin.yaml.
type Manifest struct {
	File          string // in the file system that it was read from
	Name, Version string
	Doc           string

	// Commands is what starts the plugin, by system: "linux/amd64", "darwin", "default".
	Commands map[string][]string

	// Files are names and patterns of what belongs to the program beside its command, relative to the manifest's folder.
	Files []string

	// Checksums is "sha256:HEX" by system, as Commands; a manifest may have none.
	Checksums map[string]string

	// Asks is what the plugin wants to do.
	Asks PluginRights

	Actions []PluginAction // in the order of the file
}

// Command is what starts the plugin on a system, or nil.
func (m *Manifest) Command(goos, goarch string) []string { return bySystem(m.Commands, goos, goarch) }

// Checksum is the one for a system, or "".
func (m *Manifest) Checksum(goos, goarch string) string { return bySystem(m.Checksums, goos, goarch) }

func bySystem[T any](m map[string]T, goos, goarch string) (v T) {
	for _, key := range []string{goos + "/" + goarch, goos, "default"} {
		if v, ok := m[key]; ok {
			return v
		}
	}
	return v
}

// PluginRights are what a plugin may do beside answering.
type PluginRights struct {
	Actions []string // of the bot
	Signals []string // without signal. before them
	State   bool     // values of its own in the journal
	Network []string // hosts, for people to know; nothing enforces them
}

// PluginAction is an action of a plugin.
type PluginAction struct {
	Name       string // without the plugin's
	Doc        string
	Inputs     []Field
	Outputs    []Field // a Required one is always there
	Scalar     string  // the input that a bare value sets
	Text       string  // the output that becomes steps.ID.text
	Value      string  // and steps.ID.value
	Idempotent bool    // doing it twice is the same as doing it once
	ActsOnChat bool
	Timeout    time.Duration // the longest it takes
}

// step is the action as a step of a bot that calls the plugin so.
func (a *PluginAction) step(plugin string) StepSpec {
	s := StepSpec{Name: plugin + "." + a.Name, Doc: a.Doc, Inputs: a.Inputs, Scalar: a.Scalar, ActsOnChat: a.ActsOnChat}
	if len(a.Outputs) > 0 {
		s.Output = Type{Kind: KindObject, Fields: a.Outputs}
	}
	return s
}

// LoadManifest reads the manifest name in fsys. The error is Errors, with every mistake in it.
func LoadManifest(fsys fs.FS, name string) (*Manifest, error) {
	l := newLoader(fsys, Options{})
	m := l.manifest(name, Pos{File: name})
	if len(l.errs) > 0 {
		return nil, sorted(l.errs)
	}
	return m, nil
}

var (
	manifestKeys     = []string{"name", "version", "protocol", "doc", "command", "files", "checksum", "rights", "actions"}
	pluginActionKeys = []string{
		"doc", "idempotent", "acts_on_chat", "timeout", "inputs", "outputs", "scalar", "text", "value",
	}
	pluginFieldKeys = []string{"type", "doc", "required", "enum", "secret", "of", "fields"}
	askedRightsKeys = []string{"actions", "signals", "state", "network"}
	pluginTypes     = []string{"text", "int", "number", "bool", "duration", "any", "list", "map", "object"}

	pluginName   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	pluginSystem = regexp.MustCompile(`^([a-z0-9]+(/[a-z0-9]+)?)$`)
	checksumForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	signalName   = regexp.MustCompile(`^[a-z0-9_][a-z0-9_.-]*$`)
)

// manifest reads a plugin's manifest, which counts among the sources; nil, with errors, when it cannot be used. from is the
// place that named it.
func (l *loader) manifest(name string, from Pos) *Manifest {
	if m, ok := l.manifests[name]; ok {
		return m
	}
	l.manifests[name] = nil
	d := l.read(name, MaxRuleFile, from)
	if d == nil {
		return nil
	}
	before := len(l.errs)
	root := l.parseYAML(d)
	if root == nil {
		return nil
	}
	r := &reader{l: l, d: d}
	entries, ok := r.mapping(root, "a plugin's manifest")
	if !ok {
		return nil
	}
	m := &Manifest{File: name}
	has := make(map[string]bool)
	var actions *yaml.Node
	for _, e := range entries {
		has[e.name] = true
		switch e.name {
		case "name":
			m.Name = r.pluginName(e.value, "name")
		case "version":
			m.Version, _ = r.str(e.value, "version")
		case "protocol":
			if v := resolve(e.value); v.Value != fmt.Sprint(PluginProtocol) || v.ShortTag() != "!!int" {
				r.errorf(v, "protocol must be %d: this timbot speaks no other", PluginProtocol)
			}
		case "doc":
			m.Doc, _ = r.str(e.value, "doc")
		case "command":
			m.Commands = bySystemOf(r, e.value, "command", yaml.SequenceNode, r.command)
		case "files":
			m.Files = r.pluginFiles(e.value)
		case "checksum":
			m.Checksums = bySystemOf(r, e.value, "checksum", yaml.ScalarNode, r.checksum)
		case "rights":
			m.Asks = r.asks(e.value)
		case "actions":
			actions = e.value
		default:
			r.unknown(e, manifestKeys)
		}
	}
	for _, name := range []string{"name", "version", "protocol"} {
		if !has[name] {
			r.errorf(root, "a plugin's manifest needs %s", name)
		}
	}
	if actions != nil {
		m.Actions = r.pluginActions(actions)
	}
	if len(l.errs) > before {
		return nil
	}
	l.manifests[name] = m
	return m
}

func (r *reader) pluginName(n *yaml.Node, what string) string {
	name, ok := r.str(n, what)
	if ok && (!pluginName.MatchString(name) || len(name) > maxPluginName) {
		r.errorf(resolve(n), "%s %q: use small letters, digits and _, %d at most, and a letter first", what, name, maxPluginName)
	}
	return name
}

// bySystemOf reads a value, or a mapping from systems to values. whole is the kind of a node that is the value itself.
func bySystemOf[T any](r *reader, n *yaml.Node, what string, whole yaml.Kind, read func(*yaml.Node, string) (T, bool)) map[string]T {
	n = resolve(n)
	out := make(map[string]T)
	if n.Kind == whole {
		if v, ok := read(n, what); ok {
			out["default"] = v
		}
		return out
	}
	entries, ok := r.mapping(n, what)
	if ok && len(entries) == 0 {
		r.errorf(n, "%s is empty", what)
	}
	for _, e := range entries {
		if !pluginSystem.MatchString(e.name) {
			r.errorf(e.key, "%s: %q is no system: write for instance linux/amd64, linux or default", what, e.name)
			continue
		}
		if v, ok := read(e.value, what); ok {
			out[e.name] = v
		}
	}
	return out
}

// command reads a program and its arguments.
func (r *reader) command(n *yaml.Node, what string) ([]string, bool) {
	items, ok := r.sequence(n, what)
	if ok && len(items) == 0 {
		r.errorf(resolve(n), "%s is empty: it begins with the program, for instance [./shop]", what)
		return nil, false
	}
	var out []string
	for _, item := range items {
		s, valid := r.str(item, what)
		if valid && strings.ContainsRune(s, 0) {
			r.errorf(item, "%s holds a zero byte", what)
			valid = false
		}
		out, ok = append(out, s), ok && valid
	}
	return out, ok
}

func (r *reader) checksum(n *yaml.Node, what string) (string, bool) {
	s, ok := r.str(n, what)
	if ok && !checksumForm.MatchString(s) {
		r.errorf(resolve(n), "%s must be sha256: and 64 digits 0-9a-f: `timbot plugin check` prints it", what)
		return "", false
	}
	return s, ok
}

func (r *reader) pluginFiles(n *yaml.Node) []string {
	items, _ := r.sequence(n, "files")
	var out []string
	for _, item := range items {
		name, ok := r.str(item, "files")
		if !ok {
			continue
		}
		if _, err := path.Match(name, ""); err != nil || !fs.ValidPath(name) || strings.ContainsRune(name, '\\') {
			r.errorf(item, "%q is no path or pattern inside the plugin's folder", name)
			continue
		}
		out = append(out, name)
	}
	return out
}

func (r *reader) asks(n *yaml.Node) PluginRights {
	var out PluginRights
	entries, _ := r.mapping(n, "rights")
	for _, e := range entries {
		if !r.right(e, &out) {
			r.unknown(e, askedRightsKeys)
		}
	}
	return out
}

// right reads one of the rights that a manifest asks for and a bot's file grants.
func (r *reader) right(e entry, to *PluginRights) bool {
	switch e.name {
	case "actions":
		to.Actions = r.words(e.value, "rights.actions", pluginName, "the name of one of the bot's actions")
		for _, name := range to.Actions {
			if !slices.Contains(PluginsMayCall, name) {
				r.errorf(resolve(e.value), "rights.actions: a plugin cannot have the bot do %q%s: there are %s", name,
					didYouMean(name, PluginsMayCall), strings.Join(PluginsMayCall, ", "))
			}
		}
	case "signals":
		to.Signals = r.words(e.value, "rights.signals", signalName, "the name of a signal, without signal. before it")
	case "state":
		to.State = r.boolean(e.value, "rights.state")
	case "network":
		to.Network = r.words(e.value, "rights.network", hostForm, "a host")
	default:
		return false
	}
	return true
}

// words reads a list of different strings of a form.
func (r *reader) words(n *yaml.Node, what string, form *regexp.Regexp, want string) []string {
	items, _ := r.sequence(n, what)
	var out []string
	for _, item := range items {
		s, ok := r.str(item, what)
		switch {
		case !ok:
		case !form.MatchString(s):
			r.errorf(item, "%s: %q is not %s", what, s, want)
		case slices.Contains(out, s):
			r.errorf(item, "%s: %q comes twice", what, s)
		default:
			out = append(out, s)
		}
	}
	return out
}

func (r *reader) pluginActions(n *yaml.Node) []PluginAction {
	entries, ok := r.mapping(n, "actions")
	if ok && len(entries) > maxPluginActions {
		r.errorf(resolve(n), "a plugin has at most %d actions", maxPluginActions)
		return nil
	}
	var out []PluginAction
	for _, e := range entries {
		a := PluginAction{Name: e.name, Timeout: defaultPluginTime}
		if !pluginName.MatchString(e.name) || len(e.name) > maxPluginName {
			r.errorf(e.key, "action %q: use small letters, digits and _, %d at most, and a letter first", e.name, maxPluginName)
			continue
		}
		keys, _ := r.mapping(e.value, "action "+e.name)
		names := make(map[string]entry)
		for _, k := range keys {
			switch k.name {
			case "doc":
				a.Doc, _ = r.str(k.value, "doc")
			case "idempotent":
				a.Idempotent = r.boolean(k.value, "idempotent")
			case "acts_on_chat":
				a.ActsOnChat = r.boolean(k.value, "acts_on_chat")
			case "timeout":
				if d, ok := r.duration(k.value, "timeout"); ok {
					if a.Timeout = d; d == 0 || d > maxPluginTimeout {
						r.errorf(resolve(k.value), "timeout must be above 0, and at most %s", spell(maxPluginTimeout))
					}
				}
			case "inputs":
				a.Inputs = r.pluginFields(k.value, "inputs", 0)
			case "outputs":
				a.Outputs = r.pluginFields(k.value, "outputs", 0)
			case "scalar", "text", "value":
				names[k.name] = k
			default:
				r.unknown(k, pluginActionKeys)
			}
		}
		for _, of := range []struct {
			key, what string
			fields    []Field
			to        *string
			text      bool
		}{
			{"scalar", "input", a.Inputs, &a.Scalar, false}, {"text", "output", a.Outputs, &a.Text, true},
			{"value", "output", a.Outputs, &a.Value, false},
		} {
			k, ok := names[of.key]
			if !ok {
				continue
			}
			name, ok := r.str(k.value, of.key)
			i := indexField(of.fields, name)
			switch {
			case !ok:
			case i < 0:
				r.errorf(resolve(k.value), "%s: action %s has no %s %q%s", of.key, e.name, of.what, name,
					didYouMean(name, fieldNames(of.fields)))
			case of.text && of.fields[i].Type.Kind != KindString:
				r.errorf(resolve(k.value), "%s: the output %s is no text", of.key, name)
			default:
				*of.to = name
			}
		}
		for _, f := range a.Outputs {
			if f.Secret {
				r.errorf(e.key, "action %s: output %s: only an input is secret", e.name, f.Name)
			}
		}
		out = append(out, a)
	}
	return out
}

func (r *reader) pluginFields(n *yaml.Node, what string, depth int) []Field {
	entries, ok := r.mapping(n, what)
	if ok && len(entries) > maxPluginFields {
		r.errorf(resolve(n), "%s has more than %d members", what, maxPluginFields)
		return nil
	}
	var out []Field
	for _, e := range entries {
		if !pluginName.MatchString(e.name) {
			r.errorf(e.key, "%s: %q: use small letters, digits and _, and a letter first", what, e.name)
			continue
		}
		f := r.pluginField(e.value, what+"."+e.name, depth)
		f.Name = e.name
		out = append(out, f)
	}
	return out
}

// pluginField reads the description of a value: the name of a type, or a mapping.
func (r *reader) pluginField(n *yaml.Node, what string, depth int) Field {
	n = resolve(n)
	var f Field
	if depth > maxPluginDepth {
		r.errorf(n, "%s: types inside one another more than %d deep", what, maxPluginDepth)
		return f
	}
	if n.Kind == yaml.ScalarNode {
		f.Type.Kind = r.pluginKind(n, what)
		if f.Type.Kind == KindObject {
			r.errorf(n, "%s: an object needs fields: write {type: object, fields: {…}}, or map", what)
		}
		return f
	}
	entries, ok := r.mapping(n, what)
	if !ok {
		return f
	}
	keys := make(map[string]entry)
	for _, e := range entries {
		keys[e.name] = e
		switch e.name {
		case "type":
			f.Type.Kind = r.pluginKind(e.value, what+".type")
		case "doc":
			f.Doc, _ = r.str(e.value, "doc")
		case "required":
			f.Required = r.boolean(e.value, "required")
		case "secret":
			f.Secret = r.boolean(e.value, "secret")
		case "enum":
			items, ok := r.sequence(e.value, "enum")
			if ok && len(items) == 0 {
				r.errorf(resolve(e.value), "enum is empty")
			}
			for _, item := range items {
				if s, ok := r.str(item, "enum"); ok {
					f.Enum = append(f.Enum, s)
				}
			}
		case "of":
			of := r.pluginField(e.value, what+".of", depth+1)
			f.Type.Elem = &of.Type
		case "fields":
			f.Type.Fields = r.pluginFields(e.value, what+".fields", depth+1)
		default:
			r.unknown(e, pluginFieldKeys)
		}
	}
	of, hasOf := keys["of"]
	fields, hasFields := keys["fields"]
	enum, hasEnum := keys["enum"]
	switch _, hasType := keys["type"]; {
	case !hasType:
		r.errorf(n, "%s needs type: one of %s", what, oneOf(pluginTypes))
	case hasOf && f.Type.Kind != KindList && f.Type.Kind != KindMap:
		r.errorf(of.key, "%s: of belongs to a list or a map", what)
	case hasFields && f.Type.Kind != KindObject:
		r.errorf(fields.key, "%s: fields belong to an object", what)
	case hasEnum && f.Type.Kind != KindString:
		r.errorf(enum.key, "%s: enum belongs to a text", what)
	case f.Type.Kind == KindObject && !hasFields:
		r.errorf(n, "%s: an object needs fields; a mapping with any keys is a map", what)
	}
	return f
}

var pluginKinds = map[string]Kind{
	"text": KindString, "int": KindInt, "number": KindFloat, "bool": KindBool, "duration": KindDuration, "any": KindAny,
	"list": KindList, "map": KindMap, "object": KindObject,
}

func (r *reader) pluginKind(n *yaml.Node, what string) Kind {
	word, _ := r.enum(n, what, pluginTypes...)
	return pluginKinds[word]
}
