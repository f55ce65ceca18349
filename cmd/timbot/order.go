package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

// order is one command that the person in a chat can give.
type order struct {
	name string
	args string // for help
	doc  string
	run  func(s *session, args []string) error
}

// orders are the commands of a chat, in the order of the help.
func orders() []order {
	return []order{
		{"as", "USER", "play USER, who is made when there is none yet", (*session).as},
		{"to", "[USER]", "talk to USER; to the bot unless given", (*session).to},
		{"in", "GROUP", "talk in GROUP; a new one is made with the bot as administrator", (*session).in},
		{"join", "GROUP", "join GROUP and talk there", (*session).join},
		{"invite", "USER...", "bring users into the group", (*session).invite},
		{"quit", "", "leave the group", (*session).quit},
		{"members", "", "who is in the group", (*session).members},
		{"groups", "", "the groups you are in", (*session).groups},
		{"users", "", "everybody on this chat", (*session).users},
		{"history", "[N]", "the last N messages here; 20 unless given", (*session).history},
		{"revoke", "[N]", "take back your last message here, or the N-th last", (*session).revoke},
		{"delete", "[N]", "delete the last message here from your own view, or the N-th last", (*session).delete},
		{"read", "", "mark everything here as read", (*session).read},
		{"send", "image|file|sound|video PATH", "send a file; a video needs a picture's path as well", (*session).sendFile},
		{"why", "[N]", "what the bot made of the last message here, or of the N-th last", (*session).why},
		{"help", "", "this help", (*session).help},
		{"exit", "", "leave; so does Ctrl-D", func(*session, []string) error { return errLeft }},
	}
}

// orderOf returns the command that a line gives, and its arguments; ok is false for a line that is a message. A line
// that begins with // is the message behind the first slash; an unknown command is a message too: bots have commands of
// their own.
func orderOf(line string) (o order, args []string, ok bool) {
	name, isOrder := strings.CutPrefix(line, "/")
	if !isOrder {
		return order{}, nil, false
	}
	fields := strings.Fields(name)
	if len(fields) == 0 {
		return order{}, nil, false
	}
	for _, o := range orders() {
		if o.name == fields[0] {
			return o, fields[1:], true
		}
	}
	return order{}, nil, false
}

// do gives a line to the session: a command or a message.
func (s *session) do(line string) error {
	o, args, ok := orderOf(line)
	if !ok {
		if strings.HasPrefix(line, "//") {
			line = line[1:]
		}
		return s.say(line)
	}
	if err := o.run(s, args); err != nil {
		if errors.Is(err, errLeft) {
			return err
		}
		return fmt.Errorf("/%s: %w", o.name, err)
	}
	return nil
}

var (
	errNoGroup = errors.New("you are in no group: /in GROUP enters one")
	errNotHere = errors.New("there is no such message of yours here")
)

func one(args []string, what string) (string, error) {
	if len(args) != 1 {
		return "", fmt.Errorf("want %s", what)
	}
	return args[0], nil
}

// number reads an optional number from 1.
func number(args []string, unless int) (int, error) {
	switch len(args) {
	case 0:
		return unless, nil
	case 1:
		if n, err := strconv.Atoi(args[0]); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("want a number from 1, not %q", strings.Join(args, " "))
}

func (s *session) as(args []string) error {
	user, err := one(args, "a user")
	if err != nil {
		return err
	}
	if _, err := s.play(user); err != nil {
		return err
	}
	_, conv := s.where()
	if conv == sdkconn.C2C(user) {
		conv = sdkconn.C2C(s.botUser)
	}
	s.move(user, conv)
	return nil
}

func (s *session) to(args []string) error {
	user, _ := s.where()
	peer := s.botUser
	if len(args) > 0 {
		var err error
		if peer, err = one(args, "a user"); err != nil {
			return err
		}
	}
	if peer == user {
		return fmt.Errorf("you are %s", user)
	}
	if peer != s.botUser {
		if _, err := s.play(peer); err != nil { // so that what he gets is seen
			return err
		}
	}
	s.move(user, sdkconn.C2C(peer))
	return nil
}

func (s *session) in(args []string) error {
	group, err := one(args, "a group")
	if err != nil {
		return err
	}
	user, _ := s.where()
	me := s.me()
	switch members, err := me.GroupGetMemberInfoList(s.ctx, group); {
	case errors.Is(err, sdkconn.CodeGroupNotFound):
		_, err := me.GroupCreate(s.ctx, sdkconn.GroupCreateParam{
			GroupID: group, GroupName: group[:min(len(group), 30)], GroupType: sdkconn.GroupMeeting,
			Members: []sdkconn.GroupMemberInfo{{Identifier: s.botUser, Role: sdkconn.RoleAdmin}},
		})
		if err != nil {
			return explain("make the group", err)
		}
		s.feed.put(entry{
			Kind: "notice", Time: now(), From: user, Group: group,
			Text: fmt.Sprintf("%s made the group, with %s as administrator", user, s.botUser),
		})
	case errors.Is(err, sdkconn.CodeGroupPermissionDeny):
		if err := me.GroupJoin(s.ctx, group, ""); err != nil {
			return explain("join "+group, err)
		}
	case err != nil:
		return explain("look into "+group, err)
	default:
		member := false
		for i := range members {
			member = member || members[i].Identifier == user
		}
		if !member {
			if err := me.GroupJoin(s.ctx, group, ""); err != nil {
				return explain("join "+group, err)
			}
		}
	}
	s.move(user, sdkconn.Group(group))
	return nil
}

func (s *session) join(args []string) error {
	group, err := one(args, "a group")
	if err != nil {
		return err
	}
	if err := s.me().GroupJoin(s.ctx, group, ""); err != nil {
		return explain("join "+group, err)
	}
	user, _ := s.where()
	s.move(user, sdkconn.Group(group))
	return nil
}

func (s *session) group() (string, error) {
	_, conv := s.where()
	if conv.Type != sdkconn.ConvGroup {
		return "", errNoGroup
	}
	return conv.ID, nil
}

func (s *session) invite(args []string) error {
	group, err := s.group()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return errors.New("want a user")
	}
	for _, user := range args {
		if user != s.botUser {
			if _, err := s.play(user); err != nil {
				return err
			}
		}
	}
	results, err := s.me().GroupInviteMember(s.ctx, group, args)
	if err != nil {
		return explain("invite into "+group, err)
	}
	for _, r := range results {
		switch r.Result {
		case sdkconn.MemberResultAlready:
			return fmt.Errorf("%s is in %s already", r.User, group)
		case sdkconn.MemberResultError:
			return fmt.Errorf("%s cannot be invited into %s", r.User, group)
		}
	}
	return nil
}

func (s *session) quit([]string) error {
	group, err := s.group()
	if err != nil {
		return err
	}
	if err := s.me().GroupQuit(s.ctx, group); err != nil {
		return explain("leave "+group, err)
	}
	user, _ := s.where()
	s.move(user, sdkconn.C2C(s.botUser))
	return nil
}

func (s *session) members([]string) error {
	group, err := s.group()
	if err != nil {
		return err
	}
	members, err := s.me().GroupGetMemberInfoList(s.ctx, group)
	if err != nil {
		return explain("members of "+group, err)
	}
	for i := range members {
		m := &members[i]
		s.answer(entry{Kind: "member", From: m.Identifier, Group: group, Text: fmt.Sprintf("%s (%s)", m.Identifier, m.Role)})
	}
	return nil
}

func (s *session) groups([]string) error {
	groups, err := s.me().GroupGetJoinedGroupList(s.ctx)
	if err != nil {
		return explain("groups", err)
	}
	for i := range groups {
		g := &groups[i]
		s.answer(entry{Kind: "group", Group: g.GroupID, Text: fmt.Sprintf("%s, %s", g.GroupType, counted(int(g.MemberNum), "member"))})
	}
	return nil
}

func (s *session) users([]string) error {
	users, err := s.chat.Users(s.ctx)
	if err != nil {
		return explain("users", err)
	}
	for i := range users {
		u := &users[i]
		text := u.Identifier
		if u.NickName != "" && u.NickName != u.Identifier {
			text += " (" + u.NickName + ")"
		}
		if u.Identifier == s.botUser {
			text += ", the bot"
		}
		s.answer(entry{Kind: "user", From: u.Identifier, Text: text})
	}
	return nil
}

func (s *session) history(args []string) error {
	n, err := number(args, 20)
	if err != nil {
		return err
	}
	user, conv := s.where()
	msgs, err := s.me().GetMsgList(s.ctx, conv, sdkconn.GetMsgListParam{Count: uint32(n)})
	if err != nil {
		return explain("history", err)
	}
	for i := len(msgs) - 1; i >= 0; i-- {
		e := messageEntry("history", user, msgs[i])
		for _, el := range msgs[i].Elems {
			if tip, ok := el.(*sdkconn.GroupTipsElem); ok {
				e.Text = tipText(tip)
			}
		}
		if msgs[i].Status == sdkconn.StatusRevoked {
			e.Text = strings.TrimSpace("(taken back) " + e.Text)
		}
		s.answer(e)
	}
	return nil
}

// pageSize is how many messages nth looks at.
const pageSize = 1000

// nth returns the n-th last message here that fits.
func (s *session) nth(n int, fits func(*sdkconn.Message) bool) (*sdkconn.Message, error) {
	_, conv := s.where()
	msgs, err := s.me().GetMsgList(s.ctx, conv, sdkconn.GetMsgListParam{Count: pageSize})
	if err != nil {
		return nil, explain("history", err)
	}
	for _, m := range msgs {
		if fits(m) {
			if n--; n == 0 {
				return m, nil
			}
		}
	}
	return nil, errNotHere
}

func (s *session) revoke(args []string) error {
	n, err := number(args, 1)
	if err != nil {
		return err
	}
	user, conv := s.where()
	m, err := s.nth(n, func(m *sdkconn.Message) bool { return m.IsFromSelf && m.Status != sdkconn.StatusRevoked })
	if err != nil {
		return err
	}
	s.feed.hold(func(func(string, identity, entry, bool)) {
		if err = s.me().Revoke(s.ctx, conv, m); err == nil {
			s.feed.revoked(user, user, conv, m.Locator(), now())
		}
	})
	return explain("take back", err)
}

func (s *session) delete(args []string) error {
	n, err := number(args, 1)
	if err != nil {
		return err
	}
	m, err := s.nth(n, func(*sdkconn.Message) bool { return true })
	if err != nil {
		return err
	}
	_, conv := s.where()
	return explain("delete", s.me().Delete(s.ctx, conv, m))
}

func (s *session) read([]string) error {
	_, conv := s.where()
	return explain("mark as read", s.me().ReportReaded(s.ctx, conv, nil))
}

func (s *session) sendFile(args []string) error {
	const want = "want image|file|sound PATH, or video PATH PICTURE"
	if len(args) < 2 {
		return errors.New(want)
	}
	kind, path := args[0], args[1]
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	var e sdkconn.Elem
	switch {
	case kind == "image" && len(args) == 2:
		e = &sdkconn.ImageElem{OrigPath: path}
	case kind == "file" && len(args) == 2:
		e = &sdkconn.FileElem{FilePath: path, FileName: filepath.Base(path), FileSize: info.Size()}
	case kind == "sound" && len(args) == 2:
		e = &sdkconn.SoundElem{FilePath: path, FileSize: info.Size(), FileTime: 1}
	case kind == "video" && len(args) == 3:
		picture, err := filepath.Abs(args[2])
		if err != nil {
			return err
		}
		shot, err := os.Stat(picture)
		if err != nil {
			return err
		}
		e = &sdkconn.VideoElem{
			VideoPath: path, VideoSize: uint64(info.Size()), VideoType: extension(path), VideoDuration: 1,
			ImagePath: picture, ImageSize: uint64(shot.Size()), ImageType: extension(picture),
		}
	default:
		return errors.New(want)
	}
	user, conv := s.where()
	return s.send(user, conv, &sdkconn.Message{Elems: sdkconn.Elems{e}})
}

func extension(path string) string { return strings.TrimPrefix(filepath.Ext(path), ".") }

func (s *session) help([]string) error {
	var b strings.Builder
	b.WriteString("What you type is sent; @USER and @all mention in a group. Commands:\n")
	for _, o := range orders() {
		fmt.Fprintf(&b, "/%-34s %s\n", strings.TrimSpace(o.name+" "+o.args), o.doc)
	}
	b.WriteString("Anything else with a slash goes to the bot, and //help sends /help.")
	s.answer(entry{Kind: "help", Text: b.String()})
	return nil
}
