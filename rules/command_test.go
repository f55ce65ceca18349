package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

const commands = `
bot: {connection: "local:x", help: {command: /help, aliases: [帮助]}}
rules:
  - id: remind
    on: message
    command:
      name: /remind
      aliases: [提醒]
      doc: 到时提醒我
      args:
        - {name: when, type: duration, required: true, doc: 多久以后}
        - {name: quiet, type: flag, doc: 不打扰别人}
        - {name: text, type: rest}
    do:
      - log: ${{ args.when }}|${{ args.quiet }}|${{ args.text ?? "nothing" }}
  - id: order
    on: message
    command:
      name: /order
      args:
        - {name: what, type: choice, choices: [tea, 咖啡], required: true}
        - {name: n, type: integer, default: 1}
        - {name: price, type: number, default: "1.5"}
        - {name: day, type: date, default: 2026-10-01}
    if: args.n < 100 && chat.type == "c2c"
    do:
      - log: ${{ args.what }}|${{ args.n + 1 }}|${{ args.price * 2 }}|${{ args.day.Format("01-02") }}
  - id: kick
    name: 请出群
    on: message.group
    command: {name: /kick, args: [{name: who, type: user, required: true}], usage: "谁？${{ command.error }} ${{ command.name }}"}
    if: user.role in ["owner", "admin"]
    do:
      - log: ${{ args.who }}
  - {id: old, name: 抽奖, on: message, match: {mode: command, any_of: [/draw, 抽奖]}, do: [log: x]}
  - {id: secret, on: message, command: {name: /secret, hidden: true}, do: [log: secret]}
  - {id: shadow, on: message, run: shadow, command: /shadow, do: [log: x]}
`

// answerOf runs the first rule that a message fires: what its steps log, or "usage: " and what the usage says.
func answerOf(t *testing.T, set *Set, ev *Event, f *Facts) string {
	t.Helper()
	d := set.Match(ev, f)
	if len(d.Failed) > 0 {
		t.Fatal(d.Failed[0].Err)
	}
	if len(d.Fired) == 0 {
		return ""
	}
	fired, prefix := d.Fired[0], ""
	steps := fired.Rule.Steps
	if fired.Hit.Wrong != "" {
		steps, prefix = fired.Rule.Command.Usage, "usage: "
	}
	in, err := steps[0].Inputs(scope(ev, f, &fired.Hit))
	if err != nil {
		t.Fatal(err)
	}
	if e := set.Explain(ev, f); !e[0].Fired && !strings.Contains(fmt.Sprint(e), "true") {
		t.Errorf("explained as %+v", e)
	}
	return prefix + fmt.Sprint(in["text"])
}

func TestCommands(t *testing.T) {
	set := load(t, commands)
	for _, c := range []struct{ text, want string }{
		{"/remind 5m drink water", "5m0s|false|drink water"},
		{"提醒　１小时30分　喝水 了", "1h30m0s|false|喝水 了"},
		{"／ＲＥＭＩＮＤ 半小时 --quiet  a --b", "30m0s|true|a --b"},
		{"/remind ——quiet 2天", "48h0m0s|true|nothing"},
		{"/remind -- --quiet", "usage: when 应为一段时间，如 5m 或 2小时，而不是「--quiet」\n用法：/remind <when> [--quiet] [text…]\n" +
			"  when：一段时间，如 5m 或 2小时，多久以后\n  --quiet：不打扰别人\n  text：文字"},
		{"/remind", "usage: 缺少 when：一段时间，如 5m 或 2小时\n用法：/remind"},
		{"/remind 5m --loud", "usage: 没有选项 --loud"},
		{"/remindme 5m", ""},
		{"/order TEA", "tea|2|3|10-01"},
		{"/order 咖啡 ２ 3 2026年12月31日", "咖啡|3|6|12-31"},
		{"/order tea 1 1 明天", "tea|2|2|11-15"},
		{"/order wine", "usage: what 应为tea、咖啡之一，而不是「wine」"},
		{"/order tea two", "usage: n 应为整数"},
		{"/order tea 1 NaN", "usage: price 应为数字"},
		{"/order tea 1 1 2026-02-30", "usage: day 应为日期"},
		{"/order tea 1 1 2026-02-03 more", "usage: 多余的内容：「more」"},
		{"/order tea 100", ""},
		{"/secret", "secret"},
		{"/help", "可用命令：\n/help [命令]　列出可用的命令\n/remind <when> [--quiet] [text…]　到时提醒我\n" +
			"/order <what> [n] [price] [day]\n/draw　抽奖"},
		{"帮助 remind", "/remind <when> [--quiet] [text…]　到时提醒我\n也可写作：提醒\n用法：/remind <when>"},
		{"帮助 /kick", "没有命令「/kick」。"},
		{"帮助 /secret", "没有命令「/secret」。"},
	} {
		f := facts()
		f.Now = time.Date(2023, 11, 14, 12, 0, 0, 0, time.UTC)
		if got := answerOf(t, set, c2c(c.text), f); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestCommandsInGroups(t *testing.T) {
	set := load(t, commands)
	admin := "admin"
	boss := facts()
	boss.UserRole = &admin
	group := func(text string, mentions ...string) *Event {
		m := textMsg("alice", sdkconn.Group("@TGS#g"), text)
		m.GroupAtUsers = mentions
		return &Events(newMsg(m), "bot")[0]
	}
	for _, c := range []struct {
		ev   *Event
		f    *Facts
		want string
	}{
		{group("/kick @Bob", "bob"), boss, "bob"},
		{group("@timbot /kick @Bob", "bot", "bob"), boss, "bob"},
		{group("/kick bob"), boss, "bob"},
		{group("/kick @bob"), boss, "bob"},
		{group("/kick @Bob", "bob", "carol"), boss, "usage: 谁？who 应为一个用户（@对方 或写 ID），而不是「@Bob」 /kick"},
		{group("/kick @Bob", "bob"), facts(), ""},
		{group("/order tea 5 5 5 5 5"), facts(), ""}, // its if says that it is for others, so nobody is told how it is used
		{group("/help"), boss, "可用命令：\n/help [命令]　列出可用的命令\n/remind <when> [--quiet] [text…]　到时提醒我\n" +
			"/kick <who>　请出群\n/draw　抽奖"},
		{group("/help"), facts(), "可用命令：\n/help [命令]　列出可用的命令\n/remind <when> [--quiet] [text…]　到时提醒我\n/draw　抽奖"},
	} {
		if got := answerOf(t, set, c.ev, c.f); got != c.want {
			t.Errorf("%q: %q, want %q", c.ev.text(), got, c.want)
		}
	}
	if !set.Rule(HelpRule).Needs().Role {
		t.Error("help does not need what it asks about")
	}
}

func TestCommandsInEnglish(t *testing.T) {
	set := load(t, strings.Replace(commands, "help:", "language: en, help:", 1))
	for text, want := range map[string]string{
		"/remind":  "usage: when is missing: a duration such as 5m\nUsage: /remind <when>",
		"/help":    "Commands:\n/help [command]  Lists the commands\n",
		"/help xx": "There is no command \"xx\".",
	} {
		if got := answerOf(t, set, c2c(text), facts()); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A command is found through the index, whatever its alias and arguments.
func FuzzCommand(f *testing.F) {
	set, err := Load(filesOf(map[string]string{"bot.yaml": commands}), "bot.yaml", Options{Catalog: catalog})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"/remind 5m x", "提醒　——quiet 1h", "/order “tea” 1", "帮助 kick", "@bot /remind -- @x", "/remind —", "/order 咖啡 １ 1e9 今天"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ev := c2c(text)
		d, plain := set.Match(ev, facts()), set.match(ev, facts(), nil)
		if fmt.Sprint(ids(d)) != fmt.Sprint(ids(plain)) {
			t.Fatalf("%q fires %v, without the index %v", text, ids(d), ids(plain))
		}
		for _, fired := range d.Fired {
			steps := fired.Rule.Steps
			if fired.Hit.Wrong != "" {
				steps = fired.Rule.Command.Usage
			}
			if _, err := steps[0].Inputs(scope(ev, facts(), &fired.Hit)); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
