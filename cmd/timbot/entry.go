package main

import (
	"fmt"
	"strings"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

// entry is one thing that the chat shows.
type entry struct {
	Kind     string           `json:"kind"`           // message, revoked, edited, read, notice, or what a command answers
	Time     uint64           `json:"time,omitzero"`  // Unix seconds
	From     string           `json:"from,omitzero"`  // who did it
	To       string           `json:"to,omitzero"`    // the other user
	Group    string           `json:"group,omitzero"` // or the group
	Text     string           `json:"text"`           // what it says, in words
	Mentions []string         `json:"mentions,omitempty"`
	Elements []string         `json:"elements,omitempty"` // their kinds, when one is no text
	ID       string           `json:"id,omitzero"`
	Message  *sdkconn.Message `json:"message,omitzero"`
	Story    *bot.Story       `json:"story,omitzero"`
}

// in reports whether the entry belongs to a conversation of the user's.
func (e *entry) in(user string, conv sdkconn.Conversation) bool {
	switch {
	case conv.Type == sdkconn.ConvGroup:
		return e.Group == conv.ID
	case e.Group != "":
		return false
	}
	return e.From == user && e.To == conv.ID || e.To == user && e.From == conv.ID
}

// line is the entry as plain text for somebody who is user and looks at conv. Further lines of it are indented.
func (e *entry) line(user string, conv sdkconn.Conversation) string {
	return e.head(user, conv) + e.body()
}

// body is the text of the entry.
func (e *entry) body() string { return strings.ReplaceAll(clean(e.Text), "\n", "\n  ") }

// head is what stands before the text.
func (e *entry) head(user string, conv sdkconn.Conversation) string {
	var b strings.Builder
	if e.happened() && !e.isMessage() {
		b.WriteString("* ")
	}
	if e.Group != "" && e.Kind != "member" {
		b.WriteString("[" + clean(e.Group) + "] ")
	}
	if !e.isMessage() {
		return b.String()
	}
	b.WriteString(clean(e.From))
	if e.Group == "" && !e.in(user, conv) {
		b.WriteString(" → " + clean(e.To))
	}
	b.WriteString(": ")
	return b.String()
}

func (e *entry) isMessage() bool {
	return e.Kind == "message" || e.Kind == "history" && e.From != sdkconn.SystemSender
}

// happened reports whether the entry tells what happened, and does not answer a command.
func (e *entry) happened() bool {
	switch e.Kind {
	case "member", "group", "user", "help", "why":
		return false
	}
	return true
}

// messageEntry shows a message as self sees it.
func messageEntry(kind, self string, m *sdkconn.Message) entry {
	e := entry{Kind: kind, Time: m.Time(), From: m.Sender, Text: content(m), ID: m.MsgID, Message: m}
	switch {
	case m.ConvType == sdkconn.ConvGroup:
		e.Group = m.ConvID
	case m.Sender == self:
		e.To = m.ConvID
	default:
		e.To = self
	}
	for _, user := range m.GroupAtUsers {
		if user == sdkconn.MentionAll {
			user = "all"
		}
		e.Mentions = append(e.Mentions, user)
	}
	for _, el := range m.Elems {
		if el.ElemType() != sdkconn.ElemText {
			e.Elements = nil
			for _, el := range m.Elems {
				e.Elements = append(e.Elements, el.ElemType().String())
			}
			break
		}
	}
	return e
}

// tipText says what a group tip tells; "" for nothing that a person needs to know.
func tipText(t *sdkconn.GroupTipsElem) string {
	users := strings.Join(t.Users, ", ")
	are := "is"
	if len(t.Users) > 1 {
		are = "are"
	}
	switch t.TipType {
	case sdkconn.TipInvite:
		if t.JoinType == sdkconn.JoinInvite && t.OpUser != "" && users != t.OpUser {
			return fmt.Sprintf("%s joined, invited by %s", users, t.OpUser)
		}
		return firstOf(users, t.OpUser) + " joined"
	case sdkconn.TipQuit:
		return firstOf(users, t.OpUser) + " left"
	case sdkconn.TipKick:
		return fmt.Sprintf("%s %s removed by %s", users, are, t.OpUser)
	case sdkconn.TipSetAdmin:
		return fmt.Sprintf("%s made %s an administrator", t.OpUser, users)
	case sdkconn.TipCancelAdmin:
		return fmt.Sprintf("%s made %s a normal member", t.OpUser, users)
	case sdkconn.TipMemberInfoChange:
		var parts []string
		for _, c := range t.MemberChanges {
			if c.ShutupTime > 0 {
				parts = append(parts, fmt.Sprintf("%s muted %s for %d seconds", t.OpUser, c.Identifier, c.ShutupTime))
			} else {
				parts = append(parts, fmt.Sprintf("%s unmuted %s", t.OpUser, c.Identifier))
			}
		}
		return strings.Join(parts, "; ")
	case sdkconn.TipGroupInfoChange:
		return t.OpUser + " changed the group"
	}
	return fmt.Sprintf("tip %d by %s", t.TipType, t.OpUser)
}

// noticeText says what a notice about a group tells one user; "" for nothing that a tip has not told.
func noticeText(r *sdkconn.GroupReportElem) string {
	switch r.ReportType {
	case sdkconn.ReportAddRequest:
		return strings.TrimSuffix(fmt.Sprintf("%s asks to join: %s", r.OpUser, r.Msg), ": ")
	case sdkconn.ReportAddAccept:
		return r.OpUser + " accepted the request to join"
	case sdkconn.ReportAddRefuse:
		return r.OpUser + " refused the request to join"
	case sdkconn.ReportBeKicked:
		return "removed by " + r.OpUser
	case sdkconn.ReportDelete:
		return r.OpUser + " dissolved the group"
	case sdkconn.ReportCreate:
		return "the group was made"
	case sdkconn.ReportInvite:
		return "" // the group's tip tells it
	case sdkconn.ReportQuit:
		return "left the group"
	case sdkconn.ReportGrantAdmin:
		return r.OpUser + " made you an administrator"
	case sdkconn.ReportCancelAdmin:
		return r.OpUser + " made you a normal member"
	case sdkconn.ReportShutUpMember:
		return fmt.Sprintf("muted by %s for %d seconds", r.OpUser, r.ShutUpTime)
	}
	return fmt.Sprintf("notice %d by %s", r.ReportType, r.OpUser)
}
