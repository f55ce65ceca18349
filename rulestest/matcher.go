package rulestest

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/xhit/go-str2duration/v2"
	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/rules"
)

// matcher says what a value must be.
type matcher struct {
	kind   string // equals, contains, not_contains, regex, one_of, not, expr, all (of parts), list, fields
	want   any
	re     *regexp.Regexp
	prog   *vm.Program
	parts  []*matcher
	fields map[string]*matcher
}

// matcherKeys are the keys of a mapping that asks for more than equality.
var matcherKeys = []string{"contains", "not_contains", "regex", "one_of", "not", "expr"}

// matcher reads what a value must be.
func (r *reader) matcher(n *yaml.Node) *matcher {
	n = resolve(n)
	switch n.Kind {
	case yaml.SequenceNode:
		m := &matcher{kind: "list"}
		for _, item := range r.sequence(n, "a list") {
			m.parts = append(m.parts, r.matcher(item))
		}
		return m
	case yaml.MappingNode:
		entries := r.mapping(n, "a matcher")
		asks := slices.ContainsFunc(entries, func(e entry) bool { return slices.Contains(matcherKeys, e.name) })
		if !asks {
			m := &matcher{kind: "fields", fields: make(map[string]*matcher)}
			for _, e := range entries {
				m.fields[e.name] = r.matcher(e.value)
			}
			return m
		}
		all := &matcher{kind: "all"}
		for _, e := range entries {
			if m := r.ask(e); m != nil {
				all.parts = append(all.parts, m)
			}
		}
		if len(all.parts) == 1 {
			return all.parts[0]
		}
		return all
	}
	return &matcher{kind: "equals", want: r.value(n, "a value")}
}

// ask reads one key of a matcher.
func (r *reader) ask(e entry) *matcher {
	m := &matcher{kind: e.name}
	switch e.name {
	case "contains", "not_contains":
		m.want = r.value(e.value, e.name)
		if s, ok := m.want.(string); ok && s == "" {
			r.errorf(e.value, "%s is empty: every text has that", e.name)
		}
	case "regex":
		var err error
		if m.re, err = regexp.Compile(r.text(e.value, "regex")); err != nil {
			r.errorf(e.value, "regex: %s", err)
		}
	case "one_of":
		for _, item := range r.sequence(e.value, "one_of") {
			m.parts = append(m.parts, r.matcher(item))
		}
	case "not":
		m.parts = []*matcher{r.matcher(e.value)}
	case "expr":
		source := r.text(e.value, "expr")
		m.want = source
		var err error
		if m.prog, err = expr.Compile(source, expr.Env(map[string]any{}), expr.AllowUndefinedVariables(), expr.AsBool()); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			r.errorf(e.value, "expr: %s", first)
		} else if !strings.Contains(source, "value") {
			r.errorf(e.value, "expr does not look at value: it says the same of every value")
		}
	default:
		r.errorf(e.key, "unknown matcher %q%s; there are %s", e.name, nearest(e.name, matcherKeys), strings.Join(matcherKeys, ", "))
		return nil
	}
	return m
}

// String says what is wanted, for people.
func (m *matcher) String() string {
	switch m.kind {
	case "equals":
		return show(m.want)
	case "contains", "not_contains":
		return strings.ReplaceAll(m.kind, "_", " ") + " " + show(m.want)
	case "regex":
		return "matches /" + m.re.String() + "/"
	case "expr":
		return fmt.Sprintf("such that %s", m.want)
	case "not":
		return "not " + m.parts[0].String()
	case "fields":
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(m.fields)) {
			parts = append(parts, name+": "+m.fields[name].String())
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	parts := make([]string, len(m.parts))
	for i, p := range m.parts {
		parts[i] = p.String()
	}
	switch m.kind {
	case "one_of":
		return "one of " + strings.Join(parts, ", ")
	case "list":
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return strings.Join(parts, " and ")
}

// fits reports whether a value is what is wanted. names are the messages that steps have named.
func (m *matcher) fits(v any, names func(string) (string, bool)) bool {
	switch m.kind {
	case "equals":
		return equal(m.want, v, names)
	case "contains":
		return contains(v, m.want, names)
	case "not_contains":
		return !contains(v, m.want, names)
	case "regex":
		s, ok := v.(string)
		return ok && m.re.MatchString(s)
	case "not":
		return !m.parts[0].fits(v, names)
	case "one_of":
		return slices.ContainsFunc(m.parts, func(p *matcher) bool { return p.fits(v, names) })
	case "expr":
		out, err := expr.Run(m.prog, map[string]any{"value": plainValue(v)})
		ok, _ := out.(bool)
		return err == nil && ok
	case "list":
		list, ok := listOf(v)
		if !ok || len(list) != len(m.parts) {
			return false
		}
		for i, p := range m.parts {
			if !p.fits(list[i], names) {
				return false
			}
		}
		return true
	case "fields":
		fields, ok := v.(map[string]any)
		if !ok {
			return false
		}
		for name, p := range m.fields {
			if !p.fits(fields[name], names) {
				return false
			}
		}
		return true
	}
	return !slices.ContainsFunc(m.parts, func(p *matcher) bool { return !p.fits(v, names) })
}

func listOf(v any) ([]any, bool) {
	rv := reflect.ValueOf(v)
	if v == nil || rv.Kind() != reflect.Slice {
		return nil, false
	}
	out := make([]any, rv.Len())
	for i := range out {
		out[i] = rv.Index(i).Interface()
	}
	return out, true
}

// equal compares what a file says with what there is: numbers by value, durations and times as they are written, messages by
// their names.
func equal(want, got any, names func(string) (string, bool)) bool {
	switch got := got.(type) {
	case message:
		name, ok := want.(string)
		if !ok {
			return false
		}
		id, known := names(name)
		return known && id == got.id || name == got.id
	case time.Duration:
		s, ok := want.(string)
		if !ok {
			return false
		}
		d, err := str2duration.ParseDuration(s)
		return err == nil && d == got
	case time.Time:
		s, ok := want.(string)
		if !ok {
			return false
		}
		for _, layout := range timeLayouts {
			if t, err := time.ParseInLocation(layout, s, got.Location()); err == nil {
				return t.Equal(got)
			}
		}
		return false
	case nil:
		return want == nil
	}
	if a, ok := number(want); ok {
		b, ok := number(got)
		return ok && a == b
	}
	if wants, ok := want.([]any); ok {
		list, ok := listOf(got)
		if !ok || len(list) != len(wants) {
			return false
		}
		for i := range wants {
			if !equal(wants[i], list[i], names) {
				return false
			}
		}
		return true
	}
	if wants, ok := want.(map[string]any); ok {
		fields, ok := got.(map[string]any)
		if !ok || len(fields) != len(wants) {
			return false
		}
		for k := range wants {
			if !equal(wants[k], fields[k], names) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, got)
}

func number(v any) (float64, bool) {
	rv := reflect.ValueOf(v)
	switch {
	case v == nil:
		return 0, false
	case rv.Type() == reflect.TypeFor[time.Duration]():
		return 0, false
	case rv.CanInt():
		return float64(rv.Int()), true
	case rv.CanUint():
		return float64(rv.Uint()), true
	case rv.CanFloat():
		return rv.Float(), true
	}
	return 0, false
}

// contains reports whether a text has another in it, or a list an entry.
func contains(v, want any, names func(string) (string, bool)) bool {
	if s, ok := v.(string); ok {
		if text, ok := want.(string); ok {
			return strings.Contains(s, text)
		}
		return strings.Contains(s, fmt.Sprint(want))
	}
	list, ok := listOf(v)
	return ok && slices.ContainsFunc(list, func(item any) bool { return equal(want, item, names) })
}

// maxShown bounds how much of a value a failure shows, in characters.
const maxShown = 200

// show is a value for people.
func show(v any) string {
	var s string
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		s = strconv.Quote(v)
	case message:
		s = "message " + v.id
	case time.Time:
		s = v.Format(time.RFC3339)
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+": "+show(v[name]))
		}
		s = "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = show(x)
		}
		s = "[" + strings.Join(parts, ", ") + "]"
	default:
		s = fmt.Sprint(v)
	}
	if runes := []rune(s); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return s
}

// wanted is one entry of expect.
type wanted struct {
	pos    rules.Pos
	action string
	fields map[string]*matcher
	order  []string
}

// expect reads a list of expectations, of what others notice or of what they do not.
func (s *Suite) expect(n *yaml.Node, noticed bool) []*wanted {
	r := s.reader
	var out []*wanted
	for _, item := range r.sequence(n, "expect") {
		w := &wanted{pos: r.pos(item)}
		switch item.Kind {
		case yaml.ScalarNode:
			w.action = r.text(item, "an expectation")
			s.expectable(item, w.action, noticed)
		case yaml.MappingNode:
			entries := r.mapping(item, "an expectation")
			if len(entries) != 1 {
				r.errorf(item, "an expectation is one action, with what is known of it: {reply: {text: 你好}}")
				continue
			}
			w.action = entries[0].name
			if !s.expectable(entries[0].key, w.action, noticed) {
				continue
			}
			s.wantedFields(entries[0].value, w)
		default:
			r.errorf(item, "an expectation is the name of an action, or a mapping with it, not %s", kindOf(item))
			continue
		}
		out = append(out, w)
	}
	return out
}

// expectable reports whether there can be an act of that name.
func (s *Suite) expectable(n *yaml.Node, name string, noticed bool) bool {
	if name == Notice && noticed {
		return true
	}
	a, ok := s.registry.Lookup(name)
	switch {
	case !ok:
		s.reader.errorf(n, "there is no action %q%s", name, nearest(name, append(s.registry.Names(), Notice)))
	case noticed && !a.Spec().ActsOnChat:
		s.reader.errorf(n, "nobody notices %s: it belongs into quietly, and what it leaves into archived or state", name)
		return false
	case !noticed && a.Spec().ActsOnChat:
		s.reader.errorf(n, "others notice %s: it belongs into expect", name)
		return false
	}
	return ok
}

// actFields are what every act can be asked for.
var actFields = []string{"in", "user", "msg", "rule", "step", "error", "code", "to_user", "to_group", "text"}

func (s *Suite) wantedFields(n *yaml.Node, w *wanted) {
	r := s.reader
	w.fields = make(map[string]*matcher)
	var known []string
	if a, ok := s.registry.Lookup(w.action); ok {
		spec := a.Spec()
		for _, in := range slices.Concat(spec.Inputs, spec.Outputs) {
			known = append(known, in.Name)
		}
		if n.Kind != yaml.MappingNode && spec.Scalar != "" {
			w.fields[spec.Scalar], w.order = r.matcher(n), []string{spec.Scalar}
			return
		}
	}
	known = append(known, actFields...)
	for _, e := range r.mapping(n, "an expectation") {
		if !slices.Contains(known, e.name) {
			slices.Sort(known)
			r.errorf(e.key, "%s has no %q%s; there are %s", w.action, e.name, nearest(e.name, known), strings.Join(slices.Compact(known), ", "))
			continue
		}
		w.fields[e.name], w.order = r.matcher(e.value), append(w.order, e.name)
	}
}

// fits reports whether an act is what is wanted, and if not, what differs.
func (w *wanted) fits(a *Act, names func(string) (string, bool)) (differs []string) {
	if w.action != a.Action {
		return []string{"action"}
	}
	if _, asks := w.fields["error"]; !asks && a.Err != "" {
		if _, asks := w.fields["code"]; !asks {
			differs = append(differs, "error")
		}
	}
	for _, name := range w.order {
		if !w.fields[name].fits(a.field(name), names) {
			differs = append(differs, name)
		}
	}
	return differs
}

// field is what an act says of one name.
func (a *Act) field(name string) any {
	switch name {
	case "rule":
		return a.Rule
	case "step":
		return a.Step
	}
	return a.Fields[name]
}

// String says what is wanted, for people.
func (w *wanted) String() string {
	if len(w.order) == 0 {
		return w.action
	}
	parts := make([]string, len(w.order))
	for i, name := range w.order {
		parts[i] = name + " " + w.fields[name].String()
	}
	return w.action + "  " + strings.Join(parts, ", ")
}

// shown are the fields that tell most of an act, in the order of telling.
var shown = []string{"in", "to_user", "to_group", "user", "for", "text", "msg", "total", "sent", "failed", "skipped", "state"}

// Describe says what the act was, with the fields that are asked for or tell most.
func (a *Act) describe(asked []string, names map[string]string) string {
	var parts []string
	list := asked
	if len(list) == 0 {
		list = shown
	}
	if a.Err != "" && !slices.Contains(list, "error") {
		list = append(slices.Clone(list), "error")
	}
	for _, name := range list {
		v := a.field(name)
		if v == nil && len(asked) == 0 {
			continue
		}
		if m, ok := v.(message); ok && names[m.id] != "" {
			parts = append(parts, name+" "+names[m.id])
			continue
		}
		parts = append(parts, name+" "+show(v))
	}
	return strings.TrimSpace(a.Action + "  " + strings.Join(parts, ", "))
}
