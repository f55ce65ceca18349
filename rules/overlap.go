package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// maxCompared bounds how many pairs of words two rules are compared by their parts; beyond it only equal words count.
const maxCompared = 10_000

// Overlaps finds rules that can never fire (never-fires), and rules that never come to be tried because an earlier one fires
// whenever they would (shadowed; Other is that one's place). It says nothing where it is not sure.
func (s *Set) Overlaps() []Warning {
	var out []Warning
	add := func(r *Rule, id string, other Pos, msg string) {
		out = append(out, Warning{ID: id, Other: other, Error: Error{
			File: r.Pos.File, Line: r.Pos.Line, Col: r.Pos.Col, Rule: r.ID, Msg: msg, Source: s.line(r.Pos),
		}})
	}
	takers := s.takers()
	var stoppers []*Rule
	for _, r := range s.Rules {
		if r.stops() {
			stoppers = append(stoppers, r)
		}
	}
	for _, r := range s.Rules {
		if r.Mode == ModeOff {
			continue
		}
		if why := r.neverFires(); why != "" {
			add(r, "never-fires", Pos{}, "can never fire: "+why)
			continue
		}
		if hidden(r, takers) != nil { // told as unreachable
			continue
		}
		for _, t := range stoppers {
			if s.shadows(t, r) {
				add(r, "shadowed", t.Pos, fmt.Sprintf("never tried: %s before it fires whenever this rule would", t.ID))
				break
			}
		}
	}
	return out
}

// line is the source line of a place.
func (s *Set) line(p Pos) string {
	for i := range s.sources {
		if s.sources[i].Name == p.File {
			return newDocument(p.File, s.sources[i].Text, 0).line(p.Line)
		}
	}
	return ""
}

// stops reports whether later rules are not tried whenever the rule matches.
func (r *Rule) stops() bool {
	switch {
	case r.Mode != ModeLive || r.Session != nil || r.Batch != nil || r.Concurrency != nil || r.Limit != nil && r.Limit.Over != OverReply:
		return false
	case r.Stage == StageGuard:
		return r.Final && r.cond == nil // its if does not fire on a fact that is missing, that of another stage may
	}
	return (r.Stage == StageMain || r.Stage == StageFallback) && !r.Continue
}

// shadows reports whether t fires, and stops r, on every event on which r would fire.
func (s *Set) shadows(t, r *Rule) bool {
	switch {
	case t == r || r.Stage == StageGuard || r.Stage == StageObserve || r.IncludeSelf && !t.IncludeSelf:
		return false
	case t.Stage == r.Stage:
		if t.Priority < r.Priority || t.Priority == r.Priority && t.index > r.index {
			return false
		}
	case t.Stage > r.Stage || !s.triedWith(t.Stage, r.Stage):
		return false
	}
	if !t.hears(r) {
		return false
	}
	return t.match.impliedBy(r.match) && t.condImpliedBy(r)
}

// triedWith reports whether the rules of stage a are tried on every event on which those of b are, for events of the time the
// bot was away too.
func (s *Set) triedWith(a, b Stage) bool {
	stages := s.Bot.CatchUp.Stages
	return len(stages) == 0 || slices.Contains(stages, a) || !slices.Contains(stages, b)
}

// condImpliedBy reports whether the rule's if holds whenever the other's does: each of its operands is one of the other's.
func (r *Rule) condImpliedBy(other *Rule) bool {
	if r.cond == nil {
		return true
	}
	if other.cond == nil || slices.Contains(r.cond.uses, "match") || slices.Contains(r.cond.uses, "args") {
		return false
	}
	have := conjuncts(other.cond.source)
	return !slices.ContainsFunc(conjuncts(r.cond.source), func(n ast.Node) bool {
		return !slices.ContainsFunc(have, func(h ast.Node) bool { return h.String() == n.String() })
	})
}

// conjuncts takes a && b && c apart.
func conjuncts(source string) []ast.Node {
	tree, err := parser.Parse(source)
	if err != nil {
		return nil
	}
	var out []ast.Node
	var flatten func(ast.Node)
	flatten = func(n ast.Node) {
		if b, ok := n.(*ast.BinaryNode); ok && (b.Operator == "&&" || b.Operator == "and") {
			flatten(b.Left)
			flatten(b.Right)
			return
		}
		out = append(out, n)
	}
	flatten(tree.Node)
	return out
}

// impliedBy reports whether m matches every text that r matches. A nil matcher matches every text.
func (m *matcher) impliedBy(r *matcher) bool {
	if m == nil {
		return true
	}
	if m.faq != nil || r != nil && r.faq != nil {
		return false
	}
	if r == nil || m.profile != r.profile || m.profile.strict() || len(m.except.words) > 0 ||
		len(m.none.words) > 0 && len(r.except.words) > 0 { // more than a comparison of words would be needed
		return false
	}
	implies, ok := implication(r.mode, m.mode)
	if !ok {
		return false
	}
	// every reports whether each word of a has one in b that it implies, some whether one of them has.
	every := func(a, b *phrases) bool {
		return len(a.words) > 0 && !slices.ContainsFunc(a.spelled(), func(word string) bool { return !b.impliedBy(word, len(a.words), implies) })
	}
	some := func(a, b *phrases) bool {
		return slices.ContainsFunc(a.spelled(), func(word string) bool { return b.impliedBy(word, len(a.words), implies) })
	}
	if len(m.any.words) > 0 && !every(&r.any, &m.any) && !some(&r.all, &m.any) {
		return false
	}
	for _, one := range m.all.spelled() {
		only := &phrases{words: []string{one}, folded: []word{{text: one}}}
		if !some(&r.all, only) && !every(&r.any, only) {
			return false
		}
	}
	if len(m.none.words) == 0 {
		return true
	}
	within, ok := implication(m.mode, r.mode) // what m must not find, r must not find either
	return ok && !slices.ContainsFunc(m.none.spelled(), func(word string) bool {
		return !r.none.impliedBy(word, len(m.none.words), within)
	})
}

// implication says when a hit of a word in one mode is a hit of another word in the mode to.
func implication(from, to MatchMode) (func(word, other string) bool, bool) {
	equal := func(word, other string) bool { return word == other }
	switch {
	case to == MatchContains && (from == MatchContains || from == MatchExact || from == MatchPrefix || from == MatchWord):
		return strings.Contains, true
	case to == MatchPrefix && (from == MatchPrefix || from == MatchExact):
		return strings.HasPrefix, true
	case from == to:
		return equal, true
	}
	return nil, false
}

// spelled is the words as they are compared: as the rule has them, if they are regular expressions.
func (p *phrases) spelled() []string {
	if len(p.folded) != len(p.words) {
		return p.words
	}
	out := make([]string, len(p.folded))
	for i := range p.folded {
		out[i] = p.folded[i].text
	}
	return out
}

// impliedBy reports whether a hit of word is a hit of one of the words; of is how many are asked for.
func (p *phrases) impliedBy(word string, of int, implies func(word, other string) bool) bool {
	words := p.spelled()
	if len(words)*of > maxCompared {
		return slices.Contains(words, word)
	}
	return slices.ContainsFunc(words, func(other string) bool { return implies(word, other) })
}

// neverFires says why a rule can fire on no event, or "".
func (r *Rule) neverFires() string {
	if why := r.match.never(); why != "" {
		return why
	}
	if r.cond == nil {
		return ""
	}
	equal := make(map[string]string) // what must equal which text
	for _, n := range conjuncts(r.cond.source) {
		if b, ok := n.(*ast.BoolNode); ok && !b.Value {
			return "its if is false"
		}
		b, ok := n.(*ast.BinaryNode)
		if !ok || b.Operator != "==" {
			continue
		}
		left, right := b.Left, b.Right
		if _, ok := left.(*ast.StringNode); ok {
			left, right = right, left
		}
		text, isText := right.(*ast.StringNode)
		member, isMember := left.(*ast.MemberNode)
		if !isText || !isMember {
			continue
		}
		name := member.String()
		if first, ok := equal[name]; ok && first != text.Value {
			return fmt.Sprintf("%s cannot be %q and %q", name, first, text.Value)
		}
		equal[name] = text.Value
	}
	if typ, ok := equal["event.type"]; ok && !slices.Contains(r.Events, typ) {
		return fmt.Sprintf("it does not listen to %s", typ)
	}
	if typ, ok := equal["chat.type"]; ok {
		kinds := map[string]string{"message.c2c": "c2c", "message.group": "group"}
		if !slices.ContainsFunc(r.Events, func(name string) bool { return kinds[name] == "" || kinds[name] == typ }) {
			return fmt.Sprintf("its events have no chat.type %q", typ)
		}
	}
	return ""
}

// never says why no text can match, or "".
func (m *matcher) never() string {
	if m == nil {
		return ""
	}
	if m.mode == MatchContains && len(m.none.words) > 0 {
		barred := func(word string) bool { return m.none.impliedBy(word, len(m.any.words)+1, strings.Contains) }
		if i := slices.IndexFunc(m.all.spelled(), barred); i >= 0 {
			return fmt.Sprintf("%q of all_of holds a word of none_of", m.all.words[i])
		}
		if words := m.any.spelled(); len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !barred(w) }) {
			return "every word of any_of holds a word of none_of"
		}
	}
	if m.mode == MatchExact && len(m.all.words) > 0 {
		all := m.all.spelled()
		if i := slices.IndexFunc(all, func(w string) bool { return w != all[0] }); i >= 0 {
			return fmt.Sprintf("a text cannot be %q and %q", m.all.words[0], m.all.words[i])
		}
		if any := m.any.spelled(); len(any) > 0 && !slices.Contains(any, all[0]) {
			return fmt.Sprintf("a text that is %q is no word of any_of", m.all.words[0])
		}
	}
	return ""
}
