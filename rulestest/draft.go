package rulestest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// Draft writes a first test file for a rules file: for each rule an event that fires it, and what the bot does about it by
// now. A person reads it and says whether that is what was meant. The tests pass as long as nothing changes. Rules for which
// no event can be made up are named in a comment.
func Draft(ctx context.Context, path string, registry *actions.Registry) (text []byte, err error) {
	s := newSuite(path, registry)
	s.base = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	s.Name, s.reader = s.base, &reader{file: path}
	if s.files(&yaml.Node{}, []string{filepath.Base(path)}); len(s.reader.errs) > 0 {
		return nil, s.reader.errs
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	set, err := s.load(nil, nil)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("version: 1\n\ngiven:\n  groups:\n    " + draftGroup + ": { members: [" + draftUser + "] }\n\ntests:\n")
	var left []string
	made := 0
	for _, r := range set.Rules {
		one, ok, err := s.draft(ctx, set, r)
		if err != nil {
			return nil, err
		}
		if !ok {
			left = append(left, r.ID)
			continue
		}
		made++
		b.WriteString(one)
	}
	if made == 0 {
		b.WriteString("  - name: nothing happens by itself\n    advance: 1d\n    expect: []\n")
	}
	if len(left) > 0 {
		b.WriteString("\n# Without a test by now, because no event could be made up that fires them: " + strings.Join(left, ", ") + ".\n")
	}
	return []byte(b.String()), nil
}

// Who and where drafts are about.
const (
	draftUser  = "ann"
	draftGroup = "team"
)

// draft makes one test of a rule; ok is false when the rule did not fire.
func (s *Suite) draft(ctx context.Context, set *rules.Set, r *rules.Rule) (text string, ok bool, err error) {
	t := &Test{Name: r.ID, repeat: 1}
	t.given.groups = map[string]*givenGroup{draftGroup: {
		id: draftGroup, name: draftGroup, owner: "owner", kind: sdkconn.GroupPublic, bot: "admin",
		members: []givenMember{{user: draftUser}},
	}}
	t.given.order = []string{draftGroup}
	modes := make(map[string]rules.Mode)
	if r.Mode != rules.ModeLive {
		modes[r.ID] = rules.ModeLive
	}
	if t.set, err = s.load(nil, modes); err != nil {
		return "", false, err
	}
	deed, does := s.madeUp(set, r)
	if does == nil {
		return "", false, nil
	}
	w, err := newWorld(ctx, s, t)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.rec.take()
	if err := does(ctx, w); err != nil {
		return "", false, nil // such an event cannot be had
	}
	if err := w.settle(ctx); err != nil {
		return "", false, err
	}
	if fails := (wantWhy{rule: r.ID, text: fired}).check(ctx, w); len(fails) > 0 {
		return "", false, nil
	}
	var b strings.Builder
	name := r.Name
	if name == "" {
		name = r.ID
	}
	fmt.Fprintf(&b, "  - name: %s\n    rule: %s\n", yamlText(name+" ("+r.ID+")"), r.ID)
	if len(modes) > 0 {
		b.WriteString("    run: live\n")
	}
	b.WriteString("    " + deed + "\n")
	acts := slices.DeleteFunc(w.rec.take(), func(a *Act) bool { return a.Action == Notice })
	if len(acts) == 0 {
		b.WriteString("    expect: []\n    why: { " + r.ID + ": " + fired + " }\n")
		return b.String(), true, nil
	}
	b.WriteString("    expect:\n")
	for _, a := range acts {
		b.WriteString("      - " + a.draft() + "\n")
	}
	return b.String(), true, nil
}

// draft is an expectation that the act fits.
func (a *Act) draft() string {
	fields := make(map[string]any)
	for _, name := range []string{"to_user", "text", "for", "reason", "code"} {
		switch v := a.Fields[name].(type) {
		case nil:
		case string:
			if v != "" && (name != "to_user" || a.Action != "reply") {
				fields[name] = v
			}
		case fmt.Stringer:
			fields[name] = v.String()
		}
	}
	if len(fields) == 0 {
		return a.Action
	}
	parts := make([]string, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, name+": "+flowText(fmt.Sprint(fields[name])))
	}
	return a.Action + ": { " + strings.Join(parts, ", ") + " }"
}

// flowText is a text as it can stand inside { }.
func flowText(s string) string {
	n := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
	text, err := yaml.Marshal(&n)
	if err != nil || strings.Count(string(text), "\n") > 1 { // a long text that was broken
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(string(text))
}

// madeUp is an event that may fire the rule, as a step has it; nil when none is known.
func (s *Suite) madeUp(set *rules.Set, r *rules.Rule) (deed string, do func(context.Context, *world) error) {
	text := "嗯"
	if d := set.Describe(r, nil); d.Mode != "" {
		var words []string
		for _, part := range d.Words {
			switch {
			case part.Key == "all_of":
				words = append(words, part.Words...)
			case part.Key == "any_of":
				words = append(words, part.Words[0])
			}
		}
		if text = strings.Join(words, " "); d.Mode == "regex" {
			return "", nil
		}
	}
	if text == "" {
		text = "嗯"
	}
	in := ""
	switch {
	case slices.Contains(r.Events, "message.c2c"):
	case slices.Contains(r.Events, "message.group"):
		in = draftGroup
	case slices.Contains(r.Events, "member.joined"):
		return "invite: { in: " + draftGroup + ", user: bea }", func(ctx context.Context, w *world) error {
			w.last = "last"
			return w.members(ctx, "invite", draftGroup, "owner", []string{"bea"})
		}
	default:
		return "", nil
	}
	deed = "send: { "
	if in != "" {
		deed += "in: " + in + ", "
	}
	deed += "from: " + draftUser + ", text: " + flowText(text)
	inputs := map[string]any{"text": text}
	if in != "" {
		deed += ", mentions: [bot]"
		inputs["mentions"] = []any{"bot"}
	}
	return deed + " }", func(ctx context.Context, w *world) error {
		msg, err := w.say(ctx, draftUser, in, inputs)
		if err == nil {
			w.last = rules.MessageID(msg)
		}
		return err
	}
}
