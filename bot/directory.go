package bot

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

const (
	factTimeout = 2 * time.Second  // for how long an event waits for facts that its message lacks
	readTimeout = 30 * time.Second // for how long the directory itself waits for an answer

	// A question without an answer is not asked again for so long.
	failedFor   = time.Minute
	namelessFor = 10 * time.Minute

	// Above these the directory forgets all that it knows of that kind.
	maxGroups  = 10_000
	maxMembers = 1_000_000 // of all groups
	maxNames   = 100_000

	warmPause = 100 * time.Millisecond // between two groups that are read before anybody asks
)

// directory keeps the facts that messages lack: roles, names and types of groups. Groups that rules will ask about are read
// when the bot comes online, others when a rule first needs them; tips and notices change what is known. Nothing is asked
// twice, and who needs an answer waits for it no longer than his context. What cannot be had is nil.
type directory struct {
	conn  sdkconn.Conn
	clock clockwork.Clock
	log   *slog.Logger
	wants chan rules.Needs // room for one: read what these need

	ctx     context.Context // of the reads, which do not end with who asked
	cancel  context.CancelFunc
	reading sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	groups  map[string]*groupFacts
	members int // of all groups
	names   map[string]nameFact
	flights map[string]*flight // reads that are under way, by question
}

// groupFacts is what is known of one group.
type groupFacts struct {
	name, kind *string
	roles      map[string]sdkconn.MemberRole // nil while they are not known
	seq        uint64                        // the group's newest message when it was read: older tips say nothing new

	noInfo, noRoles time.Time // until then nobody asks again
}

// nameFact is a user's nick name, as far as no message told it.
type nameFact struct {
	name  *string
	until time.Time // nobody asks again before; zero: never
}

// flight is a read that is under way.
type flight struct {
	done chan struct{}
	tips []*sdkconn.Message // what was told of its group meanwhile
	lost bool               // the group was forgotten meanwhile: what comes is not kept
}

func newDirectory(conn sdkconn.Conn, clock clockwork.Clock, log *slog.Logger) *directory {
	d := &directory{
		conn: conn, clock: clock, log: log, wants: make(chan rules.Needs, 1), groups: make(map[string]*groupFacts),
		names: make(map[string]nameFact), flights: make(map[string]*flight),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// close ends the reads and waits for them. Nothing is read after it.
func (d *directory) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.reading.Wait()
}

// observe learns from an event. It is called in the order of the events, before they are handled.
func (d *directory) observe(e *sdkconn.Event) {
	m := e.Message
	if m == nil || e.Kind != sdkconn.EventNewMsg {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.names[m.Sender]; ok && m.SenderProfile != nil && m.SenderProfile.NickName != "" &&
		(known.name == nil || *known.name != m.SenderProfile.NickName) && !e.CaughtUp {
		d.names[m.Sender] = nameFact{name: &m.SenderProfile.NickName}
	}
	for _, el := range m.Elems {
		switch el := el.(type) {
		case *sdkconn.GroupTipsElem:
			if f := d.flights[infoOf(el.GroupID)]; f != nil {
				f.tips = append(f.tips, m)
			}
			if f := d.flights[rolesOf(el.GroupID)]; f != nil {
				f.tips = append(f.tips, m)
			}
			if g := d.groups[el.GroupID]; g != nil && !d.apply(g, m, el) {
				d.forget(el.GroupID)
			}
		case *sdkconn.GroupReportElem:
			d.notice(el)
		}
	}
}

// apply changes what is known of a group by a tip; it reports false when it cannot.
func (d *directory) apply(g *groupFacts, m *sdkconn.Message, tip *sdkconn.GroupTipsElem) bool {
	if m.Seq != 0 && m.Seq <= g.seq { // it was read after that
		return true
	}
	users := tip.Users
	if len(users) == 0 && tip.OpUser != "" {
		users = []string{tip.OpUser}
	}
	switch tip.TipType {
	case sdkconn.TipInvite:
		for _, user := range users {
			if g.roles[user] == sdkconn.RoleNone { // an old tip makes nobody less than he became since
				d.setRoles(g, []string{user}, sdkconn.RoleNormal)
			}
		}
	case sdkconn.TipSetAdmin:
		d.setRoles(g, users, sdkconn.RoleAdmin)
	case sdkconn.TipCancelAdmin:
		d.setRoles(g, users, sdkconn.RoleNormal)
	case sdkconn.TipQuit, sdkconn.TipKick:
		for _, user := range users {
			if user == d.conn.Self() {
				return false
			}
			d.setRoles(g, []string{user}, sdkconn.RoleNone)
		}
	case sdkconn.TipGroupInfoChange:
		for _, c := range tip.GroupChanges {
			switch c.Flag {
			case sdkconn.GroupChangeUnknown:
				return false
			case sdkconn.GroupChangeName:
				g.name = &c.Value
			case sdkconn.GroupChangeOwner:
				if c.Value == "" {
					return false
				}
				for user, role := range g.roles {
					if role == sdkconn.RoleOwner {
						g.roles[user] = sdkconn.RoleNormal
					}
				}
				d.setRoles(g, []string{c.Value}, sdkconn.RoleOwner)
			}
		}
	case sdkconn.TipMemberInfoChange, sdkconn.TipMemberMarkChange, sdkconn.TipTopicInfoChange,
		sdkconn.TipPinnedMessageAdded, sdkconn.TipPinnedMessageDeleted: // nothing that is kept here
	default:
		return false
	}
	return true
}

// setRoles gives users of a group a role; RoleNone takes them out.
func (d *directory) setRoles(g *groupFacts, users []string, role sdkconn.MemberRole) {
	if g.roles == nil {
		return
	}
	d.members -= len(g.roles)
	for _, user := range users {
		if role == sdkconn.RoleNone {
			delete(g.roles, user)
		} else {
			g.roles[user] = role
		}
	}
	d.members += len(g.roles)
}

// notice learns from what is told about a group to the bot alone.
func (d *directory) notice(el *sdkconn.GroupReportElem) {
	g := d.groups[el.GroupID]
	switch el.ReportType {
	case sdkconn.ReportGrantAdmin:
		if g != nil {
			d.setRoles(g, []string{d.conn.Self()}, sdkconn.RoleAdmin)
		}
	case sdkconn.ReportCancelAdmin:
		if g != nil {
			d.setRoles(g, []string{d.conn.Self()}, sdkconn.RoleNormal)
		}
	case sdkconn.ReportBeKicked, sdkconn.ReportDelete, sdkconn.ReportGroupRecycle, sdkconn.ReportQuit,
		sdkconn.ReportCreate, sdkconn.ReportInvite, sdkconn.ReportAddAccept, sdkconn.ReportInviteAccept:
		d.forget(el.GroupID)
	}
}

// forget drops a group, also one that is being read.
func (d *directory) forget(id string) {
	if g := d.groups[id]; g != nil {
		d.members -= len(g.roles)
		delete(d.groups, id)
	}
	for _, question := range []string{infoOf(id), rolesOf(id)} {
		if f := d.flights[question]; f != nil {
			f.lost = true
		}
	}
}

// forgetGroups drops all groups: tips may have been missed.
func (d *directory) forgetGroups() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.groups)
	d.members = 0
	for _, f := range d.flights {
		f.lost = true
	}
}

// The questions that are asked once at a time.
func infoOf(group string) string  { return "info " + group }
func rolesOf(group string) string { return "roles " + group }
func nameOf(user string) string   { return "name " + user }

// group returns what is known of a group, reading it when needed; members says whether roles are asked for. It returns
// nil when nothing can be had before ctx ends.
func (d *directory) group(ctx context.Context, id string, members bool) *groupFacts {
	service, ok := d.conn.(sdkconn.Groups)
	if !ok {
		return nil
	}
	d.mu.Lock()
	known := d.groups[id]
	now := d.clock.Now()
	askInfo := known == nil || known.kind == nil && !known.noInfo.After(now)
	askRoles := members && (known == nil || known.roles == nil && !known.noRoles.After(now))
	if !askInfo && !askRoles {
		defer d.mu.Unlock()
		return known.copy()
	}
	var flights []*flight
	if askInfo {
		flights = append(flights, d.ask(infoOf(id), func(ctx context.Context, f *flight) { d.readInfo(ctx, service, id, f) }))
	}
	if askRoles {
		flights = append(flights, d.ask(rolesOf(id), func(ctx context.Context, f *flight) { d.readRoles(ctx, service, id, f) }))
	}
	d.mu.Unlock()
	for _, f := range flights {
		select {
		case <-f.done:
		case <-ctx.Done():
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.groups[id].copy()
}

// copy is the group as one event sees it. The roles are shared: see role.
func (g *groupFacts) copy() *groupFacts {
	if g == nil {
		return nil
	}
	out := *g
	return &out
}

// role is a user's role in a group, nil when it is not known or he is no member.
func (d *directory) role(group, user string) *string {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.groups[group]
	if g == nil || g.roles[user] == sdkconn.RoleNone {
		return nil
	}
	role := g.roles[user].String()
	return &role
}

// ask returns the read of a question, which it starts when nobody has. The caller holds mu.
func (d *directory) ask(question string, read func(context.Context, *flight)) *flight {
	if f := d.flights[question]; f != nil && !f.lost {
		return f
	}
	f := &flight{done: make(chan struct{})}
	if d.closed {
		close(f.done)
		return f
	}
	d.flights[question] = f
	d.reading.Go(func() {
		defer close(f.done)
		ctx, cancel := withTimeout(d.ctx, d.clock, readTimeout)
		defer cancel()
		read(ctx, f)
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.flights[question] == f {
			delete(d.flights, question)
		}
	})
	return f
}

// entry is the group's place, which is made when there is none. The caller holds mu.
func (d *directory) entry(id string) *groupFacts {
	g := d.groups[id]
	if g == nil {
		if len(d.groups) >= maxGroups || d.members > maxMembers {
			clear(d.groups)
			d.members = 0
		}
		g = &groupFacts{}
		d.groups[id] = g
	}
	return g
}

func (d *directory) readInfo(ctx context.Context, service sdkconn.Groups, id string, f *flight) {
	infos, err := service.GroupGetGroupInfoList(ctx, []string{id})
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.lost {
		return
	}
	g := d.entry(id)
	for i := range infos {
		if err == nil && infos[i].GroupID == id {
			d.know(g, &infos[i])
			d.catchUp(id, g, f)
			return
		}
	}
	g.noInfo = d.clock.Now().Add(failedFor)
	if err != nil {
		d.log.Debug("group not read", "group", id, "err", err)
	}
}

// know takes over what a group says of itself. The caller holds mu.
func (d *directory) know(g *groupFacts, info *sdkconn.GroupInfo) {
	name, kind := info.GroupName, info.GroupType.String()
	g.name, g.kind = &name, &kind
	if g.roles == nil {
		g.seq = info.LatestSeq
	}
}

func (d *directory) readRoles(ctx context.Context, service sdkconn.Groups, id string, f *flight) {
	members, err := service.GroupGetMemberInfoList(ctx, id)
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.lost {
		return
	}
	g := d.entry(id)
	if err != nil {
		g.noRoles = d.clock.Now().Add(failedFor)
		d.log.Debug("members of a group not read", "group", id, "err", err)
		return
	}
	roles := make(map[string]sdkconn.MemberRole, len(members))
	for i := range members {
		roles[members[i].Identifier] = members[i].Role
	}
	d.members += len(roles) - len(g.roles)
	g.roles = roles
	d.catchUp(id, g, f)
}

// catchUp applies the tips that were told while a group was read. Doing one again that was in the answer does no harm.
func (d *directory) catchUp(id string, g *groupFacts, f *flight) {
	for _, m := range f.tips {
		for _, el := range m.Elems {
			if tip, ok := el.(*sdkconn.GroupTipsElem); ok && !d.apply(g, m, tip) {
				d.forget(id)
				return
			}
		}
	}
}

// name asks for a user's name, once.
func (d *directory) name(ctx context.Context, user string) *string {
	service, ok := d.conn.(sdkconn.Profiles)
	if !ok {
		return nil
	}
	d.mu.Lock()
	known, asked := d.names[user]
	if asked && (known.until.IsZero() || known.until.After(d.clock.Now())) {
		defer d.mu.Unlock()
		return known.name
	}
	f := d.ask(nameOf(user), func(ctx context.Context, _ *flight) { d.readName(ctx, service, user) })
	d.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[user].name
}

func (d *directory) readName(ctx context.Context, service sdkconn.Profiles, user string) {
	profiles, err := service.ProfileGetUserProfileList(ctx, []string{user})
	d.mu.Lock()
	defer d.mu.Unlock()
	fact := nameFact{until: d.clock.Now().Add(namelessFor)}
	switch {
	case err != nil:
		fact.until = d.clock.Now().Add(failedFor)
		d.log.Debug("profile not read", "user", user, "err", err)
	case len(profiles) == 1 && profiles[0].NickName != "":
		fact = nameFact{name: &profiles[0].NickName}
	}
	if len(d.names) >= maxNames {
		clear(d.names)
	}
	d.names[user] = fact
}

// warm lets what a rule set will ask about groups be read before anybody asks. It does not wait.
func (d *directory) warm(set *rules.Set) {
	needs := set.Needs()
	for _, r := range set.Rules {
		own := r.Needs()
		needs.Role = needs.Role || own.Role
		needs.ChatName = needs.ChatName || own.ChatName
		needs.GroupType = needs.GroupType || own.GroupType
	}
	if !needs.Role && !needs.ChatName && !needs.GroupType {
		return
	}
	select { // the newest wish counts
	case <-d.wants:
	default:
	}
	select {
	case d.wants <- needs:
	default:
	}
}

// run reads what warm asks for until ctx ends.
func (d *directory) run(ctx context.Context, pause func(context.Context, time.Duration) bool) {
	service, ok := d.conn.(sdkconn.Groups)
	if !ok {
		return
	}
	for {
		select {
		case needs := <-d.wants:
			if err := d.readJoined(ctx, service, needs.Role, pause); err != nil && ctx.Err() == nil {
				d.log.Warn("groups not read ahead: they are read when a rule asks", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (d *directory) readJoined(
	ctx context.Context, service sdkconn.Groups, roles bool, pause func(context.Context, time.Duration) bool,
) error {
	call, cancel := withTimeout(ctx, d.clock, readTimeout)
	defer cancel()
	infos, err := service.GroupGetJoinedGroupList(call)
	if err != nil {
		return err
	}
	infos = infos[:min(len(infos), maxGroups)]
	d.mu.Lock()
	for i := range infos {
		if g := d.groups[infos[i].GroupID]; g == nil || g.kind == nil && g.roles == nil {
			d.know(d.entry(infos[i].GroupID), &infos[i])
		}
	}
	d.mu.Unlock()
	if !roles {
		return nil
	}
	for i := range infos {
		d.mu.Lock()
		g := d.groups[infos[i].GroupID]
		full := d.members > maxMembers/2 // the rest is for those that are asked for
		read := g == nil || g.roles != nil
		d.mu.Unlock()
		if full {
			return nil
		}
		if read {
			continue
		}
		d.group(ctx, infos[i].GroupID, true)
		if !pause(ctx, warmPause) {
			return nil
		}
	}
	return nil
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
	if b.knows != nil {
		b.knows(ev, f)
		return
	}
	wantGroup := conv.Type == sdkconn.ConvGroup && (needs.Role || needs.ChatName || needs.GroupType)
	wantName := needs.UserName && f.UserName == nil && ev.User != ""
	if wantGroup || wantName {
		var cancel context.CancelFunc
		ctx, cancel = withTimeout(ctx, b.clock, factTimeout)
		defer cancel()
	}
	if wantGroup {
		if g := b.directory.group(ctx, conv.ID, needs.Role); g != nil {
			f.ChatName, f.GroupType = g.name, g.kind
			f.UserRole = b.directory.role(conv.ID, ev.User)
		}
	}
	if wantName {
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
