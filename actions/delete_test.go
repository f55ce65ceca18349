package actions

import (
	"errors"
	"reflect"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestDelete(t *testing.T) {
	other := theMessage()
	other.ConvID, other.ConvType = "bob", sdkconn.ConvC2C
	for _, tt := range []struct {
		name string
		in   args
		want call
	}{
		{"the event's message", args{}, call{Conv: sdkconn.Group("@TGS#1"), Msg: theMessage()}},
		{"a message", args{"msg": other}, call{Conv: sdkconn.C2C("bob"), Msg: other}},
		{"everything here", args{"all": true}, call{Conv: sdkconn.Group("@TGS#1")}},
		{"everything elsewhere", args{"all": true, "in_user": "bob"}, call{Conv: sdkconn.C2C("bob")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := new(recorder)
			tt.want.Op = "Delete"
			if _, err := Delete.Run(t.Context(), newCall(t, conn), tt.in); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(conn.calls, []call{tt.want}) {
				t.Errorf("got  %+v\nwant %+v", conn.calls, tt.want)
			}
		})
	}
}

// A conversation is only emptied by somebody who says so.
func TestDeleteNeedsAMessageOrAll(t *testing.T) {
	c := newCall(t, new(recorder))
	c.Event = nil
	var input *InputError
	for _, in := range []args{{}, {"in_user": "bob"}, {"msg": theMessage(), "all": true}, {"msg": nil}, {"all": false}} {
		conn := new(recorder)
		c.Conn = conn
		if _, err := Delete.Run(t.Context(), c, in); !errors.As(err, &input) || len(conn.calls) > 0 {
			t.Errorf("%v: %v, calls %v", in, err, conn.calls)
		}
	}
}
