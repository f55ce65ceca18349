package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
	"github.com/jonboulle/clockwork"
)

// drainTime is how long what a dead process wrote is still read when somebody else holds its pipes open.
const drainTime = 500 * time.Millisecond

// process is the process of a plugin. It is go-plugin's runner in place of its own, which hands what the plugin writes to a
// parser that panics on some of it, in a goroutine that nobody can recover. go-plugin is given the first line and no more.
type process struct {
	clock clockwork.Clock
	say   func(level, text string, lost int)

	cmd   *exec.Cmd
	pid   int
	alive *os.File // the child's standard input is its other end

	line  chan string   // the first line that it wrote to its standard output; room for one
	first *firstLine    // the same, for go-plugin
	gone  chan struct{} // closed when it has ended and all it wrote was read
	state *os.ProcessState

	once sync.Once
}

var _ runner.Runner = (*process)(nil)

// spawn starts cmd, whose Dir, Env and Args are set.
func spawn(s *spawner, cmd *exec.Cmd, clock clockwork.Clock, say func(level, text string, lost int)) (*process, error) {
	p := &process{
		clock: clock, say: say, cmd: cmd, line: make(chan string, 1), first: newFirstLine(), gone: make(chan struct{}),
	}
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			f.Close()
		}
	}
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err == nil {
			files = append(files, r, w)
		}
		return r, w, err
	}
	in, alive, err1 := pipe()
	out, outW, err2 := pipe()
	errs, errsW, err3 := pipe()
	if err := errors.Join(err1, err2, err3); err != nil {
		closeAll()
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, outW, errsW
	cmd.SysProcAttr = attributes()
	var err error
	s.do(func() { err = cmd.Start() })
	if err != nil {
		closeAll()
		return nil, err
	}
	p.pid, p.alive = cmd.Process.Pid, alive
	for _, f := range []*os.File{in, outW, errsW} {
		f.Close()
	}
	dead := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() { p.readOut(out, dead) })
	reading.Go(func() {
		m := &meter{clock: clock, stop: dead}
		pump(bufio.NewReaderSize(errs, maxLine), m, func(text string, lost int) { p.say("stderr", text, lost) })
	})
	go func() { // ends with the process; gone tells
		_ = cmd.Wait() // what it returns is in ProcessState
		killGroup(p.pid)
		close(dead)
		timer := clock.AfterFunc(drainTime, func() { out.Close(); errs.Close() })
		reading.Wait()
		timer.Stop()
		out.Close()
		errs.Close()
		p.alive.Close()
		p.first.give("")
		p.state = cmd.ProcessState
		close(p.gone)
	}()
	return p, nil
}

// readOut reads the standard output: the first line is the handshake's, the rest is said.
func (p *process) readOut(out *os.File, dead <-chan struct{}) {
	r := bufio.NewReaderSize(out, maxLine)
	line, n, err := readLine(r, maxFirstLine)
	if n > 0 {
		p.line <- line
		p.first.give(line)
	}
	close(p.line)
	if err != nil {
		return
	}
	pump(r, &meter{clock: p.clock, stop: dead}, func(text string, lost int) { p.say("stdout", text, lost) })
}

// kill ends the process and what it started. It does not wait.
func (p *process) kill() {
	p.once.Do(func() {
		select {
		case <-p.gone:
		default:
			killGroup(p.pid)
		}
	})
}

// end says how a process that has gone ended.
func (p *process) end() string {
	if p.state == nil {
		return "it could not be waited for"
	}
	return p.state.String()
}

// Start implements runner.Runner: the process runs already.
func (p *process) Start(context.Context) error { return nil }

// Diagnose implements runner.Runner.
func (p *process) Diagnose(context.Context) string { return "" }

// Stdout implements runner.Runner.
func (p *process) Stdout() io.ReadCloser { return p.first }

// Stderr implements runner.Runner.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements runner.Runner.
func (p *process) Name() string { return p.cmd.Path }

// ID implements runner.Runner.
func (p *process) ID() string { return strconv.Itoa(p.pid) }

// Wait implements runner.Runner.
func (p *process) Wait(context.Context) error {
	<-p.gone
	if p.state == nil || !p.state.Success() {
		return fmt.Errorf("%s", p.end())
	}
	return nil
}

// Kill implements runner.Runner.
func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

// PluginToHost implements runner.Runner.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// firstLine is a reader of one line, which comes later.
type firstLine struct {
	once  sync.Once
	ready chan struct{}
	text  bytes.Reader
}

func newFirstLine() *firstLine { return &firstLine{ready: make(chan struct{})} }

func (f *firstLine) give(line string) {
	f.once.Do(func() {
		if line != "" {
			f.text.Reset([]byte(line + "\n"))
		}
		close(f.ready)
	})
}

// Read implements io.Reader.
func (f *firstLine) Read(b []byte) (int, error) {
	<-f.ready
	return f.text.Read(b)
}

// Close implements io.Closer.
func (f *firstLine) Close() error {
	f.give("")
	return nil
}
