package local

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func randomFile(t *testing.T, size int) (path string, data []byte) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(size)))
	data = make([]byte, size)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	path = filepath.Join(t.TempDir(), "file.bin")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, data
}

func TestFilesComeBackWhole(t *testing.T) {
	chat := tempChat(t)
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	for _, size := range []int{1, 2, chunkBytes - 1, chunkBytes, chunkBytes + 1, commitBytes, 2*commitBytes + 7} {
		path, data := randomFile(t, size)
		if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), &sdkconn.Message{
			Elems: sdkconn.Elems{&sdkconn.FileElem{FilePath: path}},
		}); err != nil {
			t.Fatal(err)
		}
		list, err := bob.GetMsgList(t.Context(), sdkconn.C2C("alice"), sdkconn.GetMsgListParam{Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		elem := list[0].Elems[0].(*sdkconn.FileElem)
		if elem.FilePath != "" || elem.FileName != "file.bin" || elem.FileSize != int64(size) {
			t.Errorf("bob's element: %+v", elem)
		}
		to := filepath.Join(t.TempDir(), "back")
		var steps []uint64
		err = bob.DownloadElemToPath(t.Context(), sdkconn.Downloads(elem)[0], to, func(current, total uint64) {
			if total != uint64(size) {
				t.Errorf("total %d of %d", total, size)
			}
			steps = append(steps, current)
		})
		if err != nil {
			t.Fatal(err)
		}
		back, err := os.ReadFile(to)
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("%d bytes came back as %d: %v", size, len(back), err)
		}
		if len(steps) < 2 || steps[len(steps)-1] != uint64(size) {
			t.Errorf("progress of %d bytes: %v", size, steps)
		}
	}
}

func TestSameFileIsStoredOnce(t *testing.T) {
	chat := tempChat(t)
	alice := login(t, chat, "alice")
	login(t, chat, "bob")
	path, _ := randomFile(t, 3*chunkBytes)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), &sdkconn.Message{
				Elems: sdkconn.Elems{&sdkconn.SoundElem{FilePath: path, FileTime: 3}},
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	err := chat.e.read(t.Context(), "", func(l *lookup) error {
		blobs, err := l.db.integer(`SELECT count(*) FROM blob`)
		if err != nil {
			return err
		}
		chunks, err := l.db.integer(`SELECT count(*) FROM chunk`)
		if blobs != 1 || chunks != 3 {
			t.Errorf("%d files in %d chunks", blobs, chunks)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestForwardedFileNeedsNoPath(t *testing.T) {
	chat := tempChat(t)
	alice, bob := login(t, chat, "alice"), login(t, chat, "bob")
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 30, 20))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.png")
	if err := os.WriteFile(path, picture.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.ImageElem{OrigPath: path}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	list, err := bob.GetMsgList(t.Context(), sdkconn.C2C("alice"), sdkconn.GetMsgListParam{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	m, err := bob.SendNewMsg(t.Context(), sdkconn.C2C("alice"), list[0])
	if err != nil {
		t.Fatal(err)
	}
	elem := m.Elems[0].(*sdkconn.ImageElem)
	if elem.Format != sdkconn.ImagePNG || elem.OrigWidth != 30 || elem.OrigHeight != 20 || elem.OrigSize != int32(picture.Len()) {
		t.Errorf("forwarded: %+v", elem)
	}
	elem.OrigID, elem.OrigURL = "unknown", ""
	if _, err := bob.SendNewMsg(t.Context(), sdkconn.C2C("alice"), m); !errors.Is(err, sdkconn.CodeFileNotFound) {
		t.Errorf("an unknown file was forwarded: %v", err)
	}
}

func TestUploadRefuses(t *testing.T) {
	chat := open(t, Memory, Config{})
	alice := login(t, chat, "alice")
	login(t, chat, "bob")
	large := filepath.Join(t.TempDir(), "large")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(maxSound+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	for name, elem := range map[string]sdkconn.Elem{
		"sound": &sdkconn.SoundElem{FilePath: large},
		"image": &sdkconn.ImageElem{OrigPath: large},
	} {
		_, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{elem}})
		if !errors.Is(err, sdkconn.CodeFileTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDownloadLeavesNothingBehind(t *testing.T) {
	chat := tempChat(t)
	alice := login(t, chat, "alice")
	path, _ := randomFile(t, 4*chunkBytes)
	m, err := alice.SendNewMsg(t.Context(), sdkconn.C2C("alice"), &sdkconn.Message{
		Elems: sdkconn.Elems{&sdkconn.FileElem{FilePath: path}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = alice.DownloadElemToPath(ctx, sdkconn.Downloads(m.Elems[0])[0], filepath.Join(dir, "x"), func(uint64, uint64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{filepath.Join(dir, "folder"), filepath.Join(dir, "nowhere", "x")} {
		err := alice.DownloadElemToPath(t.Context(), sdkconn.Downloads(m.Elems[0])[0], to, nil)
		if !errors.Is(err, sdkconn.CodeIOOperationFailed) {
			t.Errorf("to %s: %v", to, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
