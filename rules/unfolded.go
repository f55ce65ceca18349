package rules

import (
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// unfolded says which texts an index may look at as they are, although its literals stand in texts of the profile chat:
// folding costs more than looking, and most chats hold nothing that it changes but capital letters, which literals find
// without. What it does change, a full-width comma or a traditional character, counts only where what it becomes stands in a
// literal. Texts with anything that folds together with its neighbours, or into nothing, are left to folding.
type unfolded struct {
	counts [0x10000 / 64]uint64 // a bit for each character of the basic plane: folding must see it
}

// newUnfolded makes it for literals: all texts that are looked for.
func newUnfolded(literals func(yield func(string) bool)) *unfolded {
	u := new(unfolded)
	var letters [0x10000 / 64]uint64
	for l := range literals {
		for _, r := range l {
			if r < 0x10000 {
				letters[r>>6] |= 1 << (r & 63)
			}
		}
	}
	for r, to := range chatTable() {
		if to == 0 || int(to) != r && letters[to>>6]>>(to&63)&1 != 0 {
			u.counts[r>>6] |= 1 << (r & 63)
		}
	}
	return u
}

// serves reports whether text may be looked at as it is.
func (u *unfolded) serves(src string) bool {
	text := unsafe.Slice(unsafe.StringData(src), len(src))
	for i := 0; i < len(text); {
		w := eightBytes(text, i)
		switch {
		case w&0x80 == 0:
			i += bits.TrailingZeros64(w&highBits) / 8 // past all that is ASCII
		case w&threeBytesTwice == threeByteLeads:
			if (u.bit(w)|u.bit(w>>24))&1 != 0 {
				return false
			}
			i += 6
		case w&threeBytesOnce == threeByteLead:
			if u.bit(w)&1 != 0 {
				return false
			}
			i += 3
		default:
			r, size := utf8.DecodeRuneInString(src[i:])
			if size != 4 || !isPlain(r) {
				return false
			}
			i += size
		}
	}
	return true
}

// bit is, in its lowest bit, whether folding must see the character of three bytes that w begins with.
func (u *unfolded) bit(w uint64) uint64 {
	return u.counts[w&15<<6|w>>8&63] >> (w >> 16 & 63)
}
