// Package plugin_test runs the bot of this folder with its three plugins.
package plugin_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/plugins/plugintest"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// need skips a test on a machine without what plugins in Python and Node need. CI has it, and lets nothing be skipped.
func need(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("/usr/bin/python3", "-c", "import grpc, google.protobuf, cryptography").CombinedOutput(); err != nil {
		t.Skipf("the plugin sums needs /usr/bin/python3 with python3-grpcio, python3-protobuf and python3-cryptography: %v %s", err, out)
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the plugin words needs node, and npm for @grpc/grpc-js: %v", err)
		}
	}
}

func do(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// example is a copy of this folder with all that its plugins need, so that the checkout stays as it is.
func example(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bot")
	do(t, ".", "cp", "-R", ".", dir)
	program := "weather"
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	do(t, ".", "go", "build", "-o", filepath.Join(dir, "plugins", "weather", program), "./plugins/weather")
	words := filepath.Join(dir, "plugins", "words")
	if _, err := os.Stat(filepath.Join(words, "node_modules")); err != nil {
		do(t, words, "npm", "install", "--no-fund", "--no-audit")
	}
	return dir
}

func TestExample(t *testing.T) {
	need(t)
	dir := example(t)
	t.Run("bot", func(t *testing.T) { testBot(t, dir) })
	t.Run("plugins", func(t *testing.T) { testPlugins(t, dir) })
}

func testBot(t *testing.T, dir string) {
	ctx := t.Context()
	registry := actions.NewRegistry(actions.Builtin()...)
	set, err := bot.Files{Dir: dir, Name: bot.FileName}.Load(registry)
	if err != nil {
		t.Fatal(err)
	}
	chat, err := local.Open(ctx, ":memory:", local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer chat.Close()
	conn, err := chat.Login(ctx, "weather")
	if err != nil {
		t.Fatal(err)
	}
	alice, err := chat.Login(ctx, "alice")
	if err != nil {
		t.Fatal(err)
	}
	plugins, err := host.New(host.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bot.New(conn, set, bot.WithActions(registry), bot.WithPlugins(plugins), bot.WithDir(dir, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() { done <- b.Run(running) }()
	for _, c := range [][2]string{
		{"天气 深圳", "深圳：雷阵雨 30°，晴 11°"},
		{"= (1/3 + 1/6) × 4", "2"},
		{"= 1/0", "sums.work_out: nothing can be divided by zero"},
		{"words 你好，世界! Hello", "3: 你好 · 世界 · Hello"},
	} {
		_, err := alice.SendNewMsg(ctx, sdkconn.C2C("weather"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: c[0]}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Idle(ctx); err != nil {
			t.Fatal(err)
		}
		msgs, err := alice.GetMsgList(ctx, sdkconn.C2C("weather"), sdkconn.GetMsgListParam{Count: 1})
		if err != nil || len(msgs) != 1 || msgs[0].Text() != c[1] {
			t.Errorf("%s: %+v %v, want %s", c[0], msgs[0].Text(), err, c[1])
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := plugins.Close(); err != nil {
		t.Error(err)
	}
}

func testPlugins(t *testing.T, dir string) {
	do(t, filepath.Join(dir, "plugins", "sums"), "/usr/bin/python3", "-m", "unittest")
	do(t, filepath.Join(dir, "plugins", "words"), "npm", "test")
	for _, name := range []string{"weather", "sums", "words"} {
		r, err := plugintest.Run(t.Context(), filepath.Join(dir, "plugins", name), plugintest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Checks {
			if c.Result != plugintest.Passed {
				t.Errorf("%s: %s %s: %q", name, c.Name, c.Result, c.Problems)
			}
		}
	}
}

// The kits here are those of the starters.
func TestKitsAreCurrent(t *testing.T) {
	const starters = "../../../plugins/starter/files/"
	for file, of := range map[string]string{
		"sums/timbot_plugin.py": starters + "python/timbot_plugin.py", "sums/plugin_pb2.py": starters + "python/plugin_pb2.py",
		"words/timbot_plugin.mjs": starters + "node/timbot_plugin.mjs", "words/plugin.proto": "../../../plugins/wire/plugin.proto",
	} {
		have, err := os.ReadFile(filepath.Join("plugins", file))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := os.ReadFile(of); err != nil || !bytes.Equal(have, want) {
			t.Errorf("plugins/%s is not current: cp %s (%v)", file, of, err)
		}
	}
}
