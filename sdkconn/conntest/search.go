package conntest

import (
	"fmt"
	"slices"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

func (u *user) search(p sdkconn.SearchParam) *sdkconn.SearchResult {
	u.e.Helper()
	r, err := u.Conn.(sdkconn.MessageSearcher).MsgSearchLocalMessages(u.e.ctx, p)
	if err != nil || r == nil {
		u.e.Fatalf("%s searches for %+v: %v, %v", u.name, p, r, err)
	}
	return r
}

// inOne is the texts that a search of the conversation with the peer finds, which must be counted, too.
func (u *user) inOne(peer string, p sdkconn.SearchParam) []string {
	u.e.Helper()
	p.ConvID, p.ConvType = peer, sdkconn.ConvC2C
	r := u.search(p)
	if r.TotalCount == 0 && len(r.Items) == 0 {
		return nil
	}
	if len(r.Items) != 1 || r.Items[0].ConvID != peer || r.Items[0].TotalCount != r.TotalCount {
		u.e.Fatalf("%s finds %+v", u.name, r)
	}
	if n := len(r.Items[0].Messages); p.PageSize == 0 && n != int(r.TotalCount) {
		u.e.Errorf("%d messages, %d counted", n, r.TotalCount)
	}
	return texts(r.Items[0].Messages)
}

func words(words ...string) sdkconn.SearchParam { return sdkconn.SearchParam{Keywords: words} }

var searchChecks = []check{
	{"search/words in one conversation", []feature{searching}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("bob")
		for _, text := range []string{"Red wine", "green TEA", "tea, red", `50% "off" \\ a_b`, "你好,世界", "ÄRGER"} {
			alice.send(conv, text)
		}
		all := words("red", "tea")
		all.Match = sdkconn.MatchAllKeywords
		for what, c := range map[string]struct {
			p    sdkconn.SearchParam
			want []string
		}{
			"one word, newest first": {words("red"), []string{"tea, red", "Red wine"}},
			"any of two":             {words("wine", "TEA"), []string{"tea, red", "green TEA", "Red wine"}},
			"all of two":             {all, []string{"tea, red"}},
			"a part of a word":       {words("ree"), []string{"green TEA"}},
			"percent":                {words("0%"), []string{`50% "off" \\ a_b`}},
			"underscore":             {words("a_b"), []string{`50% "off" \\ a_b`}},
			"no wildcard":            {words("g%n", "r_d"), nil},
			"quotes":                 {words(`"off"`), []string{`50% "off" \\ a_b`}},
			"a backslash":            {words(`\\`), []string{`50% "off" \\ a_b`}},
			"chinese":                {words("世界"), []string{"你好,世界"}},
			"umlaut":                 {words("ärger"), []string{"ÄRGER"}},
			"what JSON looks like":   {words("elem_type", "text_elem"), nil},
			"nothing":                {words("blue"), nil},
		} {
			equal(e, what, alice.inOne("bob", c.p), c.want)
			equal(e, what+", the other side", bob.inOne("alice", c.p), c.want)
		}
		equal(e, "nobody", alice.inOne("nobody", words("red")), nil)
	}},
	{"search/types, senders and times", []feature{searching, clock}, func(e *env) {
		alice, bob := e.pair()
		var at []uint64
		for i := range 4 {
			u, peer := alice, "bob"
			if i%2 == 1 {
				u, peer = bob, "alice"
			}
			at = append(at, u.send(sdkconn.C2C(peer), fmt.Sprint("x", i)).ServerTime)
		}
		alice.post(sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.CustomElem{Data: "x", Desc: "an Offer"}}})
		for what, c := range map[string]struct {
			p    sdkconn.SearchParam
			want []string
		}{
			"text":                 {sdkconn.SearchParam{ElemTypes: []sdkconn.ElemType{sdkconn.ElemText}}, []string{"x3", "x2", "x1", "x0"}},
			"custom":               {sdkconn.SearchParam{ElemTypes: []sdkconn.ElemType{sdkconn.ElemCustom, sdkconn.ElemSound}}, []string{""}},
			"custom's description": {words("offer"), []string{""}},
			"face":                 {sdkconn.SearchParam{ElemTypes: []sdkconn.ElemType{sdkconn.ElemFace}}, nil},
			"bob's":                {sdkconn.SearchParam{Senders: []string{"bob"}}, []string{"x3", "x1"}},
			"up to":                {sdkconn.SearchParam{Keywords: []string{"x"}, TimePosition: at[2]}, []string{"x2", "x1", "x0"}},
			"from to":              {sdkconn.SearchParam{Keywords: []string{"x"}, TimePosition: at[2], TimePeriod: at[2] - at[1]}, []string{"x2", "x1"}},
			"the last seconds":     {sdkconn.SearchParam{Keywords: []string{"x"}, TimePeriod: uint64(e.service.Now().Unix()) - at[3]}, []string{"x3"}},
			"all of it at once": {sdkconn.SearchParam{
				Keywords: []string{"x"}, Senders: []string{"alice"}, ElemTypes: []sdkconn.ElemType{sdkconn.ElemText}, TimePosition: at[1],
			}, []string{"x0"}},
		} {
			equal(e, what, alice.inOne("bob", c.p), c.want)
		}
	}},
	{"search/pages of messages", []feature{searching}, func(e *env) {
		alice, bob := e.pair()
		all := reversed(texts(e.talk(alice, bob, 7)))
		p := sdkconn.SearchParam{ElemTypes: []sdkconn.ElemType{sdkconn.ElemText}, PageSize: 3}
		for p.PageIndex = range 4 {
			from := min(3*int(p.PageIndex), len(all))
			equal(e, fmt.Sprint("page ", p.PageIndex), alice.inOne("bob", p), slices.Clone(all[from:min(from+3, len(all))]))
		}
		p.PageIndex, p.ConvID, p.ConvType = 1, "bob", sdkconn.ConvC2C
		if r := alice.search(p); r.TotalCount != 7 {
			e.Errorf("%d counted", r.TotalCount)
		}
	}},
	{"search/all conversations", []feature{searching, clock}, func(e *env) {
		alice, bob := e.pair()
		e.addUsers("carol", "dave")
		alice.send(sdkconn.C2C("carol"), "a needle")
		bob.send(sdkconn.C2C("alice"), "needle one")
		bob.send(sdkconn.C2C("alice"), "Needle two")
		alice.send(sdkconn.C2C("dave"), "hay")
		e.pass(time.Second)
		r := alice.search(words("needle"))
		if r.TotalCount != 2 || len(r.Items) != 2 {
			e.Fatalf("found %+v", r)
		}
		if i := r.Items[0]; i.ConvID != "bob" || i.ConvType != sdkconn.ConvC2C || i.TotalCount != 2 || len(i.Messages) != 0 {
			e.Errorf("the first is %+v", i)
		}
		if i := r.Items[1]; i.ConvID != "carol" || i.TotalCount != 1 || len(i.Messages) != 1 || i.Messages[0].Text() != "a needle" {
			e.Errorf("the second is %+v", i)
		}
		p := words("needle")
		p.PageIndex, p.PageSize = 1, 1
		if r := alice.search(p); r.TotalCount != 2 || len(r.Items) != 1 || r.Items[0].ConvID != "carol" {
			e.Errorf("the second page is %+v", r)
		}
		if r := bob.search(words("a needle")); r.TotalCount != 0 || len(r.Items) != 0 {
			e.Errorf("bob finds what is not his: %+v", r)
		}
	}},
	{"search/what was deleted or taken back is not found", []feature{searching, localStore}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("bob")
		deleted, revoked := alice.send(conv, "x deleted"), alice.send(conv, "x revoked")
		alice.send(conv, "x stays")
		e.ok(alice.SaveMsg(e.ctx, conv, textMessage("x saved")))
		e.ok(alice.Delete(e.ctx, conv, deleted))
		e.ok(alice.Revoke(e.ctx, conv, revoked))
		equal(e, "alice", alice.inOne("bob", words("x")), []string{"x saved", "x stays"})
		equal(e, "bob", bob.inOne("alice", words("x")), []string{"x stays", "x deleted"})
	}},
	{"search/what cannot be searched for", []feature{searching}, func(e *env) {
		alice := e.login("alice")
		for what, p := range map[string]sdkconn.SearchParam{
			"nothing": {}, "six words": words("1", "2", "3", "4", "5", "6"), "an empty word": words("a", ""),
		} {
			_, err := alice.Conn.(sdkconn.MessageSearcher).MsgSearchLocalMessages(e.ctx, p)
			e.refused(what, err, sdkconn.CodeInvalidParameters)
		}
		p := words("a")
		p.ConvID, p.ConvType = "x", sdkconn.ConvSystem
		_, err := alice.Conn.(sdkconn.MessageSearcher).MsgSearchLocalMessages(e.ctx, p)
		e.refused("no conversation", err, sdkconn.CodeParam)
	}},
}
