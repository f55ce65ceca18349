//go:build !nonative

package native

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/timbot-go/timbot/sdkconn"
)

// parentEnv has TestAParent open the connection of this URL.
const parentEnv = "TIMBOT_TEST_PARENT"

// TestAParent is the program that TestKilledParent kills.
func TestAParent(t *testing.T) {
	address := os.Getenv(parentEnv)
	if address == "" {
		return // TestKilledParent runs it in a process of its own
	}
	bot, err := sdkconn.Open(t.Context(), address, sdkconn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range 8 { // calls are in flight at any time
		calls.Go(func() {
			for i := range 1 << 30 {
				if _, err := bot.SendNewMsg(t.Context(), sdkconn.C2C("bot"), text("x")); err != nil {
					t.Error(err)
					return
				}
				if i == 0 {
					fmt.Println("sends")
				}
			}
		})
	}
	calls.Wait()
}

// TestKilledParent kills a program that holds a connection, at several moments of its life: its child ends.
func TestKilledParent(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]int{"the child was just started": 0, "it logs in": 1, "it calls": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run=^TestAParent$", "-test.v")
			rawurl := address(t, "bot", t.TempDir()) // sets the secret in the environment
			cmd.Env = append(os.Environ(), parentEnv+"="+rawurl, "TIMBOT_TEST_DROP_IN="+dropIn, "TMPDIR="+tmp)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Wait() }() // it was killed
			deadline := time.Now().Add(30 * time.Second)
			again := func() {
				if time.Now().After(deadline) {
					_ = cmd.Process.Kill()
					t.Fatal("it never came so far")
				}
				time.Sleep(time.Millisecond)
			}
			switch wait {
			case 1:
				for len(sockets(t, tmp)) == 0 {
					again()
				}
			case 2:
				lines := bufio.NewScanner(out)
				for lines.Scan() && lines.Text() != "sends" { // a pipe that is full stops it, which is as good
				}
			}
			var child int
			for child == 0 {
				if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil { // it starts no other while we look
					t.Fatal(err)
				}
				if child = childOf(cmd.Process.Pid); child == 0 {
					if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
						t.Fatal(err)
					}
					again()
				}
			}
			fd, err := unix.PidfdOpen(child, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			n, err := 0, error(unix.EINTR)
			for errors.Is(err, unix.EINTR) {
				n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
			}
			if n != 1 || err != nil {
				t.Errorf("process %d is there 20 s after its parent's end: %v", child, err)
				_ = syscall.Kill(child, syscall.SIGKILL)
			}
			if left := sockets(t, tmp); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// sockets are the sockets of go-plugin in a folder for temporary files.
func sockets(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "plugin*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// childOf is a process that another one started, 0 when there is none.
func childOf(parent int) int {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, name := range files {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := bytes.Cut(stat, []byte(") ")) // the state and the parent follow the name
		if f := strings.Fields(string(rest)); len(f) > 1 && f[0] != "Z" && f[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if err == nil {
				return pid
			}
		}
	}
	return 0
}

// TestSignalToAll: who ends a service tells all of its processes at once, and the parent may want to say goodbye.
func TestSignalToAll(t *testing.T) {
	t.Parallel()
	bot := openQuick(t, address(t, "bot", t.TempDir()))
	pid := bot.session.engine.about().pid
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
		if _, err := bot.SendNewMsg(t.Context(), sdkconn.C2C("bot"), text("x")); err != nil {
			t.Errorf("after %v: %v", s, err)
		}
	}
}

// TestWhatAChildSays sees that nothing that a library writes stops or harms the program.
func TestWhatAChildSays(t *testing.T) {
	t.Parallel()
	said := new(lastWords)
	p, err := newProcess(exec.Command("sh", "-c", `echo 1; echo '{"@message":1}' >&2; head -c 1000000 /dev/zero; echo '{"@message":1}'`), said)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(p.Stdout())
	if err != nil || string(out) != "1\n" {
		t.Errorf("read were %d bytes beginning with %.20q, %v", len(out), out, err)
	}
	logged, err := io.ReadAll(p.Stderr())
	if err != nil || len(logged) > 0 {
		t.Errorf("the log is %q, %v", logged, err)
	}
	if err := p.Wait(t.Context()); err != nil || said.String() != `{"@message":1}` {
		t.Errorf("its last words are %q, %v", said, err)
	}
}
