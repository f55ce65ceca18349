package host

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What begins with ./ in a command lies in the plugin's folder, and belongs to the program.
func TestCommandInTheFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"run": "#!/bin/sh\n", "lib/plugin.py": "1"} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p := Plugin{Dir: dir, Command: []string{"./run", "-u", "./lib/plugin.py", "lib/plugin.py"}}
	file, args, err := Program(p)
	if want := []string{"-u", filepath.Join(dir, "lib", "plugin.py"), "lib/plugin.py"}; err != nil || file != filepath.Join(dir, "run") || !slices.Equal(args, want) {
		t.Errorf("%s %q %v", file, args, err)
	}
	names, err := p.files()
	if err != nil || !slices.Equal(names, []string{"lib/plugin.py", "run"}) {
		t.Errorf("%q %v", names, err)
	}
	sum, err := Checksum(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lib", "plugin.py"), []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Checksums = []string{sum}
	if _, _, err := Program(p); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a changed file was taken: %v", err)
	}
	p.Command[0] = "./gone"
	if _, _, err := Program(p); !os.IsNotExist(err) {
		t.Errorf("a program that is not there was taken: %v", err)
	}
}
