package face

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/sdkconn"
)

// What an object argument may be.
const (
	mayBeEmpty    = true
	mustSayThings = false
)

var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// object reads an argument that is an object into v.
func object(text string, v any, empty bool) sdkconn.Code {
	return argument(text, '{', v, empty)
}

// array reads an argument that is an array, which may have no elements, into v.
func array(text string, v any) sdkconn.Code {
	return argument(text, '[', v, mayBeEmpty)
}

func argument(text string, kind jsontext.Kind, v any, empty bool) sdkconn.Code {
	if text == "" {
		return sdkconn.CodeParam
	}
	data := dialect([]byte(text))
	if jsontext.Value(data).Kind() != kind || !empty && emptyObject(data) || sdkconn.Unmarshal(data, v) != nil {
		return sdkconn.CodeJSON
	}
	return 0
}

// objects reads an argument that is an array and returns the objects in it; what else is in it counts for nothing.
func objects(text string) ([]jsontext.Value, sdkconn.Code) {
	var all []jsontext.Value
	if code := array(text, &all); code != 0 {
		return nil, code
	}
	var some []jsontext.Value
	for _, v := range all {
		if v.Kind() == '{' {
			some = append(some, v)
		}
	}
	return some, 0
}

// names reads an argument that is an array of strings; what else is in it counts for nothing.
func names(text string) ([]string, sdkconn.Code) {
	var all []jsontext.Value
	if code := array(text, &all); code != 0 {
		return nil, code
	}
	var some []string
	for _, v := range all {
		var name string
		if v.Kind() == '"' && json.Unmarshal(v, &name, lenient) == nil {
			some = append(some, name)
		}
	}
	return some, 0
}

// emptyObject reports whether data is an object with nothing in it.
func emptyObject(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 || data[0] != '{' {
		return false
	}
	data = bytes.TrimLeft(data[1:], " \t\r\n")
	return len(data) > 0 && data[0] == '}'
}

// dialect makes JSON out of what the SDK takes for JSON: control characters may stand in strings as they are, and an element
// of a message in which a surrogate is written as an escape is not there.
func dialect(data []byte) []byte {
	data = escapeControls(data)
	if !bytes.Contains(data, []byte(`\ud`)) && !bytes.Contains(data, []byte(`\uD`)) {
		return data
	}
	if changed, err := dropElems(data); err == nil {
		return changed
	}
	return data // no JSON: whoever reads it says so
}

// escapeControls writes control characters inside strings as escapes.
func escapeControls(data []byte) []byte {
	const hex = "0123456789abcdef"
	inside := false
	var out []byte
	done := 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			inside = !inside
		case c == '\\' && inside:
			i++
		case c < ' ' && inside:
			out = append(out, data[done:i]...)
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			done = i + 1
		}
	}
	if done == 0 {
		return data
	}
	return append(out, data[done:]...)
}

// dropElems takes the elements with an escaped surrogate out of every message in data. It reads data once, however deep.
func dropElems(data jsontext.Value) (jsontext.Value, error) {
	c := copier{in: jsontext.NewDecoder(bytes.NewReader(data), lenient), out: make([]byte, 0, len(data))}
	if err := c.value(); err != nil {
		return nil, err
	}
	if _, err := c.in.ReadToken(); err != io.EOF {
		return nil, errors.Join(errors.New("something follows"), err)
	}
	return c.out, nil
}

// copier copies JSON without the elements that are dropped.
type copier struct {
	in        *jsontext.Decoder
	out       []byte
	surrogate bool // there is one in what was copied of the innermost element
}

// raw copies what needs no look inside.
func (c *copier) raw() (jsontext.Value, error) {
	v, err := c.in.ReadValue()
	c.out = append(c.out, v...)
	c.surrogate = c.surrogate || hasSurrogate(v)
	return v, err
}

func (c *copier) value() error {
	switch c.in.PeekKind() {
	case '[':
		return c.list(']', c.value)
	case '{':
		return c.list('}', c.member)
	}
	_, err := c.raw()
	return err
}

func (c *copier) member() error {
	name, err := c.raw()
	if err != nil {
		return err
	}
	c.out = append(c.out, ':')
	text, _ := jsontext.AppendUnquote(nil, name) // a lone surrogate is an error, and none of our names has one
	if string(text) == "message_elem_array" && c.in.PeekKind() == '[' {
		return c.list(']', c.elem)
	}
	return c.value()
}

// elem copies an element, unless it has a surrogate.
func (c *copier) elem() error {
	around, start := c.surrogate, len(c.out)
	c.surrogate = false
	err := c.value()
	if c.surrogate {
		c.out = c.out[:start]
	}
	c.surrogate = around
	return err
}

// list copies what is in an array or an object, with commas between what one copies.
func (c *copier) list(end jsontext.Kind, one func() error) error {
	if _, err := c.in.ReadToken(); err != nil {
		return err
	}
	c.out = append(c.out, byte(end)-2) // [ and { are two before their ends
	for first := true; c.in.PeekKind() != end; {
		before := len(c.out)
		if !first {
			c.out = append(c.out, ',')
		}
		start := len(c.out)
		if err := one(); err != nil {
			return err
		}
		if len(c.out) == start {
			c.out = c.out[:before]
		} else {
			first = false
		}
	}
	c.out = append(c.out, byte(end))
	_, err := c.in.ReadToken()
	return err
}

// hasSurrogate reports whether a surrogate is written as an escape.
func hasSurrogate(data []byte) bool {
	for i := 0; i+3 < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		i++
		if data[i] == 'u' && data[i+1]|0x20 == 'd' && bytes.IndexByte([]byte("89abcdefABCDEF"), data[i+2]) >= 0 {
			return true
		}
	}
	return false
}
