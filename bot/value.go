package bot

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/sdkconn"
)

// A run's values live in the journal as JSON. What JSON has no form for is an object with one of these keys.
const (
	tagMessage  = "$message"
	tagLocator  = "$locator"
	tagTime     = "$time"
	tagDuration = "$duration"
	tagMap      = "$map" // around a map that could be taken for one of these
)

// encodeValue writes a value that a step used or gave: nil, bool, string, any integer or float, time.Time,
// time.Duration, *sdkconn.Message, sdkconn.Locator, and lists and maps of those.
func encodeValue(v any) ([]byte, error) {
	tagged, err := tag(v)
	if err != nil {
		return nil, err
	}
	return json.Marshal(tagged, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

func tag(v any) (any, error) {
	switch v := v.(type) {
	case *sdkconn.Message:
		if v == nil {
			return nil, nil
		}
		data, err := sdkconn.Marshal(v)
		return map[string]any{tagMessage: jsontext.Value(data)}, err
	case sdkconn.Locator:
		data, err := sdkconn.Marshal(v)
		return map[string]any{tagLocator: jsontext.Value(data)}, err
	case time.Time:
		return map[string]any{tagTime: v.Format(time.RFC3339Nano)}, nil
	case time.Duration:
		return map[string]any{tagDuration: v.String()}, nil
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = tag(x); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			var err error
			if out[k], err = tag(x); err != nil {
				return nil, err
			}
		}
		if looksTagged(v) {
			return map[string]any{tagMap: out}, nil
		}
		return out, nil
	}
	return v, nil
}

func looksTagged(m map[string]any) bool {
	for key := range m {
		return len(m) == 1 && strings.HasPrefix(key, "$")
	}
	return false
}

// decodeValue is the inverse of encodeValue. Whole numbers come back as int64, or uint64 beyond it.
func decodeValue(data []byte) (any, error) {
	var v any
	if err := json.Unmarshal(data, &v, json.WithUnmarshalers(json.UnmarshalFromFunc(decodeNumber))); err != nil {
		return nil, err
	}
	return untag(v)
}

// decodeNumber keeps 64-bit ids whole, which a float64 does not.
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
	if n, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
		*v = n
		return nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	*v = f
	return err
}

func untag(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			var err error
			if v[i], err = untag(x); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if looksTagged(v) {
			for key, x := range v {
				return untagOne(key, x)
			}
		}
		return untagMembers(v)
	}
	return v, nil
}

func untagMembers(m map[string]any) (any, error) {
	for k, x := range m {
		var err error
		if m[k], err = untag(x); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func untagOne(key string, x any) (any, error) {
	switch key {
	case tagMessage, tagLocator:
		data, err := json.Marshal(x)
		if err != nil {
			return nil, err
		}
		if key == tagMessage {
			return sdkconn.UnmarshalMessage(data)
		}
		var l sdkconn.Locator
		err = sdkconn.Unmarshal(data, &l)
		return l, err
	case tagTime:
		return time.Parse(time.RFC3339Nano, fmt.Sprint(x))
	case tagDuration:
		return time.ParseDuration(fmt.Sprint(x))
	case tagMap:
		if m, ok := x.(map[string]any); ok {
			return untagMembers(m)
		}
	}
	return nil, fmt.Errorf("value: %q is no mark of a value", key)
}
