package main

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxPast is how many lines are kept from one chat to the next.
const maxPast = 1000

var pastEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
var pastUnescapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n")

// past is the file of the lines that were written in a chat, one a row.
type past struct{ path string }

// pastFile is where the lines are kept: in the chat's own folder if it has one that stays, else with the user's state.
func pastFile(dataDir string) past {
	if dataDir != "" {
		return past{filepath.Join(dataDir, "chat_history")}
	}
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return past{}
		}
		state = filepath.Join(home, ".local", "state")
	}
	return past{filepath.Join(state, "timbot", "chat_history")}
}

// load returns the last lines. When there are many more, the file is shortened.
func (p past) load() ([]string, error) {
	if p.path == "" {
		return nil, nil
	}
	f, err := os.Open(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rows []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		rows = append(rows, lines.Text())
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if many := len(rows) > 2*maxPast; len(rows) > maxPast {
		rows = rows[len(rows)-maxPast:]
		if many {
			if err := os.WriteFile(p.path, []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
				return nil, err
			}
		}
	}
	for i := range rows {
		rows[i] = pastUnescapes.Replace(rows[i])
	}
	return rows, nil
}

// add puts a line at the end.
func (p past) add(line string) error {
	if p.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(p.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(pastEscapes.Replace(line) + "\n")
	return errors.Join(err, f.Close())
}
