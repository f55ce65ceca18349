package actions

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestHistory(t *testing.T) {
	msg := theMessage()
	const now = 1_700_000_100
	for _, tt := range []struct {
		name string
		in   args
		want sdkconn.GetMsgListParam
	}{
		{"the newest", args{}, sdkconn.GetMsgListParam{Count: 20}},
		{"older", args{"before": msg, "count": 5}, sdkconn.GetMsgListParam{Count: 5, LastMsg: msg}},
		{"newer", args{"after": msg}, sdkconn.GetMsgListParam{Count: 20, LastMsg: msg, IsForward: true}},
		{"from a number", args{"from_seq": 7, "direction": "newer"}, sdkconn.GetMsgListParam{Count: 20, LastMsgSeq: 7, IsForward: true}},
		{"numbers", args{"seqs": []any{1, 2}}, sdkconn.GetMsgListParam{Count: 20, Seqs: []uint64{1, 2}}},
		{"roaming", args{"roaming": true}, sdkconn.GetMsgListParam{Count: 20, IsRamble: true}},
		{"types", args{"types": []any{"image", "file", "merge"}}, sdkconn.GetMsgListParam{
			Count: 20, ElemTypes: []sdkconn.ElemType{sdkconn.ElemImage, sdkconn.ElemFile, sdkconn.ElemMerge},
		}},
		{"the last hour", args{"since": "1h"}, sdkconn.GetMsgListParam{Count: 20, TimeBegin: now, TimePeriod: 3600}},
		{"the last hour, oldest first", args{"since": time.Hour, "direction": "newer"},
			sdkconn.GetMsgListParam{Count: 20, TimeBegin: now - 3600, TimePeriod: 3600, IsForward: true}},
		{"between", args{"since": 100, "until": time.Unix(300, 0)}, sdkconn.GetMsgListParam{Count: 20, TimeBegin: 300, TimePeriod: 200}},
		{"until", args{"until": "1970-01-01T00:01:40Z"}, sdkconn.GetMsgListParam{Count: 20, TimeBegin: 100, TimePeriod: 99}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn := &recorder{page: []*sdkconn.Message{msg}}
			res, err := History.Run(t.Context(), newCall(t, conn), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if want := []call{{Op: "GetMsgList", Conv: sdkconn.Group("@TGS#1"), Page: tt.want}}; !reflect.DeepEqual(conn.calls, want) {
				t.Errorf("got  %+v\nwant %+v", conn.calls, want)
			}
			if list := res.Values()["messages"].([]any); len(list) != 1 || list[0] != any(msg) || res.Value != int64(1) {
				t.Errorf("result %+v", res)
			}
		})
	}
}

func TestHistoryErrors(t *testing.T) {
	for _, tt := range []struct {
		in   args
		want string
	}{
		{args{"count": 0}, "count: is 0: want 1 to 1000"},
		{args{"count": 1001}, "count: is 1001: want 1 to 1000"},
		{args{"before": theMessage(), "after": theMessage()}, "after: cannot be given together with before"},
		{args{"after": theMessage(), "direction": "older"}, "direction: cannot be given together with after"},
		{args{"from_seq": 0}, "from_seq: is 0"},
		{args{"from_seq": 1, "in_user": "bob"}, "from_seq: is for groups only"},
		{args{"seqs": []any{1}, "in_user": "bob"}, "seqs: is for groups only"},
		{args{"types": []any{"picture"}}, `types[0]: "picture" is not possible`},
		{args{"since": 300, "until": 100}, "until: is before since"},
		{args{"since": "yesterday"}, `since: "yesterday" is no time: want for instance 24h (that long ago), `},
		{args{"since": "-1h"}, "since: -1h0m0s is in the future"},
		{args{"until": []any{}}, "until: want for instance 24h"},
		{args{"since": "1969-01-01T00:00:00Z"}, "since: is out of range"},
	} {
		_, err := History.Run(t.Context(), newCall(t, new(recorder)), tt.in)
		if err == nil || !strings.HasPrefix(err.Error(), "history: "+tt.want) {
			t.Errorf("%v: got %v, want %s", tt.in, err, tt.want)
		}
	}
	conn := &recorder{err: map[string]error{"GetMsgList": &sdkconn.Error{Op: "GetMsgList", Code: sdkconn.CodeNotLoggedIn}}}
	if _, err := History.Run(t.Context(), newCall(t, conn), args{}); !errors.Is(err, sdkconn.CodeNotLoggedIn) {
		t.Errorf("got %v", err)
	}
}
