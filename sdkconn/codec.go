package sdkconn

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// This file is the only place that knows how the SDK's JSON is read and written, with codec_plain.go, which is quicker at a
// part of it. Everything else holds field tags.

// The SDK passes invalid UTF-8 and repeated keys through; refusing them would lose the message.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// Marshal writes v, a type of this package or one that holds some, as the SDK reads it: compact, raw UTF-8, integers
// in full. Invalid UTF-8 becomes U+FFFD.
func Marshal(v any) ([]byte, error) {
	if m, ok := v.(*Message); ok && m != nil {
		if data, ok := appendPlain(make([]byte, 0, plainSize+m.Elems.TextBytes()), m); ok {
			return data, nil
		}
	}
	return json.Marshal(v, lenient)
}

// Unmarshal reads the SDK's JSON into v, a pointer to a type of this package or to one that holds some. Unknown keys and
// element types are kept, old spellings of renamed keys are read into the new fields; where both are given, the new one
// counts.
//
// As in the SDK, a member of the wrong JSON type is as good as absent, a fraction is cut off where an integer is wanted,
// and of a repeated key the last one counts. Only v itself must be of the right type. When Unmarshal fails, v is left in
// any state.
func Unmarshal(data []byte, v any) error {
	if unmarshalPlain(data, v) {
		return nil
	}
	return unmarshal(data, v)
}

func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v, lenient)
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return err
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil() {
		p.Elem().SetZero() // the members before the one that failed were read already
	}
	if json.Unmarshal(data, v, tolerant) != nil {
		return err
	}
	return nil
}

// tolerant leaves out what does not fit. It costs a reflective call for each value, hence only the second try uses it.
var tolerant = json.JoinOptions(lenient, json.WithUnmarshalers(json.UnmarshalFromFunc(tolerate)))

func tolerate(dec *jsontext.Decoder, v any) error {
	field, kind := reflect.ValueOf(v).Elem(), dec.PeekKind()
	_, method := v.(json.UnmarshalerFrom)
	switch fits := fits(field.Type(), kind); {
	case fits && kind == '0' && isNumber(field.Kind()) && !method:
		raw, err := dec.ReadValue()
		if err == nil {
			setNumber(field, string(raw))
		}
		return err
	case fits || dec.StackDepth() == 0:
		return errors.ErrUnsupported // a type's own method, or the codec for all
	case kind == '"' && strings.HasSuffix(string(dec.StackPointer()), "/message_server_time"):
		raw, err := dec.ReadValue() // the one number that the SDK takes as a string too
		if err == nil {
			setNumber(field, strings.Trim(string(raw), `"`))
		}
		return err
	}
	return dec.SkipValue()
}

// fits reports whether a JSON value of this kind can be read into a t.
func fits(t reflect.Type, kind jsontext.Kind) bool {
	if kind == 'n' || t == reflect.TypeFor[jsontext.Value]() || t == reflect.TypeFor[Elems]() {
		return true
	}
	switch k := t.Kind(); {
	case k == reflect.Pointer:
		return fits(t.Elem(), kind)
	case k == reflect.Bool:
		return kind == 't' || kind == 'f'
	case k == reflect.String:
		return kind == '"'
	case isNumber(k):
		return kind == '0'
	case k == reflect.Slice:
		return kind == '['
	case k == reflect.Struct, k == reflect.Map:
		return kind == '{'
	}
	return true
}

func isNumber(k reflect.Kind) bool { return reflect.Int <= k && k <= reflect.Float64 }

// setNumber converts as C does, but a number that is too large becomes the largest. Text that is no number changes
// nothing.
func setNumber(field reflect.Value, text string) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return
	}
	switch {
	case field.CanFloat():
		field.SetFloat(f)
	case field.CanInt():
		bits := field.Type().Bits()
		n, err := strconv.ParseInt(text, 10, bits) // in range or the nearest end of it
		if errors.Is(err, strconv.ErrSyntax) {
			n = int64(max(min(math.Trunc(f), math.Ldexp(1, bits-1)-1), -math.Ldexp(1, bits-1)))
		}
		field.SetInt(n)
	case f < 0:
		field.SetUint(uint64(int64(max(f, math.MinInt64)))) // -1 is the largest, as a count of -1 means all
	default:
		bits := field.Type().Bits()
		n, err := strconv.ParseUint(text, 10, bits)
		if errors.Is(err, strconv.ErrSyntax) {
			n = math.MaxUint64 >> (64 - bits)
			if f < float64(n) {
				n = uint64(f)
			}
		}
		field.SetUint(n)
	}
}

// UnmarshalGroupTips reads what the group tips callback brings: by its name one tip, by its description a list; both are
// taken.
func UnmarshalGroupTips(data []byte) ([]*GroupTipsElem, error) {
	tips := make([]*GroupTipsElem, 1)
	var err error
	if jsontext.Value(data).Kind() == '[' {
		err = Unmarshal(data, &tips)
	} else {
		err = Unmarshal(data, &tips[0])
	}
	if err != nil {
		return nil, fmt.Errorf("group tips: %w", err)
	}
	return slices.DeleteFunc(tips, func(e *GroupTipsElem) bool { return e == nil }), nil
}

// UnmarshalMessage reads one message.
func UnmarshalMessage(data []byte) (*Message, error) {
	if jsontext.Value(data).Kind() == 'n' {
		return nil, errors.New("message: null")
	}
	if m := readPlain(data); m != nil {
		return m, nil
	}
	m := new(Message)
	if err := unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	return m, nil
}

// message has Message's fields without its methods.
type message Message

// MarshalJSONTo implements [json.MarshalerTo].
func (m *Message) MarshalJSONTo(enc *jsontext.Encoder) error {
	if m != nil {
		if data, ok := appendPlain(enc.AvailableBuffer(), m); ok {
			return enc.WriteValue(data)
		}
	}
	return json.MarshalEncode(enc, (*message)(m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *Message) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	m.ReceiptUnreadCount = -1 // the SDK's own default
	if err := json.UnmarshalDecode(dec, (*message)(m)); err != nil {
		return err
	}
	return renamed(&m.Unknown, "message_offlie_push_config", &m.OfflinePush, m.OfflinePush != nil)
}

// getMsgListParam has GetMsgListParam's fields without its methods.
type getMsgListParam GetMsgListParam

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *GetMsgListParam) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if err := json.UnmarshalDecode(dec, (*getMsgListParam)(p)); err != nil {
		return err
	}
	if p.LastMsg != nil && p.LastMsg.empty() {
		p.LastMsg = nil // {} is the same as not given
	}
	return renamed(&p.Unknown, "msg_getmsglist_param_is_remble", &p.IsRamble, p.IsRamble)
}

// deleteParam has DeleteParam's fields without its methods.
type deleteParam DeleteParam

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *DeleteParam) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if err := json.UnmarshalDecode(dec, (*deleteParam)(p)); err != nil {
		return err
	}
	if p.Msg != nil && p.Msg.empty() {
		p.Msg = nil
	}
	return renamed(&p.Unknown, "msg_delete_param_is_remble", &p.IsRamble, p.IsRamble)
}

// searchParam has SearchParam's fields without its methods.
type searchParam SearchParam

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *SearchParam) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if err := json.UnmarshalDecode(dec, (*searchParam)(p)); err != nil {
		return err
	}
	return renamed(&p.Unknown, "msg_search_param_send_indentifier_array", &p.Senders, len(p.Senders) > 0)
}

// groupInfo has GroupInfo's fields without its methods.
type groupInfo GroupInfo

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (g *GroupInfo) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if err := json.UnmarshalDecode(dec, (*groupInfo)(g)); err != nil {
		return err
	}
	for _, key := range []struct {
		old   string
		field any
		given bool
	}{
		{"group_detial_info_group_id", &g.GroupID, g.GroupID != ""},
		{"group_detial_info_group_type", &g.GroupType, g.GroupType != 0},
		{"group_detial_info_group_name", &g.GroupName, g.GroupName != ""},
		{"group_detial_info_owener_identifier", &g.Owner, g.Owner != ""},
		{"group_detial_info_create_time", &g.CreateTime, g.CreateTime != 0},
		{"group_detial_info_member_num", &g.MemberNum, g.MemberNum != 0},
		{"group_detial_info_latest_seq", &g.LatestSeq, g.LatestSeq != 0},
		{"group_detial_info_is_shutup_all", &g.ShutupAll, g.ShutupAll},
	} {
		if err := renamed(&g.Unknown, key.old, key.field, key.given); err != nil {
			return err
		}
	}
	return nil
}

// empty reports whether nothing at all was given.
func (m *Message) empty() bool {
	data, err := Marshal(m)
	return err == nil && bytes.Equal(data, emptyMessage)
}

var emptyMessage, _ = Marshal(&Message{ReceiptUnreadCount: -1})

// renamed moves the value of an old key out of the unknown members into its field, unless the new key was given.
// A value that does not fit stays where it is.
func renamed(unknown *jsontext.Value, old string, field any, given bool) error {
	if !bytes.Contains(*unknown, []byte(old)) {
		return nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(*unknown, &members, lenient); err != nil {
		return err
	}
	value, ok := members[old]
	if !ok || !given && json.Unmarshal(value, field, lenient) != nil {
		return nil
	}
	delete(members, old)
	*unknown = nil
	if len(members) == 0 {
		return nil
	}
	rest, err := json.Marshal(members, lenient, json.Deterministic(true))
	*unknown = rest
	return err
}

// elem is an element's wire form: its number beside its own members.
type elem[T any] struct {
	Type ElemType `json:"elem_type"`
	Body *T       `json:",embed"`
}

// MarshalJSONTo implements [json.MarshalerTo].
func (es Elems) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for _, e := range es {
		if err := marshalElem(enc, e); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndArray)
}

func marshalElem(enc *jsontext.Encoder, e Elem) error {
	switch e := e.(type) {
	case *TextElem:
		return json.MarshalEncode(enc, elem[TextElem]{ElemText, e})
	case *ImageElem:
		return json.MarshalEncode(enc, elem[ImageElem]{ElemImage, e})
	case *SoundElem:
		return json.MarshalEncode(enc, elem[SoundElem]{ElemSound, e})
	case *CustomElem:
		return json.MarshalEncode(enc, elem[CustomElem]{ElemCustom, e})
	case *FileElem:
		return json.MarshalEncode(enc, elem[FileElem]{ElemFile, e})
	case *GroupTipsElem:
		return json.MarshalEncode(enc, elem[GroupTipsElem]{ElemGroupTips, e})
	case *FaceElem:
		return json.MarshalEncode(enc, elem[FaceElem]{ElemFace, e})
	case *LocationElem:
		return json.MarshalEncode(enc, elem[LocationElem]{ElemLocation, e})
	case *GroupReportElem:
		return json.MarshalEncode(enc, elem[GroupReportElem]{ElemGroupReport, e})
	case *VideoElem:
		return json.MarshalEncode(enc, elem[VideoElem]{ElemVideo, e})
	case *FriendChangeElem:
		return json.MarshalEncode(enc, elem[FriendChangeElem]{ElemFriendChange, e})
	case *ProfileChangeElem:
		return json.MarshalEncode(enc, elem[ProfileChangeElem]{ElemProfileChange, e})
	case *MergeElem:
		return json.MarshalEncode(enc, elem[MergeElem]{ElemMerge, e})
	case *UnknownElem:
		if len(e.Raw) == 0 {
			return json.MarshalEncode(enc, elem[struct{}]{e.Type, nil})
		}
		return enc.WriteValue(e.Raw)
	}
	return fmt.Errorf("element of type %T cannot be written", e)
}

// maxLayers is how deep merged messages are read; the SDK's own limit. Deeper ones stay as they came.
const maxLayers = 100

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]. As in the SDK, an element without a number is text and
// something other than an array is no elements at all.
func (es *Elems) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		*es = nil
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	*es = (*es)[:0]
	for dec.PeekKind() != ']' {
		e, err := unmarshalElem(dec)
		if err != nil {
			return fmt.Errorf("element %d: %w", len(*es), err)
		}
		*es = append(*es, e)
	}
	_, err := dec.ReadToken()
	return err
}

func unmarshalElem(dec *jsontext.Decoder) (Elem, error) {
	if dec.PeekKind() != '{' {
		raw, err := dec.ReadValue()
		return &UnknownElem{Type: ElemInvalid, Raw: raw.Clone()}, err
	}
	from := source{dec: dec}
	t, ok := elemType(dec.UnreadBuffer())
	if !ok { // the rest of it is still in the decoder's reader, or it is broken
		var err error
		if from.raw, err = dec.ReadValue(); err != nil {
			return nil, err
		}
		t, _ = elemType(from.raw)
	}
	switch t {
	case ElemText:
		return body(from, new(TextElem))
	case ElemImage:
		return body(from, new(ImageElem))
	case ElemSound:
		return body(from, new(SoundElem))
	case ElemCustom:
		return body(from, new(CustomElem))
	case ElemFile:
		return body(from, new(FileElem))
	case ElemGroupTips:
		return body(from, new(GroupTipsElem))
	case ElemFace:
		return body(from, new(FaceElem))
	case ElemLocation:
		return body(from, new(LocationElem))
	case ElemGroupReport:
		return body(from, new(GroupReportElem))
	case ElemVideo:
		return body(from, new(VideoElem))
	case ElemFriendChange:
		return body(from, new(FriendChangeElem))
	case ElemProfileChange:
		e, err := body(from, new(ProfileChangeElem))
		if err != nil {
			return nil, err
		}
		return e, renamed(&e.Unknown, "profile_change_elem_from_identifer", &e.FromIdentifier, e.FromIdentifier != "")
	case ElemMerge:
		if dec.StackDepth() < 4*maxLayers { // a layer is a message, its elements, the element, its messages
			return body(from, new(MergeElem))
		}
	}
	raw, err := from.raw, error(nil)
	if raw == nil {
		raw, err = dec.ReadValue()
	}
	return &UnknownElem{Type: t, Raw: raw.Clone()}, err
}

// source is where an element is read from: the next value of dec, or raw when dec has passed it already.
type source struct {
	dec *jsontext.Decoder
	raw jsontext.Value
}

func body[T any](from source, e *T) (*T, error) {
	if from.raw != nil {
		return e, json.Unmarshal(from.raw, &elem[T]{Body: e}, from.dec.Options())
	}
	return e, json.UnmarshalDecode(from.dec, &elem[T]{Body: e})
}

// elemType finds the number of the element that data begins with, without reading the element twice: merged messages
// nest, and reading each layer twice would cost the square of the depth. It is not ok when data is broken or ends too
// early.
func elemType(data []byte) (t ElemType, ok bool) {
	start := skip(data, 0)
	if start == len(data) || data[start] != '{' {
		return 0, false
	}
	for start = skip(data, start+1); start < len(data) && data[start] != '}'; {
		end := valueEnd(data, start)
		colon := skip(data, end)
		if colon == len(data) || data[start] != '"' || data[colon] != ':' {
			return 0, false
		}
		value := skip(data, colon+1)
		end, key := valueEnd(data, value), data[start:end]
		if end == len(data) {
			return 0, false
		}
		if isElemType(key) {
			return elemNumber(string(data[value:end])), true
		}
		start = skip(data, end)
	}
	return ElemText, start < len(data)
}

func isElemType(key []byte) bool {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key) == `"elem_type"`
	}
	plain, err := jsontext.AppendUnquote(nil, key)
	return err == nil && string(plain) == "elem_type"
}

func elemNumber(text string) ElemType {
	t := reflect.New(reflect.TypeFor[ElemType]()).Elem()
	if kind := jsontext.Value(text).Kind(); kind == '0' {
		setNumber(t, text)
	}
	return ElemType(t.Int())
}

// skip returns where the next thing begins after white space and a comma.
func skip(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == ',' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns where the value that begins at i ends, or len(data).
func valueEnd(data []byte, i int) int {
	for depth := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',', ' ', '\n', '\t', '\r', ':':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return min(i+1, len(data))
		}
	}
	return len(data)
}

// MarshalJSONTo implements [json.MarshalerTo]: on the wire 0 is high and 1 normal.
func (p Priority) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.Uint(uint64(swap01(uint32(p)))))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *Priority) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return unmarshalSwapped(dec, (*uint32)(p))
}

// MarshalJSONTo implements [json.MarshalerTo]: on the wire 0 is the original and 1 compressed.
func (l ImageLevel) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.Uint(uint64(swap01(uint32(l)))))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (l *ImageLevel) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return unmarshalSwapped(dec, (*uint32)(l))
}

func unmarshalSwapped(dec *jsontext.Decoder, n *uint32) error {
	if dec.PeekKind() == 'n' {
		*n = 0
		return dec.SkipValue()
	}
	if err := json.UnmarshalDecode(dec, n); err != nil {
		return err
	}
	*n = swap01(*n)
	return nil
}

func swap01(n uint32) uint32 {
	if n < 2 {
		return n ^ 1
	}
	return n
}
