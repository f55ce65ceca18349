package actions

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// FuzzDecode gives every action whatever JSON holds. It must answer, and refuse with an InputError or send something that
// can be written.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"text":"hi"}`,
		`{"text":"hi","to_user":"bob","mentions":["all"],"push":{"ios":{"a":1}}}`,
		`{"elements":[{"location":{"latitude":1e9,"longitude":-1}},{"face":{"index":1.5}},null]}`,
		`{"elements":[{"image":{"path":"../../x","level":"hd"}}],"to":"group_"}`,
		`{"to":{"users":["a","a",""],"groups":null},"text":""}`,
		`{"messages":[{"from":"a","at":1e300,"text":"x"},{"at":"2026-10-10T09:00:00Z","from":"b","elements":[]}]}`,
		`{"file":"x.json","in":"c2c_a"}`,
		`{"count":-1,"since":"99999999h","until":{},"types":["text"],"seqs":[1,-1]}`,
		`{"locators":[{"time":1,"seq":2,"rand":18446744073709551615},[]],"in_group":"g"}`,
		`{"folder":"..","element":1e10,"name":"\u0000"}`,
		`{"level":"warn","text":"x","attrs":{"a":[{}]}}`,
		`{"msg":{},"all":true}`,
		`[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in map[string]any
		if json.Unmarshal(data, &in) != nil {
			return
		}
		for _, a := range append(Builtin(), echo) {
			conn := new(recorder)
			res, err := a.Run(t.Context(), newCall(t, conn), in)
			res.Values()
			if err != nil {
				var input *InputError
				if !errors.As(err, &input) {
					t.Errorf("%s: %v", a.Spec().Name, err)
				}
				continue
			}
			for _, c := range conn.calls {
				if c.Msg == nil {
					continue
				}
				if _, err := sdkconn.Marshal(c.Msg); err != nil {
					t.Errorf("%s: %v", a.Spec().Name, err)
				}
			}
		}
	})
}
