package face

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestDialect(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"a":"b"}`, `{"a":"b"}`},
		{"{\"a\":\"x\ny\x01\"}", `{"a":"x\u000ay\u0001"}`},
		{"{\n\t\"a\": \"\\\"\n\"}", "{\n\t\"a\": \"\\\"\\u000a\"}"},
		{text(`\ud83d\ude00`), `{"message_elem_array":[]}`},
		{text(`\uD83D`), `{"message_elem_array":[]}`},
		{text(`\\ud83d`), text(`\\ud83d`)},
		{text(`\ud7ff`), text(`\ud7ff`)},
		{`[{"message_elem_array":[{"a":"\udc00"},{"a":1}]}]`, `[{"message_elem_array":[{"a":1}]}]`},
		{`{"msg_batch_send_param_msg":{"message_elem_array":[{"a":["\ude00"]}]}}`, `{"msg_batch_send_param_msg":{"message_elem_array":[]}}`},
		{`{"\ud83d`, `{"\ud83d`},
		{`{"a":"\ud83d"} {}`, `{"a":"\ud83d"} {}`},
		{`{"a":[] , "message_elem_array" : [ {"a":"\ud83d"} , {} , 7, "\ud83d",null ] }`, `{"a":[],"message_elem_array":[{},7,null]}`},
		{`{"message\u005felem_array":["\ud83d"]}`, `{"message\u005felem_array":[]}`},
		{`{"message_elem_array":{"a":"\ud83d"}}`, `{"message_elem_array":{"a":"\ud83d"}}`},
		// Inside an element that holds messages only theirs goes; what is nobody's element takes the whole with it.
		{`{"message_elem_array":[{"m":[{"message_elem_array":[{"b":1},{"c":"\ud83d"}]}]},{"\ud83d":2}]}`,
			`{"message_elem_array":[{"m":[{"message_elem_array":[{"b":1}]}]}]}`},
		{`{"message_elem_array":[{"m":[{"x":"\ud83d","message_elem_array":[{"b":1}]}]},{"d":1}]}`, `{"message_elem_array":[{"d":1}]}`},
	} {
		if got := string(dialect([]byte(c.in))); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
}

// A megabyte at the bottom of a thousand objects is read once, not a thousand times.
func TestDeepJSON(t *testing.T) {
	long := strings.Repeat("x", 1<<20) + `\ud83d`
	for _, layer := range []string{`{"a":`, `{"message_elem_array":[{"a":`, `{"merge_elem_message_array":[{"message_elem_array":[`} {
		end := ""
		for _, c := range layer {
			switch c {
			case '{':
				end = "}" + end
			case '[':
				end = "]" + end
			}
		}
		in := strings.Repeat(layer, 1000) + `"` + long + `"` + strings.Repeat(end, 1000)
		if !json.Valid([]byte(in)) {
			t.Fatalf("%s: no JSON", layer)
		}
		if got := dialect([]byte(in)); !json.Valid(got) || strings.Contains(layer, "elem_array") == strings.Contains(string(got), "xx") {
			t.Errorf("%s: %d bytes become %d", layer, len(in), len(got))
		}
	}
}

func FuzzDialect(f *testing.F) {
	f.Add([]byte(text(`\ud83d\ude00`)))
	f.Add([]byte("{\"a\":\"x\ny\\\"\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out := dialect(append([]byte(nil), data...))
		if !json.Valid(data) {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q becomes %q", data, out)
		}
		var before, after any
		if json.Unmarshal(data, &before) != nil || strings.Contains(strings.ToLower(string(data)), `\ud`) {
			return
		}
		if json.Unmarshal(out, &after) != nil || !reflect.DeepEqual(before, after) {
			t.Fatalf("%q becomes %q", data, out)
		}
	})
}

// ten are the message calls, each with the JSON and everything else in order.
func ten(s *SDK, conv string, kind int32, text, path string, reply Reply) map[string]sdkconn.Code {
	return map[string]sdkconn.Code{
		"MsgSendNewMsg":           s.MsgSendNewMsg(conv, kind, text, reply),
		"MsgReportReaded":         s.MsgReportReaded(conv, kind, text, reply),
		"MsgRevoke":               s.MsgRevoke(conv, kind, text, reply),
		"MsgFindByMsgLocatorList": s.MsgFindByMsgLocatorList(conv, kind, text, reply),
		"MsgImportMsgList":        s.MsgImportMsgList(conv, kind, text, reply),
		"MsgSaveMsg":              s.MsgSaveMsg(conv, kind, text, reply),
		"MsgGetMsgList":           s.MsgGetMsgList(conv, kind, text, reply),
		"MsgDelete":               s.MsgDelete(conv, kind, text, reply),
		"MsgDownloadElemToPath":   s.MsgDownloadElemToPath(text, path, reply),
		"MsgBatchSend":            s.MsgBatchSend(text, reply),
	}
}

// TestArguments has what the real library returns for the same, see docs/libimsdk.md.
func TestArguments(t *testing.T) {
	s := open(t)
	const ok, bad, malformed = 0, sdkconn.CodeParam, sdkconn.CodeJSON
	for text, want := range map[string][10]sdkconn.Code{
		// Batch, Delete, Download, FindBy, GetMsgList, Import, Report, Revoke, Save, Send
		"":          {bad, bad, bad, bad, bad, bad, ok, bad, bad, bad},
		"{":         {malformed, malformed, malformed, malformed, malformed, malformed, ok, malformed, malformed, malformed},
		"[]":        {malformed, malformed, malformed, ok, malformed, malformed, ok, malformed, malformed, malformed},
		"{}":        {ok, malformed, ok, malformed, ok, malformed, ok, malformed, malformed, malformed},
		`{"a":1}`:   {ok, malformed, ok, malformed, ok, malformed, ok, ok, ok, ok},
		`[{}]`:      {malformed, malformed, malformed, ok, malformed, malformed, ok, malformed, malformed, malformed},
		`[{"a":1}]`: {malformed, malformed, malformed, ok, malformed, ok, ok, malformed, malformed, malformed},
	} {
		got := ten(s, "bob", 1, text, "path", nil)
		for i, name := range []string{"MsgBatchSend", "MsgDelete", "MsgDownloadElemToPath", "MsgFindByMsgLocatorList", "MsgGetMsgList",
			"MsgImportMsgList", "MsgReportReaded", "MsgRevoke", "MsgSaveMsg", "MsgSendNewMsg"} {
			if got[name] != want[i] {
				t.Errorf("%s of %q returns %d, want %d", name, text, got[name], want[i])
			}
		}
	}
	for name, got := range ten(s, "", 3, text("x"), "", nil) {
		if got != bad && name != "MsgBatchSend" {
			t.Errorf("%s of no conversation returns %d", name, got)
		}
	}
}

// FuzzTen throws JSON at the ten calls of a user who is logged in. Each that is accepted is answered.
func FuzzTen(f *testing.F) {
	for _, seed := range []string{
		"{}", "[{}]", text("x"), text(`\ud83d\ude00`), `[{"message_locator_time":1}]`, `{"msg_delete_param_msg":{"message_seq":1}}`,
		`{"msg_getmsglist_param_count":-1,"msg_getmsglist_param_last_msg":{"message_seq":1},"msg_getmsglist_param_is_forward":true}`,
		`{"msg_batch_send_param_identifier_array":["bob",7,""],"msg_batch_send_param_msg":` + text("x") + `}`,
		`{"msg_download_elem_param_id":"x","msg_download_elem_param_type":99}`,
		`[{"message_elem_array":[{"elem_type":12,"merge_elem_message_array":[{"message_elem_array":[]}]}],"message_server_time":1e300}]`,
	} {
		f.Add(seed)
	}
	s := open(f)
	as(f, s, "bob")
	as(f, s, "alice")
	path := filepath.Join(f.TempDir(), "download")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "path") {
			return // it would read the machine's files
		}
		var open sync.WaitGroup
		for _, kind := range []int32{1, 2} {
			open.Add(10)
			for name, code := range ten(s, "bob", kind, text, path, func(code sdkconn.Code, desc, json string) {
				if desc != "downloading" {
					open.Done()
				}
			}) {
				if code != 0 {
					open.Done()
				}
				if code > 0 || code < sdkconn.CodeParam {
					t.Errorf("%s returns %d", name, code)
				}
			}
		}
		open.Wait()
		good(t, func(r Reply) sdkconn.Code { return s.MsgClearHistoryMessage("bob", 1, r) }) // or its listing takes ever longer
	})
}
