package sdkconn

import "github.com/go-json-experiment/json/jsontext"

// DownloadType says which file of an element is meant, TIMDownloadType.
type DownloadType uint32

// The download types. The C API has none for pictures, whose elements carry URLs; Image is this package's own and
// takes its file by URL.
const (
	DownloadVideoThumb DownloadType = 0
	DownloadFile       DownloadType = 1
	DownloadVideo      DownloadType = 2
	DownloadSound      DownloadType = 3
	DownloadImage      DownloadType = 100
)

// DownloadElemParam names a file in a received element.
type DownloadElemParam struct {
	BusinessID uint32       `json:"msg_download_elem_param_business_id"`
	Flag       uint32       `json:"msg_download_elem_param_flag,omitzero"` // SDKs of 2019 and 2020 only
	ID         string       `json:"msg_download_elem_param_id"`
	Type       DownloadType `json:"msg_download_elem_param_type"`
	URL        string       `json:"msg_download_elem_param_url"`

	// Dir, when it is not empty, is the folder that the file must stay in: the path is relative to it then, and one that
	// leads out of it, by its dots or by a link, is refused (CodeParam, CodeIOOperationFailed).
	Dir string `json:"-"`

	Unknown jsontext.Value `json:",embed"`
}

// DownloadElemResult is the progress that the C API tells, in bytes.
type DownloadElemResult struct {
	CurrentSize uint64 `json:"msg_download_elem_result_current_size"`
	TotalSize   uint64 `json:"msg_download_elem_result_total_size"`
}

// Downloads returns the files that an element carries, the main one first: the original of a picture, the video before
// its snapshot. An element without a file, or one whose file is not known yet, has none.
func Downloads(e Elem) []DownloadElemParam {
	var files []DownloadElemParam
	add := func(t DownloadType, business int32, id, url string) {
		if id != "" || url != "" {
			files = append(files, DownloadElemParam{Type: t, BusinessID: uint32(business), ID: id, URL: url})
		}
	}
	switch e := e.(type) {
	case *ImageElem:
		add(DownloadImage, 0, e.OrigID, e.OrigURL)
	case *SoundElem:
		add(DownloadSound, e.BusinessID, e.FileID, e.URL)
	case *FileElem:
		add(DownloadFile, e.BusinessID, e.FileID, e.URL)
	case *VideoElem:
		add(DownloadVideo, e.BusinessID, e.VideoID, e.VideoURL)
		add(DownloadVideoThumb, e.BusinessID, e.ImageID, e.ImageURL)
	}
	return files
}
