package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// victim is the bot's process.
type victim struct {
	timbot, dir string
	rand        *rand.Rand
	cmd         *exec.Cmd
	said        bytes.Buffer // on standard error, since the last start

	starting, reloading, compacting, living int // what it was doing when it died
}

// started is how long a process takes to be up, roughly; some are killed before.
const started = 60 * time.Millisecond

func (v *victim) start() error {
	v.said.Reset()
	v.cmd = exec.Command(v.timbot, "run", v.dir, "--log-level", "warn", "--grace", "20s")
	v.cmd.Stderr = &v.said
	return v.cmd.Start()
}

// liveAndDie starts the bot and kills it after a while.
func (v *victim) liveAndDie(ctx context.Context, n int) error {
	if err := v.start(); err != nil {
		return err
	}
	life := time.Duration(v.rand.IntN(700)) * time.Millisecond
	if v.rand.IntN(8) == 0 {
		life = time.Duration(v.rand.IntN(int(started)))
	}
	steer := v.rand.IntN(4)
	wait(ctx, life)
	var steering *exec.Cmd
	switch {
	case life < started:
		v.starting++
	case steer == 0: // in the middle of taking new rules
		v.reloading++
		if err := os.WriteFile(filepath.Join(v.dir, "bot.yaml"), []byte(rules(n+1)), 0o644); err != nil {
			return err
		}
		steering = exec.Command(v.timbot, "reload", v.dir)
	case steer == 1: // in the middle of forgetting what is old
		v.compacting++
		steering = exec.Command(v.timbot, "journal", "trim", v.dir)
	default:
		v.living++
	}
	if steering != nil {
		if err := steering.Start(); err != nil {
			return err
		}
		wait(ctx, time.Duration(v.rand.IntN(40))*time.Millisecond)
	}
	err := v.kill()
	if steering != nil {
		_ = steering.Wait() // it loses the bot in the middle: whatever it says
	}
	return err
}

// kill ends the process, which must not have ended by itself.
func (v *victim) kill() error {
	if err := v.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("the bot was gone before it was killed: %w\n%s", err, v.said.String())
	}
	err := v.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return nil
		}
	}
	return fmt.Errorf("the bot ended by itself: %v\n%s", err, v.said.String())
}

// stop lets the process end in good order.
func (v *victim) stop() error {
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := v.cmd.Wait()
	if text := v.said.String(); strings.Contains(text, "panic") || strings.Contains(text, "DATA RACE") {
		return errors.New(text)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 130 { // ended by a signal, as asked
		return nil
	}
	return err
}

func (v *victim) moments() string {
	return fmt.Sprintf("killed while starting %d, taking new rules %d, compacting %d, at work %d", v.starting, v.reloading,
		v.compacting, v.living)
}

// wait lets some time pass.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
