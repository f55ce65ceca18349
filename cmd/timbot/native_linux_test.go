package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// TestBotOutlivesItsLibrary kills the process of the SDK's library while a bot answers: every message is answered, and none twice.
func TestBotOutlivesItsLibrary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, lib, data := filepath.Join(dir, "timbot"), filepath.Join(dir, "libImSDK.so"), filepath.Join(dir, "data")
	for _, args := range [][]string{{"build", "-o", program, "."}, {"build", "-buildmode=c-shared", "-o", lib, "../../sdkconn/libimsdk"}} {
		build := exec.Command("go", args...)
		build.Env = append(os.Environ(), "CGO_ENABLED=1") // the library needs it
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	chat, err := local.Open(t.Context(), filepath.Join(data, "chat.db"), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = chat.Close() }()
	if err := chat.AddUser(t.Context(), "concierge", ""); err != nil {
		t.Fatal(err)
	}
	alice, err := chat.Login(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}

	connection := "native:?" + url.Values{"lib": {lib}, "sdkappid": {"1400000000"}, "user": {"concierge"}, "data": {data},
		"secret_env": {"TIM_SECRET"}}.Encode()
	rules := fmt.Sprintf("version: 1\nbot: {connection: %q}\nrules:\n  - {id: echo, on: message, do: [{reply: \"re: ${{ msg.text }}\"}]}\n",
		connection)
	if err := os.WriteFile(filepath.Join(dir, "bot.yaml"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	bot := exec.Command(program, "run", dir)
	bot.Env = append(os.Environ(), "TIM_SECRET=key")
	var log bytes.Buffer
	bot.Stdout, bot.Stderr = &log, &log
	if err := bot.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bot.Process.Signal(os.Interrupt)
		_ = bot.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	}()

	var mu sync.Mutex
	answers := make(map[string]int)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- alice.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range events {
				if e.Kind == sdkconn.EventNewMsg {
					answers[e.Message.Text()]++
				}
			}
			return nil
		})
	}()
	defer func() {
		cancel()
		<-ended
		_ = alice.Close()
	}()
	say := func(text string) {
		t.Helper()
		msg := &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: text}}}
		if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("concierge"), msg); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(90 * time.Second)
	await := func(what string, enough func() bool) {
		t.Helper()
		for {
			mu.Lock()
			ok := enough()
			mu.Unlock()
			if ok {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: waited in vain", what)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	for n := 0; ; n++ { // a first start answers what comes after it only
		say(fmt.Sprint("ready ", n))
		time.Sleep(100 * time.Millisecond)
		mu.Lock()
		up := len(answers) > 0
		mu.Unlock()
		if up {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the bot never answered")
		}
	}
	const kills, each = 3, 20
	var want []string
	for k := range kills {
		for i := range each {
			text := fmt.Sprintf("%d %d", k, i)
			want = append(want, "re: "+text)
			say(text)
			if i == 5*k { // it is amid calls and callbacks
				await("a child", func() bool {
					child := childOf(bot.Process.Pid)
					return child != 0 && syscall.Kill(child, syscall.SIGKILL) == nil
				})
			}
		}
		await("the answers", func() bool {
			n := 0
			for _, text := range want {
				n += min(answers[text], 1)
			}
			return n == len(want)
		})
	}
	say("end") // in one conversation the answers come in order: what would be answered twice has been by then
	await("the last answer", func() bool { return answers["re: end"] > 0 })
	mu.Lock()
	defer mu.Unlock()
	for text, n := range answers {
		if n != 1 {
			t.Errorf("%q came %d times", text, n)
		}
	}
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
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				return pid
			}
		}
	}
	return 0
}
