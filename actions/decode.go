package actions

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agext/levenshtein"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/xhit/go-str2duration/v2"
)

// decode puts args into the struct that into points to. The error joins one *InputError for everything that is wrong.
func (s Spec) decode(args map[string]any, into any) error {
	values, errs := conform("", s.Inputs, args)
	errs = append(errs, s.checkGroups(args)...)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	put(reflect.ValueOf(into).Elem(), values)
	return nil
}

// putField is a field of a struct of inputs; those of squashed structs are its own.
type putField struct {
	name  string
	index []int
}

var putFields sync.Map // []putField by reflect.Type

func putFieldsOf(t reflect.Type) []putField {
	if known, ok := putFields.Load(t); ok {
		return known.([]putField)
	}
	var fields []putField
	for f := range t.Fields() {
		tag := tagOf(f)
		if !tag.squash {
			fields = append(fields, putField{tag.name, f.Index})
			continue
		}
		for _, inner := range putFieldsOf(f.Type) {
			fields = append(fields, putField{inner.name, slices.Concat(f.Index, inner.index)})
		}
	}
	putFields.Store(t, fields)
	return fields
}

// put sets the fields of a struct to values that conform made.
func put(into reflect.Value, values map[string]any) {
	for _, f := range putFieldsOf(into.Type()) {
		if v, ok := values[f.name]; ok {
			putValue(into.FieldByIndex(f.index), v)
		}
	}
}

func putValue(into reflect.Value, v any) {
	from := reflect.ValueOf(v)
	if t := into.Type(); t.Kind() == reflect.Pointer && from.Type() != t {
		into.Set(reflect.New(t.Elem()))
		into = into.Elem()
	}
	switch t := into.Type(); {
	case from.Type() == t:
		into.Set(from)
	case t.Kind() == reflect.Slice:
		items := v.([]any)
		into.Set(reflect.MakeSlice(t, len(items), len(items)))
		for i, item := range items {
			putValue(into.Index(i), item)
		}
	case t.Kind() == reflect.Struct:
		put(into, v.(map[string]any))
	default: // a name for a plain type
		into.Set(from.Convert(t))
	}
}

func (s Spec) checkGroups(args map[string]any) []error {
	var errs []error
	given := func(group []string) (n int, first, second string) {
		for _, name := range group {
			if isNil(args[name]) {
				continue
			}
			switch n++; n {
			case 1:
				first = name
			case 2:
				second = name
			}
		}
		return n, first, second
	}
	for _, group := range s.OneOf {
		if n, _, _ := given(group); n == 0 {
			errs = append(errs, inputErrorf(group[0], "is missing: give %s", orList(group)))
		}
	}
	for _, groups := range [][][]string{s.OneOf, s.AtMostOne} {
		for _, group := range groups {
			if n, first, second := given(group); n > 1 {
				errs = append(errs, inputErrorf(second, "cannot be given together with %s: choose one", first))
			}
		}
	}
	return errs
}

// Conform checks values against their declarations, which New has not made: a struct may be of any Go type, and its members
// are those of Fields. It returns them with the exact types, structs as mappings; nil values are left out. The error joins one
// *InputError for everything that is wrong.
func Conform(declared []Input, values map[string]any) (map[string]any, error) {
	exact, errs := conform("", declared, values)
	return exact, errors.Join(errs...)
}

// conform checks values against their declarations and gives each the exact type that its field has. Nil values are
// left out.
func conform(path string, inputs []Input, values map[string]any) (map[string]any, []error) {
	var errs []error
	out := make(map[string]any, len(values))
	known := 0
	for i := range inputs {
		in := &inputs[i]
		v, given := values[in.Name]
		if given {
			known++
		}
		if isNil(v) {
			if in.Required {
				errs = append(errs, inputErrorf(path+in.Name, "is missing: want %s", typeName(in.Type)))
			}
			continue
		}
		exact, bad := in.conform(path+in.Name, in.Type, v)
		errs = append(errs, bad...)
		out[in.Name] = exact
	}
	if known == len(values) {
		return out, errs
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, ok := inputOf(inputs, name); !ok {
			errs = append(errs, unknownInput(path, name, namesOf(inputs)))
		}
	}
	return out, errs
}

// conform returns v as type t, which is the input's own or that of its list's elements.
func (in *Input) conform(path string, t reflect.Type, v any) (any, []error) {
	rv := reflect.ValueOf(v)
	wrong := func() (any, []error) {
		return nil, []error{inputErrorf(path, "want %s, not %s", typeName(t), valueName(v))}
	}
	if t.Kind() == reflect.Pointer && t != messageType {
		t = t.Elem()
	}
	switch t {
	case messageType:
		if _, ok := v.(*sdkconn.Message); !ok {
			return wrong()
		}
		return v, nil
	case locatorType:
		switch l := v.(type) {
		case sdkconn.Locator:
			return l, nil
		case *sdkconn.Locator:
			return *l, nil
		case map[string]any:
			return locatorOf(path, l)
		}
		return wrong()
	case durationType:
		switch d := v.(type) {
		case time.Duration:
			return d, nil
		case string:
			parsed, err := str2duration.ParseDuration(d)
			if err != nil {
				return nil, []error{inputErrorf(path, "%q is no duration: want for instance 30s, 5m or 2d", d)}
			}
			return parsed, nil
		}
		return wrong()
	}
	switch t.Kind() {
	case reflect.Interface:
		return v, nil
	case reflect.String:
		if rv.Kind() != reflect.String {
			return wrong()
		}
		if s := rv.String(); len(in.Enum) > 0 && !slices.Contains(in.Enum, s) {
			return nil, []error{inputErrorf(path, "%q is not possible: want %s%s", s, orList(in.Enum), nearest(s, in.Enum))}
		}
		return rv.String(), nil
	case reflect.Bool:
		if rv.Kind() != reflect.Bool {
			return wrong()
		}
		return rv.Bool(), nil
	case reflect.Slice:
		if rv.Kind() != reflect.Slice && rv.Kind() != reflect.Array {
			return wrong()
		}
		list, errs := make([]any, rv.Len()), []error(nil)
		for i := range rv.Len() {
			item, at := rv.Index(i).Interface(), fmt.Sprintf("%s[%d]", path, i)
			if isNil(item) {
				errs = append(errs, inputErrorf(at, "is empty: want %s", typeName(t.Elem())))
				continue
			}
			exact, bad := in.conform(at, t.Elem(), item)
			list[i], errs = exact, append(errs, bad...)
		}
		return list, errs
	case reflect.Map:
		m, ok := v.(map[string]any)
		if !ok {
			return wrong()
		}
		if t.Elem().Kind() == reflect.Interface {
			return maps.Clone(m), nil
		}
		out, errs := make(map[string]any, len(m)), []error(nil)
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if isNil(m[key]) {
				errs = append(errs, inputErrorf(path+"."+key, "is empty: want %s", typeName(t.Elem())))
				continue
			}
			exact, bad := in.conform(path+"."+key, t.Elem(), m[key])
			out[key], errs = exact, append(errs, bad...)
		}
		return out, errs
	case reflect.Struct:
		m, ok := v.(map[string]any)
		if !ok {
			return wrong()
		}
		return conform(path+".", in.Fields, m)
	}
	return number(path, t, rv)
}

// number converts between kinds of numbers when nothing is lost.
func number(path string, t reflect.Type, rv reflect.Value) (any, []error) {
	whole := t.Kind() != reflect.Float32 && t.Kind() != reflect.Float64
	if !rv.CanInt() && !rv.CanUint() && !rv.CanFloat() || rv.Type() == durationType {
		return nil, []error{inputErrorf(path, "want %s, not %s", typeName(t), valueName(rv.Interface()))}
	}
	if rv.CanFloat() && whole {
		f := rv.Float()
		if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return nil, []error{inputErrorf(path, "want a whole number")}
		}
		rv = reflect.ValueOf(int64(f))
	}
	out := reflect.New(t).Elem()
	fits := true
	switch {
	case out.CanFloat():
		switch {
		case rv.CanInt():
			out.SetFloat(float64(rv.Int()))
		case rv.CanUint():
			out.SetFloat(float64(rv.Uint()))
		default:
			out.SetFloat(rv.Float())
		}
	case out.CanInt():
		n := int64(0)
		if rv.CanUint() {
			n, fits = int64(rv.Uint()), rv.Uint() <= math.MaxInt64
		} else {
			n = rv.Int()
		}
		fits = fits && !out.OverflowInt(n)
		out.SetInt(n)
	default:
		n := uint64(0)
		if rv.CanInt() {
			n, fits = uint64(rv.Int()), rv.Int() >= 0
		} else {
			n = rv.Uint()
		}
		fits = fits && !out.OverflowUint(n)
		out.SetUint(n)
	}
	if !fits {
		return nil, []error{inputErrorf(path, "%v is too large or negative", rv)}
	}
	return out.Interface(), nil
}

// locatorIn is a locator as a person writes it.
type locatorIn struct {
	Time   uint64 `arg:"time,required" doc:"The message's time in Unix seconds."`
	Seq    uint64 `arg:"seq,required" doc:"Its sequence number."`
	Rand   uint64 `arg:"rand,required" doc:"Its random number."`
	IsSelf bool   `arg:"is_self" doc:"Whether the bot sent it."`
}

var locatorFields = fieldsOf(reflect.TypeFor[locatorIn]())

func locatorOf(path string, m map[string]any) (any, []error) {
	exact, errs := conform(path+".", locatorFields, m)
	if len(errs) > 0 {
		return nil, errs
	}
	l := sdkconn.Locator{Time: exact["time"].(uint64), Seq: exact["seq"].(uint64), Rand: exact["rand"].(uint64)}
	l.IsSelf, _ = exact["is_self"].(bool)
	return l, nil
}

func isNil(v any) bool {
	switch v.(type) {
	case nil:
		return true
	case string, bool:
		return false
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface, reflect.Func, reflect.Chan:
		return rv.IsNil()
	}
	return false
}

func unknownInput(path, name string, known []string) error {
	if len(known) == 0 {
		return inputErrorf(path+name, "is unknown: this takes no inputs")
	}
	return inputErrorf(path+name, "is unknown%s; known are %s", nearest(name, known), strings.Join(known, ", "))
}

// nearest returns ", did you mean X?" when one of the names is close.
func nearest(name string, names []string) string {
	best, distance := "", 1+len(name)/3
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); d <= distance && (best == "" || d < distance) {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
