package rules

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

const dialogueRules = `
bot: { connection: "local:x?user=b", admins: [alice], ops_group: "@TGS#ops" }
lists: { words: [取消, 算了] }
rules:
  - id: order
    on: message
    match: { any_of: [查订单] }
    limit: { per: "${{ chat.id }}/${{ user.name }}", rate: 3/2m, over: reply, reply: { text: "${{ user.id }}，慢一点", quote: true } }
    session:
      per: chat
      timeout: 2m
      cancel: ["${{ lists.words }}", quit]
      on_timeout:
        - id: said
          reply: ${{ steps.number.text }}超时
        - set: { vars: { late: "${{ steps.said.ok }}" } }
        - log: ${{ vars.late }}
      on_cancel: [reply: 好的]
    do:
      - id: number
        ask:
          text: ${{ user.id }}，订单号？
          mentions: ["${{ user.id }}"]
          accept: answer.text matches "^[0-9]+$" && answer.user.id == user.id && answer.msg.sender == answer.user.id && answer.user.role != "owner"
          tries: 2
          retry_text: 请再试
        timeout: 30s
        on_error: continue
      - ask: { text: 还有吗？, accept: '(answer.user.name ?? "nobody") != "nobody"' }
      - delay: 5m
      - delay: '${{ steps.number.out.tries > 1 ? "10s" : "1m" }}'
      - announce:
          text: ${{ steps.number.text }}
          to: { users: ["${{ steps.number.out.msg.sender }}"] }
          approve: { text: "${{ chat.name }}", timeout: 1h }
      - announce:
          text: x
          to: { users: [a] }
          approve: { in: "${{ chat.id }}", by: ["${{ user.id }}", carol] }
      - handoff:
          queue: after-sales
          note: ${{ user.id }} ${{ steps.number.text }}
          resume: { after: 30m, idle: 10m }
      - if: steps.number.ok
        ask: { text: 再见？, accept: answer.text != "" }
`

func TestDialogueIsCompiled(t *testing.T) {
	set := load(t, dialogueRules)
	r := set.Rules[0]
	if !r.Gated() || !set.Dialogues() || !set.Handoffs() || !set.Approvals() {
		t.Errorf("gated %v, dialogues %v, handoffs %v, approvals %v", r.Gated(), set.Dialogues(), set.Handoffs(), set.Approvals())
	}
	if got, want := r.Needs(), (Needs{UserName: true, Role: true, ChatName: true}); got != want {
		t.Errorf("needs %+v, want %+v", got, want)
	}
	if got, want := set.Needs(), (Needs{UserName: true}); got != want {
		t.Errorf("needs before it fires %+v, want %+v", got, want)
	}
	ev, f := said("查订单"), facts()
	f.UserName, f.ChatName = ptr("Mallory"), ptr("群")
	sc := scope(ev, f, &Hit{})

	l := r.Limit
	if l.Times != 3 || l.Window != 2*time.Minute || l.Over != OverReply || len(l.Reply) != 1 || l.Reply[0].Path != "limit.reply[0]" {
		t.Errorf("limit %+v", l)
	}
	if key, err := l.Key(sc); key != "x/@TGS#1/Mallory" || err != nil {
		t.Errorf("limit key %q, %v", key, err)
	}
	in, err := l.Reply[0].Inputs(sc)
	if want := map[string]any{"text": "mallory，慢一点", "quote": true}; err != nil || !reflect.DeepEqual(in, want) {
		t.Errorf("limit says %v, %v", in, err)
	}

	s := r.Session
	if s.Per != PerChat || s.Timeout != 2*time.Minute || len(s.OnTimeout) != 3 || s.OnCancel[0].Path != "session.on_cancel[0]" {
		t.Errorf("session %+v", s)
	}
	for text, want := range map[string]bool{"取消": true, " QUIT\n": true, "算了": true, "取消订单": false, "": false} {
		if s.Cancels(text) != want {
			t.Errorf("%q cancels: %v", text, !want)
		}
	}

	no := r.Steps[0]
	a := no.Ask
	if no.Kind != StepAsk || no.ID != "number" || !no.ContinueOnError || a.Tries != 2 || a.Timeout != 30*time.Second ||
		a.Question.Path != "do[0].ask" || a.Again.Path != "do[0].again" || a.Question.Action != "reply" {
		t.Errorf("ask %+v", a)
	}
	in, err = a.Question.Inputs(sc)
	if want := map[string]any{"text": "mallory，订单号？", "mentions": []any{"mallory"}}; err != nil || !reflect.DeepEqual(in, want) {
		t.Errorf("asks %v, %v", in, err)
	}
	in, err = a.Again.Inputs(sc)
	if want := map[string]any{"text": "请再试"}; err != nil || !reflect.DeepEqual(in, want) {
		t.Errorf("asks again %v, %v", in, err)
	}
	for text, want := range map[string]bool{"12": true, "x": false} {
		sc.Answer = said(text)
		if ok, err := a.Accepts(sc); ok != want || err != nil {
			t.Errorf("answer %q: %v, %v", text, ok, err)
		}
	}
	sc.Answer.User = "bob"
	if ok, err := a.Accepts(sc); ok || err != nil {
		t.Errorf("another's answer: %v, %v", ok, err)
	}
	second := r.Steps[1].Ask
	if ok, err := second.Accepts(sc); ok || err != nil {
		t.Errorf("another's name is the first one's: %v, %v", ok, err)
	}
	sc.Answer.User = ev.User
	if ok, err := second.Accepts(sc); !ok || err != nil || second.Tries != DefaultTries || second.Timeout != 2*time.Minute {
		t.Errorf("a plain ask: %v, %v, %+v", ok, err, second)
	}
	if in, err := second.Again.Inputs(sc); in["text"] != "还有吗？" || err != nil {
		t.Errorf("a plain ask asks again: %v, %v", in, err)
	}
	sc.Answer = nil

	if d, err := r.Steps[2].Delay(sc); d != 5*time.Minute || err != nil || r.Steps[2].Kind != StepDelay {
		t.Errorf("delay %v, %v", d, err)
	}
	sc.Steps["number"] = &Result{OK: true, Text: "12", Value: "12", Out: map[string]any{"text": "12", "tries": 2.0, "msg": said("12").Source.Message}}
	if d, err := r.Steps[3].Delay(sc); d != 10*time.Second || err != nil {
		t.Errorf("delay %v, %v", d, err)
	}
	in, err = r.Steps[4].Inputs(sc)
	if err != nil || in["text"] != "12" || in["approve"] != nil {
		t.Errorf("announces %v, %v", in, err)
	}
	ap := r.Steps[4].Approve
	got, err := ap.Inputs(sc)
	if want := (ApproveInputs{"@TGS#ops", []string{"alice"}, "群"}); err != nil || !reflect.DeepEqual(got, want) || ap.Timeout != time.Hour {
		t.Errorf("approve %+v, %v, %v", got, err, ap.Timeout)
	}
	ap = r.Steps[5].Approve
	got, err = ap.Inputs(sc)
	if want := (ApproveInputs{"@TGS#1", []string{"mallory", "carol"}, ""}); err != nil || !reflect.DeepEqual(got, want) || ap.Timeout != DefaultApproveTimeout {
		t.Errorf("approve %+v, %v, %v", got, err, ap.Timeout)
	}
	h := r.Steps[6].Handoff
	told, err := h.Inputs(sc)
	if err != nil || told != (HandoffInputs{"after-sales", "mallory 12"}) || h.After != 30*time.Minute || h.Idle != 10*time.Minute {
		t.Errorf("handoff %+v, %v, %+v", told, err, h)
	}

	if in, err := s.OnTimeout[0].Inputs(sc); in["text"] != "12超时" || err != nil {
		t.Errorf("on_timeout says %v, %v", in, err)
	}
	sc.Steps["said"] = &Result{OK: true}
	if as, err := s.OnTimeout[1].Assign(sc); as.Vars["late"] != true || err != nil {
		t.Errorf("on_timeout sets %+v, %v", as, err)
	}
}

// Whatever place an expression stands in, the facts that it reads are asked for.
func TestNeedsOfEveryPlace(t *testing.T) {
	const x = `"${{ chat.group_type }}"`
	for name, rule := range map[string]string{
		"if":         `if: chat.group_type == "x", do: [log: x]`,
		"limit":      `limit: {per: ` + x + `, rate: 1/s}, do: [log: x]`,
		"reply":      `limit: {rate: 1/s, over: reply, reply: ` + x + `}, do: [log: x]`,
		"batch":      `batch: {by: ` + x + `}, do: [log: x]`,
		"on_timeout": `session: {on_timeout: [log: ` + x + `]}, do: [ask: x]`,
		"on_cancel":  `session: {cancel: x, on_cancel: [{if: 'chat.group_type == "x"', log: x}]}, do: [ask: x]`,
		"ask":        `session: {}, do: [ask: ` + x + `]`,
		"accept":     `session: {}, do: [ask: {text: x, accept: 'chat.group_type == answer.text'}]`,
		"retry_text": `session: {}, do: [ask: {text: x, retry_text: ` + x + `}]`,
		"delay":      `do: [delay: ` + x + `]`,
		"queue":      `do: [handoff: {queue: ` + x + `}]`,
		"note":       `do: [handoff: {note: ` + x + `}]`,
		"in":         `do: [announce: {text: x, to: {}, approve: {by: [a], in: ` + x + `}}]`,
		"by":         `do: [choose: [{do: [announce: {text: x, to: {}, approve: {in: g, by: [` + x + `]}}]}]]`,
		"text":       `do: [announce: {text: x, to: {}, approve: {in: g, by: [a], text: ` + x + `}}]`,
	} {
		set := load(t, "rules: [{id: r, on: message, "+rule+"}]")
		if got := set.Rules[0].Needs(); got != (Needs{GroupType: true}) {
			t.Errorf("%s: needs %+v", name, got)
		}
		if got, want := set.Needs().GroupType, name == "if" || name == "limit" || name == "batch"; got != want {
			t.Errorf("%s: needed before it fires: %v", name, got)
		}
	}
}

func TestApproveAsksSomebody(t *testing.T) {
	set := load(t, `rules: [{id: r, on: message, do: [announce: {text: x, to: {}, approve: {in: "${{ user.name }}", by: "${{ msg.mentions }}"}}]}]`)
	a := set.Rules[0].Steps[0].Approve
	ev, f := said("x"), facts()
	if _, err := a.Inputs(scope(ev, f, nil)); err == nil || !strings.Contains(err.Error(), "bot.yaml:2:") {
		t.Errorf("no group: %v", err)
	}
	f.UserName = ptr("g")
	if _, err := a.Inputs(scope(ev, f, nil)); err == nil || !strings.Contains(err.Error(), "by names nobody") {
		t.Errorf("nobody: %v", err)
	}
}

// Each way to say what an event counts for has keys of its own.
func TestKeys(t *testing.T) {
	for per, want := range map[string]string{
		"":                           "",
		"per: user, ":                "user/mallory",
		"per: chat, ":                "chat/group_@TGS#1",
		`per: "${{ 'user' }}", `:     "x/user",
		`per: "user/${{ bot.id }}",`: "x/user/bot",
		`per: "${{ msg.seq }}",`:     "x/7",
		`per: "${{ user.name }}",`:   "x/",
		`per: "${{ user.name }}-",`:  "x/-",
		`per: "${{ vars.n }}${{ state.user.n }}${{ match.words }}",`: `x/5["x"]`,
		`per: "${{ repeat('长', 200) }}",`:                            "h/",
	} {
		set := load(t, "vars: {n: 5}\nrules: [{id: r, on: message, match: {any_of: x}, limit: {"+per+" rate: 1/s}, batch: {"+strings.Replace(per, "per", "by", 1)+"}, do: [set: {vars: {n: 6}}]}]")
		d := set.Match(said("x"), facts())
		sc := scope(said("x"), facts(), &d.Fired[0].Hit)
		if strings.HasPrefix(want, "h/") {
			key, err := set.Rules[0].Limit.Key(sc)
			if !strings.HasPrefix(key, "h/") || len(key) != 66 || err != nil {
				t.Errorf("a long key is %q, %v", key, err)
			}
			continue
		}
		for _, f := range []func(*Scope) (string, error){set.Rules[0].Limit.Key, set.Rules[0].Batch.Key} {
			if key, err := f(sc); key != want || err != nil {
				t.Errorf("%s: key %q, %v, want %q", per, key, err, want)
			}
		}
	}
	set := load(t, `rules: [{id: r, on: bot.started, limit: {per: "${{ 1 / int(event.text) }}", rate: 1/s}, do: [log: x]}]`)
	life := Lifecycle("bot.started", epoch, "bot")
	if key, err := set.Rules[0].Limit.Key(scope(&life, facts(), nil)); err == nil {
		t.Errorf("a key that cannot be evaluated is %q", key)
	}
}

// joined is the events of a tip in which several came in.
func joined(users ...string) []Event {
	m := textMsg("op", sdkconn.Group("g"), "")
	m.Elems = sdkconn.Elems{&sdkconn.GroupTipsElem{TipType: sdkconn.TipInvite, OpUser: "op", Users: users}}
	return Events(newMsg(m), "bot")
}

func TestBatchEvents(t *testing.T) {
	set := load(t, `rules:
  - id: welcome
    on: member.joined
    batch: { by: chat, quiet: 5s }
    do:
      - log: ${{ join(map(take(events, 2), .user.name ?? .user.id), "、") }} ${{ len(events) }} ${{ events[0].chat.name }} ${{ events[0].type }}/${{ events[len(events) - 1].by }}
      - for_each: { in: "${{ events }}", as: e, do: [log: "${{ e.user.id }} ${{ e.chat.id }}"] }
      - log: ${{ join(map(events, .msg.text)) }}${{ user.id }}${{ event.key == events[0].key }}`)
	r := set.Rules[0]
	if b := r.Batch; b.Quiet != 5*time.Second || b.MaxWait != DefaultBatchWait || b.Max != DefaultBatchMax || !r.Gated() {
		t.Errorf("batch %+v", b)
	}
	f := facts()
	f.ChatName = ptr("G")
	var batch []BatchEvent
	for _, ev := range joined("a", "b", "c") {
		with := *f
		if ev.User == "b" {
			with.UserName = ptr("Bee")
		}
		batch = append(batch, BatchEvent{&ev, &with})
	}
	sc := scope(batch[0].Event, f, nil)
	sc.Batch = batch
	if in, err := r.Steps[0].Inputs(sc); in["text"] != "a、Bee 3 G member.joined/op" || err != nil {
		t.Errorf("log %v, %v", in, err)
	}
	items, err := r.Steps[1].Items(sc)
	if err != nil || len(items) != 3 {
		t.Fatalf("items %v, %v", items, err)
	}
	sc.Locals["e"] = items[2]
	if in, err := r.Steps[1].Steps[0].Inputs(sc); in["text"] != "c g" || err != nil {
		t.Errorf("log %v, %v", in, err)
	}
	if in, err := r.Steps[2].Inputs(sc); in["text"] != "atrue" || err != nil {
		t.Errorf("log %v, %v", in, err)
	}
	sc.Batch = nil
	if in, err := r.Steps[0].Inputs(sc); in["text"] != "a 1 G member.joined/op" || err != nil {
		t.Errorf("of one event: log %v, %v", in, err)
	}
}

// The facts that expressions read of the events of a batch are asked for, and no others where that can be told.
func TestBatchNeeds(t *testing.T) {
	all := Needs{UserName: true, Role: true, ChatName: true, GroupType: true}
	for expr, want := range map[string]Needs{
		`len(events)`: {},
		`len(events) > 5 ? " 等 " + string(len(events)) : ""`:             {},
		`map(take(events, 5), .user.id)`:                                 {},
		`join(map(take(events, 5), .user.name), "、")`:                    {UserName: true},
		`map(events, .user.name ?? .user.id)`:                            {UserName: true},
		`filter(events, .user.role == "admin")[0].key`:                   {Role: true},
		`events[0].chat.group_type`:                                      {GroupType: true},
		`any(events, .chat.name == "x")`:                                 {ChatName: true},
		`filter(events, .key != "")[0].msg.elems[0].kind`:                {},
		`map(events, .msg)`:                                              {},
		`let e = events[0]; e.user.name`:                                 all,
		`events`:                                                         all,
		`events[0]`:                                                      all,
		`take(events, 2)`:                                                all,
		`(events[0]?.user).name`:                                         {UserName: true},
		`(len(events) > 1 ? events[0].chat : events[1].chat).group_type`: {GroupType: true},
		`(find(events, .key != "")).user.role`:                           {Role: true},
		`map(events, .msg.elems[0].name)`:                                {},
		`map(events, .user)`:                                             all,
		`toJSON(events)`:                                                 all,
		`string(events[0].user)`:                                         all,
		`first(events).user.name`:                                        all,
		`[events]`:                                                       all,
		`{"a": events}`:                                                  all,
		`events[0].user == nil`:                                          all,
		`map(events, .user["name"])`:                                     {UserName: true},
	} {
		set := load(t, "rules: [{id: r, on: message, batch: {}, do: [set: {vars: {x: "+quoteYAML("${{ "+expr+" }}")+"}}]}]")
		if got := set.Rules[0].Needs(); got != want {
			t.Errorf("%s needs %+v, want %+v", expr, got, want)
		}
		sc := scope(said("x"), facts(), nil)
		if _, err := set.Rules[0].Steps[0].Assign(sc); err != nil && !strings.Contains(expr, "join") && !strings.Contains(expr, "[0]") && !strings.Contains(expr, "find(") {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

func TestBatchTimes(t *testing.T) {
	for batch, want := range map[string][2]time.Duration{
		"{}":                           {15 * time.Second, time.Minute},
		"{quiet: 2m}":                  {2 * time.Minute, 2 * time.Minute},
		"{max_wait: 5s}":               {5 * time.Second, 5 * time.Second},
		"{quiet: 10s, max_wait: 10s}":  {10 * time.Second, 10 * time.Second},
		"{quiet: 1s, max_wait: 1h30m}": {time.Second, 90 * time.Minute},
	} {
		b := load(t, "rules: [{id: r, on: message, batch: "+batch+", do: [log: x]}]").Rules[0].Batch
		if got := [2]time.Duration{b.Quiet, b.MaxWait}; got != want {
			t.Errorf("%s: %v, want %v", batch, got, want)
		}
	}
}

func TestBotSection(t *testing.T) {
	const day = 24 * time.Hour
	plain := defaultBot()
	if set := load(t, "rules: []"); !reflect.DeepEqual(set.Bot, plain) || plain.CatchUp.MaxAge != day || plain.Keep.Events != 14*day {
		t.Errorf("without a bot section: %+v", set.Bot)
	}
	for src, want := range map[string]BotConfig{
		"":                        {CatchUp: plain.CatchUp, Keep: plain.Keep},
		"catch_up: {max_age: 0s}": {Keep: plain.Keep},
		"catch_up: {stages: [main, main, guard]}":    {CatchUp: CatchUp{day, []Stage{StageMain, StageGuard}}, Keep: plain.Keep},
		"catch_up: {max_age: 20d}":                   {CatchUp: CatchUp{MaxAge: 20 * day}, Keep: Keep{21 * day, 21 * day, 30 * day, 2 << 30}},
		"keep: {events: 2d, size: 0}":                {CatchUp: plain.CatchUp, Keep: Keep{2 * day, 2 * day, 30 * day, 0}},
		"keep: {traces: 1h, dead: 1w, size: 1.5GiB}": {CatchUp: plain.CatchUp, Keep: Keep{14 * day, time.Hour, 7 * day, 3 << 29}},
		"pace: {total: 100/s, chat: 40/1s}": {CatchUp: plain.CatchUp, Keep: plain.Keep,
			Pace: Pace{Rate{100, time.Second}, Rate{40, time.Second}}},
		"reload: {tests: off}":     {CatchUp: plain.CatchUp, Keep: plain.Keep},
		"reload: {tests: warn}":    {CatchUp: plain.CatchUp, Keep: plain.Keep, Reload: Reload{TestsWarn}},
		"reload: {tests: require}": {CatchUp: plain.CatchUp, Keep: plain.Keep, Reload: Reload{TestsRequire}},
	} {
		set := loadFS(t, fstest.MapFS{"bot.yaml": {Data: []byte("version: 1\nbot:\n  connection: x\n  " + src + "\n")}})
		got := set.Bot
		got.Connection, got.Pos, got.ConnectionPos = "", Pos{}, Pos{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nwant %+v", src, got, want)
		}
	}
}

func TestEffectIsHidden(t *testing.T) {
	ev := said("x")
	ev.Source.Message.CloudCustom = sdkconn.WithEffect(`{"k":1}`, "secret-id")
	set := load(t, `rules: [{id: r, on: message, if: 'msg.custom == "{\"k\":1}"', do: [set: {vars: {x: "${{ [msg.custom, toJSON(msg), toJSON(events), msg] }}"}}]}]`)
	if d := set.Match(ev, facts()); len(d.Fired) != 1 {
		t.Errorf("custom is not the sender's: %+v", set.Explain(ev, facts())[0])
	}
	as, err := set.Rules[0].Steps[0].Assign(scope(ev, facts(), nil))
	if err != nil {
		t.Fatal(err)
	}
	data, err := jsonText(as.Vars)
	if err != nil || strings.Contains(data, "secret-id") || !strings.Contains(data, `"k`) {
		t.Errorf("expressions see %s, %v", data, err)
	}
	if id, _ := sdkconn.SplitEffect(ev.Source.Message.CloudCustom); id != "secret-id" {
		t.Error("the message itself was changed")
	}
}
