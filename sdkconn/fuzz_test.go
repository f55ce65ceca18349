package sdkconn_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func seed(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatal("no files in testdata")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{``, `null`, `[]`, `{"message_elem_array":[{"elem_type":1e400},{"elem\u005ftype":3},{"a":{"}":"]"}},5]}`,
		`{"message_seq":-1e99,"message_priority":"x","message_sender_profile":[],"a":1,"a":2}`,
		`{"message_elem_array":[{"elem_type":7,"location_elem_latitude":1e400}]}`, "{\"\xff\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Add(merged(120, true))
	f.Add(merged(120, false))
}

// twice checks that what was read can be written, and that writing what is read of that changes nothing.
func twice(t *testing.T, in []byte, v any) {
	if sdkconn.Unmarshal(in, v) != nil {
		return
	}
	once, err := sdkconn.Marshal(v)
	if err != nil {
		t.Fatalf("read from %q, and cannot be written: %v", in, err)
	}
	back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
	if err := sdkconn.Unmarshal(once, back); err != nil {
		t.Fatalf("written from %q, and cannot be read: %v\n%s", in, err, once)
	}
	again, err := sdkconn.Marshal(back)
	if err != nil || !bytes.Equal(once, again) {
		t.Fatalf("from %q: %v\n%s\n%s", in, err, once, again)
	}
}

func FuzzMessage(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		twice(t, data, new(sdkconn.Message))
		twice(t, data, new([]*sdkconn.Message))
		if m, err := sdkconn.UnmarshalMessage(data); err == nil {
			e := sdkconn.Event{Kind: sdkconn.EventMsgUpdate, Message: m}
			if e.Key() == "" || m.Text() != "" && len(m.Elems) == 0 {
				t.Errorf("from %q: %+v", data, m)
			}
		}
	})
}

func FuzzParams(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []any{
			new(sdkconn.GetMsgListParam), new(sdkconn.DeleteParam), new(sdkconn.DownloadElemParam), new(sdkconn.DownloadElemResult),
			new(sdkconn.BatchSendParam), new([]sdkconn.BatchSendResult), new([]sdkconn.Locator), new([]sdkconn.Revocation),
			new([]sdkconn.MessageReceipt), new([]sdkconn.ConvInfo), new(sdkconn.GroupInfo), new(sdkconn.GroupMemberInfo),
			new(sdkconn.UserProfile), new(sdkconn.GroupCreateParam), new(sdkconn.Event),
		} {
			twice(t, data, v)
		}
		sdkconn.UnmarshalGroupTips(data)
	})
}
