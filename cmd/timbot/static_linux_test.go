package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestStaticBinary builds the command without cgo and without the native connection, and runs it where there is nothing else: no
// library, no /etc, no /tmp.
func TestStaticBinary(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program := filepath.Join(root, "timbot")
	build := exec.Command("go", "build", "-tags", "nonative", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is linked dynamically: it has a %v", p.Type)
		}
	}
	if err := os.CopyFS(filepath.Join(root, "hello"), os.DirFS("../../examples/bots/hello")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args     []string
		in, want string
		fails    bool
	}{
		{args: []string{"version"}, want: "timbot"},
		{args: []string{"chat", "/hello"}, in: "你好\n", want: "concierge"},
		{args: []string{"doctor", "--connection", "native:?lib=/x.so&sdkappid=1&user=u&sig_env=S"}, want: "-tags nonative", fails: true},
	} {
		cmd := exec.Command("/timbot", test.args...)
		cmd.Dir = "/"
		cmd.Env = []string{}
		cmd.Stdin = strings.NewReader(test.in)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput() // both are pipes: there is no /dev
		if (err != nil) != test.fails || !strings.Contains(string(out), test.want) {
			t.Errorf("timbot %q in an empty root: %v\n%s", test.args, err, out)
		}
	}
}
