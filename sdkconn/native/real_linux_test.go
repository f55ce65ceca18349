//go:build !nonative

package native

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ebitengine/purego"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/libimsdk/tencent"
)

// realEnv tells the process in the empty network where the library is.
const realEnv = "TIMBOT_TEST_REAL_LIBRARY"

// TestRealLibrary runs the checks of TestInEmptyNetwork on Tencent's own library, in a process that has no network at all: no
// account, no login, nothing reaches anybody.
func TestRealLibrary(t *testing.T) {
	t.Parallel()
	sdk, err := tencent.Fetch()
	if err != nil {
		t.Fatal(err)
	}
	lib := sdk.Library()
	if runtime.GOARCH != "amd64" {
		lib = strings.TrimSuffix(lib, ".so") + "_" + runtime.GOARCH + ".so"
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestInEmptyNetwork$", "-test.v", "-test.timeout=60s")
	cmd.Dir = t.TempDir() // whatever it writes
	cmd.Env = append(os.Environ(), realEnv+"="+lib, "HOME="+cmd.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("--- PASS: TestInEmptyNetwork")) {
		t.Fatalf("the checks did not run:\n%s", out)
	}
	for line := range bytes.Lines(out) { // the library logs to the standard output, unless it is told otherwise
		if bytes.HasPrefix(line, []byte("[xlog] xlog version")) { // which it cannot be told of this one, said now and then
			continue
		}
		if !bytes.HasPrefix(line, []byte("===")) && !bytes.HasPrefix(line, []byte("---")) && !bytes.HasPrefix(line, []byte("PASS")) {
			t.Errorf("printed was %s", line)
		}
	}
}

// answerOf is what a call comes to: what it returned, or its callback's code, text and JSON.
type answerOf struct {
	returned, code int32
	desc, json     string
}

func (a answerOf) String() string {
	if a.returned != 0 {
		return fmt.Sprintf("returned %d", a.returned)
	}
	return fmt.Sprintf("%d %q %s", a.code, a.desc, a.json)
}

func TestInEmptyNetwork(t *testing.T) {
	lib := os.Getenv(realEnv)
	if lib == "" {
		return // TestRealLibrary runs it where it may run
	}
	up, err := net.Interfaces()
	if err != nil || slices.ContainsFunc(up, func(i net.Interface) bool { return i.Flags&net.FlagUp != 0 }) {
		t.Fatalf("this is no empty network: %v, %v", up, err)
	}
	e, err := openInside(lib)
	if err != nil {
		t.Fatal(err)
	}
	if v := e.about(); v.version != "8.0.5903" || !slices.Equal(v.missing, []string{"TIMSetRecvNewMsgCallback"}) {
		t.Errorf("version %s, missing %v", v.version, v.missing)
	}
	var network []string
	told := make(chan struct{}, 16)
	s := newSession(e, sdkconn.Config{}.WithDefaults().Clock, 5*time.Second, func(s signal) {
		if s.event == networkStatus {
			network = append(network, fmt.Sprintf("%v %d %s", s.numbers, s.code, s.desc))
			told <- struct{}{}
		}
	})
	do := func(function string, args ...any) answerOf {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		a, err := s.call(ctx, call{function: function, args: args, callback: true}, progress{})
		if err != nil {
			t.Fatalf("%s: %v", function, err)
		}
		if a.returned {
			return answerOf{returned: a.code}
		}
		return answerOf{code: a.code, desc: a.desc, json: string(a.json)}
	}
	const msg = `{"message_elem_array":[{"elem_type":0,"text_elem_content":"pong"}]}`
	old := `[{"message_elem_array":[{"elem_type":0,"text_elem_content":"x"}],"message_sender":"bob","message_client_time":1700000000}]`
	conv := func(rest ...any) []any { return convArgs(sdkconn.C2C("bob"), rest...) }
	calls := []struct {
		function string
		args     []any
		json     string // "*" is a message, "**" two results
		reads    bool
	}{
		{"TIMMsgSendNewMsg", conv(msg), "*", false},
		{"TIMMsgReportReaded", conv(""), "", false},
		{"TIMMsgRevoke", conv(msg), "", false},
		{"TIMMsgFindByMsgLocatorList", conv(`[{"message_locator_time":1,"message_locator_seq":1,"message_locator_rand":1}]`), "[]", true},
		{"TIMMsgImportMsgList", conv(old), "", false},
		{"TIMMsgSaveMsg", conv(msg), "", false},
		{"TIMMsgGetMsgList", conv(`{"msg_getmsglist_param_count":10}`), "[]", true},
		{"TIMMsgDelete", conv(`{"msg_delete_param_msg":` + msg + `}`), "", false},
		{"TIMMsgDownloadElemToPath", []any{`{"msg_download_elem_param_type":1,"msg_download_elem_param_id":"x"}`, "/tmp/x"}, "", false},
		{"TIMMsgBatchSend", []any{`{"msg_batch_send_param_identifier_array":["a","b"],"msg_batch_send_param_msg":` + msg + `}`}, "**", false},
	}
	ten := func(when string, code int32, desc, readsDesc string) {
		for _, c := range calls {
			got := do(c.function, c.args...)
			want := answerOf{code: code, desc: desc, json: c.json}
			if c.reads {
				want.desc = readsDesc
			}
			switch c.json {
			case "*":
				sameShape(t, got.json)
				got.json = "*"
			case "**":
				var results []sdkconn.BatchSendResult
				if err := sdkconn.Unmarshal([]byte(got.json), &results); err != nil || len(results) != 2 ||
					results[0].User != "a" || results[1].Code != sdkconn.Code(code) || results[0].Unknown != nil {
					t.Errorf("%s, %s: %s", when, c.function, got.json)
				}
				got.json = "**"
			}
			if got != want {
				t.Errorf("%s, %s: %v, want %v", when, c.function, got, want)
			}
		}
		if got := do("TIMMsgDelete", conv(`{"msg_delete_param_msg":{}}`)...); got.returned != int32(sdkconn.CodeJSON) {
			t.Errorf("%s, TIMMsgDelete of nothing: %v", when, got)
		}
	}
	ten("before TIMInit", 6013, "not initialized", "not initialized")

	dir, err := filepath.Abs("data") // not t.TempDir: the library writes on after its end
	if err != nil {
		t.Fatal(err)
	}
	if err := start(t.Context(), s, options{appID: 1400000000, data: dir}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		<-told // the library goes on with TIMInit after it returned
	}
	ten("without a login", 6014, "not login", "not init database")
	if want := []string{"[2] 0 ", "[3] 9512 ERR_ADDRESS_UNREACHABLE"}; !reflect.DeepEqual(network, want) {
		t.Errorf("the network listener was told %q, want %q", network, want)
	}

	// What an argument that is wrong returns at once.
	for _, c := range calls[:8] {
		if c.function == "TIMMsgReportReaded" {
			continue // takes everything
		}
		for _, wrong := range []struct {
			args []any
			code sdkconn.Code
		}{
			{[]any{"", uint64(1), c.args[2]}, sdkconn.CodeParam}, {[]any{"bob", uint64(3), c.args[2]}, sdkconn.CodeParam},
			{[]any{"bob", uint64(1), ""}, sdkconn.CodeParam}, {[]any{"bob", uint64(1), "{"}, sdkconn.CodeJSON},
			{[]any{"bob", uint64(1), "123"}, sdkconn.CodeJSON},
		} {
			if got := do(c.function, wrong.args...); got.returned != int32(wrong.code) {
				t.Errorf("%s%q: %v, want %d returned", c.function, wrong.args, got, wrong.code)
			}
		}
	}

	// The connection refuses what the library would crash of or never answer: these must not reach it.
	c := &Conn{o: options{user: "bot"}, session: s, version: e.about().version, changed: make(chan struct{})}
	none := &sdkconn.Message{}
	for name, f := range map[string]func() error{
		"import of an empty message": func() error { return c.ImportMsgList(t.Context(), bob, []*sdkconn.Message{none}) },
		"import of nil":              func() error { return c.ImportMsgList(t.Context(), bob, []*sdkconn.Message{nil}) },
		"deletion of an empty one":   func() error { return c.MsgListDelete(t.Context(), bob, []*sdkconn.Message{none}) },
		"an unset read count":        func() error { return c.MsgListDelete(t.Context(), bob, []*sdkconn.Message{{ReceiptUnreadCount: -1}}) },
		"a batch to nobody":          func() error { _, err := c.BatchSend(t.Context(), nil, text("x")); return err },
	} {
		if code := sdkconn.CodeOf(f()); code != sdkconn.CodeJSON && code != sdkconn.CodeInvalidParameters {
			t.Errorf("%s: %v", name, code)
		}
	}
	// And what goes through comes back with the service's own answer.
	for name, f := range map[string]func() error{
		"send":     func() error { _, err := c.SendNewMsg(t.Context(), bob, text("x")); return err },
		"to group": func() error { _, err := c.SendNewMsg(t.Context(), sdkconn.Group("g"), text("x")); return err },
		"history":  func() error { _, err := c.GetMsgList(t.Context(), bob, sdkconn.GetMsgListParam{Count: 1}); return err },
		"delete":   func() error { return c.Delete(t.Context(), bob, text("x")) },
		"clear":    func() error { return c.Delete(t.Context(), bob, nil) },
		"members":  func() error { _, err := c.GroupGetMemberInfoList(t.Context(), "g"); return err },
		"mute": func() error {
			return c.GroupModifyMemberInfo(t.Context(), sdkconn.GroupMemberModifyParam{GroupID: "g", User: "u", ShutupTime: new(uint32)})
		},
		"remove":   func() error { _, err := c.GroupDeleteMember(t.Context(), "g", []string{"u"}, "why"); return err },
		"list":     func() error { _, err := c.ConvGetConvList(t.Context()); return err },
		"profiles": func() error { _, err := c.ProfileGetUserProfileList(t.Context(), []string{"u"}); return err },
		"search": func() error {
			_, err := c.MsgSearchLocalMessages(t.Context(), sdkconn.SearchParam{Keywords: []string{"x"}})
			return err
		},
		"edit": func() error {
			m := text("x")
			m.ConvID, m.ConvType = "bob", sdkconn.ConvC2C
			_, err := c.MsgModifyMessage(t.Context(), m)
			return err
		},
	} {
		if err := f(); sdkconn.CodeOf(err) != sdkconn.CodeNotLoggedIn {
			t.Errorf("%s without a login: %v", name, err)
		}
	}
	for _, elems := range []sdkconn.Elems{
		{&sdkconn.TextElem{Text: "你好 😀 \x01 / \""}, &sdkconn.FaceElem{Index: 3, Buf: "b"}},
		{&sdkconn.CustomElem{Data: "d", Desc: "e", Ext: "x", Sound: "s"}, &sdkconn.LocationElem{Desc: "here", Latitude: 1.5, Longitude: -2.25}},
		{&sdkconn.ImageElem{OrigPath: "/none.png"}}, {&sdkconn.SoundElem{FilePath: "/none.m4a", FileTime: 2}},
		{&sdkconn.FileElem{FilePath: "/none"}}, {&sdkconn.VideoElem{VideoPath: "/none.mp4", ImagePath: "/none.png"}},
		{&sdkconn.MergeElem{Title: "t", CompatibleText: "c", Abstract: []string{"a"}, Messages: []*sdkconn.Message{text("inner")}}},
	} {
		m := &sdkconn.Message{Elems: elems, CloudCustom: "custom", GroupAtUsers: []string{"u"}}
		data, err := sdkconn.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, conv := range []sdkconn.Conversation{bob, sdkconn.Group("g")} {
			echo := do("TIMMsgSendNewMsg", convArgs(conv, string(data))...)
			sameShape(t, echo.json)
			back, err := sdkconn.UnmarshalMessage([]byte(echo.json))
			if err != nil || len(back.Elems) != len(elems) || back.CloudCustom != "custom" {
				t.Errorf("%s came back as %s, %v", data, echo.json, err)
			}
			if text, ok := elems[0].(*sdkconn.TextElem); ok && back.Text() != text.Text {
				t.Errorf("%q came back as %q", text.Text, back.Text())
			}
		}
	}

	// With the local database open, which the SDK's experimental call does without a login, a moment later, the two calls that
	// read it are answered from it, and all others as before.
	var experimental func(param string, callback, userData uintptr) int32
	handle, err := openLibrary(lib) // the one that is loaded
	if err != nil {
		t.Fatal(err)
	}
	purego.RegisterLibFunc(&experimental, handle, "callExperimentalAPI")
	open := `{"request_internal_operation":"internal_operation_init_local_storage","request_init_local_storage_user_id_param":"bot"}`
	if code := experimental(open, 0, 0); code != 0 {
		t.Errorf("opening the local database returned %d", code)
	}
	for deadline := time.Now().Add(20 * time.Second); do(calls[3].function, calls[3].args...).code == 6014 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	for _, c := range calls {
		got := do(c.function, c.args...)
		switch {
		case c.reads && (got != answerOf{desc: "OK", json: "[]"}):
			t.Errorf("with the database open, %s: %v", c.function, got)
		case !c.reads && got.code != 6014:
			t.Errorf("with the database open, %s: %v", c.function, got)
		}
	}
	if page, err := c.GetMsgList(t.Context(), bob, sdkconn.GetMsgListParam{Count: 1}); err != nil || len(page) != 0 {
		t.Errorf("history of the open database: %d messages, %v", len(page), err)
	}
	s.end(5 * time.Second)
}

// sameShape checks that sdkconn.Message holds all that the library says, and says all that it holds.
func sameShape(t *testing.T, theirs string) {
	t.Helper()
	m, err := sdkconn.UnmarshalMessage([]byte(theirs))
	if err != nil {
		t.Errorf("%s: %v", theirs, err)
		return
	}
	ours, err := sdkconn.Marshal(m)
	if err != nil {
		t.Error(err)
		return
	}
	var a, b map[string]any
	for _, side := range []struct {
		data string
		v    *map[string]any
	}{{theirs, &a}, {string(ours), &b}} {
		d := json.NewDecoder(strings.NewReader(side.data))
		d.UseNumber()
		if err := d.Decode(side.v); err != nil {
			t.Error(err)
		}
	}
	differ(t, "message", a, b)
	if m.Unknown != nil {
		t.Errorf("sdkconn.Message has no field for %s", m.Unknown)
	}
}

// differ says where two JSON values are not the same.
func differ(t *testing.T, at string, theirs, ours any) {
	t.Helper()
	switch a := theirs.(type) {
	case map[string]any:
		b, _ := ours.(map[string]any)
		for k := range a {
			if _, ok := b[k]; !ok {
				t.Errorf("%s.%s is lost: %v", at, k, a[k])
				continue
			}
			differ(t, at+"."+k, a[k], b[k])
		}
		for k := range b {
			if _, ok := a[k]; !ok {
				t.Errorf("%s.%s is not the library's: %v", at, k, b[k])
			}
		}
	case []any:
		b, _ := ours.([]any)
		if len(a) != len(b) {
			t.Errorf("%s: %v, ours %v", at, a, b)
			return
		}
		for i := range a {
			differ(t, fmt.Sprintf("%s[%d]", at, i), a[i], b[i])
		}
	case json.Number:
		b, _ := ours.(json.Number)
		x, err := a.Float64()
		y, err2 := b.Float64()
		if err != nil || err2 != nil || x != y {
			t.Errorf("%s: %v, ours %v", at, a, b)
		}
	default:
		if !reflect.DeepEqual(theirs, ours) {
			t.Errorf("%s: %v, ours %v", at, theirs, ours)
		}
	}
}
