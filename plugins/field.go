package plugins

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Duration is an input or output that a file writes as a text such as 5m or 1h30m.
type Duration time.Duration

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	v, err := time.ParseDuration(s)
	*d = Duration(v)
	return err
}

// field is an input or output.
type field struct {
	name, doc string
	typ       string // as in plugin.yaml
	required  bool
	secret    bool
	enum      []string
	of        *field  // what a list or map holds
	fields    []field // of an object
	marks     []string
}

// side is where a struct stands.
type side int

const (
	inputs side = iota
	outputs
)

var marksOf = map[side][]string{inputs: {"scalar", "secret"}, outputs: {"text", "value"}}

// fieldsOf describes a struct.
func fieldsOf(t reflect.Type, s side) ([]field, error) { return describe(t, s, nil) }

func describe(t reflect.Type, s side, outer []reflect.Type) ([]field, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is no struct", t)
	}
	if slices.Contains(outer, t) {
		return nil, fmt.Errorf("%s holds itself", t)
	}
	outer = append(slices.Clip(outer), t)
	var out []field
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case f.Anonymous && name == "":
			return nil, fmt.Errorf("%s: an embedded struct needs a name of its own in its json tag", f.Name)
		case !nameForm.MatchString(name):
			return nil, fmt.Errorf("%s: its json tag must give a name in lower_snake_case, not %q", f.Name, name)
		case slices.ContainsFunc(out, func(o field) bool { return o.name == name }):
			return nil, fmt.Errorf("%s comes twice", name)
		}
		one, err := typeOf(f.Type, s, outer)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		one.name, one.doc = name, f.Tag.Get("doc")
		opts := strings.Split(options, ",")
		one.required = f.Type.Kind() != reflect.Pointer && !slices.Contains(opts, "omitempty") && !slices.Contains(opts, "omitzero")
		if enum := f.Tag.Get("enum"); enum != "" {
			if one.typ != "text" {
				return nil, fmt.Errorf("%s: enum belongs to a string", name)
			}
			one.enum = strings.Split(enum, ",")
		}
		for mark := range strings.SplitSeq(f.Tag.Get("plugin"), ",") {
			switch {
			case mark == "":
			case len(outer) > 1 && mark != "secret" || !slices.Contains(marksOf[s], mark):
				return nil, fmt.Errorf("%s: the tag plugin:%q means nothing here: there are %s", name, mark, strings.Join(marksOf[s], ", "))
			case mark == "text" && one.typ != "text":
				return nil, fmt.Errorf("%s: plugin:\"text\" belongs to a string", name)
			case mark == "secret":
				one.secret = true
			default:
				one.marks = append(one.marks, mark)
			}
		}
		out = append(out, one)
	}
	return out, nil
}

var (
	durationType  = reflect.TypeFor[Duration]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
	textType      = reflect.TypeFor[encoding.TextMarshaler]()
)

func typeOf(t reflect.Type, s side, outer []reflect.Type) (field, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		return field{typ: "duration"}, nil
	case t == reflect.TypeFor[time.Duration]():
		return field{}, fmt.Errorf("a time.Duration is a number in JSON: use plugins.Duration")
	case t.Implements(textType):
		return field{typ: "text"}, nil
	case t.Implements(marshalerType):
		return field{typ: "any"}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return field{typ: "text"}, nil
	case reflect.Bool:
		return field{typ: "bool"}, nil
	case reflect.Float32, reflect.Float64:
		return field{typ: "number"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return field{typ: "int"}, nil
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return field{typ: "any"}, nil
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return field{typ: "text"}, nil // base64
		}
		of, err := typeOf(t.Elem(), s, outer)
		return field{typ: "list", of: &of}, err
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			of, err := typeOf(t.Elem(), s, outer)
			return field{typ: "map", of: &of}, err
		}
	case reflect.Struct:
		fields, err := describe(t, s, outer)
		return field{typ: "object", fields: fields}, err
	}
	return field{}, fmt.Errorf("%s cannot be an input or output", t)
}
