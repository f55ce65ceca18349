package rules

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const shopManifest = `name: shop
version: 1.2.0
protocol: 1
doc: Looks orders up.
command:
  linux/amd64: [bin/shop, --fast]
  windows: [shop.exe]
  default: [./shop]
files: ["lib/*.py"]
checksum: {linux: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
rights: {actions: [reply], signals: [order_changed], state: true, network: [shop.example.com]}
actions:
  order_lookup:
    doc: Looks an order up.
    idempotent: true
    acts_on_chat: true
    timeout: 5s
    inputs:
      number: {type: text, required: true, secret: true}
      lang: {type: text, enum: [de, en]}
      more: {type: map, of: {type: list, of: int}}
    outputs:
      status: {type: text, required: true}
      items: {type: list, of: {type: object, fields: {name: text, count: int}}}
    scalar: number
    text: status
    value: status
  ping: {}
`

const shopBot = `version: 1
bot: {connection: "local:x?user=bot"}
plugins:
  shop: plugins/shop
`

func loadShop(manifest, plugin, do string) (*Set, error) {
	bot := "version: 1\nbot: {connection: \"local:x?user=bot\"}\nplugins:\n  shop: " + plugin + "\nrules:\n  - id: r\n    on: message\n    do:\n      - " + do + "\n"
	return Load(fstest.MapFS{"bot.yaml": {Data: []byte(bot)}, "plugins/shop/plugin.yaml": {Data: []byte(manifest)}}, "bot.yaml",
		Options{Catalog: catalog})
}

func TestPlugins(t *testing.T) {
	set, err := loadShop(shopManifest, `
    path: plugins/shop
    env: [TOKEN]
    rights: {actions: [reply], signals: [order_changed]}
    limits: {timeout: 10s, concurrency: 3, memory: 256MiB}
    restart: {backoff: 2s, crashes: 7, within: 1h}
    start: at_once`, `{id: found, shop.order_lookup: "17"}
      - reply: "${{ steps.found.out.status + steps.found.out.items[0].name }}"`)
	if err != nil {
		t.Fatal(err)
	}
	p := set.Plugins()[0]
	if p.Name != "shop" || p.Dir != "plugins/shop" || !p.AtOnce || p.Limits != (PluginLimits{10 * time.Second, 3, 256 << 20}) ||
		p.Restart != (PluginRestart{2 * time.Second, 7, time.Hour}) || !slices.Equal(p.Conversations, []string{"event"}) ||
		!slices.Equal(p.Env, []string{"TOKEN"}) || p.Grants.State {
		t.Errorf("%+v", p)
	}
	m := p.Manifest
	if got := m.Command("linux", "amd64"); !slices.Equal(got, []string{"bin/shop", "--fast"}) {
		t.Errorf("command %q", got)
	}
	if got := m.Command("darwin", "arm64"); !slices.Equal(got, []string{"./shop"}) {
		t.Errorf("command %q", got)
	}
	if m.Checksum("linux", "arm64") == "" || m.Checksum("darwin", "arm64") != "" {
		t.Errorf("checksums %v", m.Checksums)
	}
	a := m.Actions[0]
	if !a.Idempotent || !a.ActsOnChat || a.Timeout != 5*time.Second || a.Text != "status" || m.Actions[1].Timeout != DefaultTimeout {
		t.Errorf("%+v", a)
	}

	// The manifest is among the files that a rule set is: a change of it is another one, and a journal keeps it.
	files := FilesOf(fstest.MapFS{"bot.yaml": {Data: []byte(shopBot)}, "plugins/shop/plugin.yaml": {Data: []byte(shopManifest)}}, "bot.yaml")
	if !slices.Equal(files.Manifests, []string{"plugins/shop/plugin.yaml"}) || len(files.YAML) != 1 || !slices.Contains(files.Folders(), "plugins/shop") {
		t.Errorf("%+v", files)
	}
	fsys, err := SourceFS(set.Sources())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(fsys, "bot.yaml", Options{Catalog: catalog})
	if err != nil || again.Hash() != set.Hash() || len(again.Plugins()) != 1 {
		t.Errorf("loaded again: %v", err)
	}
	if _, ok := set.Catalog(catalog).Step("shop.ping"); !ok {
		t.Error("the catalog has no shop.ping")
	}
}

// A rule's mistake about a plugin is told with its place, from the manifest alone.
func TestPluginMistakes(t *testing.T) {
	const ping = `{shop.ping: {}}`
	for _, c := range []struct{ name, manifest, plugin, do, want string }{
		{"input", shopManifest, "plugins/shop", `{shop.order_lookup: {number: "1", colour: red}}`,
			`bot.yaml:9:43: rule "r": shop.order_lookup has no input "colour"`},
		{"missing", shopManifest, "plugins/shop", `{shop.order_lookup: {lang: de}}`, `bot.yaml:9:10: rule "r": shop.order_lookup needs number`},
		{"enum", shopManifest, "plugins/shop", `{shop.order_lookup: {number: "1", lang: fr}}`, `bot.yaml:9:49`},
		{"type", shopManifest, "plugins/shop", `{shop.order_lookup: {number: "1", more: {a: [x]}}}`, `bot.yaml:9:`},
		{"output", shopManifest, "plugins/shop", "{id: f, shop.order_lookup: \"1\"}\n      - reply: \"${{ steps.f.out.statu }}\"", "statu"},
		{"action", shopManifest, "plugins/shop", `{shop.order_lokup: "1"}`, `unknown step "shop.order_lokup" (did you mean "shop.order_lookup"?)`},
		{"plugin", shopManifest, "plugins/shop", `{shup.ping: {}}`, `unknown step "shup.ping" (did you mean "shop.ping"?): plugins of the bot's file has no shup`},
		{"path", shopManifest, "{}", ping, "bot.yaml:4:3: plugin shop needs path, the folder of its plugin.yaml"},
		{"no folder", shopManifest, "plugins/shup", ping, `bot.yaml:4:9: cannot read "plugins/shup/plugin.yaml": file does not exist`},
		{"outside", shopManifest, "../shop", ping, `"../shop" is no path inside the bot's folder`},
		{"key", shopManifest, "{path: plugins/shop, sandbox: true}", ping, `unknown key "sandbox"`},
		{"right", shopManifest, "{path: plugins/shop, rights: {actions: [send]}}", ping, `rights.actions: plugin shop does not ask for send`},
		{"right's name", shopManifest, "{path: plugins/shop, rights: {actions: [http]}}", ping, `a plugin cannot have the bot do "http"`},
		{"conversation", shopManifest, "{path: plugins/shop, rights: {conversations: [alice]}}", ping, `"alice" is not a conversation: write event, c2c_USER`},
		{"signal", shopManifest, "{path: plugins/shop, rights: {signals: [other]}}", ping, `plugin shop does not ask for other`},
		{"env", shopManifest, "{path: plugins/shop, env: [PLUGIN_CLIENT_CERT]}", ping, `env: PLUGIN_CLIENT_CERT cannot be given`},
		{"checksum", shopManifest, "{path: plugins/shop, checksum: abc}", ping, "checksum must be sha256: and 64 digits"},
		{"memory", shopManifest, "{path: plugins/shop, limits: {memory: 1MiB}}", ping, "memory must be 16MiB at least"},
		{"concurrency", shopManifest, "{path: plugins/shop, limits: {concurrency: 0}}", ping, "concurrency must be a whole number from 1"},
		{"backoff", shopManifest, "{path: plugins/shop, restart: {backoff: 0s}}", ping, "backoff must be above 0"},
		{"start", shopManifest, "{path: plugins/shop, start: now}", ping, `start cannot be "now"`},
		{"name", strings.Replace(shopManifest, "name: shop", "name: My Shop", 1), "plugins/shop", ping, `plugins/shop/plugin.yaml:1:7: name "My Shop"`},
		{"version", strings.Replace(shopManifest, "version: 1.2.0", "", 1), "plugins/shop", ping, `plugins/shop/plugin.yaml:1:1: a plugin's manifest needs version`},
		{"protocol", strings.Replace(shopManifest, "protocol: 1", "protocol: 2", 1), "plugins/shop", ping, "protocol must be 1: this timbot speaks no other"},
		{"type's name", strings.Replace(shopManifest, "name: text", "name: txt", 1), "plugins/shop", ping, `cannot be "txt" (did you mean "text"?)`},
		{"scalar", strings.Replace(shopManifest, "scalar: number", "scalar: nr", 1), "plugins/shop", ping, `scalar: action order_lookup has no input "nr"`},
		{"text", strings.Replace(shopManifest, "text: status", "text: items", 1), "plugins/shop", ping, "text: the output items is no text"},
		{"object", strings.Replace(shopManifest, "number: {type: text,", "number: {type: object,", 1), "plugins/shop", ping, "an object needs fields"},
		{"of", strings.Replace(shopManifest, "number: {type: text,", "number: {type: text, of: int,", 1), "plugins/shop", ping, "of belongs to a list or a map"},
		{"files", strings.Replace(shopManifest, "lib/*.py", "../x", 1), "plugins/shop", ping, `"../x" is no path or pattern inside the plugin's folder`},
		{"system", strings.Replace(shopManifest, "windows:", "Windows 11:", 1), "plugins/shop", ping, `command: "Windows 11" is no system`},
		{"command", strings.Replace(shopManifest, "[shop.exe]", "[]", 1), "plugins/shop", ping, "command is empty"},
	} {
		_, err := loadShop(c.manifest, c.plugin, c.do)
		var all Errors
		if !errors.As(err, &all) || !strings.Contains(all.Render(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.name, err, c.want)
			continue
		}
		if len(all) > 1 && c.name != "right's name" { // a plugin with a mistake does not make one of each of its steps
			t.Errorf("%s: %d mistakes\n%s", c.name, len(all), all.Render())
		}
	}
}

func TestPluginsOfIncludedFile(t *testing.T) {
	_, err := Load(fstest.MapFS{
		"bot.yaml":  {Data: []byte("version: 1\nbot: {connection: \"local:x?user=bot\"}\ninclude: more.yaml\n")},
		"more.yaml": {Data: []byte("plugins: {shop: plugins/shop}\n")},
	}, "bot.yaml", Options{Catalog: catalog})
	if err == nil || !strings.Contains(err.Error(), "plugins belongs in the bot's own file") {
		t.Errorf("%v", err)
	}
}

func TestManifestAlone(t *testing.T) {
	fsys := fstest.MapFS{"plugin.yaml": {Data: []byte(shopManifest)}}
	if m, err := LoadManifest(fsys, "plugin.yaml"); err != nil || m.Name != "shop" || len(m.Actions) != 2 {
		t.Errorf("%+v %v", m, err)
	}
	if _, err := LoadManifest(fsys, "other.yaml"); err == nil {
		t.Error("a manifest that is not there")
	}
}
