package actions

import (
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// sentBy runs send and returns what went out.
func sentBy(t *testing.T, c *Call, in args) *sdkconn.Message {
	t.Helper()
	conn := new(recorder)
	c.Conn = conn
	if _, err := Send.Run(t.Context(), c, in); err != nil {
		t.Fatal(err)
	}
	if len(conn.calls) != 1 {
		t.Fatalf("calls %+v", conn.calls)
	}
	return conn.calls[0].Msg
}

func TestSendGoesWhereItIsTold(t *testing.T) {
	for _, tt := range []struct {
		in   args
		want sdkconn.Conversation
	}{
		{args{"to_user": "bob"}, sdkconn.C2C("bob")},
		{args{"to_group": "@TGS#ops"}, sdkconn.Group("@TGS#ops")},
		{args{"to": "c2c_bob"}, sdkconn.C2C("bob")},
		{args{"to": "group_@TGS#ops"}, sdkconn.Group("@TGS#ops")},
		{args{}, sdkconn.Group("@TGS#1")},
	} {
		conn := new(recorder)
		tt.in["text"] = "hi"
		if _, err := Send.Run(t.Context(), newCall(t, conn), tt.in); err != nil {
			t.Error(err)
		} else if conn.calls[0].Conv != tt.want {
			t.Errorf("%v: to %s, want %s", tt.in, conn.calls[0].Conv, tt.want)
		}
	}
}

func TestSendEnvelope(t *testing.T) {
	got := sentBy(t, newCall(t, nil), args{
		"text": "hi", "mentions": []any{"alice", "all"}, "custom_data": `{"a":1}`, "priority": "high", "online_only": true,
		"exclude_from": []any{"unread", "last_message", "moderation"}, "read_receipt": true,
		"push": args{"desc": "news", "ext": "e", "off": true, "ios": args{"ios_offline_push_config_title": "标题"}},
	})
	want := &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "hi"}}, GroupAtUsers: []string{"alice", sdkconn.MentionAll},
		CloudCustom: `{"timbot":{"e":"e1"},"d":"{\"a\":1}"}`, Priority: sdkconn.PriorityHigh, IsOnlineMsg: true, ExcludedFromUnread: true,
		ExcludedFromLastMessage: true, ExcludedFromModeration: true, NeedReadReceipt: true,
		OfflinePush: &sdkconn.OfflinePushConfig{Desc: "news", Ext: "e", Flag: 1, IOS: []byte(`{"ios_offline_push_config_title":"标题"}`)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := sentBy(t, newCall(t, nil), args{"text": "hi", "only_to": []any{"bob"}}); !reflect.DeepEqual(got.TargetMembers, []string{"bob"}) {
		t.Errorf("only_to: %+v", got)
	}
	if got := sentBy(t, newCall(t, nil), args{"text": "hi"}); got.Priority != sdkconn.PriorityNormal {
		t.Errorf("priority %v", got.Priority)
	}
}

func TestSendElements(t *testing.T) {
	c := newCall(t, nil)
	write(t, c.Dir, "pics/menu.PNG", picture(t, 3, 2))
	write(t, c.Dir, "voice.m4a", []byte("12345"))
	write(t, c.Dir, "docs/价目表.pdf", []byte("1234567"))
	write(t, c.Dir, "clip.mp4", []byte("123"))
	other := theMessage()
	at := func(name string) string { return filepath.Join(c.Dir, filepath.FromSlash(name)) }
	for _, tt := range []struct {
		in   args
		want sdkconn.Elem
	}{
		{args{"text": "hi"}, &sdkconn.TextElem{Text: "hi"}},
		{args{"image": args{"path": "pics/menu.PNG", "level": "original"}},
			&sdkconn.ImageElem{OrigPath: at("pics/menu.PNG"), Level: sdkconn.ImageOrig, Format: sdkconn.ImagePNG}},
		{args{"image": args{"path": "voice.m4a"}}, &sdkconn.ImageElem{OrigPath: at("voice.m4a"), Format: sdkconn.ImageUnknown}},
		{args{"sound": args{"path": "voice.m4a", "duration": "2500ms"}},
			&sdkconn.SoundElem{FilePath: at("voice.m4a"), FileSize: 5, FileTime: 3}},
		{args{"file": args{"path": "docs/价目表.pdf"}},
			&sdkconn.FileElem{FilePath: at("docs/价目表.pdf"), FileSize: 7, FileName: "价目表.pdf"}},
		{args{"file": args{"path": "docs/价目表.pdf", "name": "prices.pdf"}},
			&sdkconn.FileElem{FilePath: at("docs/价目表.pdf"), FileSize: 7, FileName: "prices.pdf"}},
		{args{"video": args{"path": "clip.mp4", "snapshot": "pics/menu.PNG", "duration": "12s"}}, &sdkconn.VideoElem{
			VideoPath: at("clip.mp4"), VideoSize: 3, VideoType: "mp4", VideoDuration: 12, ImagePath: at("pics/menu.PNG"),
			ImageSize: uint64(len(picture(t, 3, 2))), ImageType: "png", ImageWidth: 3, ImageHeight: 2,
		}},
		{args{"face": args{"index": 0, "data": "smile"}}, &sdkconn.FaceElem{Buf: "smile"}},
		{args{"location": args{"latitude": 31.23, "longitude": 121, "desc": "店"}},
			&sdkconn.LocationElem{Latitude: 31.23, Longitude: 121, Desc: "店"}},
		{args{"custom": args{"data": "d", "desc": "e", "ext": "f", "sound": "g"}},
			&sdkconn.CustomElem{Data: "d", Desc: "e", Ext: "f", Sound: "g"}},
		{args{"merge": args{"title": "聊天记录", "abstract": []any{"alice: hello"}, "messages": []any{other}}},
			&sdkconn.MergeElem{Title: "聊天记录", Abstract: []string{"alice: hello"}, CompatibleText: "聊天记录", Messages: []*sdkconn.Message{other}}},
	} {
		got := sentBy(t, c, args{"elements": []any{tt.in}}).Elems
		if len(got) != 1 || !reflect.DeepEqual(got[0], tt.want) {
			t.Errorf("%v:\ngot  %+v\nwant %+v", tt.in, got[0], tt.want)
		}
	}
	if got := sentBy(t, c, args{"elements": []any{args{"text": "a"}, args{"face": args{"index": 1}}}}); len(got.Elems) != 2 {
		t.Errorf("two elements: %+v", got.Elems)
	}
}

func TestSendForward(t *testing.T) {
	got := sentBy(t, newCall(t, nil), args{"forward": theMessage()})
	if got.Text() != "hello" || !got.IsForward || got.Sender != "" {
		t.Errorf("%+v", got)
	}
}

func TestSendErrors(t *testing.T) {
	c := newCall(t, nil)
	write(t, c.Dir, "a.txt", []byte("a"))
	write(t, c.Dir, "empty.txt", nil)
	outside := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(c.Dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	tips := theMessage()
	tips.Elems = sdkconn.Elems{&sdkconn.GroupTipsElem{}}
	revoked := theMessage()
	revoked.Status = sdkconn.StatusRevoked
	file := func(path string) args { return args{"elements": []any{args{"file": args{"path": path}}}} }
	elem := func(in args) args { return args{"elements": []any{in}} }
	for _, tt := range []struct {
		in   args
		want string
	}{
		{args{"text": ""}, "text: is empty"},
		{args{"elements": []any{}}, "elements: is empty"},
		{elem(args{}), "elements[0]: is empty: give one of text, image, sound, file, video, face, location, custom or merge"},
		{elem(args{"text": "a", "face": args{"index": 1}}), "elements[0]: is both text and face"},
		{elem(args{"text": ""}), "elements[0].text: is empty"},
		{elem(args{"tips": args{}}), "elements[0].tips: is unknown"},
		{elem(args{"imgae": args{}}), "elements[0].imgae: is unknown, did you mean image?"},
		{elem(args{"location": args{"latitude": 90.1, "longitude": 0}}), "elements[0].location.latitude: 90.1 is no latitude: want -90 to 90"},
		{elem(args{"location": args{"latitude": math.NaN(), "longitude": 0}}), "elements[0].location.latitude: NaN is no latitude"},
		{elem(args{"location": args{"latitude": 0, "longitude": -181}}), "elements[0].location.longitude: -181 is no longitude"},
		{elem(args{"sound": args{"path": "a.txt", "duration": "0s"}}), "elements[0].sound.duration: 0s is no playing time"},
		{elem(args{"merge": args{"title": "t", "messages": []any{}}}), "elements[0].merge.messages: has 0 messages"},
		{elem(args{"merge": args{"title": "t", "messages": []any{tips}}}), "elements[0].merge.messages[0]: has a tips element"},
		{elem(args{"merge": args{"title": "t", "messages": []any{revoked}}}), "elements[0].merge.messages[0]: is not sent, or revoked"},
		{elem(args{"merge": args{"title": "", "messages": []any{theMessage()}}}), "elements[0].merge.title: is empty"},
		{file("../a.txt"), `elements[0].file.path: "../a.txt" is outside the bot's folder`},
		{file(outside), "elements[0].file.path: "},
		{file("nope.txt"), "elements[0].file.path: want a file of the bot's folder: "},
		{file("."), `elements[0].file.path: "." is no file`},
		{file(""), "elements[0].file.path: is empty"},
		{file("empty.txt"), `elements[0].file.path: "empty.txt" is empty`},
		{file("link.txt"), "elements[0].file.path: want a file of the bot's folder: "},
		{args{"forward": tips}, "forward: element 0 of the message is of type tips"},
		{args{"forward": &sdkconn.Message{}}, "forward: the message has no content"},
		{args{"text": "a", "to_user": ""}, "to_user: is empty"},
		{args{"text": "a", "to_group": ""}, "to_group: is empty"},
		{args{"text": "a", "to": "bob"}, `to: "bob" is no conversation: want c2c_USER or group_ID`},
		{args{"text": "a", "mentions": []any{""}}, "mentions[0]: is empty"},
		{args{"text": "a", "push": args{"ios": args{"f": math.NaN()}}}, "push.ios: cannot be written as JSON"},
	} {
		conn := new(recorder)
		c.Conn = conn
		_, err := Send.Run(t.Context(), c, tt.in)
		if err == nil || !strings.HasPrefix(err.Error(), "send: "+tt.want) {
			t.Errorf("%v:\ngot  %v\nwant %s", tt.in, err, tt.want)
		}
		if len(conn.calls) > 0 {
			t.Errorf("%v: called %+v", tt.in, conn.calls)
		}
	}
	c.Conversation = sdkconn.Conversation{}
	_, err := Send.Run(t.Context(), c, args{"text": "a"})
	if err == nil || !strings.Contains(err.Error(), "give to_user, to_group or to") {
		t.Errorf("no conversation: %v", err)
	}
}

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var b strings.Builder
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}
