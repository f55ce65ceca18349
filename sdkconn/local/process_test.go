package local

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// childVariable makes the test binary another process of a chat; it holds what to do and the file.
const childVariable = "TIMBOT_LOCAL_TEST_CHILD"

// child starts the test binary as another process with the chat file.
func child(t testing.TB, do, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+do+" "+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd, bufio.NewScanner(out)
}

func runChild() int {
	do, path, _ := strings.Cut(os.Getenv(childVariable), " ")
	if err := childMain(context.Background(), do, path); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	return 0
}

func childMain(ctx context.Context, do, path string) error {
	chat, err := Open(ctx, path, Config{})
	if err != nil {
		return err
	}
	defer chat.Close()
	alice, err := chat.Login(ctx, "alice")
	if err != nil {
		return err
	}
	switch do {
	case "group": // send as fast as it goes
		for i := range 100 {
			if _, err := alice.SendNewMsg(ctx, sdkconn.Group("g"), text(fmt.Sprint("child ", i))); err != nil {
				return err
			}
		}
		return nil
	case "stay": // be there until another login takes over, or until killed
		if _, err := alice.SendNewMsg(ctx, sdkconn.C2C("bob"), text("here")); err != nil {
			return err
		}
		fmt.Println("here")
		err := alice.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			for _, ev := range events {
				fmt.Println(ev.Kind)
			}
			return nil
		})
		fmt.Println("ended:", sdkconn.CodeOf(err).Name())
		_, err = alice.SendNewMsg(ctx, sdkconn.C2C("bob"), text("too late"))
		fmt.Println("send:", int(sdkconn.CodeOf(err)))
		return nil
	case "load": // the same from many goroutines
		return load(ctx, alice)
	case "ask": // one message at a time, each after the answer to the one before
		return ask(ctx, alice, 50)
	case "forever": // say which messages were accepted, until killed
		for i := 0; ; i++ {
			m, err := alice.SendNewMsg(ctx, sdkconn.C2C("bob"), text(fmt.Sprint(i)))
			if err != nil {
				return err
			}
			fmt.Println(m.Text(), m.ServerTime, m.Seq, m.Rand)
		}
	case "effects": // the same with effect ids
		for i := 0; ; i++ {
			m, err := alice.SendNewMsg(ctx, sdkconn.C2C("bob"), effect(i))
			if err != nil {
				return err
			}
			fmt.Println(m.Text(), m.ServerTime, m.Seq, m.Rand)
		}
	}
	return fmt.Errorf("what is %q", do)
}

// load sends from eight goroutines, half of it to a group, and says what was acknowledged in lines of their own.
func load(ctx context.Context, alice *Conn) error {
	failed := make(chan error)
	for worker := range 8 {
		go func() {
			conv := sdkconn.Group("g")
			if worker%2 == 1 {
				conv = sdkconn.C2C("bob")
			}
			for i := 0; ; i++ {
				m, err := alice.SendNewMsg(ctx, conv, text(fmt.Sprint(os.Getpid(), "/", worker, "/", i)))
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("%s|%d %d %d.\n", m.Text(), m.ServerTime, m.Seq, m.Rand)
			}
		}()
	}
	return <-failed
}

func ask(ctx context.Context, alice *Conn, n int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	say := func(i int) error {
		_, err := alice.SendNewMsg(ctx, sdkconn.C2C("bob"), text(fmt.Sprint(i)))
		return err
	}
	if err := say(0); err != nil {
		return err
	}
	i := 0
	return alice.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
		for _, ev := range events {
			if ev.Kind != sdkconn.EventNewMsg {
				continue
			}
			if want := fmt.Sprint("re: ", i); ev.Message.Text() != want {
				return fmt.Errorf("answer %q, want %q", ev.Message.Text(), want)
			}
			if i++; i == n {
				cancel()
				return nil
			}
			if err := say(i); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestTwoProcessesTalk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	chat := open(t, path, Config{})
	bob := login(t, chat, "bob")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- bob.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			for _, ev := range events {
				if ev.Kind == sdkconn.EventNewMsg {
					if _, err := bob.SendNewMsg(t.Context(), ev.Conversation(), text("re: "+ev.Message.Text())); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}()
	cmd, _ := child(t, "ask", path)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the other process: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTwoProcessesNumberOneGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	chat := open(t, path, Config{})
	bob := login(t, chat, "bob")
	if err := chat.AddUser(t.Context(), "alice", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.GroupCreate(t.Context(), sdkconn.GroupCreateParam{
		GroupID: "g", GroupName: "g", Members: []sdkconn.GroupMemberInfo{{Identifier: "alice"}},
	}); err != nil {
		t.Fatal(err)
	}
	events := listen(t, bob)
	cmd, _ := child(t, "group", path)
	var last uint64
	for i := range 100 {
		last = send(t, bob, sdkconn.Group("g"), fmt.Sprint("parent ", i)).Seq
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
	list, err := bob.GetMsgList(t.Context(), sdkconn.Group("g"), sdkconn.GetMsgListParam{Count: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 200 || last > 200 {
		t.Fatalf("%d messages, the last of this process has seq %d", len(list), last)
	}
	for i, m := range list {
		if m.Seq != uint64(200-i) {
			t.Fatalf("message %d from the end has seq %d", i, m.Seq)
		}
	}
	for i := range 100 { // everything of the other process, in order
		if got, want := next(t, events, sdkconn.EventNewMsg).Message.Text(), fmt.Sprint("child ", i); got != want {
			t.Fatalf("told %q, want %q", got, want)
		}
	}
}

func TestAcceptedMessagesSurviveKill(t *testing.T) {
	path := startChat(t)
	cmd, out := child(t, "forever", path)
	var accepted []string
	for len(accepted) < 100 && out.Scan() {
		accepted = append(accepted, out.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for out.Scan() {
		accepted = append(accepted, out.Text())
	}
	cmd.Wait()
	if len(accepted) < 100 {
		t.Fatalf("the other process accepted %d messages only", len(accepted))
	}
	again := open(t, path, Config{})
	events := listen(t, login(t, again, "bob"))
	for i, want := range accepted {
		m := next(t, events, sdkconn.EventNewMsg).Message
		got := fmt.Sprintln(m.Text(), m.ServerTime, m.Seq, m.Rand)
		if strings.TrimSpace(got) != want && i < len(accepted)-1 { // the last line may be cut
			t.Fatalf("message %d is %q, accepted was %q", i, got, want)
		}
	}
}

// effect is a message that is known by its effect's id when it is sent again.
func effect(i int) *sdkconn.Message {
	m := text(fmt.Sprint(i))
	m.CloudCustom = sdkconn.WithEffect("", fmt.Sprint("effect ", i))
	return m
}

// TestRepeatedAfterKill repeats every send of a process that was killed, and some more: whether an answer arrived or not,
// each message is there once.
func TestRepeatedAfterKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	chat, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := chat.AddUser(t.Context(), "bob", ""); err != nil {
		t.Fatal(err)
	}
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	var answers []string
	for round := range 3 {
		cmd, out := child(t, "effects", path)
		lines := 0
		for lines < 20*(round+1) && out.Scan() {
			if lines < len(answers) && answers[lines] != out.Text() {
				t.Fatalf("round %d: send %d is answered with %q, first it was %q", round, lines, out.Text(), answers[lines])
			} else if lines == len(answers) {
				answers = append(answers, out.Text())
			}
			lines++
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		if lines < 20*(round+1) {
			t.Fatalf("the other process accepted %d messages only", lines)
		}
	}
	again := open(t, path, Config{})
	alice := login(t, again, "alice")
	for i := 0; ; i++ { // up to the first one that had not been sent
		before, err := alice.GetMsgList(t.Context(), sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		m, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), effect(i))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(m.Text(), " ", m.ServerTime, " ", m.Seq, " ", m.Rand)
		if i < len(answers) && got != answers[i] {
			t.Fatalf("send %d is answered with %q, first it was %q", i, got, answers[i])
		}
		if i >= len(answers) && (key{m.ServerTime, m.Seq, m.Rand}) != (key{before[0].ServerTime, before[0].Seq, before[0].Rand}) && before[0].Text() == fmt.Sprint(i-1) {
			break
		}
	}
	all, err := alice.GetMsgList(t.Context(), sdkconn.C2C("bob"), sdkconn.GetMsgListParam{Count: 10000})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		if want := fmt.Sprint(len(all) - 1 - i); m.Text() != want {
			t.Fatalf("message %d from the end is %q, want %q", i, m.Text(), want)
		}
	}
}
