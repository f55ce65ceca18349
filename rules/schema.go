package rules

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// SchemaID names the schema of this version's bot files.
const SchemaID = "https://raw.githubusercontent.com/timbot-go/timbot/main/schema/bot.schema.json"

// Schema returns a JSON Schema (2020-12) of what f describes, for editors. It tells of wrong keys, words and forms; what an
// expression means, and what belongs together, only Load checks.
func Schema(f *Form) []byte {
	s := &schemas{defs: make(map[string]any), open: make(map[string]bool), large: make(map[string]string)}
	root := object{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SchemaID, "title": "timbot bot"}
	root["allOf"] = []any{s.of(f)}
	root["$defs"] = s.defs
	return append(marshalSchema(root), '\n')
}

func marshalSchema(v any) []byte {
	out, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		panic(err) // only maps, lists, numbers and texts are in it
	}
	return out
}

type object = map[string]any

// large is from how many bytes on a mapping gets a definition of its own, which is written once.
const large = 500

// schemas makes schemas.
type schemas struct {
	defs  map[string]any
	open  map[string]bool   // names whose definitions are there or being made
	large map[string]string // definition -> its name
}

func (s *schemas) of(f *Form) object {
	if f.Name == "" {
		out := s.inline(f)
		if f.Kind != FormMapping {
			return out
		}
		text := string(marshalSchema(out))
		if len(text) < large {
			return out
		}
		name, ok := s.large[text]
		if !ok {
			name = fmt.Sprint("mapping_", len(s.large)+1)
			s.large[text], s.defs[name] = name, out
		}
		return object{"$ref": "#/$defs/" + name}
	}
	if !s.open[f.Name] {
		s.open[f.Name] = true
		s.defs[f.Name] = s.inline(f)
	}
	return object{"$ref": "#/$defs/" + f.Name}
}

func (s *schemas) inline(f *Form) object {
	out := s.kind(f)
	if f.Doc != "" {
		out["description"] = f.Doc
	}
	return out
}

// kind is the schema of a form. A key that takes no expression takes an input of a blueprint in its place.
func (s *schemas) kind(f *Form) object {
	switch f.Kind {
	case FormWord, FormPattern, FormBool, FormInt:
		s.defs["input"] = object{
			"type": "string", "pattern": `^\s*\$\{\{\s*inputs\.`, "description": "In a blueprint: one of its inputs.",
		}
		return object{"anyOf": []any{s.plain(f), object{"$ref": "#/$defs/input"}}}
	}
	return s.plain(f)
}

func (s *schemas) plain(f *Form) object {
	switch f.Kind {
	case FormText:
		return object{"type": []any{"string", "number", "boolean"}}
	case FormString:
		return object{"type": "string", "minLength": 1}
	case FormWord:
		words := make([]any, len(f.Words))
		for i, w := range f.Words {
			words[i] = w
		}
		return object{"enum": words}
	case FormPattern:
		return object{"type": "string", "pattern": f.Pattern}
	case FormExpr:
		return object{"type": []any{"string", "boolean"}, "not": object{"type": "string", "pattern": `\$\{\{`}}
	case FormJoined:
		return object{"type": "string", "pattern": `\$\{\{`}
	case FormBool:
		return object{"type": "boolean"}
	case FormInt:
		out := object{"type": "integer"}
		if f.Max != 0 {
			out["minimum"], out["maximum"] = f.Min, f.Max
		}
		return out
	case FormNumber:
		return object{"type": "number"}
	case FormNull:
		return object{"type": "null"}
	case FormMapping:
		return s.mapping(f)
	case FormTable:
		return object{"type": "object", "additionalProperties": s.of(f.Item)}
	case FormList:
		out := object{"type": "array", "items": s.of(f.Item)}
		if f.Least > 0 {
			out["minItems"] = f.Least
		}
		return out
	case FormEither:
		var any []any
		for _, e := range f.Either {
			any = append(any, s.of(e))
		}
		return object{"anyOf": any}
	}
	return object{}
}

func (s *schemas) mapping(f *Form) object {
	properties := object{}
	var required []any
	for _, k := range f.Keys {
		p := s.of(k.Form)
		if doc := strings.TrimSpace(k.Doc); doc != "" {
			p["description"] = doc
		}
		properties[k.Name] = p
		if k.Required {
			required = append(required, k.Name)
		}
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		out["required"] = required
	}
	if f.Least > 0 {
		out["minProperties"] = f.Least
	}
	var all []any
	if len(f.AnyOf) > 0 {
		all = append(all, object{"anyOf": having(f.AnyOf)})
	}
	for _, group := range f.OneOf {
		all = append(all, object{"oneOf": having(group)})
	}
	for _, group := range f.AtMostOne {
		none := object{"not": object{"anyOf": having(group)}}
		all = append(all, object{"oneOf": append(having(group), none)})
	}
	if all != nil {
		out["allOf"] = all
	}
	return out
}

// having is a schema for each of the keys that demands it.
func having(names []string) []any {
	out := make([]any, len(names))
	for i, name := range names {
		out[i] = object{"required": []any{name}}
	}
	return out
}
