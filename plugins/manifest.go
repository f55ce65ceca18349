package plugins

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Manifest is the plugin's plugin.yaml: what the bot knows of it without starting it. The program prints it when it is
// started with the argument manifest. The error says what is wrong with the declarations.
func (p Plugin) Manifest() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("plugins: %w", err)
	}
	w := new(yamlText)
	w.line(0, "name: %s", text(p.Name))
	w.line(0, "version: %s", text(p.Version))
	w.line(0, "protocol: 1")
	w.doc(0, p.Doc)
	switch {
	case p.Commands != nil:
		w.line(0, "command:")
		for _, system := range slices.Sorted(maps.Keys(p.Commands)) {
			w.line(1, "%s: %s", system, list(p.Commands[system]))
		}
	case p.Command != nil:
		w.line(0, "command: %s", list(p.Command))
	default:
		w.line(0, "command: %s", list([]string{"./" + p.Name}))
	}
	if p.Files != nil {
		w.line(0, "files: %s", list(p.Files))
	}
	if r := p.Rights; r.State || len(r.Actions)+len(r.Signals)+len(r.Network) > 0 {
		w.line(0, "rights:")
		for _, part := range []struct {
			key   string
			names []string
		}{{"actions", r.Actions}, {"signals", r.Signals}, {"network", r.Network}} {
			if part.names != nil {
				w.line(1, "%s: %s", part.key, list(part.names))
			}
		}
		if r.State {
			w.line(1, "state: true")
		}
	}
	if len(p.Actions) > 0 {
		w.line(0, "actions:")
	}
	for _, a := range p.Actions {
		w.line(1, "%s:", a.Name)
		w.doc(2, a.Doc)
		w.line(2, "idempotent: %t", a.Idempotent)
		if a.ActsOnChat {
			w.line(2, "acts_on_chat: true")
		}
		if a.Timeout > 0 {
			w.line(2, "timeout: %s", a.Timeout.Round(time.Millisecond))
		}
		in, out := a.Do.types()
		for _, part := range []struct {
			key    string
			fields []field
		}{{"inputs", in}, {"outputs", out}} {
			if len(part.fields) > 0 {
				w.line(2, "%s:", part.key)
			}
			for _, f := range part.fields {
				w.line(3, "%s: %s", f.name, f.yaml())
			}
		}
		for _, f := range slices.Concat(in, out) {
			for _, mark := range f.marks {
				w.line(2, "%s: %s", mark, f.name)
			}
		}
	}
	return []byte(w.String()), nil
}

// yaml is the description of a value, in one line.
func (f field) yaml() string {
	parts := []string{"type: " + f.typ}
	if f.required {
		parts = append(parts, "required: true")
	}
	if f.secret {
		parts = append(parts, "secret: true")
	}
	if f.enum != nil {
		parts = append(parts, "enum: "+list(f.enum))
	}
	if f.of != nil && f.of.typ != "any" {
		of := f.of.typ
		if f.of.of != nil || f.of.fields != nil {
			of = f.of.yaml()
		}
		parts = append(parts, "of: "+of)
	}
	if f.typ == "object" {
		var members []string
		for _, m := range f.fields {
			members = append(members, m.name+": "+m.yaml())
		}
		parts = append(parts, "fields: {"+strings.Join(members, ", ")+"}")
	}
	if f.doc != "" {
		parts = append(parts, "doc: "+text(f.doc))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

type yamlText struct{ strings.Builder }

func (w *yamlText) line(indent int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", indent))
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

func (w *yamlText) doc(indent int, doc string) {
	if doc != "" {
		w.line(indent, "doc: %s", text(doc))
	}
}

// text and list are JSON, which YAML reads.
func text(s string) string {
	data, _ := json.Marshal(s) // a string always has JSON
	return string(data)
}

func list(items []string) string {
	parts := make([]string, len(items))
	for i, s := range items {
		parts[i] = text(s)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
