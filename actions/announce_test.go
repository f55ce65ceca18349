package actions

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestAnnounce(t *testing.T) {
	conn := new(recorder)
	res, err := Announce.Run(t.Context(), newCall(t, conn), args{
		"to":   args{"users": []any{"a", "b", "a"}, "groups": []any{"g1", "g2", "g1", "g1"}},
		"text": "news",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range conn.calls {
		if c.Msg.Text() != "news" {
			t.Errorf("%s: %q", c.Op, c.Msg.Text())
		}
		got = append(got, fmt.Sprint(c.Op, c.Users, c.Conv.ID))
	}
	if want := []string{"BatchSend[a b]", "SendNewMsg[]g1", "SendNewMsg[]g2"}; !slices.Equal(got, want) {
		t.Errorf("calls %q", got)
	}
	v := res.Values()
	if v["total"] != int64(4) || v["sent"] != int64(4) || v["failed"] != int64(0) || v["skipped"] != int64(3) ||
		res.Value != int64(4) || res.Text != "news" {
		t.Errorf("values %v", v)
	}
	first := v["results"].([]any)[0].(map[string]any)
	if first["to"] != "c2c_a" || first["ok"] != true || first["msg_id"] != "to-a" {
		t.Errorf("first result %v", first)
	}
}

func TestAnnounceInBatches(t *testing.T) {
	conn := new(recorder)
	var users []any
	for i := range 2*batchMax + 1 {
		users = append(users, fmt.Sprint("u", i))
	}
	res, err := Announce.Run(t.Context(), newCall(t, conn), args{"to": args{"users": users}, "text": "x"})
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, c := range conn.calls {
		sizes = append(sizes, len(c.Users))
	}
	if !slices.Equal(sizes, []int{batchMax, batchMax, 1}) || res.Value != int64(len(users)) {
		t.Errorf("batches %v, sent %v", sizes, res.Value)
	}
}

func TestAnnounceGoesOnAfterFailures(t *testing.T) {
	conn := &recorder{
		err: map[string]error{"SendNewMsg": &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeGroupNotFound}},
		batch: func(users []string) ([]sdkconn.BatchSendResult, error) { // in another order, and one is missing
			return []sdkconn.BatchSendResult{{User: "c"}, {User: "a", Code: sdkconn.CodeSvrMsgInvalidID, Desc: "unknown"}}, nil
		},
	}
	res, err := Announce.Run(t.Context(), newCall(t, conn), args{
		"to": args{"users": []any{"a", "b", "c"}, "groups": []any{"g"}}, "text": "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []delivery{
		{To: "c2c_a", Code: 20003, Error: "BatchSend: 20003 ERR_SVR_MSG_INVALID_ID: unknown"},
		{To: "c2c_b", Error: errNoResult.Error()},
		{To: "c2c_c", OK: true},
		{To: "group_g", Code: 10010, Error: "send to group_g: SendNewMsg: 10010 ERR_SVR_GROUP_NOT_FOUND (check the group's id)"},
	}
	out := res.Out.(announceOut)
	if !reflect.DeepEqual(out.Results, want) || out.Sent != 1 || out.Failed != 3 {
		t.Errorf("got %+v", out)
	}
}

func TestAnnounceToNobody(t *testing.T) {
	res, err := Announce.Run(t.Context(), newCall(t, new(recorder)), args{"to": args{}, "text": "x"})
	if err != nil || res.Value != int64(0) {
		t.Errorf("got %v, %v", res, err)
	}
	conn := &recorder{err: map[string]error{"BatchSend": &sdkconn.Error{Op: "BatchSend", Code: sdkconn.CodeNotLoggedIn}}}
	res, err = Announce.Run(t.Context(), newCall(t, conn), args{"to": args{"users": []any{"a"}}, "text": "x"})
	if !errors.Is(err, sdkconn.CodeNotLoggedIn) || res.Out.(announceOut).Failed != 1 {
		t.Errorf("all failed: %+v, %v", res, err)
	}
	if _, err = Announce.Run(t.Context(), newCall(t, conn), args{"to": args{"groups": []any{"g", ""}}, "text": "x"}); err == nil ||
		err.Error() != "announce: to.groups[1]: is empty: want an id" {
		t.Errorf("empty id: %v", err)
	}
}

func TestAnnounceStopsAtTheDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	conn := &recorder{batch: func(users []string) ([]sdkconn.BatchSendResult, error) {
		cancel()
		return []sdkconn.BatchSendResult{{User: "a"}}, nil
	}}
	res, err := Announce.Run(ctx, newCall(t, conn), args{"to": args{"users": []any{"a"}, "groups": []any{"g"}}, "text": "x"})
	out := res.Out.(announceOut)
	if !errors.Is(err, context.Canceled) || out.Sent != 1 || out.Failed != 1 || len(conn.calls) != 1 {
		t.Errorf("got %+v, %v, calls %d", out, err, len(conn.calls))
	}
}
