package bot

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// factTimeout is how long an event waits for facts that its message lacks.
const factTimeout = 2 * time.Second

// maxNames bounds how many users' names are remembered.
const maxNames = 100_000

// directory keeps the facts that messages lack: roles, names and types of groups. A group is read once, when a rule
// first needs it, and again after a tip told of a change. What cannot be had is nil.
type directory struct {
	conn  sdkconn.Conn
	calls singleflight.Group

	mu      sync.Mutex
	groups  map[string]*groupFacts
	forgets int                // how often anything was forgotten
	names   map[string]*string // users whom no message named; nil for one without a name
}

type groupFacts struct {
	name, kind *string
	roles      map[string]string
}

func newDirectory(conn sdkconn.Conn) *directory {
	return &directory{conn: conn, groups: make(map[string]*groupFacts), names: make(map[string]*string)}
}

// observe forgets what an event may have changed. It is called in the order of the events, before they are handled.
func (d *directory) observe(e *sdkconn.Event) {
	if e.Message == nil {
		return
	}
	for _, el := range e.Message.Elems {
		switch el := el.(type) {
		case *sdkconn.GroupTipsElem:
			d.forget(el.GroupID)
		case *sdkconn.GroupReportElem:
			d.forget(el.GroupID)
		}
	}
}

func (d *directory) forget(group string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.groups, group)
	d.forgets++
}

// group returns what is known of a group, reading it when needed; nil when nothing can be had before ctx ends.
func (d *directory) group(ctx context.Context, id string) *groupFacts {
	d.mu.Lock()
	known := d.groups[id]
	d.mu.Unlock()
	if known != nil {
		return known
	}
	service, ok := d.conn.(sdkconn.Groups)
	if !ok {
		return nil
	}
	got := d.calls.DoChan(id, func() (any, error) { return d.read(ctx, service, id), nil })
	select {
	case r := <-got:
		facts, _ := r.Val.(*groupFacts)
		return facts
	case <-ctx.Done():
		<-got // the call ends with ctx; nothing here outlives its caller
		return nil
	}
}

func (d *directory) read(ctx context.Context, service sdkconn.Groups, id string) *groupFacts {
	d.mu.Lock()
	forgets := d.forgets
	d.mu.Unlock()
	facts := &groupFacts{}
	infos, err := service.GroupGetGroupInfoList(ctx, []string{id})
	if err != nil {
		return nil
	}
	for i := range infos {
		if infos[i].GroupID == id {
			name, kind := infos[i].GroupName, infos[i].GroupType.String()
			facts.name, facts.kind = &name, &kind
		}
	}
	if members, err := service.GroupGetMemberInfoList(ctx, id); err == nil {
		facts.roles = make(map[string]string, len(members))
		for i := range members {
			facts.roles[members[i].Identifier] = members[i].Role.String()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if forgets == d.forgets { // else it may be old already: good for this event, not to be kept
		d.groups[id] = facts
	}
	return facts
}

// fill sets the facts that needs asks for and that can be had.
func (b *Bot) fill(ctx context.Context, f *rules.Facts, ev *rules.Event, needs rules.Needs) {
	var conv sdkconn.Conversation
	var msg *sdkconn.Message
	if ev.Source != nil {
		conv, msg = ev.Source.Conversation(), ev.Source.Message
	}
	if msg != nil {
		f.UserName = nameIn(msg, ev.User)
	}
	wantGroup := needs.Role || needs.ChatName || needs.GroupType
	if wantGroup && conv.Type == sdkconn.ConvGroup {
		ctx, cancel := withTimeout(ctx, b.clock, factTimeout)
		defer cancel()
		if g := b.directory.group(ctx, conv.ID); g != nil {
			f.ChatName, f.GroupType = g.name, g.kind
			if role, ok := g.roles[ev.User]; ok {
				f.UserRole = &role
			}
		}
	}
	if needs.UserName && f.UserName == nil && ev.User != "" {
		ctx, cancel := withTimeout(ctx, b.clock, factTimeout)
		defer cancel()
		f.UserName = b.directory.name(ctx, ev.User)
	}
	if needs.ChatName && f.ChatName == nil && conv.Type == sdkconn.ConvC2C {
		f.ChatName = f.UserName
	}
}

// nameIn is the name under which a message shows a user: the card in this group, else the nick name.
func nameIn(m *sdkconn.Message, user string) *string {
	if m.Sender == user {
		if m.SenderMember != nil && m.SenderMember.NameCard != "" {
			return &m.SenderMember.NameCard
		}
		if m.SenderProfile != nil && m.SenderProfile.NickName != "" {
			return &m.SenderProfile.NickName
		}
	}
	for _, el := range m.Elems {
		tip, ok := el.(*sdkconn.GroupTipsElem)
		if !ok {
			continue
		}
		for i := range tip.ChangedMembers {
			if c := &tip.ChangedMembers[i]; c.Identifier == user && c.NameCard != "" {
				return &c.NameCard
			}
		}
		for i := range tip.ChangedUsers {
			if c := &tip.ChangedUsers[i]; c.Identifier == user && c.NickName != "" {
				return &c.NickName
			}
		}
	}
	return nil
}

// name asks for a user's name, once.
func (d *directory) name(ctx context.Context, user string) *string {
	d.mu.Lock()
	name, known := d.names[user]
	d.mu.Unlock()
	if known {
		return name
	}
	service, ok := d.conn.(sdkconn.Profiles)
	if !ok {
		return nil
	}
	profiles, err := service.ProfileGetUserProfileList(ctx, []string{user})
	if err != nil {
		return nil
	}
	if len(profiles) == 1 && profiles[0].NickName != "" {
		name = &profiles[0].NickName
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.names) >= maxNames {
		clear(d.names)
	}
	d.names[user] = name
	return name
}
