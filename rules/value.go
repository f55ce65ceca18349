package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// value is what a file gives for an input, compiled: parts of it are fixed, parts are expressions.
type value struct {
	typ    Type
	pos    Pos
	name   string
	secret bool
	enum   []string
	form   TextForm
	rows   bool // its expressions may name row
	option bool // nil is the same as not given

	fixed   any // when nothing below is set
	isFixed bool
	parts   []part            // a string with expressions
	items   []*value          // a list
	members map[string]*value // a mapping
	order   []string
}

// value compiles a node as a value of type t. Mistakes are reported; then it answers nil.
func (p *place) value(n *yaml.Node, name string, f Field) *value {
	n = resolve(n)
	v := &value{typ: f.Type, pos: p.r.pos(n), name: name, secret: f.Secret, enum: f.Enum, form: f.Form, option: !f.Required}
	inner := *p
	inner.secrets = f.Secret
	if inner.rows = false; f.Rows {
		inner.rowed()
	}
	v.rows = inner.rows
	switch n.Kind {
	case yaml.ScalarNode:
		return inner.scalar(n, v, f)
	case yaml.SequenceNode:
		if f.Type.Kind != KindList && f.Type.Kind != KindAny {
			p.r.errorf(n, "%s: want %s, have a list", name, f.Type)
			return nil
		}
		ok := true
		for i, item := range n.Content {
			iv := inner.value(item, fmt.Sprintf("%s[%d]", name, i), Field{Type: f.Type.elem(), Required: true, Secret: f.Secret, Enum: f.Enum})
			ok = ok && iv != nil
			v.items = append(v.items, iv)
		}
		if v.items == nil {
			v.items = []*value{}
		}
		return v.fold(ok)
	case yaml.MappingNode:
		switch f.Type.Kind {
		case KindObject, KindMap, KindAny, KindLocator:
		default:
			p.r.errorf(n, "%s: want %s, have a mapping", name, f.Type)
			return nil
		}
		return inner.mappingValue(n, v, f)
	}
	return nil
}

func (p *place) mappingValue(n *yaml.Node, v *value, f Field) *value {
	entries, ok := p.r.mapping(n, v.name)
	if !ok {
		return nil
	}
	v.members = make(map[string]*value)
	fields := f.Type.Fields
	if f.Type.Kind == KindLocator {
		fields = []Field{
			{Name: "time", Type: Type{Kind: KindInt}, Required: true}, {Name: "seq", Type: Type{Kind: KindInt}, Required: true},
			{Name: "rand", Type: Type{Kind: KindInt}, Required: true}, {Name: "is_self", Type: Type{Kind: KindBool}, Required: true},
		}
	}
	strict := f.Type.Kind == KindObject || f.Type.Kind == KindLocator
	for _, e := range entries {
		mf := Field{Type: memberType(f.Type, e.name), Secret: f.Secret}
		if strict {
			i := indexField(fields, e.name)
			if i < 0 {
				p.r.errorf(e.key, "%s has no %q%s", v.name, e.name, didYouMean(e.name, fieldNames(fields)))
				ok = false
				continue
			}
			secret := mf.Secret
			mf = fields[i]
			mf.Secret = mf.Secret || secret
		}
		mv := p.value(e.value, v.name+"."+e.name, mf)
		ok = ok && mv != nil
		v.members[e.name] = mv
		v.order = append(v.order, e.name)
	}
	if strict {
		for _, mf := range fields {
			if _, given := v.members[mf.Name]; mf.Required && !given {
				p.r.errorf(n, "%s needs %s", v.name, mf.Name)
				ok = false
			}
		}
	}
	return v.fold(ok)
}

func indexField(fields []Field, name string) int {
	for i, f := range fields {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// fold makes a value whose parts are all fixed a fixed value.
func (v *value) fold(ok bool) *value {
	if !ok {
		return nil
	}
	children := v.items
	for _, name := range v.order {
		children = append(children, v.members[name])
	}
	for _, c := range children {
		if !c.isFixed {
			return v
		}
	}
	out, err := v.eval(nil)
	if err == nil {
		v.fixed, v.isFixed = out, true
		v.items, v.members = nil, nil
	}
	return v
}

func (p *place) scalar(n *yaml.Node, v *value, f Field) *value {
	if !strings.Contains(n.Value, open) {
		fixed, ok := p.static(n, v.name, f)
		if !ok {
			return nil
		}
		v.fixed, v.isFixed = fixed, true
		return v
	}
	parts, ok := p.template(n)
	if !ok {
		return nil
	}
	v.parts = parts
	if prog := only(parts); prog != nil {
		if !fits(prog.out, f.Type) {
			p.r.errorIn(n, strings.Index(n.Value, open), "%s: want %s, the expression gives %s", v.name, f.Type,
				plain(prog.out.String()))
			return nil
		}
		return v
	}
	switch f.Type.Kind {
	case KindString, KindAny, KindDuration:
	default:
		p.r.errorf(n, "%s: want %s, have a text", v.name, f.Type)
		return nil
	}
	at := 0
	for _, part := range parts {
		if part.expr != nil && !fits(part.expr.out, Type{Kind: KindString}) && !isData(part.expr) {
			p.r.errorIn(n, at, "%s is no text: name a member of it", plain(part.expr.out.String()))
			return nil
		}
		at = max(at, strings.Index(n.Value[at:], open)+at)
	}
	return v
}

// isData reports whether a value without a text of its own may stand in a text as JSON.
func isData(prog *program) bool {
	return prog.out.IsArray() || prog.out.IsMap()
}

// static reads a scalar without expressions.
func (p *place) static(n *yaml.Node, name string, f Field) (any, bool) {
	bad := func() (any, bool) {
		p.r.errorf(n, "%s: want %s, have %s", name, f.Type, nodeText(n))
		return nil, false
	}
	if n.ShortTag() == "!!null" {
		if f.Type.Kind == KindAny {
			return nil, true
		}
		return bad()
	}
	switch f.Type.Kind {
	case KindString:
		if len(f.Enum) > 0 {
			return p.r.enum(n, name, f.Enum...)
		}
		if err := f.Form.check(n.Value); err != nil {
			p.r.errorf(n, "%s: %v", name, err)
			return nil, false
		}
		return n.Value, true // a number or a yes is what was typed
	case KindInt:
		var i int64
		if n.ShortTag() == "!!int" && n.Decode(&i) == nil {
			return i, true
		}
	case KindFloat:
		var x float64
		if (n.ShortTag() == "!!int" || n.ShortTag() == "!!float") && n.Decode(&x) == nil {
			return x, true
		}
	case KindBool:
		if n.ShortTag() == "!!bool" {
			return strings.EqualFold(n.Value, "true"), true
		}
	case KindDuration:
		d, err := parseDuration(n.Value)
		if err != nil {
			p.r.errorf(n, "%s: %v", name, err)
			return nil, false
		}
		return d, true
	case KindMessage, KindLocator:
		p.r.errorf(n, "%s: want %s: write for instance ${{ msg }}", name, f.Type)
		return nil, false
	case KindAny:
		out, err := anyScalar(n)
		if err != nil {
			p.r.errorf(n, "%s: %v", name, err)
			return nil, false
		}
		return out, true
	}
	return bad()
}

// anyScalar reads a scalar where any value is allowed: as YAML 1.2 types it, except that a date stays a text.
func anyScalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), nil
	case "!!int":
		var i int64
		if err := n.Decode(&i); err != nil {
			return nil, fmt.Errorf("%s does not fit 64 bits: quote it", n.Value)
		}
		return i, nil
	case "!!float":
		var x float64
		if err := n.Decode(&x); err != nil {
			return nil, err
		}
		return x, nil
	case "!!binary":
		return nil, fmt.Errorf("binary data is not supported")
	}
	return n.Value, nil
}

func nodeText(n *yaml.Node) string {
	if n.ShortTag() == "!!null" {
		return "nothing"
	}
	s := n.Value
	if utf8.RuneCountInString(s) > 40 {
		s = left(s, 40) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// eval gives the value as coerce makes it. env may be nil when the value is fixed. The errors of a value that may hold
// a secret say where but not what.
func (v *value) eval(env any) (any, error) {
	out, err := v.evaluate(env)
	if err != nil && v.secret {
		return nil, fmt.Errorf("%s: %s: the value cannot be evaluated", v.pos, v.name)
	}
	return out, err
}

func (v *value) evaluate(env any) (any, error) {
	switch {
	case v.isFixed:
		return v.fixed, nil
	case v.items != nil:
		out := make([]any, len(v.items))
		for i, item := range v.items {
			var err error
			if out[i], err = item.eval(env); err != nil {
				return nil, err
			}
		}
		return out, nil
	case v.members != nil:
		out := make(map[string]any, len(v.members))
		for _, name := range v.order {
			item, err := v.members[name].eval(env)
			if err != nil {
				return nil, err
			}
			if item != nil || !v.members[name].option || v.typ.Kind != KindObject {
				out[name] = item
			}
		}
		if v.typ.Kind == KindLocator {
			return toLocator(out)
		}
		return out, nil
	}
	joined := join
	if v.rows {
		joined = joinRows
	}
	out, err := joined(v.parts, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.name, err)
	}
	if rows, ok := out.(*RowText); ok {
		return rows, nil
	}
	if name, ok := out.(*string); out == nil || ok && name == nil {
		if v.option {
			return nil, nil
		}
	}
	if out, err = coerce(v.typ, out); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", v.pos, v.name, err)
	}
	if s, ok := out.(string); ok && len(v.enum) > 0 && !slices.Contains(v.enum, s) {
		return nil, fmt.Errorf("%s: %s cannot be %s%s: it is one of %s", v.pos, v.name, describe(s), didYouMean(s, v.enum), oneOf(v.enum))
	}
	if s, ok := out.(string); ok {
		if err := v.form.check(s); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", v.pos, v.name, err)
		}
	}
	return valid(out), nil
}

// valid keeps half characters, which bytes of a custom element may hold, out of texts.
func valid(v any) any {
	if s, ok := v.(string); ok {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return v
}

// join evaluates the parts: one expression keeps its type, several parts become a text.
func join(parts []part, env any) (any, error) {
	if prog := only(parts); prog != nil {
		return prog.run(env)
	}
	var b strings.Builder
	for _, part := range parts {
		s := part.text
		if part.expr != nil {
			out, err := part.expr.run(env)
			if err != nil {
				return nil, err
			}
			if s, err = text(out); err != nil {
				return nil, &evalError{part.expr.pos, part.expr.source, err}
			}
		}
		if b.Len()+len(s) > maxJoinedBytes {
			return nil, errTooLong
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// programs calls f for every expression in the value.
func (v *value) programs(f func(*program)) {
	if v == nil {
		return
	}
	for _, part := range v.parts {
		if part.expr != nil {
			f(part.expr)
		}
	}
	for _, item := range v.items {
		item.programs(f)
	}
	for _, m := range v.members {
		m.programs(f)
	}
}
