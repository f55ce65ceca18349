package rules

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/checker/nature"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/xhit/go-str2duration/v2"

	"github.com/timbot-go/timbot/sdkconn"
)

// View turns a raw value of type t into what expressions see: a *sdkconn.Message becomes a msg, whole numbers ints. It
// also takes what a raw value becomes on its way through JSON. A value that does not fit t is passed on as it is.
func View(t Type, v any) any { return viewer{}.view(t, v) }

func (w viewer) view(t Type, v any) any {
	if v == nil {
		return nil
	}
	switch v := v.(type) {
	case *sdkconn.Message:
		if v == nil {
			return nil
		}
		return w.newMessage(v)
	case sdkconn.Locator:
		return locatorMap(v)
	case *sdkconn.Locator:
		if v == nil {
			return nil
		}
		return locatorMap(*v)
	case jsontext.Value:
		if t.Kind == KindMessage {
			if m, err := sdkconn.UnmarshalMessage(v); err == nil {
				return w.newMessage(m)
			}
		}
		var out any
		if err := json.Unmarshal(v, &out); err != nil {
			return string(v)
		}
		return w.view(t, out)
	}
	switch t.Kind {
	case KindMessage:
		if m, ok := v.(map[string]any); ok {
			if data, err := sdkconn.Marshal(m); err == nil {
				if msg, err := sdkconn.UnmarshalMessage(data); err == nil {
					return w.newMessage(msg)
				}
			}
		}
	case KindInt:
		if i, err := toInt(v); err == nil {
			return int(i)
		}
	case KindDuration:
		if d, err := toDuration(v); err == nil {
			return d
		}
	case KindList, KindObject, KindMap, KindAny, KindNone, KindLocator:
		rv := reflect.ValueOf(v)
		switch rv.Kind() {
		case reflect.Slice:
			if rv.Type().Elem().Kind() == reflect.Uint8 {
				return v
			}
			out := make([]any, rv.Len())
			for i := range out {
				out[i] = w.view(t.elem(), rv.Index(i).Interface())
			}
			return out
		case reflect.Map:
			if rv.Type().Key().Kind() != reflect.String {
				return v
			}
			out := make(map[string]any, rv.Len())
			for it := rv.MapRange(); it.Next(); {
				name := it.Key().String()
				out[name] = w.view(memberType(t, name), it.Value().Interface())
			}
			return out
		case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			if _, ok := v.(time.Duration); !ok {
				return int(rv.Int())
			}
		case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
			if rv.Uint() <= math.MaxInt {
				return int(rv.Uint())
			}
		case reflect.Float32:
			return rv.Float()
		case reflect.Float64:
			// JSON has one kind of number; a whole one is an int again, as it was before.
			if f := rv.Float(); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
				return int(f)
			}
		}
	}
	return v
}

func memberType(t Type, name string) Type {
	switch t.Kind {
	case KindObject:
		for _, f := range t.Fields {
			if f.Name == name {
				return f.Type
			}
		}
	case KindMap:
		return t.elem()
	case KindLocator:
		if name != "is_self" {
			return Type{Kind: KindInt}
		}
	}
	return Type{Kind: KindAny}
}

// locatorMap is what expressions see of a locator.
func locatorMap(l sdkconn.Locator) map[string]any {
	return map[string]any{"time": int(l.Time), "seq": int(l.Seq), "rand": int(l.Rand), "is_self": l.IsSelf}
}

// Raw is the inverse of View: a value of an expression becomes nil, a bool, int64, float64, string, *sdkconn.Message,
// []any or map[string]any. A time becomes RFC 3339 text, a duration text such as "5m0s", another part of the
// environment (user, chat, an element) a mapping.
func Raw(v any) any {
	switch v := v.(type) {
	case nil, bool, string, float64, int64:
		return v
	case int:
		return int64(v)
	case *string:
		if v == nil {
			return nil
		}
		return *v
	case *msgView:
		if v == nil || v.raw == nil {
			return nil
		}
		return v.raw
	case *sdkconn.Message:
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case time.Duration:
		return v.String()
	case []string:
		out := make([]any, len(v))
		for i, s := range v {
			out[i] = s
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = Raw(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = Raw(item)
		}
		return out
	}
	return rawReflect(reflect.ValueOf(v))
}

func rawReflect(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return Raw(v.Elem().Interface())
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return strconv.FormatUint(v.Uint(), 10)
		}
		return int64(v.Uint())
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.String:
		return v.String()
	case reflect.Slice, reflect.Array:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = Raw(v.Index(i).Interface())
		}
		return out
	case reflect.Map:
		out := make(map[string]any, v.Len())
		for it := v.MapRange(); it.Next(); {
			out[fmt.Sprint(it.Key().Interface())] = Raw(it.Value().Interface())
		}
		return out
	case reflect.Struct:
		out := make(map[string]any)
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if name := f.Tag.Get("expr"); name != "" && !strings.HasSuffix(name, "()") {
				out[name] = Raw(v.Field(i).Interface())
			}
		}
		return out
	}
	return fmt.Sprint(v.Interface())
}

// text is how a value looks inside a longer text: nil is nothing, lists and mappings are JSON.
func text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case *string:
		if v == nil {
			return "", nil
		}
		return *v, nil
	case time.Time:
		return v.Format(time.RFC3339), nil
	case time.Duration:
		return durationText(v), nil
	case *errorView:
		if v == nil {
			return "", nil
		}
		return v.Text, nil
	case *msgView, *sdkconn.Message, *userView, *chatView, *eventView, *botView, *matchView, *stateView:
		return "", fmt.Errorf("%s is no text: name a member of it", plain(fmt.Sprintf("%T", v)))
	}
	return jsonText(v)
}

func jsonText(v any) (string, error) {
	w := &boundedWriter{}
	err := json.MarshalWrite(w, Raw(v), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if errors.Is(err, errTooLong) {
		err = errTooLong
	}
	return w.b.String(), err
}

type boundedWriter struct{ b strings.Builder }

func (w *boundedWriter) Write(p []byte) (int, error) {
	if w.b.Len()+len(p) > maxTextBytes {
		return 0, errTooLong
	}
	return w.b.Write(p)
}

// errType says that a value is not what an input takes.
func errType(v any, t Type) error {
	return fmt.Errorf("want %s, have %s", t, describe(v))
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		if len(v) > 40 {
			v = left(v, 20) + "…"
		}
		return strconv.Quote(v)
	case bool, int, int64, float64:
		return fmt.Sprint(v)
	}
	return plain(fmt.Sprintf("%T", v))
}

// coerce makes the value of an expression, or of a file, into what Step.Inputs promises for t.
func coerce(t Type, v any) (any, error) {
	if p, ok := v.(*string); ok {
		v = nil
		if p != nil {
			v = *p
		}
	}
	switch t.Kind {
	case KindAny, KindNone:
		return Raw(v), nil
	case KindString:
		switch v.(type) {
		case nil, []any, []string, map[string]any:
			return nil, errType(v, t)
		}
		s, err := text(v)
		if err != nil {
			return nil, err
		}
		return s, nil
	case KindInt:
		i, err := toInt(v)
		if err != nil {
			return nil, errType(v, t)
		}
		return i, nil
	case KindFloat:
		switch v := v.(type) {
		case float64:
			return v, nil
		case int:
			return float64(v), nil
		case int64:
			return float64(v), nil
		}
		return nil, errType(v, t)
	case KindBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, errType(v, t)
	case KindDuration:
		d, err := toDuration(v)
		if err != nil {
			return nil, errType(v, t)
		}
		return d, nil
	case KindMessage:
		if m, ok := Raw(v).(*sdkconn.Message); ok && m != nil {
			return m, nil
		}
		return nil, errType(v, t)
	case KindLocator:
		switch v := Raw(v).(type) {
		case *sdkconn.Message:
			if v != nil {
				return v.Locator(), nil
			}
		case map[string]any:
			return toLocator(v)
		}
		return nil, errType(v, t)
	case KindList:
		rv := reflect.ValueOf(v)
		if rv.Kind() != reflect.Slice {
			return nil, errType(v, t)
		}
		out := make([]any, rv.Len())
		for i := range out {
			item, err := coerce(t.elem(), rv.Index(i).Interface())
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", i, err)
			}
			out[i] = item
		}
		return out, nil
	case KindObject, KindMap:
		return coerceMap(t, v)
	}
	return nil, errType(v, t)
}

func coerceMap(t Type, v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		if m, ok = Raw(v).(map[string]any); !ok {
			return nil, errType(v, t)
		}
	}
	out := make(map[string]any, len(m))
	for name, item := range m {
		mt := memberType(t, name)
		if t.Kind == KindObject && !slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Name == name }) {
			return nil, fmt.Errorf("there is no %q%s", name, didYouMean(name, fieldNames(t.Fields)))
		}
		item, err := coerce(mt, item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = item
	}
	for _, f := range t.Fields {
		if _, ok := out[f.Name]; !ok && f.Required {
			return nil, fmt.Errorf("%s is missing", f.Name)
		}
	}
	return out, nil
}

func toInt(v any) (int64, error) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
	case time.Duration:
		return 0, errors.New("a duration")
	default:
		if rv := reflect.ValueOf(v); rv.IsValid() && rv.CanInt() {
			return rv.Int(), nil
		} else if rv.IsValid() && rv.CanUint() && rv.Uint() <= math.MaxInt64 {
			return int64(rv.Uint()), nil
		}
	}
	return 0, errors.New("no whole number")
}

func toDuration(v any) (time.Duration, error) {
	switch v := v.(type) {
	case time.Duration:
		return v, nil
	case string:
		return parseDuration(v)
	}
	return 0, errors.New("no duration")
}

// durationText is a duration as people write it: 10m, 1h30m, not 10m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// parseDuration reads "500ms", "5m", "1h30m", "2d", "1w". A number without a unit is an error.
func parseDuration(s string) (time.Duration, error) {
	if s == "0" || strings.HasPrefix(s, "+") {
		return 0, errors.New("a duration needs a unit, such as 0s or 5m")
	}
	d, err := str2duration.ParseDuration(s)
	if err != nil || s == "" || strings.TrimLeft(s, "0123456789.+-") == "" {
		return 0, fmt.Errorf("%q is no duration: write for instance 500ms, 5m, 24h or 2d", s)
	}
	return d, nil
}

func toLocator(m map[string]any) (sdkconn.Locator, error) {
	var l sdkconn.Locator
	for name, v := range m {
		switch name {
		case "time", "seq", "rand":
			i, err := toInt(v)
			if err != nil || i < 0 {
				return l, fmt.Errorf("%s: %w", name, errType(v, Type{Kind: KindInt}))
			}
			switch name {
			case "time":
				l.Time = uint64(i)
			case "seq":
				l.Seq = uint64(i)
			case "rand":
				l.Rand = uint64(i)
			}
		case "is_self":
			b, ok := v.(bool)
			if !ok {
				return l, fmt.Errorf("is_self: %w", errType(v, Type{Kind: KindBool}))
			}
			l.IsSelf = b
		default:
			return l, fmt.Errorf("a locator has no %q%s", name, didYouMean(name, locatorNames))
		}
	}
	for _, name := range locatorNames {
		if _, ok := m[name]; !ok {
			return l, fmt.Errorf("a locator needs %s", name)
		}
	}
	return l, nil
}

var locatorNames = []string{"time", "seq", "rand", "is_self"}

// fits reports whether an expression of type nt can give a value of type t. Unknown types fit: they are checked when
// the value is there.
func fits(nt nature.Nature, t Type) bool {
	if nt.Nil {
		return t.Kind == KindAny
	}
	d := nt.Deref(new(nature.Cache))
	if d.Type == nil || d.Kind == reflect.Interface {
		return true
	}
	switch t.Kind {
	case KindString:
		switch {
		case d.IsString(), d.IsNumber(), d.IsBool(), d.IsTime(), d.IsDuration(), d.Type == reflect.TypeFor[errorView]():
			return true
		}
		return false
	case KindInt:
		return d.IsInteger || d.IsFloat
	case KindFloat:
		return d.IsNumber()
	case KindBool:
		return d.IsBool()
	case KindDuration:
		return d.IsDuration() || d.IsString()
	case KindMessage:
		return d.Type == reflect.TypeFor[msgView]()
	case KindLocator:
		return d.Type == reflect.TypeFor[msgView]() || d.IsMap()
	case KindList:
		if !d.IsArray() {
			return false
		}
		return fits(d.Elem(new(nature.Cache)), t.elem())
	case KindObject, KindMap:
		return d.IsMap() || d.IsStruct() && !d.IsTime()
	}
	return true
}
