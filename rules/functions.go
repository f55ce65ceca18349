package rules

import (
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"

	"github.com/timbot-go/timbot/bot/schedule"
)

// The names of functions that only the compiler itself calls; no identifier can be spelled so.
const (
	needFunction  = "need()"
	addFunction   = "add()"
	errorFunction = "error()"
	countFunction = "count()"
	helpFunction  = "help()"
)

// disabled are the functions of expr that the language does not have, and why.
var disabled = map[string]string{
	"now":      "", // ours stands in its place
	"timezone": "a function reads no files, and zones are files",
}

var errNoCount = errors.New("count: nothing is counted here")

var errTooLong = fmt.Errorf("a text would be longer than %d bytes", maxTextBytes)

// functions are those that the language adds, and bounded versions of expr's that could make very long texts. None of
// them does any I/O, and each takes time in proportion to its arguments and result.
var functions = map[string]*builtin.Function{
	"left": function("left", func(args ...any) (any, error) {
		text, n := args[0].(string), runtime.ToInt(args[1])
		return left(text, n), nil
	}, func(string, int) string { return "" }),

	"pick": function("pick", func(args ...any) (any, error) {
		return pick(args[0], args[1].(string), runtime.ToInt(args[2]))
	}, func([]string, string, int) string { return "" }, func([]any, string, int) any { return nil }),

	"redact": function("redact", func(args ...any) (any, error) {
		kinds, err := texts(args[1])
		if err != nil {
			return nil, fmt.Errorf("redact: %w", err)
		}
		return redact(args[0].(string), kinds)
	}, func(string, []string) string { return "" }, func(string, []any) string { return "" }),

	workdayFunction: function(workdayFunction, func(args ...any) (any, error) {
		return args[1].(*schedule.Calendar).Workday(schedule.DayOf(args[0].(time.Time))), nil
	}, func(time.Time, *schedule.Calendar) bool { return false }),

	"string": function("string", func(args ...any) (any, error) {
		return text(args[0])
	}, func(any) string { return "" }),

	"repeat": function("repeat", func(args ...any) (any, error) {
		s, n := args[0].(string), runtime.ToInt(args[1])
		if n < 0 || n > 0 && len(s) > maxTextBytes/n {
			return nil, errTooLong
		}
		return strings.Repeat(s, n), nil
	}, strings.Repeat),

	"replace": function("replace", func(args ...any) (any, error) {
		s, old, by := args[0].(string), args[1].(string), args[2].(string)
		n := -1
		if len(args) == 4 {
			n = runtime.ToInt(args[3])
		}
		count := strings.Count(s, old)
		if n >= 0 {
			count = min(count, n)
		}
		if len(by) > len(old) && len(s)+count*(len(by)-len(old)) > maxTextBytes {
			return nil, errTooLong
		}
		return strings.Replace(s, old, by, n), nil
	}, func(string, string, string) string { return "" }, strings.Replace),

	"join": function("join", func(args ...any) (any, error) {
		list, err := texts(args[0])
		if err != nil {
			return nil, fmt.Errorf("join: %w", err)
		}
		sep := ""
		if len(args) == 2 {
			sep = args[1].(string)
		}
		size := 0
		for _, s := range list {
			if size += len(s) + len(sep); size > maxTextBytes {
				return nil, errTooLong
			}
		}
		return strings.Join(list, sep), nil
	}, func([]string, string) string { return "" }, func([]any, string) string { return "" },
		func([]string) string { return "" }, func([]any) string { return "" }),

	"toJSON": function("toJSON", func(args ...any) (any, error) {
		return jsonText(args[0])
	}, func(any) string { return "" }),

	errorFunction: function(errorFunction, func(args ...any) (any, error) {
		err, _ := args[0].(*errorView)
		switch {
		case err == nil:
			return nil, nil
		case args[1] == "code":
			return err.Code, nil
		}
		return err.Text, nil
	}, func(*errorView, string) any { return nil }),

	needFunction: function(needFunction, func(args ...any) (any, error) {
		if runtime.IsNil(args[0]) {
			return nil, errNilFact{args[1].(string)}
		}
		return *args[0].(*string), nil
	}, func(*string, string) string { return "" }),

	addFunction: function(addFunction, func(args ...any) (any, error) {
		a, ok := args[0].(string)
		b, ok2 := args[1].(string)
		if !ok || !ok2 {
			return runtime.Add(args[0], args[1]), nil
		}
		if len(a)+len(b) > maxTextBytes {
			return nil, errTooLong
		}
		return a + b, nil
	}),
}

var functionNames = func() []string {
	names := []string{"now", "help"}
	for name := range functions {
		if !strings.HasSuffix(name, "()") {
			names = append(names, name)
		}
	}
	for _, f := range builtin.Builtins {
		if _, off := disabled[f.Name]; !off && !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}()

func function(name string, f func(args ...any) (any, error), signatures ...any) *builtin.Function {
	fn := &builtin.Function{Name: name, Func: f}
	for _, s := range signatures {
		fn.Types = append(fn.Types, reflect.TypeOf(s))
	}
	return fn
}

// left returns the first n characters of a text, never half of one.
func left(text string, n int) string {
	if n <= 0 {
		return ""
	}
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// pick returns an item of a list, always the same one for the same seed and salt.
func pick(list any, seed string, salt int) (any, error) {
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice {
		return nil, fmt.Errorf("pick: this is no list: %s", plain(fmt.Sprintf("%T", list)))
	}
	if v.Len() == 0 {
		return nil, errors.New("pick: the list is empty")
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d", seed, salt)
	sum := h.Sum64()
	sum ^= sum >> 32 // the low bits of FNV alone are poor for short seeds that differ in one digit
	return v.Index(int(sum % uint64(v.Len()))).Interface(), nil
}

// texts reads a list of texts.
func texts(list any) ([]string, error) {
	switch list := list.(type) {
	case []string:
		return list, nil
	case []any:
		out := make([]string, len(list))
		for i, v := range list {
			if p, ok := v.(*string); ok && p != nil {
				v = *p
			}
			s, ok := v.(string)
			if !ok {
				return nil, fmt.Errorf("item %d is %s, not a text", i, plain(fmt.Sprintf("%T", v)))
			}
			out[i] = s
		}
		return out, nil
	}
	return nil, fmt.Errorf("this is %s, not a list of texts", plain(fmt.Sprintf("%T", list)))
}

// redactions are what redact can mask.
var redactions = map[string]*regexp.Regexp{
	"phone":     regexp.MustCompile(`(^|[^0-9])((?:\+?86[- ]?)?1[3-9][0-9]{9})([^0-9]|$)`),
	"id_card":   regexp.MustCompile(`(^|[^0-9])([1-9][0-9]{16}[0-9Xx]|[1-9][0-9]{14})([^0-9Xx]|$)`),
	"bank_card": regexp.MustCompile(`(^|[^0-9])([3-6][0-9]{12,18})([^0-9]|$)`),
	"email":     regexp.MustCompile(`()([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)()`),
}

// Redact is the function redact of expressions: text with stars in the place of what the kinds name. Errors: a kind that
// there is not.
func Redact(text string, kinds []string) (string, error) { return redact(text, kinds) }

// redact replaces what the kinds name by stars, one for each character.
func redact(text string, kinds []string) (string, error) {
	for _, kind := range kinds {
		re, ok := redactions[kind]
		if !ok {
			return "", fmt.Errorf("redact does not know %q: it knows %s", kind, oneOf(keys(redactions)))
		}
		// The neighbours of a hit are part of the match, so a hit right after another needs a second look.
		for range 2 {
			text = re.ReplaceAllStringFunc(text, func(hit string) string {
				m := re.FindStringSubmatch(hit)
				return m[1] + strings.Repeat("*", len(m[2])) + m[3]
			})
		}
	}
	return text, nil
}
