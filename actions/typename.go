package actions

import (
	"reflect"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// typeName is what help and errors call a type.
func typeName(t reflect.Type) string {
	switch t {
	case messageType:
		return "a message"
	case locatorType:
		return "a locator"
	case durationType:
		return "a duration"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list of " + plural(t.Elem())
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Interface:
		return "any value"
	}
	return "a whole number"
}

func plural(t reflect.Type) string {
	switch t {
	case messageType:
		return "messages"
	case locatorType:
		return "locators"
	case durationType:
		return "durations"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return plural(t.Elem())
	case reflect.String:
		return "texts"
	case reflect.Slice:
		return "lists of " + plural(t.Elem())
	case reflect.Struct, reflect.Map:
		return "mappings"
	case reflect.Float32, reflect.Float64:
		return "numbers"
	case reflect.Interface, reflect.Bool:
		return "values"
	}
	return "whole numbers"
}

// valueName says what kind of thing a value is, without showing it: it may be a secret.
func valueName(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case *sdkconn.Message:
		return "a message"
	case sdkconn.Locator, *sdkconn.Locator:
		return "a locator"
	case time.Duration:
		return "a duration"
	case time.Time:
		return "a time"
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "a mapping"
	default:
		if rv.CanFloat() {
			return "a number"
		}
		if rv.CanInt() || rv.CanUint() {
			return "a whole number"
		}
	}
	return "something else"
}
