package rules

import (
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// A requirement is what must hold of an event for a rule to fire: at least one of its facts. nil is no requirement, one
// without facts can never hold. Where none of the facts holds, trying the rule would find that it does not fire, and would not
// fail: so a rule need not be tried, and nobody sees the difference.
type requirement []fact

// factKind says what a fact is about.
type factKind uint8

const (
	factLiteral factKind = iota // the text, in a profile, holds a value
	factPrefix                  // the text without leading space begins with a short value
	factExact                   // the text, in a profile, is a value
	factCommand                 // the first word, or one after it when the bot is mentioned, is a value
	factFlag                    // a flag is set
	factUser                    // the following are members of expressions that equal a value
	factSender
	factChat
	factChatType
	factEvent
	factRole
	factUserName
	factChatName
	factGroupType
	factKinds
)

// fact is one thing that can be looked up.
type fact struct {
	kind    factKind
	fold    bool  // factLiteral: the case of ASCII letters does not count
	flag    uint8 // factFlag: which, see flags
	profile textProfile
	value   string
}

// members are the members of expressions that are looked up by their value; each is nil or a text.
var members = map[[2]string]factKind{
	{"user", "id"}: factUser, {"msg", "sender"}: factSender, {"chat", "id"}: factChat, {"chat", "type"}: factChatType,
	{"event", "type"}: factEvent, {"user", "role"}: factRole, {"user", "name"}: factUserName, {"chat", "name"}: factChatName,
	{"chat", "group_type"}: factGroupType,
}

// flags are the members that are true or false, in the order of their numbers.
var flags = [][2]string{
	{"msg", "mentions_bot"}, {"msg", "mentions_all"}, {"msg", "is_self"}, {"msg", "revoked"}, {"msg", "imported"},
	{"event", "caught_up"},
}

// chance guesses in how many events a fact holds. It only has to tell better from worse.
func (f *fact) chance() float64 {
	switch f.kind {
	case factLiteral, factPrefix:
		c := literalChance(f.value)
		if f.kind == factPrefix {
			c /= 4
		}
		return c
	case factExact, factCommand:
		return 1e-5
	case factUser, factSender, factUserName:
		return 1e-2
	case factFlag:
		return 5e-2
	case factChat, factChatName, factRole, factEvent:
		return 0.2
	case factGroupType:
		return 0.3
	}
	return 0.5
}

// By length.
var literalChances = [longLiteral + 1]float64{1, 0.2, 0.05, 1e-2, 1e-3, 1e-3, 1e-4}

func literalChance(s string) float64 {
	return literalChances[min(len(s), longLiteral)]
}

// chance guesses in how many events one of the facts holds.
func (q requirement) chance() float64 {
	if q == nil {
		return 1
	}
	sum := 0.0
	for i := range q {
		if sum += q[i].chance(); sum >= 0.9 {
			return 0.9
		}
	}
	return sum
}

// better is the requirement that fewer events fulfil.
func better(a, b requirement) requirement {
	if b.chance() < a.chance() {
		return b
	}
	return a
}

// requires says what must hold for the rule to fire: the most selective of what its match and its if require.
func (r *Rule) requires() requirement {
	if r.cond == nil && r.match == nil {
		return nil
	}
	var cond requirement
	if r.cond != nil {
		cond = r.cond.requires
	}
	if r.match == nil {
		return cond
	}
	return better(better(r.match.requiresAny(), r.match.requiresAll()), cond)
}

// requiresAny is what each word of any_of requires.
func (m *matcher) requiresAny() requirement {
	if m.faq != nil {
		return m.faq.requires()
	}
	if len(m.any.words) == 0 {
		return nil
	}
	all := make(requirement, 0, len(m.any.words))
	for i := range m.any.words {
		q := m.requiresWord(&m.any, i)
		if q == nil {
			return nil
		}
		all = append(all, q...)
	}
	return all
}

// requiresAll is the best word of all_of.
func (m *matcher) requiresAll() requirement {
	var best requirement
	for i := range m.all.words {
		best = better(best, m.requiresWord(&m.all, i))
	}
	return best
}

// requiresWord says what must hold for find, or command, to find a word.
func (m *matcher) requiresWord(p *phrases, i int) requirement {
	one := fact{kind: factLiteral, profile: m.profile}
	switch m.mode {
	case MatchContains, MatchWord:
		one.value = p.folded[i].text
	case MatchPrefix:
		if one.value = p.folded[i].text; len(one.value) < longLiteral {
			one.kind = factPrefix
		}
	case MatchExact:
		one.kind, one.value = factExact, p.folded[i].text
	case MatchCommand:
		// In another profile a command may be a part of what folding made of its last character.
		if one.value = p.folded[i].text; m.profile == rawText {
			one.kind, one.value = factCommand, p.words[i]
		} else if m.profile.strict() {
			return nil
		}
	case MatchFuzzy:
		return p.fuzzy.requires(i, m.profile)
	case MatchRegex:
		return regexpRequires(p.regexps[i].re.String(), m.profile)
	default:
		return nil
	}
	if one.value == "" {
		return nil
	}
	return requirement{one}
}

// exprRequires says what must hold for a checked expression to be true. A fact of the right side of && counts only if the
// left side cannot fail: it is evaluated first.
func exprRequires(n ast.Node) requirement {
	switch n := n.(type) {
	case *ast.BoolNode:
		if !n.Value {
			return requirement{}
		}
	case *ast.MemberNode:
		return flagRequires(n)
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and":
			left := exprRequires(n.Left)
			if !safeBool(n.Left) {
				return left
			}
			return better(left, exprRequires(n.Right))
		case "||", "or":
			left, right := exprRequires(n.Left), exprRequires(n.Right)
			if left == nil || right == nil {
				return nil
			}
			return slices.Concat(requirement{}, left, right)
		case "==":
			return better(equalRequires(n.Left, n.Right), equalRequires(n.Right, n.Left))
		case "in":
			if values, ok := constTexts(n.Right); ok {
				return memberRequires(n.Left, values)
			}
		case "contains", "startsWith", "endsWith", "matches":
			if value, ok := n.Right.(*ast.StringNode); ok && isMsgText(n.Left) {
				return textRequires(n.Operator, value.Value)
			}
		}
	case *ast.BuiltinNode: // any(LIST, msg.text contains #)
		values, pred, ok := anyOf(n)
		if !ok {
			return nil
		}
		b, ok := pred.(*ast.BinaryNode)
		if !ok || !isMsgText(b.Left) || !isPointer(b.Right) || b.Operator == "matches" {
			return nil
		}
		q := requirement{}
		for _, value := range values {
			one := textRequires(b.Operator, value)
			if one == nil {
				return nil
			}
			q = append(q, one...)
		}
		return q
	}
	return nil
}

func isMsgText(n ast.Node) bool {
	root, name, ok := member(n)
	return ok && root == "msg" && name == "text"
}

func isPointer(n ast.Node) bool {
	p, ok := n.(*ast.PointerNode)
	return ok && p.Name == ""
}

// textRequires is what an operator requires of msg.text, whose bytes it compares.
func textRequires(operator, value string) requirement {
	one := fact{kind: factLiteral, profile: rawText, value: value}
	switch operator {
	case "contains", "startsWith", "endsWith":
		if value != "" {
			return requirement{one}
		}
	case "==":
		one.kind = factExact
		return requirement{one}
	case "matches":
		return regexpRequires(value, rawText)
	}
	return nil
}

func equalRequires(n, value ast.Node) requirement {
	switch value := value.(type) {
	case *ast.StringNode:
		return memberRequires(n, []string{value.Value})
	case *ast.BoolNode:
		if m, ok := n.(*ast.MemberNode); ok && value.Value {
			return flagRequires(m)
		}
	}
	return nil
}

func memberRequires(n ast.Node, values []string) requirement {
	root, name, ok := member(n)
	if !ok {
		return nil
	}
	kind, known := members[[2]string{root, name}]
	if isMsgText(n) {
		kind, known = factExact, true
	}
	if !known {
		return nil
	}
	q := make(requirement, len(values))
	for i, v := range values {
		q[i] = fact{kind: kind, profile: rawText, value: v}
	}
	return q
}

func flagRequires(n *ast.MemberNode) requirement {
	root, name, _ := member(n)
	if i := slices.Index(flags, [2]string{root, name}); i >= 0 {
		return requirement{{kind: factFlag, flag: uint8(i)}}
	}
	return nil
}

// constTexts returns the texts of a list that is known at load.
func constTexts(n ast.Node) ([]string, bool) {
	switch n := n.(type) {
	case *ast.ConstantNode:
		switch v := n.Value.(type) {
		case map[string]struct{}:
			return keys(v), true
		case []string:
			return v, true
		}
	case *ast.ArrayNode:
		out := make([]string, len(n.Nodes))
		for i, item := range n.Nodes {
			s, ok := item.(*ast.StringNode)
			if !ok {
				return nil, false
			}
			out[i] = s.Value
		}
		return out, true
	}
	return nil, false
}

// anyOf takes any(LIST, PREDICATE) apart, for a list of texts that is known at load.
func anyOf(n *ast.BuiltinNode) (values []string, pred ast.Node, ok bool) {
	if n.Name != "any" || len(n.Arguments) != 2 {
		return nil, nil, false
	}
	p, isPred := n.Arguments[1].(*ast.PredicateNode)
	values, ok = constTexts(n.Arguments[0])
	if !ok || !isPred {
		return nil, nil, false
	}
	return values, p.Node, true
}

// viewMembers are the members of what is there for every event, with their types.
var viewMembers = func() map[[2]string]reflect.Type {
	out := make(map[[2]string]reflect.Type)
	for root, view := range map[string]any{
		"event": eventView{}, "msg": msgView{}, "user": userView{}, "chat": chatView{}, "bot": botView{}, "#": elemView{},
	} {
		t := reflect.TypeOf(view)
		for i := range t.NumField() {
			if name := t.Field(i).Tag.Get("expr"); name != "" {
				out[[2]string{root, name}] = t.Field(i).Type
			}
		}
	}
	return out
}()

// typeOf is the type of a member that can always be read, or nil.
func typeOf(n ast.Node) reflect.Type {
	if root, name, ok := member(n); ok {
		return viewMembers[[2]string{root, name}]
	}
	if m, ok := n.(*ast.MemberNode); ok && isPointer(m.Node) {
		if name, ok := m.Property.(*ast.StringNode); ok {
			return viewMembers[[2]string{"#", name.Value}]
		}
	}
	return nil
}

// safeBool reports whether an expression is true or false and evaluating it cannot fail.
func safeBool(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BoolNode:
		return true
	case *ast.MemberNode:
		t := typeOf(n)
		return t != nil && t.Kind() == reflect.Bool
	case *ast.UnaryNode:
		return (n.Operator == "!" || n.Operator == "not") && safeBool(n.Node)
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and", "||", "or":
			return safeBool(n.Left) && safeBool(n.Right)
		case "==", "!=":
			return safeValue(n.Left) && safeValue(n.Right)
		case "<", "<=", ">", ">=":
			return safeInt(n.Left) && safeInt(n.Right)
		case "in":
			_, ok := constTexts(n.Right)
			return ok && safeText(n.Left)
		case "contains", "startsWith", "endsWith":
			return safeText(n.Left) && safeText(n.Right)
		case "matches":
			_, ok := n.Right.(*ast.StringNode)
			return ok && safeText(n.Left)
		}
	case *ast.BuiltinNode:
		if !slices.Contains([]string{"any", "all", "none", "one"}, n.Name) || len(n.Arguments) != 2 {
			return false
		}
		root, name, _ := member(n.Arguments[0])
		pred, ok := n.Arguments[1].(*ast.PredicateNode)
		return ok && root == "msg" && name == "elems" && safeBool(pred.Node)
	}
	return false
}

// safeText reports whether an expression is a text or nil, and evaluating it cannot fail.
func safeText(n ast.Node) bool {
	if _, ok := n.(*ast.StringNode); ok {
		return true
	}
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "??" {
		return safeText(b.Left) && safeText(b.Right)
	}
	t := typeOf(n)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != nil && t.Kind() == reflect.String
}

func safeInt(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return true
	case *ast.BuiltinNode:
		if n.Name != "len" || len(n.Arguments) != 1 {
			return false
		}
		t := typeOf(n.Arguments[0])
		return t != nil && (t.Kind() == reflect.String || t.Kind() == reflect.Slice)
	}
	t := typeOf(n)
	return t != nil && t.Kind() == reflect.Int
}

// safeValue reports whether a value can be had without failing.
func safeValue(n ast.Node) bool {
	if _, ok := n.(*ast.NilNode); ok {
		return true
	}
	if safeText(n) || safeInt(n) || safeBool(n) {
		return true
	}
	m, ok := n.(*ast.MemberNode) // state.user.NAME
	if !ok {
		return false
	}
	_, plain := m.Property.(*ast.StringNode)
	root, name, ok := member(m.Node)
	return ok && plain && root == "state" && strings.Contains(" user chat bot ", " "+name+" ")
}
