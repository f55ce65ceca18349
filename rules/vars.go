package rules

import (
	"reflect"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxVarEntries bounds what all expressions of vars and inputs make together, in entries of lists and mappings.
const maxVarEntries = 500_000

// readVars notes the vars of a file. They are evaluated when all files have been read.
func (l *loader) readVars(r *reader, n *yaml.Node) {
	entries, _ := r.mapping(n, "vars")
	for _, e := range entries {
		if !identifier.MatchString(e.name) {
			r.errorf(e.key, "var %q: use small letters, digits and _", e.name)
			continue
		}
		if first, ok := l.varPos[e.name]; ok {
			r.errorf(e.key, "var %q comes twice, first at %s", e.name, first)
			continue
		}
		l.varPos[e.name] = r.pos(e.key)
		l.pending = append(l.pending, pendingVar{r, e})
	}
}

// pendingVar is a var that is not evaluated yet.
type pendingVar struct {
	r *reader
	e entry
}

// resolveVars evaluates the vars in the order of reading: one sees all lists, and the vars before it.
func (l *loader) resolveVars() {
	for _, v := range l.pending {
		p := &place{r: v.r, level: levelLoad, lists: l.lists, vars: l.vars}
		l.vars[v.e.name], _ = p.loadValue(v.e.value, "var "+v.e.name)
	}
	l.pending = nil
}

// loadValue reads a value that is known when the files are loaded, as expressions see it.
func (p *place) loadValue(n *yaml.Node, what string) (any, bool) {
	n = resolve(n)
	switch n.Kind {
	case yaml.SequenceNode:
		items, _ := p.r.sequence(n, what)
		out, ok := make([]any, len(items)), true
		for i, item := range items {
			v, valid := p.loadValue(item, what)
			out[i], ok = v, ok && valid
		}
		return out, ok
	case yaml.MappingNode:
		entries, ok := p.r.mapping(n, what)
		out := make(map[string]any, len(entries))
		for _, e := range entries {
			v, valid := p.loadValue(e.value, what+"."+e.name)
			out[e.name], ok = v, ok && valid
		}
		return out, ok
	}
	if strings.Contains(n.Value, open) {
		return p.loadExpr(n, what)
	}
	v, err := anyScalar(n)
	if err != nil {
		p.r.errorf(n, "%s: %v", what, err)
		return nil, false
	}
	return View(Type{Kind: KindAny}, v), true
}

// loadExpr evaluates a text with ${{ }}.
func (p *place) loadExpr(n *yaml.Node, what string) (any, bool) {
	parts, ok := p.template(n)
	if !ok {
		return nil, false
	}
	v, err := join(parts, map[string]any{})
	if err != nil {
		p.r.errorf(n, "%s: %v", what, err)
		return nil, false
	}
	if list, ok := v.([]string); ok { // a list itself, or a few words
		return list, true
	}
	if p.r.l.varEntries += entriesOf(v, maxVarEntries-p.r.l.varEntries); p.r.l.varEntries >= maxVarEntries {
		p.r.errorf(n, "%s: the expressions of vars make more than %d entries", what, maxVarEntries)
		return nil, false
	}
	switch v.(type) {
	case nil, bool, int, float64, string, time.Duration, time.Time, []any, map[string]any:
		return v, true
	}
	return View(Type{Kind: KindAny}, v), true // what is left are lists and mappings of such
}

// entriesOf counts the entries of a value, up to most.
func entriesOf(v any, most int) int {
	if _, ok := v.(string); ok || v == nil || most <= 0 {
		return 1
	}
	n := 1
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Slice:
		if rv.Type().Elem().Kind() != reflect.Interface {
			return n + rv.Len()
		}
		for i := 0; i < rv.Len() && n < most; i++ {
			n += entriesOf(rv.Index(i).Interface(), most-n)
		}
	case reflect.Map:
		for it := rv.MapRange(); it.Next() && n < most; {
			n += entriesOf(it.Value().Interface(), most-n)
		}
	}
	return n
}

// laterVar reports whether a var has not been evaluated yet, and where it is.
func (p *place) laterVar(name string) (Pos, bool) {
	if p.r == nil || p.r.l.pending == nil || p.inputs != nil {
		return Pos{}, false
	}
	pos, ok := p.r.l.varPos[name]
	return pos, ok
}
