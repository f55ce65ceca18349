package rulestest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

// given is what there is when a test begins.
type given struct {
	lists   map[string][]string
	groups  map[string]*givenGroup
	order   []string // of the groups
	users   map[string]givenUser
	state   []memory
	history []said
}

type givenGroup struct {
	id, name, owner string
	kind            sdkconn.GroupType
	members         []givenMember
	bot             string // admin, member, owner, none
	approve         bool   // joining and inviting is as the type has it, and not free
}

type givenMember struct {
	user, role, nameCard string
}

type givenUser struct{ nick, role string }

// said is a message of the time before the test.
type said struct {
	in, from string
	ago      time.Duration
	inputs   map[string]any
}

// memory is what rules have set, or shall have set.
type memory struct {
	pos        rules.Pos
	user, chat string
	values     map[string]any
	node       *yaml.Node
}

// chatKey is the same for what makes the same chat.
func (g *given) chatKey() string {
	var b strings.Builder
	for _, id := range g.order {
		fmt.Fprintf(&b, "%+v\n", *g.groups[id])
	}
	fmt.Fprintf(&b, "%+v\n%+v", g.users, g.history)
	return b.String()
}

func (g given) clone() given {
	g.lists, g.groups, g.users = maps.Clone(g.lists), maps.Clone(g.groups), maps.Clone(g.users)
	g.order, g.state, g.history = slices.Clone(g.order), slices.Clone(g.state), slices.Clone(g.history)
	return g
}

var groupTypes = map[string]sdkconn.GroupType{
	"Public": sdkconn.GroupPublic, "Work": sdkconn.GroupWork, "Meeting": sdkconn.GroupMeeting,
	"Community": sdkconn.GroupCommunity, "AVChatRoom": sdkconn.GroupAVChatRoom,
}

// given reads what is given, on top of what g holds.
func (s *Suite) given(n *yaml.Node, g *given) {
	r := s.reader
	f := r.fields(n, "given", "lists", "groups", "users", "state", "history")
	if e, ok := f["lists"]; ok {
		if g.lists == nil {
			g.lists = make(map[string][]string)
		}
		for _, e := range r.mapping(e.value, "lists") {
			list := []string{}
			for _, item := range r.sequence(e.value, "list "+e.name) {
				list = append(list, r.text(item, "an entry of list "+e.name))
			}
			g.lists[e.name] = list
		}
	}
	if e, ok := f["groups"]; ok {
		if g.groups == nil {
			g.groups = make(map[string]*givenGroup)
		}
		for _, e := range r.mapping(e.value, "groups") {
			if g.groups[e.name] == nil {
				g.order = append(g.order, e.name)
			}
			g.groups[e.name] = r.group(e)
		}
	}
	if e, ok := f["users"]; ok {
		if g.users == nil {
			g.users = make(map[string]givenUser)
		}
		for _, e := range r.mapping(e.value, "users") {
			var u givenUser
			for _, f := range r.fields(e.value, "a user", "nick", "role") {
				if f.name == "nick" {
					u.nick = r.text(f.value, "nick")
				} else {
					u.role = r.role(f.value)
				}
			}
			g.users[e.name] = u
		}
	}
	if e, ok := f["state"]; ok {
		g.state = append(g.state, r.memories(e.value)...)
	}
	if e, ok := f["history"]; ok {
		for _, item := range r.sequence(e.value, "history") {
			h := said{ago: time.Minute, inputs: make(map[string]any)}
			for _, e := range r.mapping(item, "a message of the history") {
				switch e.name {
				case "in":
					h.in = r.text(e.value, "in")
				case "from":
					h.from = r.text(e.value, "from")
				case "ago":
					h.ago = r.duration(e.value, "ago")
				default:
					h.inputs[e.name] = r.value(e.value, e.name)
				}
			}
			if h.from == "" {
				r.errorf(item, "a message of the history needs from: who wrote it")
			}
			g.history = append(g.history, h)
		}
	}
}

func (r *reader) group(e entry) *givenGroup {
	g := &givenGroup{id: e.name, name: e.name, owner: "owner", kind: sdkconn.GroupPublic, bot: "admin"}
	for _, f := range r.fields(e.value, "a group", "name", "type", "owner", "members", "bot", "join") {
		switch f.name {
		case "name":
			g.name = r.text(f.value, "name")
		case "owner":
			g.owner = r.text(f.value, "owner")
		case "type":
			kind, ok := groupTypes[r.text(f.value, "type")]
			if !ok {
				r.errorf(f.value, "unknown type of group %q: want Public, Work, Meeting, Community or AVChatRoom", f.value.Value)
			}
			g.kind = kind
		case "join":
			switch r.text(f.value, "join") {
			case "free":
			case "type":
				g.approve = true
			default:
				r.errorf(f.value, "join is free, or type: as groups of its type have it")
			}
		case "bot":
			if g.bot = r.text(f.value, "bot"); !slices.Contains([]string{"admin", "member", "none", "owner"}, g.bot) {
				r.errorf(f.value, "bot is %q: want admin, member, owner or none", g.bot)
			}
		case "members":
			if f.value.Kind == yaml.MappingNode {
				for _, m := range r.mapping(f.value, "members") {
					member := givenMember{user: m.name}
					for _, f := range r.fields(m.value, "a member", "role", "name_card") {
						if f.name == "role" {
							member.role = r.role(f.value)
						} else {
							member.nameCard = r.text(f.value, "name_card")
						}
					}
					g.members = append(g.members, member)
				}
				continue
			}
			for _, user := range r.texts(f.value, "members") {
				g.members = append(g.members, givenMember{user: user})
			}
		}
	}
	return g
}

func (r *reader) role(n *yaml.Node) string {
	role := r.text(n, "role")
	if !slices.Contains([]string{"member", "admin", "owner"}, role) {
		r.errorf(n, "unknown role %q: want member, admin or owner", role)
	}
	return role
}

// memories reads a state: section.
func (r *reader) memories(n *yaml.Node) []memory {
	var out []memory
	for _, e := range r.fields(n, "state", "user", "chat", "bot") {
		if e.name == "bot" {
			out = append(out, r.memory(e.value, "", ""))
			continue
		}
		for _, of := range r.mapping(e.value, "state."+e.name) {
			user, chat := of.name, ""
			if e.name == "chat" {
				user, chat = "", of.name
			}
			out = append(out, r.memory(of.value, user, chat))
		}
	}
	slices.SortFunc(out, func(a, b memory) int { return a.pos.Line - b.pos.Line })
	return out
}

func (r *reader) memory(n *yaml.Node, user, chat string) memory {
	values, _ := r.value(n, "state").(map[string]any)
	if values == nil {
		r.errorf(n, "state must be a mapping (key: value), not %s", kindOf(n))
	}
	return memory{pos: r.pos(n), user: user, chat: chat, values: values, node: n}
}
