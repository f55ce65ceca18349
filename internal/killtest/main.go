// Killtest kills a bot again and again, and then counts: it runs `timbot run` in a process of its own on an embedded chat,
// lets users write to it without pause, ends the process with SIGKILL at random instants (while it starts, sends, waits for
// timers, takes new rules or compacts its journal), starts it again, and in the end checks that every message that
// should have an answer has exactly one.
//
//	go run ./internal/killtest -kills 20
//
// With -announce N it orders one announcement to N targets instead, over and over under one key, and counts what each has
// heard.
//
// The last line says `kills N events M lost 0 doubled 0`; the exit code is 1 when anything was lost or doubled, or when a
// file fails its integrity check.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "killtest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	kills := flag.Int("kills", 20, "how often the bot is killed")
	rate := flag.Int("rate", 40, "how many messages the users begin to send each second, in all")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "where the instants of the kills come from")
	settle := flag.Duration("settle", time.Minute, "how long the last answers are waited for")
	keep := flag.Bool("keep", false, "leave the folder there")
	announce := flag.Int("announce", 0, "in place of messages, one announcement to so many targets")
	race := flag.Bool("race", false, "build the bot with the race detector")
	flag.Parse()

	dir, err := os.MkdirTemp("", "killtest-")
	if err != nil {
		return err
	}
	if *keep {
		fmt.Println("folder", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	fmt.Printf("seed %d\n", *seed)
	timbot, err := build(ctx, dir, *race)
	if err != nil {
		return err
	}
	if *announce > 0 {
		return announceKills(ctx, dir, timbot, *kills, *announce, *seed, *settle)
	}
	if err := os.WriteFile(filepath.Join(dir, "bot.yaml"), []byte(rules(0)), 0o644); err != nil {
		return err
	}
	w, err := newWorld(ctx, dir)
	if err != nil {
		return err
	}
	defer func() {
		if e := w.close(); err == nil {
			err = e
		}
	}()

	load, endLoad := context.WithCancel(ctx)
	defer endLoad()
	loaded := w.load(load, *rate)
	b := &victim{timbot: timbot, dir: dir, rand: rand.New(rand.NewPCG(*seed, 4))}
	for n := range *kills {
		if err := b.liveAndDie(ctx, n); err != nil {
			endLoad()
			return err
		}
	}
	endLoad()
	if err := b.start(); err != nil {
		return err
	}
	select {
	case <-loaded:
	case <-time.After(*settle): // a dialogue stands still: counted as lost
	}
	late := w.settle(ctx, *settle)
	if err := b.stop(); err != nil {
		return err
	}
	found, err := w.count(ctx)
	if err != nil {
		return err
	}
	problems, err := w.check(ctx, dir)
	if err != nil {
		return err
	}
	for _, p := range append(found.problems, problems...) {
		fmt.Println(p)
	}
	if late != "" {
		fmt.Println(late)
	}
	fmt.Println(b.moments())
	fmt.Printf("kills %d events %d lost %d doubled %d\n", *kills, w.sent(), found.lost, found.doubled)
	if found.lost+found.doubled+len(problems) > 0 {
		return fmt.Errorf("the bot did not keep its word: run again with -seed %d -keep", *seed)
	}
	return nil
}

// build makes the command that is killed.
func build(ctx context.Context, dir string, race bool) (string, error) {
	name := filepath.Join(dir, "timbot")
	args := []string{"build", "-o", name}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/timbot-go/timbot/cmd/timbot")...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build timbot: %w", err)
	}
	return name, nil
}
