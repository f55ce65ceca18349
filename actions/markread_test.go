package actions

import (
	"errors"
	"reflect"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestMarkRead(t *testing.T) {
	other := theMessage()
	other.ConvID, other.ConvType = "bob", sdkconn.ConvC2C
	for _, tt := range []struct {
		name string
		in   args
		want call
	}{
		{"up to the event's message", args{}, call{Conv: sdkconn.Group("@TGS#1"), Msg: theMessage()}},
		{"everything here", args{"all": true}, call{Conv: sdkconn.Group("@TGS#1")}},
		{"everything elsewhere", args{"in_user": "bob"}, call{Conv: sdkconn.C2C("bob")}},
		{"up to a message", args{"up_to": other}, call{Conv: sdkconn.C2C("bob"), Msg: other}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := new(recorder)
			tt.want.Op = "ReportReaded"
			if _, err := MarkRead.Run(t.Context(), newCall(t, conn), tt.in); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(conn.calls, []call{tt.want}) {
				t.Errorf("got  %+v\nwant %+v", conn.calls, tt.want)
			}
		})
	}
	conn := &recorder{err: map[string]error{"ReportReaded": &sdkconn.Error{Op: "ReportReaded", Code: sdkconn.CodeNotLoggedIn}}}
	if _, err := MarkRead.Run(t.Context(), newCall(t, conn), args{}); !errors.Is(err, sdkconn.CodeNotLoggedIn) {
		t.Errorf("got %v", err)
	}
}
