package local

import (
	"context"
	"errors"
	"image"
	_ "image/gif" // the formats whose size is told
	_ "image/jpeg"
	_ "image/png"
	"io"
	"path/filepath"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

// upload stores the files of a message's elements and fills in what the elements say of them. An element without a path but
// with the id of a file that the chat has is forwarded.
func (c *Conn) upload(ctx context.Context, op string, msg *sdkconn.Message, elems sdkconn.Elems) error {
	for i, e := range elems {
		var err error
		told := func(current, total int64) {
			if f := c.progress.Load(); f != nil && *f != nil {
				(*f)(msg, i, uint64(current), uint64(total))
			}
		}
		switch e := e.(type) {
		case *sdkconn.ImageElem:
			err = c.uploadImage(ctx, op, e, told)
		case *sdkconn.SoundElem:
			e.FileID, e.FileSize, err = c.uploadFile(ctx, op, e.FilePath, blobID(e.FileID, e.URL), maxSound, told)
			e.URL = blobURL + e.FileID
		case *sdkconn.FileElem:
			e.FileID, e.FileSize, err = c.uploadFile(ctx, op, e.FilePath, blobID(e.FileID, e.URL), maxFile, told)
			e.URL = blobURL + e.FileID
			if e.FileName == "" && e.FilePath != "" {
				e.FileName = filepath.Base(e.FilePath)
			}
		case *sdkconn.VideoElem:
			err = c.uploadVideo(ctx, op, e, told)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// SetMsgElemUploadProgressCallback implements [sdkconn.UploadProgress].
func (c *Conn) SetMsgElemUploadProgressCallback(f func(msg *sdkconn.Message, elem int, current, total uint64)) {
	c.progress.Store(&f)
}

// uploadFile returns the id and size of a file that is at path, or that the chat has under id.
func (c *Conn) uploadFile(ctx context.Context, op, path, id string, limit int64, told func(current, total int64)) (string, int64, error) {
	if path != "" || id == "" {
		return c.store(ctx, op, path, limit, told)
	}
	size, there, err := c.stored(ctx, op, id)
	if err == nil && !there {
		err = fail(op, sdkconn.CodeFileNotFound, "no path, and no file %s in the chat", id)
	}
	return id, size, err
}

// uploadImage stores a picture, its large version and its thumbnail.
func (c *Conn) uploadImage(ctx context.Context, op string, e *sdkconn.ImageElem, told func(current, total int64)) error {
	if e.OrigPath != "" {
		if err := measure(op, e); err != nil {
			return err
		}
	}
	id, size, err := c.uploadFile(ctx, op, e.OrigPath, blobID(e.OrigID, e.OrigURL), maxImage, told)
	if err != nil {
		return err
	}
	orig := version{id, int32(size), e.OrigWidth, e.OrigHeight}
	var large, thumb version
	if e.OrigPath != "" {
		large, thumb, err = c.shrink(ctx, op, e.OrigPath, e.Format, orig)
	} else if large, err = c.known(ctx, op, blobID(e.LargeID, e.LargeURL), e.LargeWidth, e.LargeHeight, orig); err == nil {
		thumb, err = c.known(ctx, op, blobID(e.ThumbID, e.ThumbURL), e.ThumbWidth, e.ThumbHeight, orig)
	}
	if err != nil {
		return err
	}
	e.OrigID, e.OrigURL, e.OrigSize = orig.id, blobURL+orig.id, orig.size
	e.LargeID, e.LargeURL, e.LargeSize, e.LargeWidth, e.LargeHeight = large.id, blobURL+large.id, large.size, large.width, large.height
	e.ThumbID, e.ThumbURL, e.ThumbSize, e.ThumbWidth, e.ThumbHeight = thumb.id, blobURL+thumb.id, thumb.size, thumb.width, thumb.height
	return nil
}

// pictures are the first bytes of the formats that the service takes.
var pictures = []struct {
	format int32
	magic  string
}{
	{sdkconn.ImageJPG, "\xff\xd8\xff"}, {sdkconn.ImageGIF, "GIF8"}, {sdkconn.ImagePNG, "\x89PNG\r\n\x1a\n"}, {sdkconn.ImageBMP, "BM"},
	{sdkconn.ImageUnknown, "RIFF"}, {sdkconn.ImageUnknown, "II*\x00"}, {sdkconn.ImageUnknown, "MM\x00*"},
}

// measure tells a picture's format by its first bytes, and its size in pixels where the format is one that Go reads; 0 where
// it is not, or the picture is broken further on.
func measure(op string, e *sdkconn.ImageElem) error {
	f, _, err := openUpload(op, e.OrigPath, maxImage)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 8)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return uploadFailed(op, sdkconn.CodeFileOpenFailed, err)
	}
	known := false
	for _, p := range pictures {
		if strings.HasPrefix(string(head[:n]), p.magic) {
			e.Format, known = p.format, true
			break
		}
	}
	if !known {
		return fail(op, sdkconn.CodeImageUploadFailedNotImage, "%s is no picture", e.OrigPath)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return uploadFailed(op, sdkconn.CodeFileOpenFailed, err)
	}
	if config, _, err := image.DecodeConfig(f); err == nil {
		e.OrigWidth, e.OrigHeight = int32(config.Width), int32(config.Height)
	}
	return nil
}

// uploadVideo stores a video and, when it has one, its snapshot.
func (c *Conn) uploadVideo(ctx context.Context, op string, e *sdkconn.VideoElem, told func(current, total int64)) error {
	id, size, err := c.uploadFile(ctx, op, e.VideoPath, blobID(e.VideoID, e.VideoURL), maxVideo, told)
	if err != nil {
		return err
	}
	e.VideoID, e.VideoURL, e.VideoSize = id, blobURL+id, uint64(size)
	if e.VideoType == "" {
		e.VideoType = strings.TrimPrefix(filepath.Ext(e.VideoPath), ".")
	}
	known := blobID(e.ImageID, e.ImageURL)
	if e.ImagePath == "" && known == "" {
		return nil
	}
	if id, size, err = c.uploadFile(ctx, op, e.ImagePath, known, maxImage, told); err != nil {
		return err
	}
	e.ImageID, e.ImageURL, e.ImageSize = id, blobURL+id, uint64(size)
	if e.ImageType == "" {
		e.ImageType = strings.TrimPrefix(filepath.Ext(e.ImagePath), ".")
	}
	return nil
}
