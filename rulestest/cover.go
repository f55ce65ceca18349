package rulestest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/bot/journal"
	"github.com/timbot-go/timbot/rules"
)

// Coverage is what the tests of one file reached of the rules that it tests.
type Coverage struct {
	Rules    Share // rules that fired
	Branches Share // everything else in the rules: operands, ifs of steps, choices, exits of dialogues
	Lists    []ListShare
	Points   []Covered      // of all rules, in their order
	Words    []CoveredWord  // of the lists
	Sources  []rules.Source // the files, by their paths
}

// Share is how many of how many were reached.
type Share struct {
	Reached int `json:"reached"`
	All     int `json:"all"`
}

// Percent is the share in whole percent, rounded down; 100 of nothing.
func (s Share) Percent() int {
	if s.All == 0 {
		return 100
	}
	return s.Reached * 100 / s.All
}

// String returns "reached/all".
func (s Share) String() string { return fmt.Sprintf("%d/%d", s.Reached, s.All) }

// ListShare is the share of a list's entries that were hit.
type ListShare struct {
	Name string `json:"name"`
	Share
}

// Covered is a point of a rule. The file of its Pos is the path.
type Covered struct {
	rules.Point
	Reached bool
}

// CoveredWord is an entry of a list that a match looks for.
type CoveredWord struct {
	List, Word string
	Pos        rules.Pos // of the entry; of the rule that looks for it where that is not known
	Reached    bool
}

// Missing is something that no test reached.
type Missing struct {
	Pos  rules.Pos
	Kind string // a rules.PointKind, or "entry"
	Rule string // empty for an entry of a list
	Text string // what it is, for people
}

// Missing returns what was not reached, by its place.
func (c *Coverage) Missing() []Missing {
	var out []Missing
	for _, p := range c.Points {
		if !p.Reached {
			out = append(out, Missing{p.Pos, string(p.Kind), p.Rule, p.lacks()})
		}
	}
	for _, w := range c.Words {
		if !w.Reached {
			out = append(out, Missing{w.Pos, "entry", "", fmt.Sprintf("entry %s of list %s was never hit", show(w.Word), w.List)})
		}
	}
	slices.SortStableFunc(out, func(a, b Missing) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Col-b.Pos.Col)
	})
	return out
}

// lacks says that the point was not reached.
func (c *Covered) lacks() string {
	switch c.Kind {
	case rules.PointRule:
		return "never fired"
	case rules.PointOperand:
		return fmt.Sprintf("%s was never %s", c.Text, c.Want)
	case rules.PointExit:
		return fmt.Sprintf("%s never ended as %s", c.Text, c.Want)
	case rules.PointChoice:
		if c.Want == rules.ReachedNone {
			return "choose never took none of its branches"
		}
	}
	return fmt.Sprintf("%s was never %s", c.Text, c.Want)
}

// Below says, for each share that is less than it must be, what is and what must be; nil when all is well.
func (c *Coverage) Below(least Least) []string {
	var out []string
	for _, x := range []struct {
		what  string
		share Share
		least int
	}{{"rules", c.Rules, least.Rules}, {"branches", c.Branches, least.Branches}} {
		if x.share.Percent() < x.least {
			out = append(out, fmt.Sprintf("the tests reach %s of the %s (%d%%), and must reach %d%%",
				x.share, x.what, x.share.Percent(), x.least))
		}
	}
	return out
}

// cover notes what the tests of a suite reach.
type cover struct {
	keys  map[string]map[string]bool // of rules.Point, by rule
	words map[string]map[string]bool // of lists, by list
}

// Measure makes the runs of the tests note what they reach, for Covered. Each test costs some time more then.
func (s *Suite) Measure() {
	s.cover = &cover{keys: make(map[string]map[string]bool), words: make(map[string]map[string]bool)}
}

func mark(in map[string]map[string]bool, name, what string) {
	if in[name] == nil {
		in[name] = make(map[string]bool)
	}
	in[name][what] = true
}

// coverEvery is how much of the virtual time may pass before what was reached is noted: the bot forgets what is old.
const coverEvery = 12 * time.Hour

// reached notes what the world's events have reached by now.
func (w *world) reached(ctx context.Context) error {
	if w.suite.cover == nil || w.bot == nil {
		return nil
	}
	w.covered = w.clock.Now()
	q := journal.Query{Limit: 500}
	for {
		records, err := w.journal.Records(ctx, q)
		if err != nil {
			return err
		}
		for i := range records {
			rec := &records[i]
			if w.told[rec.N] {
				continue
			}
			story, err := w.bot.Inspector().WhyAll(ctx, rec.Key)
			if err != nil {
				return fmt.Errorf("coverage: %w", err)
			}
			w.suite.cover.story(w.test.set, story)
			if rec.Done {
				if w.told == nil {
					w.told = make(map[uint64]bool)
				}
				w.told[rec.N] = true
			}
		}
		if len(records) < q.Limit {
			return nil
		}
		q.Before = records[len(records)-1].N
	}
}

// story notes what one event reached.
func (c *cover) story(set *rules.Set, story *bot.Story) {
	for _, d := range story.Decisions {
		for i := range d.Rules {
			told := &d.Rules[i]
			rule := set.Rule(told.ID)
			if rule == nil {
				continue
			}
			if told.Outcome == bot.OutcomeFired || told.Outcome == bot.OutcomeShadow {
				mark(c.keys, rule.ID, rules.PointKey("", rules.ReachedFired))
			}
			parts := make([]rules.Part, len(told.Parts))
			for j, p := range told.Parts {
				parts[j] = rules.Part(p)
			}
			for _, key := range rule.Reached(parts) {
				mark(c.keys, rule.ID, key)
			}
			for _, list := range set.HitLists(rule) {
				for _, hit := range told.Hits {
					mark(c.words, list.Name, hit.Word)
				}
				mark(c.words, list.Name, told.Command)
			}
		}
	}
	for i := range story.Runs {
		run := &story.Runs[i]
		for _, step := range run.Steps {
			c.step(run.Rule, &step)
		}
	}
}

// How traces tell of what came of a step.
const (
	noteSkipped   = "skipped"
	noteNone      = "none of "
	noteTimedOut  = "no answer in "
	noteCancelled = "cancelled"
	codeRefused   = "not_accepted"
)

// step notes what one attempt of a step reached.
func (c *cover) step(rule string, step *bot.StoryStep) {
	place, _, _ := strings.Cut(step.Key, "#")
	at := func(place, way string) { mark(c.keys, rule, rules.PointKey(place, way)) }
	if step.Note == noteSkipped {
		at(place, rules.ReachedSkipped)
	} else {
		at(place, rules.ReachedTaken)
	}
	for around := place; ; { // what the step is in was done
		i := strings.LastIndex(around, "].")
		if i < 0 {
			break
		}
		around = around[:i+1]
		at(around, rules.ReachedTaken)
	}
	switch step.Action {
	case rules.StepChoose.String():
		var n, of int
		if _, err := fmt.Sscanf(step.Note, "branch %d of %d", &n, &of); err == nil {
			at(place, rules.ChoiceKey(n))
		} else if strings.HasPrefix(step.Note, noteNone) {
			at(place, rules.ReachedNone)
		}
	case rules.StepAsk.String():
		switch {
		case step.Code == codeRefused:
			at(place, rules.ReachedNotAccepted)
		case strings.HasPrefix(step.Note, noteTimedOut):
			at("session", rules.ReachedTimedOut)
		case step.Note == noteCancelled:
			at("session", rules.ReachedCancelled)
		case step.OK && step.Note == "":
			at(place, rules.ReachedAnswered)
		}
	}
}

// Covered returns what the tests have reached since Measure.
func (s *Suite) Covered() *Coverage {
	c := &Coverage{}
	if s.cover == nil || len(s.Tests) == 0 {
		return c
	}
	set := s.Tests[0].set // tests differ in lists and modes only
	for _, src := range set.Sources() {
		if src.Name != madeBot {
			c.Sources = append(c.Sources, rules.Source{Name: s.pathOf(src.Name), Text: src.Text})
		}
	}
	for _, rule := range set.Rules {
		for _, p := range set.Points(rule) {
			one := Covered{Point: p, Reached: s.cover.keys[rule.ID][p.Key]}
			one.Pos.File = s.pathOf(p.Pos.File)
			share := &c.Branches
			if p.Kind == rules.PointRule {
				share = &c.Rules
			}
			if share.All++; one.Reached {
				share.Reached++
			}
			c.Points = append(c.Points, one)
		}
	}
	s.coverLists(c, set)
	return c
}

// coverLists adds the lists that matches look for, with the entries that they have in any of the tests.
func (s *Suite) coverLists(c *Coverage, set *rules.Set) {
	places := s.listPlaces(set)
	words := make(map[string][]CoveredWord)
	seen := make(map[*rules.Set]bool)
	for _, t := range s.Tests {
		if seen[t.set] {
			continue
		}
		seen[t.set] = true
		for _, rule := range t.set.Rules {
			for _, list := range t.set.HitLists(rule) {
				have := make(map[string]bool)
				for _, w := range words[list.Name] {
					have[w.Word] = true
				}
				for _, word := range list.Words {
					if have[word] {
						continue
					}
					have[word] = true
					pos, ok := places[[2]string{list.Name, word}]
					if !ok {
						pos = rule.Pos
						pos.File = s.pathOf(pos.File)
					}
					words[list.Name] = append(words[list.Name], CoveredWord{
						List: list.Name, Word: word, Pos: pos, Reached: s.cover.words[list.Name][word],
					})
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(words)) {
		l := ListShare{Name: name}
		for _, w := range words[name] {
			if l.All++; w.Reached {
				l.Reached++
			}
		}
		c.Lists = append(c.Lists, l)
		c.Words = append(c.Words, words[name]...)
	}
}

// listPlaces finds where the entries of lists stand: in the test file, the rules files and the files of lists.
func (s *Suite) listPlaces(set *rules.Set) map[[2]string]rules.Pos {
	out := make(map[[2]string]rules.Pos)
	add := func(name, word string, pos rules.Pos) {
		if _, ok := out[[2]string{name, word}]; !ok {
			out[[2]string{name, word}] = pos
		}
	}
	lists := func(file string, n *yaml.Node) {
		if n = resolve(n); n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if v := resolve(n.Content[i+1]); v.Kind == yaml.SequenceNode {
				for _, item := range v.Content {
					add(n.Content[i].Value, item.Value, rules.Pos{File: file, Line: item.Line, Col: item.Column})
				}
			}
		}
	}
	lists(s.Path, child(child(s.node, "given"), "lists"))
	if tests := child(s.node, "tests"); tests != nil {
		for _, t := range tests.Content {
			lists(s.Path, child(child(t, "given"), "lists"))
		}
	}
	files := listFiles(set)
	for _, src := range set.Sources() {
		if name, ok := files[path.Clean(src.Name)]; ok {
			for i, line := range strings.Split(string(src.Text), "\n") {
				add(name, strings.TrimSpace(line), rules.Pos{File: s.pathOf(src.Name), Line: i + 1, Col: 1})
			}
			continue
		}
		var root yaml.Node
		if isYAML(src.Name) && decode(src.Text, &root) == nil && len(root.Content) == 1 {
			lists(s.pathOf(src.Name), child(root.Content[0], "lists"))
		}
	}
	return out
}
