package face

import (
	"context"
	"slices"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// ConvGetConvList answers all conversations.
func (s *SDK) ConvGetConvList(reply Reply) sdkconn.Code {
	return s.ask(reply, noDatabase, "[]", func(ctx context.Context, c *local.Conn) (string, string, error) {
		convs, err := c.ConvGetConvList(ctx)
		switch {
		case err != nil:
			return "", "", err
		case len(convs) == 0:
			return "no conversation", "[]", nil
		}
		return "OK", encode(convs), nil
	})
}

// ConvGetConvInfo answers those of the named conversations that there are.
func (s *SDK) ConvGetConvInfo(param string, reply Reply) sdkconn.Code {
	raw, code := objects(param)
	if code != 0 {
		return code
	}
	wanted := make([]struct {
		ID   string           `json:"get_conversation_list_param_conv_id"`
		Type sdkconn.ConvType `json:"get_conversation_list_param_conv_type"`
	}, len(raw))
	for i, v := range raw {
		if sdkconn.Unmarshal(v, &wanted[i]) != nil {
			return sdkconn.CodeJSON
		}
	}
	return fetch(s, reply, noDatabase, "[]", func(ctx context.Context, c *local.Conn) (any, error) {
		convs, err := c.ConvGetConvList(ctx)
		found := []sdkconn.ConvInfo{}
		for _, w := range wanted {
			if i := slices.IndexFunc(convs, func(c sdkconn.ConvInfo) bool { return c.ID == w.ID && c.Type == w.Type }); i >= 0 {
				found = append(found, convs[i])
			}
		}
		return found, err
	})
}

// convFilter says which conversations are wanted; what is not given does not matter.
type convFilter struct {
	Type      sdkconn.ConvType `json:"conversation_list_filter_conv_type"`
	Group     string           `json:"conversation_list_filter_conversation_group"`
	Mark      uint64           `json:"conversation_list_filter_mark_type"`
	HasUnread bool             `json:"conversation_list_filter_has_unread_count"`
	HasAtInfo bool             `json:"conversation_list_filter_has_group_at_info"`
}

// wants reports whether the filter lets a conversation through. None has a mark, a group or a note of mentions.
func (f convFilter) wants(c sdkconn.ConvInfo) bool {
	return (f.Type == 0 || f.Type == c.Type) && f.Group == "" && f.Mark == 0 && !f.HasAtInfo && (!f.HasUnread || c.UnreadNum > 0)
}

// ConvGetConversationListByFilter answers a page of the conversations that a filter wants.
func (s *SDK) ConvGetConversationListByFilter(filter string, next uint64, count uint32, reply Reply) sdkconn.Code {
	var f convFilter
	if code := object(filter, &f, mayBeEmpty); code != 0 {
		return code
	}
	return fetch(s, reply, noDatabase, "", func(ctx context.Context, c *local.Conn) (any, error) {
		all, err := c.ConvGetConvList(ctx)
		all = slices.DeleteFunc(all, func(c sdkconn.ConvInfo) bool { return !f.wants(c) })
		from := min(next, uint64(len(all)))
		to := min(from+uint64(count), uint64(len(all)))
		page := struct {
			Convs    []sdkconn.ConvInfo `json:"conversation_list_result_conv_list"`
			Finished bool               `json:"conversation_list_result_is_finished"`
			Next     uint64             `json:"conversation_list_result_next_seq"`
		}{append([]sdkconn.ConvInfo{}, all[from:to]...), to == uint64(len(all)), to}
		if page.Finished {
			page.Next = 0
		}
		return page, err
	})
}

// ConvCreate does nothing: a conversation begins with its first message.
func (s *SDK) ConvCreate(id string, kind int32, reply Reply) sdkconn.Code {
	if _, code := conversation(id, kind); code != 0 {
		return code
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer(s.term, reply, 0, "", "")
	return 0
}

// ConvDelete takes a conversation off the list, with what is in it.
func (s *SDK) ConvDelete(id string, kind int32, reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.ConvDelete(ctx, conv) })
}

// ConvPinConversation pins a conversation, or ends it.
func (s *SDK) ConvPinConversation(id string, kind int32, pinned bool, reply Reply) sdkconn.Code {
	conv, code := conversation(id, kind)
	if code != 0 {
		return code
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.ConvPinConversation(ctx, conv, pinned) })
}

type unreadResult struct {
	Count uint64 `json:"conv_get_total_unread_message_count_result_unread_count"`
}

// ConvGetTotalUnreadMessageCount answers how many messages are unread.
func (s *SDK) ConvGetTotalUnreadMessageCount(reply Reply) sdkconn.Code {
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		total, err := c.ConvGetTotalUnreadMessageCount(ctx)
		return unreadResult{total}, err
	})
}

// ConvGetUnreadMessageCountByFilter answers how many messages are unread in the conversations that a filter wants.
func (s *SDK) ConvGetUnreadMessageCountByFilter(filter string, reply Reply) sdkconn.Code {
	var f convFilter
	if code := object(filter, &f, mayBeEmpty); code != 0 {
		return code
	}
	return fetch(s, reply, notLoggedIn, "", func(ctx context.Context, c *local.Conn) (any, error) {
		convs, err := c.ConvGetConvList(ctx)
		var total uint64
		for _, conv := range convs {
			opt := sdkconn.ReceiveOpt(conv.RecvOpt)
			if f.wants(conv) && opt != sdkconn.ReceiveNot && opt != sdkconn.ReceiveSilently {
				total += conv.UnreadNum
			}
		}
		return unreadResult{total}, err
	})
}

// ConvCleanConversationUnreadMessageCount marks as read: c2c_USER up to a time, group_ID up to a seq, all of it when these are
// 0; all conversations of a type for "c2c" and "group", all there are for "".
func (s *SDK) ConvCleanConversationUnreadMessageCount(id string, time, seq uint64, reply Reply) sdkconn.Code {
	kind, name, one := strings.Cut(id, "_")
	conv := sdkconn.Conversation{ID: name, Type: map[string]sdkconn.ConvType{"c2c": sdkconn.ConvC2C, "group": sdkconn.ConvGroup}[kind]}
	switch {
	case id == "":
		return s.act(reply, markAllRead)
	case conv.Type == 0 || one && name == "":
		return s.fail(reply, notLoggedIn, "", sdkconn.CodeInvalidConversation, "want c2c_USER, group_ID, c2c, group or nothing")
	}
	var upTo *sdkconn.Message
	switch {
	case one && conv.Type == sdkconn.ConvC2C && time != 0:
		upTo = &sdkconn.Message{ServerTime: time, Seq: 1<<32 - 1, Rand: 1<<32 - 1} // the last of that second
	case one && conv.Type == sdkconn.ConvGroup && seq != 0:
		upTo = &sdkconn.Message{Seq: seq}
	}
	return s.act(reply, func(ctx context.Context, c *local.Conn) error { return c.ReportReaded(ctx, conv, upTo) })
}
