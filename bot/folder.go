package bot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// FolderName is the name of the data folder that lies beside a bot's file unless the caller names another.
const FolderName = ".timbot"

// ErrFolderInUse is wrapped by what OpenFolder returns for a data folder that another process holds.
var ErrFolderInUse = errors.New("the data folder is in use")

// Folder is a bot's data folder, held by this process alone.
type Folder struct {
	path string
	lock *os.File
}

// DataDir is the data folder beside the bot's file.
func (f Files) DataDir() string { return filepath.Join(f.Dir, FolderName) }

// OpenFolder makes the folder when it is not there yet, and takes hold of it: a second OpenFolder of it, in this or any
// other process, is refused with an error that wraps ErrFolderInUse and tells the holder's process id where that can be
// had. The hold ends with Close or with the process, however that ends.
//
// The folder is made by MakeFolder.
func OpenFolder(path string) (*Folder, error) {
	if err := MakeFolder(path); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	ok, err := tryLock(lock)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("data folder: lock %s: %w", lock.Name(), err)
	}
	if !ok {
		defer lock.Close()
		if pid := holder(lock); pid != "" {
			return nil, fmt.Errorf("%s: %w by another process (pid %s)", path, ErrFolderInUse, pid)
		}
		return nil, fmt.Errorf("%s: %w by another process", path, ErrFolderInUse)
	}
	if err := sign(lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return &Folder{path: path, lock: lock}, nil
}

// Path is the folder's path, as it was given to OpenFolder.
func (f *Folder) Path() string { return f.path }

// Close lets go of the folder. What is in it stays.
func (f *Folder) Close() error {
	if err := f.lock.Truncate(0); err != nil { // nobody holds it from here on
		f.lock.Close()
		return fmt.Errorf("data folder: %w", err)
	}
	if err := f.lock.Close(); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// MakeFolder makes a folder for what a bot writes, if it is not there yet: its owner's only, with a .gitignore, so that git
// does not see what is in it.
func MakeFolder(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	switch err := os.Mkdir(path, 0o700); { // what people wrote is for its owner only
	case err == nil:
		return os.WriteFile(filepath.Join(path, ".gitignore"), []byte("*\n"), 0o644)
	case errors.Is(err, fs.ErrExist):
		info, err := os.Stat(path)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no folder", path)
		}
		return err
	default:
		return err
	}
}

// sign writes down whose the folder is, for people who are refused.
func sign(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder reads the process id that the holder wrote; empty when there is none to be read.
func holder(lock *os.File) string {
	data, err := io.ReadAll(io.NewSectionReader(lock, 0, 32))
	if err != nil {
		return ""
	}
	pid := strings.TrimSpace(string(data))
	if _, err := strconv.ParseUint(pid, 10, 32); err != nil {
		return ""
	}
	return pid
}
