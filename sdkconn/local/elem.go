package local

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
)

// cloneElems copies elements so deep that the copy shares nothing with the original.
func cloneElems(elems sdkconn.Elems) sdkconn.Elems {
	c := make(sdkconn.Elems, len(elems))
	for i, e := range elems {
		c[i] = cloneElem(e)
	}
	return c
}

func cloneElem(e sdkconn.Elem) sdkconn.Elem {
	switch e := e.(type) {
	case *sdkconn.TextElem:
		c := *e
		c.Unknown = bytes.Clone(c.Unknown)
		return &c
	case *sdkconn.CustomElem:
		c := *e
		c.Unknown = bytes.Clone(c.Unknown)
		return &c
	case *sdkconn.FaceElem:
		c := *e
		c.Unknown = bytes.Clone(c.Unknown)
		return &c
	case *sdkconn.LocationElem:
		c := *e
		c.Unknown = bytes.Clone(c.Unknown)
		return &c
	case *sdkconn.ImageElem:
		c := *e
		c.Unknown = bytes.Clone(c.Unknown)
		return &c
	case *sdkconn.SoundElem:
		c := *e
		c.Unknown = bytes.Clone(c.Unknown)
		return &c
	case *sdkconn.FileElem:
		c := *e
		c.Unknown = bytes.Clone(c.Unknown)
		return &c
	case *sdkconn.VideoElem:
		c := *e
		c.Unknown = bytes.Clone(c.Unknown)
		return &c
	case *sdkconn.UnknownElem:
		return &sdkconn.UnknownElem{Type: e.Type, Raw: bytes.Clone(e.Raw)}
	}
	// The others hold lists of lists; their JSON is the copy. One that cannot be written fails again when it is stored.
	data, err := sdkconn.Marshal(sdkconn.Elems{e})
	var c sdkconn.Elems
	if err != nil || sdkconn.Unmarshal(data, &c) != nil || len(c) != 1 {
		return e
	}
	return c[0]
}

// withoutPaths takes the sender's local paths out of the elements that carry files. It copies what it changes.
func withoutPaths(elems sdkconn.Elems) sdkconn.Elems {
	var c sdkconn.Elems
	set := func(i int, e sdkconn.Elem) {
		if c == nil {
			c = slices.Clone(elems)
		}
		c[i] = e
	}
	for i, e := range elems {
		switch e := e.(type) {
		case *sdkconn.ImageElem:
			if e.OrigPath != "" {
				n := *e
				n.OrigPath = ""
				set(i, &n)
			}
		case *sdkconn.SoundElem:
			if e.FilePath != "" {
				n := *e
				n.FilePath = ""
				set(i, &n)
			}
		case *sdkconn.FileElem:
			if e.FilePath != "" {
				n := *e
				n.FilePath = ""
				set(i, &n)
			}
		case *sdkconn.VideoElem:
			if e.VideoPath != "" || e.ImagePath != "" {
				n := *e
				n.VideoPath, n.ImagePath = "", ""
				set(i, &n)
			}
		}
	}
	if c == nil {
		return elems
	}
	return c
}

// sendable drops what the real SDK drops in silence, elements that it does not know, and checks the rest.
func sendable(op string, elems sdkconn.Elems) (sdkconn.Elems, error) {
	var kept sdkconn.Elems
	for _, e := range elems {
		if e == nil {
			continue
		}
		if v := reflect.ValueOf(e); v.Kind() == reflect.Pointer && v.IsNil() {
			return nil, fail(op, sdkconn.CodeInvalidMsgElem, "a nil %T", e)
		}
		if _, unknown := e.(*sdkconn.UnknownElem); unknown {
			continue
		}
		if !e.ElemType().Sendable() {
			return nil, fail(op, sdkconn.CodeInvalidMsgElem, "a %s element cannot be sent", e.ElemType())
		}
		kept = append(kept, e)
	}
	if len(kept) == 0 {
		return nil, fail(op, sdkconn.CodeInvalidMsgElem, "no element")
	}
	if n := kept.TextBytes(); n > sdkconn.MaxMsgBytes {
		return nil, fail(op, sdkconn.CodeMsgBodySizeLimit, "%d bytes, at most %d", n, sdkconn.MaxMsgBytes)
	}
	if err := checkMerged(op, kept, 1); err != nil {
		return nil, err
	}
	return kept, nil
}

// checkMerged checks the merge elements among elems and in what they bundle.
func checkMerged(op string, elems sdkconn.Elems, layer int) error {
	for _, e := range elems {
		m, ok := e.(*sdkconn.MergeElem)
		switch {
		case !ok || m == nil:
			continue
		case layer > sdkconn.MaxMergedLayers:
			return fail(op, sdkconn.CodeMergerMsgLayersOverLimit, "more than %d layers", sdkconn.MaxMergedLayers)
		case len(m.Messages) > sdkconn.MaxMergedMessages:
			return fail(op, sdkconn.CodeInvalidParameters, "%d merged messages, at most %d", len(m.Messages), sdkconn.MaxMergedMessages)
		}
		for _, msg := range m.Messages {
			if msg == nil {
				return fail(op, sdkconn.CodeInvalidMsgElem, "a merged message is nil")
			}
			for _, e := range msg.Elems {
				if e != nil && !e.ElemType().Sendable() {
					if _, unknown := e.(*sdkconn.UnknownElem); !unknown {
						return fail(op, sdkconn.CodeInvalidMsgElem, "a %s element cannot be merged", e.ElemType())
					}
				}
			}
			if err := checkMerged(op, msg.Elems, layer+1); err != nil {
				return err
			}
		}
	}
	return nil
}
