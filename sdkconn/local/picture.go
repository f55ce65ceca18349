package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"

	"golang.org/x/image/draw"

	"github.com/timbot-go/timbot/sdkconn"
)

// The shorter sides of a picture's smaller versions, in pixels. Nothing is enlarged.
const (
	thumbSide = 198
	largeSide = 720
)

// maxPixels bounds the pictures that smaller versions are made of: about 160 MB while it lasts.
const maxPixels = 40 << 20

// version is one size of a picture.
type version struct {
	id            string
	size          int32
	width, height int32
}

// shrink makes the smaller versions of a picture that was stored as orig and is at path. A picture that is small already,
// too large to decode, of a format that Go cannot write, or broken is all three versions itself.
func (c *Conn) shrink(ctx context.Context, op, path string, format int32, orig version) (large, thumb version, err error) {
	large, thumb = orig, orig
	if min(orig.width, orig.height) <= thumbSide || int64(orig.width)*int64(orig.height) > maxPixels {
		return large, thumb, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return large, thumb, uploadFailed(op, sdkconn.CodeFileOpenFailed, err)
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return large, thumb, nil
	}
	if large, err = c.scaled(ctx, op, picture, format, orig, largeSide); err == nil {
		thumb, err = c.scaled(ctx, op, picture, format, orig, thumbSide)
	}
	return large, thumb, err
}

// scaled stores a version of the picture whose shorter side has so many pixels, in the original's format.
func (c *Conn) scaled(ctx context.Context, op string, picture image.Image, format int32, orig version, side int) (version, error) {
	b := picture.Bounds()
	short := min(b.Dx(), b.Dy())
	if short <= side {
		return orig, nil
	}
	size := image.Rect(0, 0, (b.Dx()*side+short/2)/short, (b.Dy()*side+short/2)/short)
	small := image.NewRGBA(size)
	draw.BiLinear.Scale(small, size, picture, b, draw.Src, nil)
	var buf bytes.Buffer
	var err error
	switch format {
	case sdkconn.ImageJPG:
		err = jpeg.Encode(&buf, small, &jpeg.Options{Quality: 85})
	case sdkconn.ImageGIF:
		err = gif.Encode(&buf, small, nil)
	case sdkconn.ImagePNG:
		err = png.Encode(&buf, small)
	default:
		return orig, nil
	}
	if err != nil {
		return orig, nil
	}
	id, err := c.storeData(ctx, op, buf.Bytes())
	return version{id, int32(buf.Len()), int32(size.Dx()), int32(size.Dy())}, err
}

// storeData puts a file that this program made into the chat.
func (c *Conn) storeData(ctx context.Context, op string, data []byte) (id string, err error) {
	sum := sha256.Sum256(data)
	id = hex.EncodeToString(sum[:])
	if _, there, err := c.stored(ctx, op, id); err != nil || there {
		return id, err
	}
	return id, c.storeChunks(ctx, op, bytes.NewReader(data), id, int64(len(data)), func(int64, int64) {})
}

// known is a version that a forwarded picture names, or the original when the chat does not have it.
func (c *Conn) known(ctx context.Context, op, id string, width, height int32, orig version) (version, error) {
	if id == "" {
		return orig, nil
	}
	size, there, err := c.stored(ctx, op, id)
	if err != nil || !there {
		return orig, err
	}
	return version{id, int32(size), width, height}, nil
}
