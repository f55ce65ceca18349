package local

import "github.com/timbot-go/timbot/sdkconn"

// groupRules is what a group's type decides.
type groupRules struct {
	members   uint32                 // at most; 0 is no limit
	join      sdkconn.GroupAddOption // who may join, unless the group says otherwise
	invite    sdkconn.GroupAddOption // whom ordinary members may invite, unless the group says otherwise
	fixed     bool                   // the group cannot say otherwise
	consent   bool                   // who is invited is asked first
	ownerQuit bool                   // the owner may leave; the group passes to who joined first
	transfer  bool                   // the owner may pass the group on
	anyEdit   bool                   // every member may change name, introduction, notification and face
	openPast  bool                   // members see what was said before they came
	forgets   bool                   // no history, no unread counts
}

// ruleBook is the table of the group types. docs/embedded-chat.md has the same for people.
var ruleBook = map[sdkconn.GroupType]groupRules{
	sdkconn.GroupWork: {
		members: 200, join: sdkconn.AddForbid, invite: sdkconn.AddAny, fixed: true,
		ownerQuit: true, transfer: true, anyEdit: true,
	},
	sdkconn.GroupPublic: {
		members: 2000, join: sdkconn.AddAuth, invite: sdkconn.AddAny, consent: true, transfer: true,
	},
	sdkconn.GroupMeeting: {
		members: 6000, join: sdkconn.AddAny, invite: sdkconn.AddAny, transfer: true, openPast: true,
	},
	sdkconn.GroupCommunity: {
		members: 100000, join: sdkconn.AddAny, invite: sdkconn.AddAny, transfer: true, openPast: true,
	},
	sdkconn.GroupAVChatRoom: {join: sdkconn.AddAny, invite: sdkconn.AddForbid, fixed: true, forgets: true},
	sdkconn.GroupBChatRoom:  {join: sdkconn.AddAny, invite: sdkconn.AddAny, transfer: true},
}

func (r *room) rules() groupRules { return ruleBook[r.typ] }

// page is what a group says of itself beside its name, and what it decides against its type's rules. It is stored as
// JSON.
type page struct {
	Introduction string                  `json:"introduction,omitzero"`
	Notification string                  `json:"notification,omitzero"`
	FaceURL      string                  `json:"face,omitzero"`
	Join         *sdkconn.GroupAddOption `json:"join,omitzero"`
	Invite       *sdkconn.GroupAddOption `json:"invite,omitzero"`
	Members      uint32                  `json:"members,omitzero"` // at most; 0 is the type's
	Silent       bool                    `json:"silent,omitzero"`  // only the owner and administrators may write
}

// join is who may join the group.
func (r *room) join() sdkconn.GroupAddOption {
	if r.page.Join != nil {
		return *r.page.Join
	}
	return r.rules().join
}

// invite is whom ordinary members may invite.
func (r *room) invite() sdkconn.GroupAddOption {
	if r.page.Invite != nil {
		return *r.page.Invite
	}
	return r.rules().invite
}

// limit is how many members the group may have; 0 is no limit.
func (r *room) limit() uint32 {
	if r.page.Members != 0 {
		return r.page.Members
	}
	return r.rules().members
}

// full reports whether the group has no room for one more beside extra ones.
func (r *room) full(extra int) bool { return r.limit() != 0 && r.count()+uint32(extra) >= r.limit() }

// checkPage refuses texts that are too long and options that the type does not have. Nil is not asked for.
func checkPage(op string, typ sdkconn.GroupType, name, introduction, notification, face *string, join, invite *sdkconn.GroupAddOption, members *uint32) error {
	for _, text := range []struct {
		what  string
		value *string
		most  int
		code  sdkconn.Code
	}{
		{"group name", name, 30, sdkconn.CodeGroupInvalidName},
		{"introduction", introduction, 240, sdkconn.CodeGroupInvalidIntroduction},
		{"notification", notification, 300, sdkconn.CodeGroupInvalidNotification},
		{"face URL", face, 100, sdkconn.CodeGroupInvalidFaceURL},
	} {
		if text.value != nil && len(*text.value) > text.most {
			return fail(op, text.code, "%s of %d bytes, at most %d", text.what, len(*text.value), text.most)
		}
	}
	rules := ruleBook[typ]
	for _, option := range []*sdkconn.GroupAddOption{join, invite} {
		if option != nil && (*option > sdkconn.AddAny || rules.fixed) {
			return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "option %d in a group of type %s", *option, typ)
		}
	}
	if members != nil && rules.members != 0 && *members > rules.members {
		return fail(op, sdkconn.CodeSvrGroupInvalidParameters, "%d members in a group of type %s, at most %d", *members, typ, rules.members)
	}
	return nil
}
