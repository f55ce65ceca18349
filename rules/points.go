package rules

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// PointKind says what a Point is.
type PointKind string

// The kinds of points.
const (
	PointRule    PointKind = "rule"    // the rule fires
	PointOperand PointKind = "operand" // an operand of its if is true, or false
	PointStep    PointKind = "step"    // a step with an if is done, or skipped
	PointChoice  PointKind = "choice"  // a branch of a choose is taken, or none
	PointExit    PointKind = "exit"    // a question of a dialogue ends: answered, not accepted, timed out, cancelled
)

// Point is something in a rule that events can reach: what a test of the rule can see.
type Point struct {
	Rule string // id
	Key  string // names it inside the rule; stays the same while the rule does
	Kind PointKind
	Text string // the expression, the step or the question, in one line
	Want string // how it is reached: "fired", "true", "false", "taken", "skipped", "none", "answered", ...
	Pos  Pos
}

// The ways in which points are reached.
const (
	ReachedFired       = "fired"
	ReachedTrue        = "true"
	ReachedFalse       = "false"
	ReachedTaken       = "taken"
	ReachedSkipped     = "skipped"
	ReachedNone        = "none"
	ReachedAnswered    = "answered"
	ReachedNotAccepted = "not accepted"
	ReachedTimedOut    = "timed out"
	ReachedCancelled   = "cancelled"
)

// maxPointText bounds Point.Text, in characters.
const maxPointText = 80

// Points returns what can be reached in a rule of the set, in the order of the file.
func (s *Set) Points(r *Rule) []Point {
	p := &pointer{set: s, rule: r}
	p.point("", PointRule, r.ID, r.Pos, ReachedFired)
	if r.cond != nil && r.cond.operands != nil {
		list := r.cond.operands()
		p.from = p.offset(r.cond.pos)
		eachLeaf(list, func(n int, o operand) {
			ways := []string{ReachedTrue, ReachedFalse}
			if source := unwrap(o.source); source == ReachedTrue || source == ReachedFalse { // it is never the other
				ways = []string{source}
			}
			p.point(fmt.Sprintf("if[%d]", n), PointOperand, o.source, p.find(o.source, r.cond.pos), ways...)
		})
	}
	if session := r.Session; session != nil {
		if r.has(func(s *Step) bool { return s.Ask != nil }) {
			p.point("session", PointExit, "the dialogue", session.Pos, ReachedTimedOut)
			if session.cancel != nil {
				p.point("session", PointExit, "the dialogue", session.Pos, ReachedCancelled)
			}
		}
		p.steps(session.OnTimeout)
		p.steps(session.OnCancel)
	}
	if r.Limit != nil {
		p.steps(r.Limit.Reply)
	}
	p.steps(r.Steps)
	return p.out
}

// pointer gathers points.
type pointer struct {
	set  *Set
	rule *Rule
	from int // where in its file the next operand is looked for
	out  []Point
}

func (p *pointer) point(key string, kind PointKind, text string, pos Pos, ways ...string) {
	for _, way := range ways {
		p.out = append(p.out, Point{
			Rule: p.rule.ID, Key: PointKey(key, way), Kind: kind, Text: shorten(strings.Join(strings.Fields(text), " "), maxPointText),
			Want: way, Pos: pos,
		})
	}
}

// PointKey is the key of the point at a place of a rule ("" for the rule itself, else the path of a step or "session") that
// is reached in a way.
func PointKey(place, way string) string { return place + "=" + way }

// ChoiceKey is how a branch of a choose is named in the key of its point; n counts from 1.
func ChoiceKey(n int) string { return "branch " + strconv.Itoa(n) }

func (p *pointer) steps(list []*Step) {
	for _, s := range list {
		if s.cond != nil {
			p.point(s.Path, PointStep, "if "+s.cond.source, s.cond.pos, ReachedTaken, ReachedSkipped)
		}
		if a := s.Ask; a != nil {
			p.point(s.Path, PointExit, "ask", s.Pos, ReachedAnswered)
			if a.accept != nil {
				p.point(s.Path, PointExit, "ask", s.Pos, ReachedNotAccepted)
			}
		}
		for i, b := range s.Branches {
			if s.Kind == StepChoose {
				text, pos := "else", b.Pos
				if b.cond != nil {
					text, pos = "if "+b.cond.source, b.cond.pos
				}
				p.point(s.Path, PointChoice, text, pos, ChoiceKey(i+1))
				p.out[len(p.out)-1].Want = ReachedTaken
			}
			p.steps(b.Steps)
		}
		if n := len(s.Branches); s.Kind == StepChoose && n > 0 && s.Branches[n-1].HasIf {
			p.point(s.Path, PointChoice, "choose", s.Pos, ReachedNone)
		}
		p.steps(s.Steps)
	}
}

// text is a file of the set.
func (p *pointer) text(name string) []byte {
	for _, src := range p.set.sources {
		if src.Name == name {
			return src.Text
		}
	}
	return nil
}

// offset is where a place is in its file, in bytes.
func (p *pointer) offset(pos Pos) int {
	text, at := p.text(pos.File), 0
	for line := 1; line < pos.Line; line++ {
		next := bytes.IndexByte(text[at:], '\n')
		if next < 0 {
			return at
		}
		at += next + 1
	}
	return at
}

// find looks for an operand behind the one before it, near the start of its expression: how the file breaks an expression
// into lines is not known any more. An operand that the file spells another way is said to be at the start.
func (p *pointer) find(source string, start Pos) Pos {
	text := p.text(start.File)
	if p.from > len(text) {
		return start
	}
	end := min(len(text), p.offset(start)+2*len(p.rule.cond.source)+1000)
	if p.from >= end {
		return start
	}
	at := bytes.Index(text[p.from:end], []byte(source))
	if at < 0 {
		return start
	}
	at += p.from
	p.from = at + len(source)
	line := text[bytes.LastIndexByte(text[:at], '\n')+1 : at]
	return Pos{File: start.File, Line: 1 + bytes.Count(text[:at], []byte("\n")), Col: 1 + len([]rune(string(line)))}
}

// eachLeaf calls f for every operand of && and || with none inside, as many as the parts of one evaluation can tell of.
func eachLeaf(list []operand, f func(n int, o operand)) {
	n, seen := 0, 0
	var walk func([]operand)
	walk = func(list []operand) {
		for _, o := range list {
			if seen++; seen > maxParts {
				return
			}
			if o.joined == "" {
				f(n, o)
				n++
				seen += len(o.inside)
				continue
			}
			walk(o.inside)
		}
	}
	walk(list)
}

// Reached returns the keys of the operands' points that the parts of one evaluation of the rule's if reach. One that failed
// was neither true nor false.
func (r *Rule) Reached(parts []Part) []string {
	if r.cond == nil || r.cond.operands == nil || len(parts) == 0 {
		return nil
	}
	number := make(map[*operand]int)
	leaves := 0
	var count func([]operand)
	count = func(list []operand) {
		for i := range list {
			if list[i].joined == "" {
				number[&list[i]] = leaves
				leaves++
				continue
			}
			count(list[i].inside)
		}
	}
	list := r.cond.operands()
	count(list)
	var out []string
	next := 0
	var walk func(list []operand, depth int)
	walk = func(list []operand, depth int) {
		for i := range list {
			o := &list[i]
			if next == len(parts) || parts[next].Depth != depth || parts[next].Source != shorten(o.source, maxPartSource) {
				return // the rest of the list did not matter any more
			}
			part := parts[next]
			next++
			if n, leaf := number[o]; leaf {
				key := fmt.Sprintf("if[%d]", n)
				switch {
				case part.Held:
					out = append(out, PointKey(key, ReachedTrue))
				case part.Value == "false":
					out = append(out, PointKey(key, ReachedFalse))
				}
			}
			walk(o.inside, depth+1)
		}
	}
	walk(list, 0)
	return out
}

// HitList is a word list whose entries a rule's match looks for.
type HitList struct {
	Name  string
	Words []string
}

// HitLists returns the lists that the any_of or all_of of a rule's match is made of. A match by regular expressions has none:
// its hits are texts, not entries.
func (s *Set) HitLists(r *Rule) []HitList {
	if r.match == nil || r.match.mode == MatchRegex {
		return nil
	}
	var out []HitList
	for _, name := range r.match.lists {
		if words, ok := s.lists[name]; ok && !slices.ContainsFunc(out, func(l HitList) bool { return l.Name == name }) {
			out = append(out, HitList{name, words})
		}
	}
	return out
}
