package actions

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestSave(t *testing.T) {
	other := theMessage()
	other.CloudCustom = "c"
	hi := sdkconn.Elems{&sdkconn.TextElem{Text: "hi"}}
	for _, tt := range []struct {
		name string
		in   args
		conv sdkconn.Conversation
		want *sdkconn.Message
	}{
		{"as the bot", args{"text": "hi"}, sdkconn.Group("@TGS#1"),
			&sdkconn.Message{Sender: "bot", IsFromSelf: true, Elems: hi}},
		{"as somebody else, elsewhere", args{"elements": []any{args{"text": "hi"}}, "from": "alice", "in_user": "alice", "custom_data": "d"},
			sdkconn.C2C("alice"), &sdkconn.Message{Sender: "alice", Elems: hi, CloudCustom: "d"}},
		{"a copy", args{"copy": other, "in_group": "log"}, sdkconn.Group("log"),
			&sdkconn.Message{Sender: "alice", Elems: other.Elems, CloudCustom: "c"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := new(recorder)
			res, err := Save.Run(t.Context(), newCall(t, conn), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if want := []call{{Op: "SaveMsg", Conv: tt.conv, Msg: tt.want}}; !reflect.DeepEqual(conn.calls, want) {
				t.Errorf("got  %+v\nwant %+v", conn.calls[0].Msg, tt.want)
			}
			if res.Text != tt.want.Text() {
				t.Errorf("text %q", res.Text)
			}
		})
	}
	for _, tt := range []struct {
		in   args
		want string
	}{
		{args{}, "text: is missing: give text, elements or copy"},
		{args{"text": "a", "from": ""}, "from: is empty"},
		{args{"copy": other, "from": "a"}, "from: cannot be given together with copy"},
		{args{"copy": &sdkconn.Message{}}, "copy: the message has no content"},
	} {
		if _, err := Save.Run(t.Context(), newCall(t, new(recorder)), tt.in); err == nil || !strings.HasPrefix(err.Error(), "save: "+tt.want) {
			t.Errorf("%v: got %v, want %s", tt.in, err, tt.want)
		}
	}
	conn := &recorder{err: map[string]error{"SaveMsg": &sdkconn.Error{Op: "SaveMsg", Code: sdkconn.CodeNotLoggedIn}}}
	if _, err := Save.Run(t.Context(), newCall(t, conn), args{"text": "a"}); !errors.Is(err, sdkconn.CodeNotLoggedIn) {
		t.Errorf("got %v", err)
	}
}
