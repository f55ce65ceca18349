package conntest

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"github.com/timbot-go/timbot/sdkconn"
)

// file writes a file that can be sent and returns its path.
func (e *env) file(name string, data []byte) string {
	e.Helper()
	path := filepath.Join(e.TempDir(), name)
	e.ok(os.WriteFile(path, data, 0o600))
	return path
}

func picture() []byte {
	var buf bytes.Buffer
	if err := png.Encode(&buf, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		panic(err) // a buffer takes everything
	}
	return buf.Bytes()
}

// fetch downloads a file and checks what progress says of it.
func (u *user) fetch(param sdkconn.DownloadElemParam) []byte {
	u.e.Helper()
	path := filepath.Join(u.e.TempDir(), "fetched")
	var steps [][2]uint64
	err := u.DownloadElemToPath(u.e.ctx, param, path, func(current, total uint64) {
		steps = append(steps, [2]uint64{current, total})
	})
	if err != nil {
		u.e.Fatalf("%s downloads %+v: %v", u.name, param, err)
	}
	data, err := os.ReadFile(path)
	u.e.ok(err)
	if len(steps) == 0 {
		u.e.Fatal("no progress was told")
	}
	for i, s := range steps {
		if s[0] > s[1] || s[1] != uint64(len(data)) || i > 0 && s[0] < steps[i-1][0] {
			u.e.Errorf("progress %v of a file of %d bytes", steps, len(data))
			break
		}
	}
	if last := steps[len(steps)-1]; last[0] != last[1] {
		u.e.Errorf("the last progress is %v", last)
	}
	return data
}

var downloadChecks = []check{
	{"download/a file goes up and comes down", []feature{files}, func(e *env) {
		alice, bob := e.pair()
		data := bytes.Repeat([]byte("timbot\x00\xff\n"), 40000)
		path := e.file("报告 1.pdf", data)
		m := alice.post(sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.FileElem{FilePath: path}}})
		got := bob.onlyNews()
		for _, m := range []*sdkconn.Message{m, got} {
			elem := m.Elems[0].(*sdkconn.FileElem)
			if elem.FileName != "报告 1.pdf" || elem.FileSize != int64(len(data)) || elem.FileID == "" && elem.URL == "" {
				e.Errorf("the element is %+v", elem)
			}
		}
		if elem := got.Elems[0].(*sdkconn.FileElem); elem.FilePath != "" {
			e.Errorf("the sender's path travelled: %q", elem.FilePath)
		}
		params := sdkconn.Downloads(got.Elems[0])
		if len(params) != 1 {
			e.Fatalf("%d files in %+v", len(params), got.Elems[0])
		}
		e.ok(os.Remove(path))
		for _, u := range []*user{bob, alice} {
			if back := u.fetch(params[0]); !bytes.Equal(back, data) {
				e.Errorf("%s got %d bytes back, sent were %d", u.name, len(back), len(data))
			}
		}
		e.ok(bob.DownloadElemToPath(e.ctx, params[0], filepath.Join(e.TempDir(), "quiet"), nil))
	}},
	{"download/every element with a file", []feature{files}, func(e *env) {
		alice, bob := e.pair()
		sound, video := []byte("sound"), []byte("a video")
		for name, elem := range map[string]sdkconn.Elem{
			"picture": &sdkconn.ImageElem{OrigPath: e.file("a.png", picture())},
			"sound":   &sdkconn.SoundElem{FilePath: e.file("a.m4a", sound), FileSize: 5, FileTime: 2},
			"video": &sdkconn.VideoElem{VideoPath: e.file("a.mp4", video), VideoType: "mp4", VideoDuration: 1,
				ImagePath: e.file("s.png", picture()), ImageType: "png", ImageWidth: 40, ImageHeight: 30},
		} {
			bob.forget()
			alice.post(sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{elem}})
			got := bob.onlyNews()
			want := map[string][][]byte{"picture": {picture()}, "sound": {sound}, "video": {video, picture()}}[name]
			params := sdkconn.Downloads(got.Elems[0])
			if len(params) != len(want) {
				e.Errorf("%s: %d files in %+v", name, len(params), got.Elems[0])
				continue
			}
			for i, p := range params {
				if back := bob.fetch(p); !bytes.Equal(back, want[i]) {
					e.Errorf("%s: file %d came back with %d bytes, want %d", name, i, len(back), len(want[i]))
				}
			}
		}
	}},
	{"download/files that cannot be sent", []feature{files}, func(e *env) {
		alice, bob := e.pair()
		dir := e.TempDir()
		for name, c := range map[string]struct {
			elem  sdkconn.Elem
			codes []sdkconn.Code
		}{
			"missing": {&sdkconn.FileElem{FilePath: filepath.Join(dir, "nosuch")}, []sdkconn.Code{sdkconn.CodeFileNotFound}},
			"empty":   {&sdkconn.FileElem{FilePath: e.file("empty", nil)}, []sdkconn.Code{sdkconn.CodeFileSizeEmpty}},
			"a folder": {&sdkconn.SoundElem{FilePath: dir}, []sdkconn.Code{sdkconn.CodeFileOpenFailed, sdkconn.CodeFileNotFound,
				sdkconn.CodeIOOperationFailed}},
			"no picture": {&sdkconn.ImageElem{OrigPath: e.file("a.png", []byte("no picture"))},
				[]sdkconn.Code{sdkconn.CodeImageUploadFailedNotImage}},
			"no path": {&sdkconn.FileElem{FileName: "a"}, []sdkconn.Code{sdkconn.CodeFileNotFound, sdkconn.CodeInvalidMsgElem,
				sdkconn.CodeInvalidParameters, sdkconn.CodeInvalidSDKObject}},
		} {
			_, err := alice.SendNewMsg(e.ctx, sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "x"}, c.elem}})
			e.refused(name, err, c.codes...)
		}
		if news := bob.news(); len(news) != 0 {
			e.Errorf("%d messages arrived", len(news))
		}
	}},
	{"download/what cannot be fetched or written", []feature{files}, func(e *env) {
		alice, _ := e.pair()
		m := alice.post(sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.FileElem{FilePath: e.file("a", []byte("x"))}}})
		good := sdkconn.Downloads(m.Elems[0])[0]
		target := filepath.Join(e.TempDir(), "target")
		progress := func(current, total uint64) {}
		for name, p := range map[string]sdkconn.DownloadElemParam{
			"unknown": {Type: sdkconn.DownloadFile, ID: "nosuch", BusinessID: good.BusinessID}, "nothing": {},
			"a path": {Type: sdkconn.DownloadFile, ID: "../../etc/passwd"},
		} {
			e.refused(name, alice.DownloadElemToPath(e.ctx, p, target, progress), sdkconn.CodeFileTransDownloadFailed, sdkconn.CodeInvalidSDKObject)
		}
		if _, err := os.Stat(target); err == nil {
			e.Error("a failed download left a file")
		}
		e.refused("no path", alice.DownloadElemToPath(e.ctx, good, "", progress), sdkconn.CodeParam)
		for name, path := range map[string]string{"no folder": filepath.Join(e.TempDir(), "no", "such", "folder"), "a folder": e.TempDir()} {
			e.refused(name, alice.DownloadElemToPath(e.ctx, good, path, progress), sdkconn.CodeIOOperationFailed, sdkconn.CodeFileOpenFailed)
		}
	}},
}
