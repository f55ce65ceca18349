package conntest

import (
	"strings"
	"sync"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

func editing(f func(c *local.Conn, ctx ctxt, m msg) (msg, error), fails ...string) mutation {
	return mutation{fails: fails, edit: f}
}

// looking changes what is searched for, or what is found.
func looking(ask func(*sdkconn.SearchParam), answer func(*sdkconn.SearchResult), fails ...string) mutation {
	return mutation{fails: fails, search: func(c *local.Conn, ctx ctxt, p sdkconn.SearchParam) (*sdkconn.SearchResult, error) {
		if ask != nil {
			ask(&p)
		}
		r, err := c.MsgSearchLocalMessages(ctx, p)
		if err == nil && answer != nil {
			answer(r)
		}
		return r, err
	}}
}

// messageMutations is what may be wrong with what is done to messages beside the ten calls.
func messageMutations() map[string]mutation {
	var resends struct {
		sync.Mutex
		n int
	}
	return map[string]mutation{
		// effect ids
		"a repeated send is sent again": sending(func(m msg) {
			id, rest := sdkconn.SplitEffect(m.CloudCustom)
			if id == "" {
				return
			}
			resends.Lock()
			defer resends.Unlock()
			resends.n++
			m.CloudCustom = sdkconn.WithEffect(rest, id+strings.Repeat("+", resends.n))
		}, "effect/a repeated send happens once", "effect/it outlives the login", "effect/group: a repeated send happens once"),
		"an effect is known by its id alone":  {fails: []string{"effect/another id, sender or conversation is another send"}, send: byEffect()},
		"a refused effect is not tried again": {fails: []string{"effect/a refused send has not happened"}, send: refusedOnce()},

		// one's own view
		"a list is deleted one by one": {fails: []string{"listdelete/what is no list of one conversation"}, deletes: func(c *local.Conn, ctx ctxt, conv conv, msgs list) error {
			for _, m := range msgs {
				if err := c.MsgListDelete(ctx, conv, list{m}); err != nil {
					return err
				}
			}
			return c.MsgListDelete(ctx, conv, msgs)
		}},
		"only the first of a list is deleted": {fails: []string{"listdelete/several at once, in one's own view"}, deletes: func(c *local.Conn, ctx ctxt, conv conv, msgs list) error {
			return c.MsgListDelete(ctx, conv, msgs[:min(1, len(msgs))])
		}},
		"a list may be longer": {fails: []string{"listdelete/what is no list of one conversation"}, deletes: func(c *local.Conn, ctx ctxt, conv conv, msgs list) error {
			return c.MsgListDelete(ctx, conv, msgs[:min(sdkconn.MaxListDelete, len(msgs))])
		}},
		"clearing does nothing": {fails: []string{"clear/all of a conversation, in one's own view"}, clear: func(_ *local.Conn, _ ctxt, conv conv) error {
			if !conv.Valid() {
				return &sdkconn.Error{Op: "MsgClearHistoryMessage", Code: sdkconn.CodeParam}
			}
			return nil
		}},
		"clearing takes back": {fails: []string{"clear/all of a conversation, in one's own view"}, clear: func(c *local.Conn, ctx ctxt, conv conv) error {
			msgs, err := c.GetMsgList(ctx, conv, params{Count: 1000})
			for _, m := range msgs {
				if m.IsFromSelf {
					err = c.Revoke(ctx, conv, m)
				}
			}
			if err != nil {
				return err
			}
			return c.MsgClearHistoryMessage(ctx, conv)
		}},
		"local custom data is not kept": {fails: []string{"customdata/"}, data: func(*local.Conn, ctxt, msg) error { return nil }},
		"local custom data cannot be taken away": {fails: []string{"customdata/one's own, with any message"}, data: func(c *local.Conn, ctx ctxt, m msg) error {
			if m.CustomStr == "" && m.CustomInt == 0 {
				return nil
			}
			return c.MsgSetLocalCustomData(ctx, m)
		}},

		// search
		"all words is any word": looking(func(p *sdkconn.SearchParam) { p.Match = sdkconn.MatchAnyKeyword }, nil, "search/words in one conversation"),
		"the second word is not looked for": looking(func(p *sdkconn.SearchParam) { p.Keywords = p.Keywords[:min(1, len(p.Keywords))] }, nil,
			"search/words in one conversation"),
		"senders are not looked at": looking(func(p *sdkconn.SearchParam) { p.Senders, p.ElemTypes = nil, append(p.ElemTypes, sdkconn.ElemText) }, nil,
			"search/types, senders and times"),
		"times are not looked at": looking(func(p *sdkconn.SearchParam) { p.TimePosition, p.TimePeriod = 0, 0 }, nil, "search/types, senders and times"),
		"every page is the first": looking(func(p *sdkconn.SearchParam) { p.PageIndex = 0 }, nil, "search/pages of messages", "search/all conversations"),
		"a page is all there is": looking(nil, func(r *sdkconn.SearchResult) {
			for i := range r.Items {
				if n := len(r.Items[i].Messages); n > 0 {
					r.Items[i].TotalCount, r.TotalCount = uint32(n), uint32(n)
				}
			}
		}, "search/pages of messages"),
		"found oldest first": looking(nil, func(r *sdkconn.SearchResult) {
			for i := range r.Items {
				r.Items[i].Messages = reversed(r.Items[i].Messages)
			}
		}, "search/words in one conversation"),
		"conversations in any order": looking(nil, func(r *sdkconn.SearchResult) { r.Items = reversed(r.Items) }, "search/all conversations"),

		// merged messages
		"the first of a bundle is all of it": {fails: []string{"merger/what was forwarded is fetched", "merger/limits"}, merged: func(c *local.Conn, ctx ctxt, m msg) (list, error) {
			msgs, err := c.MsgDownloadMergerMessage(ctx, m)
			return msgs[:min(1, len(msgs))], err
		}},
		"a bundle is shared": {fails: []string{"merger/what is fetched is the caller's"}, merged: func(c *local.Conn, ctx ctxt, m msg) (list, error) {
			if m != nil && len(m.Elems) > 0 {
				if e, ok := m.Elems[0].(*sdkconn.MergeElem); ok {
					return e.Messages, nil
				}
			}
			return c.MsgDownloadMergerMessage(ctx, m)
		}},
		"what is no bundle is an empty one": {fails: []string{"merger/what is no bundle"}, merged: func(c *local.Conn, ctx ctxt, m msg) (list, error) {
			msgs, err := c.MsgDownloadMergerMessage(ctx, m)
			return msgs, forgive(err, sdkconn.CodeInvalidParameters)
		}},

		// edits
		"edits are not told": without(isKind(sdkconn.EventMsgUpdate), "edit/both sides have it and are told",
			"edit/group: all members have it and are told", "edit/the newest is told after an absence"),
		"an edit is a new message": tell(func(events []event) []event {
			for i := range events {
				if events[i].Kind == sdkconn.EventMsgUpdate {
					events[i].Kind = sdkconn.EventNewMsg
				}
			}
			return events
		}, "edit/both sides have it and are told"),
		"edits never conflict": editing(func(c *local.Conn, ctx ctxt, m msg) (msg, error) {
			newest, err := c.MsgModifyMessage(ctx, m)
			if sdkconn.CodeOf(err) == sdkconn.CodeMsgModifyConflict {
				again := *m
				again.Version = newest.Version
				return c.MsgModifyMessage(ctx, &again)
			}
			return newest, err
		}, "edit/a stale copy conflicts"),
		"a conflict does not say with what": editing(func(c *local.Conn, ctx ctxt, m msg) (msg, error) {
			newest, err := c.MsgModifyMessage(ctx, m)
			if err != nil {
				return nil, err
			}
			return newest, nil
		}, "edit/a stale copy conflicts"),
		"only the sender may edit": editing(func(c *local.Conn, ctx ctxt, m msg) (msg, error) {
			if m != nil && !m.IsFromSelf {
				return nil, &sdkconn.Error{Op: "MsgModifyMessage", Code: sdkconn.CodeInvalidParameters}
			}
			return c.MsgModifyMessage(ctx, m)
		}, "edit/everybody in the conversation may edit", "edit/group: all members have it and are told"),
		"an edit keeps the cloud custom string": editing(func(c *local.Conn, ctx ctxt, m msg) (msg, error) {
			if m == nil {
				return c.MsgModifyMessage(ctx, m)
			}
			kept := *m
			kept.CloudCustom = ""
			return c.MsgModifyMessage(ctx, &kept)
		}, "edit/the cloud custom string and the elements that can be edited"),
		"an edit has no version": editing(func(c *local.Conn, ctx ctxt, m msg) (msg, error) {
			newest, err := c.MsgModifyMessage(ctx, m)
			if newest != nil {
				newest.Version = 0
			}
			return newest, err
		}, "edit/both sides have it and are told"),
		"what cannot be edited is edited": editing(func(c *local.Conn, ctx ctxt, m msg) (msg, error) {
			newest, err := c.MsgModifyMessage(ctx, m)
			return newest, forgive(err, sdkconn.CodeInvalidParameters, sdkconn.CodeInvalidMsgElem)
		}, "edit/what cannot be edited", "edit/the cloud custom string and the elements that can be edited"),
	}
}

// byEffect answers a send with the first message of the same effect, wherever it went.
func byEffect() func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
	var mu sync.Mutex
	sent := make(map[string]msg)
	return func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
		mu.Lock()
		defer mu.Unlock()
		id := ""
		if m != nil {
			id, _ = sdkconn.SplitEffect(m.CloudCustom)
		}
		if before := sent[id]; before != nil {
			return before, nil
		}
		out, err := c.SendNewMsg(ctx, conv, m)
		if err == nil && id != "" {
			sent[id] = out
		}
		return out, err
	}
}

// refusedOnce answers a send that was refused with the same refusal for ever.
func refusedOnce() func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
	var mu sync.Mutex
	refused := make(map[string]error)
	return func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
		mu.Lock()
		defer mu.Unlock()
		if m == nil || m.CloudCustom == "" {
			return c.SendNewMsg(ctx, conv, m)
		}
		if err := refused[m.CloudCustom]; err != nil {
			return nil, err
		}
		out, err := c.SendNewMsg(ctx, conv, m)
		refused[m.CloudCustom] = err
		return out, err
	}
}
