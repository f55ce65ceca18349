package conntest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// mutant is a connection that does one thing wrong: a hook that is set stands in for the call.
type mutant struct {
	*local.Conn
	m *mutation
}

// mutation is what is wrong. The hooks get the working connection.
type mutation struct {
	fails []string // checks that must notice, or topics with a slash behind
	peopleHooks

	window    time.Duration // of the service
	send      func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error)
	history   func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) ([]*sdkconn.Message, error)
	find      func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, ls []sdkconn.Locator) ([]*sdkconn.Message, error)
	edit      func(c *local.Conn, ctx context.Context, msg *sdkconn.Message) (*sdkconn.Message, error)
	deletes   func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error
	clear     func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation) error
	data      func(c *local.Conn, ctx context.Context, msg *sdkconn.Message) error
	search    func(c *local.Conn, ctx context.Context, p sdkconn.SearchParam) (*sdkconn.SearchResult, error)
	merged    func(c *local.Conn, ctx context.Context, msg *sdkconn.Message) ([]*sdkconn.Message, error)
	revoke    func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error
	read      func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error
	importing func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error
	save      func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error
	remove    func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error
	download  func(c *local.Conn, ctx context.Context, p sdkconn.DownloadElemParam, path string, progress func(a, b uint64)) error
	batch     func(c *local.Conn, ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error)
	subscribe func(c *local.Conn, ctx context.Context, h sdkconn.Handler) error
	close     func(c *local.Conn) error
	idle      func(c *local.Conn, ctx context.Context) error
	convs     func(c *local.Conn, ctx context.Context) ([]sdkconn.ConvInfo, error)
	join      func(c *local.Conn, ctx context.Context, group, hello string) error
	expel     func(c *local.Conn, ctx context.Context, group string, users []string, reason string) ([]sdkconn.GroupMemberResult, error)
	modify    func(c *local.Conn, ctx context.Context, p sdkconn.GroupMemberModifyParam) error
	members   func(c *local.Conn, ctx context.Context, group string) ([]sdkconn.GroupMemberInfo, error)
}

func (c *mutant) SendNewMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
	if c.m.send != nil {
		return c.m.send(c.Conn, ctx, conv, msg)
	}
	return c.Conn.SendNewMsg(ctx, conv, msg)
}

func (c *mutant) GetMsgList(ctx context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
	if c.m.history != nil {
		return c.m.history(c.Conn, ctx, conv, p)
	}
	return c.Conn.GetMsgList(ctx, conv, p)
}

func (c *mutant) FindByMsgLocatorList(ctx context.Context, conv sdkconn.Conversation, ls []sdkconn.Locator) ([]*sdkconn.Message, error) {
	if c.m.find != nil {
		return c.m.find(c.Conn, ctx, conv, ls)
	}
	return c.Conn.FindByMsgLocatorList(ctx, conv, ls)
}

func (c *mutant) MsgModifyMessage(ctx context.Context, msg *sdkconn.Message) (*sdkconn.Message, error) {
	if c.m.edit != nil {
		return c.m.edit(c.Conn, ctx, msg)
	}
	return c.Conn.MsgModifyMessage(ctx, msg)
}

func (c *mutant) MsgListDelete(ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	if c.m.deletes != nil {
		return c.m.deletes(c.Conn, ctx, conv, msgs)
	}
	return c.Conn.MsgListDelete(ctx, conv, msgs)
}

func (c *mutant) MsgClearHistoryMessage(ctx context.Context, conv sdkconn.Conversation) error {
	if c.m.clear != nil {
		return c.m.clear(c.Conn, ctx, conv)
	}
	return c.Conn.MsgClearHistoryMessage(ctx, conv)
}

func (c *mutant) MsgSetLocalCustomData(ctx context.Context, msg *sdkconn.Message) error {
	if c.m.data != nil {
		return c.m.data(c.Conn, ctx, msg)
	}
	return c.Conn.MsgSetLocalCustomData(ctx, msg)
}

func (c *mutant) MsgSearchLocalMessages(ctx context.Context, p sdkconn.SearchParam) (*sdkconn.SearchResult, error) {
	if c.m.search != nil {
		return c.m.search(c.Conn, ctx, p)
	}
	return c.Conn.MsgSearchLocalMessages(ctx, p)
}

func (c *mutant) MsgDownloadMergerMessage(ctx context.Context, msg *sdkconn.Message) ([]*sdkconn.Message, error) {
	if c.m.merged != nil {
		return c.m.merged(c.Conn, ctx, msg)
	}
	return c.Conn.MsgDownloadMergerMessage(ctx, msg)
}

func (c *mutant) Revoke(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	if c.m.revoke != nil {
		return c.m.revoke(c.Conn, ctx, conv, msg)
	}
	return c.Conn.Revoke(ctx, conv, msg)
}

func (c *mutant) ReportReaded(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	if c.m.read != nil {
		return c.m.read(c.Conn, ctx, conv, msg)
	}
	return c.Conn.ReportReaded(ctx, conv, msg)
}

func (c *mutant) ImportMsgList(ctx context.Context, conv sdkconn.Conversation, msgs []*sdkconn.Message) error {
	if c.m.importing != nil {
		return c.m.importing(c.Conn, ctx, conv, msgs)
	}
	return c.Conn.ImportMsgList(ctx, conv, msgs)
}

func (c *mutant) SaveMsg(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	if c.m.save != nil {
		return c.m.save(c.Conn, ctx, conv, msg)
	}
	return c.Conn.SaveMsg(ctx, conv, msg)
}

func (c *mutant) Delete(ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) error {
	if c.m.remove != nil {
		return c.m.remove(c.Conn, ctx, conv, msg)
	}
	return c.Conn.Delete(ctx, conv, msg)
}

func (c *mutant) DownloadElemToPath(ctx context.Context, p sdkconn.DownloadElemParam, path string, progress func(a, b uint64)) error {
	if c.m.download != nil {
		return c.m.download(c.Conn, ctx, p, path, progress)
	}
	return c.Conn.DownloadElemToPath(ctx, p, path, progress)
}

func (c *mutant) BatchSend(ctx context.Context, users []string, msg *sdkconn.Message) ([]sdkconn.BatchSendResult, error) {
	if c.m.batch != nil {
		return c.m.batch(c.Conn, ctx, users, msg)
	}
	return c.Conn.BatchSend(ctx, users, msg)
}

func (c *mutant) Subscribe(ctx context.Context, h sdkconn.Handler) error {
	if c.m.subscribe != nil {
		return c.m.subscribe(c.Conn, ctx, h)
	}
	return c.Conn.Subscribe(ctx, h)
}

func (c *mutant) Close() error {
	if c.m.close != nil {
		return c.m.close(c.Conn)
	}
	return c.Conn.Close()
}

func (c *mutant) WaitIdle(ctx context.Context) error {
	if c.m.idle != nil {
		return c.m.idle(c.Conn, ctx)
	}
	return c.Conn.WaitIdle(ctx)
}

func (c *mutant) ConvGetConvList(ctx context.Context) ([]sdkconn.ConvInfo, error) {
	if c.m.convs != nil {
		return c.m.convs(c.Conn, ctx)
	}
	return c.Conn.ConvGetConvList(ctx)
}

func (c *mutant) GroupJoin(ctx context.Context, group, hello string) error {
	if c.m.join != nil {
		return c.m.join(c.Conn, ctx, group, hello)
	}
	return c.Conn.GroupJoin(ctx, group, hello)
}

func (c *mutant) GroupDeleteMember(ctx context.Context, group string, users []string, reason string) ([]sdkconn.GroupMemberResult, error) {
	if c.m.expel != nil {
		return c.m.expel(c.Conn, ctx, group, users, reason)
	}
	return c.Conn.GroupDeleteMember(ctx, group, users, reason)
}

func (c *mutant) GroupModifyMemberInfo(ctx context.Context, p sdkconn.GroupMemberModifyParam) error {
	if c.m.modify != nil {
		return c.m.modify(c.Conn, ctx, p)
	}
	return c.Conn.GroupModifyMemberInfo(ctx, p)
}

func (c *mutant) GroupGetMemberInfoList(ctx context.Context, group string) ([]sdkconn.GroupMemberInfo, error) {
	if c.m.members != nil {
		return c.m.members(c.Conn, ctx, group)
	}
	return c.Conn.GroupGetMemberInfoList(ctx, group)
}

// The makers of mutations: what is asked for, what is answered, or what is told goes through f.

func asked(f func(*sdkconn.GetMsgListParam), fails ...string) mutation {
	return mutation{fails: fails, history: func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
		f(&p)
		return c.GetMsgList(ctx, conv, p)
	}}
}

func listed(f func(p sdkconn.GetMsgListParam, msgs []*sdkconn.Message) []*sdkconn.Message, fails ...string) mutation {
	return mutation{fails: fails, history: func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, p sdkconn.GetMsgListParam) ([]*sdkconn.Message, error) {
		msgs, err := c.GetMsgList(ctx, conv, p)
		if err == nil {
			msgs = f(p, msgs)
		}
		return msgs, err
	}}
}

func sending(f func(*sdkconn.Message), fails ...string) mutation {
	return mutation{fails: fails, send: func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
		if msg == nil {
			return c.SendNewMsg(ctx, conv, msg)
		}
		changed := *msg
		f(&changed)
		return c.SendNewMsg(ctx, conv, &changed)
	}}
}

func answered(f func(asked, m *sdkconn.Message), fails ...string) mutation {
	return mutation{fails: fails, send: func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, msg *sdkconn.Message) (*sdkconn.Message, error) {
		m, err := c.SendNewMsg(ctx, conv, msg)
		if err == nil {
			f(msg, m)
		}
		return m, err
	}}
}

func tell(f func([]sdkconn.Event) []sdkconn.Event, fails ...string) mutation {
	return mutation{fails: fails, subscribe: func(c *local.Conn, ctx context.Context, h sdkconn.Handler) error {
		return c.Subscribe(ctx, func(ctx context.Context, events []sdkconn.Event) error {
			if events = f(slices.Clone(events)); len(events) == 0 {
				return nil
			}
			return h(ctx, events)
		})
	}}
}

func without(drop func(sdkconn.Event) bool, fails ...string) mutation {
	return tell(func(events []sdkconn.Event) []sdkconn.Event { return slices.DeleteFunc(events, drop) }, fails...)
}

// looked finds messages by a comparison of its own, in the whole history.
func looked(same func(l sdkconn.Locator, m *sdkconn.Message) bool, fails ...string) mutation {
	return mutation{fails: fails, find: func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, ls []sdkconn.Locator) ([]*sdkconn.Message, error) {
		found, err := c.FindByMsgLocatorList(ctx, conv, ls)
		if err != nil || len(found) > 0 {
			return found, err
		}
		all, err := c.GetMsgList(ctx, conv, sdkconn.GetMsgListParam{Count: 1000})
		for _, l := range ls {
			for _, m := range all {
				if same(l, m) {
					found = append(found, m)
				}
			}
		}
		return found, err
	}}
}

func found(f func([]*sdkconn.Message) []*sdkconn.Message, fails ...string) mutation {
	return mutation{fails: fails, find: func(c *local.Conn, ctx context.Context, conv sdkconn.Conversation, ls []sdkconn.Locator) ([]*sdkconn.Message, error) {
		msgs, err := c.FindByMsgLocatorList(ctx, conv, ls)
		return f(msgs), err
	}}
}

func status(s sdkconn.Status) func(*sdkconn.Message) bool {
	return func(m *sdkconn.Message) bool { return m.Status == s }
}

// once is a set that remembers what it was asked before.
type once struct {
	mu   sync.Mutex
	seen map[any]bool
}

func (o *once) first(key any) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = make(map[any]bool)
	}
	before := o.seen[key]
	o.seen[key] = true
	return !before
}
