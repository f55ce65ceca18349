package actions

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/timbot-go/timbot/sdkconn"
)

// maxName bounds a file's name, in bytes.
const maxName = 120

type downloadIn struct {
	Msg     *sdkconn.Message `arg:"msg" doc:"The message whose files are fetched; the event's unless given."`
	Element *int             `arg:"element" doc:"Only the files of this element, counted from 0."`
	Folder  string           `arg:"folder" doc:"The folder, inside the bot's data folder; downloads unless given."`
	Name    string           `arg:"name" doc:"The name of the file; made from the message and the sender's name for it unless given. Several files are numbered."`
}

type downloadOut struct {
	Files []downloaded `arg:"files" doc:"The files, in the order of the elements; none when the message has none."`
	Count int          `arg:"count,value" doc:"How many there are."`
}

type downloaded struct {
	Path    string `arg:"path" doc:"Where the file is."`
	Size    int64  `arg:"size" doc:"Its size in bytes."`
	Name    string `arg:"name" doc:"The sender's name for it, made safe."`
	Kind    string `arg:"kind" doc:"image, sound, file, video, or snapshot for the picture of a video."`
	Element int    `arg:"element" doc:"The element it belongs to, counted from 0."`
}

// Download fetches the files of a message.
var Download = New(Spec{
	Name: "download",
	Doc: "Fetches the pictures, voice recordings, files and videos of a message into the bot's data folder. A file " +
		"that is there from the same message already is replaced.",
	Example:           "download: {folder: receipts}",
	Scalar:            "folder",
	NeedsConversation: true,
	Targets:           []string{"msg"},
	Settle:            SettleRepeat, // the same message gives the same names
}, func(ctx context.Context, call *Call, args downloadIn) (downloadOut, error) {
	msg := args.Msg
	if msg == nil {
		msg = call.message()
	}
	if msg == nil {
		return downloadOut{}, inputErrorf("msg", "is missing: this event is about no message, so give msg")
	}
	files, err := args.files(msg)
	if err != nil || len(files) == 0 {
		return downloadOut{}, err
	}
	folder, err := openDataFolder(call, args.Folder)
	if err != nil {
		return downloadOut{}, err
	}
	defer folder.root.Close()
	var out downloadOut
	for _, f := range files {
		if err := folder.fetch(ctx, call, &f); err != nil {
			return out, explain(fmt.Sprintf("download %s of element %d", f.Kind, f.Element), err)
		}
		out.Files = append(out.Files, f.downloaded)
		out.Count++
	}
	return out, nil
})

// wanted is a file to fetch.
type wanted struct {
	downloaded
	param sdkconn.DownloadElemParam
	save  string // the name to save it under
}

// files lists what is to be fetched, with the names to save it under.
func (d downloadIn) files(msg *sdkconn.Message) ([]wanted, error) {
	if d.Element != nil && (*d.Element < 0 || *d.Element >= len(msg.Elems)) {
		return nil, inputErrorf("element", "is %d: the message has %d elements, counted from 0", *d.Element, len(msg.Elems))
	}
	var files []wanted
	for i, e := range msg.Elems {
		if d.Element != nil && *d.Element != i {
			continue
		}
		for _, param := range sdkconn.Downloads(e) {
			kind, name := fileName(e, param.Type)
			files = append(files, wanted{downloaded: downloaded{Name: safeName(name), Kind: kind, Element: i}, param: param})
		}
	}
	if d.Element != nil && len(files) == 0 {
		return nil, inputErrorf("element", "element %d has no file", *d.Element)
	}
	for i := range files {
		switch {
		case d.Name == "": // one message's files never take the place of another's
			files[i].save = fmt.Sprintf("%d-%d-%d-%s", msg.Time(), msg.Rand, i+1, files[i].Name)
		case len(files) == 1:
			files[i].save = safeName(d.Name)
		default:
			name := safeName(d.Name)
			end := path.Ext(name)
			files[i].save = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, end), i+1, end)
		}
	}
	return files, nil
}

// fileName is what kind of file an element's file is, and what its sender calls it.
func fileName(e sdkconn.Elem, t sdkconn.DownloadType) (kind, name string) {
	withEnd := func(kind, end string) (string, string) {
		if end == "" {
			return kind, kind
		}
		return kind, kind + "." + end
	}
	switch e := e.(type) {
	case *sdkconn.ImageElem:
		ends := map[int32]string{
			sdkconn.ImageJPG: "jpg", sdkconn.ImageGIF: "gif", sdkconn.ImagePNG: "png", sdkconn.ImageBMP: "bmp",
		}
		return withEnd("image", ends[e.Format])
	case *sdkconn.FileElem:
		return "file", e.FileName
	case *sdkconn.VideoElem:
		if t == sdkconn.DownloadVideoThumb {
			return withEnd("snapshot", e.ImageType)
		}
		return withEnd("video", e.VideoType)
	}
	return withEnd("sound", "")
}

// safeName makes a file name of what somebody sent: one that stays in its folder, is not hidden, and is no longer than
// maxName.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || strings.ContainsRune(`/\:*?"<>|`, r) || !unicode.IsGraphic(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	name = strings.Trim(name, ". ")
	if end := path.Ext(name); len(name) > maxName && len(end) < maxName/2 {
		name = cut(strings.TrimSuffix(name, end), maxName-len(end)) + end
	}
	if name = cut(name, maxName); name == "" {
		return "file"
	}
	return name
}

// cut shortens s to n bytes at most, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// dataFolder is a folder inside the bot's data folder.
type dataFolder struct {
	root *os.Root
	path string
}

// openDataFolder makes the folder when needed. The caller closes its root.
func openDataFolder(call *Call, name string) (dataFolder, error) {
	if name == "" {
		name = "downloads"
	}
	local := filepath.FromSlash(name)
	switch {
	case call.DataDir == "":
		return dataFolder{}, inputErrorf("folder", "this bot has no data folder to write to")
	case !filepath.IsLocal(local):
		return dataFolder{}, inputErrorf("folder", "%q is outside the bot's data folder: give a path inside it", name)
	}
	if err := os.MkdirAll(call.DataDir, 0o755); err != nil {
		return dataFolder{}, fmt.Errorf("the bot's data folder: %w", err)
	}
	data, err := os.OpenRoot(call.DataDir)
	if err != nil {
		return dataFolder{}, fmt.Errorf("the bot's data folder: %w", err)
	}
	defer data.Close()
	if err := data.MkdirAll(local, 0o755); err != nil {
		return dataFolder{}, &InputError{Input: "folder", Text: "cannot be made inside the bot's data folder", Err: err}
	}
	root, err := data.OpenRoot(local)
	if err != nil {
		return dataFolder{}, &InputError{Input: "folder", Text: "cannot be used", Err: err}
	}
	return dataFolder{root: root, path: filepath.Join(call.DataDir, local)}, nil
}

// fetch downloads one file. It is written under another name first, so that a file with the right name is whole.
func (d dataFolder) fetch(ctx context.Context, call *Call, f *wanted) (err error) {
	part := f.save + ".part"
	if err := d.root.Remove(part); err != nil && !os.IsNotExist(err) {
		return err
	}
	defer func() {
		if err != nil {
			_ = d.root.Remove(part) // what is left of it is of no use
		}
	}()
	log := call.Log.With("file", f.save)
	quarter := uint64(0)
	progress := func(current, total uint64) {
		if now := quarters(current, total); now > quarter {
			quarter = now
			log.Info("downloading", "current", current, "total", total)
		}
	}
	if err := call.Conn.DownloadElemToPath(ctx, f.param, filepath.Join(d.path, part), progress); err != nil {
		return err
	}
	info, err := d.root.Lstat(part)
	if err != nil {
		return err
	}
	if err := d.root.Rename(part, f.save); err != nil {
		return err
	}
	f.Path, f.Size = filepath.Join(d.path, f.save), info.Size()
	return nil
}

// quarters is how many quarters of total current is.
func quarters(current, total uint64) uint64 {
	if total == 0 || current >= total {
		return 4
	}
	return current / (total/4 + 1)
}
