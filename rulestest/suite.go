package rulestest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// FileSuffix is how the names of test files end.
const FileSuffix = "_test.yaml"

// Suite is one test file. Its tests are run one at a time; the caller closes it.
type Suite struct {
	Path     string   // of the file
	Name     string   // its base name without the suffix, or the folder's of a bot.yaml
	Rules    []string // the paths of the files that are tested
	Tests    []*Test
	Coverage Least

	unnoticed []unnoticed
	cover     *cover    // nil: what the tests reach is not noted
	coverAt   rules.Pos // of the coverage section
	node      *yaml.Node

	base      string // of the path, without the suffix
	dir       string // of the bot's file: what its rules and its steps read lies there and below
	root      string // the bot's file in it
	overlay   map[string][]byte
	clock     time.Time
	zone      *time.Location
	registry  *actions.Registry
	catalog   rules.Catalog
	botUser   string
	inProcess map[string]bool // actions with a dot in their name that are done all the same
	reader    *reader
	sets      map[string]*rules.Set   // by what the tests give: lists and modes
	images    map[string]*local.Image // by what the tests give: users, groups, history
}

// Close frees what runs of the tests have prepared.
func (s *Suite) Close() error {
	var errs []error
	for _, image := range s.images {
		errs = append(errs, image.Close())
	}
	clear(s.images)
	return errors.Join(errs...)
}

// Least is the least share, in percent, of what the tests of a file must reach.
type Least struct {
	Rules, Branches int
}

// Test is one test of a file; of a table, one row.
type Test struct {
	Name string
	Row  int // from 1, of a table; else 0
	Pos  rules.Pos
	Rule string // that it is about; may be empty

	given   given
	mocks   []*mock
	steps   []*step
	repeat  int
	set     *rules.Set
	expects bool // a step checks something
}

// Title is the test's name with the number of its row.
func (t *Test) Title() string {
	if t.Row == 0 {
		return t.Name
	}
	return fmt.Sprintf("%s [%d]", t.Name, t.Row)
}

// Find returns the test files that a person means by path: a test file, a rules file that has one beside it, a folder's, or
// with FOLDER/... those of the folder and all below. Folders whose names begin with a dot are left out.
func Find(path string) ([]string, error) {
	if dir, ok := strings.CutSuffix(filepath.ToSlash(path), "..."); ok {
		var out []string
		err := filepath.WalkDir(filepath.Clean(dir+"."), func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && len(d.Name()) > 1 && strings.HasPrefix(d.Name(), ".") && d.Name() != "..":
				return fs.SkipDir
			case !d.IsDir() && strings.HasSuffix(d.Name(), FileSuffix):
				out = append(out, name)
			}
			return nil
		})
		return out, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return filepath.Glob(filepath.Join(escape(path), "*"+FileSuffix))
	}
	if strings.HasSuffix(path, FileSuffix) {
		return []string{path}, nil
	}
	beside := strings.TrimSuffix(path, filepath.Ext(path)) + FileSuffix
	if _, err := os.Stat(beside); err != nil {
		return nil, fmt.Errorf("%s has no tests: there is no %s", path, beside)
	}
	return []string{beside}, nil
}

// escape makes a path mean itself in a pattern.
func escape(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// Load reads a test file and the rules that it tests. registry holds the actions that the rules may name. The error is a
// rules.Errors with everything that is wrong in the file, or in the rules.
func Load(path string, registry *actions.Registry) (*Suite, error) {
	return load(path, registry, nil)
}

// newSuite is a suite without rules and tests.
func newSuite(path string, registry *actions.Registry) *Suite {
	s := &Suite{
		Path: path, zone: time.UTC, clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), registry: watched(registry),
		overlay: make(map[string][]byte), sets: make(map[string]*rules.Set), images: make(map[string]*local.Image),
	}
	s.catalog = bot.Catalog(s.registry)
	return s
}

// load is Load with the texts of some of the rules' files changed.
func load(path string, registry *actions.Registry, changed map[string][]byte) (*Suite, error) {
	r, root, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return loadFrom(path, r, root, registry, changed)
}

// loadFrom is load of a file that was read.
func loadFrom(
	path string, r *reader, root *yaml.Node, registry *actions.Registry, changed map[string][]byte,
) (*Suite, error) {
	s := newSuite(path, registry)
	s.Name, s.base, s.reader = strings.TrimSuffix(filepath.Base(path), FileSuffix), strings.TrimSuffix(filepath.Base(path), FileSuffix), r
	if full, err := filepath.Abs(path); err == nil && s.base+".yaml" == bot.FileName {
		s.Name = filepath.Base(filepath.Dir(full)) // a bot goes by its folder
	}
	maps.Copy(s.overlay, changed)
	if root == nil {
		return nil, r.errs
	}
	top := r.fields(root, "a test file", "version", "rules", "clock", "zone", "given", "mocks", "tests", "coverage", "unnoticed")
	if len(r.errs) > 0 {
		return nil, r.errs
	}
	s.node = root
	s.head(root, top)
	if len(r.errs) > 0 {
		return nil, r.sorted()
	}
	if _, err := s.load(nil, nil); err != nil {
		return nil, err
	}
	s.tests(top)
	if len(r.errs) > 0 {
		return nil, r.sorted()
	}
	return s, nil
}

func (r *reader) sorted() rules.Errors {
	slices.SortStableFunc(r.errs, func(a, b rules.Error) int { return cmp.Or(a.Line-b.Line, a.Col-b.Col) })
	return r.errs
}

// head reads all but the tests.
func (s *Suite) head(root *yaml.Node, top map[string]entry) {
	r := s.reader
	if e, ok := top["version"]; !ok {
		r.errorf(root, "file has no version: it begins with `version: 1`")
	} else if e.value.Value != "1" || e.value.ShortTag() != "!!int" {
		r.errorf(e.value, "version must be 1: this timbot reads no other")
	}
	if e, ok := top["zone"]; ok {
		name := r.text(e.value, "zone")
		zone, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			r.errorf(e.value, "unknown time zone %q: want for instance Asia/Shanghai or UTC", name)
		} else {
			s.zone = zone
		}
	}
	if e, ok := top["clock"]; ok {
		s.clock = r.time(e.value, "clock", s.zone)
	}
	s.clock = s.clock.In(s.zone)
	names := []string{s.base + ".yaml"}
	at := root
	if e, ok := top["rules"]; ok {
		names, at = r.texts(e.value, "rules"), e.value
	}
	if len(names) == 0 {
		r.errorf(at, "rules names no file")
		return
	}
	s.files(at, names)
	if e, ok := top["unnoticed"]; ok {
		s.readUnnoticed(e.value)
	}
	if e, ok := top["coverage"]; ok {
		s.coverAt = r.pos(e.key)
		for _, e := range r.fields(e.value, "coverage", "rules", "branches") {
			n := r.integer(e.value, "coverage."+e.name, 0, 100)
			if e.name == "rules" {
				s.Coverage.Rules = n
			} else {
				s.Coverage.Branches = n
			}
		}
	}
}

// unnoticed is a change of the rules that the tests need not notice.
type unnoticed struct {
	pos                 rules.Pos
	rule, what, because string
}

func (s *Suite) readUnnoticed(n *yaml.Node) {
	r := s.reader
	for _, item := range r.sequence(n, "unnoticed") {
		f := r.fields(item, "an entry of unnoticed", "rule", "what", "because")
		u := unnoticed{pos: r.pos(item)}
		for _, part := range []struct {
			key  string
			into *string
		}{{"rule", &u.rule}, {"what", &u.what}, {"because", &u.because}} {
			if e, ok := f[part.key]; ok {
				*part.into = r.text(e.value, part.key)
			} else if part.key != "rule" {
				r.errorf(item, "an entry of unnoticed needs %s", part.key)
			}
		}
		s.unnoticed = append(s.unnoticed, u)
	}
}

// madeBot is the name of the bot's file that is made around rules that have none.
const madeBot = "bot_of_the_test.yaml"

// files finds out what the bot's file is.
func (s *Suite) files(at *yaml.Node, names []string) {
	r := s.reader
	var roots, rest []string
	for _, name := range names {
		path := filepath.Join(filepath.Dir(s.Path), filepath.FromSlash(name))
		text, err := os.ReadFile(path)
		if err != nil {
			var lost *fs.PathError
			if errors.As(err, &lost) {
				err = lost.Err
			}
			r.errorf(at, "rules: cannot read %q: %s", name, err)
			continue
		}
		s.Rules = append(s.Rules, path)
		var top struct {
			Bot yaml.Node `yaml:"bot"`
		}
		if yaml.Unmarshal(text, &top) == nil && !top.Bot.IsZero() {
			roots = append(roots, path)
		} else {
			rest = append(rest, path)
		}
	}
	switch {
	case len(s.Rules) < len(names):
		return
	case len(roots) > 1:
		r.errorf(at, "rules: %s and %s are both bots: a test file tests one", filepath.Base(roots[0]), filepath.Base(roots[1]))
	case len(roots) == 1 && len(rest) == 0:
		s.dir, s.root = filepath.Dir(roots[0]), filepath.Base(roots[0])
	default:
		s.dir, s.root = filepath.Dir(slices.Concat(roots, rest)[0]), madeBot
		text := "version: 1\nbot: {connection: \"local::memory:?user=bot\"}\nsecrets: {from: env}\n"
		if len(roots) == 1 {
			r.errorf(at, "rules: name the bot's file %s alone: it includes its others", filepath.Base(roots[0]))
			return
		}
		text += "include:\n"
		for _, path := range rest {
			name, err := filepath.Rel(s.dir, path)
			if err != nil || !filepath.IsLocal(name) {
				r.errorf(at, "rules: the files must be in one folder or below the first one's: %s is not", path)
				return
			}
			text += "  - " + yamlText(filepath.ToSlash(name)) + "\n"
		}
		s.overlay[madeBot] = []byte(text)
	}
}

func yamlText(s string) string {
	text, err := yaml.Marshal(s)
	if err != nil {
		return s // never: a string can be written
	}
	return strings.TrimSpace(string(text))
}

// overlaid is a folder in which some files have another text.
type overlaid struct {
	fs.FS
	files map[string][]byte
}

func (o overlaid) Open(name string) (fs.File, error) {
	if text, ok := o.files[name]; ok {
		one, err := rules.SourceFS([]rules.Source{{Name: name, Text: text}})
		if err != nil {
			return nil, err
		}
		return one.Open(name)
	}
	return o.FS.Open(name)
}

// load compiles the rules with what a test gives in place of the files' own.
func (s *Suite) load(lists map[string][]string, modes map[string]rules.Mode) (*rules.Set, error) {
	key := fmt.Sprint(lists, modes)
	if set := s.sets[key]; set != nil {
		return set, nil
	}
	set, err := rules.Load(overlaid{os.DirFS(s.dir), s.overlay}, s.root, rules.Options{
		Catalog: s.catalog, Env: func(string) (string, bool) { return "secret", true }, Lists: lists, Modes: modes,
	})
	var all rules.Errors
	if errors.As(err, &all) {
		for i := range all {
			all[i].File = filepath.Join(s.dir, all[i].File)
		}
		return nil, all
	}
	if err != nil {
		return nil, err
	}
	s.standIn(set)
	set.Bot.Pace = unbounded
	s.botUser = bot.UserOf(set.Bot.Connection)
	s.sets[key] = set
	return set, nil
}

// unbounded is a pace that holds nothing up: what a bot would send is what counts.
var unbounded = rules.Pace{
	Total: rules.Rate{Times: 1 << 30, Per: time.Second}, Chat: rules.Rate{Times: 1 << 30, Per: time.Second},
}

// tests reads the tests.
func (s *Suite) tests(top map[string]entry) {
	r := s.reader
	file := given{}
	if e, ok := top["given"]; ok {
		s.given(e.value, &file)
	}
	var mocks []*mock
	if e, ok := top["mocks"]; ok {
		mocks = s.mocks(e.value)
	}
	e, ok := top["tests"]
	if !ok {
		r.errs = append(r.errs, rules.Error{File: r.file, Msg: "file has no tests"})
		return
	}
	names := make(map[string]int)
	list := r.sequence(e.value, "tests")
	if len(list) == 0 {
		r.errorf(e.value, "tests is empty: a file without tests passes whatever the rules say")
	}
	for _, n := range list {
		s.test(n, file, mocks, names)
	}
}

var testKeys = []string{"name", "rule", "run", "given", "mocks", "table", "repeat", "steps"}

func (s *Suite) test(n *yaml.Node, file given, mocks []*mock, names map[string]int) {
	r := s.reader
	before := len(r.errs)
	f := r.fields(n, "a test", slices.Concat(testKeys, stepKeys)...)
	t := Test{Pos: r.pos(n), repeat: 1}
	if e, ok := f["name"]; !ok {
		r.errorf(n, "test has no name")
	} else if t.Name = r.text(e.value, "name"); names[t.Name] > 0 {
		r.errorf(e.value, "test %q comes twice, first in line %d", t.Name, names[t.Name])
	} else {
		names[t.Name] = e.value.Line
	}
	base, err := s.load(file.lists, nil)
	if err != nil {
		r.errorf(n, "the lists that are given do not fit the rules: %v", err)
		return
	}
	if e, ok := f["rule"]; ok {
		if t.Rule = r.text(e.value, "rule"); base.Rule(t.Rule) == nil {
			r.errorf(e.value, "there is no rule %q%s", t.Rule, nearest(t.Rule, ruleIDs(base)))
		}
	}
	modes := make(map[string]rules.Mode)
	if e, ok := f["run"]; ok {
		i := slices.Index([]string{"live", "shadow", "off"}, r.text(e.value, "run"))
		switch {
		case i < 0:
			r.errorf(e.value, "run must be live, shadow or off")
		case t.Rule == "":
			r.errorf(e.key, "run says as what the test's rule runs: the test has no rule")
		default:
			modes[t.Rule] = []rules.Mode{rules.ModeLive, rules.ModeShadow, rules.ModeOff}[i]
		}
	}
	if e, ok := f["repeat"]; ok {
		t.repeat = r.integer(e.value, "repeat", 1, 10_000)
	}
	rows := []map[string]any{nil}
	var places []*yaml.Node
	if e, ok := f["table"]; ok {
		rows = nil
		for _, item := range r.sequence(e.value, "table") {
			row, ok := r.value(item, "a row").(map[string]any)
			if !ok {
				r.errorf(item, "a row must be a mapping (name: value), not %s", kindOf(item))
				continue
			}
			rows, places = append(rows, row), append(places, item)
		}
		if len(rows) == 0 && len(r.errs) == before {
			r.errorf(e.value, "table has no rows: the test would never run")
		} else if !readsRow(n) {
			r.errorf(e.value, "nothing in the test reads a row, so that each is the same test: ${{ row.NAME }} stands for a value")
		}
	}
	if len(r.errs) > before {
		return
	}
	for i, row := range rows {
		one := t
		body := n
		if row != nil {
			body = r.withRow(n, row)
			one.Row, one.Pos = i+1, r.pos(places[i])
		}
		s.body(body, &one, file, mocks, modes)
		if len(r.errs) > before {
			return // once, not for each row
		}
		s.Tests = append(s.Tests, &one)
	}
}

// body reads what a test does, for one row.
func (s *Suite) body(n *yaml.Node, t *Test, file given, mocks []*mock, modes map[string]rules.Mode) {
	r := s.reader
	f := make(map[string]entry)
	for _, e := range r.mapping(n, "a test") {
		f[e.name] = e
	}
	t.given = file.clone()
	if e, ok := f["given"]; ok {
		s.given(e.value, &t.given)
	}
	if e, ok := f["mocks"]; ok {
		t.mocks = s.mocks(e.value)
	}
	own := slices.Clone(t.mocks)
	for _, m := range mocks { // a test's own take the place of the file's
		if !slices.ContainsFunc(own, func(own *mock) bool { return own.action == m.action }) {
			t.mocks = append(t.mocks, m)
		}
	}
	var err error
	if t.set, err = s.load(t.given.lists, modes); err != nil {
		r.errorf(n, "the lists that are given do not fit the rules: %v", err)
		return
	}
	names := make(map[string]bool)
	if e, ok := f["steps"]; ok {
		for _, key := range stepKeys {
			if own, ok := f[key]; ok {
				r.errorf(own.key, "a test has steps, or the keys of one step beside its name: %s belongs into a step", key)
			}
		}
		for _, item := range r.sequence(e.value, "steps") {
			if st := s.step(item, nil, t, names); st != nil {
				t.steps = append(t.steps, st)
			}
		}
	} else if st := s.step(n, testKeys, t, names); st != nil {
		t.steps = append(t.steps, st)
	}
	if !t.expects && len(r.errs) == 0 {
		r.errorf(n, "test expects nothing: it would pass whatever the rules do (expect: [] means silence)")
	}
	s.vacuous(n, t)
}

// vacuous tells a test that would pass whatever its rule says.
func (s *Suite) vacuous(n *yaml.Node, t *Test) {
	rule := t.set.Rule(t.Rule)
	if rule == nil {
		return
	}
	switch rule.Mode {
	case rules.ModeOff, rules.ModeShadow:
		silent := !slices.ContainsFunc(t.steps, func(st *step) bool { return st.about(t.Rule) })
		if silent {
			s.reader.errorf(n, "rule %s runs as %s in this test, so it does nothing whatever it says: give `run: live`, or check why",
				t.Rule, modeName(rule.Mode))
		}
	}
}

func modeName(m rules.Mode) string {
	switch m {
	case rules.ModeShadow:
		return "shadow"
	case rules.ModeOff:
		return "off"
	}
	return "live"
}

func ruleIDs(set *rules.Set) []string {
	ids := make([]string, len(set.Rules))
	for i, r := range set.Rules {
		ids[i] = r.ID
	}
	return ids
}
