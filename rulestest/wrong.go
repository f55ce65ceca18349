package rulestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// maxAround is how many characters of what stands around a word a safe phrase takes, on each side.
const maxAround = 12

// Wrong is what to do about a rule that should not have fired.
type Wrong struct {
	Rule string `json:"rule"`
	Name string `json:"name"` // of the test

	// Test adds a test to the bot's tests: the message as it was, on which the rule must not fire. There says that the file
	// has it already, from an earlier time: then Test changes nothing.
	Test  *Patch `json:"test"`
	There bool   `json:"there,omitzero"`

	// Fix adds a safe phrase to the rule, with which the test passes; nil when none can be proposed: Why says why.
	Fix     *Patch   `json:"fix,omitzero"`
	Phrases []string `json:"phrases,omitzero"`
	Why     string   `json:"why,omitzero"`

	// Passes says that the test passes without the fix too: the message alone does not make the rule fire.
	Passes bool `json:"passes,omitzero"`
}

// FalsePositive makes a test of a message on which a rule fired and should not have, and proposes a safe phrase. Nothing is
// written.
type FalsePositive struct {
	Registry *actions.Registry
	Files    bot.Files
	Story    *bot.Story   // of the message
	Traffic  *bot.Traffic // the message
	Rule     string       // that is meant; "": the only one that fired
	Test     string       // the test file; "": that of the rule's file if there is one, else the bot's
	Zone     *time.Location
}

// Wrong makes the test and the proposal. Errors: an event that is no message with a text, no rule or several that fired, and
// those of the files.
func (p *FalsePositive) Wrong(ctx context.Context) (*Wrong, error) {
	set, err := LoadRules(p.Files.Path(), p.Registry, nil, nil)
	if err != nil {
		return nil, err
	}
	told, err := p.rule()
	if err != nil {
		return nil, err
	}
	rule := set.Rule(told.ID)
	if rule == nil {
		return nil, fmt.Errorf("the bot has no rule %q any more", told.ID)
	}
	event, err := p.Traffic.SDK()
	if err != nil {
		return nil, err
	}
	if event == nil || event.Kind != sdkconn.EventNewMsg || event.Message == nil || event.Message.Text() == "" {
		return nil, fmt.Errorf("%s is no message with a text: write its test by hand", p.Traffic.Key)
	}
	w := &Wrong{Rule: rule.ID}
	t, err := p.testFile(set, rule)
	if err != nil {
		return nil, err
	}
	w.Name, w.There = t.freeName(
		"误判 "+rule.ID+" "+p.Story.Event.Time.In(p.Zone).Format(time.DateTime), event.Message.Text())
	w.Fix, w.Phrases, w.Why = p.fix(set, rule, told, event.Message.Text())
	candidate := p.test(w, event.Message, nil)
	if w.Fix != nil && !w.There {
		acts, err := p.acts(ctx, t, candidate, w)
		if err != nil {
			w.Fix, w.Why = nil, err.Error()
		} else {
			candidate = p.test(w, event.Message, acts)
		}
	}
	if w.Test = (&Patch{Path: t.path, Before: t.before, After: t.before}); !w.There {
		if w.Test, err = t.with(candidate); err != nil {
			return nil, err
		}
	}
	if w.Fix != nil {
		if err := p.check(ctx, w, w.Fix); err != nil {
			w.Fix, w.Why = nil, fmt.Sprintf("the phrase %s would not help: %v", strings.Join(quotedAll(w.Phrases), ", "), err)
		}
	}
	if w.Fix == nil {
		w.Phrases = nil
	}
	w.Passes = p.check(ctx, w, nil) == nil
	return w, ctx.Err()
}

// rule is what the rule that is meant made of the message.
func (p *FalsePositive) rule() (*bot.StoryRule, error) {
	var fired []*bot.StoryRule
	var names []string
	for i := range p.Story.Decisions {
		for j := range p.Story.Decisions[i].Rules {
			r := &p.Story.Decisions[i].Rules[j]
			if r.Outcome == bot.OutcomeFired || r.Outcome == bot.OutcomeShadow {
				fired, names = append(fired, r), append(names, r.ID)
			}
		}
	}
	if p.Rule != "" {
		fired = slices.DeleteFunc(fired, func(r *bot.StoryRule) bool { return r.ID != p.Rule })
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("no rule fired on this message")
	case len(fired) == 0:
		return nil, fmt.Errorf("rule %q did not fire on this message: %s did", p.Rule, strings.Join(names, ", "))
	case len(fired) > 1:
		return nil, fmt.Errorf("several rules fired on this message: name one with --rule, %s", strings.Join(names, " or "))
	}
	return fired[0], nil
}

// testText is a test file as it is, or as it begins.
type testText struct {
	path   string
	before []byte // nil: there is no such file
	text   []byte
	root   *yaml.Node
}

// testFile finds the file that gets the test.
func (p *FalsePositive) testFile(set *RuleSet, rule *rules.Rule) (*testText, error) {
	own := func(name string) string { // the tests of a file
		return filepath.Join(p.Files.Dir, strings.TrimSuffix(filepath.FromSlash(name), path.Ext(name))+FileSuffix)
	}
	t := &testText{path: p.Test}
	if t.path == "" {
		t.path = own(p.Files.Name)
		if beside := own(rule.Pos.File); rule.Pos.File != p.Files.Name {
			if _, err := os.Stat(beside); err == nil {
				t.path = beside
			}
		}
	}
	text, err := os.ReadFile(t.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		name, err := filepath.Rel(filepath.Dir(t.path), p.Files.Path())
		if err != nil {
			return nil, err
		}
		text = []byte("version: 1\nrules: [" + yamlText(filepath.ToSlash(name)) + "]\n\ntests:\n")
	case err != nil:
		return nil, err
	default:
		t.before = text
	}
	t.text = text
	r, root := openText(t.path, text)
	if root == nil {
		return nil, r.errs
	}
	t.root = root
	return t, nil
}

// freeName is a name that no test of the file has; or, when there is a test of this text already, that one's.
func (t *testText) freeName(name, text string) (free string, there bool) {
	taken := make(map[string]string)
	if list := memberNode(t.root, "tests"); list != nil {
		for _, n := range list.Content {
			if v := memberNode(n, "name"); v != nil {
				taken[v.Value] = "\x00"
				if said := memberNode(memberNode(n, "send"), "text"); said != nil {
					taken[v.Value] = said.Value
				}
			}
		}
	}
	free = name
	for i := 2; ; i++ {
		said, ok := taken[free]
		if !ok || said == text {
			return free, ok
		}
		free = fmt.Sprintf("%s (%d)", name, i)
	}
}

// with is the file with one more test at the end of its tests.
func (t *testText) with(test []byte) (*Patch, error) {
	lines := strings.SplitAfter(string(t.text), "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	} else {
		lines[n-1] += "\n"
	}
	list := memberNode(t.root, "tests")
	at, indent := len(lines), "  "
	switch {
	case list == nil:
		lines = append(lines, "\ntests:\n")
		at = len(lines)
	case list.Kind == yaml.ScalarNode && list.ShortTag() == "!!null",
		list.Kind == yaml.SequenceNode && list.Style&yaml.FlowStyle == 0:
		if len(list.Content) > 0 {
			indent = strings.Repeat(" ", list.Column-1)
		}
		for i := 0; i+1 < len(t.root.Content); i += 2 { // up to the next key of the file, and the remarks above it
			if next := t.root.Content[i].Line; next > list.Line {
				for at = next - 1; at > 0; at-- {
					if s := strings.TrimSpace(lines[at-1]); s != "" && !strings.HasPrefix(s, "#") {
						break
					}
				}
				break
			}
		}
	default:
		return nil, fmt.Errorf("%s:%d: tests is no list with an entry a line: the test cannot be added", t.path, list.Line)
	}
	text := indented(string(test), indent) + "\n"
	if list != nil && len(list.Content) > 0 {
		text = "\n" + text
	}
	return &Patch{Path: t.path, Before: t.before, After: []byte(strings.Join(slices.Insert(lines, at, text), ""))}, nil
}

// test writes the test: the message as it was; acts is what the bot does all the same.
func (p *FalsePositive) test(w *Wrong, m *sdkconn.Message, acts []*Act) []byte {
	flow := func(pairs ...any) *yaml.Node {
		n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for i := 0; i+1 < len(pairs); i += 2 {
			n.Content = append(n.Content, valueNode(pairs[i]), valueNode(pairs[i+1]))
		}
		return n
	}
	block := func(pairs ...any) *yaml.Node {
		n := flow(pairs...)
		n.Style = 0
		return n
	}
	send := []any{}
	test := []any{"name", w.Name, "rule", w.Rule, "run", "live"}
	if m.ConvType == sdkconn.ConvGroup {
		facts := bot.TrafficFacts{}
		if len(p.Traffic.Facts) > 0 {
			facts = p.Traffic.Facts[0]
		}
		member := []any{}
		if facts.UserRole != nil {
			member = append(member, "role", *facts.UserRole)
		}
		group := []any{}
		if facts.ChatName != nil {
			group = append(group, "name", *facts.ChatName)
		}
		if facts.GroupType != nil && groupTypes[*facts.GroupType] != 0 {
			group = append(group, "type", *facts.GroupType)
		}
		group = append(group, "members", flow(m.Sender, flow(member...)))
		test = append(test, "given", block("groups", block(m.ConvID, flow(group...))))
		send = append(send, "in", m.ConvID)
	}
	send = append(send, "from", m.Sender, "text", m.Text())
	if len(m.GroupAtUsers) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, user := range m.GroupAtUsers {
			if user == p.Traffic.Self {
				user = "bot"
			}
			list.Content = append(list.Content, valueNode(user))
		}
		send = append(send, "mentions", list)
	}
	expect := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, a := range acts {
		expect.Style = 0
		fields := []any{}
		for _, name := range []string{"text", "to_user", "to_group"} {
			if s, ok := a.Fields[name].(string); ok && (name == "text" || a.Action == "send") {
				fields = append(fields, name, s)
			}
		}
		if len(fields) == 0 {
			expect.Content = append(expect.Content, valueNode(a.Action))
			continue
		}
		expect.Content = append(expect.Content, flow(a.Action, flow(fields...)))
	}
	test = append(test, "send", flow(send...), "why", flow(w.Rule, "no"), "expect", expect)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	// Which cannot fail: the nodes are well-formed, and a buffer takes all.
	_ = enc.Encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{block(test...)}})
	_ = enc.Close()
	return out.Bytes()
}

// valueNode is a node as it is, or a text as one that every reader of YAML takes for a text.
func valueNode(v any) *yaml.Node {
	if n, ok := v.(*yaml.Node); ok {
		return n
	}
	n := &yaml.Node{}
	n.SetString(fmt.Sprint(v))
	if n.Style == 0 && !plainWord(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// plainWord reports whether a text needs no quotes wherever it stands.
func plainWord(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(first) && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '.' && r != '-'
	}) < 0 && !slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}, strings.ToLower(s))
}

// acts is what the bot does about the message with the fix.
func (p *FalsePositive) acts(ctx context.Context, t *testText, test []byte, w *Wrong) (acts []*Act, err error) {
	patch, err := t.with(test)
	if err != nil {
		return nil, err
	}
	err = p.inWorld(ctx, patch, w, w.Fix, func(world *world, st *step) error {
		if err := st.do(ctx, world); err != nil {
			return err
		}
		if err := world.settle(ctx); err != nil {
			return err
		}
		acts = slices.DeleteFunc(world.rec.take(), func(a *Act) bool { return a.Action == Notice || a.Err != "" })
		return nil
	})
	return acts, err
}

// check runs the test, with the fix or without.
func (p *FalsePositive) check(ctx context.Context, w *Wrong, fix *Patch) error {
	return p.inWorld(ctx, w.Test, w, fix, func(world *world, st *step) error {
		for _, f := range world.suite.step1(ctx, world, st) {
			return errors.New(f.Message)
		}
		return nil
	})
}

// inWorld prepares the test in a world of its own.
func (p *FalsePositive) inWorld(
	ctx context.Context, test *Patch, w *Wrong, fix *Patch, f func(*world, *step) error,
) (err error) {
	r, root := openText(test.Path, test.After)
	if root == nil {
		return r.errs
	}
	changed := make(map[string][]byte)
	if fix != nil {
		name, err := filepath.Rel(p.Files.Dir, fix.Path)
		if err != nil {
			return err
		}
		changed[filepath.ToSlash(name)] = fix.After
	}
	s, err := loadFrom(test.Path, r, root, p.Registry, changed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	i := slices.IndexFunc(s.Tests, func(t *Test) bool { return t.Name == w.Name })
	if i < 0 || len(s.Tests[i].steps) != 1 {
		return fmt.Errorf("test %q is not in %s", w.Name, test.Path)
	}
	world, err := newWorld(ctx, s, s.Tests[i])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.close()) }()
	return f(world, s.Tests[i].steps[0])
}

// fix proposes a safe phrase for each word that the rule found.
func (p *FalsePositive) fix(set *RuleSet, rule *rules.Rule, told *bot.StoryRule, text string) (*Patch, []string, string) {
	if len(told.Hits) == 0 {
		return nil, nil, "the rule found no word: look at its if"
	}
	var phrases []string
	for _, hit := range told.Hits {
		if hit.Start < 0 || hit.End > len(text) || hit.Start >= hit.End {
			return nil, nil, "it is not known where in the message the word " + hit.Word + " stands"
		}
		phrase := around(text, hit.Start, hit.End)
		if phrase == text[hit.Start:hit.End] {
			return nil, nil, fmt.Sprintf("nothing stands around %q: a phrase that is the word itself would switch it off", phrase)
		}
		phrases = append(phrases, phrase)
	}
	phrases = unique(phrases)
	patch, why := p.addPhrases(set, rule, phrases)
	return patch, phrases, why
}

// around is a word with what stands around it in its clause.
func around(text string, start, end int) string {
	stops := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsSymbol(r) || unicode.IsControl(r)
	}
	from, to := start, end
	for n := 0; n < maxAround && from > 0; n++ {
		r, size := utf8.DecodeLastRuneInString(text[:from])
		if stops(r) {
			break
		}
		from -= size
	}
	for n := 0; n < maxAround && to < len(text); n++ {
		r, size := utf8.DecodeRuneInString(text[to:])
		if stops(r) {
			break
		}
		to += size
	}
	return text[from:to]
}

// addPhrases changes the file that says what the rule lets pass.
func (p *FalsePositive) addPhrases(set *RuleSet, rule *rules.Rule, phrases []string) (*Patch, string) {
	f, err := openSource(set.Dir, rule.Pos.File)
	if err != nil {
		return nil, err.Error()
	}
	match := memberNode(f.rule(rule.ID), "match")
	if match == nil || len(match.Content) == 0 {
		return nil, "the rule's match does not stand in " + f.path
	}
	if mode := memberNode(match, "mode"); mode != nil && slices.Contains([]string{"command", "regex", "exact"}, mode.Value) {
		return nil, "a phrase does not narrow down a match of mode " + mode.Value
	}
	quoted := make([]string, len(phrases))
	for i, s := range phrases {
		quoted[i] = quotedYAML(s)
	}
	cannot := "cannot tell where in " + f.path + " the phrase belongs: add it to except of the rule's match"
	for _, key := range []string{"except", "none_of"} {
		n := memberNode(match, key)
		switch {
		case n == nil:
			continue
		case n.Kind == yaml.ScalarNode:
			name, ok := listName(n.Value)
			if !ok {
				return nil, cannot
			}
			return p.addToList(set, name, phrases, quoted)
		case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
			if f.insertItems(n, quoted) {
				return f.patch(), ""
			}
		}
		return nil, cannot
	}
	if !f.insert(match.Content[0], match.Style, "except: ["+strings.Join(quoted, ", ")+"]", false) {
		return nil, cannot
	}
	return f.patch(), ""
}

// quotedYAML writes a text between quotes, in one line.
func quotedYAML(s string) string {
	n := yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle, Value: s}
	text, err := yaml.Marshal(&n)
	if err != nil {
		return yamlText(s)
	}
	return strings.TrimSpace(string(text))
}

// insertItems puts items before the first one of a list.
func (f *sourceFile) insertItems(list *yaml.Node, items []string) bool {
	if list.Style&yaml.FlowStyle != 0 {
		return f.insert(list.Content[0], list.Style, strings.Join(items, ", "), true)
	}
	for _, item := range slices.Backward(items) {
		if !f.insert(list.Content[0], list.Style, item, true) {
			return false
		}
	}
	return true
}

// listName is the list that an entry of a match means.
func listName(value string) (string, bool) {
	inner, ok := strings.CutPrefix(strings.TrimSpace(value), "${{")
	inner, ok2 := strings.CutSuffix(inner, "}}")
	name, ok3 := strings.CutPrefix(strings.TrimSpace(inner), "lists.")
	return name, ok && ok2 && ok3
}

// addToList adds phrases to a list, in its file or where it stands.
func (p *FalsePositive) addToList(set *RuleSet, name string, phrases, quoted []string) (*Patch, string) {
	for _, src := range set.Sources() {
		if ext := path.Ext(src.Name); ext != ".yaml" && ext != ".yml" {
			continue
		}
		f, err := openSource(set.Dir, src.Name)
		if err != nil {
			return nil, err.Error()
		}
		list := memberNode(memberNode(f.root, "lists"), name)
		if list == nil {
			continue
		}
		if file := memberNode(list, "file"); file != nil {
			text := &Patch{Path: filepath.Join(set.Dir, filepath.FromSlash(path.Join(path.Dir(src.Name), file.Value)))}
			if text.Before, err = os.ReadFile(text.Path); err != nil {
				return nil, err.Error()
			}
			text.After = bytes.Clone(text.Before)
			if n := len(text.After); n > 0 && text.After[n-1] != '\n' {
				text.After = append(text.After, '\n')
			}
			for _, s := range phrases {
				text.After = append(text.After, strings.ReplaceAll(s, "#", `\#`)+"\n"...)
			}
			return text, ""
		}
		if list.Kind == yaml.SequenceNode && len(list.Content) > 0 && f.insertItems(list, quoted) {
			return f.patch(), ""
		}
	}
	return nil, fmt.Sprintf("cannot tell where list %s stands: add the phrase by hand", name)
}
