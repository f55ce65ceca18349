package sdkconn_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// The files in testdata hold what the SDK takes and gives, in its own spelling: compact, keys in byte order, "/" escaped.

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(data)
}

// tree is data as maps and lists with numbers as text, so that no id loses a digit.
func tree(t testing.TB, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return v
}

// differ lists the paths at which two trees differ.
func differ(path string, got, want any) []string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return []string{path + ": no object any more"}
		}
		var diffs []string
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if v, ok := got[key]; !ok {
				diffs = append(diffs, path+"/"+key+": lost")
			} else {
				diffs = append(diffs, differ(path+"/"+key, v, want[key])...)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(got)) {
			if _, ok := want[key]; !ok {
				diffs = append(diffs, path+"/"+key+": added")
			}
		}
		return diffs
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return []string{fmt.Sprintf("%s: %v instead of %d entries", path, got, len(want))}
		}
		var diffs []string
		for i := range want {
			diffs = append(diffs, differ(fmt.Sprintf("%s/%d", path, i), got[i], want[i])...)
		}
		return diffs
	}
	if got != want {
		return []string{fmt.Sprintf("%s: %v instead of %v", path, got, want)}
	}
	return nil
}

var files = map[string]struct {
	into any    // what the file is read into
	want string // the file that is written; "" is the same
}{
	"message_c2c":                {into: new(sdkconn.Message)},
	"message_group":              {into: new(sdkconn.Message)},
	"message_group_set":          {into: new(sdkconn.Message)},
	"message_elements":           {into: new(sdkconn.Message)},
	"message_push":               {into: new(sdkconn.Message)},
	"message_push_old":           {into: new(sdkconn.Message), want: "message_push"},
	"message_profile_change":     {into: new(sdkconn.Message)},
	"message_profile_change_old": {into: new(sdkconn.Message), want: "message_profile_change"},
	"callback_tips":              {into: new([]sdkconn.Message)},
	"callback_notices":           {into: new([]*sdkconn.Message)},
	"send_result":                {into: new(sdkconn.Message)},
	"getmsglist_param":           {into: new(sdkconn.GetMsgListParam)},
	"getmsglist_param_old":       {into: new(sdkconn.GetMsgListParam), want: "getmsglist_param"},
	"getmsglist_param_all":       {into: new(sdkconn.GetMsgListParam)},
	"getmsglist_param_seed":      {into: new(sdkconn.GetMsgListParam), want: "getmsglist_param_seed_new"},
	"getmsglist_param_null":      {into: new(sdkconn.GetMsgListParam), want: "getmsglist_param_seed_new"},
	"getmsglist_result":          {into: new([]*sdkconn.Message)},
	"locators":                   {into: new([]sdkconn.Locator)},
	"revoke_infos":               {into: new([]sdkconn.Revocation)},
	"revoke_infos_2019":          {into: new([]sdkconn.Revocation)},
	"import_param":               {into: new([]*sdkconn.Message)},
	"delete_param":               {into: new(sdkconn.DeleteParam)},
	"delete_param_old":           {into: new(sdkconn.DeleteParam), want: "delete_param_old_new"},
	"delete_param_seed":          {into: new(sdkconn.DeleteParam), want: "delete_param_seed_new"},
	"download_param":             {into: new(sdkconn.DownloadElemParam)},
	"download_param_2019":        {into: new(sdkconn.DownloadElemParam)},
	"download_progress":          {into: new(sdkconn.DownloadElemResult)},
	"batch_result":               {into: new([]sdkconn.BatchSendResult)},
	"batch_result_2019":          {into: new([]sdkconn.BatchSendResult)},
	"receipts":                   {into: new([]sdkconn.MessageReceipt)},
	"receipts_2019":              {into: new([]sdkconn.MessageReceipt)},
	"conv_infos":                 {into: new([]sdkconn.ConvInfo)},
	"conv_infos_2019":            {into: new([]sdkconn.ConvInfo)},
	"group_info":                 {into: new(sdkconn.GroupInfo)},
	"group_info_old":             {into: new(sdkconn.GroupInfo), want: "group_info"},
	"member":                     {into: new(sdkconn.GroupMemberInfo)},
	"member_2019":                {into: new(sdkconn.GroupMemberInfo), want: "member_2019_new"},
	"profile":                    {into: new(sdkconn.UserProfile)},
}

func TestFilesRoundTrip(t *testing.T) {
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			if err := sdkconn.Unmarshal(read(t, name), f.into); err != nil {
				t.Fatal(err)
			}
			got, err := sdkconn.Marshal(f.into)
			if err != nil {
				t.Fatal(err)
			}
			want := f.want
			if want == "" {
				want = name
			}
			for _, d := range differ("", tree(t, got), tree(t, read(t, want))) {
				t.Error(d)
			}
			again := reflect.New(reflect.TypeOf(f.into).Elem()).Interface()
			if err := sdkconn.Unmarshal(got, again); err != nil {
				t.Fatal(err)
			}
			if twice, err := sdkconn.Marshal(again); err != nil || !bytes.Equal(got, twice) {
				t.Errorf("second round trip: %v\n%s\n%s", err, got, twice)
			}
		})
	}
}

// Keys that 8.0 leaves out of a fresh message are left out; what it does write is there.
func TestMessageIsWrittenAsTheSDKDoes(t *testing.T) {
	for name, keys := range map[string]int{"message_c2c": 44, "message_group": 45} {
		data := read(t, name)
		if n := len(tree(t, data).(map[string]any)); n != keys {
			t.Fatalf("%s has %d keys, 8.0 writes %d", name, n, keys)
		}
		m, err := sdkconn.UnmarshalMessage(data)
		if err != nil {
			t.Fatal(err)
		}
		if m.SenderMember != nil {
			m.SenderMember.Unknown = nil // stands at the end of what is written
			data = bytes.ReplaceAll(data, []byte(`"group_member_info_online_devices":[],`), nil)
		}
		got, err := sdkconn.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if want := bytes.ReplaceAll(data, []byte(`\/`), []byte(`/`)); !bytes.Equal(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

// A message made by hand has every key of 8.0 too, a status it does not have yet apart.
func TestHandMadeMessageHasAllKeys(t *testing.T) {
	got, err := sdkconn.Marshal(&sdkconn.Message{
		Status: sdkconn.StatusSendSucc, SenderProfile: &sdkconn.SenderProfile{Identifier: "alice"},
		Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "hi"}}, ReceiptUnreadCount: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	gotKeys := slices.Sorted(maps.Keys(tree(t, got).(map[string]any)))
	wantKeys := slices.Sorted(maps.Keys(tree(t, read(t, "message_c2c")).(map[string]any)))
	if !slices.Equal(gotKeys, wantKeys) {
		t.Errorf("got %v\nwant %v", gotKeys, wantKeys)
	}
}

// The shortened forms that people write by hand and old SDKs give become whole messages, with the SDK's own defaults.
func TestShortFormsAreRead(t *testing.T) {
	var sent sdkconn.Message
	if err := sdkconn.Unmarshal(read(t, "send_param"), &sent); err != nil {
		t.Fatal(err)
	}
	if sent.Text() != "pong" || sent.Priority != sdkconn.PriorityNormal || sent.ReceiptUnreadCount != -1 || sent.Unknown != nil {
		t.Errorf("got %+v", sent)
	}
	var batch sdkconn.BatchSendParam
	if err := sdkconn.Unmarshal(read(t, "batch_param"), &batch); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(batch.Users, []string{"alice", "bob"}) || batch.Msg.Text() != "通知 😀" {
		t.Errorf("got %+v", batch)
	}
	var callback []*sdkconn.Message
	if err := sdkconn.Unmarshal(read(t, "callback_c2c"), &callback); err != nil {
		t.Fatal(err)
	}
	m := callback[0]
	if m.UniqueID != 7301444032000000077 || m.Conversation() != sdkconn.C2C("alice") || m.Time() != 1700000000 {
		t.Errorf("got %+v", m)
	}
}

func TestOldSpellings(t *testing.T) {
	for name, c := range map[string]struct {
		json string
		into interface{ comparable() any }
		want any
	}{
		"remble":                  {`{"msg_getmsglist_param_is_remble":true}`, list{new(sdkconn.GetMsgListParam)}, true},
		"both, equal":             {`{"msg_getmsglist_param_is_remble":true,"msg_getmsglist_param_is_ramble":true}`, list{new(sdkconn.GetMsgListParam)}, true},
		"both, the new one is on": {`{"msg_getmsglist_param_is_ramble":true,"msg_getmsglist_param_is_remble":false}`, list{new(sdkconn.GetMsgListParam)}, true},
		"remble in delete":        {`{"msg_delete_param_is_remble":true}`, del{new(sdkconn.DeleteParam)}, true},
		"remble is no bool":       {`{"msg_delete_param_is_remble":"true"}`, del{new(sdkconn.DeleteParam)}, false},
		"indentifier":             {`{"msg_search_param_send_indentifier_array":["alice","bob"]}`, search{new(sdkconn.SearchParam)}, "alice bob"},
		"owener":                  {`{"group_detial_info_owener_identifier":"o","x":1}`, info{new(sdkconn.GroupInfo)}, "o"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := sdkconn.Unmarshal([]byte(c.json), c.into.(interface{ pointer() any }).pointer()); err != nil {
				t.Fatal(err)
			}
			if got := c.into.comparable(); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

type list struct{ *sdkconn.GetMsgListParam }

func (l list) pointer() any    { return l.GetMsgListParam }
func (l list) comparable() any { return l.IsRamble }

type del struct{ *sdkconn.DeleteParam }

func (d del) pointer() any    { return d.DeleteParam }
func (d del) comparable() any { return d.IsRamble }

type search struct{ *sdkconn.SearchParam }

func (s search) pointer() any    { return s.SearchParam }
func (s search) comparable() any { return strings.Join(s.Senders, " ") }

type info struct{ *sdkconn.GroupInfo }

func (i info) pointer() any    { return i.GroupInfo }
func (i info) comparable() any { return i.Owner }

func TestRawUTF8IsWritten(t *testing.T) {
	text := "你好 😀 é \u2028 </>&"
	data, err := sdkconn.Marshal(&sdkconn.Message{CloudCustom: text, Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}})
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte(text)); n != 2 || bytes.Contains(data, []byte(`\u`)) {
		t.Errorf("%d times raw in %s", n, data)
	}
	// Escaped on the way in, raw on the way out, also in what this package does not know.
	m, err := sdkconn.UnmarshalMessage([]byte(`{"message_elem_array":[{"elem_type":0,"text_elem_content":"\ud83d\ude00"},` +
		`{"elem_type":77,"x":"\ud83d\ude00"}],"new":"\ud83d\ude00"}`))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = sdkconn.Marshal(m); err != nil || strings.Count(string(data), "😀") != 3 || bytes.Contains(data, []byte(`\u`)) {
		t.Errorf("%v: %s", err, data)
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	const big = "18446744073709551615"
	m, err := sdkconn.UnmarshalMessage([]byte(`{"message_unique_id":` + big + `,"message_seq":` + big + `,"message_rand":` + big +
		`,"message_version":` + big + `,"message_unknown":` + big + `,"message_elem_array":[{"elem_type":50,"id":` + big + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	data, err := sdkconn.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), big); n != 6 {
		t.Errorf("%d of 6 in %s", n, data)
	}
}

// What the SDK reads although it is wrong, section 2.1 and 3 of its fact sheet; a wrong member never costs the message.
func TestLeniency(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"bool from number and text":      {`{"message_is_read":1,"message_is_peer_read":"true"}`, `{}`},
		"number from text":               {`{"message_seq":"3","message_rand":"4"}`, `{}`},
		"server time from text":          {`{"message_server_time":"1700000000"}`, `{"message_server_time":1700000000}`},
		"server time from other text":    {`{"message_server_time":"soon"}`, `{}`},
		"text from number":               {`{"message_sender":5,"message_cloud_custom_str":["a"]}`, `{}`},
		"text element from number":       {`{"message_elem_array":[{"elem_type":0,"text_elem_content":5}]}`, `{"message_elem_array":[{"elem_type":0,"text_elem_content":""}]}`},
		"the rest of a faulty element":   {`{"message_elem_array":[{"elem_type":3,"custom_elem_data":"d","custom_elem_ext":5}]}`, `{"message_elem_array":[{"elem_type":3,"custom_elem_data":"d"}]}`},
		"object from number":             {`{"message_sender_profile":5,"message_sender_group_member_info":[]}`, `{}`},
		"list from text":                 {`{"message_group_at_user_array":"bob"}`, `{}`},
		"list with a number":             {`{"message_group_at_user_array":["a",5]}`, `{"message_group_at_user_array":["a",""]}`},
		"null":                           {`{"message_sender_profile":null,"message_seq":null,"message_priority":null,"message_elem_array":null}`, `{}`},
		"priority of a wrong type":       {`{"message_priority":true}`, `{}`},
		"fraction":                       {`{"message_seq":3.7,"message_custom_int":2.9,"message_priority":2.5}`, `{"message_seq":3,"message_custom_int":2,"message_priority":2}`},
		"too large":                      {`{"message_custom_int":4294967296,"message_seq":18446744073709551616}`, `{"message_custom_int":4294967295,"message_seq":18446744073709551615}`},
		"negative":                       {`{"message_custom_int":-1}`, `{"message_custom_int":4294967295}`},
		"no element type is text":        {`{"message_elem_array":[{"text_elem_content":"a"}]}`, `{"message_elem_array":[{"elem_type":0,"text_elem_content":"a"}]}`},
		"element type null is text":      {`{"message_elem_array":[{"elem_type":null,"text_elem_content":"a"}]}`, `{"message_elem_array":[{"elem_type":0,"text_elem_content":"a"}]}`},
		"element type in quotes is text": {`{"message_elem_array":[{"elem_type":"3","text_elem_content":"a"}]}`, `{"message_elem_array":[{"elem_type":0,"text_elem_content":"a"}]}`},
		"element type fraction":          {`{"message_elem_array":[{"elem_type":6.9,"face_elem_index":2}]}`, `{"message_elem_array":[{"elem_type":6,"face_elem_index":2}]}`},
		"element type late":              {`{"message_elem_array":[{"face_elem_buf":"}\"{,","z":[{}],"elem_type":6}]}`, `{"message_elem_array":[{"elem_type":6,"face_elem_buf":"}\"{,","z":[{}]}]}`},
		"element type escaped":           {`{"message_elem_array":[{"elem\u005ftype":6,"face_elem_index":2}]}`, `{"message_elem_array":[{"elem_type":6,"face_elem_index":2}]}`},
		"elements no list":               {`{"message_elem_array":{"elem_type":0}}`, `{"message_elem_array":[]}`},
		"element no object":              {`{"message_elem_array":[5,"a",null]}`, `{"message_elem_array":[5,"a",null]}`},
		"old key twice":                  {`{"message_offlie_push_config":{"offline_push_config_desc":"old"},"message_offline_push_config":{"offline_push_config_desc":"new"}}`, `{"message_offline_push_config":{"offline_push_config_desc":"new","offline_push_config_ext":"","offline_push_config_flag":0}}`},
		"repeated key":                   {`{"message_sender":"a","message_sender":"b"}`, `{"message_sender":"b"}`},
		"picture level":                  {`{"message_elem_array":[{"elem_type":1,"image_elem_level":0,"image_elem_format":"x"}]}`, `{"message_elem_array":[{"elem_type":1,"image_elem_level":0}]}`},
		"white space":                    {" \n{ \"message_elem_array\" :\t[ { \"elem_type\" : 6 , \"face_elem_index\" : 2 } , { } ] } ", `{"message_elem_array":[{"elem_type":6,"face_elem_index":2},{"elem_type":0}]}`},
		"a wrong member in a merged one": {`{"message_elem_array":[{"elem_type":12,"merge_elem_message_array":[{"message_seq":"x","message_sender":"a"},5,null]}]}`, `{"message_elem_array":[{"elem_type":12,"merge_elem_message_array":[{"message_sender":"a"},null,null]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sdkconn.UnmarshalMessage([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			want, err := sdkconn.UnmarshalMessage([]byte(c.want))
			if err != nil {
				t.Fatal(err)
			}
			a, _ := sdkconn.Marshal(got)
			b, _ := sdkconn.Marshal(want)
			for _, d := range differ("", tree(t, a), tree(t, b)) {
				t.Error(d)
			}
		})
	}
}

func TestCountOfMinusOneIsAll(t *testing.T) {
	var p sdkconn.GetMsgListParam
	if err := sdkconn.Unmarshal([]byte(`{"msg_getmsglist_param_count":-1}`), &p); err != nil || p.Count != 1<<32-1 {
		t.Errorf("%v: %d", err, p.Count)
	}
}

func TestWhatIsNoMessage(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": ``, "list": `[]`, "text": `"x"`, "number": `123`, "null": `null`, "open": `{`, "words": `not json`, "comma": `{"a":1,}`,
		"comment": `{/* */}`, "single quotes": `{'a':1}`, "second value": `{} {}`, "open element": `{"message_elem_array":[{"elem_type":0`,
	} {
		if m, err := sdkconn.UnmarshalMessage([]byte(in)); err == nil {
			t.Errorf("%s: read %+v", name, m)
		}
	}
}

func TestInvalidUTF8(t *testing.T) {
	m, err := sdkconn.UnmarshalMessage([]byte("{\"message_sender\":\"a\xff\",\"message_elem_array\":[{\"elem_type\":0,\"text_elem_content\":\"\xe4\xbd\"},{\"elem_type\":77,\"x\":\"\xff\"}],\"new\xff\":\"\xff\"}"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := sdkconn.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sdkconn.UnmarshalMessage(data)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := sdkconn.Marshal(again); err != nil || !bytes.Equal(data, twice) {
		t.Errorf("%v:\n%q\n%q", err, data, twice)
	}
	if m.Text() != "\ufffd" && m.Text() != "\ufffd\ufffd" {
		t.Errorf("text %q", m.Text())
	}
	if _, err := sdkconn.Marshal(&sdkconn.Message{CloudCustom: "\xff"}); err != nil {
		t.Error(err)
	}
}

// merged is a message with layers of merged messages; elem_type stands before or after them.
func merged(layers int, typeFirst bool) []byte {
	open, end := `{"message_elem_array":[{"elem_type":12,"merge_elem_message_array":[`, `]}]}`
	if !typeFirst {
		open, end = `{"message_elem_array":[{"merge_elem_message_array":[`, `],"elem_type":12}]}`
	}
	return []byte(strings.Repeat(open, layers) + `{"new":[1]}` + strings.Repeat(end, layers))
}

func TestDepth(t *testing.T) {
	for _, typeFirst := range []bool{true, false} {
		for _, layers := range []int{1, 99, 100, 101, 2000} {
			m, err := sdkconn.UnmarshalMessage(merged(layers, typeFirst))
			if err != nil {
				t.Fatalf("%d layers: %v", layers, err)
			}
			read := 0
			for e := m.Elems[0]; ; read++ {
				merge, ok := e.(*sdkconn.MergeElem)
				if !ok {
					break
				}
				if len(merge.Messages[0].Elems) == 0 {
					read++
					break
				}
				e = merge.Messages[0].Elems[0]
			}
			if want := min(layers, 100); read != want {
				t.Errorf("%d layers: %d were read, want %d", layers, read, want)
			}
			data, err := sdkconn.Marshal(m)
			if err != nil || !bytes.Contains(data, []byte(`"new":[1]`)) {
				t.Errorf("%d layers: %v: the innermost message is lost", layers, err)
			}
		}
	}
	for name, in := range map[string]string{
		"lists":    strings.Repeat("[", 1<<20),
		"objects":  strings.Repeat(`{"a":`, 1<<20),
		"a member": `{"a":` + strings.Repeat("[", 1<<20),
		"elements": `{"message_elem_array":` + strings.Repeat("[", 1<<20),
		"merged":   strings.Repeat(`{"message_elem_array":[{"elem_type":12,"merge_elem_message_array":[`, 1<<16),
	} {
		var m sdkconn.Message
		if err := sdkconn.Unmarshal([]byte(in), &m); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func TestGroupTips(t *testing.T) {
	for name, want := range map[string]int{"event_tips_object": 1, "event_tips_array": 2} {
		tips, err := sdkconn.UnmarshalGroupTips(read(t, name))
		if err != nil || len(tips) != want {
			t.Fatalf("%s: %d, %v", name, len(tips), err)
		}
		if tips[0].GroupID != "@TGS#1ABC" || tips[0].JoinType != sdkconn.JoinInvite || tips[0].Users[0] != "alice" {
			t.Errorf("%s: %+v", name, tips[0])
		}
	}
	for in, want := range map[string]int{`[]`: 0, `null`: 0, `[null,{}]`: 1, `[5,{}]`: 1} {
		if tips, err := sdkconn.UnmarshalGroupTips([]byte(in)); err != nil || len(tips) != want {
			t.Errorf("%s: %d, %v", in, len(tips), err)
		}
	}
	for _, in := range []string{``, `{`, `5`, `[`} {
		if tips, err := sdkconn.UnmarshalGroupTips([]byte(in)); err == nil {
			t.Errorf("%s: read %v", in, tips)
		}
	}
}

func TestOldTip(t *testing.T) {
	m, err := sdkconn.UnmarshalMessage(slices.Concat([]byte(`{"message_elem_array":[`), read(t, "tips_2019"), []byte(`]}`)))
	if err != nil {
		t.Fatal(err)
	}
	tip := m.Elems[0].(*sdkconn.GroupTipsElem)
	if tip.TipType != sdkconn.TipInvite || tip.ChangedMembers[0].Identifier != "alice" || string(tip.ChangedMembers[0].Custom) != "{}" {
		t.Errorf("got %+v", tip)
	}
	if !bytes.Contains(tip.Unknown, []byte(`"group_tips_elem_time":1700000000`)) {
		t.Errorf("the old keys are lost: %s", tip.Unknown)
	}
}

func TestElementsThatCannotBeWritten(t *testing.T) {
	for name, e := range map[string]sdkconn.Elem{"foreign": foreign{}, "nil": nil} {
		if data, err := sdkconn.Marshal(&sdkconn.Message{Elems: sdkconn.Elems{e}}); err == nil {
			t.Errorf("%s: wrote %s", name, data)
		}
	}
	data, err := sdkconn.Marshal(&sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.UnknownElem{Type: 13}}})
	if err != nil || !bytes.Contains(data, []byte(`[{"elem_type":13}]`)) {
		t.Errorf("%v: %s", err, data)
	}
}

type foreign struct{}

func (foreign) ElemType() sdkconn.ElemType { return sdkconn.ElemText }

// A caller of the JSON library itself reads messages too, and from a stream.
func TestMessagesInAStream(t *testing.T) {
	var file struct{ Messages []sdkconn.Message }
	in := `{"Messages":[` + strings.Repeat(string(read(t, "message_elements"))+",", 9) + string(merged(50, false)) + `]}`
	if err := unmarshalRead(&slow{strings.NewReader(in)}, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Messages) != 10 || len(file.Messages[8].Elems) != 13 {
		t.Fatalf("%d messages", len(file.Messages))
	}
	one, err := sdkconn.Marshal(&file.Messages[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differ("", tree(t, one), tree(t, read(t, "message_elements"))) {
		t.Error(d)
	}
}
