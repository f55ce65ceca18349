//go:build !nonative

package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// openQuick opens a connection that restarts its child without delay.
func openQuick(t testing.TB, rawurl string) *Conn {
	t.Helper()
	u, err := sdkconn.ParseURL(rawurl)
	if err != nil {
		t.Fatal(err)
	}
	config := sdkconn.Config{}.WithDefaults()
	o, err := parseOptions(u, config.Dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := open(t.Context(), o, config, o.engine, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// kill ends the child that the connection has now, and reports whether there was one.
func kill(c *Conn) bool {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s == nil {
		return false
	}
	return syscall.Kill(s.engine.about().pid, syscall.SIGKILL) == nil
}

// collector keeps what a subscription is told.
type collector struct {
	mu      sync.Mutex
	texts   map[string]int
	network []sdkconn.NetworkStatus
	more    chan struct{}
}

func collect(t testing.TB, conn sdkconn.Conn) *collector {
	t.Helper()
	c := &collector{texts: make(map[string]int), more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, e := range events {
				switch e.Kind {
				case sdkconn.EventNewMsg:
					c.texts[e.Message.Text()]++
				case sdkconn.EventNetworkStatus:
					c.network = append(c.network, e.Network)
				}
			}
			poke(c.more)
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Subscribe ended with %v", err)
		}
	})
	return c
}

// await waits until enough says so.
func (c *collector) await(t testing.TB, what string, enough func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		c.mu.Lock()
		ok := enough()
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-c.more:
		case <-deadline:
			t.Fatalf("%s: waited in vain", what)
		}
	}
}

// TestKilledChild kills the library's process again and again while it sends and receives: no message that was accepted is
// lost or told twice, and what a call did not say is found by looking.
func TestKilledChild(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	chat, err := local.Open(t.Context(), filepath.Join(data, "chat.db"), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chat.Close() })
	alice, err := chat.Login(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = alice.Close() })
	bot := openQuick(t, address(t, "bot", data))
	told, answers := collect(t, bot), collect(t, alice)

	const kills, each = 6, 25
	stop := make(chan struct{})
	var wait sync.WaitGroup
	accepted, unknown, refused := make(map[string]bool), make(map[string]bool), 0
	went := make(chan struct{}, 1) // a message of the bot's was accepted
	wait.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := fmt.Sprintf("bot %d", i)
			_, err := bot.SendNewMsg(t.Context(), sdkconn.C2C("alice"), text(name))
			switch {
			case err == nil:
				accepted[name] = true
				poke(went)
			case sdkconn.EffectUnknown(err):
				unknown[name] = true
			case sdkconn.Retryable(err):
				refused++
				time.Sleep(time.Millisecond)
			default:
				t.Errorf("%s: %v", name, err)
				return
			}
		}
	})
	for k := range kills {
		for range 3 {
			<-went
		}
		for i := range each {
			if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bot"), text(fmt.Sprintf("alice %d %d", k, i))); err != nil {
				t.Error(err)
			}
			if i == k*4 {
				for !kill(bot) {
					time.Sleep(time.Millisecond)
				}
			}
		}
		n := k + 1
		told.await(t, "the connection after the kill", func() bool {
			up := 0
			for _, s := range told.network {
				if s == sdkconn.NetworkConnected {
					up++
				}
			}
			return up >= n
		})
	}
	close(stop)
	wait.Wait()
	told.await(t, "what alice sent", func() bool { return len(told.texts) >= kills*each })
	answers.await(t, "what the bot sent", func() bool {
		n := 0
		for name := range answers.texts {
			if accepted[name] {
				n++
			}
		}
		return n == len(accepted)
	})
	told.mu.Lock()
	defer told.mu.Unlock()
	for name, n := range told.texts {
		if n != 1 {
			t.Errorf("%q was told %d times", name, n)
		}
	}
	if len(accepted) == 0 {
		t.Error("nothing was sent")
	}
	t.Logf("%d accepted, %d unknown, %d refused", len(accepted), len(unknown), refused)
}

// TestCallInFlight cuts a call off between its beginning and its answer.
func TestCallInFlight(t *testing.T) {
	t.Parallel()
	bot := openQuick(t, address(t, "bot", t.TempDir()))
	for range 3 {
		errs := make([]error, 40)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() { _, errs[i] = bot.SendNewMsg(t.Context(), sdkconn.C2C("bot"), text("x")) })
		}
		for !kill(bot) {
			time.Sleep(time.Millisecond)
		}
		wait.Wait()
		for _, err := range errs {
			if err != nil && !sdkconn.EffectUnknown(err) && sdkconn.CodeOf(err) != sdkconn.CodeReqNoNetOnReq {
				t.Errorf("cut off: %v", err)
			}
		}
		var err error
		for range 10000 {
			if _, err = bot.SendNewMsg(t.Context(), sdkconn.C2C("bot"), text("again")); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoChildIsLeft sees that Close, and a parent's end, take the child along.
func TestNoChildIsLeft(t *testing.T) {
	t.Parallel()
	bot := openQuick(t, address(t, "bot", t.TempDir()))
	pid := bot.session.engine.about().pid
	if pid == os.Getpid() || pid == 0 {
		t.Fatalf("the library runs in process %d, the test in %d", pid, os.Getpid())
	}
	if err := bot.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d after Close: %v", pid, err)
	}
}
