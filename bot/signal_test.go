package bot_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/sdkconn"
)

const signalRules = `
  - id: say
    on: message.c2c
    do:
      - signal: {name: said, data: {who: "${{ user.id }}", n: 12345678901234567, msg: "${{ msg }}", list: [1, "x", null]}}
      - signal: bare
      - probe.repeat: ${{ msg.text }}
  - id: hear
    on: signal.said
    if: event.data.who == "alice" && event.data.n == 12345678901234567
    do:
      - send: {to_user: "${{ event.data.who }}", text: "${{ event.type }} ${{ event.data.msg.text }} ${{ event.data.list }}"}
  - id: bare
    on: signal.bare
    do:
      - send: {to_user: alice, text: "bare ${{ event.data == nil }}"}
`

func TestSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(signalRules))
		h.say("alice", sdkconn.C2C(botUser), "hi")
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), `signal.said hi [1,"x",null]`, "bare true")
		if err := b.Signal(t.Context(), "said", []byte(`{"who": "alice", "n": 12345678901234567, "msg": {"text": "x"}, "list": {"$time": 1}}`)); err != nil {
			t.Fatal(err)
		}
		b.idle()
		h.wantHeard("alice", sdkconn.C2C(botUser), `signal.said hi [1,"x",null]`, "bare true", `signal.said x {"$time":1}`)
		var unheard *bot.NotFoundError
		if err := b.Signal(t.Context(), "sad", nil); !errors.As(err, &unheard) || !strings.Contains(err.Error(), `"said"`) {
			t.Errorf("a signal that nobody hears: %v", err)
		}
		if err := b.Signal(t.Context(), "said", []byte(`{`)); err == nil {
			t.Error("data that is no JSON is taken")
		}
		if err := b.Signal(t.Context(), "said", []byte(`"`+strings.Repeat("x", bot.MaxSignal)+`"`)); err == nil {
			t.Error("data that is too large is taken")
		}
		h.wantNothingOpen()
	})
}

func TestSignalsDoNotGoOnForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		b := h.start(h.set(`
  - {id: a, on: [message.c2c, signal.b], do: [{signal: a}]}
  - {id: b, on: signal.a, do: [{set: {bot: {n: "${{ (state.bot.n ?? 0) + 1 }}"}}}, {signal: b}]}
`))
		h.say("alice", sdkconn.C2C(botUser), "hi")
		b.idle()
		if n := h.kept("bot", "n"); n != "8" {
			t.Errorf("b fired %s times, want 8", n)
		}
		if !strings.Contains(h.log.String(), "signal.a follows from 16 others") {
			t.Errorf("nobody was told\n%s", h.log)
		}
		h.wantNothingOpen()
	})
}

func TestSignalsSurviveEveryCrash(t *testing.T) {
	everyCrash(t, `
  - id: say
    on: message.c2c
    do:
      - probe.repeat: x
      - for_each: {in: [1, 2], do: [{signal: {name: n, data: "${{ msg.text + string(item) }}"}}]}
  - {id: hear, on: signal.n, do: [{set: {bot: {r: "${{ (state.bot.r ?? '') + event.data }}"}}}]}
`, func(h *house) {
		for _, text := range []string{"a", "b"} {
			h.say("alice", sdkconn.C2C(botUser), text)
			time.Sleep(time.Second)
		}
	}, func(t *testing.T, h *house) {
		if r := h.kept("bot", "r"); r != `"a1a2b1b2"` {
			t.Errorf("heard %s, want a1a2b1b2", r)
		}
	})
}
