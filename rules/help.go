package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"gopkg.in/yaml.v3"
)

// language is what the bot's own texts are in.
type language string

// The languages.
const (
	languageZH language = "zh"
	languageEN language = "en"
)

var languageNames = []string{string(languageZH), string(languageEN)}

// say is a text in the language.
func (l language) say(zh, en string, args ...any) string {
	if l == languageEN {
		zh = en
	}
	if len(args) == 0 {
		return zh
	}
	return fmt.Sprintf(zh, args...)
}

// language is the bot's, Chinese unless it says otherwise.
func (s *Set) language() language {
	if s == nil || s.Bot.Language == "" {
		return languageZH
	}
	return language(s.Bot.Language)
}

// form is how the command is written: /remind <when> [text…] [--quiet].
func (cmd *Command) form() string {
	parts := []string{cmd.Name}
	for _, a := range cmd.Args {
		switch name := a.Name; {
		case a.Type == argFlag:
			parts = append(parts, "[--"+name+"]")
		default:
			if a.Type == argRest {
				name += "…"
			}
			if a.Required {
				parts = append(parts, "<"+name+">")
			} else {
				parts = append(parts, "["+name+"]")
			}
		}
	}
	return strings.Join(parts, " ")
}

// usage tells how the command is written, a line for each argument.
func (cmd *Command) usage(lang language) string {
	lines := []string{lang.say("用法：", "Usage: ") + cmd.form()}
	for i := range cmd.Args {
		a := &cmd.Args[i]
		line := "  " + a.Name
		if a.Type == argFlag {
			line = "  --" + a.Name
			if a.Doc != "" {
				line += lang.say("：", ": ") + a.Doc
			}
		} else {
			line += lang.say("：", ": ") + a.want(lang)
			if a.Doc != "" {
				line += lang.say("，", "; ") + a.Doc
			}
			if a.hasDefault {
				line += lang.say("（默认 %s）", " (%s unless given)", a.Default)
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// helped is a rule that help may name.
type helped struct {
	rule *Rule
	who  []*program // the operands of its if that say who may use it, and where
}

// helpable are the names that say who uses a command and where, and nothing of the message.
var notWho = []string{"msg", "match", "args", "event", "count"}

// helpFor compiles what help has to know of a command's rule.
func (c *ruleCompiler) helpFor(n *yaml.Node) {
	r := c.rule
	if r.match == nil || r.match.mode != MatchCommand || len(r.match.any.words) == 0 || r.Command != nil && r.Command.Hidden {
		return
	}
	h := helped{rule: r}
	if r.cond != nil {
		for _, source := range splitAt(unwrap(r.cond.source), "&&", "and") {
			if reads(source, notWho...) {
				continue
			}
			if p := c.place.compile(resolve(n), 0, source, true); p != nil {
				h.who = append(h.who, p)
			}
		}
	}
	c.set.helped = append(c.set.helped, h)
}

// maxHelp bounds the commands that one help names.
const maxHelp = 100

// helper is what help() is in an environment.
type helper = func(name string) string

// help turns help(name) into a call of what the scope knows.
func (c *nameCheck) help(n *ast.CallNode) {
	switch {
	case c.p.level != levelStep:
		c.errorf(n, "help() is for steps")
		return
	case len(n.Arguments) > 1:
		c.errorf(n, "help(name) takes a command's name, or nothing")
		return
	case len(n.Arguments) == 0:
		n.Arguments = []ast.Node{&ast.StringNode{}}
	}
	c.prog.use(helpFunction)
	callee := &ast.IdentifierNode{Value: helpFunction}
	callee.SetLocation(n.Callee.Location())
	n.Callee = callee
	if c.p.rule != nil {
		c.p.rule.helps = true
	}
}

// help lists the commands that the event's user may use in its conversation, or tells how one of them is used.
func (sc *Scope) help(set *Set) helper {
	return func(name string) string {
		lang := set.language()
		name = strings.TrimSpace(foldText(name, profileChat))
		t := trials.Get().(*trial)
		t.begin(set, &plan{}, sc.Event, sc.Facts)
		defer t.end()
		var lines []string
		more := 0
		for _, h := range set.helped {
			r := h.rule
			if r.Mode != ModeLive || !slices.Contains(r.Events, sc.Event.Type) || !t.allows(h) {
				continue
			}
			if name != "" {
				if slices.ContainsFunc(r.match.any.folded, func(w word) bool {
					return w.text == name || strings.TrimLeft(w.text, "/!") == name
				}) {
					return r.helpText(lang)
				}
				continue
			}
			if len(lines) == maxHelp {
				more++
				continue
			}
			lines = append(lines, r.helpLine(lang))
		}
		switch {
		case name != "":
			return lang.say("没有命令「%s」。", "There is no command \"%s\".", cut(name))
		case lines == nil:
			return lang.say("这里没有可用的命令。", "There are no commands here.")
		case more > 0:
			lines = append(lines, lang.say("……还有 %d 个", "… and %d more", more))
		}
		return lang.say("可用命令：", "Commands:") + "\n" + strings.Join(lines, "\n")
	}
}

// allows reports whether what a rule's if says of people and places holds.
func (t *trial) allows(h helped) bool {
	for _, p := range h.who {
		t.fill(h.rule)
		if out, err := run(p.code, &t.env); err != nil || out != true {
			return false
		}
	}
	return true
}

// helpLine is a command in one line.
func (r *Rule) helpLine(lang language) string {
	form, doc := r.match.any.words[0], r.Name
	if r.Command != nil {
		form = r.Command.form()
		if r.Command.Doc != "" {
			doc = r.Command.Doc
		}
	}
	if doc == "" {
		return form
	}
	return form + lang.say("　", "  ") + doc
}

// helpText is all there is to say of a command.
func (r *Rule) helpText(lang language) string {
	lines := []string{r.helpLine(lang)}
	if aliases := r.match.any.words[1:]; len(aliases) > 0 {
		lines = append(lines, lang.say("也可写作：%s", "Also: %s", strings.Join(aliases, lang.say("、", ", "))))
	}
	if r.Command != nil && len(r.Command.Args) > 0 {
		lines = append(lines, r.Command.usage(lang))
	}
	return strings.Join(lines, "\n")
}

// HelpRule is the id of the rule that bot.help makes.
const HelpRule = "bot.help"

var helpKeys = []string{"command", "aliases"}

// helpRule makes the rule of bot.help, as a file would have it.
func (l *loader) helpRule(set *Set) {
	if l.help == nil {
		return
	}
	r := &reader{l: l, d: l.botDoc}
	n := resolve(l.help)
	text := func(s string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s, Line: n.Line, Column: n.Column}
	}
	node := func(kind yaml.Kind, tag string, content ...*yaml.Node) *yaml.Node {
		return &yaml.Node{Kind: kind, Tag: tag, Content: content, Line: n.Line, Column: n.Column}
	}
	mapping := func(content ...*yaml.Node) *yaml.Node { return node(yaml.MappingNode, "!!map", content...) }
	list := func(content ...*yaml.Node) *yaml.Node { return node(yaml.SequenceNode, "!!seq", content...) }
	lang := set.language()
	command := []*yaml.Node{text("doc"), text(lang.say("列出可用的命令", "Lists the commands"))}
	if n.Kind == yaml.ScalarNode {
		command = append(command, text("name"), n)
	} else {
		entries, ok := r.mapping(n, "help")
		if !ok {
			return
		}
		named := false
		for _, e := range entries {
			switch e.name {
			case "command":
				named = true
				command = append(command, text("name"), e.value)
			case "aliases":
				command = append(command, text("aliases"), e.value)
			default:
				r.unknown(e, helpKeys)
			}
		}
		if !named {
			r.errorf(n, "help needs command: the word, for instance /help")
			return
		}
	}
	arg := lang.say("命令", "command")
	command = append(command, text("args"), list(mapping(text("name"), text(arg))))
	rule := mapping(
		text("id"), text(HelpRule), text("on"), text("message"), text("command"), mapping(command...),
		text("do"), list(mapping(text("reply"), text("${{ help(args."+arg+" ?? \"\") }}"))))
	l.rule(r, rule, set, nil)
	if len(set.Rules) > 0 {
		set.Rules[0].node = rule
	}
}
