package actions

import (
	"math"
	"reflect"
)

// Values returns Out as the steps after it see it, or nil when there is none: a mapping by the names of Spec.Outputs, in
// which structs are mappings too, lists are []any, integers int64, and messages, locators and durations stay as they
// are. What a list or a pointer did not hold is nil.
func (r Result) Values() map[string]any {
	if r.Out == nil {
		return nil
	}
	m, _ := value(reflect.ValueOf(r.Out)).(map[string]any)
	return m
}

func value(v reflect.Value) any {
	switch v.Type() {
	case messageType:
		if v.IsNil() {
			return nil
		}
		return v.Interface()
	case locatorType, durationType:
		return v.Interface()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		if v.Kind() == reflect.Interface {
			return v.Interface()
		}
		return value(v.Elem())
	case reflect.Struct:
		m := make(map[string]any, v.NumField())
		structValues(v, m)
		return m
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = value(v.Index(i))
		}
		return list
	case reflect.Float32:
		return v.Float()
	case reflect.String:
		return v.String()
	}
	if v.CanInt() {
		return v.Int()
	}
	if v.CanUint() && v.Uint() <= math.MaxInt64 {
		return int64(v.Uint())
	}
	return v.Interface()
}

func structValues(v reflect.Value, m map[string]any) {
	for i := range v.NumField() {
		tag := tagOf(v.Type().Field(i))
		if tag.squash {
			structValues(v.Field(i), m)
			continue
		}
		m[tag.name] = value(v.Field(i))
	}
}
