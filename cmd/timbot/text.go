package main

import (
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/timbot-go/timbot/sdkconn"
)

// content is what a message says, in words: its text, and the other elements in brackets.
func content(m *sdkconn.Message) string {
	var b strings.Builder
	wasText := true
	for i, e := range m.Elems {
		text, isText := e.(*sdkconn.TextElem)
		if i > 0 && !(isText && wasText) {
			b.WriteByte(' ')
		}
		if isText {
			b.WriteString(text.Text)
		} else {
			b.WriteString("[" + element(e) + "]")
		}
		wasText = isText
	}
	var missing []string
	for _, user := range m.GroupAtUsers {
		name := "@" + user
		if user == sdkconn.MentionAll {
			name = "@all"
		}
		if !strings.Contains(b.String(), name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		b.WriteString(" (" + strings.Join(missing, " ") + ")")
	}
	return b.String()
}

// element is what an element other than text holds, in words.
func element(e sdkconn.Elem) string {
	switch e := e.(type) {
	case *sdkconn.ImageElem:
		if e.OrigWidth > 0 {
			return fmt.Sprintf("picture %d×%d, %s", e.OrigWidth, e.OrigHeight, size(int64(e.OrigSize)))
		}
		return "picture"
	case *sdkconn.SoundElem:
		return fmt.Sprintf("sound %ds, %s", e.FileTime, size(e.FileSize))
	case *sdkconn.FileElem:
		return fmt.Sprintf("file %s, %s", path.Base(e.FileName), size(e.FileSize))
	case *sdkconn.VideoElem:
		return fmt.Sprintf("video %ds, %s", e.VideoDuration, size(int64(e.VideoSize)))
	case *sdkconn.FaceElem:
		return strings.TrimSpace(fmt.Sprintf("face %d %s", e.Index, e.Buf))
	case *sdkconn.LocationElem:
		return strings.TrimSpace(fmt.Sprintf("location %v,%v %s", e.Latitude, e.Longitude, e.Desc))
	case *sdkconn.CustomElem:
		return "custom " + firstOf(e.Desc, e.Data)
	case *sdkconn.MergeElem:
		return fmt.Sprintf("%s: %s", e.Title, counted(len(e.Messages), "message"))
	}
	return e.ElemType().String()
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// clean makes text harmless for a terminal: somebody else wrote it. Control characters, and the marks that turn the
// direction of writing, become visible.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < 0x20:
			return 0x2400 + r // the picture of the control character
		case r == 0x7f:
			return '␡'
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}
