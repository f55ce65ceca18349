package sdkconn_test

import (
	"errors"
	"fmt"

	"github.com/timbot-go/timbot/sdkconn"
)

func Example() {
	// One message as the C API's callback tells it.
	m, err := sdkconn.UnmarshalMessage([]byte(`{
		"message_conv_id": "alice", "message_conv_type": 1, "message_sender": "alice",
		"message_seq": 31, "message_rand": 77, "message_server_time": 1700000000,
		"message_elem_array": [{"elem_type": 0, "text_elem_content": "你好"}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Conversation(), m.Text())
	fmt.Println((&sdkconn.Event{Kind: sdkconn.EventNewMsg, Message: m}).Key())
	// Output:
	// c2c_alice 你好
	// 1700000000.31.77.c2c_alice.0.m
}

func ExampleMarshal() {
	elems := sdkconn.Elems{&sdkconn.TextElem{Text: "pong 😀"}, &sdkconn.FaceElem{Index: 3}}
	data, err := sdkconn.Marshal(elems)
	fmt.Printf("%s %v\n", data, err)
	// Output: [{"elem_type":0,"text_elem_content":"pong 😀"},{"elem_type":6,"face_elem_buf":"","face_elem_index":3}] <nil>
}

func ExampleUnmarshal() {
	// The spelling of 2019 is read; what is written is that of 8.0.
	var param sdkconn.GetMsgListParam
	if err := sdkconn.Unmarshal([]byte(`{"msg_getmsglist_param_count":20,"msg_getmsglist_param_is_remble":true}`), &param); err != nil {
		fmt.Println(err)
		return
	}
	data, err := sdkconn.Marshal(param)
	fmt.Printf("%s %v\n", data, err)
	// Output: {"msg_getmsglist_param_count":20,"msg_getmsglist_param_is_forward":false,"msg_getmsglist_param_is_ramble":true} <nil>
}

func ExampleError() {
	err := fmt.Errorf("take back: %w", &sdkconn.Error{Op: "Revoke", Code: sdkconn.CodeRevokeTimeLimit})
	fmt.Println(err)
	fmt.Println(errors.Is(err, sdkconn.CodeRevokeTimeLimit), sdkconn.CodeOf(err) == 20016, sdkconn.Retryable(err))
	// Output:
	// take back: Revoke: 20016 ERR_SVR_MSG_REVOKE_TIME_LIMIT
	// true true false
}

func ExampleParseConversation() {
	conv, err := sdkconn.ParseConversation("group_@TGS#1ABC")
	fmt.Println(conv.ID, conv.Type, err)
	// Output: @TGS#1ABC group <nil>
}

func ExampleMessage_Locator() {
	m := &sdkconn.Message{ServerTime: 1700000000, Seq: 31, Rand: 77, IsFromSelf: true}
	data, err := sdkconn.Marshal(m.Locator())
	fmt.Printf("%s %v\n", data, err)
	// Output: {"message_locator_is_revoked":false,"message_locator_is_self":true,"message_locator_rand":77,"message_locator_seq":31,"message_locator_time":1700000000} <nil>
}

func ExampleDownloads() {
	for _, file := range sdkconn.Downloads(&sdkconn.VideoElem{VideoID: "v1", ImageID: "i1"}) {
		fmt.Println(file.Type == sdkconn.DownloadVideo, file.ID)
	}
	// Output:
	// true v1
	// false i1
}
