package bot_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/plugins"
	"github.com/timbot-go/timbot/plugins/host"
	pluginwire "github.com/timbot-go/timbot/plugins/wire"
	"github.com/timbot-go/timbot/rules"
	"github.com/timbot-go/timbot/sdkconn"
)

type shopIn struct {
	Number string `json:"number" plugin:"scalar"`
}

type shopOut struct {
	Status string   `json:"status" plugin:"text"`
	Again  bool     `json:"again"`
	Count  int      `json:"count" plugin:"value"`
	Items  []string `json:"items"`
}

// aShop is a plugin, whose actions do what the number says.
func aShop() plugins.Plugin {
	do := plugins.Func(func(ctx context.Context, in shopIn) (shopOut, error) {
		b := plugins.BotOf(ctx)
		call := plugins.CallOf(ctx)
		switch in.Number {
		case "crash":
			os.Exit(9)
		case "missing":
			return shopOut{}, &plugins.Error{Code: "not_found", Text: "there is no such order", Final: true}
		case "reply":
			if err := b.Reply(ctx, "looking"); err != nil {
				return shopOut{}, err
			}
		case "bob":
			if err := b.Send(ctx, "c2c_bob", "psst"); err != nil {
				return shopOut{}, err
			}
		case "count":
			var n int
			if _, err := b.Get(ctx, "n", &n); err != nil {
				return shopOut{}, err
			}
			return shopOut{Count: n + 1}, b.Set(ctx, "n", n+1)
		case "signal":
			return shopOut{}, b.Signal(ctx, "order_changed", map[string]string{"number": "17"})
		case "hang":
			f, err := os.OpenFile("calls", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return shopOut{}, err
			}
			fmt.Fprintf(f, "%s %t\n", call.Effect, call.Again)
			f.Close()
			if strings.Count(string(must(os.ReadFile("calls"))), "\n") < 2 {
				<-ctx.Done()
				select {} // the bot is gone, or kills this
			}
		}
		return shopOut{Status: "shipped", Again: call.Again, Count: len(in.Number)}, nil
	})
	return plugins.Plugin{
		Name: "shop", Version: "1.0.0", Rights: plugins.Rights{Actions: []string{"reply", "send"}, Signals: []string{"order_changed"}, State: true},
		Actions: []plugins.Action{
			{Name: "order_lookup", Do: do, Idempotent: true, ActsOnChat: true}, {Name: "order_cancel", Do: do}, {Name: "quiet", Do: do},
		},
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// beAPlugin makes the test binary a plugin when a bot started it.
func beAPlugin() {
	if os.Getenv(pluginwire.CookieVariable) == pluginwire.Cookie {
		plugins.Serve(aShop())
	}
}

// pluginBot loads a bot with the shop.
func (h *house) pluginBot(t *testing.T, rest string) *rules.Set {
	t.Helper()
	manifest, err := aShop().Manifest()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("version: 1\nbot: {connection: \"local:x?user=%s\"}\nplugins:\n  shop:\n    path: plugins/shop\n    restart: {backoff: 1ms, crashes: 100}\n    command: [%q]\n%s",
		botUser, self, rest)
	fsys := fstest.MapFS{"bot.yaml": {Data: []byte(text)}, "plugins/shop/plugin.yaml": {Data: manifest}}
	set, err := rules.Load(fsys, "bot.yaml", rules.Options{Catalog: bot.Catalog(h.registry())})
	var all rules.Errors
	if errors.As(err, &all) {
		t.Fatal(all.Render())
	}
	set.Bot.Pace = unbounded
	return set
}

// hosted is a host of plugins for one bot, in a folder that the next may have.
func (h *house) hosted(t *testing.T, dir string) (*host.Host, bot.Option) {
	t.Helper()
	ph, err := host.New(host.Config{Dir: filepath.Join(dir, bot.PluginsFolder), Log: slog.New(slog.NewTextHandler(h.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ph.Close(); err != nil {
			t.Error(err)
		}
	})
	return ph, func(b *bot.Bot) {
		bot.WithPlugins(ph)(b)
		bot.WithDir(t.TempDir(), dir)(b)
	}
}

const shopRights = `    rights: {actions: [reply, send], signals: [order_changed], state: true}
`

func TestPluginSteps(t *testing.T) {
	h := newHouse(t)
	set := h.pluginBot(t, shopRights+`rules:
  - id: order
    on: message.c2c
    do:
      - id: found
        shop.order_lookup: ${{ msg.text }}
        retry: {times: 3, backoff: 1ms}
        on_error: continue
      - reply: "${{ steps.found.ok ? steps.found.out.status + ' ' + string(steps.found.value) + ' ' + steps.found.text : steps.found.error.code }}"
  - id: other
    on: message.group
    do:
      - reply: I am here
  - id: changed
    on: signal.order_changed
    do:
      - send: {to_user: bob, text: "changed ${{ event.data.number }}"}
`)
	ph, plugged := h.hosted(t, t.TempDir())
	b := h.start(set, plugged)
	own := sdkconn.C2C(botUser)
	for _, text := range []string{"17", "missing", "crash", "reply", "bob", "count", "count", "signal"} {
		h.say("alice", own, text)
		h.say("bob", sdkconn.Group("g"), text)
		b.idle()
		for text == "crash" && len(h.heard("alice", own)) < 3 { // it waits between its attempts
			b.idle()
		}
	}
	b.idle()
	h.wantHeard("alice", own, "shipped 2 shipped", "not_found", "plugin_crashed", "looking", "shipped 5 shipped", "forbidden",
		" 1 ", " 2 ", " 0 ")
	if got := len(h.heard("bob", sdkconn.Group("g"))); got != 8 {
		t.Errorf("the other rule answered %d times\n%s", got, h.log)
	}
	h.wantHeard("bob", own, "changed 17")
	if s := ph.Status()[0]; s.Ends != 4 {
		t.Errorf("%+v", s)
	}
	letters, err := b.Inspector().DeadLetters(t.Context(), "", 10)
	if err != nil || len(letters) != 0 {
		t.Errorf("dead letters %+v %v", letters, err)
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
}

// What a plugin may have the bot do is what its manifest and the bot's file say, and nothing else.
func TestPluginRights(t *testing.T) {
	h := newHouse(t)
	set := h.pluginBot(t, `    rights: {actions: [send], conversations: [c2c_bob]}
rules:
  - id: order
    on: message.c2c
    do:
      - id: a
        shop.quiet: bob
        on_error: continue
      - id: b
        shop.order_lookup: reply
        on_error: continue
      - id: c
        shop.order_lookup: count
        on_error: continue
      - id: d
        shop.order_lookup: signal
        on_error: continue
      - shop.order_lookup: bob
      - reply: "${{ steps.a.error.code }} ${{ steps.b.error.code }} ${{ steps.c.error.code }} ${{ steps.d.error.code }}"
`)
	_, plugged := h.hosted(t, t.TempDir())
	b := h.start(set, plugged)
	h.say("alice", sdkconn.C2C(botUser), "x")
	b.idle()
	h.wantHeard("alice", sdkconn.C2C(botUser), "forbidden forbidden forbidden forbidden")
	h.wantHeard("bob", sdkconn.C2C(botUser), "psst")
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
}

// A call that the bot's end cut off is made again when the manifest says that this does no harm, with the same effect, and is
// reported otherwise.
func TestPluginCallCutOff(t *testing.T) {
	for action, want := range map[string]string{"order_lookup": "shipped true", "order_cancel": "interrupted"} {
		t.Run(action, func(t *testing.T) {
			h := newHouse(t)
			set := h.pluginBot(t, fmt.Sprintf(`rules:
  - id: order
    on: message.c2c
    do:
      - id: found
        shop.%s: hang
        on_error: continue
      - reply: "${{ steps.found.ok ? steps.found.out.status + ' ' + string(steps.found.out.again || true) : steps.found.error.code }}"
`, action))
			dir := t.TempDir()
			ph, plugged := h.hosted(t, dir)
			b := h.start(set, plugged, bot.WithGrace(0))
			h.say("alice", sdkconn.C2C(botUser), "x")
			calls := filepath.Join(dir, bot.PluginsFolder, "shop", "calls")
			for {
				if _, err := os.Stat(calls); !errors.Is(err, fs.ErrNotExist) {
					break
				}
				runtime.Gosched()
			}
			if err := b.stop(); err != nil {
				t.Fatal(err)
			}
			if err := ph.Close(); err != nil {
				t.Fatal(err)
			}
			_, plugged = h.hosted(t, dir)
			b.again(set, plugged)
			b.idle()
			h.wantHeard("alice", sdkconn.C2C(botUser), want)
			made := strings.Fields(string(must(os.ReadFile(calls))))
			switch {
			case action == "order_cancel" && len(made) != 2:
				t.Errorf("the calls were %q", made)
			case action == "order_lookup" && (len(made) != 4 || made[0] != made[2]):
				t.Errorf("the calls were %q", made)
			}
			if err := b.stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A reload brings plugins and takes them away.
func TestPluginsReload(t *testing.T) {
	h := newHouse(t)
	with := h.pluginBot(t, "    start: at_once\n"+shopRights+`rules:
  - id: order
    on: message.c2c
    do:
      - id: found
        shop.order_lookup: ${{ msg.text }}
      - reply: ${{ steps.found.text }}
`)
	without := h.set(`
  - id: order
    on: message.c2c
    do: [reply: no shop]
`)
	without.Bot.Connection = with.Bot.Connection
	ph, plugged := h.hosted(t, t.TempDir())
	b := h.start(without, plugged)
	say := func() {
		h.say("alice", sdkconn.C2C(botUser), "x")
		b.idle()
	}
	say()
	if err := b.Reload(with); err != nil {
		t.Fatal(err)
	}
	say()
	if got := ph.Status(); len(got) != 1 || got[0].State != host.StateRunning || !slices.Contains(got[0].Actions, "shop.quiet") {
		t.Errorf("%+v", got)
	}
	if err := b.Reload(without); err != nil {
		t.Fatal(err)
	}
	say()
	h.wantHeard("alice", sdkconn.C2C(botUser), "no shop", "shipped", "no shop")
	if got := ph.Status(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	if err := ph.Close(); err != nil {
		t.Fatal(err)
	}
}
