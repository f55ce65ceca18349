package conntest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// groupModelChecks walk at random through a group in which people come and go.
var groupModelChecks = groupWalks(4)

func groupWalks(n int) []check {
	var all []check
	for seed := range n {
		all = append(all, check{fmt.Sprintf("model/group walk %d", seed), []feature{clock, groups, localStore},
			func(e *env) { walkGroup(e, rand.New(rand.NewPCG(uint64(seed), 2)), 80) }})
	}
	return all
}

// said is a message of the group, and who was there.
type said struct {
	m       *sdkconn.Message
	at      time.Time
	there   map[string]bool
	deleted map[string]bool
	revoked bool
}

func walkGroup(e *env, r *rand.Rand, steps int) {
	names := []string{"alice", "bob", "carol", "dave"}
	users, in := make(map[string]*user), map[string]bool{"alice": true, "bob": true}
	for _, name := range names {
		users[name] = e.login(name)
	}
	// A Work group: nobody sees what was before he came.
	conv := sdkconn.Group(users["alice"].create(sdkconn.GroupCreateParam{GroupName: "w", GroupType: sdkconn.GroupWork,
		Members: []sdkconn.GroupMemberInfo{{Identifier: "bob"}}}))
	var all []*said
	var did []string
	for range steps {
		me := names[r.IntN(len(names))]
		u := users[me]
		switch n := r.IntN(12); {
		case n < 5:
			text := fmt.Sprint("m", len(all))
			did = append(did, me+" sends "+text)
			m, err := u.SendNewMsg(e.ctx, conv, textMessage(text))
			if !in[me] {
				e.refused(me+" is no member", err, sdkconn.CodeGroupPermissionDeny)
				break
			}
			e.ok(err)
			s := &said{m: m, at: e.service.Now(), there: make(map[string]bool), deleted: make(map[string]bool)}
			for name := range in {
				s.there[name] = in[name]
			}
			all = append(all, s)
		case n < 7 && me != "alice":
			if in[me] {
				did = append(did, me+" leaves")
				e.ok(u.groups().GroupQuit(e.ctx, conv.ID))
			} else {
				did = append(did, me+" is invited")
				_, err := users["alice"].groups().GroupInviteMember(e.ctx, conv.ID, []string{me})
				e.ok(err)
			}
			in[me] = !in[me]
		case n < 9 && len(all) > 0 && in[me]:
			s := all[r.IntN(len(all))]
			if !s.there[me] || len(s.deleted) > 0 {
				break // of what one has not seen or has deleted nothing is recorded
			}
			did = append(did, me+" revokes "+s.m.Text())
			l := exact(s.m)
			l.IsSelf = s.m.Sender == me
			err := u.Revoke(e.ctx, conv, l.Message())
			switch {
			case s.revoked:
				e.ok(err)
			case s.m.Sender != me && me != "alice":
				e.refused("a member", err, sdkconn.CodeGroupPermissionDeny)
			case e.service.Now().Sub(s.at) > window:
				e.refused("late", err, sdkconn.CodeGroupRevokeMsgTimeLimit)
			default:
				e.ok(err)
				s.revoked = true
			}
		case n == 9 && len(all) > 0:
			s := all[r.IntN(len(all))]
			if !s.there[me] || s.deleted[me] {
				break
			}
			did = append(did, me+" deletes "+s.m.Text())
			l := exact(s.m)
			l.IsSelf = s.m.Sender == me
			e.ok(u.Delete(e.ctx, conv, l.Message()))
			s.deleted[me] = true
		default:
			e.pass(time.Duration(r.IntN(40)) * time.Second)
		}
		checkGroupWalk(e, users, conv, all)
		if e.Failed() {
			e.Logf("after %q", did)
			return
		}
	}
}

func checkGroupWalk(e *env, users map[string]*user, conv sdkconn.Conversation, all []*said) {
	e.Helper()
	for name, u := range users {
		var want, told []string
		for _, s := range all {
			if s.there[name] && s.m.Sender != name {
				told = append(told, s.m.Text())
			}
			if s.there[name] && !s.deleted[name] {
				want = append(want, fmt.Sprint(s.m.Seq, " ", s.revoked))
			}
		}
		var got []string
		h := u.history(conv)
		for _, m := range h {
			if m.Sender != sdkconn.SystemSender {
				got = append(got, fmt.Sprint(m.Seq, " ", m.Status == sdkconn.StatusRevoked))
			}
		}
		equal(e, name+" is told", texts(u.news()), told)
		equal(e, name+"'s history", got, want)
		if name == "alice" && !slices.ContainsFunc(all, func(s *said) bool { return s.deleted["alice"] }) {
			for i, m := range h {
				if m.Seq != uint64(i+1) {
					e.Errorf("seqs %v, want 1, 2, 3, ...", seqs(h))
					break
				}
			}
		}
	}
}
