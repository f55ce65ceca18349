package rules

import "bytes"

var byteOrderMark = []byte("\xEF\xBB\xBF")

// readable reports whether a file is UTF-8, and tells what it is if not.
func (l *loader) readable(d *document) bool {
	if bytes.HasPrefix(d.text, []byte("\xFE\xFF")) || bytes.HasPrefix(d.text, []byte("\xFF\xFE")) {
		l.add(d, "", 0, 0, nil, "file is UTF-16: save it as UTF-8")
		return false
	}
	bad := invalidUTF8(d.text)
	if bad < 0 {
		return true
	}
	line, col := d.place(bad)
	if looksGBK(d.text) {
		l.add(d, "", line, col, nil, "file is GBK, not UTF-8: save it as UTF-8 (in Excel: CSV UTF-8)")
	} else {
		l.add(d, "", line, col, nil, "file is not valid UTF-8: byte 0x%02X", d.text[bad])
	}
	return false
}

// looksGBK reports whether a text is made of ASCII and the pairs of bytes that GBK, and GB18030 as far as it is used, writes
// characters with.
func looksGBK(text []byte) bool {
	for i := 0; i < len(text); i++ {
		lead := text[i]
		if lead < 0x80 {
			continue
		}
		if lead == 0x80 || lead == 0xFF || i+1 == len(text) {
			return false
		}
		i++
		switch trail := text[i]; {
		case 0x40 <= trail && trail <= 0xFE && trail != 0x7F:
		case '0' <= trail && trail <= '9' && i+2 < len(text) && 0x81 <= text[i+1] && text[i+1] <= 0xFE &&
			'0' <= text[i+2] && text[i+2] <= '9':
			i += 2
		default:
			return false
		}
	}
	return true
}
