package actions

import (
	"errors"
	"reflect"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestFind(t *testing.T) {
	msg := theMessage()
	l, bare := msg.Locator(), sdkconn.Locator{Time: 1, Seq: 2, Rand: 3}
	for _, tt := range []struct {
		name string
		in   args
		want call
	}{
		{"where the locator knows", args{"locators": []any{l}}, call{Conv: sdkconn.Group("@TGS#1"), Locators: []sdkconn.Locator{l}}},
		{"here", args{"locators": []any{bare}}, call{Conv: sdkconn.Group("@TGS#1"), Locators: []sdkconn.Locator{bare}}},
		{"elsewhere", args{"locators": []any{args{"time": 1, "seq": 2, "rand": 3}, l}, "in": "c2c_bob"},
			call{Conv: sdkconn.C2C("bob"), Locators: []sdkconn.Locator{bare, l}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := &recorder{found: []*sdkconn.Message{msg}}
			tt.want.Op = "FindByMsgLocatorList"
			res, err := Find.Run(t.Context(), newCall(t, conn), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(conn.calls, []call{tt.want}) || res.Value != int64(1) {
				t.Errorf("got  %+v, %v\nwant %+v", conn.calls, res, tt.want)
			}
		})
	}
	var input *InputError
	if _, err := Find.Run(t.Context(), newCall(t, new(recorder)), args{"locators": []any{}}); !errors.As(err, &input) {
		t.Errorf("no locators: %v", err)
	}
	conn := &recorder{err: map[string]error{"FindByMsgLocatorList": &sdkconn.Error{Code: sdkconn.CodeNotLoggedIn}}}
	if _, err := Find.Run(t.Context(), newCall(t, conn), args{"locators": []any{l}}); !errors.Is(err, sdkconn.CodeNotLoggedIn) {
		t.Errorf("got %v", err)
	}
}
