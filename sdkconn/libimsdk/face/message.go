package face

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

type jsonValue = jsontext.Value

// MsgReportReaded marks messages as read: up to the one given, or all; of one conversation, or, without an id, of all of its
// type. What is no message is as good as none.
func (s *SDK) MsgReportReaded(id string, kind int32, text string, reply Reply) sdkconn.Code {
	conv := sdkconn.Conversation{ID: id, Type: sdkconn.ConvType(kind)}
	if conv.Type != sdkconn.ConvC2C && conv.Type != sdkconn.ConvGroup {
		return sdkconn.CodeParam
	}
	upTo := new(sdkconn.Message)
	if object(text, upTo, mustSayThings) != 0 {
		upTo = nil
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.ReportReaded(ctx, conv, upTo) })
}

// aboutMessage is a call with a conversation and a message.
func (s *SDK) aboutMessage(id string, kind int32, text string, reply Reply, do func(context.Context, *local.Conn, sdkconn.Conversation, *sdkconn.Message) error) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	msg := new(sdkconn.Message)
	if code := object(text, msg, mustSayThings); code != 0 {
		return code
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return do(ctx, c, conv, msg) })
}

// MsgRevoke takes a message back.
func (s *SDK) MsgRevoke(conv string, kind int32, msg string, reply Reply) sdkconn.Code {
	return s.aboutMessage(conv, kind, msg, reply, func(ctx context.Context, c *local.Conn, conv sdkconn.Conversation, msg *sdkconn.Message) error {
		return c.Revoke(ctx, conv, msg)
	})
}

// MsgSaveMsg keeps a message in the local history.
func (s *SDK) MsgSaveMsg(conv string, kind int32, msg string, reply Reply) sdkconn.Code {
	return s.aboutMessage(conv, kind, msg, reply, func(ctx context.Context, c *local.Conn, conv sdkconn.Conversation, msg *sdkconn.Message) error {
		return c.SaveMsg(ctx, conv, msg)
	})
}

// MsgDelete hides a message from the user. Without one it is CodeJSON: MsgClearHistoryMessage clears a conversation.
func (s *SDK) MsgDelete(id string, kind int32, param string, reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	var p struct {
		Msg jsonValue `json:"msg_delete_param_msg"`
	}
	msg := new(sdkconn.Message)
	if code := object(param, &p, mustSayThings); code != 0 {
		return code
	}
	if object(string(p.Msg), msg, mustSayThings) != 0 {
		return sdkconn.CodeJSON
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.Delete(ctx, conv, msg) })
}

// messages reads an argument that is an array of messages, none of them empty.
func messages(text string) ([]*sdkconn.Message, sdkconn.Code) {
	raw, code := objects(text)
	if code != 0 {
		return nil, code
	}
	msgs := make([]*sdkconn.Message, len(raw))
	for i, v := range raw {
		msgs[i] = new(sdkconn.Message)
		if emptyObject(v) || sdkconn.Unmarshal(v, msgs[i]) != nil {
			return nil, sdkconn.CodeJSON // the real library crashes for an empty one
		}
	}
	if len(msgs) == 0 {
		return nil, sdkconn.CodeJSON
	}
	return msgs, 0
}

// MsgImportMsgList writes messages into the local history.
func (s *SDK) MsgImportMsgList(id string, kind int32, text string, reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	msgs, code := messages(text)
	if code != 0 {
		return code
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.ImportMsgList(ctx, conv, msgs) })
}

// MsgListDelete deletes several messages of a conversation in the user's view.
func (s *SDK) MsgListDelete(id string, kind int32, text string, reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	msgs, code := messages(text)
	if code != 0 {
		return code
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.MsgListDelete(ctx, conv, msgs) })
}

// MsgClearHistoryMessage deletes all messages of a conversation in the user's view.
func (s *SDK) MsgClearHistoryMessage(id string, kind int32, reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.MsgClearHistoryMessage(ctx, conv) })
}

// MsgFindByMsgLocatorList answers the messages that locators name.
func (s *SDK) MsgFindByMsgLocatorList(id string, kind int32, text string, reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	raw, code := objects(text)
	if code != 0 {
		return code
	}
	locators := make([]sdkconn.Locator, len(raw))
	for i, v := range raw {
		if sdkconn.Unmarshal(v, &locators[i]) != nil {
			return sdkconn.CodeJSON
		}
	}
	if len(locators) == 0 {
		return s.fail(reply, noDatabase, "[]", sdkconn.CodeInvalidParameters, "empty message_locator_list")
	}
	return fetch(s, reply, noDatabase, "[]", func(ctx context.Context, c *local.Conn) (any, error) {
		return orNone(c.FindByMsgLocatorList(ctx, conv, locators))
	})
}

// orNone makes an empty array out of a nil one.
func orNone[T any](list []T, err error) (any, error) {
	if list == nil {
		list = []T{}
	}
	return list, err
}

// MsgFindMessages answers the messages with these ids.
func (s *SDK) MsgFindMessages(text string, reply Reply) sdkconn.Code {
	ids, code := names(text)
	switch {
	case code != 0:
		return code
	case len(ids) == 0:
		return s.fail(reply, noDatabase, "[]", sdkconn.CodeInvalidParameters, "message_id_list is empty")
	}
	return fetch(s, reply, noDatabase, "[]", func(ctx context.Context, c *local.Conn) (any, error) {
		return orNone(c.MsgFindMessages(ctx, ids))
	})
}

// MsgGetMsgList answers a page of a conversation's history.
func (s *SDK) MsgGetMsgList(id string, kind int32, param string, reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	var p sdkconn.GetMsgListParam
	if code := object(param, &p, mayBeEmpty); code != 0 {
		return code
	}
	if p.Count == 0 {
		return s.fail(reply, noDatabase, "[]", sdkconn.CodeInvalidParameters, "count is zero")
	}
	return fetch(s, reply, noDatabase, "[]", func(ctx context.Context, c *local.Conn) (any, error) {
		return orNone(c.GetMsgList(ctx, conv, p))
	})
}

// MsgDownloadElemToPath fetches an element's file, a picture's by its URL. The Reply is told the progress, too, with the
// desc "downloading". Downloads do not wait for the other calls, nor these for them.
func (s *SDK) MsgDownloadElemToPath(param, path string, reply Reply) sdkconn.Code {
	var p sdkconn.DownloadElemParam
	if path == "" {
		return sdkconn.CodeParam
	}
	if code := object(param, &p, mayBeEmpty); code != 0 {
		return code
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, c := s.term, s.session
	if code, desc := s.unready(notLoggedIn); code != 0 {
		s.answer(t, reply, code, desc, "")
		return 0
	}
	c.work.Go(func() {
		var last sdkconn.DownloadElemResult
		err := c.conn.DownloadElemToPath(c.ctx, p, path, func(current, total uint64) {
			last = sdkconn.DownloadElemResult{CurrentSize: current, TotalSize: total}
			s.answer(t, reply, 0, "downloading", encode(last))
		})
		if err != nil {
			code, desc := outcome(err)
			s.answer(t, reply, code, desc, "")
			return
		}
		s.answer(t, reply, 0, "OK", encode(last))
	})
	return 0
}

// MsgDownloadMergerMessage answers the messages inside a merge element.
func (s *SDK) MsgDownloadMergerMessage(text string, reply Reply) sdkconn.Code {
	msg := new(sdkconn.Message)
	if code := object(text, msg, mustSayThings); code != 0 {
		return code
	}
	return fetch(s, reply, notLoggedIn, "[]", func(ctx context.Context, c *local.Conn) (any, error) {
		return orNone(c.MsgDownloadMergerMessage(ctx, msg))
	})
}

// MsgSetLocalCustomData keeps data of the user's own with a message.
func (s *SDK) MsgSetLocalCustomData(text string, reply Reply) sdkconn.Code {
	msg := new(sdkconn.Message)
	if code := object(text, msg, mustSayThings); code != 0 {
		return code
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.MsgSetLocalCustomData(ctx, msg) })
}

// MsgSearchLocalMessages answers messages by what they say.
func (s *SDK) MsgSearchLocalMessages(param string, reply Reply) sdkconn.Code {
	var p sdkconn.SearchParam
	if code := object(param, &p, mayBeEmpty); code != 0 {
		return code
	}
	return fetch(s, reply, noDatabase, encode(new(sdkconn.SearchResult)), func(ctx context.Context, c *local.Conn) (any, error) {
		return c.MsgSearchLocalMessages(ctx, p)
	})
}

// MsgSetC2CReceiveMessageOpt sets what is heard of users.
func (s *SDK) MsgSetC2CReceiveMessageOpt(users string, opt int32, reply Reply) sdkconn.Code {
	ids, code := names(users)
	if code != 0 {
		return code
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error {
		return c.MsgSetC2CReceiveMessageOpt(ctx, ids, sdkconn.ReceiveOpt(opt))
	})
}

// MsgSetGroupReceiveMessageOpt sets what is heard of a group.
func (s *SDK) MsgSetGroupReceiveMessageOpt(group string, opt int32, reply Reply) sdkconn.Code {
	if group == "" {
		return sdkconn.CodeParam
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error {
		return c.MsgSetGroupReceiveMessageOpt(ctx, group, sdkconn.ReceiveOpt(opt))
	})
}

// MsgMarkAllMessageAsRead marks everything as read.
func (s *SDK) MsgMarkAllMessageAsRead(reply Reply) sdkconn.Code {
	return s.act(reply, markAllRead)
}

func markAllRead(ctx context.Context, c *local.Conn) error {
	if err := c.ReportReaded(ctx, sdkconn.C2C(""), nil); err != nil {
		return err
	}
	return c.ReportReaded(ctx, sdkconn.Group(""), nil)
}
