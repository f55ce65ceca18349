//go:build unix

package local

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestStoppedProcessKeepsLogin(t *testing.T) {
	path := startChat(t)
	cmd, out := child(t, "stay", path)
	says(t, out, "here")
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	clock := clockwork.NewFakeClock()
	chat := open(t, path, Config{Clock: clock})
	ctx, cancel := context.WithCancel(t.Context())
	passing := make(chan struct{})
	go func() {
		defer close(passing)
		for clock.BlockUntilContext(ctx, 1) == nil {
			clock.Advance(handover)
		}
	}()
	if _, err := chat.Login(t.Context(), "alice"); !errors.Is(err, sdkconn.CodeRequestTimeout) {
		t.Errorf("got %v", err)
	}
	cancel()
	<-passing
	if _, err := chat.Login(ctx, "alice"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	says(t, out, string(sdkconn.EventKickedOffline)) // somebody wanted it
	login(t, chat, "alice")
}
