package rules

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/optimizer"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
	"gopkg.in/yaml.v3"
)

// Bounds of one expression.
const (
	maxExprBytes   = 16 << 10
	maxExprNodes   = 1000
	maxExprMemory  = 100_000 // items of lists and maps made in one evaluation
	maxPredicates  = 2       // any(…, any(…)) inside one another
	maxTextBytes   = 1 << 20 // of a text that a function or + makes
	maxJoinedBytes = 1 << 20 // of a text with ${{ }} once joined
)

// node is a YAML node.
type node = yaml.Node

// place is where an expression stands: it decides which names there are and what they mean.
type place struct {
	r      *reader
	set    *Set  // that is being loaded; nil outside of rules
	rule   *Rule // nil outside of rules
	level  level
	events []eventDoc
	// what the names lists.*, vars.*, steps.*, secrets.* and those of for_each may be followed by or mean
	lists   map[string][]string
	vars    map[string]any
	inputs  map[string]*inputValue // of the blueprint around; nil: none is
	runVars map[string]bool        // vars that a set step of the rule assigns
	steps   map[string]Type        // outputs of the steps before this place
	later   map[string]bool        // ids of all steps of the rule
	locals  map[string]Type
	env     *nature.Nature // of steps, runVars and locals; nil when one of them has changed
	secrets bool           // secrets may be used here
	match   bool           // the rule has a match
	args    bool           // the rule's match is a command
	answer  bool           // an ask's accept
	command *Command       // the rule's, whose arguments args has
	usage   bool           // a command's usage
	faq     bool           // the rule has a faq
}

type level int

const (
	levelLoad  level = iota // evaluated when the file is loaded: lists and vars only
	levelRule               // a rule's if: everything but steps
	levelEvent              // what an event counts for: the same, seen by a run's scope
	levelStep
)

// ruleEnv is what a rule's `if` sees. A struct of pointers keeps an evaluation from allocating the environment.
type ruleEnv struct {
	Event *eventView `expr:"event"`
	Msg   *msgView   `expr:"msg"`
	User  *userView  `expr:"user"`
	Chat  *chatView  `expr:"chat"`
	Bot   *botView   `expr:"bot"`
	Match *matchView `expr:"match"`
	Args  []string   `expr:"args"`
	// Given is the arguments of a typed command.
	Given   map[string]any `expr:"args()"`
	State   *stateView     `expr:"state"`
	Trigger *triggerView   `expr:"trigger"`
	Now     time.Time      `expr:"now()"` // no identifier can be spelled so: only a call of now() reaches it
	Seed    string         `expr:"seed()"`
}

// roots are the names that an expression may begin with, with the types of those that are the same everywhere.
var roots = types.Map{
	"event": types.TypeOf(&eventView{}), "msg": types.TypeOf(&msgView{}), "user": types.TypeOf(&userView{}),
	"chat": types.TypeOf(&chatView{}), "bot": types.TypeOf(&botView{}), "match": types.TypeOf(&matchView{}),
	"args": types.TypeOf([]string{}), "state": types.TypeOf(&stateView{}), "now()": types.TypeOf(time.Time{}),
	"seed()": types.String, countFunction: types.TypeOf(counter(nil)), "events": types.TypeOf([]itemView{}), "answer": types.TypeOf(&answerView{}),
	givenRoot: types.TypeOf(map[string]any{}), helpFunction: types.TypeOf(helper(nil)), "command": types.TypeOf(&commandView{}), "faq": types.TypeOf(&faqView{}),
	"trigger": types.TypeOf(&triggerView{}),
}

// rootNames is what a person may write, for suggestions and collisions.
var rootNames = []string{
	"event", "msg", "user", "chat", "bot", "match", "args", "state", "lists", "vars", "inputs", "steps", "secrets", "events", "answer", "command", "faq",
	"trigger",
}

// Needs says which facts that an event does not carry itself are read.
type Needs struct{ State, Role, UserName, ChatName, GroupType bool }

func (n Needs) or(m Needs) Needs {
	return Needs{n.State || m.State, n.Role || m.Role, n.UserName || m.UserName, n.ChatName || m.ChatName,
		n.GroupType || m.GroupType}
}

// program is a compiled expression.
type program struct {
	code   *vm.Program
	source string
	pos    Pos
	out    nature.Nature
	needs  Needs
	uses   []string        // root names
	steps  []string        // ids after steps.
	locals map[string]Type // names of for_each
	elems  bool            // reads msg.elems, or hands a message on whole

	requires requirement // of a rule's if, until the index has it

	// strict is the same expression made to fail when a fact is nil, compiled when first wanted; nil when it reads
	// none or need not.
	strict func() *vm.Program
	// operands are the parts of the expression for Explain.
	operands func() []operand
}

func (p *program) use(name string) {
	if !slices.Contains(p.uses, name) {
		p.uses = append(p.uses, name)
	}
}

// errNilFact is what a strict program fails with.
type errNilFact struct{ fact string }

func (e errNilFact) Error() string { return e.fact + " cannot be had" }

// evalError is an expression that failed at run time.
type evalError struct {
	pos    Pos
	source string
	err    error
}

func (e *evalError) Error() string { return fmt.Sprintf("%s: ${{ %s }}: %s", e.pos, e.source, e.err) }
func (e *evalError) Unwrap() error { return e.err }

var machines = sync.Pool{New: func() any { return &vm.VM{MemoryBudget: maxExprMemory} }}

// run evaluates code in env.
func run(code *vm.Program, env any) (any, error) {
	m := machines.Get().(*vm.VM)
	out, err := m.Run(code, env)
	machines.Put(m)
	if err != nil {
		var fact errNilFact
		if errors.As(err, &fact) {
			return nil, fact
		}
		var fe *file.Error
		if errors.As(err, &fe) {
			err = errors.New(plain(fe.Message))
		}
	}
	return out, err
}

func (p *program) run(env any) (any, error) {
	out, err := run(p.code, env)
	if err != nil {
		return nil, &evalError{p.pos, p.source, err}
	}
	return out, nil
}

// compiling holds what the compilations of one load share.
type compiling struct {
	rule *conf.Config // environment ruleEnv
	load *conf.Config // no environment
	step *conf.Config // environment without steps, assigned vars and names of for_each
	sets map[string]map[string]struct{}
}

func newCompiling() *compiling {
	c := &compiling{
		rule: newConfig(ruleEnv{}), load: newConfig(struct{}{}), step: newConfig(struct{}{}),
		sets: make(map[string]map[string]struct{}),
	}
	c.step.Env = (&place{}).stepEnv().Nature()
	return c
}

func newConfig(env any) *conf.Config {
	c := conf.CreateNew()
	c.MaxNodes = maxExprNodes
	for name, f := range functions {
		c.Functions[name] = f
	}
	for name, f := range argFunctions {
		c.Functions[name] = f
	}
	for name := range disabled {
		c.Disabled[name] = true
		delete(c.Builtins, name)
	}
	c.WithEnv(env)
	return c
}

// config returns the configuration for a place.
func (c *compiling) config(p *place) *conf.Config {
	switch p.level {
	case levelLoad:
		cfg := *c.load
		if p.secrets {
			cfg.Env = types.Map{"secrets": types.Map{types.Extra: types.String}}.Nature()
		}
		return &cfg
	case levelRule:
		cfg := *c.rule
		return &cfg
	}
	cfg := *c.step
	if len(p.steps)+len(p.runVars)+len(p.locals) > 0 || p.answer || p.usage {
		if p.env == nil {
			n := p.stepEnv().Nature()
			p.env = &n
		}
		cfg.Env = *p.env
	}
	return &cfg
}

// stepEnv is what the names mean inside a rule's steps.
func (p *place) stepEnv() types.Map {
	env := types.Map{}
	for name, t := range roots {
		if (name != "answer" || p.answer) && (name != "command" || p.usage) {
			env[name] = t
		}
	}
	steps := types.Map{}
	for id, out := range p.steps {
		steps[id] = types.Map{
			"ok": types.Bool, "out": natureOf(out), "error": types.TypeOf(&errorView{}), "text": types.String,
			"value": types.Any,
		}
	}
	env["steps"] = steps
	vars := types.Map{}
	for name := range p.runVars {
		vars[name] = types.Any
	}
	env["vars"] = vars
	env["secrets"] = types.Map{types.Extra: types.String}
	for name, t := range p.locals {
		env[name] = natureOf(t)
	}
	return env
}

// natureOf is the type in expressions of a value that View made.
func natureOf(t Type) types.Type {
	switch t.Kind {
	case KindNone:
		return types.Any
	case KindString:
		return types.String
	case KindInt:
		return types.Int
	case KindFloat:
		return types.Float64
	case KindBool:
		return types.Bool
	case KindDuration:
		return types.TypeOf(time.Duration(0))
	case KindMessage:
		return types.TypeOf(&msgView{})
	case KindLocator:
		return types.Map{"time": types.Int, "seq": types.Int, "rand": types.Int, "is_self": types.Bool}
	case KindList:
		return types.Array(natureOf(t.elem()))
	case KindObject:
		m := types.Map{}
		for _, f := range t.Fields {
			m[f.Name] = natureOf(f.Type)
		}
		return m
	case KindMap:
		return types.Map{types.Extra: natureOf(t.elem())}
	}
	return types.Any
}

// compile compiles an expression that stands at a byte offset of the scalar n. It reports every mistake itself and
// then answers nil.
func (p *place) compile(n *node, offset int, source string, wantBool bool) (out *program) {
	report := func(at int, format string, args ...any) {
		p.r.errorIn(n, offset+at, format, args...)
	}
	defer func() {
		if r := recover(); r != nil { // expr's own fault: it must not take the bot down
			report(0, "expression cannot be compiled: %v", r)
			out = nil
		}
	}()
	trimmed := strings.TrimSpace(source)
	lead := strings.Index(source, trimmed)
	offset += lead
	if trimmed == "" {
		report(0, "expression is empty")
		return nil
	}
	if len(trimmed) > maxExprBytes {
		report(0, "expression is longer than %d bytes", maxExprBytes)
		return nil
	}
	cfg := p.r.l.compiling.config(p)
	if wantBool {
		cfg.Expect, cfg.ExpectAny = reflect.Bool, true
	}
	tree, err := parser.ParseWithConfig(trimmed, cfg)
	if err != nil {
		at, msg := exprError(trimmed, err)
		report(at, "%s%s", msg, p.cutHint(n))
		return nil
	}
	prog := &program{source: trimmed}
	line, col := p.r.place(n, offset)
	prog.pos = Pos{p.r.d.name, line, col}
	names := &nameCheck{p: p, prog: prog, report: func(node ast.Node, format string, args ...any) {
		report(byteOffset(trimmed, node.Location().From), format, args...)
	}}
	names.check(&tree.Node)
	if names.failed {
		return nil
	}
	var check checker.Checker
	if _, err := check.Check(tree, cfg); err != nil {
		at, msg := exprError(trimmed, err)
		report(at, "%s", p.improve(msg, tree.Node, wantBool))
		return nil
	}
	prog.out = *tree.Node.Nature()
	if wantBool && !prog.out.IsUnknown(&cfg.NtCache) && prog.out.Kind != reflect.Bool {
		report(0, "this must be true or false, but it is %s", plain(prog.out.String()))
		return nil
	}
	names.bound(&tree.Node)
	if names.failed {
		return nil
	}
	names.others(&tree.Node)
	if err := optimize(tree, cfg); err != nil {
		at, msg := exprError(trimmed, err)
		report(at, "%s", msg)
		return nil
	}
	if wantBool && p.level == levelRule {
		prog.requires = exprRequires(tree.Node)
	}
	if prog.code, err = compiler.Compile(tree, cfg); err != nil {
		at, msg := exprError(trimmed, err)
		report(at, "%s", firstLine(msg))
		return nil
	}
	// The program keeps the root of its tree, which nothing reads any more; the rest of the tree is most of its memory.
	reflect.ValueOf(tree.Node).Elem().SetZero()
	// What compiles again later keeps the place as it is now, and nothing of the load but the file's text.
	at := place{r: &reader{d: p.r.d}, rule: p.rule, level: p.level, events: p.events, lists: p.lists, vars: p.vars, inputs: p.inputs,
		match: p.match, args: p.args, command: p.command}
	if p.level == levelRule && p.rule != nil && p.rule.Stage == StageGuard && names.nilable {
		prog.strict = sync.OnceValue(func() *vm.Program { return at.again(trimmed, true, true) })
	}
	if p.level == levelRule {
		prog.operands = sync.OnceValue(func() []operand { return at.operands(trimmed) })
	}
	return prog
}

// again compiles a part of an expression that compiled before, or the same one so that reading a nil fact fails (strict).
// It is used after the load, when a fact is missing or somebody asks why, and answers nil when it cannot.
func (p *place) again(source string, wantBool, strict bool) (code *vm.Program) {
	defer func() {
		if recover() != nil {
			code = nil
		}
	}()
	cfg := newConfig(ruleEnv{})
	if wantBool {
		cfg.Expect, cfg.ExpectAny = reflect.Bool, true
	}
	tree, err := parser.ParseWithConfig(source, cfg)
	if err != nil {
		return nil
	}
	quiet := *p
	quiet.r = &reader{l: &loader{compiling: &compiling{sets: make(map[string]map[string]struct{})}}, d: p.r.d}
	names := &nameCheck{p: &quiet, prog: &program{}, report: func(ast.Node, string, ...any) {}}
	names.check(&tree.Node)
	if strict {
		names.require(&tree.Node)
	}
	var check checker.Checker
	if _, err := check.Check(tree, cfg); err != nil || names.failed {
		return nil
	}
	names.bound(&tree.Node)
	if err := optimize(tree, cfg); err != nil {
		return nil
	}
	if code, err = compiler.Compile(tree, cfg); err != nil {
		return nil
	}
	return code
}

// optimize is expr's optimizer without its fault of forgetting what fields filter(…)[0] has once it has become a find.
func optimize(tree *parser.Tree, cfg *conf.Config) error {
	err := optimizer.Optimize(&tree.Node, cfg)
	visit(&tree.Node, func(n *ast.Node) {
		if b, ok := (*n).(*ast.BuiltinNode); ok && (b.Name == "find" || b.Name == "findLast") && b.Type() != nil {
			b.SetNature(cfg.NtCache.FromType(b.Type()))
		}
	})
	return err
}

// exprError takes expr's error apart: the byte offset in the source and the message without its snippet.
func exprError(source string, err error) (int, string) {
	var fe *file.Error
	if errors.As(err, &fe) {
		return byteOffset(source, fe.From), plain(fe.Message)
	}
	return 0, plain(err.Error())
}

// byteOffset turns expr's offset in characters into one in bytes.
func byteOffset(source string, runes int) int {
	for i := range source {
		if runes == 0 {
			return i
		}
		runes--
	}
	return len(source)
}

// cutHint explains a plain scalar that YAML cut at ` #`.
func (p *place) cutHint(n *node) string {
	if n.Style != 0 || p.r == nil {
		return ""
	}
	line := p.r.d.line(n.Line)
	at := strings.LastIndex(line, lastLine(n.Value))
	if at < 0 {
		return ""
	}
	rest := strings.TrimLeft(line[at+len(lastLine(n.Value)):], " \t")
	if !strings.HasPrefix(rest, "#") {
		return ""
	}
	return "; YAML takes what follows ` #` for a comment: quote the value or use a block scalar (|)"
}

func lastLine(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

var plainNames = strings.NewReplacer(
	"*rules.msgView", "message", "rules.msgView", "message", "*rules.userView", "user", "rules.userView", "user",
	"*rules.chatView", "chat", "rules.chatView", "chat", "*rules.eventView", "event", "rules.eventView", "event",
	"*rules.botView", "bot", "rules.botView", "bot", "*rules.matchView", "match", "rules.matchView", "match",
	"*rules.stateView", "state", "rules.stateView", "state", "rules.elemView", "element", "rules.spanView", "span",
	"*rules.errorView", "error", "rules.errorView", "error", "rules.changeView", "change",
	"[]rules.itemView", "list", "rules.itemView", "item", "*rules.answerView", "answer", "rules.answerView", "answer",
	"*rules.commandView", "command", "rules.commandView", "command",
	"*rules.faqView", "faq", "rules.faqView", "faq",
	"*rules.triggerView", "trigger", "rules.triggerView", "trigger", "map[string]string", "mapping",
	"map[string]struct {}", "list", "map[string]interface {}", "mapping", "[]interface {}", "list", "interface {}", "any",
	"[]string", "list", "*string", "text", "time.Duration", "duration", "time.Time", "time", "<nil>", "nil",
)

// plain puts expr's messages into the language's words.
func plain(msg string) string { return strings.TrimSpace(plainNames.Replace(firstLine(msg))) }

// fieldsOf lists the members of what plain calls a type.
var fieldsOf = map[string][]string{
	"message": viewFields(msgView{}), "user": viewFields(userView{}), "chat": viewFields(chatView{}),
	"event": viewFields(eventView{}), "bot": viewFields(botView{}), "match": viewFields(matchView{}),
	"state": viewFields(stateView{}), "element": viewFields(elemView{}), "span": viewFields(spanView{}),
	"error": viewFields(errorView{}), "change": viewFields(changeView{}), "item": viewFields(itemView{}),
	"answer": viewFields(answerView{}), "command": viewFields(commandView{}),
	"faq": viewFields(faqView{}),
}

func viewFields(view any) []string {
	var names []string
	t := reflect.TypeOf(view)
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("expr"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// improve adds the nearest valid name to the checker's messages.
func (p *place) improve(msg string, root ast.Node, wantBool bool) string {
	var a, b string
	switch {
	case scan(msg, "unknown name %s", &a):
		candidates := slices.Concat(rootNames, functionNames)
		for name := range p.locals {
			candidates = append(candidates, name)
		}
		return fmt.Sprintf("unknown name %q%s", a, didYouMean(a, candidates))
	case scan(msg, "unknown field %s", &a):
		return fmt.Sprintf("there is no %q%s", a, didYouMean(a, mapFields(root, a)))
	case scan(msg, "type %s has no field %s", &a, &b), scan(msg, "type %s has no method %s", &a, &b):
		return fmt.Sprintf("%s has no %q%s", a, b, didYouMean(b, fieldsOf[a]))
	case scan(msg, "expected bool, but got %s", &a) && wantBool:
		return "this must be true or false, but it is " + a
	case strings.HasPrefix(msg, "type string[") || strings.HasPrefix(msg, "type text["):
		return "a text cannot be indexed, which would cut characters in half: use left(text, n)"
	}
	return msg
}

// scan is a Sscanf that must match whole.
func scan(msg, format string, args ...any) bool {
	n, err := fmt.Sscanf(msg, format, args...)
	return err == nil && n == len(args)
}

// mapFields finds the mapping that lacks the member name and lists those that it has.
func mapFields(root ast.Node, name string) []string {
	var found []string
	visit(&root, func(n *ast.Node) {
		m, ok := (*n).(*ast.MemberNode)
		if !ok {
			return
		}
		prop, ok := m.Property.(*ast.StringNode)
		base := m.Node.Nature()
		if !ok || prop.Value != name || base.TypeData == nil {
			return
		}
		for field := range base.Fields {
			found = append(found, field)
		}
	})
	return found
}

// visitor is an ast.Visitor made of a func.
type visitor func(*ast.Node)

func (v visitor) Visit(n *ast.Node) { v(n) }

func visit(n *ast.Node, f func(*ast.Node)) { ast.Walk(n, visitor(f)) }
