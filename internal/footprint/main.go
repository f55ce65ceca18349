// Footprint measures what a bot costs that does nothing: how long `timbot run` takes from its start to its first answer,
// how much memory it holds then, and how often it wakes up while nobody writes. It runs on a data folder that is there
// already, as a bot that is started again does. Linux only.
//
//	go run ./internal/footprint
//
// It prints one line for each number of rules, with the budget beside the figure, and exits with 1 when -strict is given
// and a budget is exceeded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
	"github.com/timbot-go/timbot/sdkconn/local"
)

// budget is what design sets for a number of rules.
type budget struct {
	rules    int
	start    time.Duration
	resident int64 // bytes
}

const mebibyte = 1 << 20

var budgets = []budget{
	{10, 15 * time.Millisecond, 20 * mebibyte},
	{1000, 30 * time.Millisecond, 30 * mebibyte},
	{10_000, 250 * time.Millisecond, 70 * mebibyte},
}

func main() {
	rounds := flag.Int("rounds", 7, "how often each is measured; the median counts")
	idle := flag.Duration("idle", 5*time.Second, "how long the bot is watched doing nothing")
	strict := flag.Bool("strict", false, "exit with 1 when a budget is exceeded")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	over, err := run(ctx, *rounds, *idle)
	if err != nil {
		fmt.Fprintln(os.Stderr, "footprint:", err)
		os.Exit(2)
	}
	if over && *strict {
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, idle time.Duration) (over bool, err error) {
	dir, err := os.MkdirTemp("", "footprint-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	timbot := filepath.Join(dir, "timbot")
	build := exec.CommandContext(ctx, "go", "build", "-o", timbot, "github.com/timbot-go/timbot/cmd/timbot")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return false, fmt.Errorf("build timbot: %w", err)
	}
	if info, err := os.Stat(timbot); err == nil {
		fmt.Printf("binary  %.1f MiB\n", float64(info.Size())/mebibyte)
	}
	bare, err := bareStart(ctx, timbot, rounds)
	if err != nil {
		return false, err
	}
	fmt.Printf("timbot version, from start to end  %s\n", bare.Round(100*time.Microsecond))
	fmt.Printf("%8s  %22s  %24s  %8s  %s\n", "rules", "first answer (budget)", "resident MiB (budget)", "its own",
		"wake-ups a second, idle")
	for _, b := range budgets {
		m, err := measure(ctx, timbot, filepath.Join(dir, fmt.Sprint(b.rules)), b.rules, rounds, idle)
		if err != nil {
			return false, fmt.Errorf("%d rules: %w", b.rules, err)
		}
		over = over || m.start > b.start || m.resident > b.resident
		fmt.Printf("%8d  %12s (%s)  %16.1f (%d)  %16.1f  %.1f\n", b.rules, m.start.Round(100*time.Microsecond), b.start,
			float64(m.resident)/mebibyte, b.resident/mebibyte, float64(m.own)/mebibyte, m.wakeups)
	}
	return over, nil
}

// bareStart is how long the command takes that does nothing: what the machine and the binary's size cost.
func bareStart(ctx context.Context, timbot string, rounds int) (time.Duration, error) {
	var took []time.Duration
	for range rounds {
		began := time.Now()
		if err := exec.CommandContext(ctx, timbot, "version").Run(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return median(took), nil
}

// measured is one bot's figures.
type measured struct {
	start    time.Duration
	resident int64
	own      int64 // of it: all but the pages of the program's file, which the system shares and may drop
	wakeups  float64
}

func measure(ctx context.Context, timbot, dir string, rules, rounds int, idle time.Duration) (measured, error) {
	var out measured
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return out, err
	}
	if err := os.WriteFile(filepath.Join(dir, "bot.yaml"), []byte(file(rules)), 0o644); err != nil {
		return out, err
	}
	u, err := newUser(ctx, dir)
	if err != nil {
		return out, err
	}
	defer u.close()
	var starts []time.Duration
	var residents, owns []int64
	for round := range rounds + 1 { // the first one makes the data folder
		last := round == rounds
		m, err := u.once(ctx, timbot, dir, rules, round, last, idle)
		if err != nil {
			return out, err
		}
		if round > 0 {
			starts, residents, owns = append(starts, m.start), append(residents, m.resident), append(owns, m.own)
		}
		out.wakeups = m.wakeups
	}
	out.start, out.resident, out.own = median(starts), median(residents), median(owns)
	return out, nil
}

func median[T int64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// file is a bot with so many rules, of which one message hits the last.
func file(rules int) string {
	var b strings.Builder
	b.WriteString("version: 1\nbot: {connection: \"local:chat.db?user=bot\"}\nrules:\n")
	for i := range rules {
		fmt.Fprintf(&b, "  - {id: r%d, on: message, match: {any_of: [关键词%d号, keyword-%d-x]}, do: [{reply: \"answer %d\"}]}\n", i, i, i, i)
	}
	return b.String()
}

// user is somebody who waits for answers.
type user struct {
	chat  *local.Chat
	conn  *local.Conn
	heard chan string
	end   context.CancelFunc
	done  chan error
}

func newUser(ctx context.Context, dir string) (*user, error) {
	chat, err := local.Open(ctx, filepath.Join(dir, "chat.db"), local.Config{})
	if err != nil {
		return nil, err
	}
	if err := chat.AddUser(ctx, "bot", "Bot"); err != nil {
		return nil, errors.Join(err, chat.Close())
	}
	conn, err := chat.Login(ctx, "alice")
	if err != nil {
		return nil, errors.Join(err, chat.Close())
	}
	ctx, end := context.WithCancel(ctx)
	u := &user{chat: chat, conn: conn, heard: make(chan string, 100), end: end, done: make(chan error, 1)}
	go func() {
		u.done <- conn.Subscribe(ctx, func(_ context.Context, events []sdkconn.Event) error {
			for i := range events {
				if m := events[i].Message; events[i].Kind == sdkconn.EventNewMsg && m != nil && m.Sender == "bot" {
					u.heard <- m.Text()
				}
			}
			return nil
		})
	}()
	return u, nil
}

func (u *user) close() {
	u.end()
	<-u.done
	u.chat.Close()
}

// once writes to a bot that does not run, starts it, and waits for the answer.
func (u *user) once(ctx context.Context, timbot, dir string, rules, round int, last bool, idle time.Duration) (measured, error) {
	var out measured
	n := rules - 1 - round%min(rules, 5)
	_, err := u.conn.SendNewMsg(ctx, sdkconn.C2C("bot"), &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.TextElem{Text: fmt.Sprintf("请问关键词%d号在哪里？", n)}},
	})
	if err != nil {
		return out, err
	}
	cmd := exec.CommandContext(ctx, timbot, "run", dir, "--log-level", "warn")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return out, err
	}
	defer func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	select {
	case text := <-u.heard:
		out.start = time.Since(began)
		if want := fmt.Sprintf("answer %d", n); text != want {
			return out, fmt.Errorf("heard %q, want %q", text, want)
		}
	case <-time.After(time.Minute):
		return out, errors.New("no answer within a minute")
	}
	if out.resident, out.own, err = resident(cmd.Process.Pid); err != nil {
		return out, err
	}
	if last {
		time.Sleep(time.Second) // what follows the answer
		before, err := switches(cmd.Process.Pid)
		if err != nil {
			return out, err
		}
		time.Sleep(idle)
		after, err := switches(cmd.Process.Pid)
		if err != nil {
			return out, err
		}
		out.wakeups = float64(after-before) / idle.Seconds()
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return out, err
	}
	_ = cmd.Wait() // ended by a signal, as asked
	return out, nil
}
