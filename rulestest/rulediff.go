package rulestest

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/xhit/go-str2duration/v2"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/rules"
)

// RuleDiff is how one set of rules differs from another, whatever their files look like: comments, the order of keys, quotes
// and what is only the default do not count.
type RuleDiff struct {
	Added   []string      `json:"added,omitzero"`   // rules, by id, in the order of the new files
	Removed []string      `json:"removed,omitzero"` // in the order of the old ones
	Changed []ChangedRule `json:"changed,omitzero"`
	Moved   []string      `json:"moved,omitzero"` // rules that are tried in another order among those of their stage
	Lists   []ChangedList `json:"lists,omitzero"`
	Other   []string      `json:"other,omitzero"` // sections of the files besides, such as bot.catch_up
}

// ChangedRule is a rule that both sets have.
type ChangedRule struct {
	Rule string   `json:"rule"`
	Keys []string `json:"keys"` // what of it changed, such as match.any_of
}

// ChangedList is a word list that differs.
type ChangedList struct {
	List    string   `json:"list"`
	Added   []string `json:"added,omitzero"`
	Removed []string `json:"removed,omitzero"`
}

// Empty reports whether nothing differs.
func (d *RuleDiff) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.Changed)+len(d.Moved)+len(d.Lists)+len(d.Other) == 0
}

// DiffRules compares two sets.
func DiffRules(before, after *rules.Set) (*RuleDiff, error) {
	was, wasTop, err := meaning(before)
	if err != nil {
		return nil, err
	}
	is, isTop, err := meaning(after)
	if err != nil {
		return nil, err
	}
	d := new(RuleDiff)
	var both []string
	for _, r := range after.Rules {
		old, ok := was[r.ID]
		if !ok {
			d.Added = append(d.Added, r.ID)
			continue
		}
		both = append(both, r.ID)
		if keys := differingKeys("", old, is[r.ID]); len(keys) > 0 {
			d.Changed = append(d.Changed, ChangedRule{r.ID, keys})
		}
	}
	for _, r := range before.Rules {
		if is[r.ID] == nil {
			d.Removed = append(d.Removed, r.ID)
		}
	}
	d.Moved = moved(before, after, both)
	d.Lists = changedLists(before.Lists(), after.Lists())
	if wasTop["bot"] == nil || isTop["bot"] == nil { // rules alone have the other's
		for _, key := range []string{"bot", "secrets"} {
			delete(wasTop, key)
			delete(isTop, key)
		}
	}
	d.Other = differingKeys("", wasTop, isTop)
	return d, nil
}

// plain defaults of a rule's keys: who writes them says nothing.
var ruleDefaults = map[string]any{
	"stage": "main", "run": "live", "priority": 0, "final": false, "continue": false, "include_self": false,
}

// durationKeys are those whose values are times, which can be written in more than one way.
var durationKeys = []string{
	"timeout", "quiet", "max_wait", "after", "idle", "window", "retain", "backoff", "for", "within", "delay", "max_age", "events",
	"traces", "dead",
}

// meaning is what the files of a set say: of each rule, and besides.
func meaning(set *rules.Set) (byID map[string]map[string]any, top map[string]any, err error) {
	byID, top = make(map[string]map[string]any), make(map[string]any)
	for _, src := range set.Sources() {
		var file map[string]any
		if !strings.HasSuffix(src.Name, ".yaml") && !strings.HasSuffix(src.Name, ".yml") || src.Name == madeBot {
			continue
		}
		if err := yaml.Unmarshal(src.Text, &file); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", src.Name, err)
		}
		list, _ := file["rules"].([]any)
		for _, item := range list {
			r, _ := item.(map[string]any)
			id, _ := r["id"].(string)
			if rule := set.Rule(id); rule != nil {
				r["on"] = on(r["on"], rule)
				byID[id], _ = normal("", r).(map[string]any)
			}
		}
		for key, v := range file {
			if !slices.Contains([]string{"version", "rules", "include", "lists"}, key) {
				top[key] = merged(top[key], normal(key, v))
			}
		}
	}
	return byID, top, nil
}

// merged joins the same section of several files.
func merged(a, b any) any {
	x, ok1 := a.(map[string]any)
	y, ok2 := b.(map[string]any)
	if !ok1 || !ok2 {
		return b
	}
	maps.Copy(x, y)
	return x
}

// on is the events that a rule listens to; a schedule and the like stay as they are.
func on(v any, rule *rules.Rule) any {
	list, many := v.([]any)
	form := func(v any) bool { _, word := v.(string); return !word }
	if many && !slices.ContainsFunc(list, form) || !many && !form(v) {
		return slices.Sorted(slices.Values(rule.Events))
	}
	return v
}

// normal writes a value in the one way that stands for all that mean the same.
func normal(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if def, ok := ruleDefaults[k]; key == "" && ok && reflect.DeepEqual(def, x) {
				continue
			}
			out[k] = normal(k, x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = normal("-", x)
		}
		return out
	case string:
		if slices.Contains(durationKeys, key) {
			if d, err := str2duration.ParseDuration(v); err == nil {
				return d
			}
		}
	}
	return v
}

// differingKeys names what differs, by the innermost mapping's key.
func differingKeys(path string, a, b any) []string {
	if reflect.DeepEqual(a, b) {
		return nil
	}
	x, ok1 := a.(map[string]any)
	y, ok2 := b.(map[string]any)
	if !ok1 || !ok2 || path != "" && (len(x) == 0 || len(y) == 0) {
		return []string{path}
	}
	var out []string
	all := slices.Sorted(maps.Keys(merged(maps.Clone(x), y).(map[string]any)))
	for _, k := range all {
		inner := k
		if path != "" {
			inner = path + "." + k
		}
		out = append(out, differingKeys(inner, x[k], y[k])...)
	}
	return out
}

// moved is the rules that stand behind another one of their stage that they stood before, as few as tell it.
func moved(before, after *rules.Set, both []string) []string {
	place := make(map[string]int)
	for i, r := range before.Rules {
		place[r.ID] = i
	}
	var out []string
	last := make(map[rules.Stage]int)
	for _, id := range both {
		r := after.Rule(id)
		if before.Rule(id).Stage != r.Stage { // told as a change of the rule
			continue
		}
		if at, ok := last[r.Stage]; ok && place[id] < at {
			out = append(out, id)
			continue
		}
		last[r.Stage] = place[id]
	}
	return out
}

func changedLists(before, after map[string][]string) []ChangedList {
	var out []ChangedList
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, is := setOf(before[name]), setOf(after[name])
		c := ChangedList{List: name}
		for _, s := range after[name] {
			if !was[s] {
				c.Added = append(c.Added, s)
			}
		}
		for _, s := range before[name] {
			if !is[s] {
				c.Removed = append(c.Removed, s)
			}
		}
		if len(c.Added)+len(c.Removed) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// listSample is how many phrases of a list are told one by one.
const listSample = 5

// Write writes the difference for people.
func (d *RuleDiff) Write(w io.Writer) error {
	var b strings.Builder
	for _, id := range d.Added {
		fmt.Fprintf(&b, "+ rule %s\n", id)
	}
	for _, id := range d.Removed {
		fmt.Fprintf(&b, "- rule %s\n", id)
	}
	for _, c := range d.Changed {
		fmt.Fprintf(&b, "~ rule %s: %s\n", c.Rule, strings.Join(c.Keys, ", "))
	}
	for _, id := range d.Moved {
		fmt.Fprintf(&b, "~ rule %s: tried later than before\n", id)
	}
	for _, l := range d.Lists {
		fmt.Fprintf(&b, "~ list %s: %d added%s, %d removed%s\n", l.List,
			len(l.Added), sample(l.Added), len(l.Removed), sample(l.Removed))
	}
	for _, key := range d.Other {
		fmt.Fprintf(&b, "~ %s\n", key)
	}
	if d.Empty() {
		b.WriteString("the rules are the same\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sample(list []string) string {
	if len(list) == 0 {
		return ""
	}
	more := ""
	if len(list) > listSample {
		list, more = list[:listSample], ", …"
	}
	return " (" + Plain(strings.Join(list, ", ")) + more + ")"
}
