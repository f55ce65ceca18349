package conntest

import (
	"github.com/timbot-go/timbot/sdkconn"
)

// bundle is a message that forwards others.
func bundle(msgs ...*sdkconn.Message) *sdkconn.Message {
	return &sdkconn.Message{Status: sdkconn.StatusSendSucc, Elems: sdkconn.Elems{
		&sdkconn.MergeElem{Title: "t", Abstract: []string{"a"}, CompatibleText: "c", Messages: msgs},
	}}
}

func (u *user) unbundle(m *sdkconn.Message) []*sdkconn.Message {
	u.e.Helper()
	msgs, err := u.Conn.(sdkconn.MergerDownloader).MsgDownloadMergerMessage(u.e.ctx, m)
	if err != nil {
		u.e.Fatalf("%s fetches a bundle: %v", u.name, err)
	}
	return msgs
}

var mergerChecks = []check{
	{"merger/what was forwarded is fetched", []feature{mergers}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		first := alice.send(sdkconn.C2C("bob"), "first")
		got := bob.onlyNews()
		own := bob.send(sdkconn.C2C("alice"), "second")
		bob.send(sdkconn.C2C("carol"), "see")
		inner := bob.post(sdkconn.C2C("carol"), bundle(got, own))
		bob.post(sdkconn.C2C("carol"), bundle(inner))
		news := carol.news()
		if len(news) != 3 {
			e.Fatalf("carol was told %v", texts(news))
		}
		for what, m := range map[string]*sdkconn.Message{"as told": news[1], "by the identity": {
			ConvID: "bob", ConvType: sdkconn.ConvC2C, ServerTime: news[1].ServerTime, Seq: news[1].Seq, Rand: news[1].Rand,
		}} {
			msgs := carol.unbundle(m)
			equal(e, what, texts(msgs), []string{"first", "second"})
			if len(msgs) == 2 && (msgs[0].Sender != "alice" || msgs[0].ServerTime != first.ServerTime || msgs[1].Sender != "bob") {
				e.Errorf("%s: %s and %s", what, e.dump(msgs[0]), e.dump(msgs[1]))
			}
		}
		outer := carol.unbundle(news[2])
		if len(outer) != 1 {
			e.Fatalf("%d messages in the outer bundle", len(outer))
		}
		equal(e, "the inner one", texts(carol.unbundle(outer[0])), []string{"first", "second"})
	}},
	{"merger/what is fetched is the caller's", []feature{mergers}, func(e *env) {
		alice, _ := e.pair()
		m := alice.post(sdkconn.C2C("bob"), bundle(textMessage("x")))
		alice.unbundle(m)[0].Elems[0].(*sdkconn.TextElem).Text = "changed"
		equal(e, "again", texts(alice.unbundle(m)), []string{"x"})
	}},
	{"merger/what is no bundle", []feature{mergers}, func(e *env) {
		alice, _ := e.pair()
		m := alice.send(sdkconn.C2C("bob"), "x")
		for what, c := range map[string]struct {
			m    *sdkconn.Message
			code sdkconn.Code
		}{
			"no message": {nil, sdkconn.CodeJSON}, "an empty message": {&sdkconn.Message{}, sdkconn.CodeJSON},
			"a text": {m, sdkconn.CodeInvalidParameters},
		} {
			_, err := alice.Conn.(sdkconn.MergerDownloader).MsgDownloadMergerMessage(e.ctx, c.m)
			e.refused(what, err, c.code)
		}
	}},
	{"merger/limits", []feature{mergers}, func(e *env) {
		alice, bob := e.pair()
		conv := sdkconn.C2C("bob")
		var many []*sdkconn.Message
		for range sdkconn.MaxMergedMessages {
			many = append(many, textMessage("x"))
		}
		deep := textMessage("innermost")
		for range sdkconn.MaxMergedLayers {
			deep = bundle(deep)
		}
		alice.post(conv, bundle(many...))
		alice.post(conv, deep)
		for what, c := range map[string]struct {
			m    *sdkconn.Message
			code sdkconn.Code
		}{
			"301 messages": {bundle(append(many, textMessage("x"))...), sdkconn.CodeInvalidParameters},
			"101 layers":   {bundle(deep), sdkconn.CodeMergerMsgLayersOverLimit},
			"a tip":        {bundle(&sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.GroupTipsElem{}}}), sdkconn.CodeInvalidMsgElem},
			"nothing":      {bundle(nil), sdkconn.CodeInvalidMsgElem},
		} {
			_, err := alice.SendNewMsg(e.ctx, conv, c.m)
			e.refused(what, err, c.code)
		}
		news := bob.news()
		if len(news) != 2 {
			e.Fatalf("bob was told %d messages", len(news))
		}
		if n := len(bob.unbundle(news[0])); n != sdkconn.MaxMergedMessages {
			e.Errorf("bob fetches %d messages", n)
		}
		layers := 0
		for m := news[1]; m.Text() == "" && layers < 2*sdkconn.MaxMergedLayers; layers++ {
			m = bob.unbundle(m)[0]
		}
		if layers != sdkconn.MaxMergedLayers {
			e.Errorf("bob unwraps %d layers", layers)
		}
	}},
}
