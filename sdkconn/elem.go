package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// ElemType numbers the kinds of elements, TIMElemType.
type ElemType int32

// The element types.
const (
	ElemInvalid       ElemType = -1
	ElemText          ElemType = 0
	ElemImage         ElemType = 1
	ElemSound         ElemType = 2
	ElemCustom        ElemType = 3
	ElemFile          ElemType = 4
	ElemGroupTips     ElemType = 5
	ElemFace          ElemType = 6
	ElemLocation      ElemType = 7
	ElemGroupReport   ElemType = 8
	ElemVideo         ElemType = 9
	ElemFriendChange  ElemType = 10
	ElemProfileChange ElemType = 11
	ElemMerge         ElemType = 12
)

// Elem is one element of a message: a pointer to one of this package's Elem structs.
type Elem interface {
	// ElemType is the number behind "elem_type".
	ElemType() ElemType
}

// Elems is the list of a message's elements. An element of a type that this package does not know is kept whole as an
// *UnknownElem.
type Elems []Elem

// TextElem is plain text.
type TextElem struct {
	Text string `json:"text_elem_content"`

	Unknown jsontext.Value `json:",embed"`
}

// CustomElem is data of the app's own.
type CustomElem struct {
	Data  string `json:"custom_elem_data"`
	Desc  string `json:"custom_elem_desc"`
	Ext   string `json:"custom_elem_ext"`
	Sound string `json:"custom_elem_sound"`

	Unknown jsontext.Value `json:",embed"`
}

// FaceElem is a sticker or emoji of the app's own set.
type FaceElem struct {
	Buf   string `json:"face_elem_buf"`
	Index int32  `json:"face_elem_index"`

	Unknown jsontext.Value `json:",embed"`
}

// LocationElem is a place, in degrees.
type LocationElem struct {
	Desc      string  `json:"location_elem_desc"`
	Latitude  float64 `json:"location_elem_latitude"`
	Longitude float64 `json:"location_elem_longitude"`

	Unknown jsontext.Value `json:",embed"`
}

// ImageLevel is the quality in which a picture is uploaded, TIMImageLevel. The zero value is ImageCompressed; the Go
// values differ from the wire's for that reason.
type ImageLevel uint32

// The image levels.
const (
	ImageCompressed ImageLevel = 0 // 1 on the wire
	ImageOrig       ImageLevel = 1 // 0 on the wire
	ImageHD         ImageLevel = 2
)

// The picture formats of ImageElem.Format.
const (
	ImageJPG     = 1
	ImageGIF     = 2
	ImagePNG     = 3
	ImageBMP     = 4
	ImageUnknown = 0xff
)

// ImageElem is a picture: the original, a large version (shorter side 720 px) and a thumbnail (198 px). A sender sets
// OrigPath and, if it likes, Level and Format.
type ImageElem struct {
	Format      int32      `json:"image_elem_format"`
	LargeID     string     `json:"image_elem_large_id"`
	LargeHeight int32      `json:"image_elem_large_pic_height"`
	LargeSize   int32      `json:"image_elem_large_pic_size"`
	LargeWidth  int32      `json:"image_elem_large_pic_width"`
	LargeURL    string     `json:"image_elem_large_url"`
	Level       ImageLevel `json:"image_elem_level"`
	OrigID      string     `json:"image_elem_orig_id"`
	OrigPath    string     `json:"image_elem_orig_path"`
	OrigHeight  int32      `json:"image_elem_orig_pic_height"`
	OrigSize    int32      `json:"image_elem_orig_pic_size"` // bytes
	OrigWidth   int32      `json:"image_elem_orig_pic_width"`
	OrigURL     string     `json:"image_elem_orig_url"`
	ThumbID     string     `json:"image_elem_thumb_id"`
	ThumbHeight int32      `json:"image_elem_thumb_pic_height"`
	ThumbSize   int32      `json:"image_elem_thumb_pic_size"`
	ThumbWidth  int32      `json:"image_elem_thumb_pic_width"`
	ThumbURL    string     `json:"image_elem_thumb_url"`

	Unknown jsontext.Value `json:",embed"`
}

// SoundElem is a voice recording. A sender sets FilePath, FileSize and FileTime.
type SoundElem struct {
	BusinessID int32  `json:"sound_elem_business_id"`
	FileID     string `json:"sound_elem_file_id"`
	FilePath   string `json:"sound_elem_file_path"`
	FileSize   int64  `json:"sound_elem_file_size"` // bytes
	FileTime   int32  `json:"sound_elem_file_time"` // seconds
	URL        string `json:"sound_elem_url,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// FileElem is a file. A sender sets FilePath and, if it likes, FileName.
type FileElem struct {
	BusinessID int32  `json:"file_elem_business_id"`
	FileID     string `json:"file_elem_file_id"`
	FileName   string `json:"file_elem_file_name"`
	FilePath   string `json:"file_elem_file_path"`
	FileSize   int64  `json:"file_elem_file_size"` // bytes
	URL        string `json:"file_elem_url,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// VideoElem is a video and its snapshot.
type VideoElem struct {
	BusinessID    int32  `json:"video_elem_business_id"`
	ImageHeight   uint32 `json:"video_elem_image_height"`
	ImageID       string `json:"video_elem_image_id"`
	ImagePath     string `json:"video_elem_image_path"`
	ImageSize     uint64 `json:"video_elem_image_size"` // bytes
	ImageType     string `json:"video_elem_image_type"` // for instance "png"
	ImageURL      string `json:"video_elem_image_url,omitzero"`
	ImageWidth    uint32 `json:"video_elem_image_width"`
	VideoDuration uint32 `json:"video_elem_video_duration"` // seconds
	VideoID       string `json:"video_elem_video_id"`
	VideoPath     string `json:"video_elem_video_path"`
	VideoSize     uint64 `json:"video_elem_video_size"` // bytes
	VideoType     string `json:"video_elem_video_type"` // for instance "mp4"
	VideoURL      string `json:"video_elem_video_url,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// MergeElem is a bundle of forwarded messages, at most 300 and 100 levels deep.
type MergeElem struct {
	Abstract       []string       `json:"merge_elem_abstract_array"`
	CompatibleText string         `json:"merge_elem_compatible_text"` // shown by clients that do not know the type
	LayerOverLimit bool           `json:"merge_elem_layer_over_limit"`
	Messages       []*Message     `json:"merge_elem_message_array,omitempty"`
	RelayBuffer    string         `json:"merge_elem_relay_buffer"`
	RelayJSONKey   string         `json:"merge_elem_relay_json_key"`
	RelayPBKey     string         `json:"merge_elem_relay_pb_key"`
	Title          string         `json:"merge_elem_title"`
	Unknown        jsontext.Value `json:",embed"`
}

// FriendChangeElem tells of a change in the relationships. The service sends it; its lists, which differ from change
// to change, stay in Unknown.
type FriendChangeElem struct {
	ChangeType uint32 `json:"friend_change_elem_change_type"`

	Unknown jsontext.Value `json:",embed"`
}

// ProfileChangeElem tells of a changed profile. The service sends it.
type ProfileChangeElem struct {
	ChangeType     uint32         `json:"profile_change_elem_change_type"`
	FromIdentifier string         `json:"profile_change_elem_from_identifier"`
	Item           jsontext.Value `json:"profile_change_elem_user_profile_item,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// UnknownElem is an element of a type that this package does not know, or an entry that is no object, kept as it came.
type UnknownElem struct {
	Type ElemType
	Raw  jsontext.Value
}

func (*TextElem) ElemType() ElemType          { return ElemText }
func (*ImageElem) ElemType() ElemType         { return ElemImage }
func (*SoundElem) ElemType() ElemType         { return ElemSound }
func (*CustomElem) ElemType() ElemType        { return ElemCustom }
func (*FileElem) ElemType() ElemType          { return ElemFile }
func (*GroupTipsElem) ElemType() ElemType     { return ElemGroupTips }
func (*FaceElem) ElemType() ElemType          { return ElemFace }
func (*LocationElem) ElemType() ElemType      { return ElemLocation }
func (*GroupReportElem) ElemType() ElemType   { return ElemGroupReport }
func (*VideoElem) ElemType() ElemType         { return ElemVideo }
func (*FriendChangeElem) ElemType() ElemType  { return ElemFriendChange }
func (*ProfileChangeElem) ElemType() ElemType { return ElemProfileChange }
func (*MergeElem) ElemType() ElemType         { return ElemMerge }
func (e *UnknownElem) ElemType() ElemType     { return e.Type }

// Sendable reports whether a user may send elements of type t; tips and notices come from the service only.
func (t ElemType) Sendable() bool {
	switch t {
	case ElemText, ElemImage, ElemSound, ElemCustom, ElemFile, ElemFace, ElemLocation, ElemVideo, ElemMerge:
		return true
	}
	return false
}

// String returns the type's name in the rule language: "text", "image", ...; "unknown" for one without a name.
func (t ElemType) String() string {
	switch t {
	case ElemText:
		return "text"
	case ElemImage:
		return "image"
	case ElemSound:
		return "sound"
	case ElemCustom:
		return "custom"
	case ElemFile:
		return "file"
	case ElemGroupTips:
		return "tips"
	case ElemFace:
		return "face"
	case ElemLocation:
		return "location"
	case ElemGroupReport:
		return "notice"
	case ElemVideo:
		return "video"
	case ElemFriendChange:
		return "friend_change"
	case ElemProfileChange:
		return "profile_change"
	case ElemMerge:
		return "merge"
	}
	return "unknown"
}

// TextBytes is the size that MaxMsgBytes bounds: every text that the elements carry to the other side.
func (es Elems) TextBytes() int {
	n := 0
	for _, e := range es {
		switch e := e.(type) {
		case *TextElem:
			n += len(e.Text)
		case *CustomElem:
			n += len(e.Data) + len(e.Desc) + len(e.Ext) + len(e.Sound)
		case *FaceElem:
			n += len(e.Buf)
		case *LocationElem:
			n += len(e.Desc)
		case *FileElem:
			n += len(e.FileName)
		case *VideoElem:
			n += len(e.VideoType) + len(e.ImageType)
		case *MergeElem:
			n += len(e.Title) + len(e.CompatibleText)
			for _, line := range e.Abstract {
				n += len(line)
			}
		}
	}
	return n
}
