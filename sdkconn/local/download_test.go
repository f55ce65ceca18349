package local

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

// What a crash left is taken up, whatever it is; a link in its place is not followed.
func TestDownloadResumes(t *testing.T) {
	chat := tempChat(t)
	alice := login(t, chat, "alice")
	path, data := randomFile(t, 3*chunkBytes+100)
	m, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("alice"), &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.FileElem{FilePath: path}},
	})
	if err != nil {
		t.Fatal(err)
	}
	param := sdkconn.Downloads(m.Elems[0])[0]
	wrong := bytes.Clone(data)
	wrong[chunkBytes+7]++
	for name, part := range map[string][]byte{
		"nothing": {}, "a beginning": data[:2*chunkBytes+50], "all": data, "too much": append(bytes.Clone(data), "more"...),
		"a wrong byte": wrong, "something else": []byte("something else"),
	} {
		dir := t.TempDir()
		param.Dir = dir
		left := filepath.Join(dir, "x.part-"+param.ID[:16])
		if err := os.WriteFile(left, part, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := alice.DownloadElemToPath(t.Context(), param, "x", nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "x"))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, want %d, %v", name, len(got), len(data), err)
		}
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s: the part is still there", name)
		}
	}
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "x.part-"+param.ID[:16])); err != nil {
		t.Fatal(err)
	}
	param.Dir = dir
	_ = alice.DownloadElemToPath(t.Context(), param, "x", nil)
	if got, err := os.ReadFile(outside); err != nil || string(got) != "precious" {
		t.Errorf("what the link names is %q, %v", got, err)
	}
}
