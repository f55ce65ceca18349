package actions

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

var (
	messageType  = reflect.TypeFor[*sdkconn.Message]()
	locatorType  = reflect.TypeFor[sdkconn.Locator]()
	durationType = reflect.TypeFor[time.Duration]()
)

// tag is what a field's struct tags say.
type tag struct {
	name                                    string
	required, secret, squash, asText, asVal bool
}

func tagOf(f reflect.StructField) tag {
	name, options, _ := strings.Cut(f.Tag.Get("arg"), ",")
	t := tag{name: name}
	for o := range strings.SplitSeq(options, ",") {
		switch o {
		case "required":
			t.required = true
		case "secret":
			t.secret = true
		case "squash":
			t.squash = true
		case "text":
			t.asText = true
		case "value":
			t.asVal = true
		case "":
		default:
			panic(fmt.Sprintf("actions: field %s: unknown option %q in its arg tag", f.Name, o))
		}
	}
	return t
}

// fieldsOf describes the fields of a struct type. It panics on a type that cannot be an input, which is a programmer's
// mistake.
func fieldsOf(t reflect.Type) []Input { return describe(t, nil) }

func describe(t reflect.Type, outer []reflect.Type) []Input {
	for _, o := range outer {
		if o == t {
			panic(fmt.Sprintf("actions: %s holds itself", t))
		}
	}
	outer = append(outer, t)
	var inputs []Input
	for f := range t.Fields() {
		tag := tagOf(f)
		if tag.squash {
			inputs = append(inputs, describe(f.Type, outer)...)
			continue
		}
		if tag.name == "" || !f.IsExported() {
			panic(fmt.Sprintf("actions: field %s of %s has no arg tag, or is not exported", f.Name, t))
		}
		if _, twice := inputOf(inputs, tag.name); twice {
			panic(fmt.Sprintf("actions: %s declares %q twice", t, tag.name))
		}
		in := Input{Name: tag.name, Doc: f.Tag.Get("doc"), Type: plain(f.Type), Required: tag.required, Secret: tag.secret}
		if enum := f.Tag.Get("enum"); enum != "" {
			in.Enum = strings.Split(enum, ",")
		}
		if s := structIn(in.Type); s != nil {
			in.Fields = describe(s, outer)
		}
		inputs = append(inputs, in)
	}
	return inputs
}

// plain takes the pointer off a type, except off a message.
func plain(t reflect.Type) reflect.Type {
	if t == messageType {
		return t
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		if t != reflect.TypeFor[[]byte]() {
			plain(t.Elem())
			return t
		}
	case reflect.Map:
		if t == reflect.TypeFor[map[string]any]() {
			return t
		}
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return t
		}
	case reflect.String, reflect.Bool, reflect.Struct, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return t
	}
	panic(fmt.Sprintf("actions: %s cannot be an input or output", t))
}

// structIn is the struct type that t or the elements of t have, when its fields are the caller's to fill; else nil.
func structIn(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t == messageType {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == locatorType {
		return nil
	}
	return t
}
