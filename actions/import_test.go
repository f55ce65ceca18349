package actions

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestImportHandwritten(t *testing.T) {
	in := args{"in_user": "alice", "messages": []any{
		args{"from": "alice", "at": "2026-10-10T09:00:00+08:00", "text": "hi", "seq": 3, "custom_data": "c"},
		args{"from": "bot", "at": int64(1791594005), "elements": []any{args{"face": args{"index": 1}}}},
		args{"from": "alice", "at": time.Unix(1791594005, 0), "text": "again"},
		args{"from": "alice", "at": 1791594005.0, "text": "again"},
	}}
	var first []*sdkconn.Message
	for range 2 {
		conn := new(recorder)
		res, err := Import.Run(t.Context(), newCall(t, conn), in)
		if err != nil {
			t.Fatal(err)
		}
		got := conn.calls[0]
		if len(conn.calls) != 1 || got.Op != "ImportMsgList" || got.Conv != sdkconn.C2C("alice") || res.Value != int64(4) {
			t.Fatalf("calls %+v, result %+v", conn.calls, res)
		}
		if first != nil && !reflect.DeepEqual(got.Msgs, first) {
			t.Error("the same list makes other messages the second time")
		}
		first = got.Msgs
	}
	m := first[0]
	if m.Sender != "alice" || m.IsFromSelf || m.ServerTime != 1791594000 || m.ClientTime != 1791594000 || m.Seq != 3 ||
		m.Text() != "hi" || m.CloudCustom != "c" || m.Rand == 0 {
		t.Errorf("first %+v", m)
	}
	if !first[1].IsFromSelf || first[1].Elems[0].ElemType() != sdkconn.ElemFace {
		t.Errorf("second %+v", first[1])
	}
	if first[2].Rand == first[3].Rand || first[2].ServerTime != first[3].ServerTime {
		t.Errorf("the same words twice are one message: %d and %d", first[2].Rand, first[3].Rand)
	}
}

func TestImportFile(t *testing.T) {
	const one = `{"message_elem_array":[{"elem_type":0,"text_elem_content":"1"}],"message_sender":"alice","message_server_time":5}`
	two := strings.ReplaceAll(one, `"1"`, `"2"`)
	for name, content := range map[string]string{
		"array":                "[" + one + ",\n" + two + "]",
		"lines":                one + "\n\n" + two + "\n",
		"lines of Windows":     "\xef\xbb\xbf" + one + "\r\n" + two,
		"array after a margin": "\n  [" + one + "," + two + "]\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := new(recorder)
			c := newCall(t, conn)
			write(t, c.Dir, "old/export.json", []byte(content))
			if _, err := Import.Run(t.Context(), c, args{"file": "old/export.json"}); err != nil {
				t.Fatal(err)
			}
			msgs := conn.calls[0].Msgs
			if len(msgs) != 2 || msgs[0].Text() != "1" || msgs[1].Text() != "2" || msgs[1].Sender != "alice" || msgs[0].ServerTime != 5 {
				t.Errorf("got %+v", msgs)
			}
		})
	}
}

func TestImportErrors(t *testing.T) {
	c := newCall(t, nil)
	write(t, c.Dir, "bad.jsonl", []byte(`{"message_elem_array":[{"elem_type":0}]}`+"\n{"))
	write(t, c.Dir, "bad.json", []byte(`[{"message_elem_array":`))
	write(t, c.Dir, "hollow.json", []byte(`[{"message_elem_array":[{"elem_type":0}]},{}]`))
	write(t, c.Dir, "null.json", []byte(`[null]`))
	write(t, c.Dir, "none.json", []byte(" \n"))
	hand := func(m args) args { return args{"messages": []any{m}} }
	for _, tt := range []struct {
		in   args
		want string
	}{
		{args{}, "messages: is missing: give messages, copies or file"},
		{args{"messages": []any{}}, "messages: is empty"},
		{args{"copies": []any{}}, "copies: is empty"},
		{args{"copies": []any{&sdkconn.Message{}}}, "copies: message 1 has no content"},
		{hand(args{"from": "a", "text": "x"}), "messages[0].at: is missing"},
		{hand(args{"from": "a", "text": "x", "at": "tomorrow"}), `messages[0].at: "tomorrow" is no time: want for instance 2026-10-10T09:00:00+08:00, or Unix seconds`},
		{hand(args{"from": "a", "text": "x", "at": "5m"}), `messages[0].at: "5m" is no time`},
		{hand(args{"from": "a", "text": "x", "at": true}), "messages[0].at: want for instance 2026-10-10T09:00:00+08:00, or Unix seconds, not true or false"},
		{hand(args{"from": "a", "text": "x", "at": 0}), "messages[0].at: is out of range"},
		{hand(args{"from": "", "text": "x", "at": 1}), "messages[0].from: is empty"},
		{hand(args{"from": "a", "at": 1}), "messages[0].text: give text or elements"},
		{hand(args{"from": "a", "text": "", "at": 1}), "messages[0].text: is empty"},
		{hand(args{"from": "a", "elements": []any{args{}}, "at": 1}), "messages[0].elements[0]: is empty"},
		{args{"file": "../x.json"}, `file: "../x.json" is outside the bot's folder`},
		{args{"file": "bad.jsonl"}, `file: line 2 of "bad.jsonl": message: `},
		{args{"file": "bad.json"}, `file: "bad.json" is no list of the SDK's messages: `},
		{args{"file": "hollow.json"}, "file: message 2 has no content"},
		{args{"file": "null.json"}, "file: message 1 has no content"},
		{args{"file": "none.json"}, "file: is empty"},
	} {
		conn := new(recorder)
		c.Conn = conn
		_, err := Import.Run(t.Context(), c, tt.in)
		if err == nil || !strings.HasPrefix(err.Error(), "import: "+tt.want) {
			t.Errorf("%v:\ngot  %v\nwant %s", tt.in, err, tt.want)
		}
		if len(conn.calls) > 0 {
			t.Errorf("%v: called", tt.in)
		}
	}
}

func TestImportInParts(t *testing.T) {
	var copies []any
	for range importChunk + 1 {
		copies = append(copies, theMessage())
	}
	conn := new(recorder)
	res, err := Import.Run(t.Context(), newCall(t, conn), args{"copies": copies})
	if err != nil || len(conn.calls) != 2 || res.Value != int64(importChunk+1) {
		t.Errorf("calls %d, result %v, %v", len(conn.calls), res.Value, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Import.Run(ctx, newCall(t, conn), args{"copies": copies}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the deadline: %v", err)
	}
}
