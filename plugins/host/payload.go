package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/plugins/wire"
	"github.com/timbot-go/timbot/sdkconn"
)

var validCode = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// encodeInput checks a call's inputs and writes them. Errors are *actions.InputError.
func encodeInput(declared []actions.Input, args map[string]any) ([]byte, error) {
	if data, ok := encodeScalars(declared, args); ok {
		return data, nil
	}
	exact, err := actions.Conform(declared, args)
	if err != nil {
		return nil, err
	}
	for name, v := range exact {
		if exact[name], err = plain(v); err != nil {
			return nil, &actions.InputError{Input: name, Text: err.Error()}
		}
	}
	data, err := json.Marshal(exact, jsontext.AllowInvalidUTF8(true))
	switch {
	case err != nil:
		return nil, &actions.InputError{Input: "inputs", Text: "cannot be written as JSON", Err: err}
	case len(data) > wire.MaxPayload:
		return nil, &actions.InputError{Input: "inputs", Text: fmt.Sprintf("have %d bytes: a plugin is given at most %d", len(data), wire.MaxPayload)}
	}
	return data, nil
}

// encodeScalars is encodeInput for inputs that are no more than texts, numbers and the like, and in order, as most are; false for
// others.
func encodeScalars(declared []actions.Input, args map[string]any) ([]byte, bool) {
	data := append(make([]byte, 0, 512), '{')
	given := 0
	for i := range declared {
		d := &declared[i]
		v, ok := args[d.Name]
		if ok {
			given++
		}
		if v == nil {
			if d.Required {
				return nil, false
			}
			continue
		}
		if len(data) > 1 {
			data = append(data, ',')
		}
		data = append(append(append(data, '"'), d.Name...), '"', ':')
		kind := d.Type.Kind()
		switch v := v.(type) {
		case string:
			var err error
			if data, err = jsontext.AppendQuote(data, v); err != nil || kind != reflect.String && kind != reflect.Interface || d.Enum != nil {
				return nil, false
			}
		case int64:
			if data = strconv.AppendInt(data, v, 10); kind != reflect.Int64 && kind != reflect.Interface || d.Type == durationType {
				return nil, false
			}
		case bool:
			if data = strconv.AppendBool(data, v); kind != reflect.Bool && kind != reflect.Interface {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return append(data, '}'), given == len(args) && len(data) < wire.MaxPayload
}

var durationType = reflect.TypeFor[time.Duration]()

// plain is a value as JSON has it.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case time.Duration:
		return v.String(), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case *sdkconn.Message:
		if v == nil {
			return nil, nil
		}
		return nil, errors.New("is a message, which a plugin cannot be given: give what it needs of it, such as msg.text")
	case sdkconn.Locator, *sdkconn.Locator:
		return nil, errors.New("is a locator, which a plugin cannot be given")
	case []any:
		out := v
		for i, x := range v {
			y, err := plain(x)
			if err != nil {
				return nil, err
			}
			if i == 0 {
				out = make([]any, len(v)) // v is the caller's
			}
			out[i] = y
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			y, err := plain(x)
			if err != nil {
				return nil, err
			}
			out[k] = y
		}
		return out, nil
	}
	return v, nil
}

var readNumbers = json.WithUnmarshalers(json.UnmarshalFromFunc(decodeNumber))

// decodeNumber keeps whole numbers whole.
func decodeNumber(dec *jsontext.Decoder, v *any) error {
	if dec.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		*v = n
		return nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	*v = f
	return err
}

// decodeObject reads a JSON object of a plugin's. Empty is one without members.
func decodeObject(data []byte) (map[string]any, error) {
	if len(data) == 0 {
		return map[string]any{}, nil
	}
	if len(data) > wire.MaxPayload {
		return nil, fmt.Errorf("%d bytes are more than the %d that there may be", len(data), wire.MaxPayload)
	}
	var v any
	if err := json.Unmarshal(data, &v, readNumbers); err != nil {
		return nil, fmt.Errorf("no JSON: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the JSON is no object")
	}
	return m, nil
}

// decodeOutput reads a call's outputs and checks them. A list or map that is null is empty: so some languages write those.
func decodeOutput(declared []actions.Input, data []byte) (map[string]any, error) {
	if m, ok := decodeScalars(declared, data); ok {
		return m, nil
	}
	m, err := decodeObject(data)
	if err != nil {
		return nil, err
	}
	for _, d := range declared {
		if v, given := m[d.Name]; given && v == nil && d.Required {
			switch d.Type.Kind() {
			case reflect.Slice:
				m[d.Name] = []any{}
			case reflect.Map:
				m[d.Name] = map[string]any{}
			}
		}
	}
	return actions.Conform(declared, m)
}

// CheckOutput says what is wrong with the JSON that a call of an action was answered with, as the host does; nil for nothing.
func CheckOutput(a *Action, output []byte) error {
	_, err := decodeOutput(a.Spec.Outputs, output)
	return err
}

var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// decodeScalars is decodeOutput for outputs that are no more than texts, numbers and the like, as most are, and that are right;
// false for others.
func decodeScalars(declared []actions.Input, data []byte) (map[string]any, bool) {
	if len(data) == 0 || len(data) > wire.MaxPayload {
		return nil, false
	}
	dec := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(dec)
	dec.Reset(bytes.NewBuffer(data))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, false
	}
	out := make(map[string]any, len(declared))
	for dec.PeekKind() == '"' {
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		d := named(declared, raw)
		if d == nil {
			return nil, false
		}
		kind := d.Type.Kind()
		switch dec.PeekKind() {
		case '"':
			tok, err := dec.ReadToken()
			if err != nil || kind != reflect.String || d.Enum != nil {
				return nil, false
			}
			out[d.Name] = tok.String()
		case '0':
			raw, err := dec.ReadValue()
			if err != nil || kind != reflect.Int64 || d.Type == durationType {
				return nil, false
			}
			n, err := strconv.ParseInt(string(raw), 10, 64)
			if err != nil {
				return nil, false
			}
			out[d.Name] = n
		case 't', 'f':
			tok, err := dec.ReadToken()
			if err != nil || kind != reflect.Bool {
				return nil, false
			}
			out[d.Name] = tok.Bool()
		case '[':
			if _, err := dec.ReadToken(); err != nil || kind != reflect.Slice || dec.PeekKind() != ']' {
				return nil, false
			}
			if _, err := dec.ReadToken(); err != nil {
				return nil, false
			}
			out[d.Name] = []any{}
		default:
			return nil, false
		}
	}
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '}' {
		return nil, false
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, false
	}
	for i := range declared {
		if _, ok := out[declared[i].Name]; !ok && declared[i].Required {
			return nil, false
		}
	}
	return out, true
}

// named is what is declared under a name that is quoted; nil for nothing, or a name that is written in an odd way.
func named(declared []actions.Input, quoted []byte) *actions.Input {
	for i := range declared {
		if string(quoted[1:len(quoted)-1]) == declared[i].Name {
			return &declared[i]
		}
	}
	return nil
}
