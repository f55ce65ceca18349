package conntest

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

type (
	ctxt   = context.Context
	conv   = sdkconn.Conversation
	msg    = *sdkconn.Message
	list   = []*sdkconn.Message
	event  = sdkconn.Event
	params = sdkconn.GetMsgListParam
)

func isKind(kind sdkconn.EventKind) func(event) bool {
	return func(e event) bool { return e.Kind == kind }
}

// forgive makes an error with one of the codes a success.
func forgive(err error, codes ...sdkconn.Code) error {
	if slices.Contains(codes, sdkconn.CodeOf(err)) {
		return nil
	}
	return err
}

func exchange(err error, from, to sdkconn.Code) error {
	if sdkconn.CodeOf(err) == from {
		return &sdkconn.Error{Op: "X", Code: to}
	}
	return err
}

func revoking(f func(c *local.Conn, ctx ctxt, conv conv, m msg) error, fails ...string) mutation {
	return mutation{fails: fails, revoke: f}
}

func mutations() map[string]mutation {
	first, repeated := new(once), new(once)
	all := map[string]mutation{
		// history
		"last_msg is included": listed(func(p params, msgs list) list {
			if p.LastMsg == nil || len(p.LastMsg.Elems) == 0 {
				return msgs
			}
			return append(list{p.LastMsg}, msgs...)
		}, "history/the position itself is left out", "history/paging through a long one, back and forth, without gap or repeat"),
		"a position is a second": asked(func(p *params) {
			if p.LastMsg != nil {
				p.LastMsg = &sdkconn.Message{ServerTime: p.LastMsg.Time(), Seq: p.LastMsg.Seq &^ 1, ConvType: p.LastMsg.ConvType}
			}
		}, "model/", "history/the position itself is left out"),
		"a page loses its last": listed(func(p params, msgs list) list {
			if len(msgs) > 3 {
				return msgs[:len(msgs)-1]
			}
			return msgs
		}, "history/newest first, the newest count of them", "history/group: paging without gap or repeat"),
		"oldest first":          listed(func(_ params, msgs list) list { return reversed(msgs) }, "history/"),
		"is_forward is ignored": asked(func(p *params) { p.IsForward = false }, "history/forward without a position there is nothing newer", "history/the position itself is left out"),
		"last_msg is ignored":   asked(func(p *params) { p.LastMsg = nil }, "history/the position itself is left out"),
		"last_msg_seq is excluded": asked(func(p *params) {
			if p.LastMsgSeq != 0 && !p.IsForward {
				p.LastMsgSeq--
			} else if p.LastMsgSeq != 0 {
				p.LastMsgSeq++
			}
		}, "history/group: last_msg_seq belongs to the answer"),
		"last_msg_seq wins": asked(func(p *params) {
			if p.LastMsgSeq != 0 {
				p.LastMsg = nil
			}
		}, "history/group: last_msg wins over last_msg_seq"),
		"count zero is nothing": asked(func(p *params) { p.Count = max(p.Count, 1) }, "history/count zero"),
		"ranges are open":       asked(func(p *params) { p.TimePeriod = max(p.TimePeriod, 1) - 1 }, "history/time ranges include both ends", "history/group: time ranges include both ends"),
		"types are ignored":     asked(func(p *params) { p.ElemTypes = nil }, "history/only elements of certain types"),
		"seqs come in ascending order": listed(func(p params, msgs list) list {
			if p.Seqs != nil {
				return reversed(msgs)
			}
			return msgs
		}, "history/group: certain seqs, newest first"),
		"revoked ones are hidden": listed(func(_ params, msgs list) list { return slices.DeleteFunc(msgs, status(sdkconn.StatusRevoked)) }, "revoke/both sides keep it, revoked"),
		"a seq is skipped": listed(func(_ params, msgs list) list {
			for _, m := range msgs {
				m.Seq += m.Seq / 5
			}
			return msgs
		}, "send/group: seq starts at one and has no gaps"),
		"is_peer_read is forgotten": listed(func(_ params, msgs list) list {
			for _, m := range msgs {
				m.IsPeerRead = false
			}
			return msgs
		}, "receipt/the peer gets one receipt"),
		"is_read is forgotten": listed(func(_ params, msgs list) list {
			for _, m := range msgs {
				m.IsRead = m.IsFromSelf
			}
			return msgs
		}, "receipt/everything is read"),
		"imported ones count as sent": listed(func(_ params, msgs list) list {
			for _, m := range msgs {
				m.Status = min(m.Status, sdkconn.StatusSendSucc)
			}
			return msgs
		}, "import/messages keep who and when, and nobody is told", "save/one message of one's own, and nobody is told"),
		"answers are shared": listed(sharing(), "history/what is returned is the caller's"),

		// locators
		"is_self is ignored": looked(func(l sdkconn.Locator, m msg) bool {
			return l.Time == m.Time() && l.Seq == m.Seq && l.Rand == m.Rand
		}, "locator/found from both sides, and not when one field is off", "locator/group: not when one field is off"),
		"time is ignored": looked(func(l sdkconn.Locator, m msg) bool {
			return l.IsSelf == m.IsFromSelf && l.Seq == m.Seq && l.Rand == m.Rand
		}, "locator/found from both sides, and not when one field is off"),
		"seq is ignored": looked(func(l sdkconn.Locator, m msg) bool {
			return l.IsSelf == m.IsFromSelf && l.Time == m.Time() && l.Rand == m.Rand
		}, "locator/found from both sides, and not when one field is off"),
		"rand is ignored": looked(func(l sdkconn.Locator, m msg) bool {
			return l.IsSelf == m.IsFromSelf && l.Time == m.Time() && l.Seq == m.Seq
		}, "locator/found from both sides, and not when one field is off"),
		"unique id is enough":        looked(func(l sdkconn.Locator, m msg) bool { return l.UniqueID == m.UniqueID }, "locator/found from both sides, and not when one field is off"),
		"found in any order":         found(reversed[msg], "locator/in the order of the locators, unknown skipped, repeated once"),
		"repeated ones come twice":   found(func(m list) list { return append(m, m[:min(1, len(m))]...) }, "locator/in the order of the locators, unknown skipped, repeated once"),
		"revoked ones are not found": found(func(m list) list { return slices.DeleteFunc(m, status(sdkconn.StatusRevoked)) }, "locator/revoked ones are found"),
		"deleted ones are not found": found(func(m list) list { return slices.DeleteFunc(m, status(sdkconn.StatusDeleted)) }, "locator/deleted ones are found"),
		"an empty list finds nothing": {fails: []string{"locator/an empty list"}, find: func(c *local.Conn, ctx ctxt, conv conv, ls []sdkconn.Locator) (list, error) {
			msgs, err := c.FindByMsgLocatorList(ctx, conv, ls)
			return msgs, forgive(err, sdkconn.CodeInvalidParameters)
		}},
		"is_revoked is a filter": {fails: []string{"locator/what else a locator says is ignored"}, find: func(c *local.Conn, ctx ctxt, conv conv, ls []sdkconn.Locator) (list, error) {
			msgs, err := c.FindByMsgLocatorList(ctx, conv, ls)
			return slices.DeleteFunc(msgs, func(m msg) bool {
				return slices.ContainsFunc(ls, func(l sdkconn.Locator) bool {
					return l.Rand == m.Rand && l.IsRevoked != (m.Status == sdkconn.StatusRevoked)
				})
			}), err
		}},

		// send
		"the argument is changed":           answered(func(asked, m msg) { asked.MsgID = m.MsgID }, "send/only the service fills in who, when and where"),
		"the caller's time is kept":         answered(func(asked, m msg) { m.ClientTime = asked.ClientTime }, "send/the answer is the message as accepted"),
		"unique id by seq":                  answered(func(_, m msg) { m.UniqueID = m.Seq<<32 + m.Rand }, "send/the answer is the message as accepted"),
		"status says sending":               answered(func(_, m msg) { m.Status = sdkconn.StatusSending }, "send/the answer is the message as accepted"),
		"message id without the sender":     answered(func(_, m msg) { m.MsgID = m.MsgID[strings.Index(m.MsgID, "-"):] }, "send/the answer is the message as accepted"),
		"own messages are unread":           answered(func(_, m msg) { m.IsRead = false }, "send/the answer is the message as accepted"),
		"no sender profile":                 answered(func(_, m msg) { m.SenderProfile = nil }, "send/every key of the SDK's message is there"),
		"no member info":                    answered(func(_, m msg) { m.SenderMember = nil }, "send/group: the answer is the message as accepted"),
		"mentions are lost":                 sending(func(m msg) { m.GroupAtUsers = nil }, "send/group: mentions travel"),
		"targets are ignored":               sending(func(m msg) { m.TargetMembers = nil }, "send/group: targets get it, the others do not"),
		"online-only is stored":             sending(func(m msg) { m.IsOnlineMsg = false }, "send/online-only reaches who is online and is stored nowhere", "send/group: online-only is stored nowhere"),
		"the cloud custom string is lost":   sending(func(m msg) { m.CloudCustom = "" }, "send/the sender's settings are kept"),
		"unread is counted all the same":    sending(func(m msg) { m.ExcludedFromUnread = false }, "send/excluded from unread and from last message"),
		"the last message all the same":     sending(func(m msg) { m.ExcludedFromLastMessage = false }, "send/excluded from unread and from last message"),
		"elements after the first are lost": sending(func(m msg) { m.Elems = m.Elems[:min(1, len(m.Elems))] }, "send/every element that may be sent arrives as it was"),
		"tips are dropped, the rest is sent": sending(func(m msg) {
			m.Elems = slices.DeleteFunc(slices.Clone(m.Elems), func(e sdkconn.Elem) bool { return e != nil && e.ElemType() == sdkconn.ElemGroupTips })
		}, "send/elements that may not be sent are refused"),
		"oversize is cut": sending(func(m msg) {
			for i, e := range m.Elems {
				if t, ok := e.(*sdkconn.TextElem); ok && t != nil && len(t.Text) > sdkconn.MaxMsgBytes {
					m.Elems = slices.Clone(m.Elems)
					m.Elems[i] = &sdkconn.TextElem{Text: t.Text[:sdkconn.MaxMsgBytes]}
				}
			}
		}, "send/text is sent up to the limit in bytes"),
		"strangers may send": {fails: []string{"send/group: unknown group and no member"}, send: func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
			out, err := c.SendNewMsg(ctx, conv, m)
			if sdkconn.CodeOf(err) == sdkconn.CodeGroupPermissionDeny {
				return m, nil
			}
			return out, err
		}},
		"anybody is a recipient": {fails: []string{"send/an unknown user is no recipient"}, send: func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
			out, err := c.SendNewMsg(ctx, conv, m)
			if slices.Contains(unknownUser, sdkconn.CodeOf(err)) {
				return m, nil
			}
			return out, err
		}},
		"the message is looked at before the conversation": {fails: []string{"errors/conversations that no call takes"}, send: func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
			if m == nil {
				return nil, &sdkconn.Error{Op: "SendNewMsg", Code: sdkconn.CodeJSON}
			}
			return c.SendNewMsg(ctx, conv, m)
		}},
		"a missing message is a bad parameter": {fails: []string{"errors/no message"}, send: func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
			out, err := c.SendNewMsg(ctx, conv, m)
			return out, exchange(err, sdkconn.CodeJSON, sdkconn.CodeParam)
		}},
		"errors without a type": {fails: []string{"send/an unknown user is no recipient", "errors/no message"}, send: func(c *local.Conn, ctx ctxt, conv conv, m msg) (msg, error) {
			out, err := c.SendNewMsg(ctx, conv, m)
			if code := sdkconn.CodeOf(err); code != 0 {
				err = code
			}
			return out, err
		}},

		// revoke
		"the window never closes": {fails: []string{"revoke/until the window closes", "revoke/group: codes and their order"}, window: 1000 * time.Hour},
		"the window is a minute":  {fails: []string{"revoke/until the window closes"}, window: time.Minute},
		"one code for both kinds": revoking(func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			return exchange(c.Revoke(ctx, conv, m), sdkconn.CodeGroupRevokeMsgTimeLimit, sdkconn.CodeRevokeTimeLimit)
		}, "revoke/group: codes and their order"),
		"the group's code for C2C": revoking(func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			return exchange(c.Revoke(ctx, conv, m), sdkconn.CodeRevokeTimeLimit, sdkconn.CodeGroupRevokeMsgTimeLimit)
		}, "revoke/until the window closes"),
		"not found is success": revoking(func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			return forgive(c.Revoke(ctx, conv, m), sdkconn.CodeInvalidParameters, sdkconn.CodeGroupRevokeMsgNotFound)
		}, "revoke/not found", "revoke/the identity is enough, and must be right"),
		"anybody may revoke": revoking(func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			return forgive(c.Revoke(ctx, conv, m), sdkconn.CodeGroupPermissionDeny)
		}, "revoke/somebody else's", "revoke/group: the sender, the owner and admins"),
		"a second revoke fails": revoking(func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			if m != nil && m.MsgID != "" && !first.first(m.MsgID) {
				return &sdkconn.Error{Op: "Revoke", Code: sdkconn.CodeInvalidParameters}
			}
			return c.Revoke(ctx, conv, m)
		}, "revoke/twice changes nothing more"),
		"late comes before whose": revoking(func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			err := c.Revoke(ctx, conv, m)
			if m != nil && !m.IsFromSelf && conv.Type == sdkconn.ConvC2C {
				err = exchange(err, sdkconn.CodeGroupPermissionDeny, sdkconn.CodeRevokeTimeLimit)
			}
			return err
		}, "revoke/somebody else's"),
		"revoking does nothing":       revoking(func(*local.Conn, ctxt, conv, msg) error { return nil }, "revoke/both sides keep it, revoked", "revoke/the peer is told which"),
		"revocations are not told":    without(isKind(sdkconn.EventMsgRevoke), "revoke/the peer is told which", "revoke/group: the sender, the owner and admins"),
		"revocations name no revoker": tell(revocations(func(r *sdkconn.Revocation) { r.RevokerUserID = "" }), "revoke/the peer is told which"),
		"revocations with is_self":    tell(revocations(func(r *sdkconn.Revocation) { r.IsSelf = true }), "revoke/the peer is told which", "revoke/group: the sender, the owner and admins"),
		"revocations without is_self": tell(revocations(func(r *sdkconn.Revocation) { r.IsSelf = false }), "revoke/group: the sender, the owner and admins"),

		// read
		"reading does nothing": {fails: []string{"receipt/everything is read", "receipt/unread counts"}, read: func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			if !conv.Valid() {
				return c.ReportReaded(ctx, conv, m)
			}
			return nil
		}},
		"reading reads everything": {fails: []string{"receipt/up to a message", "receipt/group: up to a seq, and nobody is told", "model/"}, read: func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			return c.ReportReaded(ctx, conv, nil)
		}},
		"all conversations are none": {fails: []string{"receipt/unread counts"}, read: func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			if conv.ID == "" && (conv.Type == sdkconn.ConvC2C || conv.Type == sdkconn.ConvGroup) {
				return nil
			}
			return c.ReportReaded(ctx, conv, m)
		}},
		"receipts are not told": without(isKind(sdkconn.EventReadedReceipt), "receipt/the peer gets one receipt"),
		"receipts are told twice": tell(func(events []event) []event {
			var all []event
			for _, e := range events {
				if all = append(all, e); e.Kind == sdkconn.EventReadedReceipt {
					all = append(all, e)
				}
			}
			return all
		}, "receipt/the peer gets one receipt"),
		"own messages count as unread": {fails: []string{"receipt/unread counts"}, convs: func(c *local.Conn, ctx ctxt) ([]sdkconn.ConvInfo, error) {
			all, err := c.ConvGetConvList(ctx)
			for i, info := range all {
				if info.LastMsg != nil && info.LastMsg.IsFromSelf {
					all[i].UnreadNum++
				}
			}
			return all, err
		}},

		// import, save, delete
		"imports are sent": {fails: []string{"import/messages keep who and when, and nobody is told"}, importing: func(c *local.Conn, ctx ctxt, conv conv, msgs list) error {
			if err := c.ImportMsgList(ctx, conv, msgs); err != nil {
				return err
			}
			_, err := c.SendNewMsg(ctx, conv, msgs[0])
			return err
		}},
		"imports come now": {fails: []string{"import/messages keep who and when, and nobody is told"}, importing: func(c *local.Conn, ctx ctxt, conv conv, msgs list) error {
			return c.ImportMsgList(ctx, conv, changed(msgs, func(m msg) { m.ServerTime, m.ClientTime = 0, 0 }))
		}},
		"imports have a new identity": {fails: []string{"import/an identity that is there already changes nothing"}, importing: func(c *local.Conn, ctx ctxt, conv conv, msgs list) error {
			return c.ImportMsgList(ctx, conv, changed(msgs, func(m msg) { m.Rand += uint64(time.Now().Nanosecond()) }))
		}},
		"an import skips empty messages": {fails: []string{"import/empty lists and empty messages write nothing"}, importing: func(c *local.Conn, ctx ctxt, conv conv, msgs list) error {
			return c.ImportMsgList(ctx, conv, slices.DeleteFunc(slices.Clone(msgs), func(m msg) bool { return m == nil || len(m.Elems) == 0 }))
		}},
		"saving sends": {fails: []string{"save/one message of one's own, and nobody is told"}, save: func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			_, err := c.SendNewMsg(ctx, conv, m)
			return err
		}},
		"deleting does nothing": {fails: []string{"delete/one message is hidden from oneself", "delete/the whole conversation"}, remove: func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			return nil
		}},
		"deleting one deletes all": {fails: []string{"delete/one message is hidden from oneself", "model/"}, remove: func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			return c.Delete(ctx, conv, nil)
		}},
		"deleting revokes": {fails: []string{"delete/one message is hidden from oneself"}, remove: func(c *local.Conn, ctx ctxt, conv conv, m msg) error {
			if m != nil {
				if err := c.Revoke(ctx, conv, m); err != nil {
					return err
				}
			}
			return c.Delete(ctx, conv, m)
		}},

		// download
		"a download is cut short": {fails: []string{"download/a file goes up and comes down"}, download: func(c *local.Conn, ctx ctxt, p sdkconn.DownloadElemParam, path string, progress func(a, b uint64)) error {
			if err := c.DownloadElemToPath(ctx, p, path, progress); err != nil {
				return err
			}
			return os.Truncate(path, 3)
		}},
		"progress is not told": {fails: []string{"download/a file goes up and comes down"}, download: func(c *local.Conn, ctx ctxt, p sdkconn.DownloadElemParam, path string, _ func(a, b uint64)) error {
			return c.DownloadElemToPath(ctx, p, path, nil)
		}},
		"progress ends early": {fails: []string{"download/a file goes up and comes down"}, download: func(c *local.Conn, ctx ctxt, p sdkconn.DownloadElemParam, path string, progress func(a, b uint64)) error {
			return c.DownloadElemToPath(ctx, p, path, func(a, b uint64) {
				if progress != nil && a < b {
					progress(a, b)
				}
			})
		}},
		"a missing file is empty": {fails: []string{"download/what cannot be fetched or written"}, download: func(c *local.Conn, ctx ctxt, p sdkconn.DownloadElemParam, path string, progress func(a, b uint64)) error {
			return forgive(c.DownloadElemToPath(ctx, p, path, progress), sdkconn.CodeFileTransDownloadFailed)
		}},

		// batch
		"results in any order": batching(func(r []sdkconn.BatchSendResult, err error) ([]sdkconn.BatchSendResult, error) {
			return reversed(r), err
		},
			"batch/a message for each, and a result for each in their order"),
		"only successes are listed": batching(func(r []sdkconn.BatchSendResult, err error) ([]sdkconn.BatchSendResult, error) {
			return slices.DeleteFunc(r, func(r sdkconn.BatchSendResult) bool { return r.Code != 0 }), err
		}, "batch/some fail"),
		"one failure fails all": batching(func(r []sdkconn.BatchSendResult, err error) ([]sdkconn.BatchSendResult, error) {
			for _, one := range r {
				err = errors.Join(err, one.Err())
			}
			return r, err
		}, "batch/some fail"),
		"all failing is success": batching(func(r []sdkconn.BatchSendResult, err error) ([]sdkconn.BatchSendResult, error) {
			return r, nil
		}, "batch/all fail", "batch/nobody and nothing"),
		"users are taken once": {fails: []string{"batch/a user named twice gets two"}, batch: func(c *local.Conn, ctx ctxt, users []string, m msg) ([]sdkconn.BatchSendResult, error) {
			return c.BatchSend(ctx, slices.Compact(slices.Clone(users)), m)
		}},

		// events
		"every seventh event is lost":       tell(everySeventh(func(e event) []event { return nil }), "events/in the order in which things happened"),
		"every seventh event is told twice": tell(everySeventh(func(e event) []event { return []event{e, e} }), "events/in the order in which things happened"),
		"the conversation first":            tell(reversed[event], "events/the message first, then its conversation"),
		"conversations are not told":        without(isKind(sdkconn.EventConv), "events/the message first, then its conversation"),
		"events have no time": tell(func(events []event) []event {
			for i := range events {
				events[i].At = 0
			}
			return events
		}, "events/each has a key of its own"),
		"told messages are read already": tell(newMessages(func(m msg) { m.IsRead = true }), "send/the peer gets the same message seen from its side"),
		"the conversation is the receiver": tell(newMessages(func(m msg) {
			if m.ConvType == sdkconn.ConvC2C {
				m.ConvID = "bob"
			}
		}), "send/the peer gets the same message seen from its side"),
		"local data travels": {fails: []string{"send/the sender's settings are kept"}, subscribe: tell(newMessages(func(m msg) { m.CustomInt = 7 })).subscribe},
		"a failing handler takes all the same": {fails: []string{"events/what a handler did not take comes again"}, subscribe: func(c *local.Conn, ctx ctxt, h sdkconn.Handler) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			var failed error
			err := c.Subscribe(ctx, func(ctx ctxt, events []event) error {
				if failed = h(ctx, events); failed != nil {
					cancel()
				}
				return nil
			})
			if failed != nil {
				return failed
			}
			return err
		}},
		"what was taken comes again": {fails: []string{"events/what a handler took does not come again"}, subscribe: repeating()},
		"what came before is lost": {fails: []string{"events/what came before the subscription is kept for it"}, subscribe: func(c *local.Conn, ctx ctxt, h sdkconn.Handler) error {
			skip := repeated.first(c)
			return c.Subscribe(ctx, func(ctx ctxt, events []event) error {
				if skip {
					skip = false
					return nil
				}
				return h(ctx, events)
			})
		}},
		"a second subscription waits": {fails: []string{"events/a second subscription is refused"}, subscribe: func(c *local.Conn, ctx ctxt, h sdkconn.Handler) error {
			err := c.Subscribe(ctx, h)
			return forgive(err, sdkconn.CodeInProgress)
		}},
		"Subscribe does not say why": {fails: []string{"life/Close ends Subscribe, which says why"}, subscribe: func(c *local.Conn, ctx ctxt, h sdkconn.Handler) error {
			return forgive(c.Subscribe(ctx, h), sdkconn.CodeNotInitialized, sdkconn.CodeInterrupt)
		}},
		"a context that ends is an error": {fails: []string{"life/Subscribe ends with its context"}, subscribe: func(c *local.Conn, ctx ctxt, h sdkconn.Handler) error {
			if err := c.Subscribe(ctx, h); err != nil {
				return err
			}
			return ctx.Err()
		}},
		"WaitIdle does not wait": {fails: []string{"events/waiting until all is told"}, idle: func(*local.Conn, ctxt) error { return nil }},
		"Close does nothing":     {fails: []string{"life/calls after Close", "life/Close ends Subscribe, which says why"}, close: func(*local.Conn) error { return nil }},

		// groups
		"joining twice is fine": {fails: []string{"group/joining"}, join: func(c *local.Conn, ctx ctxt, group, hello string) error {
			return forgive(c.GroupJoin(ctx, group, hello), sdkconn.CodeGroupAlreadyMember)
		}},
		"members may remove members": {fails: []string{"group/removing"}, expel: func(c *local.Conn, ctx ctxt, group string, users []string, reason string) ([]sdkconn.GroupMemberResult, error) {
			r, err := c.GroupDeleteMember(ctx, group, users, reason)
			return r, forgive(err, sdkconn.CodeGroupPermissionDeny)
		}},
		"nobody is muted": {fails: []string{"group/a muted member cannot send until it is over", "group/a muted member is told"}, modify: func(c *local.Conn, ctx ctxt, p sdkconn.GroupMemberModifyParam) error {
			p.ShutupTime = nil
			return c.GroupModifyMemberInfo(ctx, p)
		}},
		"members in any order": {fails: []string{"group/joining", "group/made by its owner"}, members: func(c *local.Conn, ctx ctxt, group string) ([]sdkconn.GroupMemberInfo, error) {
			m, err := c.GroupGetMemberInfoList(ctx, group)
			return reversed(m), err
		}},
		"tips are not told": without(func(e event) bool {
			return e.Kind == sdkconn.EventNewMsg && len(e.Message.Elems) > 0 && e.Message.Elems[0].ElemType() == sdkconn.ElemGroupTips
		}, "group/tips tell everyone what happened"),
		"notices are not told": without(func(e event) bool {
			return e.Kind == sdkconn.EventNewMsg && e.Message.ConvType == sdkconn.ConvSystem
		}, "group/notices to single users"),
	}
	maps.Copy(all, messageMutations())
	return all
}

func batching(f func([]sdkconn.BatchSendResult, error) ([]sdkconn.BatchSendResult, error), fails ...string) mutation {
	return mutation{fails: fails, batch: func(c *local.Conn, ctx ctxt, users []string, m msg) ([]sdkconn.BatchSendResult, error) {
		return f(c.BatchSend(ctx, users, m))
	}}
}

func changed(msgs list, f func(msg)) list {
	var all list
	for _, m := range msgs {
		if m != nil {
			c := *m
			f(&c)
			m = &c
		}
		all = append(all, m)
	}
	return all
}

// sharing answers with the same objects each time.
func sharing() func(params, list) list {
	var mu sync.Mutex
	cache := make(map[string]msg)
	return func(_ params, msgs list) list {
		mu.Lock()
		defer mu.Unlock()
		for i, m := range msgs {
			if cache[m.MsgID] == nil {
				cache[m.MsgID] = m
			}
			msgs[i] = cache[m.MsgID]
		}
		return msgs
	}
}

func revocations(f func(*sdkconn.Revocation)) func([]event) []event {
	return func(events []event) []event {
		for i, e := range events {
			if e.Revoked != nil {
				r := *e.Revoked
				f(&r)
				events[i].Revoked = &r
			}
		}
		return events
	}
}

func newMessages(f func(msg)) func([]event) []event {
	return func(events []event) []event {
		for i, e := range events {
			if e.Kind == sdkconn.EventNewMsg {
				m := *e.Message
				f(&m)
				events[i].Message = &m
			}
		}
		return events
	}
}

func everySeventh(f func(event) []event) func([]event) []event {
	var mu sync.Mutex
	n := 0
	return func(events []event) []event {
		mu.Lock()
		defer mu.Unlock()
		var all []event
		for _, e := range events {
			if e.Kind != sdkconn.EventNewMsg {
				all = append(all, e)
				continue
			}
			if n++; n%7 == 0 {
				all = append(all, f(e)...)
			} else {
				all = append(all, e)
			}
		}
		return all
	}
}

// repeating tells everything that it told before again at each new subscription of a user.
func repeating() func(c *local.Conn, ctx ctxt, h sdkconn.Handler) error {
	var mu sync.Mutex
	told := make(map[*local.Conn][]event)
	return func(c *local.Conn, ctx ctxt, h sdkconn.Handler) error {
		mu.Lock()
		before := told[c]
		mu.Unlock()
		if len(before) > 0 {
			if err := h(ctx, before); err != nil {
				return err
			}
		}
		return c.Subscribe(ctx, func(ctx ctxt, events []event) error {
			mu.Lock()
			told[c] = append(told[c], events...)
			mu.Unlock()
			return h(ctx, events)
		})
	}
}
