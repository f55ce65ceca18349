package actions

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

// recorder is a connection that notes what it is asked and answers what the test says.
type recorder struct {
	calls []call
	err   map[string]error // by call

	found    []*sdkconn.Message // FindByMsgLocatorList
	page     []*sdkconn.Message // GetMsgList
	batch    func(users []string) ([]sdkconn.BatchSendResult, error)
	download func(param sdkconn.DownloadElemParam, path string, progress func(current, total uint64)) error
}

// call is what one call of the connection was given.
type call struct {
	Op       string
	Conv     sdkconn.Conversation
	Msg      *sdkconn.Message
	Msgs     []*sdkconn.Message
	Locators []sdkconn.Locator
	Page     sdkconn.GetMsgListParam
	Users    []string
	Download sdkconn.DownloadElemParam
	Path     string
}

func (r *recorder) note(c call) error {
	r.calls = append(r.calls, c)
	return r.err[c.Op]
}

func (r *recorder) Self() string { return "bot" }

func (r *recorder) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	if err := r.note(call{Op: "SendNewMsg", Conv: conv, Msg: msg}); err != nil {
		return nil, err
	}
	sent := *msg
	sent.ConvID, sent.ConvType, sent.Sender, sent.IsFromSelf = conv.ID, conv.Type, "bot", true
	sent.Seq, sent.Rand, sent.ServerTime, sent.MsgID = 7, 8, 9, "bot-9-8"
	sent.Status = sdkconn.StatusSendSucc
	return &sent, nil
}

func (r *recorder) ReportReaded(ctx context.Context, conv sdkconn.Conversation, upTo *sdkconn.Message) error {
	return r.note(call{Op: "ReportReaded", Conv: conv, Msg: upTo})
}

func (r *recorder) Revoke(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	return r.note(call{Op: "Revoke", Conv: conv, Msg: msg})
}

func (r *recorder) FindByMsgLocatorList(ctx context.Context, conv sdkconn.Conversation, locators []sdkconn.Locator) ([]*sdkconn.Message, error) {
	return r.found, r.note(call{Op: "FindByMsgLocatorList", Conv: conv, Locators: locators})
}

func (r *recorder) ImportMsgList(ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	return r.note(call{Op: "ImportMsgList", Conv: conv, Msgs: msgs})
}

func (r *recorder) SaveMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	return r.note(call{Op: "SaveMsg", Conv: conv, Msg: msg})
}

func (r *recorder) GetMsgList(ctx context.Context, conv sdkconn.Conversation, param sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	return r.page, r.note(call{Op: "GetMsgList", Conv: conv, Page: param})
}

func (r *recorder) Delete(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	return r.note(call{Op: "Delete", Conv: conv, Msg: msg})
}

func (r *recorder) DownloadElemToPath(ctx context.Context, param sdkconn.DownloadElemParam, path string, progress func(current, total uint64)) error {
	if err := r.note(call{Op: "DownloadElemToPath", Download: param, Path: path}); err != nil {
		return err
	}
	if r.download != nil {
		return r.download(param, path, progress)
	}
	content := []byte("content of " + param.ID)
	progress(uint64(len(content)), uint64(len(content)))
	return os.WriteFile(path, content, 0o600)
}

func (r *recorder) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	if err := r.note(call{Op: "BatchSend", Users: users, Msg: msg}); err != nil {
		return nil, err
	}
	if r.batch != nil {
		return r.batch(users)
	}
	results := make([]sdkconn.BatchSendResult, len(users))
	for i, u := range users {
		results[i] = sdkconn.BatchSendResult{User: u, Msg: &sdkconn.Message{MsgID: "to-" + u}}
	}
	return results, nil
}

func (r *recorder) Subscribe(ctx context.Context, h sdkconn.Handler) error {
	<-ctx.Done()
	return nil
}

func (r *recorder) Close() error { return nil }

// theMessage is what the test's event is about.
func theMessage() *sdkconn.Message {
	return &sdkconn.Message{
		ConvID: "@TGS#1", ConvType: sdkconn.ConvGroup, Sender: "alice", Seq: 3, Rand: 4, ServerTime: 1_700_000_000,
		MsgID: "alice-1-4", Status: sdkconn.StatusSendSucc, Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "hello"}},
	}
}

// newCall is a call on the recorder, in group @TGS#1, with folders of its own.
func newCall(t testing.TB, conn sdkconn.Conn) *Call {
	t.Helper()
	msg := theMessage()
	return &Call{
		Conn: conn, Event: &sdkconn.Event{Kind: sdkconn.EventNewMsg, At: msg.ServerTime, Message: msg},
		Conversation: msg.Conversation(), EffectID: "e1", Clock: clockwork.NewFakeClockAt(time.Unix(1_700_000_100, 0)),
		Log: slog.New(slog.DiscardHandler), Dir: t.TempDir(), DataDir: t.TempDir(), Rule: "r", Step: "do[0]",
	}
}

// args is a shorter name for what steps give.
type args = map[string]any
