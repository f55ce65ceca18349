package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"

	"github.com/timbot-go/timbot/sdkconn"
)

// Arg is an argument of a command.
type Arg struct {
	Name, Type, Doc string
	Required        bool
	Choices         []string // of the type choice
	Default         string   // in the form of Hit.Given

	hasDefault bool
}

// The types of arguments.
const (
	argText     = "text"
	argNumber   = "number"
	argInteger  = "integer"
	argDuration = "duration"
	argDate     = "date"
	argUser     = "user"
	argChoice   = "choice"
	argRest     = "rest" // all that is left
	argFlag     = "flag" // --NAME, anywhere before a rest
)

var argTypes = []string{argText, argNumber, argInteger, argDuration, argDate, argUser, argChoice, argRest, argFlag}

// givenRoot is the hidden name of the arguments in environments.
const givenRoot = "args()"

// read takes the arguments of a hit apart: Given has them, or Wrong says what is wrong.
func (cmd *Command) read(h *Hit, ev *Event, now time.Time) {
	h.Given = make(map[string]string, len(cmd.Args))
	lang := cmd.set.language()
	seen := &argSeen{now: now, mentions: newMentions(ev, h)}
	text := h.ArgText
	flags := slices.ContainsFunc(cmd.Args, func(a Arg) bool { return a.Type == argFlag })
	for i := range cmd.Args {
		a := &cmd.Args[i]
		if a.Type == argFlag {
			continue
		}
		if flags {
			if text, flags = cmd.takeFlags(text, h, lang); h.Wrong != "" {
				return
			}
		}
		arg, after, ok := nextArg(text)
		switch {
		case ok && a.Type == argRest:
			h.Given[a.Name], text = strings.TrimSpace(text), ""
		case ok:
			value, good := a.parse(arg, seen)
			if !good {
				h.Wrong = lang.say("%s 应为%s，而不是「%s」", "%s must be %s, not \"%s\"", a.Name, a.want(lang), cut(arg))
				return
			}
			h.Given[a.Name], text = value, after
		case a.hasDefault:
			h.Given[a.Name] = a.Default
		case a.Required:
			h.Wrong = lang.say("缺少 %s：%s", "%s is missing: %s", a.Name, a.want(lang))
			return
		}
	}
	if flags {
		if text, _ = cmd.takeFlags(text, h, lang); h.Wrong != "" {
			return
		}
	}
	if arg, _, ok := nextArg(text); ok {
		h.Wrong = lang.say("多余的内容：「%s」", "this is too much: \"%s\"", cut(arg))
	}
}

// takeFlags takes the flags that come next; more is false after --, behind which none is looked for.
func (cmd *Command) takeFlags(text string, h *Hit, lang language) (rest string, more bool) {
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		arg, after, ok := nextArg(text)
		name, isFlag := flagName(text[:len(text)-len(after)])
		if !ok || !isFlag {
			return text, true
		}
		if text = after; name == "" {
			return text, false
		}
		i := slices.IndexFunc(cmd.Args, func(a Arg) bool { return a.Type == argFlag && foldText(a.Name, profileChat) == name })
		if i < 0 {
			h.Wrong = lang.say("没有选项 %s", "there is no option %s", cut(arg))
			return text, true
		}
		h.Given[cmd.Args[i].Name] = "true"
	}
}

// flagName is the name of a flag. Input methods make one long dash of two hyphens.
func flagName(arg string) (name string, ok bool) {
	arg = strings.TrimSpace(foldText(arg, profileChat))
	for _, dashes := range []string{"--", "——", "—"} {
		if name, ok := strings.CutPrefix(arg, dashes); ok {
			return name, true
		}
	}
	return "", false
}

// argSeen is what arguments may mean besides their text.
type argSeen struct {
	now      time.Time
	mentions mentions
}

// chineseUnits spell durations as the language does.
var chineseUnits = strings.NewReplacer(
	"半个小时", "30m", "半小时", "30m", "个小时", "h", "小时", "h", "分钟", "m", "分", "m", "秒钟", "s", "秒", "s", "天", "d", "日", "d",
	"个星期", "w", "星期", "w", "周", "w", "毫秒", "ms",
)

// dateForms are the ways to write a day.
var dateForms = []string{"2006-1-2", "2006/1/2", "2006.1.2", "2006年1月2日", "20060102"}

var dayWords = map[string]int{"today": 0, "tomorrow": 1, "今天": 0, "明天": 1, "后天": 2}

// parse reads an argument into the form that Given keeps, which valueOf reads again. seen is nil where there is no message.
func (a *Arg) parse(arg string, seen *argSeen) (value string, ok bool) {
	folded := strings.TrimSpace(foldText(arg, profileChat))
	switch a.Type {
	case argNumber:
		x, err := strconv.ParseFloat(folded, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return "", false
		}
		return strconv.FormatFloat(x, 'g', -1, 64), true
	case argInteger:
		i, err := strconv.Atoi(folded)
		return strconv.Itoa(i), err == nil
	case argDuration:
		d, err := parseDuration(chineseUnits.Replace(folded))
		return d.String(), err == nil && d >= 0
	case argDate:
		if days, ok := dayWords[folded]; ok && seen != nil {
			return seen.now.AddDate(0, 0, days).Format(time.DateOnly), true
		}
		for _, form := range dateForms {
			if t, err := time.Parse(form, folded); err == nil {
				return t.Format(time.DateOnly), true
			}
		}
		return "", false
	case argUser:
		if seen == nil {
			return arg, arg != ""
		}
		return seen.mentions.user(arg)
	case argChoice:
		i := slices.IndexFunc(a.Choices, func(c string) bool { return foldText(c, profileChat) == folded })
		if i < 0 {
			return "", false
		}
		return a.Choices[i], true
	}
	return arg, arg != ""
}

// valueOf is an argument as expressions see it; nil when it was not given.
func (a *Arg) valueOf(given map[string]string, zone *time.Location) any {
	s, ok := given[a.Name]
	switch {
	case a.Type == argFlag:
		return ok
	case !ok && !a.maybe():
		s = a.Default // of wrong arguments
	case !ok:
		return nil
	}
	switch a.Type {
	case argNumber:
		x, _ := strconv.ParseFloat(s, 64)
		return x
	case argInteger:
		i, _ := strconv.Atoi(s)
		return i
	case argDuration:
		d, _ := time.ParseDuration(s)
		return d
	case argDate:
		t, _ := time.ParseInLocation(time.DateOnly, s, zone)
		return t
	}
	return s
}

// maybe reports whether the argument may be nil.
func (a *Arg) maybe() bool { return !a.Required && !a.hasDefault && a.Type != argFlag }

func (cmd *Command) values(h *Hit, zone *time.Location) map[string]any {
	out := make(map[string]any, len(cmd.Args))
	for i := range cmd.Args {
		out[cmd.Args[i].Name] = cmd.Args[i].valueOf(h.Given, zone)
	}
	return out
}

// argFunctions read an argument with its type: args.NAME becomes a call of one.
var argFunctions = map[string]*builtin.Function{
	"args.any()":      argFunction("args.any()", func(map[string]any, string) any { return nil }),
	"args.text()":     argFunction("args.text()", func(map[string]any, string) string { return "" }),
	"args.number()":   argFunction("args.number()", func(map[string]any, string) float64 { return 0 }),
	"args.integer()":  argFunction("args.integer()", func(map[string]any, string) int { return 0 }),
	"args.duration()": argFunction("args.duration()", func(map[string]any, string) time.Duration { return 0 }),
	"args.date()":     argFunction("args.date()", func(map[string]any, string) time.Time { return time.Time{} }),
	"args.flag()":     argFunction("args.flag()", func(map[string]any, string) bool { return false }),
}

func argFunction(name string, signature any) *builtin.Function {
	return function(name, func(args ...any) (any, error) {
		given, _ := args[0].(map[string]any)
		return given[args[1].(string)], nil
	}, signature)
}

// function is the name of the function that reads the argument.
func (a *Arg) function() string {
	switch {
	case a.maybe():
		return "args.any()"
	case a.Type == argUser || a.Type == argChoice || a.Type == argRest:
		return "args.text()"
	}
	return "args." + a.Type + "()"
}

// arg turns args.NAME into a call that knows its type.
func (c *nameCheck) arg(at *ast.Node, n *ast.MemberNode, name string) {
	cmd := c.p.command
	i := slices.IndexFunc(cmd.Args, func(a Arg) bool { return a.Name == name })
	if i < 0 {
		names := make([]string, len(cmd.Args))
		for i, a := range cmd.Args {
			names[i] = a.Name
		}
		if name == "" {
			c.errorf(n, "name one of them: args.NAME")
			return
		}
		c.errorf(n.Property, "the command has no argument %q%s", name, didYouMean(name, names))
		return
	}
	c.prog.use(givenRoot)
	ast.Patch(at, &ast.CallNode{
		Callee:    &ast.IdentifierNode{Value: cmd.Args[i].function()},
		Arguments: []ast.Node{&ast.IdentifierNode{Value: givenRoot}, &ast.StringNode{Value: name}},
	})
}

// nextArg takes the first argument off a text: what is between white space, or between a pair of quotation marks.
func nextArg(s string) (arg, rest string, ok bool) {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	if s == "" {
		return "", "", false
	}
	r, size := utf8.DecodeRuneInString(s)
	if closing, ok := quotes[r]; ok {
		if end := strings.IndexRune(s[size:], closing); end >= 0 {
			after := s[size+end+utf8.RuneLen(closing):]
			next, _ := utf8.DecodeRuneInString(after)
			if after == "" || unicode.IsSpace(next) {
				return s[size : size+end], after, true
			}
		}
	}
	end := strings.IndexFunc(s, unicode.IsSpace)
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:], true
}

// mentions are the people whom a message mentions, in its order.
type mentions struct {
	users []string // without the bot before the command, and without all
	names []string // the arguments that begin with @, without it
	met   bool     // there are as many of both: they belong together
}

func newMentions(ev *Event, h *Hit) (m mentions) {
	msg := ev.message()
	if msg == nil {
		return m
	}
	m.users = slices.DeleteFunc(slices.Clone(msg.GroupAtUsers), func(u string) bool { return u == sdkconn.MentionAll })
	if len(h.Spans) > 0 && strings.HasPrefix(strings.TrimSpace(ev.text()[:h.Spans[0].Start]), "@") {
		if i := slices.Index(m.users, ev.Self); i >= 0 { // the bot is called by name
			m.users = slices.Delete(m.users, i, i+1)
		}
	}
	for text := h.ArgText; ; {
		arg, rest, ok := nextArg(text)
		if !ok {
			break
		}
		if name, ok := cutAt(arg); ok {
			m.names = append(m.names, name)
		}
		text = rest
	}
	m.met = len(m.names) == len(m.users)
	return m
}

// cutAt takes the @ off a mention.
func cutAt(arg string) (string, bool) {
	for _, at := range []string{"@", "＠"} {
		if name, ok := strings.CutPrefix(arg, at); ok {
			return name, true
		}
	}
	return arg, false
}

// user is the id that an argument means: that of the mention, or what is written.
func (m mentions) user(arg string) (string, bool) {
	name, mentioned := cutAt(arg)
	switch {
	case name == "":
		return "", false
	case !mentioned || slices.Contains(m.users, name):
		return name, true
	case m.met:
		return m.users[slices.Index(m.names, name)], true
	case len(m.users) == 0: // written by hand, or in a conversation of two
		return name, true
	}
	return "", false
}

// want says what an argument must be.
func (a *Arg) want(lang language) string {
	switch a.Type {
	case argNumber:
		return lang.say("数字", "a number")
	case argInteger:
		return lang.say("整数", "a whole number")
	case argDuration:
		return lang.say("一段时间，如 5m 或 2小时", "a duration such as 5m")
	case argDate:
		return lang.say("日期，如 2026-10-01 或 明天", "a date such as 2026-10-01 or tomorrow")
	case argUser:
		return lang.say("一个用户（@对方 或写 ID）", "a user, mentioned or by id")
	case argChoice:
		return fmt.Sprintf(lang.say("%s之一", "one of %s"), strings.Join(a.Choices, lang.say("、", ", ")))
	}
	return lang.say("文字", "a text")
}
