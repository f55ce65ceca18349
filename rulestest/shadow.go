package rulestest

import (
	"cmp"
	"context"
	"fmt"
	"io"
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
)

// shadowSamples is how many events of a shadow rule a report shows, and how many users it names.
const shadowSamples = 5

// ShadowRule is what a shadow rule would have done.
type ShadowRule struct {
	Rule   string `json:"rule"`
	Name   string `json:"name,omitzero"`
	Events int    `json:"events"` // that the rules looked at
	Would  int    `json:"would"`  // events that it would have fired on
	Live   int    `json:"live"`   // events that it would fire on as a live rule: limits and rules before it count then

	Users map[string]int `json:"users,omitzero"` // by user, how often it would have fired
	Chats map[string]int `json:"chats,omitzero"` // by conversation
	Words map[string]int `json:"words,omitzero"` // by word of its match
	Does  map[string]int `json:"does,omitzero"`  // what it would have done as a live rule, by action

	Samples []Change `json:"samples,omitzero"` // the newest
}

// Shadow tells of each shadow rule of a bot, or of one of them, what it would have done to the traffic. Nothing is sent. It
// blocks until it is done or ctx ends. Errors: those of the files, and one for a rule that there is not.
func Shadow(
	ctx context.Context, path string, registry *actions.Registry, traffic []*bot.Traffic, only string,
) ([]*ShadowRule, error) {
	set, err := LoadRules(path, registry, nil, nil)
	if err != nil {
		return nil, err
	}
	if only != "" {
		if err := set.hasRule(only); err != nil {
			return nil, err
		}
		if mode := set.Rule(only).Mode; mode != rules.ModeShadow {
			return nil, fmt.Errorf("rule %s runs %s: it is no shadow rule", only, mode)
		}
	}
	replay := &Replay{Registry: registry, Old: set.Set, New: set.Set, Dir: set.Dir, Traffic: traffic}
	before, err := replay.pass(ctx, set.Set)
	if err != nil {
		return nil, err
	}
	var out []*ShadowRule
	for _, rule := range set.Rules {
		if rule.Mode != rules.ModeShadow || only != "" && rule.ID != only {
			continue
		}
		live, err := LoadRules(path, registry, nil, map[string]rules.Mode{rule.ID: rules.ModeLive})
		if err != nil {
			return nil, err
		}
		after, err := replay.pass(ctx, live.Set)
		if err != nil {
			return nil, err
		}
		s, err := shadowOf(rule, traffic, before, after)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// hasRule is an error for a rule that the set does not have.
func (s *RuleSet) hasRule(id string) error {
	if s.Rule(id) != nil {
		return nil
	}
	var names []string
	for _, r := range s.Rules {
		names = append(names, r.ID)
	}
	return fmt.Errorf("%s has no rule %q%s", s.Path, id, nearest(id, names))
}

func shadowOf(rule *rules.Rule, traffic []*bot.Traffic, before, after *played) (*ShadowRule, error) {
	s := &ShadowRule{
		Rule: rule.ID, Name: rule.Name, Users: make(map[string]int), Chats: make(map[string]int), Words: make(map[string]int),
		Does: make(map[string]int),
	}
	for _, t := range traffic {
		if !before.told[t.Key] {
			continue
		}
		s.Events++
		was, is := before.events[t.Key], after.events[t.Key]
		if is != nil && slices.Contains(is.fired, rule.ID) {
			s.Live++
		}
		var does []*Act
		if is != nil {
			for _, a := range is.acts {
				if a.Rule == rule.ID {
					s.Does[a.Action]++
					does = append(does, a)
				}
			}
		}
		if was == nil || !slices.Contains(was.shadow, rule.ID) {
			continue
		}
		s.Would++
		sum, err := t.Summary()
		if err != nil {
			return nil, err
		}
		s.Users[sum.User]++
		s.Chats[sum.Conversation]++
		for _, w := range unique(was.words[rule.ID]) {
			s.Words[w]++
		}
		ch := Change{Event: sum, Hits: unique(was.words[rule.ID])}
		ch.Lines = changed(&effects{}, &effects{acts: does})
		s.Samples = append(s.Samples, ch)
	}
	if n := len(s.Samples); n > shadowSamples {
		s.Samples = s.Samples[n-shadowSamples:]
	}
	slices.Reverse(s.Samples)
	return s, nil
}

// WriteShadow writes what shadow rules would have done, for people.
func WriteShadow(w io.Writer, list []*ShadowRule, zone *time.Location) error {
	var b strings.Builder
	if len(list) == 0 {
		b.WriteString("there are no shadow rules\n")
	}
	for i, s := range list {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s.Rule)
		if s.Name != "" {
			b.WriteString("  " + s.Name)
		}
		fmt.Fprintf(&b, "\n  would have fired on %s of %s\n", spaced(s.Would), counted(s.Events, "event"))
		if s.Live != s.Would {
			fmt.Fprintf(&b, "  as a live rule it fires on %s: limits, dialogues and the rules before it count then\n", spaced(s.Live))
		}
		for _, part := range []struct {
			title string
			of    map[string]int
		}{{"would do  ", s.Does}, {"users     ", s.Users}, {"chats     ", s.Chats}, {"words     ", s.Words}} {
			if len(part.of) > 0 {
				fmt.Fprintf(&b, "  %s%s\n", part.title, Plain(most(part.of)))
			}
		}
		for j := range s.Samples {
			s.Samples[j].write(&b, zone)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// most names the entries with the highest numbers.
func most(of map[string]int) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b], of[a]), strings.Compare(a, b))
	})
	var parts []string
	for i, name := range names {
		if i == shadowSamples {
			parts = append(parts, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %s", cmp.Or(name, "-"), spaced(of[name])))
	}
	return strings.Join(parts, ", ")
}

// Promote is the change of the file that lets a shadow rule run live; all else in the file stays as it is. Errors: a rule
// that there is not, one that is no shadow rule, and one whose run does not stand in the rule itself.
func Promote(path string, registry *actions.Registry, id string) (*Patch, error) {
	set, err := LoadRules(path, registry, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := set.hasRule(id); err != nil {
		return nil, err
	}
	rule := set.Rule(id)
	if rule.Mode != rules.ModeShadow {
		return nil, fmt.Errorf("rule %s runs %s: only a shadow rule can be promoted", id, rule.Mode)
	}
	f, err := openSource(set.Dir, rule.Pos.File)
	if err != nil {
		return nil, err
	}
	run := memberNode(f.rule(id), "run")
	if run == nil || run.Kind != yaml.ScalarNode {
		return nil, fmt.Errorf("rule %s: its `run: shadow` does not stand in %s", id, f.path)
	}
	for _, form := range []string{"shadow", `"shadow"`, "'shadow'"} {
		if f.replace(run.Line, run.Column, form, strings.Replace(form, "shadow", "live", 1)) {
			return f.patch(), nil
		}
	}
	return nil, fmt.Errorf("%s:%d: cannot find the word shadow of rule %s", f.path, run.Line, id)
}

// sourceFile is a YAML file that is changed by hand: a few characters, all else stays.
type sourceFile struct {
	path  string
	text  []byte
	lines []string
	root  *yaml.Node
}

func openSource(dir, name string) (*sourceFile, error) {
	f := &sourceFile{path: filepath.Join(dir, filepath.FromSlash(name))}
	var err error
	if f.text, err = os.ReadFile(f.path); err != nil {
		return nil, err
	}
	f.lines = strings.SplitAfter(string(f.text), "\n")
	r, root := openText(f.path, f.text)
	if root == nil {
		return nil, r.errs
	}
	f.root = root
	return f, nil
}

// rule is the node of a rule; nil when the file has it not.
func (f *sourceFile) rule(id string) *yaml.Node {
	list := memberNode(f.root, "rules")
	if list == nil {
		return nil
	}
	for _, n := range list.Content {
		if v := memberNode(n, "id"); v != nil && v.Value == id {
			return n
		}
	}
	return nil
}

// memberNode is the value of a mapping's key; nil when there is none.
func memberNode(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// replace puts another text in the place of one that stands there; it reports false when it does not.
func (f *sourceFile) replace(line, column int, old, now string) bool {
	if line < 1 || line > len(f.lines) {
		return false
	}
	text := []rune(f.lines[line-1])
	if column < 1 || column > len(text) || !strings.HasPrefix(string(text[column-1:]), old) {
		return false
	}
	f.lines[line-1] = string(text[:column-1]) + now + strings.TrimPrefix(string(text[column-1:]), old)
	return true
}

// insert puts a text before a node: inside its line in flow style, else on a line of its own that is as far in.
func (f *sourceFile) insert(before *yaml.Node, style yaml.Style, text string, item bool) bool {
	if style&yaml.FlowStyle != 0 {
		return f.replace(before.Line, before.Column, "", text+", ")
	}
	line := []rune(f.lines[before.Line-1])
	at := before.Column - 1
	if item { // "- " stands before it
		for at > 0 && line[at-1] != '-' {
			at--
		}
		if at--; at < 0 {
			return false
		}
		text = "- " + text
	}
	indent := string(line[:at])
	if strings.TrimSpace(indent) != "" {
		return false
	}
	f.lines[before.Line-1] = indent + text + "\n" + f.lines[before.Line-1]
	return true
}

func (f *sourceFile) patch() *Patch {
	return &Patch{Path: f.path, Before: f.text, After: []byte(strings.Join(f.lines, ""))}
}
