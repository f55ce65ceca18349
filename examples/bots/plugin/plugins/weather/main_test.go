package main

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/timbot-go/timbot/actions"
	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/plugins/wire"
	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// A bot that is tested starts the test binary as the plugin.
func TestMain(m *testing.M) {
	if os.Getenv(wire.CookieVariable) == wire.Cookie {
		main()
	}
	os.Exit(m.Run())
}

func TestManifestIsCurrent(t *testing.T) {
	want, err := weather.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("plugin.yaml"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("plugin.yaml is not current: go generate (%v)", err)
	}
}

// The bot of this example, with the plugin, on an embedded chat.
func TestBot(t *testing.T) {
	ctx := t.Context()
	registry := actions.NewRegistry(actions.Builtin()...)
	set, err := bot.Files{Dir: "../..", Name: bot.FileName}.Load(registry)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	set.Plugins()[0].Command = []string{self} // in place of ./weather
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
	b, err := bot.New(conn, set, bot.WithActions(registry), bot.WithPlugins(plugins), bot.WithDir("../..", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() { done <- b.Run(running) }()
	for _, c := range [][2]string{
		{"天气 深圳", "深圳：雷阵雨 30°，晴 11°"}, {"weather 123", "没有这个城市。"},
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
