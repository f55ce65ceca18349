package actions

import (
	"errors"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestReply(t *testing.T) {
	conn := new(recorder)
	res, err := Reply.Run(t.Context(), newCall(t, conn), args{"text": "hi"})
	if err != nil {
		t.Fatal(err)
	}
	if len(conn.calls) != 1 || conn.calls[0].Op != "SendNewMsg" {
		t.Fatalf("calls: %+v", conn.calls)
	}
	if got := conn.calls[0]; got.Conv != sdkconn.Group("@TGS#1") || got.Msg.Text() != "hi" {
		t.Errorf("sent %q to %s", got.Msg.Text(), got.Conv)
	}
	values := res.Values()
	if res.Text != "hi" || values["text"] != "hi" || values["msg_id"] != "bot-9-8" ||
		values["conversation"] != "group_@TGS#1" {
		t.Errorf("result %q, values %v", res.Text, values)
	}
	if msg := values["msg"].(*sdkconn.Message); msg.Seq != 7 {
		t.Errorf("message %+v", msg)
	}
	if l := values["locator"].(sdkconn.Locator); l.Seq != 7 || l.Rand != 8 || l.Time != 9 || !l.IsSelf {
		t.Errorf("locator %+v", l)
	}
}

func TestReplyKeepsCodeAndText(t *testing.T) {
	conn := &recorder{err: map[string]error{
		"SendNewMsg": &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeGroupShutupDeny, Desc: "you are muted"},
	}}
	_, err := Reply.Run(t.Context(), newCall(t, conn), args{"text": "hi"})
	if !errors.Is(err, sdkconn.CodeGroupShutupDeny) {
		t.Errorf("error %v has no code", err)
	}
	want := "reply: send to group_@TGS#1: SendNewMsg: 10017 ERR_SVR_GROUP_SHUTUP_DENY: you are muted " +
		"(the bot is muted in this group: have an administrator unmute it)"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestReplyWithoutConversation(t *testing.T) {
	call := newCall(t, new(recorder))
	call.Event, call.Conversation = nil, sdkconn.Conversation{}
	_, err := Reply.Run(t.Context(), call, args{"text": "hi"})
	if err == nil || err.Error() != "reply: this event belongs to no conversation: use send, with to_user or to_group" {
		t.Errorf("got %v", err)
	}
}
