package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/timbot-go/timbot/bot"
)

// maxPath is how long the path of a socket may be, in bytes, so that every system takes it.
const maxPath = 100

const (
	dirName     = "control"
	socketName  = "sock"
	pointerName = "path" // holds the socket's path when that is elsewhere
	movedPrefix = "timbot-"
)

// Listener is the socket of a data folder.
type Listener struct {
	net.Listener
	path    string
	pointer string // "" when the socket is in the folder
}

// Listen makes the socket of a data folder, which the caller holds. What another process left there is removed. When the
// path would be longer than 100 bytes the socket is made in a folder of its own in $XDG_RUNTIME_DIR or the system's folder
// for temporary files, and a file in the data folder tells where. Nobody but the owner may enter. The caller gives the
// Listener to Server.Serve or closes it.
func Listen(folder *bot.Folder) (*Listener, error) {
	l, err := listen(folder.Path())
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return l, nil
}

func listen(folder string) (*Listener, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(folder, dirName)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	if err := sweep(dir); err != nil {
		return nil, err
	}
	l := &Listener{path: filepath.Join(dir, socketName)}
	if len(l.path) > maxPath {
		elsewhere, err := runtimeDir()
		if err != nil {
			return nil, err
		}
		l.path, l.pointer = filepath.Join(elsewhere, socketName), filepath.Join(dir, pointerName)
		if err := os.WriteFile(l.pointer, []byte(l.path+"\n"), 0o600); err != nil {
			return nil, errors.Join(err, os.Remove(elsewhere))
		}
	}
	socket, err := net.Listen("unix", l.path)
	if err != nil {
		return nil, errors.Join(err, sweep(dir))
	}
	l.Listener = socket
	if err := os.Chmod(l.path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// runtimeDir makes a folder with a short path that only its owner may enter.
func runtimeDir() (string, error) {
	var failed []error
	for _, base := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir()} {
		if base == "" {
			continue
		}
		dir, err := os.MkdirTemp(base, movedPrefix)
		if err == nil && len(filepath.Join(dir, socketName)) > maxPath {
			err = errors.Join(fmt.Errorf("the path %s is too long for a socket", dir), os.Remove(dir))
		}
		if err == nil {
			return dir, nil
		}
		failed = append(failed, err)
	}
	return "", fmt.Errorf("the data folder's path is too long for a socket, set XDG_RUNTIME_DIR to a folder with a short one: %w",
		errors.Join(failed...))
}

// sweep removes the socket and the pointer that a process left which held the data folder.
func sweep(dir string) error {
	pointer := filepath.Join(dir, pointerName)
	if moved, err := os.ReadFile(pointer); err == nil {
		path := strings.TrimSpace(string(moved))
		if elsewhere := filepath.Dir(path); strings.HasPrefix(filepath.Base(elsewhere), movedPrefix) {
			_, _ = os.Remove(path), os.Remove(elsewhere) // it may be gone, with the rest of the temporary files
		}
	}
	for _, name := range []string{pointer, filepath.Join(dir, socketName)} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Path is where the socket is.
func (l *Listener) Path() string { return l.path }

// Close ends listening and removes the socket. A second Close does nothing.
func (l *Listener) Close() error {
	err := l.Listener.Close() // it removes the socket
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	if l.pointer != "" {
		err = errors.Join(err, os.Remove(l.pointer), os.Remove(filepath.Dir(l.path)))
	}
	return err
}

// socketOf is where the socket of a data folder is, if there is one.
func socketOf(folder string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(folder, dirName)
	moved, err := os.ReadFile(filepath.Join(dir, pointerName))
	if errors.Is(err, fs.ErrNotExist) {
		return filepath.Join(dir, socketName), nil
	}
	if err != nil {
		return "", err
	}
	path := strings.TrimSpace(string(moved))
	info, err := os.Stat(filepath.Dir(path))
	if err == nil && info.Mode().Perm()&0o077 != 0 { // anybody could have made it
		err = fmt.Errorf("%s is open to other users", filepath.Dir(path))
	}
	return path, err
}
