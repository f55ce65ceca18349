package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// witness is the bot's connection in a chat. It shows what the bot does when it does it, also what no user that is played
// is told of. Before and after a call it lets the users hear what happened so far, so that the order on the screen is the
// order in which things happened.
type witness struct {
	*local.Conn
	feed   *feed
	settle func(context.Context) // waits until the users have been told everything so far
}

var (
	_ sdkconn.Conn          = (*witness)(nil)
	_ sdkconn.Idler         = (*witness)(nil)
	_ sdkconn.Groups        = (*witness)(nil)
	_ sdkconn.Conversations = (*witness)(nil)
	_ sdkconn.MessageFinder = (*witness)(nil)
	_ sdkconn.Profiles      = (*witness)(nil)
)

// SendNewMsg implements [sdkconn.Conn].
func (w *witness) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	w.settle(ctx)
	sent, err := w.Conn.SendNewMsg(ctx, conv, msg)
	w.settle(ctx)
	if err == nil {
		w.sent(conv, sent)
	}
	return sent, err
}

// BatchSend implements [sdkconn.Conn].
func (w *witness) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	w.settle(ctx)
	results, err := w.Conn.BatchSend(ctx, users, msg)
	w.settle(ctx)
	for _, r := range results {
		if r.Code == 0 && r.Msg != nil {
			w.sent(sdkconn.C2C(r.User), r.Msg)
		}
	}
	return results, err
}

func (w *witness) sent(conv sdkconn.Conversation, m *sdkconn.Message) {
	w.feed.hold(func(add func(string, identity, entry, bool)) {
		add("message", identityOf(w.Self(), conv, m.Locator()), messageEntry("message", w.Self(), m), true)
	})
}

// Revoke implements [sdkconn.Conn].
func (w *witness) Revoke(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	w.settle(ctx)
	err := w.Conn.Revoke(ctx, conv, msg)
	w.settle(ctx)
	if err == nil {
		w.feed.hold(func(func(string, identity, entry, bool)) {
			w.feed.revoked(w.Self(), w.Self(), conv, msg.Locator(), now())
		})
	}
	return err
}

// ReportReaded implements [sdkconn.Conn]. Whoever is told of it is a user that is played.
func (w *witness) ReportReaded(ctx context.Context, conv sdkconn.Conversation, upTo *sdkconn.Message) error {
	w.settle(ctx)
	err := w.Conn.ReportReaded(ctx, conv, upTo)
	w.settle(ctx)
	return err
}

// SaveMsg implements [sdkconn.Conn].
func (w *witness) SaveMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	w.settle(ctx)
	err := w.Conn.SaveMsg(ctx, conv, msg)
	if err == nil {
		w.did(conv, "saved a message of "+firstOf(msg.Sender, w.Self())+": "+content(msg))
	}
	return err
}

// ImportMsgList implements [sdkconn.Conn].
func (w *witness) ImportMsgList(ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	w.settle(ctx)
	err := w.Conn.ImportMsgList(ctx, conv, msgs)
	if err == nil {
		w.did(conv, "imported "+counted(len(msgs), "message"))
	}
	return err
}

// Delete implements [sdkconn.Conn].
func (w *witness) Delete(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	w.settle(ctx)
	err := w.Conn.Delete(ctx, conv, msg)
	switch {
	case err != nil:
	case msg == nil:
		w.did(conv, "deleted all messages in its own view")
	default:
		w.did(conv, "deleted a message in its own view: "+content(msg))
	}
	return err
}

// DownloadElemToPath implements [sdkconn.Conn].
func (w *witness) DownloadElemToPath(ctx context.Context, param sdkconn.DownloadElemParam, path string, progress func(current, total uint64)) error {
	w.settle(ctx)
	var total uint64
	err := w.Conn.DownloadElemToPath(ctx, param, path, func(current, all uint64) {
		total = all
		if progress != nil {
			progress(current, all)
		}
	})
	if err == nil {
		w.did(sdkconn.Conversation{}, fmt.Sprintf("downloaded a file of %s", size(int64(total))))
	}
	return err
}

// did shows something that nobody else notices.
func (w *witness) did(conv sdkconn.Conversation, what string) {
	e := entry{Kind: "note", Time: now(), From: w.Self(), Text: w.Self() + " " + what}
	switch conv.Type {
	case sdkconn.ConvGroup:
		e.Group = conv.ID
	case sdkconn.ConvC2C:
		e.To = conv.ID
		e.Text = w.Self() + ", with " + conv.ID + ", " + what
	}
	e.Text = strings.TrimSuffix(e.Text, ": ")
	w.feed.put(e)
}
