package rules

import (
	"time"

	"github.com/expr-lang/expr/ast"
	"gopkg.in/yaml.v3"
)

// Count makes a mark under a key, and tells how many there are.
type Count struct {
	// Window is how far back marks count; 0 when Decay is set.
	Window time.Duration

	// Decay is the time in which what was counted so far comes to half; 0 when Window is set.
	Decay time.Duration

	key  *value
	set  *Set
	rule *Rule
}

// The bounds of Count.Window and Count.Decay.
const (
	MinCountWindow = time.Second
	MaxCountWindow = 366 * 24 * time.Hour
)

// Key evaluates what the mark is made under.
func (c *Count) Key(sc *Scope) (string, error) {
	var key string
	err := evalTo(c.key, sc.envOf(c.set, c.rule, given(map[string]*value{"key": c.key})), &key)
	return key, err
}

// CountWindow is the longest window that any step or expression of the set asks for: marks are kept so long. 0 when
// nothing is counted.
func (s *Set) CountWindow() time.Duration { return s.countWindow }

var countKeys = []string{"key", "window", "decay"}

func (c *ruleCompiler) countStep(s *Step, e entry) {
	r := c.r
	s.Count = &Count{set: c.set, rule: c.rule}
	entries, ok := r.mapping(e.value, "count")
	if !ok {
		return
	}
	given := make(map[string]*yaml.Node)
	for _, in := range entries {
		switch in.name {
		case "key":
			s.Count.key = c.place.value(in.value, "key", Field{Type: Type{Kind: KindString}, Required: true})
		case "window":
			s.Count.Window, _ = r.countTime(in.value, "window")
		case "decay":
			s.Count.Decay, _ = r.countTime(in.value, "decay")
		default:
			r.unknown(in, countKeys)
			continue
		}
		given[in.name] = in.value
	}
	if given["key"] == nil {
		r.errorf(e.key, "count needs key: what is counted, for instance ads/${{ user.id }}")
	}
	switch {
	case given["window"] == nil && given["decay"] == nil:
		r.errorf(e.key, "count needs window (how far back is counted, for instance 24h) or decay")
	case given["window"] != nil && given["decay"] != nil:
		r.errorf(given["decay"], "count has window or decay, not both")
	}
	c.set.countWindow = max(c.set.countWindow, s.Count.Window)
}

func (r *reader) countTime(n *yaml.Node, what string) (time.Duration, bool) {
	d, ok := r.duration(n, what)
	if ok && (d < MinCountWindow || d > MaxCountWindow) {
		r.errorf(resolve(n), "%s must be from %s to %s", what, spell(MinCountWindow), spell(MaxCountWindow))
		return 0, false
	}
	return d, ok
}

// count turns count(key, "24h") into a call of what the scope counts with. expr's own count, of the items of a list for
// which something holds, has a predicate in the place of the window.
func (c *nameCheck) count(at *ast.Node, n *ast.BuiltinNode) {
	if len(n.Arguments) != 2 {
		return
	}
	predicate, ok := n.Arguments[1].(*ast.PredicateNode)
	if !ok {
		return
	}
	if text, ok := n.Arguments[0].(*ast.StringNode); ok && !isText(predicate.Node) {
		c.errorf(n, "count(%q, …): the window is a plain text, for instance count(%q, \"24h\")", text.Value, text.Value)
		return
	}
	window, ok := predicate.Node.(*ast.StringNode)
	if !ok {
		return
	}
	if c.p.level != levelStep {
		c.errorf(n, "count(key, window) is for steps: here it would ask the journal at every message")
		return
	}
	d, err := parseDuration(window.Value)
	switch {
	case err != nil:
		c.errorf(window, "count: window: %v", err)
		return
	case d < MinCountWindow || d > MaxCountWindow:
		c.errorf(window, "count: window must be from %s to %s", spell(MinCountWindow), spell(MaxCountWindow))
		return
	}
	if c.p.set != nil {
		c.p.set.countWindow = max(c.p.set.countWindow, d)
	}
	c.prog.use(countFunction)
	callee := &ast.IdentifierNode{Value: countFunction}
	callee.SetLocation(n.Location())
	ast.Patch(at, &ast.CallNode{Callee: callee, Arguments: []ast.Node{n.Arguments[0], &ast.IntegerNode{Value: int(d)}}})
}

func isText(n ast.Node) bool {
	_, ok := n.(*ast.StringNode)
	return ok
}

// counter is what countFunction is in an environment: the window is in nanoseconds.
type counter = func(key string, window int) (int, error)

// counter counts with what the scope has.
func (sc *Scope) counter() counter {
	return func(key string, window int) (int, error) {
		if sc.Count == nil {
			return 0, errNoCount
		}
		return sc.Count(key, time.Duration(window))
	}
}
