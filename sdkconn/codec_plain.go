package sdkconn

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// This file is a short cut of codec.go for what nearly all traffic is: messages of text elements, as the SDK writes them.
// It reads and writes them some five times faster, with a few allocations. Its contract, which FuzzPlain holds against the
// codec: what it reads is what the codec reads, what it writes is byte for byte what the codec writes, and of what it does
// not know in every detail (white space, null, a member of another type or given twice, a number that does not fit, an
// element that is no text, invalid UTF-8, anything that is no JSON) it says so, and the codec takes over. The members come
// from the same field tags.

// plainKind is how a member is read and written.
type plainKind uint8

const (
	plainString plainKind = iota
	plainStrings
	plainBool
	plainInt32
	plainUint32
	plainUint64
	plainPriority
	plainElems
	plainRaw
	plainProfile
	plainMember
	plainOther // a pointer, which the codec has to read, and to write unless it is nil
)

var plainKinds = map[reflect.Type]plainKind{
	reflect.TypeFor[string]():           plainString,
	reflect.TypeFor[[]string]():         plainStrings,
	reflect.TypeFor[bool]():             plainBool,
	reflect.TypeFor[int32]():            plainInt32,
	reflect.TypeFor[ConvType]():         plainInt32,
	reflect.TypeFor[ElemType]():         plainInt32,
	reflect.TypeFor[uint32]():           plainUint32,
	reflect.TypeFor[Status]():           plainUint32,
	reflect.TypeFor[Platform]():         plainUint32,
	reflect.TypeFor[MemberRole]():       plainUint32,
	reflect.TypeFor[uint64]():           plainUint64,
	reflect.TypeFor[Priority]():         plainPriority,
	reflect.TypeFor[Elems]():            plainElems,
	reflect.TypeFor[jsontext.Value]():   plainRaw,
	reflect.TypeFor[*SenderProfile]():   plainProfile,
	reflect.TypeFor[*GroupMemberInfo](): plainMember,
}

// plainField is a member of a struct.
type plainField struct {
	name   string // what is read
	quoted string // what is written: the name in quotes, and a colon
	offset uintptr
	kind   plainKind
	omit   bool // when it is zero or empty
}

// plainStruct is the members of a struct in the order of its fields, at most 64 of them.
type plainStruct struct {
	fields  []plainField
	byName  map[string]int
	unknown uintptr // where its Unknown is
}

// textBody is a text element on the wire.
type textBody struct {
	Type ElemType `json:"elem_type"`
	TextElem
}

var (
	plainMessage    = plainOf(reflect.TypeFor[Message]())
	plainSender     = plainOf(reflect.TypeFor[SenderProfile]())
	plainMemberInfo = plainOf(reflect.TypeFor[GroupMemberInfo]())
	plainText       = plainOf(reflect.TypeFor[textBody]())
)

// plainOf reads the tags of a struct.
func plainOf(t reflect.Type) *plainStruct {
	p := &plainStruct{byName: make(map[string]int)}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		offset := uintptr(0)
		for from, rest := t, f.Index; len(rest) > 0; rest = rest[1:] {
			step := from.Field(rest[0])
			offset, from = offset+step.Offset, step.Type
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if options == "embed" {
			p.unknown = offset
			continue
		}
		kind, ok := plainKinds[f.Type]
		if !ok && f.Type.Kind() != reflect.Pointer {
			panic(fmt.Sprintf("sdkconn: %s.%s is of type %s, for which there is no plainKind", t, f.Name, f.Type))
		} else if !ok {
			kind = plainOther
		}
		p.byName[name] = len(p.fields)
		p.fields = append(p.fields, plainField{name, strconv.Quote(name) + ":", offset, kind, options != ""})
	}
	return p
}

// unmarshalPlain reads v if it is one message or a list of them, and empty. It reports whether it did; v is as before when
// it did not.
func unmarshalPlain(data []byte, v any) bool {
	switch v := v.(type) {
	case *Message:
		if v == nil || !reflect.ValueOf(v).Elem().IsZero() {
			return false
		}
		m := readPlain(data)
		if m == nil {
			return false
		}
		*v = *m
		return true
	case *[]*Message:
		if v == nil || *v != nil || len(data) == 0 || data[0] != '[' {
			return false
		}
		list := []*Message{}
		for at := 1; at < len(data); {
			r := plainReader{data: data, at: at}
			m := r.message()
			if m == nil || r.at == len(data) {
				return false
			}
			list = append(list, m)
			at = r.at + 1
			if data[r.at] == ']' && at == len(data) {
				*v = list
				return true
			}
			if data[r.at] != ',' {
				return false
			}
		}
	}
	return false
}

// readPlain reads one message, or gives nil.
func readPlain(data []byte) *Message {
	r := plainReader{data: data}
	m := r.message()
	if m == nil || r.at != len(data) {
		return nil
	}
	return m
}

// plainReader reads a message. Its texts are gathered and then copied at once, so that a message keeps no more of what it
// was read from than it needs.
type plainReader struct {
	data  []byte
	at    int
	texts [24]plainSpan
	n     int // of texts
	bytes int // in texts
}

// plainSpan is a text, and where it belongs.
type plainSpan struct {
	to         *string
	start, end int
}

// textMessage is a message with its one text, in one piece of memory.
type textMessage struct {
	Message
	elems [1]Elem
	text  TextElem
}

func (r *plainReader) message() *Message {
	m := new(textMessage)
	m.ReceiptUnreadCount = -1
	if !r.object(plainMessage, unsafe.Pointer(&m.Message), m) ||
		bytes.Contains(m.Unknown, []byte("message_offlie_push_config")) {
		return nil
	}
	buf := make([]byte, 0, r.bytes)
	for _, t := range r.texts[:r.n] {
		from := len(buf)
		buf = append(buf, r.data[t.start:t.end]...)
		*t.to = byteString(buf[from:])
	}
	return &m.Message
}

// byteString views bytes that nobody changes any more.
func byteString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// next steps over one byte if it is c.
func (r *plainReader) next(c byte) bool {
	if r.at < len(r.data) && r.data[r.at] == c {
		r.at++
		return true
	}
	return false
}

// object reads an object into the struct at base. m is the message that it belongs to.
func (r *plainReader) object(p *plainStruct, base unsafe.Pointer, m *textMessage) bool {
	if !r.next('{') {
		return false
	}
	if r.next('}') {
		return true
	}
	var seen uint64
	for expected := 0; ; {
		start := r.at
		if !r.next('"') {
			return false
		}
		length := bytes.IndexByte(r.data[r.at:], '"')
		if length < 0 {
			return false
		}
		name := r.data[r.at : r.at+length]
		r.at += length + 1
		if !r.next(':') {
			return false
		}
		// The SDK writes members in order, so it is mostly one of those that follow.
		i := expected
		for i < len(p.fields) && string(name) != p.fields[i].name {
			i++
		}
		if i == len(p.fields) {
			var known bool
			if i, known = p.byName[string(name)]; !known {
				if !r.unknown((*jsontext.Value)(unsafe.Add(base, p.unknown)), name, start) {
					return false
				}
				i = -1
			}
		}
		if i >= 0 {
			expected = i + 1
			if seen>>i&1 != 0 || !r.member(&p.fields[i], unsafe.Add(base, p.fields[i].offset), m) {
				return false
			}
			seen |= 1 << i
		}
		if r.next('}') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}

// unknown keeps a member that there is no field for, which begins at start, as it is.
func (r *plainReader) unknown(to *jsontext.Value, name []byte, start int) bool {
	for _, c := range name {
		if plainBytes[c] != 0 {
			return false
		}
	}
	if _, ok := r.raw(); !ok {
		return false
	}
	if *to == nil {
		*to = append(*to, '{')
	} else {
		(*to)[len(*to)-1] = ','
	}
	*to = append(append(*to, r.data[start:r.at]...), '}')
	return true
}

// maxPlainRaw bounds values that are kept as they are, in bytes: in longer ones the codec may find too many levels.
const maxPlainRaw = 4096

// raw steps over any value.
func (r *plainReader) raw() (jsontext.Value, bool) {
	end := valueEnd(r.data, r.at)
	value := jsontext.Value(r.data[r.at:end])
	if bytes.ContainsAny(value, " \t\r\n") || len(value) > maxPlainRaw || !value.IsValid() {
		return nil, false
	}
	r.at = end
	return value, true
}

func (r *plainReader) member(f *plainField, to unsafe.Pointer, m *textMessage) bool {
	switch f.kind {
	case plainString:
		return r.text((*string)(to))
	case plainStrings:
		return r.strings((*[]string)(to))
	case plainBool:
		rest := r.data[r.at:]
		switch {
		case len(rest) > 4 && string(rest[:4]) == "true":
			*(*bool)(to) = true
			r.at += 4
			return true
		case len(rest) > 5 && string(rest[:5]) == "false":
			r.at += 5
			return true
		}
		return false
	case plainInt32:
		if r.next('-') {
			n, ok := r.number(-math.MinInt32)
			*(*int32)(to) = int32(-int64(n))
			return ok && n > 0
		}
		n, ok := r.number(math.MaxInt32)
		*(*int32)(to) = int32(n)
		return ok
	case plainUint32:
		n, ok := r.number(math.MaxUint32)
		*(*uint32)(to) = uint32(n)
		return ok
	case plainUint64:
		n, ok := r.number(math.MaxUint64)
		*(*uint64)(to) = n
		return ok
	case plainPriority:
		n, ok := r.number(math.MaxUint32)
		*(*Priority)(to) = Priority(swap01(uint32(n)))
		return ok
	case plainElems:
		return r.elems((*Elems)(to), m)
	case plainRaw:
		value, ok := r.raw()
		*(*jsontext.Value)(to) = value.Clone()
		return ok
	case plainProfile:
		profile := new(SenderProfile)
		*(**SenderProfile)(to) = profile
		return r.object(plainSender, unsafe.Pointer(profile), m)
	case plainMember:
		member := new(GroupMemberInfo)
		*(**GroupMemberInfo)(to) = member
		return r.object(plainMemberInfo, unsafe.Pointer(member), m)
	}
	return false
}

// number reads an integer without a sign.
func (r *plainReader) number(most uint64) (n uint64, ok bool) {
	start := r.at
	for ; r.at < len(r.data); r.at++ {
		c := r.data[r.at] - '0'
		if c > 9 {
			break
		}
		if n > (math.MaxUint64-uint64(c))/10 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	digits := r.at - start
	if digits == 0 || digits > 1 && r.data[start] == '0' || n > most {
		return 0, false
	}
	return n, true // what follows must be a comma or the end of the object
}

// plainBytes tells bytes that do not stand for themselves in a text: 1 is a part of a longer character, 2 ends the text or
// has to be looked at.
var plainBytes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c < ' ' || c == '"' || c == '\\':
			t[c] = 2
		case c >= utf8.RuneSelf:
			t[c] = 1
		}
	}
	return t
}()

// text reads a text, which *to gets when the message is done.
func (r *plainReader) text(to *string) bool {
	if !r.next('"') {
		return false
	}
	start := r.at
	i, kind := start, uint8(0)
	for ; i < len(r.data); i++ {
		k := plainBytes[r.data[i]]
		if kind |= k; k == 2 {
			break
		}
	}
	if i == len(r.data) {
		return false
	}
	if r.data[i] == '\\' {
		end := valueEnd(r.data, start-1)
		plain, err := jsontext.AppendUnquote(nil, r.data[start-1:end])
		if err != nil {
			return false
		}
		*to, r.at = byteString(plain), end
		return true
	}
	if r.data[i] != '"' || kind&1 != 0 && !utf8.Valid(r.data[start:i]) {
		return false
	}
	r.at = i + 1
	switch {
	case i == start:
	case r.n == len(r.texts):
		*to = string(r.data[start:i])
	default:
		r.texts[r.n] = plainSpan{to, start, i}
		r.n++
		r.bytes += i - start
	}
	return true
}

func (r *plainReader) strings(to *[]string) bool {
	if !r.next('[') {
		return false
	}
	if *to = []string{}; r.next(']') {
		return true
	}
	for {
		var s string
		n, size := r.n, r.bytes
		if !r.text(&s) {
			return false
		}
		if r.n > n { // the list may move yet
			s = string(r.data[r.texts[n].start:r.texts[n].end])
			r.n, r.bytes = n, size
		}
		if *to = append(*to, s); r.next(']') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}

func (r *plainReader) elems(to *Elems, m *textMessage) bool {
	if !r.next('[') {
		return false
	}
	if r.next(']') {
		return true
	}
	*to = m.elems[:0]
	for {
		text := &m.text
		if len(*to) > 0 {
			text = new(TextElem)
		}
		if !r.elem(text, m) {
			return false
		}
		if *to = append(*to, text); r.next(']') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}

// elem reads a text element. The SDK writes its type first.
func (r *plainReader) elem(to *TextElem, m *textMessage) bool {
	const start = `{"elem_type":0,"text_elem_content":"`
	if rest := r.data[r.at:]; len(rest) > len(start) && string(rest[:len(start)]) == start {
		at := r.at
		r.at += len(start) - 1
		if !r.text(&to.Text) {
			return false
		}
		if r.next('}') {
			return true
		}
		r.at = at // there are more members
		if last := &r.texts[max(0, r.n-1)]; r.n > 0 && last.to == &to.Text {
			r.n--
			r.bytes -= last.end - last.start
		}
		to.Text = ""
	}
	body := new(textBody)
	n := r.n
	if !r.object(plainText, unsafe.Pointer(body), m) || body.Type != ElemText {
		return false
	}
	*to = body.TextElem
	for i := n; i < r.n; i++ {
		r.texts[i].to = &to.Text
	}
	return true
}

// plainSize is about what a message takes on the wire without its texts, in bytes.
const plainSize = 1400

// appendPlain appends a message as the codec writes it, or reports that it cannot.
func appendPlain(out []byte, m *Message) ([]byte, bool) {
	return plainMessage.append(out, unsafe.Pointer(m))
}

func (p *plainStruct) append(out []byte, base unsafe.Pointer) ([]byte, bool) {
	if len(*(*jsontext.Value)(unsafe.Add(base, p.unknown))) > 0 {
		return nil, false
	}
	out = append(out, '{')
	empty := len(out)
	for i := range p.fields {
		f := &p.fields[i]
		at := unsafe.Add(base, f.offset)
		if f.omit && f.isEmpty(at) {
			continue
		}
		if len(out) > empty {
			out = append(out, ',')
		}
		out = append(out, f.quoted...)
		ok := true
		switch f.kind {
		case plainString:
			out, ok = appendText(out, *(*string)(at))
		case plainStrings:
			out, ok = appendTexts(out, *(*[]string)(at))
		case plainBool:
			out = strconv.AppendBool(out, *(*bool)(at))
		case plainInt32:
			out = strconv.AppendInt(out, int64(*(*int32)(at)), 10)
		case plainUint32:
			out = strconv.AppendUint(out, uint64(*(*uint32)(at)), 10)
		case plainUint64:
			out = strconv.AppendUint(out, *(*uint64)(at), 10)
		case plainPriority:
			out = strconv.AppendUint(out, uint64(swap01(uint32(*(*Priority)(at)))), 10)
		case plainElems:
			out, ok = appendElems(out, *(*Elems)(at))
		case plainProfile:
			profile := *(**SenderProfile)(at)
			out, ok = appendNested(out, plainSender, unsafe.Pointer(profile), profile)
		case plainMember:
			member := *(**GroupMemberInfo)(at)
			out, ok = appendNested(out, plainMemberInfo, unsafe.Pointer(member), member)
		default:
			ok = false
		}
		if !ok {
			return nil, false
		}
	}
	return append(out, '}'), true
}

// isEmpty reports whether a member that is left out when it is empty is.
func (f *plainField) isEmpty(at unsafe.Pointer) bool {
	switch f.kind {
	case plainStrings:
		return len(*(*[]string)(at)) == 0
	case plainBool:
		return !*(*bool)(at)
	case plainUint32:
		return *(*uint32)(at) == 0
	case plainRaw:
		return *(*jsontext.Value)(at) == nil
	case plainProfile, plainMember, plainOther:
		return *(*unsafe.Pointer)(at) == nil
	}
	return false
}

// appendNested appends what a message points to; v is what is at base.
func appendNested[T any](out []byte, p *plainStruct, base unsafe.Pointer, v *T) ([]byte, bool) {
	before := len(out)
	if out, ok := p.append(out, base); ok {
		return out, true
	}
	data, err := json.Marshal(v, lenient)
	return append(out[:before], data...), err == nil
}

func appendElems(out []byte, elems Elems) ([]byte, bool) {
	out = append(out, '[')
	for i, e := range elems {
		text, ok := e.(*TextElem)
		if !ok || text == nil || len(text.Unknown) > 0 {
			return nil, false
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"elem_type":0,"text_elem_content":`...)
		if out, ok = appendText(out, text.Text); !ok {
			return nil, false
		}
		out = append(out, '}')
	}
	return append(out, ']'), true
}

func appendTexts(out []byte, list []string) ([]byte, bool) {
	out = append(out, '[')
	for i, s := range list {
		if i > 0 {
			out = append(out, ',')
		}
		var ok bool
		if out, ok = appendText(out, s); !ok {
			return nil, false
		}
	}
	return append(out, ']'), true
}

func appendText(out []byte, s string) ([]byte, bool) {
	kind := uint8(0)
	for i := range len(s) {
		kind |= plainBytes[s[i]]
	}
	if kind == 0 || kind == 1 && utf8.ValidString(s) {
		out = append(out, '"')
		out = append(out, s...)
		return append(out, '"'), true
	}
	out, err := jsontext.AppendQuote(out, s)
	return out, err == nil
}
