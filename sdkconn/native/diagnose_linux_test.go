//go:build !nonative

package native

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func TestDiagnose(t *testing.T) {
	t.Setenv(secretEnv, "key")
	dir := t.TempDir()
	notALibrary := filepath.Join(dir, "text.so")
	otherLibrary := filepath.Join(dir, "other.so")
	otherSystem := filepath.Join(dir, "arm64.so")
	for path, data := range map[string][]byte{notALibrary: []byte("hello"), otherSystem: foreign(t)} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := findLibrary("libc.so.6")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(c, otherLibrary); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		url   string
		steps string // those that went well
		says  string // of the one that did not
	}{
		"all is well": {address(t, "bot", t.TempDir()),
			"connection URL, library file, UserSig, data folder, library, configuration, login, network", ""},
		"in this process": {address(t, "bot", t.TempDir(), "isolate", "off"),
			"connection URL, library file, UserSig, data folder, library, configuration, login, network", ""},
		"other scheme":        {"local:x", "", "it begins with local:"},
		"no library":          {address(t, "bot", dir, "lib", "/no/such.so"), "connection URL", "npm pack im_electron_sdk"},
		"no library at all":   {address(t, "bot", dir, "lib", notALibrary), "connection URL", "not a library"},
		"wrong architecture":  {address(t, "bot", dir, "lib", otherSystem), "connection URL", "this program runs on"},
		"a folder":            {address(t, "bot", dir, "lib", dir), "connection URL", "is a folder"},
		"no secret":           {address(t, "bot", dir, "secret_env", "TIM_NONE"), "connection URL, library file", "TIM_NONE"},
		"data is no folder":   {address(t, "bot", notALibrary), "connection URL, library file, UserSig", "not a directory"},
		"not the SDK":         {address(t, "bot", dir, "lib", otherLibrary), "connection URL, library file, UserSig, data folder", "it lacks TIMInit"},
		"the system finds it": {address(t, "bot", dir, "lib", "libnosuch.so"), "connection URL, library file, UserSig, data folder", "libnosuch.so"},
	} {
		t.Run(name, func(t *testing.T) {
			var good []string
			var failed error
			err := Diagnose(t.Context(), test.url, sdkconn.Config{}, func(step, result string, err error) {
				if err != nil {
					failed = err
					return
				}
				good = append(good, step)
				if result == "" {
					t.Errorf("%s says nothing", step)
				}
			})
			if got := strings.Join(good, ", "); got != test.steps {
				t.Errorf("steps: %s\nwant: %s", got, test.steps)
			}
			if (err == nil) != (test.says == "") || (failed == nil) != (err == nil) || !strings.Contains(fmt.Sprint(failed), test.says) {
				t.Errorf("it says %v, want %q", failed, test.says)
			}
		})
	}
}

// foreign is the library for another architecture.
func foreign(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(dropIn)
	if err != nil {
		t.Fatal(err)
	}
	data[18] ^= 0xff // e_machine
	return data
}

// findLibrary is where the C library is.
func findLibrary(name string) (string, error) {
	for _, pattern := range []string{"/lib/*/", "/usr/lib/*/", "/lib64/", "/usr/lib64/", "/lib/"} {
		if found, err := filepath.Glob(pattern + name); err == nil && len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("no %s", name)
}

func TestMainMustBeCalled(t *testing.T) {
	mainCalled.Store(false)
	defer mainCalled.Store(true)
	_, err := sdkconn.Open(t.Context(), address(t, "bot", t.TempDir()), sdkconn.Config{})
	if err == nil || !strings.Contains(err.Error(), "native.Main") {
		t.Errorf("Open says %v", err)
	}
}

func TestOneInsideAtATime(t *testing.T) {
	open := func() (sdkconn.Conn, error) {
		return sdkconn.Open(t.Context(), address(t, "bot", t.TempDir(), "isolate", "off"), sdkconn.Config{})
	}
	for range 2 { // the library goes on from one to the next
		first, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(); err == nil || !strings.Contains(err.Error(), "isolate=off is open already") {
			t.Errorf("a second one: %v", err)
		}
		if _, err := first.SendNewMsg(t.Context(), sdkconn.C2C("bot"), text("x")); err != nil {
			t.Error(err)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestChatFromEnvironment has a conversation of two users in two processes, which find the chat by a variable that each process
// gets from this one. The key that signs them in does not go along.
func TestChatFromEnvironment(t *testing.T) {
	t.Setenv("TIMBOT_CHAT", filepath.Join(t.TempDir(), "chat.db"))
	t.Setenv(secretEnv, "key")
	alice, bob := openQuick(t, address(t, "alice", t.TempDir())), openQuick(t, address(t, "bob", t.TempDir()))
	here, there := collect(t, alice), collect(t, bob)
	sent, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), text("你好 😀"))
	if err != nil {
		t.Fatal(err)
	}
	there.await(t, "alice's message", func() bool { return there.texts["你好 😀"] == 1 })
	if err := bob.ReportReaded(t.Context(), sdkconn.C2C("alice"), nil); err != nil {
		t.Error(err)
	}
	if _, err := bob.SendNewMsg(t.Context(), sdkconn.C2C("alice"), text("再见")); err != nil {
		t.Error(err)
	}
	here.await(t, "bob's answer", func() bool { return here.texts["再见"] == 1 })
	if err := alice.Revoke(t.Context(), sdkconn.C2C("bob"), sent); err != nil {
		t.Error(err)
	}
	msgs, err := bob.GetMsgList(t.Context(), sdkconn.C2C("alice"), sdkconn.GetMsgListParam{Count: 10})
	if err != nil || len(msgs) != 2 || msgs[1].Status != sdkconn.StatusRevoked {
		t.Errorf("bob's history is %+v, %v", msgs, err)
	}
	for _, c := range []*Conn{alice, bob} {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", c.session.engine.about().pid))
		if err != nil || strings.Contains(string(environ), secretEnv) || !strings.Contains(string(environ), "TIMBOT_CHAT") {
			t.Errorf("the child's environment: %v, with the secret %v", err, strings.Contains(string(environ), secretEnv))
		}
	}
}
