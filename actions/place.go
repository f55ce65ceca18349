package actions

import "github.com/timbot-go/timbot/sdkconn"

// to says where a message goes.
type to struct {
	ToUser  *string `arg:"to_user" doc:"The user who gets it."`
	ToGroup *string `arg:"to_group" doc:"The group that gets it."`
	To      *string `arg:"to" doc:"The conversation that gets it: c2c_USER or group_ID."`
}

func (t to) conversation(call *Call) (sdkconn.Conversation, error) {
	return place(call, "to", t.ToUser, t.ToGroup, t.To)
}

var toNames = []string{"to_user", "to_group", "to"}

// in says where something happens that is not sent.
type in struct {
	InUser  *string `arg:"in_user" doc:"The user whose conversation with the bot is meant, in place of the event's."`
	InGroup *string `arg:"in_group" doc:"The group that is meant, in place of the event's."`
	In      *string `arg:"in" doc:"The conversation that is meant, in place of the event's: c2c_USER or group_ID."`
}

func (i in) given() bool { return i.InUser != nil || i.InGroup != nil || i.In != nil }

// conversation is the one that the inputs name, else that of the first message which knows its own, else the event's.
func (i in) conversation(call *Call, msgs ...*sdkconn.Message) (sdkconn.Conversation, error) {
	if !i.given() {
		for _, m := range msgs {
			if m != nil && m.Conversation().Valid() {
				return m.Conversation(), nil
			}
		}
	}
	return place(call, "in", i.InUser, i.InGroup, i.In)
}

var inNames = []string{"in_user", "in_group", "in"}

func place(call *Call, prefix string, user, group, conv *string) (sdkconn.Conversation, error) {
	none := func(input, want string) (sdkconn.Conversation, error) {
		return sdkconn.Conversation{}, inputErrorf(input, "is empty: want %s", want)
	}
	switch {
	case user != nil && *user == "":
		return none(prefix+"_user", "a user id")
	case user != nil:
		return sdkconn.C2C(*user), nil
	case group != nil && *group == "":
		return none(prefix+"_group", "a group's id")
	case group != nil:
		return sdkconn.Group(*group), nil
	case conv != nil:
		c, err := sdkconn.ParseConversation(*conv)
		if err != nil {
			return c, inputErrorf(prefix, "%q is no conversation: want c2c_USER or group_ID", *conv)
		}
		return c, nil
	case !call.Conversation.Valid():
		return sdkconn.Conversation{}, inputErrorf(prefix+"_user",
			"is missing: this event has no conversation, so give %s_user, %s_group or %s", prefix, prefix, prefix)
	}
	return call.Conversation, nil
}
