package sdkconn

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// FuzzElemType compares the scan for an element's number with reading the element.
func FuzzElemType(f *testing.F) {
	for _, s := range []string{`{}`, `{"elem_type":3}`, `{"a":{"elem_type":4},"elem_type":3}`, `{"a":"\"}","elem\u005ftype" : -1 , "b":[]}`,
		` { "elem_type":1e2}`, `{"elem_type":"3"}`, `{"elem_type":null}`, `{"elem_type":99999999999}`, `{"a":[{}, "]"],"b":true}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var members map[string]jsontext.Value
		if json.Unmarshal(data, &members) != nil || members == nil {
			elemType(data) // must come back
			return
		}
		got, ok := elemType(append(data, ']'))
		if !ok {
			t.Fatalf("%q is an object, and not understood", data)
		}
		want := ElemText
		if raw, given := members["elem_type"]; given && raw.Kind() == '0' {
			want = elemNumber(string(raw))
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", data, got, want)
		}
	})
}
