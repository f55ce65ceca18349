package native

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// outputPatience is how long what a process said may take to be read after its end.
const outputPatience = time.Second

// lifelineEnv names the descriptor that a child reads until its end, which is that of its parent, whichever way that ends.
const lifelineEnv = "TIMBOT_NATIVE_LIFELINE"

// process runs a child for go-plugin, whose own runner lets the library's output reach a parser of log lines that
// panics on some, and stops reading at a line of 64 KiB.
type process struct {
	cmd      *exec.Cmd
	out      handshakeLine
	lifeline *os.File // our end; the child sees it close
}

var _ runner.Runner = (*process)(nil)

// newProcess prepares cmd, whose standard error goes to errors.
func newProcess(cmd *exec.Cmd, errors io.Writer) (_ *process, err error) {
	p := &process{cmd: cmd}
	cmd.Stdin, cmd.Stderr, cmd.WaitDelay = nil, errors, outputPatience
	if p.out.ReadCloser, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if runtime.GOOS == "windows" { // cannot pass it on; a child finds out by its stream there
		return p, nil
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(cmd.Env, lifelineEnv+"=3") // the first after the standard three
	p.lifeline = ours
	return p, nil
}

// Start implements [runner.Runner].
func (p *process) Start(context.Context) error {
	err := p.cmd.Start()
	for _, f := range p.cmd.ExtraFiles {
		_ = f.Close() // the child has its own
	}
	if err != nil {
		p.cut()
	}
	return err
}

func (p *process) cut() {
	if p.lifeline != nil {
		_ = p.lifeline.Close()
	}
}

// Wait implements [runner.AttachedRunner].
func (p *process) Wait(context.Context) error {
	defer p.cut()
	return p.cmd.Wait()
}

// Kill implements [runner.AttachedRunner].
func (p *process) Kill(context.Context) error {
	if p.cmd.Process == nil {
		return nil
	}
	_ = p.cmd.Process.Kill() // fails when it has ended already
	return nil
}

// Stdout implements [runner.Runner].
func (p *process) Stdout() io.ReadCloser { return &p.out }

// Stderr implements [runner.Runner]: go-plugin gets to read nothing.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements [runner.Runner].
func (p *process) Name() string { return p.cmd.Path }

// ID implements [runner.AttachedRunner].
func (p *process) ID() string {
	if p.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(p.cmd.Process.Pid)
}

// Diagnose implements [runner.Runner].
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost implements [runner.AddrTranslator].
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements [runner.AddrTranslator].
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// handshakeLine is a standard output of which the first line counts. The rest, which is the library's, is read and left.
type handshakeLine struct {
	io.ReadCloser
	told bool
}

func (l *handshakeLine) Read(p []byte) (int, error) {
	for {
		n, err := l.ReadCloser.Read(p)
		if l.told {
			if err != nil {
				return 0, err
			}
			continue
		}
		if i := bytes.IndexByte(p[:n], '\n'); i >= 0 {
			l.told = true
			return i + 1, nil
		}
		return n, err
	}
}
