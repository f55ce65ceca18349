package actions

import (
	"fmt"
	"reflect"

	"github.com/timbot-go/timbot/sdkconn"
)

// content is what a message says.
type content struct {
	Text     *string   `arg:"text" doc:"The text of the message."`
	Elements []element `arg:"elements" doc:"The parts of the message in their order, each with exactly one of its fields."`
}

// elems makes the SDK's elements.
func (c content) elems(call *Call, path string) (sdkconn.Elems, error) {
	if c.Text != nil {
		if *c.Text == "" {
			return nil, inputErrorf(path+"text", "is empty: give some text")
		}
		return sdkconn.Elems{&sdkconn.TextElem{Text: *c.Text}}, nil
	}
	if len(c.Elements) == 0 {
		return nil, inputErrorf(path+"elements", "is empty: give at least one element")
	}
	var elems sdkconn.Elems
	for i, e := range c.Elements {
		elem, err := e.elem(call, fmt.Sprintf("%selements[%d]", path, i))
		if err != nil {
			return nil, err
		}
		elems = append(elems, elem)
	}
	return elems, nil
}

// outgoing is the content of a message to be sent, and how it travels.
type outgoing struct {
	content `arg:",squash"`
	Forward *sdkconn.Message `arg:"forward" doc:"A message whose content is sent on."`

	Mentions    []string `arg:"mentions" doc:"User ids to mention, or all for everyone; in groups."`
	CustomData  string   `arg:"custom_data" doc:"Data of the app's own that travels with the message (cloud custom data)."`
	Priority    string   `arg:"priority" enum:"high,normal,low,lowest" doc:"Which messages of a group the service drops last when there are too many; normal unless given."`
	OnlineOnly  bool     `arg:"online_only" doc:"Only people who are online now get it; it is stored nowhere."`
	OnlyTo      []string `arg:"only_to" doc:"Only these members of the group get it; not together with mentions."`
	ExcludeFrom []string `arg:"exclude_from" enum:"unread,last_message,moderation" doc:"What the message does not take part in: the count of unread messages, the preview in the list of conversations, the service's moderation."`
	ReadReceipt bool     `arg:"read_receipt" doc:"Ask for a receipt when it is read."`
	Push        *push    `arg:"push" doc:"How people who are offline are told."`
}

// push is the offline push of a message.
type push struct {
	Desc    string         `arg:"desc" doc:"What the push shows in place of the message."`
	Ext     string         `arg:"ext" doc:"Data that the push carries to the app."`
	Off     bool           `arg:"off" doc:"No push for this message."`
	IOS     map[string]any `arg:"ios" doc:"The SDK's settings for Apple, for instance ios_offline_push_config_title."`
	Android map[string]any `arg:"android" doc:"The SDK's settings for Android, for instance android_offline_push_config_title."`
}

// contentNames are the inputs of which exactly one is the content.
var contentNames = []string{"text", "elements", "forward"}

var elementFields = fieldsOf(reflect.TypeFor[element]())

// mentionAll is how a rule mentions everyone.
const mentionAll = "all"

var priorities = map[string]sdkconn.Priority{
	"high": sdkconn.PriorityHigh, "low": sdkconn.PriorityLow, "lowest": sdkconn.PriorityLowest,
}

// message makes the SDK's message.
func (o outgoing) message(call *Call) (*sdkconn.Message, error) {
	msg := &sdkconn.Message{
		CloudCustom: o.CustomData, Priority: priorities[o.Priority], IsOnlineMsg: o.OnlineOnly,
		NeedReadReceipt: o.ReadReceipt, TargetMembers: o.OnlyTo,
	}
	var err error
	if o.Forward != nil {
		msg.Elems, err = forwarded(o.Forward)
		msg.IsForward = true
	} else {
		msg.Elems, err = o.elems(call, "")
	}
	if err != nil {
		return nil, err
	}
	if len(o.OnlyTo) > 0 && len(o.Mentions) > 0 {
		return nil, inputErrorf("only_to", "cannot be given together with mentions: choose one")
	}
	for i, user := range o.Mentions {
		switch user {
		case "":
			return nil, inputErrorf(fmt.Sprintf("mentions[%d]", i), "is empty: want a user id, or all")
		case mentionAll:
			user = sdkconn.MentionAll
		}
		msg.GroupAtUsers = append(msg.GroupAtUsers, user)
	}
	for _, what := range o.ExcludeFrom {
		switch what {
		case "unread":
			msg.ExcludedFromUnread = true
		case "last_message":
			msg.ExcludedFromLastMessage = true
		case "moderation":
			msg.ExcludedFromModeration = true
		}
	}
	if o.Push != nil {
		if msg.OfflinePush, err = o.Push.config(); err != nil {
			return nil, err
		}
	}
	return msg, nil
}

// forwarded returns a message's elements to be sent on.
func forwarded(msg *sdkconn.Message) (sdkconn.Elems, error) {
	for i, e := range msg.Elems {
		if !e.ElemType().Sendable() {
			return nil, inputErrorf("forward", "element %d of the message is of type %s, which only the service sends", i,
				e.ElemType())
		}
	}
	if len(msg.Elems) == 0 {
		return nil, inputErrorf("forward", "the message has no content")
	}
	return msg.Elems, nil
}

func (p *push) config() (*sdkconn.OfflinePushConfig, error) {
	config := &sdkconn.OfflinePushConfig{Desc: p.Desc, Ext: p.Ext}
	if p.Off {
		config.Flag = 1
	}
	var err error
	if p.IOS != nil {
		if config.IOS, err = sdkconn.Marshal(p.IOS); err != nil {
			return nil, &InputError{Input: "push.ios", Text: "cannot be written as JSON", Err: err}
		}
	}
	if p.Android != nil {
		if config.Android, err = sdkconn.Marshal(p.Android); err != nil {
			return nil, &InputError{Input: "push.android", Text: "cannot be written as JSON", Err: err}
		}
	}
	return config, nil
}
