package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// terminals reports whether a person sits at both ends.
func terminals(in io.Reader, out io.Writer) bool {
	if os.Getenv("TERM") == "dumb" {
		return false
	}
	i, ok1 := in.(*os.File)
	o, ok2 := out.(*os.File)
	return ok1 && ok2 && term.IsTerminal(int(i.Fd())) && term.IsTerminal(int(o.Fd()))
}

// terminal is a chat at a terminal.
type terminal struct {
	in     *os.File
	screen *screen
	past   past
	plain  bool // without colours
	state  *term.State

	editor  editor
	keys    keyReader
	leaving bool // Ctrl-C was pressed once
}

// lastWords is how long somebody who leaves waits for what the bot is doing.
const lastWords = 2 * time.Second

const (
	pasteOn  = "\x1b[?2004h" // the terminal marks what is pasted
	pasteOff = "\x1b[?2004l"
)

// terminal talks to a person. keepDir is the folder that stays, if any.
func (c *chatting) terminal(keepDir string) (err error) {
	in, out := c.cmd.InOrStdin().(*os.File), c.cmd.OutOrStdout().(*os.File)
	t := &terminal{
		in: in, past: pastFile(keepDir), plain: os.Getenv("NO_COLOR") != "",
		screen: &screen{out: out, size: func() (int, int) {
			width, height, err := term.GetSize(int(out.Fd()))
			if err != nil || width <= 0 || height <= 0 {
				return 80, 24
			}
			return width, height
		}},
	}
	if t.editor.past, err = t.past.load(); err != nil {
		return fmt.Errorf("the lines of former chats: %w", err)
	}
	t.editor.shown = len(t.editor.past)
	s, err := c.open(t.screen, t.show)
	if err != nil {
		return err
	}
	if err := t.raw(); err != nil {
		return errors.Join(err, s.close())
	}
	s.echo = true
	err = t.talk(s)
	t.screen.hide()
	if err == nil {
		err = s.settleFor(lastWords)
	}
	return errors.Join(err, s.close(), t.restore())
}

func (t *terminal) raw() (err error) {
	t.state, err = term.MakeRaw(int(t.in.Fd()))
	if err == nil {
		_, err = io.WriteString(t.screen.out, pasteOn)
	}
	return err
}

func (t *terminal) restore() error {
	_, err := io.WriteString(t.screen.out, pasteOff)
	return errors.Join(err, term.Restore(int(t.in.Fd()), t.state))
}

// talk reads keys until the person leaves or the session ends.
func (t *terminal) talk(s *session) error {
	buf := make([]byte, 4096)
	input := newAhead(func() ([]byte, error) {
		n, err := t.in.Read(buf)
		return buf[:n], err // read again only when these are used up
	})
	defer input.close()
	sizes, stop := watchSize()
	defer stop()

	user, conv := s.where()
	t.screen.print(t.paint(dim, fmt.Sprintf("%s talks to %s. /help lists the commands, Ctrl-D leaves.", user, conv.ID)))
	t.redraw(s)
	input.ask()
	for {
		select {
		case r := <-input.got:
			for _, k := range t.keys.push(r.value) {
				if err := t.press(s, k); err != nil {
					if errors.Is(err, errLeft) {
						return nil
					}
					return err
				}
			}
			if r.err != nil {
				if errors.Is(r.err, io.EOF) {
					return nil
				}
				return fmt.Errorf("terminal: %w", r.err)
			}
			input.ask()
		case <-sizes:
			t.screen.resized()
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

// press does what one key says.
func (t *terminal) press(s *session, k key) error {
	again := t.leaving
	t.leaving = false
	switch k.name {
	case keyEnter:
		return t.enter(s)
	case keyLeave:
		if t.editor.text == "" {
			return errLeft
		}
		t.editor.press(key{name: keyDelete})
	case keyInterrupt:
		switch {
		case t.editor.text != "":
			t.screen.hide()
			t.screen.print(t.promptOf(s) + t.editor.text + "^C")
			t.editor.text, t.editor.at, t.editor.shown = "", 0, len(t.editor.past)
		case again:
			return errInterrupted
		default:
			t.leaving = true
			t.screen.print(t.paint(dim, "Ctrl-C once more, Ctrl-D or /exit leaves."))
		}
	case keyClear:
		t.screen.clear()
		return nil
	case keySuspend:
		if err := t.suspend(); err != nil {
			return err
		}
	case keyTab:
		t.complete()
	default:
		if !t.editor.press(k) {
			return nil
		}
	}
	t.redraw(s)
	return nil
}

// enter gives the line to the session.
func (t *terminal) enter(s *session) error {
	prompt, text := t.promptOf(s), t.editor.take()
	if strings.TrimSpace(text) == "" {
		t.redraw(s)
		return nil
	}
	t.screen.hide()
	if err := t.past.add(text); err != nil {
		t.screen.print(t.paint(red, "the line is not kept: "+err.Error()))
	}
	_, _, isOrder := orderOf(text)
	if isOrder {
		t.screen.print(prompt + text)
	}
	if err := s.do(text); err != nil {
		if errors.Is(err, errLeft) {
			return err
		}
		if !isOrder {
			t.screen.print(prompt + text)
		}
		t.screen.print(t.paint(red, clean(err.Error())))
	}
	t.redraw(s)
	return nil
}

// complete writes out the command that the line begins.
func (t *terminal) complete() {
	e := &t.editor
	if !strings.HasPrefix(e.text, "/") || e.at != len(e.text) || strings.Contains(e.text, " ") {
		return
	}
	var fits []string
	for _, o := range orders() {
		if strings.HasPrefix("/"+o.name, e.text) {
			fits = append(fits, "/"+o.name)
		}
	}
	switch len(fits) {
	case 0:
	case 1:
		e.press(key{text: strings.TrimPrefix(fits[0], e.text) + " "})
	default:
		t.screen.print(t.paint(dim, strings.Join(fits, "  ")))
	}
}

func (t *terminal) redraw(s *session) { t.screen.edit(t.promptOf(s), t.editor.text, t.editor.at) }

func (t *terminal) promptOf(s *session) string {
	user, conv := s.where()
	place := conv.ID
	if user, group := conv.ID, conv.Type.String() == "group"; group {
		place = "[" + user + "]"
	}
	return user + " → " + place + "> "
}

// show prints an entry above the prompt.
func (t *terminal) show(s *session, e entry) {
	user, conv := s.where()
	at := ""
	if e.Time > 0 {
		at = t.paint(dim, time.Unix(int64(e.Time), 0).Format("15:04:05")) + " "
	}
	head, body := e.head(user, conv), e.body()
	switch {
	case e.isMessage() && e.From == s.botUser:
		head = t.paint(cyan, head)
	case e.isMessage():
		head = t.paint(green, head)
	case e.happened():
		head, body = "", t.paint(yellow, head+body)
	}
	t.screen.print(at + head + body)
}

type colour string

const (
	dim    colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	cyan   colour = "36"
)

func (t *terminal) paint(c colour, text string) string {
	if t.plain {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
