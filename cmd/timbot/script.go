package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine bounds a line of a script, in bytes. A message holds far less.
const maxLine = 1 << 20

var errLineTooLong = fmt.Errorf("longer than %d bytes: not sent", maxLine)

// script gives lines to a session, one after another, each after everything that the one before started is done. What
// fails is told on stderr with the number of its line; the lines after it are done all the same.
func script(s *session, in io.Reader, stderr io.Writer) error {
	r := bufio.NewReader(in)
	lines := newAhead(func() ([]byte, error) { return readLine(r) })
	defer lines.close()
	failed := false
	for n := 1; ; n++ {
		lines.ask()
		var line []byte
		var err error
		select {
		case l := <-lines.got:
			line, err = l.value, l.err
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
		if err != nil && !errors.Is(err, errLineTooLong) {
			if !errors.Is(err, io.EOF) {
				return fmt.Errorf("standard input: %w", err)
			}
			if failed {
				return errFindings
			}
			return nil
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		text := strings.TrimRight(string(line), "\r\n")
		switch {
		case err != nil:
		case strings.TrimSpace(text) == "":
			continue
		case !utf8.ValidString(text):
			err = errors.New("no UTF-8 text: not sent")
		default:
			if err = s.do(text); errors.Is(err, errLeft) {
				if failed {
					return errFindings
				}
				return nil
			}
		}
		if cause := context.Cause(s.ctx); cause != nil {
			return cause
		}
		if err != nil {
			failed = true
			fmt.Fprintf(stderr, "timbot: line %d: %v\n", n, err)
		}
		if err := s.settle(); err != nil {
			return err
		}
	}
}

// readLine returns the next line; at the end of the input a line without its end. Of a line longer than maxLine nothing
// is kept.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			line, long = nil, true
		}
		if !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil && long, errors.Is(err, io.EOF) && long:
			return nil, errLineTooLong
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return line, err
		}
	}
}
