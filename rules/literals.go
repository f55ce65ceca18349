package rules

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe"
)

// literal is a text to be found in other texts. With fold, ASCII letters stand for both cases, and text is in lower case.
type literal struct {
	text string
	fold bool
}

// literals finds which of many literals stand in a text. Its contract, which FuzzLiterals holds against strings.Contains:
//
//   - scan reports the number of every literal that stands in the text at least once, and of no other. One that stands
//     there often may be reported often; the order means nothing.
//   - An empty literal is never reported. Bytes are bytes: neither literals nor texts have to be UTF-8.
//   - The time is that of one pass over the text for each class of lengths that there is, plus the finds. It does not
//     depend on the number of literals, except through the caches of the processor, unless literals have all their windows in
//     common.
//   - Nothing is allocated but for out. It is not changed after newLiterals and serves many goroutines.
//
// How: of each literal one window of a few bytes is chosen, the one that fewest others have. The pass looks each window of
// the text up in a bitmap with 64 bits or more for each literal, which most often says no; else in a hash table of the windows,
// whose entries are compared with the text. The bit that tells ASCII cases apart is set in all windows: that only adds
// candidates. Literals of six bytes or more have windows of five bytes, of which the pass looks at every second one; there
// is one for even and one for odd places then. With more than manyLiterals it is six bytes at every place, which makes fewer
// candidates, with no more than fewLiterals three bytes at every fourth place, which makes more of them and is a quicker pass. Shorter literals have windows of three, two and one.
type literals struct {
	lits    []literal
	classes []windows
}

const (
	fewLiterals  = 64
	manyLiterals = 4000
	longLiteral  = 6  // bytes
	maxWindows   = 64 // of one literal, to choose from

	caseBits = 0x2020202020202020
	hashMul  = 0x9E3779B97F4A7C15
	slotMul  = 0xD6E8FEB86659FD93
)

// windows finds the literals of one class.
type windows struct {
	width, step int
	window      uint64 // the bytes of a word that are the window
	bits        uint64 // the number of bits in the bitmap, a power of two, less one
	bitmap      []uint64
	slotShift   uint
	slots       []uint32 // 1 + the index of a group; 0 is free
	groups      []windowGroup
	entries     []windowEntry
}

// windowGroup is the literals that share a window: entries[start:end].
type windowGroup struct {
	key        uint64
	start, end uint32
}

// windowEntry says which literal has the window, and where in it.
type windowEntry struct{ lit, at uint32 }

// newLiterals builds the index; a literal's number is its place in lits, which it keeps. few and many are fewLiterals and
// manyLiterals outside of tests.
func newLiterals(lits []literal, few, many int) *literals {
	x := &literals{lits: lits}
	var classes [4][]uint32
	for i, l := range lits {
		switch n := len(l.text); {
		case n >= longLiteral:
			classes[0] = append(classes[0], uint32(i))
		case n >= 3:
			classes[1] = append(classes[1], uint32(i))
		case n == 2:
			classes[2] = append(classes[2], uint32(i))
		case n == 1:
			classes[3] = append(classes[3], uint32(i))
		}
	}
	for i, ids := range classes {
		if len(ids) == 0 {
			continue
		}
		width, step := []int{5, 3, 2, 1}[i], 1
		if i == 0 {
			switch {
			case len(ids) > many:
				width, step = 6, 1
			case len(ids) <= few:
				width, step = 3, 4
			default:
				step = 2
			}
		}
		x.classes = append(x.classes, newWindows(lits, ids, width, step))
	}
	return x
}

func newWindows(lits []literal, ids []uint32, width, step int) windows {
	x := windows{width: width, step: step, window: 1<<(8*width) - 1}
	// How many literals have a window, by its hash.
	total := 0
	for _, id := range ids {
		total += min(maxWindows, len(lits[id].text)-width+1)
	}
	counts := make([]uint16, 1<<min(22, bits.Len(uint(2*total))))
	shift := uint(64 - bits.Len(uint(len(counts)-1)))
	for _, id := range ids {
		text := lits[id].text
		for at := range min(maxWindows, len(text)-width+1) {
			if c := &counts[x.key(text, at)*hashMul>>shift]; *c < 1<<16-1 {
				*c++
			}
		}
	}
	type chosen struct {
		key uint64
		windowEntry
	}
	all := make([]chosen, 0, len(ids)*step)
	for _, id := range ids {
		text := lits[id].text
		for first := range step {
			best, fewest := -1, uint16(0)
			for at := first; at < min(maxWindows, len(text)-width+1); at += step {
				if n := counts[x.key(text, at)*hashMul>>shift]; best < 0 || n < fewest {
					best, fewest = at, n
				}
			}
			all = append(all, chosen{x.key(text, best), windowEntry{id, uint32(best)}})
		}
	}
	slices.SortFunc(all, func(a, b chosen) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.lit, b.lit), cmp.Compare(a.at, b.at))
	})
	x.entries = make([]windowEntry, 0, len(all))
	for i, c := range all {
		if i == 0 || all[i-1].key != c.key {
			x.groups = append(x.groups, windowGroup{key: c.key, start: uint32(i)})
		}
		x.groups[len(x.groups)-1].end = uint32(i + 1)
		x.entries = append(x.entries, c.windowEntry)
	}
	size := min(24, max(15, bits.Len(uint(128*len(x.groups)-1))))
	x.bits = 1<<size - 1
	x.bitmap = make([]uint64, 1<<(size-6))
	size = bits.Len(uint(2*len(x.groups) - 1))
	x.slotShift = uint(64 - size)
	x.slots = make([]uint32, 1<<size)
	for i, g := range x.groups {
		h := x.place(g.key)
		x.bitmap[h>>6] |= 1 << (h & 63)
		s := g.key * slotMul >> x.slotShift
		for x.slots[s] != 0 {
			s = (s + 1) & uint64(len(x.slots)-1)
		}
		x.slots[s] = uint32(i + 1)
	}
	return x
}

// key is the window of a literal that begins at a place.
func (x *windows) key(text string, at int) uint64 {
	var buf [8]byte
	copy(buf[:], text[at:at+x.width])
	return (binary.LittleEndian.Uint64(buf[:]) | caseBits) & x.window
}

// place is the bit of a window. The bits of a product from 40 on depend on all of a window, or nearly.
func (x *windows) place(key uint64) uint64 { return key * hashMul >> 40 & x.bits }

// scan appends the numbers of the literals that stand in text.
func (x *literals) scan(text []byte, out []uint32) []uint32 {
	for i := range x.classes {
		out = x.classes[i].scan(x.lits, text, out)
	}
	return out
}

func (x *windows) scan(lits []literal, text []byte, out []uint32) []uint32 {
	i, pair := 0, 2*x.step
	for last := len(text) - 8; i <= last; i += pair {
		switch x.step {
		case 4:
			i = nextPair3(text, i, unsafe.SliceData(x.bitmap), x.bits)
		case 2:
			i = nextPair5(text, i, unsafe.SliceData(x.bitmap), x.bits)
		default:
			i = nextPair(text, i, unsafe.SliceData(x.bitmap), x.bits, x.window)
		}
		if i > last {
			break
		}
		w := binary.LittleEndian.Uint64(text[i:]) | caseBits
		if key := w & x.window; x.marked(key) {
			out = x.probe(lits, key, text, i, out)
		}
		if key := w >> (8 * x.step) & x.window; x.marked(key) {
			out = x.probe(lits, key, text, i+x.step, out)
		}
	}
	if i+x.width > len(text) {
		return out
	}
	var w uint64 // the last bytes of the text, from i on
	if len(text) >= 8 {
		w = binary.LittleEndian.Uint64(text[len(text)-8:]) >> (8 * (i - (len(text) - 8)))
	} else {
		var tail [8]byte
		copy(tail[:], text[i:])
		w = binary.LittleEndian.Uint64(tail[:])
	}
	for w |= caseBits; i+x.width <= len(text); i, w = i+x.step, w>>(8*x.step) {
		if key := w & x.window; x.marked(key) {
			out = x.probe(lits, key, text, i, out)
		}
	}
	return out
}

// nextPair5 is the place, from i on, of the next word of the text in which one of the windows of five bytes at 0 and 2 is
// marked in the bitmap, or of the first place that has no word. It and nextPair are apart from scan so that all they need
// stays in registers, and look without checks: no place is past the bitmap, which bits is made for.
func nextPair5(text []byte, i int, bitmap *uint64, bits uint64) int {
	const window = 1<<40 - 1
	base, last := unsafe.Pointer(unsafe.SliceData(text)), len(text)-8
	for ; i <= last; i += 4 {
		w := binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(base, i))[:]) | caseBits
		h := (w & window) * hashMul >> 40 & bits
		k := (w >> 16 & window) * hashMul >> 40 & bits
		if (bitAt(bitmap, h)|bitAt(bitmap, k))&1 != 0 {
			break
		}
	}
	return i
}

// nextPair3 is the same for windows of three bytes at 0 and 4.
func nextPair3(text []byte, i int, bitmap *uint64, bits uint64) int {
	const window = 1<<24 - 1
	base, last := unsafe.Pointer(unsafe.SliceData(text)), len(text)-8
	for ; i <= last; i += 8 {
		w := binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(base, i))[:]) | caseBits
		h := (w & window) * hashMul >> 40 & bits
		k := (w >> 32 & window) * hashMul >> 40 & bits
		if (bitAt(bitmap, h)|bitAt(bitmap, k))&1 != 0 {
			break
		}
	}
	return i
}

// nextPair is the same for windows of other widths at 0 and 1.
func nextPair(text []byte, i int, bitmap *uint64, bits, window uint64) int {
	base, last := unsafe.Pointer(unsafe.SliceData(text)), len(text)-8
	for ; i <= last; i += 2 {
		w := binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(base, i))[:]) | caseBits
		h := (w & window) * hashMul >> 40 & bits
		k := (w >> 8 & window) * hashMul >> 40 & bits
		if (bitAt(bitmap, h)|bitAt(bitmap, k))&1 != 0 {
			break
		}
	}
	return i
}

func bitAt(bitmap *uint64, at uint64) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(bitmap), at>>6<<3)) >> (at & 63)
}

func (x *windows) marked(key uint64) bool {
	return bitAt(unsafe.SliceData(x.bitmap), x.place(key))&1 != 0
}

// probe compares the literals that have the window with the text around the place where it stands.
func (x *windows) probe(lits []literal, key uint64, text []byte, at int, out []uint32) []uint32 {
	for s := key * slotMul >> x.slotShift; x.slots[s] != 0; s = (s + 1) & uint64(len(x.slots)-1) {
		g := &x.groups[x.slots[s]-1]
		if g.key != key {
			continue
		}
		for _, e := range x.entries[g.start:g.end] {
			l := &lits[e.lit]
			start := at - int(e.at)
			if start < 0 || len(text)-start < len(l.text) {
				continue
			}
			if part := text[start : start+len(l.text)]; string(part) == l.text || l.fold && equalFold(part, l.text) {
				out = append(out, e.lit)
			}
		}
		break
	}
	return out
}

// equalFold compares a text with a literal in lower case, letters of ASCII without their case.
func equalFold[T []byte | string](part T, low string) bool {
	for i := range len(part) {
		if lower(part[i]) != low[i] {
			return false
		}
	}
	return true
}
