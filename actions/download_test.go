package actions

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/timbot-go/timbot/sdkconn"
)

func withFiles() *sdkconn.Message {
	m := theMessage()
	m.Elems = sdkconn.Elems{
		&sdkconn.TextElem{Text: "see"},
		&sdkconn.ImageElem{OrigID: "i", Format: sdkconn.ImagePNG},
		&sdkconn.FileElem{FileID: "f", FileName: "../../etc/账单 2026.pdf"},
		&sdkconn.VideoElem{VideoID: "v", VideoType: "mp4", ImageID: "s", ImageType: "png"},
		&sdkconn.SoundElem{FileID: "a"},
	}
	return m
}

func TestDownload(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   args
		want []string // kind, path
	}{
		{"all", args{}, []string{
			"image downloads/1700000000-4-1-image.png", "file downloads/1700000000-4-2-_.._etc_账单 2026.pdf",
			"video downloads/1700000000-4-3-video.mp4", "snapshot downloads/1700000000-4-4-snapshot.png",
			"sound downloads/1700000000-4-5-sound",
		}},
		{"one element", args{"element": 1, "folder": "a/b", "name": "x.png"}, []string{"image a/b/x.png"}},
		{"two files, one name", args{"element": 3, "name": "clip.bin"}, []string{"video downloads/clip-1.bin", "snapshot downloads/clip-2.bin"}},
		{"an element without a file is no failure", args{"msg": theMessage()}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCall(t, new(recorder))
			if tt.in["msg"] == nil {
				tt.in["msg"] = withFiles()
			}
			for range 2 { // the second time replaces the files
				res, err := Download.Run(t.Context(), c, tt.in)
				if err != nil {
					t.Fatal(err)
				}
				files := res.Out.(downloadOut).Files
				if len(files) != len(tt.want) || res.Value != int64(len(files)) {
					t.Fatalf("files %+v", files)
				}
				for i, f := range files {
					kind, path, _ := strings.Cut(tt.want[i], " ")
					if f.Kind != kind || f.Path != filepath.Join(c.DataDir, filepath.FromSlash(path)) {
						t.Errorf("got %s %s, want %s", f.Kind, f.Path, tt.want[i])
					}
					data, err := os.ReadFile(f.Path)
					if err != nil || !strings.HasPrefix(string(data), "content of ") || f.Size != int64(len(data)) {
						t.Errorf("%s: %q, size %d, %v", f.Path, data, f.Size, err)
					}
				}
			}
			if left, _ := filepath.Glob(filepath.Join(c.DataDir, "*", "*.part")); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}

func TestDownloadStaysInside(t *testing.T) {
	outside := t.TempDir()
	c := newCall(t, new(recorder))
	if err := os.Symlink(outside, filepath.Join(c.DataDir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"..", "../x", "/tmp/x", "a/../../b", "link", "link/deeper"} {
		_, err := Download.Run(t.Context(), c, args{"msg": withFiles(), "folder": folder})
		var input *InputError
		if !errors.As(err, &input) || input.Input != "folder" {
			t.Errorf("%s: %v", folder, err)
		}
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("written outside: %v", entries)
	}
	res, err := Download.Run(t.Context(), c, args{"msg": withFiles(), "element": 1, "name": "../../x\x00/..\u202e.png"})
	if err != nil {
		t.Fatal(err)
	}
	if f := res.Out.(downloadOut).Files[0]; filepath.Dir(f.Path) != filepath.Join(c.DataDir, "downloads") {
		t.Errorf("at %s", f.Path)
	}
	if conn := c.Conn.(*recorder); len(conn.calls) != 1 {
		t.Errorf("%d calls", len(conn.calls))
	}
}

func TestDownloadErrors(t *testing.T) {
	expired := &sdkconn.Error{Op: "DownloadElemToPath", Code: sdkconn.CodeFileTransDownloadFailed}
	conn := &recorder{download: func(_ sdkconn.DownloadElemParam, path string, _ func(current, total uint64)) error {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			return err
		}
		return expired
	}}
	c := newCall(t, conn)
	_, err := Download.Run(t.Context(), c, args{"msg": withFiles()})
	if !errors.Is(err, sdkconn.CodeFileTransDownloadFailed) || !strings.Contains(err.Error(), "keeps files for some days only") {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Join(c.DataDir, "downloads")); len(entries) > 0 {
		t.Errorf("half a file was left: %v", entries)
	}
	for _, in := range []args{{"msg": withFiles(), "element": 9}, {"msg": withFiles(), "element": -1}, {"msg": withFiles(), "element": 0}} {
		var input *InputError
		if _, err := Download.Run(t.Context(), c, in); !errors.As(err, &input) || input.Input != "element" {
			t.Errorf("%v: %v", in["element"], err)
		}
	}
}

func TestSafeName(t *testing.T) {
	long := strings.Repeat("长", 100)
	for in, want := range map[string]string{
		"":              "file",
		"..":            "file",
		".bashrc":       "bashrc",
		"a/b\\c":        "a_b_c",
		"a\nb\x00":      "a_b_",
		"bad\xffutf":    "bad_utf",
		"价目表.pdf":       "价目表.pdf",
		"x. ":           "x",
		`q?*"<>|:`:      "q_______",
		long + ".pdf":   strings.Repeat("长", 38) + ".pdf",
		"rtl\u202egnp.": "rtl_gnp",
	} {
		if got := safeName(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
