package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/sdkconn"
)

// Options is what Load needs beside the files.
type Options struct {
	// Catalog names the steps. Nil is a catalog without any.
	Catalog Catalog

	// Env looks up secrets (`secrets: {from: env}`). Nil looks nothing up: every secret is empty, which is enough to
	// check files but not to run them.
	Env func(string) (string, bool)

	// Lists takes the place of lists by name, as tests give them; what the files say of those is not read. A name that no
	// file has is no error.
	Lists map[string][]string

	// Modes takes the place of the `run` of rules, by id. An id that no rule has is no error.
	Modes map[string]Mode
}

// Set is a bot's rules, compiled. It is not changed after Load and may be used by many goroutines at once.
type Set struct {
	Bot   BotConfig
	Rules []*Rule // in file order

	sources  []Source
	hash     string
	lists    map[string][]string
	vars     map[string]any
	secrets  map[string]string
	warnings []Warning
	byEvent  map[string]*plan
	plans    []*plan // the same, in no order that matters
	facts    *index
	helped   []helped // the commands that help may name, in file order
	kinds    map[sdkconn.EventKind]bool
	byID     map[string]*Rule
	needs    Needs
	uses     struct{ dialogues, handoffs, approvals, answers bool }

	countWindow time.Duration
	plugins     []*Plugin
	webhooks    map[string]*Webhook // by path
}

// Hash names the text of all files, lists included. Sets with the same hash behave the same under the same catalog and
// environment.
func (s *Set) Hash() string { return s.hash }

// Sources returns every file that was read, in the order of reading. It must not be changed.
func (s *Set) Sources() []Source { return s.sources }

// Rule returns the rule with an id, or nil.
func (s *Set) Rule(id string) *Rule { return s.byID[id] }

// Needs says which facts the match or if of any rule reads. What its steps read too is in Rule.Needs.
func (s *Set) Needs() Needs { return s.needs }

// Uses reports whether a rule that is not off listens to an event of this kind.
func (s *Set) Uses(kind sdkconn.EventKind) bool { return s.kinds[kind] }

// Dialogues reports whether a rule that is not off has a session, Handoffs whether one hands a conversation to people, and
// Approvals whether one waits for consent.
func (s *Set) Dialogues() bool { return s.uses.dialogues }
func (s *Set) Handoffs() bool  { return s.uses.handoffs }
func (s *Set) Approvals() bool { return s.uses.approvals }

// RevokesAnswers reports whether a rule that is not off takes back what was answered to a message: a step revoke with
// answers.
func (s *Set) RevokesAnswers() bool { return s.uses.answers }

func (r *Rule) revokesAnswers() bool {
	return r.Mode != ModeOff && r.has(func(s *Step) bool { return s.Action == "revoke" && s.inputs["answers"] != nil })
}

// HasAction reports whether a step of a rule that is not off does the action.
func (s *Set) HasAction(name string) bool {
	return slices.ContainsFunc(s.Rules, func(r *Rule) bool {
		return r.Mode != ModeOff && r.has(func(s *Step) bool { return s.Action == name })
	})
}

// Warnings returns what is no mistake but worth telling, in the order of the files.
func (s *Set) Warnings() []Warning { return s.warnings }

// Lists returns the word lists. It must not be changed.
func (s *Set) Lists() map[string][]string { return s.lists }

// Load reads the file name in fsys and what it includes. The error is Errors, with every mistake in file order; the Set
// is nil then.
func Load(fsys fs.FS, name string, opts Options) (*Set, error) {
	l := newLoader(fsys, opts)
	set := &Set{Bot: defaultBot()}
	l.file(name, nil, Pos{File: name})
	l.resolveVars()
	l.resolveBot(set)
	set.lists, set.vars, set.secrets, set.plugins = l.lists, l.vars, l.secrets, l.plugins
	l.helpRule(set)
	for _, f := range l.files {
		l.checkDefaults(f, set)
		defaults := l.defaultsOf(f)
		for i, n := range f.rules {
			l.rule(&reader{l: l, d: f.d}, n, set, defaults)
			f.rules[i] = nil // a large file's nodes take more memory than what is made of them
		}
	}
	if len(l.errs) > 0 {
		return nil, sorted(l.errs)
	}
	set.sources = l.sources
	set.hash = hashSources(l.sources)
	set.finishWebhooks()
	set.index()
	set.uses.answers = slices.ContainsFunc(set.Rules, (*Rule).revokesAnswers)
	l.lint(set)
	set.warnings = l.warnings
	return set, nil
}

func newLoader(fsys fs.FS, opts Options) *loader {
	return &loader{
		fsys: fsys, opts: opts, docs: make(map[string]*document), yaml: make(map[string]bool),
		lists: make(map[string][]string), listPos: make(map[string]Pos), vars: make(map[string]any),
		varPos: make(map[string]Pos), secrets: make(map[string]string), used: make(map[string]bool),
		ruleIDs: make(map[string]Pos), folded: make(map[string]phrases), profiles: make(map[string]*profile),
		compiling: newCompiling(), steps: make(map[string]StepSpec), tables: make(map[string]*csvTable),
		blueprints: make(map[string]*blueprint), fromInput: make(map[*yaml.Node]string), lame: make(map[string]bool), manifests: make(map[string]*Manifest),
	}
}

// loader is one call of Load.
type loader struct {
	fsys      fs.FS
	opts      Options
	docs      map[string]*document
	yaml      map[string]bool // the names of the files that are no lists
	files     []*ruleFile     // in order of reading
	sources   []Source
	errs      []Error
	warnings  []Warning
	compiling *compiling

	lists   map[string][]string
	listPos map[string]Pos
	vars    map[string]any
	varPos  map[string]Pos
	used    map[string]bool // "lists.x": something reads it

	bot        *yaml.Node
	botDoc     *document
	help       *yaml.Node // bot.help
	hasSecrets bool
	secrets    map[string]string
	ruleIDs    map[string]Pos
	folded     map[string]phrases
	steps      map[string]StepSpec // of the catalog, as far as it was asked: all rules share them
	profiles   map[string]*profile
	plugins    []*Plugin
	lame       map[string]bool      // plugins with mistakes
	manifests  map[string]*Manifest // by file; nil for one with mistakes

	tables     map[string]*csvTable // of the .csv files
	pending    []pendingVar         // vars in the order of reading
	varEntries int                  // that the expressions of vars made so far

	blueprints map[string]*blueprint // by file; nil for one that cannot be used
	usedRules  int                   // that blueprints brought so far
	fromInput  map[*yaml.Node]string // values that stand for an input: what is told of it behind a mistake
}

// ruleFile is a YAML file whose top level has been read.
type ruleFile struct {
	d        *document
	rules    []*yaml.Node
	defaults map[string]*defaultValue
}

func (l *loader) add(d *document, rule string, line, col int, err error, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	l.errs = append(l.errs, Error{
		ID: mistakeID(msg), File: d.name, Line: line, Col: col, Rule: rule, Msg: msg, Err: err, Source: d.line(line), seq: d.seq,
	})
}

func (l *loader) warn(id string, d *document, rule string, line, col int, format string, args ...any) {
	l.warnings = append(l.warnings, Warning{ID: id, Error: Error{
		File: d.name, Line: line, Col: col, Rule: rule, Msg: fmt.Sprintf(format, args...), Source: d.line(line), seq: d.seq,
	}})
}

func (l *loader) catalogStep(name string) (StepSpec, bool) {
	if l.opts.Catalog == nil {
		return StepSpec{}, false
	}
	spec, ok := l.steps[name]
	if !ok {
		if spec, ok = l.opts.Catalog.Step(name); ok {
			l.steps[name] = spec
		}
	}
	return spec, ok
}

func (l *loader) catalogNames() []string {
	if l.opts.Catalog == nil {
		return nil
	}
	return l.opts.Catalog.Names()
}

// read reads a file and counts it among the sources. from is the place that named it, for the error.
func (l *loader) read(name string, limit int64, from Pos) *document {
	fail := func(err error) *document {
		d := l.docs[from.File]
		if d == nil || from.Line == 0 {
			d = newDocument(name, nil, len(l.sources))
			from.Line = 0
		}
		msg := fmt.Sprintf("cannot read %q", name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = fs.ErrNotExist
		case errors.Is(err, fs.ErrInvalid):
			err = fs.ErrInvalid
		}
		l.add(d, "", from.Line, from.Col, err, "%s", msg)
		return nil
	}
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	if len(l.sources) >= MaxFiles {
		return fail(fmt.Errorf("a bot may have %d files", MaxFiles))
	}
	text, err := readFile(l.fsys, name, limit)
	if err != nil {
		return fail(err)
	}
	d := newDocument(name, text, len(l.sources))
	l.sources = append(l.sources, Source{Name: name, Text: text})
	l.docs[name] = d
	return d
}

// file reads one YAML file and, after it, what it includes. within are the files around it.
func (l *loader) file(name string, within []string, from Pos) {
	d := l.read(name, MaxRuleFile, from)
	if d == nil {
		return
	}
	l.yaml[name] = true
	root := l.parseYAML(d)
	if root == nil {
		return
	}
	r := &reader{l: l, d: d}
	entries, ok := r.mapping(root, "a bot's file")
	if !ok {
		return
	}
	f := &ruleFile{d: d}
	l.files = append(l.files, f)
	top := len(within) == 0
	valid := []string{"version", "include", "lists", "vars", "defaults", "rules"}
	if top {
		valid = append(valid, "bot", "secrets", "plugins")
	}
	hasVersion := false
	var include *yaml.Node
	for _, e := range entries {
		switch {
		case e.name == "version":
			hasVersion = true
			r.version(e.value)
		case e.name == "include":
			include = e.value
		case e.name == "lists":
			l.readLists(r, e.value)
		case e.name == "vars":
			l.readVars(r, e.value)
		case e.name == "defaults":
			f.defaults = l.readDefaults(r, e.value)
		case e.name == "rules":
			f.rules, _ = r.sequence(e.value, "rules")
		case e.name == "bot" && top:
			l.bot, l.botDoc = e.value, d
		case e.name == "secrets" && top:
			l.readSecrets(r, e.value)
		case e.name == "plugins" && top:
			l.readPlugins(r, e.value)
		case e.name == "blueprint":
			r.errorf(e.key, "this file is a blueprint: a rule names it, with `use: {blueprint: FILE}`")
		case e.name == "use":
			r.errorf(e.key, "use stands in an entry of rules: `- {id: NAME, use: {blueprint: FILE, with: {…}}}`")
		case e.name == "bot", e.name == "secrets", e.name == "plugins":
			r.errorf(e.key, "%s belongs in the bot's own file, not in an included one", e.name)
		default:
			r.unknown(e, valid)
		}
	}
	l.findUses(d, f.rules, nil)
	if top && !hasVersion {
		r.errorf(root, "file has no version: it begins with `version: 1`")
	}
	if include != nil {
		l.include(r, include, append(slices.Clip(within), name))
	}
}

func (r *reader) version(n *yaml.Node) {
	if n = resolve(n); n.Value != "1" || n.ShortTag() != "!!int" {
		r.errorf(n, "version must be 1: this timbot reads no other")
	}
}

func (l *loader) readSecrets(r *reader, n *yaml.Node) {
	entries, _ := r.mapping(n, "secrets")
	for _, e := range entries {
		if e.name != "from" {
			r.unknown(e, []string{"from"})
			continue
		}
		_, l.hasSecrets = r.enum(e.value, "from", "env")
	}
}

// secret resolves a secret that an expression names.
func (l *loader) secret(r *reader, name string, errorf func(string, ...any)) {
	if !l.hasSecrets {
		errorf("the file has no `secrets: {from: env}`")
		return
	}
	if _, ok := l.secrets[name]; ok {
		return
	}
	if l.opts.Env == nil {
		l.secrets[name] = ""
		return
	}
	v, ok := l.opts.Env(name)
	if !ok {
		errorf("secret %s is not in the environment", name)
		return
	}
	l.secrets[name] = v
}

func (l *loader) readLists(r *reader, n *yaml.Node) {
	entries, _ := r.mapping(n, "lists")
	for _, e := range entries {
		if !identifier.MatchString(e.name) {
			r.errorf(e.key, "list %q: use small letters, digits and _", e.name)
			continue
		}
		if first, ok := l.listPos[e.name]; ok {
			r.errorf(e.key, "list %q comes twice, first at %s", e.name, first)
			continue
		}
		l.listPos[e.name] = r.pos(e.key)
		if given, ok := l.opts.Lists[e.name]; ok {
			l.lists[e.name] = given
			continue
		}
		l.lists[e.name] = l.readList(r, e)
	}
}

func (l *loader) readList(r *reader, e entry) []string {
	list := []string{}
	switch e.value.Kind {
	case yaml.SequenceNode:
		items, _ := r.sequence(e.value, "list")
		for _, item := range items {
			if s, ok := r.str(item, "an entry of list "+e.name); ok {
				list = append(list, s)
			}
		}
	case yaml.MappingNode:
		entries, _ := r.mapping(e.value, "list")
		var file, column *yaml.Node
		for _, fe := range entries {
			switch fe.name {
			case "file":
				file = resolve(fe.value)
			case "column":
				column = resolve(fe.value)
			default:
				r.unknown(fe, []string{"file", "column"})
			}
		}
		if file == nil {
			if len(entries) == 0 || column != nil {
				r.errorf(e.value, "list %q needs strings or {file: NAME}", e.name)
			}
			break
		}
		if name, ok := r.str(file, "file"); ok {
			list = l.listFile(r, file, name, column)
		}
	default:
		r.errorf(e.value, "list %q must be a list of strings or {file: NAME}, not %s", e.name, kindName(e.value))
	}
	return list
}

// listFile reads a list with one phrase a line, or the column of a .csv file. White space around a phrase does not count;
// outside of .csv, # begins a comment at the start of a line or after white space, \# is a # itself.
func (l *loader) listFile(r *reader, n *yaml.Node, name string, column *yaml.Node) []string {
	full, ok := l.inside(r, n, name)
	if !ok {
		return nil
	}
	d := l.docs[full]
	if d == nil {
		if d = l.read(full, MaxListFile, r.pos(n)); d == nil {
			return nil
		}
	}
	switch {
	case isCSV(full):
		header := ""
		if column != nil {
			if header, ok = r.str(column, "column"); !ok {
				return nil
			}
		}
		return l.csvList(r, d, column, header)
	case column != nil:
		r.errorf(column, "column: only a .csv file has columns")
		return nil
	case !l.readable(d):
		return nil
	}
	list := make([]string, 0, len(d.lines))
	seen := make(map[string]bool, len(d.lines))
	text := bytes.TrimPrefix(d.text, byteOrderMark)
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		phrase := listLine(line)
		if phrase == "" || seen[phrase] {
			continue
		}
		if unseen(phrase) {
			l.add(d, "", number, 1, nil, "this line has only characters that are not seen")
			continue
		}
		seen[phrase] = true
		list = append(list, phrase)
	}
	return list
}

// unseen reports whether none of s's characters is seen.
func unseen(s string) bool {
	for _, r := range s {
		if !isZeroWidth(r) {
			return false
		}
	}
	return true
}

func listLine(line string) string {
	for i := 0; i < len(line); i++ {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			line = line[:i]
			break
		}
	}
	line = strings.TrimSpace(line)
	return strings.ReplaceAll(line, `\#`, "#")
}

// inside resolves a path relative to the file that names it.
func (l *loader) inside(r *reader, n *yaml.Node, name string) (string, bool) {
	full := path.Join(path.Dir(r.d.name), name)
	if path.IsAbs(name) || !fs.ValidPath(full) || strings.ContainsRune(name, '\\') || !utf8.ValidString(name) {
		r.errorf(n, "%q is no path inside the bot's folder", name)
		return "", false
	}
	return full, true
}
