package sdkconn

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

// slowly reads a message with the codec alone.
func slowly(data []byte) (*Message, error) {
	m := new(Message)
	err := unmarshal(data, m)
	return m, err
}

// samePlain holds the short cut against the codec, both ways.
func samePlain(t interface{ Fatalf(string, ...any) }, data []byte) (read, written bool) {
	quick := readPlain(data)
	slow, err := slowly(data)
	if quick != nil {
		if err != nil {
			t.Fatalf("%q: the codec refuses it: %v", data, err)
		}
		if !reflect.DeepEqual(quick, slow) {
			t.Fatalf("%q: read as\n%#v, the codec reads\n%#v", data, quick, slow)
		}
	}
	if err != nil {
		return false, false
	}
	return quick != nil, sameWritten(t, slow)
}

func sameWritten(t interface{ Fatalf(string, ...any) }, m *Message) bool {
	quick, ok := appendPlain(nil, m)
	if !ok {
		return false
	}
	slow, err := json.Marshal((*message)(m), lenient)
	if err != nil || !bytes.Equal(quick, slow) {
		t.Fatalf("%+v: written as\n%s, the codec writes\n%s (%v)", m, quick, slow, err)
	}
	return true
}

var plainSeeds = []string{
	`{}`, `{"message_seq":1}`, `{"message_elem_array":[]}`, `{"message_seq":-0}`, `{"message_seq":01}`, `{"message_seq":1.0}`,
	`{"message_conv_type":-1,"message_status":4294967295}`, `{"message_conv_type":-0}`, `{"message_conv_type":2147483648}`,
	`{"message_unique_id":18446744073709551615}`, `{"message_unique_id":18446744073709551616}`, `{"message_status":4294967296}`,
	`{"message_sender":"a\n\u0041\ud83d\ude00","message_is_read":true,"message_sender":"b"}`, `{"message_priority":0}`,
	`{"x":1,"y":[1,"a",{"b":null}],"x":2,"message_seq":3}`, `{"x":[1, 2]}`, `{"\u0061":1}`, `{"x\u0001":"` + "\x01" + `"}`,
	`{"message_elem_array":[{"text_elem_content":"late","elem_type":0},{"elem_type":0,"text_elem_content":"b","new":{}}]}`,
	`{"message_elem_array":[{"elem_type":0,"text_elem_content":"a","elem_type":1}]}`, `{"message_elem_array":[{}]}`,
	`{"message_group_at_user_array":["a","","\"b"],"message_target_group_member_array":[]}`, `{"message_offline_push_config":{}}`,
	`{"message_offlie_push_config":{}}`, `{"message_sender_profile":{},"message_sender_group_member_info":{"z":[],"group_member_info_custom_info":[]}}`,
	`{"message_sender":null}`, `{"message_sender":"` + "\xff" + `"}`, `{"message_sender":"x"}}`, `{"message_sender":"x",}`, `{"message_sender":"x"`,
	`{"message_sender":"你好😀","message_elem_array":[{"elem_type":0,"text_elem_content":"\/\""}]}`,
}

func FuzzPlain(f *testing.F) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		f.Fatal("no files in testdata")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.TrimSpace(data))
		f.Add(bytes.Trim(data, " \n[]"))
	}
	for _, s := range plainSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		samePlain(t, data)
		var quick, slow []*Message
		if unmarshalPlain(data, &quick) {
			if err := unmarshal(data, &slow); err != nil || !reflect.DeepEqual(quick, slow) {
				t.Fatalf("%q: %d messages, the codec reads %d (%v)", data, len(quick), len(slow), err)
			}
		}
	})
}

// What the SDK sends for text goes the short way, from one person and in a group.
func TestPlainIsTaken(t *testing.T) {
	for _, name := range []string{"message_c2c", "message_group", "callback_c2c"} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.Trim(data, "[]\n")
		if read, written := samePlain(t, data); !read || !written {
			t.Errorf("%s: read %t, written %t", name, read, written)
		}
		var list []*Message
		if !unmarshalPlain(fmt.Appendf(nil, "[%s,%s]", data, data), &list) || len(list) != 2 {
			t.Errorf("%s: a list is not read", name)
		}
		// A cut one and one with a byte more are no messages.
		for i := range data {
			if readPlain(data[:i]) != nil {
				t.Fatalf("%s: read from its first %d bytes", name, i)
			}
		}
		if readPlain(append(data, ' ')) != nil {
			t.Errorf("%s: read with something after it", name)
		}
	}
	for _, s := range plainSeeds {
		samePlain(t, []byte(s))
	}
	full := &Message{Sender: "old"}
	if unmarshalPlain([]byte(`{"message_seq":1}`), full) {
		t.Error("read into a message that is not empty")
	}
}

// Random messages, made of every member with values of every kind, in any order.
func TestPlainAgrees(t *testing.T) {
	values := rapid.SampledFrom([]string{
		`0`, `1`, `-1`, `7`, `4294967295`, `1700000000`, `18446744073709551615`, `1.5`, `1e3`, `""`, `"alice"`, `"你好"`, `"a\"b"`, `"\u4f60"`,
		`true`, `false`, `null`, `[]`, `{}`, `["a","b"]`, `[1]`, `{"a":1}`, `[{"elem_type":0,"text_elem_content":"hi"}]`,
		`[{"elem_type":0,"text_elem_content":"hi","new":1},{"text_elem_content":"x","elem_type":0}]`,
		`[{"elem_type":3,"custom_elem_data":"d"}]`, `{"user_profile_nick_name":"n","user_profile_new":2}`,
		`{"group_member_info_name_card":"c","group_member_info_custom_info":[{"k":"v"}],"x":[]}`,
	})
	names := []string{"new", "other", "message_offlie_push_config"}
	fields := reflect.TypeFor[Message]()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	read, written := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteByte('{')
		for i := range rapid.IntRange(0, 6).Draw(t, "members") {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"%s":%s`, rapid.SampledFrom(names).Draw(t, "name"), values.Draw(t, "value"))
		}
		b.WriteByte('}')
		r, w := samePlain(t, []byte(b.String()))
		if r {
			read++
		}
		if w {
			written++
		}
	})
	if read == 0 || written == 0 {
		t.Errorf("%d were read the short way, %d written", read, written)
	}
	// A message with every field set: a new field that the short cut forgets shows here.
	rapid.Check(t, func(t *rapid.T) {
		m := new(Message)
		v := reflect.ValueOf(m).Elem()
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.String:
				f.SetString(rapid.String().Draw(t, "text"))
			case reflect.Bool:
				f.SetBool(rapid.Bool().Draw(t, "bool"))
			case reflect.Uint32, reflect.Uint64:
				f.SetUint(uint64(rapid.Uint32().Draw(t, "number")))
			case reflect.Int32:
				f.SetInt(int64(rapid.Int32().Draw(t, "number")))
			}
		}
		m.Elems = Elems{&TextElem{Text: rapid.String().Draw(t, "text")}}
		m.GroupAtUsers = rapid.SliceOf(rapid.String()).Draw(t, "users")
		m.SenderProfile = &SenderProfile{NickName: rapid.String().Draw(t, "text")}
		m.SenderMember = &GroupMemberInfo{NameCard: rapid.String().Draw(t, "text"), Role: 200}
		if !sameWritten(t, m) {
			t.Fatalf("%+v is not written the short way", m)
		}
		data, _ := appendPlain(nil, m)
		if read, _ := samePlain(t, data); !read {
			t.Fatalf("%s is not read the short way", data)
		}
	})
}

// The key of a message is in every journal: its spelling never changes.
func TestMessageKeyIsAsEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Message{
			ServerTime: rapid.Uint64().Draw(t, "time") >> rapid.IntRange(0, 63).Draw(t, "shift"), Seq: rapid.Uint64().Draw(t, "seq"),
			Rand: rapid.Uint64().Draw(t, "rand"), ConvID: rapid.String().Draw(t, "conv"),
			ConvType: ConvType(rapid.Int32Range(-1, 4).Draw(t, "type")), IsFromSelf: rapid.Bool().Draw(t, "self"),
		}
		self := 0
		if m.IsFromSelf {
			self = 1
		}
		want := fmt.Sprintf("%010d.%d.%d.%s.%d", m.Time(), m.Seq, m.Rand, m.Conversation(), self)
		if got := messageKey(m); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

// The short way to an effect's envelope writes what the codec writes.
func TestEffectIsAsEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"e-1", `a"b\`, "\xff", "1700000000.x.step 1"})).Draw(t, "id")
		mark, err := Marshal(effectMark{id})
		if err != nil {
			t.Fatal(err)
		}
		want, err := Marshal(effectEnvelope{mark, ""})
		if err != nil {
			t.Fatal(err)
		}
		if got := WithEffect("", id); id != "" && got != string(want) {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}
