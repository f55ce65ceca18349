package rules

import (
	"cmp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// The most rules that are looked at as the cause of unreachable ones.
const maxTakers = 100

// lint looks for what is no mistake but probably not meant.
func (l *loader) lint(set *Set) {
	for _, name := range keys(l.lists) {
		pos := l.listPos[name]
		d := l.docs[pos.File]
		switch {
		case !l.used["lists."+name]:
			l.warn("unused-list", d, "", pos.Line, pos.Col, "nothing reads list %q", name)
		case len(l.lists[name]) == 0:
			l.warn("empty-list", d, "", pos.Line, pos.Col, "list %q is empty", name)
		}
	}
	if l.opts.Env == nil && len(l.secrets) > 0 {
		l.warn("unset-secret", l.files[0].d, "", 0, 0, "secrets were not looked up: %s", strings.Join(keys(l.secrets), ", "))
	}
	l.unheard(set)
	l.openWebhooks(set)
	takers := set.takers()
	for _, r := range set.Rules {
		d := l.docs[r.Pos.File]
		warn := func(id, format string, args ...any) {
			l.warn(id, d, r.ID, r.Pos.Line, r.Pos.Col, format, args...)
		}
		if r.Mode == ModeShadow {
			warn("shadow", "runs in shadow: it does nothing yet")
		}
		if r.Mode != ModeOff && r.alwaysCandidate() {
			warn("always-candidate", "no word and no equality narrows it down, so its if is evaluated for every event (about 0.2 µs)")
		}
		r.lintSchedules(func(pos Pos, id, format string, args ...any) {
			l.warn(id, d, r.ID, pos.Line, pos.Col, format, args...)
		})
		if r.match != nil && r.Mode != ModeOff {
			r.match.lint(warn)
		}
		if w := hidden(r, takers); w != nil {
			warn("unreachable", "never tried: %s before it takes every event of these kinds", w.ID)
		}
	}
	slices.SortStableFunc(l.warnings, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// lint tells what fuzzy words cost, and which words strict leaves too little of.
func (m *matcher) lint(warn func(id, format string, args ...any)) {
	if m.faq != nil {
		for _, p := range m.faq.parts {
			p.lint(warn)
		}
		return
	}
	always, each, pieces, words := 0, 0, 0, 0
	for _, p := range []*phrases{&m.any, &m.all, &m.none} {
		if p.fuzzy != nil {
			a, w := p.fuzzy.cost()
			always, each, pieces, words = always+a, max(each, w), pieces+len(p.fuzzy.pieces), words+len(p.words)
		}
		if !m.profile.strict() {
			continue
		}
		for i, w := range p.folded {
			if len(w.text) == 1 && len(p.words[i]) > 1 {
				warn("short-word", "strict leaves %q of %q: it is in most texts", w.text, p.words[i])
			}
		}
	}
	if words > 0 {
		which := "a message that the rule is tried for"
		if m.requiresAny() != nil || m.requiresAll() != nil {
			which = "a message with one of them (others cost nothing)"
		}
		warn("fuzzy-cost", "%d fuzzy words are looked for by %d pieces: about %.1f µs for %s, and %.1f µs more for each word of "+
			"which a piece is there", words, pieces, float64(always)/1000, which, float64(each)/1000)
	}
}

// alwaysCandidate reports whether only evaluating the rule's if can tell that it does not fire. A rule without if fires on
// every event of its kinds, which is meant.
func (r *Rule) alwaysCandidate() bool {
	if r.cond == nil || r.match != nil && r.match.wants() {
		return false
	}
	own := func(event string) bool { // which comes to the rules that name it, and seldom
		return event == EventSchedule || strings.HasPrefix(event, webhookPrefix) || strings.HasPrefix(event, signalPrefix)
	}
	if !slices.ContainsFunc(r.Events, func(e string) bool { return !own(e) }) {
		return false
	}
	tree, err := parser.Parse(r.cond.source)
	return err == nil && !narrows(tree.Node)
}

// narrows reports whether an expression can only hold when a fixed text or value is there: something equals a constant,
// is in a list, contains a literal, or is a flag that must be set.
func narrows(n ast.Node) bool {
	if _, ok := n.(*ast.MemberNode); ok {
		return true
	}
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return false
	}
	switch b.Operator {
	case "&&", "and":
		return narrows(b.Left) || narrows(b.Right)
	case "||", "or":
		return narrows(b.Left) && narrows(b.Right)
	case "==", "in", "contains", "startsWith", "endsWith", "matches":
		return true
	}
	return false
}

// takers are the rules that take every event of their kinds: live ones of main or fallback that ask for nothing, do not
// continue, and are always let through.
func (s *Set) takers() []*Rule {
	var out []*Rule
	for _, r := range s.Rules {
		if r.Mode == ModeLive && (r.Stage == StageMain || r.Stage == StageFallback) && r.match == nil && r.cond == nil &&
			!r.Continue && r.Session == nil && r.Concurrency == nil && (r.Limit == nil || r.Limit.Over != OverDrop) {
			out = append(out, r)
			if len(out) == maxTakers {
				break
			}
		}
	}
	return out
}

// hidden returns the taker that keeps r from ever being tried, or nil.
func hidden(r *Rule, takers []*Rule) *Rule {
	for _, t := range takers {
		before := t.Priority > r.Priority || t.Priority == r.Priority && t.index < r.index
		if t.Stage != r.Stage || !before || r.Mode == ModeOff || r.IncludeSelf && !t.IncludeSelf {
			continue
		}
		if t.hears(r) {
			return t
		}
	}
	return nil
}

// hears reports whether every event that other is tried on is one of r's. A slot of a schedule is an event of its own rule alone.
func (r *Rule) hears(other *Rule) bool {
	return !slices.ContainsFunc(other.Events, func(name string) bool { return name == EventSchedule || !slices.Contains(r.Events, name) })
}
