package starter_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/timbot-go/timbot/plugins/plugintest"
	"github.com/timbot-go/timbot/plugins/starter"
	"github.com/timbot-go/timbot/plugins/wire"
)

// python is the one that has the libraries of a plugin: the system's.
const python = "/usr/bin/python3"

// needPython skips a test on a machine without Python and its libraries. CI has them, and lets nothing be skipped.
func needPython(t *testing.T) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import grpc, google.protobuf, cryptography").CombinedOutput(); err != nil {
		t.Skipf("plugins in Python need %s with python3-grpcio, python3-protobuf and python3-cryptography: %v %s", python, err, out)
	}
}

func needNode(t *testing.T) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("plugins in Node need node, and npm for @grpc/grpc-js: %v", err)
		}
	}
}

func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// write makes a starter in an empty folder, and does what makes it complete.
func write(t *testing.T, o starter.Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "plugins", o.Name)
	if _, err := starter.Write(dir, o); err != nil {
		t.Fatal(err)
	}
	for _, step := range starter.Steps(o.Language) {
		do(t, dir, step)
	}
	return dir
}

func do(t *testing.T, dir, command string) string {
	t.Helper()
	args := strings.Fields(command)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "npm_config_update_notifier=false")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// A starter builds, passes its own tests, and behaves as bots expect.
func TestStarters(t *testing.T) {
	for _, o := range []starter.Options{
		{Name: "hello_go", Language: "go", Checkout: checkout(t)}, {Name: "hello_python", Language: "python"}, {Name: "hello_node", Language: "node"},
	} {
		t.Run(o.Language, func(t *testing.T) {
			switch o.Language {
			case "python":
				needPython(t)
			case "node":
				needNode(t)
			}
			dir := write(t, o)
			do(t, dir, starter.Tests(o.Language))
			r, err := plugintest.Run(t.Context(), dir, plugintest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range r.Checks {
				if c.Result != plugintest.Passed {
					t.Errorf("%s: %s %q", c.Name, c.Result, c.Problems)
				}
			}
		})
	}
}

// What the kits write on the wire is plugin.proto as it is now.
func TestPythonKnowsTheProtocol(t *testing.T) {
	needPython(t)
	dir := write(t, starter.Options{Name: "hello", Language: "python"})
	cmd := exec.Command(python, "-c", "import sys, plugin_pb2; sys.stdout.buffer.write(plugin_pb2.DESCRIPTOR.serialized_pb)")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got, want := new(descriptorpb.FileDescriptorProto), protodesc.ToFileDescriptorProto(wire.File_plugin_proto)
	if err := proto.Unmarshal(out, got); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*descriptorpb.FileDescriptorProto{got, want} {
		d.Options, d.Name = nil, nil
		for _, m := range d.MessageType {
			withoutJSON(m)
		}
	}
	if !proto.Equal(got, want) {
		t.Error("plugin_pb2.py is not of plugin.proto: protoc 3.21 --python_out=plugins/starter/files/python -Iplugins/wire plugins/wire/plugin.proto")
	}
}

// withoutJSON takes out names that only some compilers write down.
func withoutJSON(m *descriptorpb.DescriptorProto) {
	for _, f := range m.Field {
		f.JsonName = nil
	}
	for _, nested := range m.NestedType {
		withoutJSON(nested)
	}
}

func TestGoModule(t *testing.T) {
	files, err := starter.Files(starter.Options{Name: "hello", Language: "go", Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	want := "module hello\n\ngo 1.26.0\n\nrequire github.com/timbot-go/timbot v1.2.3\n"
	if got := string(files["go.mod"]); got != want {
		t.Errorf("go.mod is\n%s, want\n%s", got, want)
	}
	files, err = starter.Files(starter.Options{Name: "hello", Language: "go", Checkout: "/home/ann lee/timbot"})
	if err != nil || !strings.Contains(string(files["go.mod"]), `replace github.com/timbot-go/timbot => "/home/ann lee/timbot"`) {
		t.Errorf("%s, %v", files["go.mod"], err)
	}
	if _, err := starter.Files(starter.Options{Name: "hello", Language: "go"}); err == nil {
		t.Error("a Go plugin was made for no timbot")
	}
	mod, err := os.ReadFile(filepath.Join(checkout(t), "go.mod"))
	if err != nil || !bytes.Contains(mod, []byte("\ngo 1.26.0\n")) {
		t.Errorf("the starter's go.mod asks for another Go than timbot's own: %v", err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "Hello", "a-b", "1a", "main", "plugin", "../x", strings.Repeat("x", 51)} {
		for _, lang := range starter.Languages {
			if _, err := starter.Write(filepath.Join(t.TempDir(), "x"), starter.Options{Name: name, Language: lang, Version: "v1.0.0"}); err == nil {
				t.Errorf("%q was taken for a name", name)
			}
		}
	}
}

// A folder in which there is a file already is left as it is.
func TestWriteLeavesFilesAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "plugin.yaml")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := starter.Write(dir, starter.Options{Name: "hello", Language: "python"})
	if err == nil || !strings.Contains(err.Error(), "there is a "+file+" already: nothing is written") {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Error(entries, err)
	}
}
