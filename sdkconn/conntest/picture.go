package conntest

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"

	"github.com/timbot-go/timbot/sdkconn"
)

// painting is a picture of some size in every format that the service knows.
func painting(width, height int) map[string][]byte {
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.Black, color.RGBA{R: 200, A: 255}})
	for i := range m.Pix {
		m.Pix[i] = uint8(i / 50 % 3)
	}
	var p, j, g bytes.Buffer
	for _, err := range []error{png.Encode(&p, m), jpeg.Encode(&j, m, nil), gif.Encode(&g, m, nil)} {
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	return map[string][]byte{"png": p.Bytes(), "jpg": j.Bytes(), "gif": g.Bytes()}
}

// near allows for rounding.
func near(got, want int) bool { return got >= want-1 && got <= want+1 }

var pictureChecks = []check{
	{"picture/a large version and a thumbnail", []feature{files}, func(e *env) {
		alice, bob := e.pair()
		for _, size := range [][6]int{{900, 750, 864, 720, 238, 198}, {300, 600, 300, 600, 198, 396}, {100, 50, 100, 50, 100, 50}} {
			for end, data := range painting(size[0], size[1]) {
				bob.forget()
				alice.post(sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.ImageElem{OrigPath: e.file("a."+end, data)}}})
				elem := bob.onlyNews().Elems[0].(*sdkconn.ImageElem)
				for i, v := range []struct {
					id, url             string
					size, width, height int32
				}{
					{elem.OrigID, elem.OrigURL, elem.OrigSize, elem.OrigWidth, elem.OrigHeight},
					{elem.LargeID, elem.LargeURL, elem.LargeSize, elem.LargeWidth, elem.LargeHeight},
					{elem.ThumbID, elem.ThumbURL, elem.ThumbSize, elem.ThumbWidth, elem.ThumbHeight},
				} {
					got := bob.fetch(sdkconn.DownloadElemParam{Type: sdkconn.DownloadImage, ID: v.id, URL: v.url})
					config, _, err := image.DecodeConfig(bytes.NewReader(got))
					e.ok(err)
					width, height := size[0], size[1]
					if i > 0 {
						width, height = size[2*i], size[2*i+1]
					}
					if !near(config.Width, width) || !near(config.Height, height) || int(v.width) != config.Width ||
						int(v.height) != config.Height || int(v.size) != len(got) {
						e.Errorf("%s %d×%d, version %d: %d×%d in %d bytes, said to be %d×%d in %d", end, size[0], size[1], i, config.Width,
							config.Height, len(got), v.width, v.height, v.size)
					}
					if i == 0 && !bytes.Equal(got, data) {
						e.Errorf("%s: the original has changed", end)
					}
				}
			}
		}
	}},
	{"download/a folder that is given is not left", []feature{files}, func(e *env) {
		alice, _ := e.pair()
		m := alice.post(sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.FileElem{FilePath: e.file("a", []byte("file"))}}})
		param := sdkconn.Downloads(m.Elems[0])[0]
		outer := e.TempDir()
		param.Dir = filepath.Join(outer, "given")
		e.ok(os.MkdirAll(filepath.Join(param.Dir, "below"), 0o700))
		e.ok(os.Symlink(outer, filepath.Join(param.Dir, "link")))
		for _, path := range []string{"../x", "below/../../x", filepath.Join(outer, "x"), "link/x"} {
			err := alice.DownloadElemToPath(e.ctx, param, path, nil)
			e.refused(path, err, sdkconn.CodeParam, sdkconn.CodeIOOperationFailed, sdkconn.CodeInvalidParameters)
		}
		if left, err := os.ReadDir(outer); err != nil || len(left) != 1 {
			e.Errorf("outside of the folder are %v, %v", left, err)
		}
		for _, path := range []string{"x", "below/x"} {
			e.ok(alice.DownloadElemToPath(e.ctx, param, path, nil))
			if got, err := os.ReadFile(filepath.Join(param.Dir, path)); err != nil || string(got) != "file" {
				e.Errorf("%s holds %q, %v", path, got, err)
			}
		}
	}},
	{"upload/progress is told for each element", []feature{files, uploads}, func(e *env) {
		alice, _ := e.pair()
		type step struct {
			elem           int
			current, total uint64
		}
		var steps []step
		var about []*sdkconn.Message
		uploads := alice.Conn.(sdkconn.UploadProgress)
		uploads.SetMsgElemUploadProgressCallback(func(m *sdkconn.Message, elem int, current, total uint64) {
			steps, about = append(steps, step{elem, current, total}), append(about, m)
		})
		data := bytes.Repeat([]byte("timbot "), 500000)
		m := &sdkconn.Message{CloudCustom: "this one", Elems: sdkconn.Elems{&sdkconn.TextElem{Text: "x"}, &sdkconn.FileElem{FilePath: e.file("a", data)}}}
		for range 2 { // the second time the service may have the file
			steps, about = nil, nil
			alice.post(sdkconn.C2C("bob"), m)
			if len(steps) == 0 {
				e.Fatal("nothing was told")
			}
			for i, s := range steps {
				if s.elem != 1 || s.total != uint64(len(data)) || s.current > s.total || i > 0 && s.current < steps[i-1].current || about[i].CloudCustom != "this one" {
					e.Errorf("step %d of %d is %+v", i, len(steps), s)
				}
			}
			if last := steps[len(steps)-1]; last.current != last.total {
				e.Errorf("the last step is %+v", last)
			}
		}
		uploads.SetMsgElemUploadProgressCallback(nil)
		steps = nil
		alice.post(sdkconn.C2C("bob"), m)
		if len(steps) != 0 {
			e.Errorf("after its end was told %v", steps)
		}
	}},
	{"picture/forwarded, with its versions", []feature{files}, func(e *env) {
		alice, bob := e.pair()
		carol := e.login("carol")
		alice.post(sdkconn.C2C("bob"), &sdkconn.Message{Elems: sdkconn.Elems{&sdkconn.ImageElem{OrigPath: e.file("a.png", painting(800, 400)["png"])}}})
		got := bob.onlyNews()
		bob.post(sdkconn.C2C("carol"), &sdkconn.Message{Elems: got.Elems})
		was, is := got.Elems[0].(*sdkconn.ImageElem), carol.onlyNews().Elems[0].(*sdkconn.ImageElem)
		if is.ThumbURL == "" || is.OrigWidth != was.OrigWidth || is.LargeWidth != was.LargeWidth || is.ThumbWidth != was.ThumbWidth || is.ThumbHeight != was.ThumbHeight {
			e.Errorf("forwarded: %+v\nreceived: %+v", is, was)
		}
	}},
}
