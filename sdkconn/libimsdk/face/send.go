package face

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// MsgSendNewMsg sends a message. The answer is the message as it was sent, or, beside an error, as far as it got.
func (s *SDK) MsgSendNewMsg(conv string, kind int32, msg string, reply Reply) sdkconn.Code {
	return s.send(conv, kind, msg, func(*sdkconn.Message) {}, reply)
}

// MsgSendMessage is MsgSendNewMsg that returns the message's id, too. It returns when the chat has accepted the message,
// which is when there is an id; a message that could not be sent has one that nobody knows.
func (s *SDK) MsgSendMessage(conv string, kind int32, msg string, reply Reply) (string, sdkconn.Code) {
	sent := make(chan string, 1)
	if code := s.send(conv, kind, msg, func(m *sdkconn.Message) { sent <- m.MsgID }, reply); code != 0 {
		return "", code
	}
	return <-sent, 0
}

// MsgSendNewMsgEx is MsgSendNewMsg that tells the message's id by a Reply of its own, before the result.
func (s *SDK) MsgSendNewMsgEx(conv string, kind int32, msg string, idReply, reply Reply) sdkconn.Code {
	s.mu.Lock()
	t := s.term
	s.mu.Unlock()
	return s.send(conv, kind, msg, func(m *sdkconn.Message) {
		s.answer(t, idReply, 0, "ok", encode(struct {
			ID    string           `json:"message_conv_id"`
			Type  sdkconn.ConvType `json:"message_conv_type"`
			MsgID string           `json:"message_msg_id"`
		}{m.ConvID, m.ConvType, m.MsgID}))
	}, reply)
}

// errNoElem is what becomes of a message with nothing to be sent in it.
var errNoElem error = &sdkconn.Error{Code: sdkconn.CodeInvalidMsgElem, Desc: "no element that can be sent"}

// send is every way to send. made is called with the message, sent or not, before the answer; exactly once when send
// returns 0, also when the term ends.
func (s *SDK) send(id string, kind int32, text string, made func(*sdkconn.Message), reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	msg := new(sdkconn.Message)
	if code := object(text, msg, mustSayThings); code != 0 {
		return code
	}
	understood(msg)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.term
	unsent := s.unsent(conv, msg)
	if code, desc := s.unready(notLoggedIn); code != 0 {
		made(unsent)
		s.answer(t, reply, code, desc, encode(unsent))
		return 0
	}
	conn := s.session.conn
	s.session.add(func(ctx context.Context) {
		sent, err := (*sdkconn.Message)(nil), errNoElem
		if len(msg.Elems) > 0 {
			sent, err = conn.SendNewMsg(ctx, conv, msg)
		}
		code, desc := outcome(err)
		if err != nil {
			sent = unsent
			sent.Status, sent.ServerTime = sdkconn.StatusSendFail, 0
		}
		made(sent)
		s.answer(t, reply, code, desc, encode(sent))
	})
	return 0
}

// understood takes out of a message to be sent what the SDK does not know. It does the same, and says nothing.
func understood(msg *sdkconn.Message) {
	msg.Unknown = nil
	msg.Elems = slices.DeleteFunc(msg.Elems, func(e sdkconn.Elem) bool {
		_, unknown := e.(*sdkconn.UnknownElem)
		return unknown
	})
}

// unsent is what a message looks like that was not sent. s.mu is held.
func (s *SDK) unsent(conv sdkconn.Conversation, msg *sdkconn.Message) *sdkconn.Message {
	m := *msg
	m.ConvID, m.ConvType, m.IsFromSelf, m.IsRead, m.Platform = conv.ID, conv.Type, true, true, 0
	if m.Status == 0 {
		m.Status = sdkconn.StatusSendSucc // as the real library says, whatever became of it
	}
	m.ClientTime, m.Rand = 0, 0
	if s.term.open {
		s.rand++
		m.ClientTime, m.Rand = s.GetServerTime(), uint64(s.rand)
	}
	high := m.Time()
	if conv.Type == sdkconn.ConvGroup {
		high = m.Seq
	}
	m.UniqueID = high<<32 + m.Rand
	var sender string
	if s.session != nil {
		sender = s.session.conn.Self()
		m.Sender = sender
	}
	if m.SenderProfile == nil {
		m.SenderProfile = &sdkconn.SenderProfile{Identifier: m.Sender}
	}
	if m.SenderMember == nil && conv.Type == sdkconn.ConvGroup {
		m.SenderMember = &sdkconn.GroupMemberInfo{
			Custom: jsontext.Value(`[]`), Unknown: jsontext.Value(`{"group_member_info_online_devices":[]}`),
		}
	}
	m.MsgID = fmt.Sprintf("%s-%d-%d", sender, m.ClientTime, m.Rand)
	return &m
}

// MsgBatchSend sends a message to each of several users. The answer is an array with a result for each.
func (s *SDK) MsgBatchSend(param string, reply Reply) sdkconn.Code {
	var raw struct {
		Msg jsonValue `json:"msg_batch_send_param_msg"`
	}
	var p sdkconn.BatchSendParam
	if code := object(param, &raw, mayBeEmpty); code != 0 {
		return code
	}
	if code := object(param, &p, mayBeEmpty); code != 0 || emptyObject(raw.Msg) {
		return sdkconn.CodeJSON
	}
	if len(p.Users) == 0 { // the real library is silent for ever
		return s.fail(reply, notLoggedIn, "[]", sdkconn.CodeInvalidParameters, "empty identifier array")
	}
	if p.Msg == nil {
		p.Msg = new(sdkconn.Message)
	}
	understood(p.Msg)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.term
	if code, desc := s.unready(notLoggedIn); code != 0 {
		s.answer(t, reply, code, desc, encode(s.unsentBatch(p, code, desc)))
		return 0
	}
	failed := s.unsentBatch(p, 0, "")
	conn := s.session.conn
	s.session.add(func(ctx context.Context) {
		results, err := []sdkconn.BatchSendResult(nil), errNoElem
		if len(p.Msg.Elems) > 0 {
			results, err = conn.BatchSend(ctx, p.Users, p.Msg)
		}
		code, desc := outcome(err)
		if err != nil && len(results) == 0 {
			for i := range failed {
				failed[i].Code, failed[i].Desc, failed[i].Msg.Status = code, desc, sdkconn.StatusSendFail
			}
			results = failed
		}
		s.answer(t, reply, code, desc, encode(results))
	})
	return 0
}

func (s *SDK) unsentBatch(p sdkconn.BatchSendParam, code sdkconn.Code, desc string) []sdkconn.BatchSendResult {
	results := make([]sdkconn.BatchSendResult, len(p.Users))
	for i, user := range p.Users {
		results[i] = sdkconn.BatchSendResult{Code: code, Desc: desc, User: user, Msg: s.unsent(sdkconn.C2C(user), p.Msg)}
	}
	return results
}

// MsgCancelSend cancels a send, for which it always comes too late.
func (s *SDK) MsgCancelSend(conv string, kind int32, msgID string, reply Reply) sdkconn.Code {
	if _, code := conversation(conv, kind); code != 0 {
		return code
	}
	if msgID == "" {
		return sdkconn.CodeParam
	}
	return s.fail(reply, notLoggedIn, "{}", sdkconn.CodeInvalidCancelMessage, "the message was sent already")
}

// MsgModifyMessage edits a sent message. The answer is the newest message, also beside CodeMsgModifyConflict.
func (s *SDK) MsgModifyMessage(text string, reply Reply) sdkconn.Code {
	msg := new(sdkconn.Message)
	if code := object(text, msg, mustSayThings); code != 0 {
		return code
	}
	return s.ask(reply, notLoggedIn, "{}", func(ctx context.Context, c *local.Conn) (string, string, error) {
		newest, err := c.MsgModifyMessage(ctx, msg)
		if newest == nil {
			return "", "", err
		}
		return "", encode(newest), err
	})
}
