package actions

import (
	"errors"
	"reflect"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestRevoke(t *testing.T) {
	mine := theMessage()
	mine.ConvID, mine.ConvType, mine.IsFromSelf = "bob", sdkconn.ConvC2C, true
	l := mine.Locator()
	nowhere := sdkconn.Locator{Time: 1, Seq: 2, Rand: 3}
	for _, tt := range []struct {
		name  string
		in    args
		found []*sdkconn.Message
		want  []call
	}{
		{"the event's message", args{}, nil, []call{{Op: "Revoke", Conv: sdkconn.Group("@TGS#1"), Msg: theMessage()}}},
		{"one that a step sent elsewhere", args{"msg": mine}, nil, []call{{Op: "Revoke", Conv: sdkconn.C2C("bob"), Msg: mine}}},
		{"by a locator that knows where", args{"locator": l}, []*sdkconn.Message{mine}, []call{
			{Op: "FindByMsgLocatorList", Conv: sdkconn.C2C("bob"), Locators: []sdkconn.Locator{l}},
			{Op: "Revoke", Conv: sdkconn.C2C("bob"), Msg: mine},
		}},
		{"by a locator in the event's conversation", args{"locator": nowhere}, []*sdkconn.Message{mine}, []call{
			{Op: "FindByMsgLocatorList", Conv: sdkconn.Group("@TGS#1"), Locators: []sdkconn.Locator{nowhere}},
			{Op: "Revoke", Conv: sdkconn.Group("@TGS#1"), Msg: mine},
		}},
		{"by a locator in a conversation that is named", args{"locator": nowhere, "in_user": "carol"}, []*sdkconn.Message{mine}, []call{
			{Op: "FindByMsgLocatorList", Conv: sdkconn.C2C("carol"), Locators: []sdkconn.Locator{nowhere}},
			{Op: "Revoke", Conv: sdkconn.C2C("carol"), Msg: mine},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := &recorder{found: tt.found}
			res, err := Revoke.Run(t.Context(), newCall(t, conn), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(conn.calls, tt.want) {
				t.Errorf("got  %+v\nwant %+v", conn.calls, tt.want)
			}
			if m, _ := res.Values()["msg"].(*sdkconn.Message); m == nil {
				t.Errorf("values %v", res.Values())
			}
		})
	}
}

func TestRevokeTwiceIsNoFailure(t *testing.T) {
	revoked := theMessage()
	revoked.Status = sdkconn.StatusRevoked
	conn := &recorder{
		err:   map[string]error{"Revoke": &sdkconn.Error{Op: "Revoke", Code: sdkconn.CodeGroupRevokeMsgDeny}},
		found: []*sdkconn.Message{revoked},
	}
	if _, err := Revoke.Run(t.Context(), newCall(t, conn), args{}); err != nil {
		t.Errorf("found to be revoked: %v", err)
	}
	conn = new(recorder)
	if _, err := Revoke.Run(t.Context(), newCall(t, conn), args{"msg": revoked}); err != nil || len(conn.calls) > 0 {
		t.Errorf("known to be revoked: %v, %v", err, conn.calls)
	}
}

func TestRevokeErrors(t *testing.T) {
	late := &recorder{err: map[string]error{"Revoke": &sdkconn.Error{Op: "Revoke", Code: sdkconn.CodeGroupRevokeMsgTimeLimit, Desc: "too late"}}}
	_, err := Revoke.Run(t.Context(), newCall(t, late), args{})
	want := "revoke: revoke in group_@TGS#1: Revoke: 10031 ERR_SVR_GROUP_REVOKE_MSG_TIME_LIMIT: too late " +
		"(messages can be revoked for 120 seconds unless the console says otherwise)"
	if !errors.Is(err, sdkconn.CodeGroupRevokeMsgTimeLimit) || err.Error() != want {
		t.Errorf("got %v", err)
	}
	_, err = Revoke.Run(t.Context(), newCall(t, new(recorder)), args{"locator": args{"time": 1, "seq": 2, "rand": 3}})
	var input *InputError
	if !errors.As(err, &input) || input.Input != "locator" {
		t.Errorf("not found: %v", err)
	}
	_, err = Revoke.Run(t.Context(), newCall(t, new(recorder)), args{"in_user": "bob"})
	if !errors.As(err, &input) || input.Input != "msg" {
		t.Errorf("no message named: %v", err)
	}
	c := newCall(t, new(recorder))
	c.Event = nil
	if _, err = Revoke.Run(t.Context(), c, args{}); !errors.As(err, &input) || input.Input != "msg" {
		t.Errorf("no event: %v", err)
	}
}
