package conntest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// patience is how long the suite waits for what must come. Nothing waits for it to pass but a check that fails.
var patience = 30 * time.Second

// env is one check's world: a service of its own and the users logged in to it. Its methods fail the check when
// something goes wrong that the check is not about.
type env struct {
	testing.TB
	ctx      context.Context
	service  *Service
	features Features
}

func newEnv(t testing.TB, open Factory, features Features) *env {
	service := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return &env{TB: t, ctx: ctx, service: service, features: features}
}

// user is one logged-in user.
type user struct {
	sdkconn.Conn
	e    *env
	name string
	box  *inbox // nil: not subscribed
}

// connect logs a user in without a subscription.
func (e *env) connect(name string) *user {
	e.Helper()
	conn, err := e.service.Login(e.ctx, name)
	if err != nil {
		e.Fatalf("login of %s: %v", name, err)
	}
	e.Cleanup(func() {
		if err := conn.Close(); err != nil {
			e.Errorf("close of %s: %v", name, err)
		}
	})
	if conn.Self() != name {
		e.Fatalf("%s is logged in as %q", name, conn.Self())
	}
	return &user{Conn: conn, e: e, name: name}
}

// login logs a user in and takes its events.
func (e *env) login(name string) *user {
	e.Helper()
	u := e.connect(name)
	u.subscribe()
	return u
}

// pair is alice and bob, both taking events.
func (e *env) pair() (alice, bob *user) {
	e.Helper()
	alice, bob = e.login("alice"), e.login("bob")
	return alice, bob
}

func (e *env) addUsers(names ...string) {
	e.Helper()
	for _, name := range names {
		if err := e.service.AddUser(e.ctx, name); err != nil {
			e.Fatalf("user %s: %v", name, err)
		}
	}
}

// pass lets time pass on the service, where it can.
func (e *env) pass(d time.Duration) {
	if !e.features.NoClock {
		e.service.Advance(d)
	}
}

// ok fails the check at once when err is not nil.
func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatalf("%v", err)
	}
}

// refused checks that err is an *Error with one of the codes.
func (e *env) refused(what string, err error, codes ...sdkconn.Code) {
	e.Helper()
	var typed *sdkconn.Error
	switch {
	case err == nil:
		e.Errorf("%s: accepted, want %v", what, codes)
	case !slices.Contains(codes, sdkconn.CodeOf(err)):
		e.Errorf("%s: %v, want one of %v", what, err, codes)
	case !errors.As(err, &typed):
		e.Errorf("%s: %T has no *sdkconn.Error in it", what, err)
	case !errors.Is(err, typed.Code):
		e.Errorf("%s: errors.Is denies the code of %v", what, err)
	}
}

// equal compares lists of things that can be printed.
func equal[T comparable](e *env, what string, got, want []T) {
	e.Helper()
	if !slices.Equal(got, want) {
		e.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

func textMessage(text string) *sdkconn.Message {
	return &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}}
}

// send sends a text and lets a second pass, so that the next message is a later one.
func (u *user) send(conv sdkconn.Conversation, text string) *sdkconn.Message {
	u.e.Helper()
	m := u.post(conv, textMessage(text))
	u.e.pass(time.Second)
	return m
}

func (u *user) post(conv sdkconn.Conversation, msg *sdkconn.Message) *sdkconn.Message {
	u.e.Helper()
	m, err := u.SendNewMsg(u.e.ctx, conv, msg)
	if err != nil {
		u.e.Fatalf("%s sends to %v: %v", u.name, conv, err)
	}
	if m == nil {
		u.e.Fatalf("%s sends to %v: neither a message nor an error", u.name, conv)
	}
	return m
}

// page asks for a page of the history.
func (u *user) page(conv sdkconn.Conversation, param sdkconn.GetMsgListParam) []*sdkconn.Message {
	u.e.Helper()
	msgs, err := u.GetMsgList(u.e.ctx, conv, param)
	if err != nil {
		u.e.Fatalf("%s reads %v: %v", u.name, conv, err)
	}
	return msgs
}

// history is all of it, the oldest first.
func (u *user) history(conv sdkconn.Conversation) []*sdkconn.Message {
	u.e.Helper()
	msgs := u.page(conv, sdkconn.GetMsgListParam{Count: 1000})
	slices.Reverse(msgs)
	return msgs
}

// find looks one message up by its locator; nil when it is not there.
func (u *user) find(conv sdkconn.Conversation, l sdkconn.Locator) *sdkconn.Message {
	u.e.Helper()
	msgs, err := u.FindByMsgLocatorList(u.e.ctx, conv, []sdkconn.Locator{l})
	if err != nil {
		u.e.Fatalf("%s looks up %+v: %v", u.name, l, err)
	}
	switch len(msgs) {
	case 0:
		return nil
	case 1:
		return msgs[0]
	}
	u.e.Fatalf("%s looks up one message and finds %d", u.name, len(msgs))
	return nil
}

// conversation is the user's list entry; nil when there is none.
func (u *user) conversation(conv sdkconn.Conversation) *sdkconn.ConvInfo {
	u.e.Helper()
	list, err := u.Conn.(sdkconn.Conversations).ConvGetConvList(u.e.ctx)
	if err != nil {
		u.e.Fatalf("%s lists conversations: %v", u.name, err)
	}
	for i := range list {
		if list[i].Conversation() == conv {
			return &list[i]
		}
	}
	return nil
}

// unread is the number of unread messages in a conversation.
func (u *user) unread(conv sdkconn.Conversation) uint64 {
	u.e.Helper()
	if c := u.conversation(conv); c != nil {
		return c.UnreadNum
	}
	return 0
}

// content is a message without what differs from user to user.
func content(m *sdkconn.Message) string {
	data, err := sdkconn.Marshal(m.Elems)
	return fmt.Sprintf("%s %q %v %d %v %v %s %v", m.Sender, m.CloudCustom, m.GroupAtUsers, m.Priority, m.NeedReadReceipt,
		m.ServerTime, data, err)
}

func texts(msgs []*sdkconn.Message) []string {
	var all []string
	for _, m := range msgs {
		all = append(all, m.Text())
	}
	return all
}

// userTexts leaves tips out.
func userTexts(msgs []*sdkconn.Message) []string {
	var all []string
	for _, m := range msgs {
		if m.Sender != sdkconn.SystemSender {
			all = append(all, m.Text())
		}
	}
	return all
}

func seqs(msgs []*sdkconn.Message) []uint64 {
	var all []uint64
	for _, m := range msgs {
		all = append(all, m.Seq)
	}
	return all
}

func reversed[T any](list []T) []T {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// dump is the message's JSON, for comparing whole messages.
func (e *env) dump(m *sdkconn.Message) string {
	e.Helper()
	data, err := sdkconn.Marshal(m)
	e.ok(err)
	return string(data)
}
