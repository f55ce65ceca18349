package actions

import (
	"fmt"
	"math"
	"path"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// element is one part of a message as a rule writes it: exactly one of the fields is set.
type element struct {
	Text     *string     `arg:"text" doc:"Plain text."`
	Image    *imageIn    `arg:"image" doc:"A picture from the bot's folder."`
	Sound    *soundIn    `arg:"sound" doc:"A voice recording from the bot's folder."`
	File     *fileIn     `arg:"file" doc:"A file from the bot's folder."`
	Video    *videoIn    `arg:"video" doc:"A video from the bot's folder, with a snapshot."`
	Face     *faceIn     `arg:"face" doc:"A sticker or emoji of the app's own set."`
	Location *locationIn `arg:"location" doc:"A place."`
	Custom   *customIn   `arg:"custom" doc:"Data of the app's own."`
	Merge    *mergeIn    `arg:"merge" doc:"A bundle of forwarded messages."`
}

type imageIn struct {
	Path  string `arg:"path,required" doc:"The file, relative to the bot's file."`
	Level string `arg:"level" enum:"compressed,original,hd" doc:"The quality of the upload; compressed unless given."`
}

type soundIn struct {
	Path     string        `arg:"path,required" doc:"The file, relative to the bot's file."`
	Duration time.Duration `arg:"duration,required" doc:"How long it plays, rounded up to whole seconds."`
}

type fileIn struct {
	Path string `arg:"path,required" doc:"The file, relative to the bot's file."`
	Name string `arg:"name" doc:"The name that the receiver sees; that of the file unless given."`
}

type videoIn struct {
	Path     string        `arg:"path,required" doc:"The file, relative to the bot's file."`
	Snapshot string        `arg:"snapshot,required" doc:"A picture shown before it plays, relative to the bot's file."`
	Duration time.Duration `arg:"duration,required" doc:"How long it plays, rounded up to whole seconds."`
}

type faceIn struct {
	Index int32  `arg:"index,required" doc:"The number in the app's set."`
	Data  string `arg:"data" doc:"Whatever the app wants to know beside it."`
}

type locationIn struct {
	Latitude  float64 `arg:"latitude,required" doc:"Degrees north, -90 to 90."`
	Longitude float64 `arg:"longitude,required" doc:"Degrees east, -180 to 180."`
	Desc      string  `arg:"desc" doc:"What the place is called."`
}

type customIn struct {
	Data  string `arg:"data,required" doc:"The data."`
	Desc  string `arg:"desc" doc:"A description, which offline pushes show."`
	Ext   string `arg:"ext" doc:"An extension, which offline pushes carry."`
	Sound string `arg:"sound" doc:"The sound of the offline push."`
}

type mergeIn struct {
	Title    string             `arg:"title,required" doc:"The heading of the bundle."`
	Abstract []string           `arg:"abstract" doc:"Some lines that are shown before it is opened."`
	Fallback string             `arg:"fallback" doc:"What clients show that know no bundles; the title unless given."`
	Messages []*sdkconn.Message `arg:"messages,required" doc:"The messages, 1 to 300, each sent and not revoked."`
}

// mergeMax is how many messages a bundle holds.
const mergeMax = 300

// elem makes the SDK's element. input names the place for errors, for instance "elements[2]".
func (e element) elem(call *Call, input string) (sdkconn.Elem, error) {
	kinds := []struct {
		name  string
		given bool
		make  func(call *Call, input string) (sdkconn.Elem, error)
	}{
		{"text", e.Text != nil, e.text},
		{"image", e.Image != nil, e.Image.elem},
		{"sound", e.Sound != nil, e.Sound.elem},
		{"file", e.File != nil, e.File.elem},
		{"video", e.Video != nil, e.Video.elem},
		{"face", e.Face != nil, e.Face.elem},
		{"location", e.Location != nil, e.Location.elem},
		{"custom", e.Custom != nil, e.Custom.elem},
		{"merge", e.Merge != nil, e.Merge.elem},
	}
	kind := -1
	for i, k := range kinds {
		switch {
		case !k.given:
		case kind < 0:
			kind = i
		default:
			return nil, inputErrorf(input, "is both %s and %s: make two elements of it", kinds[kind].name, k.name)
		}
	}
	if kind < 0 {
		return nil, inputErrorf(input, "is empty: give one of %s", orList(namesOf(elementFields)))
	}
	return kinds[kind].make(call, input+"."+kinds[kind].name)
}

func (e element) text(_ *Call, input string) (sdkconn.Elem, error) {
	if *e.Text == "" {
		return nil, inputErrorf(input, "is empty: give some text, or leave the element out")
	}
	return &sdkconn.TextElem{Text: *e.Text}, nil
}

func (i *imageIn) elem(call *Call, input string) (sdkconn.Elem, error) {
	up, err := call.uploadOf(input+".path", i.Path)
	if err != nil {
		return nil, err
	}
	levels := map[string]sdkconn.ImageLevel{"original": sdkconn.ImageOrig, "hd": sdkconn.ImageHD}
	formats := map[string]int32{
		"jpg": sdkconn.ImageJPG, "jpeg": sdkconn.ImageJPG, "gif": sdkconn.ImageGIF, "png": sdkconn.ImagePNG,
		"bmp": sdkconn.ImageBMP,
	}
	format, ok := formats[extension(i.Path)]
	if !ok {
		format = sdkconn.ImageUnknown
	}
	return &sdkconn.ImageElem{OrigPath: up.path, Level: levels[i.Level], Format: format}, nil
}

func (s *soundIn) elem(call *Call, input string) (sdkconn.Elem, error) {
	up, err := call.uploadOf(input+".path", s.Path)
	if err != nil {
		return nil, err
	}
	secs, err := seconds(input+".duration", s.Duration)
	if err != nil {
		return nil, err
	}
	return &sdkconn.SoundElem{FilePath: up.path, FileSize: up.size, FileTime: secs}, nil
}

func (f *fileIn) elem(call *Call, input string) (sdkconn.Elem, error) {
	up, err := call.uploadOf(input+".path", f.Path)
	if err != nil {
		return nil, err
	}
	name := f.Name
	if name == "" {
		name = path.Base(f.Path)
	}
	return &sdkconn.FileElem{FilePath: up.path, FileSize: up.size, FileName: name}, nil
}

func (v *videoIn) elem(call *Call, input string) (sdkconn.Elem, error) {
	video, err := call.uploadOf(input+".path", v.Path)
	if err != nil {
		return nil, err
	}
	snapshot, err := call.uploadOf(input+".snapshot", v.Snapshot)
	if err != nil {
		return nil, err
	}
	secs, err := seconds(input+".duration", v.Duration)
	if err != nil {
		return nil, err
	}
	width, height := call.pictureSize(v.Snapshot)
	return &sdkconn.VideoElem{
		VideoPath: video.path, VideoSize: uint64(video.size), VideoType: extension(v.Path), VideoDuration: uint32(secs),
		ImagePath: snapshot.path, ImageSize: uint64(snapshot.size), ImageType: extension(v.Snapshot),
		ImageWidth: width, ImageHeight: height,
	}, nil
}

func (f *faceIn) elem(*Call, string) (sdkconn.Elem, error) {
	return &sdkconn.FaceElem{Index: f.Index, Buf: f.Data}, nil
}

func (c *customIn) elem(*Call, string) (sdkconn.Elem, error) {
	return &sdkconn.CustomElem{Data: c.Data, Desc: c.Desc, Ext: c.Ext, Sound: c.Sound}, nil
}

func (l *locationIn) elem(_ *Call, input string) (sdkconn.Elem, error) {
	// Written so that NaN fails too.
	if !(l.Latitude >= -90 && l.Latitude <= 90) {
		return nil, inputErrorf(input+".latitude", "%v is no latitude: want -90 to 90", l.Latitude)
	}
	if !(l.Longitude >= -180 && l.Longitude <= 180) {
		return nil, inputErrorf(input+".longitude", "%v is no longitude: want -180 to 180", l.Longitude)
	}
	return &sdkconn.LocationElem{Latitude: l.Latitude, Longitude: l.Longitude, Desc: l.Desc}, nil
}

func (m *mergeIn) elem(_ *Call, input string) (sdkconn.Elem, error) {
	if n := len(m.Messages); n == 0 || n > mergeMax {
		return nil, inputErrorf(input+".messages", "has %d messages: want 1 to %d", n, mergeMax)
	}
	for i, msg := range m.Messages {
		if msg.Status != sdkconn.StatusSendSucc {
			return nil, inputErrorf(fmt.Sprintf("%s.messages[%d]", input, i), "is not sent, or revoked: only sent messages can be bundled")
		}
		for _, e := range msg.Elems {
			if !e.ElemType().Sendable() {
				return nil, inputErrorf(fmt.Sprintf("%s.messages[%d]", input, i), "has a %s element, which cannot be bundled", e.ElemType())
			}
		}
	}
	if m.Title == "" {
		return nil, inputErrorf(input+".title", "is empty: give the bundle a heading")
	}
	fallback := m.Fallback
	if fallback == "" {
		fallback = m.Title
	}
	return &sdkconn.MergeElem{Title: m.Title, Abstract: m.Abstract, CompatibleText: fallback, Messages: withoutEffects(m.Messages)}, nil
}

// seconds rounds up to whole seconds, at least one.
func seconds(input string, d time.Duration) (int32, error) {
	secs := (d + time.Second - 1) / time.Second
	if d <= 0 || secs > math.MaxInt32 {
		return 0, inputErrorf(input, "%s is no playing time: want for instance 3s", d)
	}
	return int32(secs), nil
}
