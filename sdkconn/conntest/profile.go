package conntest

import "github.com/timbot-go/timbot/sdkconn"

func (u *user) setProfile(items sdkconn.ProfileItems) {
	u.e.Helper()
	u.e.ok(u.Conn.(sdkconn.ProfileEditor).ProfileModifySelfUserProfile(u.e.ctx, items))
}

func (u *user) profileOf(name string) sdkconn.UserProfile {
	u.e.Helper()
	list, err := u.Conn.(sdkconn.Profiles).ProfileGetUserProfileList(u.e.ctx, []string{name})
	u.e.ok(err)
	if len(list) != 1 {
		u.e.Fatalf("%d profiles of %s", len(list), name)
	}
	return list[0]
}

var profileChecks = []check{
	{"profile/what was set is there, the rest stays", []feature{profiles, profileEditor}, func(e *env) {
		alice, bob := e.pair()
		nick, face, signature, gender := "鲍勃", "https://example.com/bob.png", "hi", uint32(1)
		bob.setProfile(sdkconn.ProfileItems{NickName: &nick, FaceURL: &face, Gender: &gender})
		bob.setProfile(sdkconn.ProfileItems{SelfSignature: &signature})
		for _, u := range []*user{alice, bob} {
			p := u.profileOf("bob")
			if p.Identifier != "bob" || p.NickName != nick || p.FaceURL != face || p.Gender != gender || p.SelfSignature != signature {
				e.Errorf("%s sees %+v", u.name, p)
			}
		}
		empty := ""
		bob.setProfile(sdkconn.ProfileItems{SelfSignature: &empty})
		if p := alice.profileOf("bob"); p.SelfSignature != "" || p.FaceURL != face {
			e.Errorf("alice sees %+v", p)
		}
	}},
	{"profile/messages sent later carry it", []feature{profileEditor}, func(e *env) {
		alice, bob := e.pair()
		bob.send(sdkconn.C2C("alice"), "before")
		alice.forget()
		nick, face := "鲍勃", "https://example.com/bob.png"
		bob.setProfile(sdkconn.ProfileItems{NickName: &nick, FaceURL: &face})
		sent := bob.send(sdkconn.C2C("alice"), "x")
		for _, m := range []*sdkconn.Message{sent, alice.onlyNews()} {
			if p := m.SenderProfile; p == nil || p.Identifier != "bob" || p.NickName != nick || p.FaceURL != face {
				e.Errorf("got %s", e.dump(m))
			}
		}
	}},
	{"profile/group: members show it, beside their cards", []feature{profileEditor, groups}, func(e *env) {
		alice, bob, _, conv := e.trio()
		bob.send(conv, "before")
		alice.forget()
		nick, face, card := "鲍勃", "https://example.com/bob.png", "队长"
		e.ok(bob.groups().GroupModifyMemberInfo(e.ctx, sdkconn.GroupMemberModifyParam{GroupID: conv.ID, User: "bob", NameCard: &card}))
		bob.setProfile(sdkconn.ProfileItems{NickName: &nick, FaceURL: &face})
		bob.send(conv, "x")
		m := alice.onlyNews()
		if p := m.SenderMember; p == nil || p.NickName != nick || p.FaceURL != face || p.NameCard != card {
			e.Errorf("got %s", e.dump(m))
		}
		list, err := alice.groups().GroupGetMemberInfoList(e.ctx, conv.ID)
		e.ok(err)
		for _, p := range list {
			if p.Identifier == "bob" && (p.NickName != nick || p.FaceURL != face || p.NameCard != card) {
				e.Errorf("the member is %+v", p)
			}
		}
	}},
}
