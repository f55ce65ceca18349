package plugintest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	"github.com/timbot-go/timbot/bot"
	"github.com/timbot-go/timbot/plugins/host"
	"github.com/timbot-go/timbot/plugins/wire"
	"github.com/timbot-go/timbot/rules"
)

// Options say how a plugin is tested.
type Options struct {
	// Env are the variables that the plugin sees, besides those that every plugin sees.
	Env []string

	// Inputs are JSON objects by the names of actions: the inputs of their calls, in place of made-up ones.
	Inputs map[string]json.RawMessage

	// Only are the names of the checks that are made; nil: all.
	Only []string

	// Command starts the plugin in place of plugin.yaml's.
	Command []string

	StartTimeout time.Duration // until Ready; 30s unless given, as for a bot
	PingTimeout  time.Duration // for a Pong; 10s, which is less than a bot's
	CancelGrace  time.Duration // for the end of a call that was cancelled; 1s
	StopGrace    time.Duration // for the end of the program; 5s
}

// Report is what was found.
type Report struct {
	Plugin  string // as plugin.yaml has it; empty when that cannot be read
	Version string
	Ready   time.Duration // how long it took to start
	Checks  []Check       // all, in their order
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Result != Passed })
}

// Result says how a check went.
type Result string

// The results.
const (
	Passed   Result = "passed"
	Failed   Result = "failed"
	NotTried Result = "not tried" // because of another that failed
)

// Check is one thing that bots expect.
type Check struct {
	Name     string   `json:"check"`
	Result   Result   `json:"result"`
	Expects  string   `json:"expects"` // what, in a sentence
	Problems []string `json:"problems,omitzero"`
}

// maxProblems is how many are told of one check.
const maxProblems = 8

// tester tests one plugin.
type tester struct {
	options  Options
	dir      string
	work     string // the folder that it runs in
	manifest *rules.Manifest
	plugin   host.Plugin
	actions  map[string]*host.Action
	command  func() *exec.Cmd
	bot      *fakeBot
	p        *process // may be nil, or dead
	took     time.Duration

	mu       sync.Mutex
	problems map[string][]string
}

func (t *tester) found(check, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if have := t.problems[check]; len(have) < maxProblems && !slices.Contains(have, text) {
		t.problems[check] = append(have, text)
	}
}

func (t *tester) failed(check string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.problems[check]) > 0
}

func (o *Options) wants(check string) bool { return o.Only == nil || slices.Contains(o.Only, check) }

type check struct {
	name, expects string
	run           func(t *tester, ctx context.Context) error // nil: others find its problems
}

var checks = []check{
	{"manifest", "plugin.yaml is in order, and the program that it names is there", (*tester).checkManifest},
	{"by-hand", "started by a person it says what it is, and ends", (*tester).checkByHand},
	{"handshake", "its first line tells a bot where it serves, and its certificate", nil},
	{"tls", "it serves the bot that started it, and nobody else", (*tester).checkTLS},
	{"start", "it can be called in time", nil},
	{"ready", "it is the program that plugin.yaml is of, with all its actions", (*tester).checkReady},
	{"ping", "it answers pings, whatever it does", (*tester).checkPing},
	{"calls", "its actions answer as plugin.yaml says, or with an error for people", (*tester).checkCalls},
	{"unknown-action", "an action that it does not have is an error and no more", (*tester).checkUnknownAction},
	{"odd-inputs", "it takes all that plugin.yaml allows, and survives what it does not", (*tester).checkOdd},
	{"big-inputs", "it takes large inputs", (*tester).checkBig},
	{"newer-bot", "it leaves alone what it does not know", (*tester).checkNewer},
	{"parallel", "it takes many calls at once", (*tester).checkParallel},
	{"cancel", "a call that is cancelled ends soon", (*tester).checkCancel},
	{"deadline", "a call whose time is over ends soon", (*tester).checkDeadline},
	{"calls-back", "it asks only for what plugin.yaml asks for, in good form, and can be refused", (*tester).checkCallsBack},
	{"log", "it does not flood the log", (*tester).checkLog},
	{"crash", "killed in the middle of a call it starts again, and takes the call again", (*tester).checkCrash},
	{"stop", "told to stop it finishes, ends, and leaves nothing behind", (*tester).checkStop},
	{"bot-gone", "it ends when the bot is gone", (*tester).checkBotGone},
}

// Names are the names of all checks, in their order.
func Names() []string {
	var out []string
	for _, c := range checks {
		out = append(out, c.name)
	}
	return out
}

// Run tests the plugin whose plugin.yaml is in dir. It takes some seconds. The error says why it could not be tested; what is wrong
// with the plugin is in the report.
func Run(ctx context.Context, dir string, o Options) (*Report, error) {
	for _, d := range []struct {
		to *time.Duration
		is time.Duration
	}{{&o.StartTimeout, 30 * time.Second}, {&o.PingTimeout, 10 * time.Second}, {&o.CancelGrace, time.Second}, {&o.StopGrace, 5 * time.Second}} {
		if *d.to <= 0 {
			*d.to = d.is
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "timbot-plugin-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	t := &tester{options: o, dir: dir, work: work, problems: make(map[string][]string), actions: make(map[string]*host.Action)}
	defer func() { t.p.close() }()
	tried := make(map[string]bool)
	for _, c := range checks {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if t.failed("manifest") || t.hopeless() || !o.wants(c.name) && c.name != "manifest" {
			continue
		}
		tried[c.name] = true
		if c.run == nil {
			continue
		}
		var p *problem
		if err := c.run(t, ctx); errors.As(err, &p) {
			if p.check != c.name && !t.hopelessCheck(p.check) { // it started before
				p = wrong(c.name, "%s", p.text)
			}
			t.found(p.check, "%s", p.text)
			tried[p.check] = true
			if p.check != c.name {
				tried[c.name] = false
			}
		} else if err != nil {
			return nil, err
		}
	}
	t.drop()
	r := new(Report)
	if t.manifest != nil {
		r.Plugin, r.Version, r.Ready = t.manifest.Name, t.manifest.Version, t.took
	}
	for _, c := range checks {
		if !o.wants(c.name) && !t.failed(c.name) {
			continue
		}
		result := Passed
		switch {
		case t.failed(c.name):
			result = Failed
		case !tried[c.name]:
			result = NotTried
		}
		r.Checks = append(r.Checks, Check{c.name, result, c.expects, t.problems[c.name]})
	}
	return r, nil
}

// hopeless reports whether the plugin cannot be called at all.
func (t *tester) hopeless() bool {
	return t.took == 0 && slices.ContainsFunc([]string{"handshake", "tls", "start", "ready"}, t.failed)
}

func (t *tester) hopelessCheck(name string) bool {
	return t.took == 0 && slices.Contains([]string{"handshake", "tls", "start", "ready"}, name)
}

// live returns a process that can be called.
func (t *tester) live(ctx context.Context) (*process, error) {
	if t.p.alive() {
		return t.p, nil
	}
	t.p.close()
	t.p = nil
	p, err := t.start(ctx)
	if err != nil {
		return nil, err
	}
	if t.p = p; t.took == 0 {
		t.took = p.took
	}
	return p, nil
}

// drop ends the process, of which nothing more is wanted.
func (t *tester) drop() {
	t.p.close()
	t.p = nil
}

func (t *tester) checkManifest(context.Context) error {
	m, err := rules.LoadManifest(os.DirFS(t.dir), rules.ManifestName)
	var mistakes rules.Errors
	if errors.As(err, &mistakes) {
		for _, e := range mistakes {
			t.found("manifest", "%s", e.Error())
		}
		return nil
	}
	if err != nil {
		return err
	}
	t.manifest = m
	t.plugin = bot.PluginOf(&rules.Plugin{Name: m.Name, Manifest: m, Dir: ".", Command: t.options.Command}, t.dir)
	for i := range t.plugin.Actions {
		t.actions[m.Actions[i].Name] = &t.plugin.Actions[i]
	}
	t.bot = newFakeBot(m.Asks)
	file, args, err := host.Program(t.plugin)
	if err != nil {
		t.found("manifest", "the program that it names cannot be started: %v. Is it built, or installed?", err)
		return nil
	}
	for name := range t.options.Inputs {
		if t.actions[name] == nil {
			t.found("manifest", "inputs were given for %q, and there is no such action", name)
		}
	}
	t.command = func() *exec.Cmd {
		cmd := exec.Command(file, args...)
		cmd.Dir = t.work
		cmd.SysProcAttr = ownGroup()
		return cmd
	}
	return nil
}

func (t *tester) checkByHand(ctx context.Context) error {
	cmd := t.command()
	cmd.Env = t.environment()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return wrong("start", "it cannot be started: %v", err)
	}
	done := make(chan struct{})
	go func() { // ends with the process
		_ = cmd.Wait()
		close(done)
	}()
	timer := time.NewTimer(t.options.StartTimeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.found("by-hand", "started without the variable %s it did not end within %s: it must say what it is, and exit",
			wire.CookieVariable, t.options.StartTimeout)
	case <-ctx.Done():
	}
	killGroup(cmd.Process.Pid)
	<-done
	if text := out.String(); !t.failed("by-hand") && ctx.Err() == nil {
		switch {
		case strings.HasPrefix(text, "1|"):
			t.found("by-hand", "started without the variable %s it wrote a handshake: it must say what it is, and exit", wire.CookieVariable)
		case strings.TrimSpace(text) == "":
			t.found("by-hand", "started without the variable %s it said nothing: it must say what it is, for a person wants to know",
				wire.CookieVariable)
		}
	}
	return nil
}

func (t *tester) checkTLS(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	for _, text := range p.strangers() {
		t.found("tls", "%s", text)
	}
	if !p.alive() || !p.ping(1, 5*time.Second) {
		t.found("tls", "strangers who knock bring it down: %s", p.end())
	}
	return nil
}

func (t *tester) checkReady(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	m := t.manifest
	if p.ready.GetName() != m.Name || p.ready.GetVersion() != m.Version {
		t.found("ready", "the program says that it is %q %q, and plugin.yaml says %q %q: a bot does not take it", p.ready.GetName(),
			p.ready.GetVersion(), m.Name, m.Version)
	}
	for _, a := range m.Actions {
		if !slices.Contains(p.ready.GetActions(), a.Name) {
			t.found("ready", "plugin.yaml has the action %s, and the program has not: it says it has %v", a.Name, p.ready.GetActions())
		}
	}
	for _, name := range p.ready.GetActions() {
		if t.actions[name] == nil {
			t.found("ready", "the program has the action %s, and plugin.yaml has not: no rule can use it", name)
		}
	}
	return nil
}

func (t *tester) checkPing(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	for id := range uint64(3) {
		if !p.ping(id+100, t.options.PingTimeout) {
			t.found("ping", "a Ping with the id %d was not answered by a Pong with that id within %s: a bot kills a plugin that does not (%s)",
				id+100, t.options.PingTimeout, p.end())
			t.drop()
			break
		}
	}
	return nil
}

// input is what an action is called with.
func (t *tester) input(a *rules.PluginAction, required bool) []byte {
	if given := t.options.Inputs[a.Name]; given != nil {
		return given
	}
	return encode(samples(a.Inputs, required))
}

// encode writes what is made up here, which has JSON.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// each calls f for every action, with a process that lives. f reports whether the process can still be used.
func (t *tester) each(ctx context.Context, f func(p *process, a *rules.PluginAction) bool) error {
	for i := range t.manifest.Actions {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		p, err := t.live(ctx)
		if err != nil {
			return err
		}
		if !f(p, &t.manifest.Actions[i]) {
			t.drop()
		}
	}
	return nil
}

func (t *tester) checkCalls(ctx context.Context) error {
	return t.each(ctx, func(p *process, a *rules.PluginAction) bool {
		for _, v := range []struct {
			what     string
			required bool
		}{{"with the inputs that it needs", true}, {"with all its inputs", false}} {
			before := p.linesSaid()
			if !p.judge("calls", v.what, a, p.do(a, t.input(a, v.required), made{})) {
				return false
			}
			if n := p.linesSaid() - before; n > maxLines {
				t.found("log", "%s wrote %d lines in one call: a bot keeps %d a second, the rest is lost", a.Name, n, maxLines)
			}
		}
		return true
	})
}

func (t *tester) checkUnknownAction(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	a := &rules.PluginAction{Name: "no_such_action", Timeout: 5 * time.Second}
	switch o := p.do(a, []byte("{}"), made{}); {
	case o.endless:
		t.found("unknown-action", "a call of an action that it does not have was not answered")
		t.drop()
	case o.err != nil:
		p.settle(o.err)
		if p.alive() {
			t.found("unknown-action", "a call of an action that it does not have was answered with the status %s: it belongs into the reply's error",
				status.Code(o.err))
		} else {
			t.found("unknown-action", "it ended when an action was called that it does not have: %s", p.end())
		}
	case o.reply.GetError() == nil:
		t.found("unknown-action", "a call of an action that it does not have was answered as if all were well")
	}
	return nil
}

func (t *tester) checkOdd(ctx context.Context) error {
	return t.each(ctx, func(p *process, a *rules.PluginAction) bool {
		seen := make(map[string]bool)
		for n := range oddVariants {
			input := encode(odds(a.Inputs, n))
			if seen[string(input)] {
				continue
			}
			seen[string(input)] = true
			if !p.judge("odd-inputs", "with "+short(string(input)), a, p.do(a, input, made{})) {
				return false
			}
		}
		for _, input := range []string{"{", "[1]", "\xff\xfe", `{"a":1,`, strings.Repeat("[", 100_000)} {
			what := "with " + short(fmt.Sprintf("%q", input)) + ", which is no JSON object"
			o := p.do(a, []byte(input), made{})
			if !p.judge("odd-inputs", what, a, o) {
				return false
			}
			if o.err == nil && o.reply.GetError() == nil {
				t.found("odd-inputs", "%s: %s answered as if all were well", what, a.Name)
			}
		}
		more := samples(a.Inputs, false)
		more["an_input_that_is_not_there"] = 1
		if !p.judge("odd-inputs", "with an input that it does not have", a, p.do(a, encode(more), made{})) {
			return false
		}
		for _, f := range a.Inputs {
			other := samples(a.Inputs, false)
			if other[f.Name] = any([]any{map[string]any{}}); f.Type.Kind == rules.KindList {
				other[f.Name] = 1
			}
			if !p.judge("odd-inputs", f.Name+" of another type", a, p.do(a, encode(other), made{})) {
				return false
			}
		}
		return true
	})
}

func (t *tester) checkBig(ctx context.Context) error {
	return t.each(ctx, func(p *process, a *rules.PluginAction) bool {
		input := big(a.Inputs)
		return input == nil || p.judge("big-inputs", "with 900 kB of text", a, p.do(a, encode(input), made{}))
	})
}

func (t *tester) checkNewer(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	p.send(unknown())
	p.send(&wire.HostMessage{Kind: &wire.HostMessage_Cancel{Cancel: &wire.Cancel{Call: 1 << 40}}})
	p.send(&wire.HostMessage{Kind: &wire.HostMessage_Answer{Answer: &wire.Answer{Id: 1 << 40}}})
	if !p.ping(200, t.options.PingTimeout) {
		t.found("newer-bot", "a message of a kind that it does not know, a Cancel of a call and an Answer to a Request that are not there bring it "+
			"down: it must leave them alone (%s)", p.end())
		t.drop()
	}
	return nil
}

// many is how many calls run at once unless a bot's file says otherwise.
const many = 16

func (t *tester) checkParallel(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil || len(t.manifest.Actions) == 0 {
		return err
	}
	type ended struct {
		action *rules.PluginAction
		o      outcome
	}
	all := make(chan ended, many)
	for n := range many {
		a := &t.manifest.Actions[n%len(t.manifest.Actions)]
		go func() { all <- ended{a, p.do(a, t.input(a, false), made{})} }() // ends with its call
	}
	pinged := p.ping(300, t.options.PingTimeout)
	usable := true
	for range many {
		e := <-all
		usable = usable && p.judge("parallel", fmt.Sprintf("with %d calls at once", many), e.action, e.o)
	}
	if usable && !pinged {
		t.found("parallel", "while %d calls ran a Ping was not answered within %s", many, t.options.PingTimeout)
	}
	if !usable {
		t.drop()
	}
	return nil
}

func (t *tester) checkCancel(ctx context.Context) error {
	return t.each(ctx, func(p *process, a *rules.PluginAction) bool {
		return p.judge("cancel", "cancelled at once", a, p.do(a, t.input(a, false), made{cancel: 30 * time.Millisecond}))
	})
}

func (t *tester) checkDeadline(ctx context.Context) error {
	return t.each(ctx, func(p *process, a *rules.PluginAction) bool {
		return p.judge("deadline", "with 200ms of time", a, p.do(a, t.input(a, false), made{timeout: 200 * time.Millisecond}))
	})
}

func (t *tester) checkCallsBack(ctx context.Context) error {
	t.bot.refuse(true)
	defer t.bot.refuse(false)
	return t.each(ctx, func(p *process, a *rules.PluginAction) bool {
		return p.judge("calls-back", "when the bot refuses all that it asks for", a, p.do(a, t.input(a, false), made{}))
	})
}

func (t *tester) checkLog(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	before := p.linesSaid()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	if n := p.linesSaid() - before; n > maxLines {
		t.found("log", "it wrote %d lines within a second in which nothing called it: a bot keeps %d, the rest is lost", n, maxLines)
	}
	return nil
}

func (t *tester) checkCrash(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	var a *rules.PluginAction
	if len(t.manifest.Actions) > 0 {
		a = &t.manifest.Actions[0]
		p.begin(a, t.input(a, false), made{effect: "test/again"})
		time.Sleep(10 * time.Millisecond) // so that it may have begun
	}
	_ = p.cmd.Process.Kill()
	<-p.gone
	t.drop()
	if p, err = t.live(ctx); err != nil {
		return wrong("crash", "after it was killed it does not start again in the same folder: %v", err)
	}
	if a != nil && !p.judge("crash", "called again after it was killed", a, p.do(a, t.input(a, false), made{effect: "test/again", again: true})) {
		t.drop()
	}
	return nil
}

func (t *tester) checkStop(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	defer t.drop()
	var c *call
	if len(t.manifest.Actions) > 0 {
		a := &t.manifest.Actions[0]
		c = p.begin(a, t.input(a, false), made{})
		time.Sleep(100 * time.Millisecond) // so that it has begun
	}
	grace := t.options.StopGrace
	p.send(&wire.HostMessage{Kind: &wire.HostMessage_Stop{Stop: &wire.Stop{GraceMs: uint32(grace.Milliseconds())}}})
	t.mustEnd("stop", "it was told to stop", p)
	if c == nil {
		return nil
	}
	select {
	case o := <-c.done:
		if o.err != nil {
			t.found("stop", "the call of %s that ran when it was told to stop was not answered: calls that run are finished first", c.action.Name)
		}
	case <-time.After(grace):
		t.found("stop", "the call of %s that ran when it was told to stop was not answered: calls that run are finished first", c.action.Name)
	}
	return nil
}

func (t *tester) checkBotGone(ctx context.Context) error {
	p, err := t.live(ctx)
	if err != nil {
		return err
	}
	defer t.drop()
	p.conn.Close()
	t.mustEnd("bot-gone", "the session broke", p)
	return nil
}

// mustEnd waits for the program's end, and for that of what it started.
func (t *tester) mustEnd(check, when string, p *process) {
	timer := time.NewTimer(t.options.StopGrace)
	defer timer.Stop()
	select {
	case <-p.gone:
		if groupLives(p.cmd.Process.Pid) {
			t.found(check, "%s, and it left a program behind that it had started: it must end what it starts", when)
		}
	case <-timer.C:
		t.found(check, "%s, and %s later it still runs: it must end by itself, a bot kills it then", when, t.options.StopGrace)
	}
}
