package sdkconn

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// This file is the only place that knows how the SDK's JSON is read and written. Everything else holds field tags.

// The SDK passes invalid UTF-8 and repeated keys through; refusing them would lose the message.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// Marshal writes v, a type of this package or one that holds some, as the SDK reads it: compact, raw UTF-8, integers
// in full. Invalid UTF-8 becomes U+FFFD.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, lenient) }

// Unmarshal reads the SDK's JSON into v. Unknown keys and element types are kept, old spellings of renamed keys are
// read into the new fields.
func Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v, lenient) }

// UnmarshalMessage reads one message.
func UnmarshalMessage(data []byte) (*Message, error) {
	m := new(Message)
	if err := Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	return m, nil
}

// message has Message's fields without its methods.
type message Message

// MarshalJSONTo implements [json.MarshalerTo].
func (m *Message) MarshalJSONTo(enc *jsontext.Encoder) error {
	return json.MarshalEncode(enc, (*message)(m))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *Message) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	m.ReceiptUnreadCount = -1 // the SDK's own default
	if err := json.UnmarshalDecode(dec, (*message)(m)); err != nil {
		return err
	}
	return renamed(&m.Unknown, "message_offlie_push_config", &m.OfflinePush)
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
	return renamed(&p.Unknown, "msg_getmsglist_param_is_remble", &p.IsRamble)
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
	return renamed(&p.Unknown, "msg_delete_param_is_remble", &p.IsRamble)
}

// profileChangeElem has ProfileChangeElem's fields without its methods.
type profileChangeElem ProfileChangeElem

func (e *ProfileChangeElem) renamed() error {
	return renamed(&e.Unknown, "profile_change_elem_from_identifer", &e.FromIdentifier)
}

// empty reports whether nothing at all was given.
func (m *Message) empty() bool {
	data, err := Marshal(m)
	return err == nil && bytes.Equal(data, emptyMessage)
}

var emptyMessage, _ = Marshal(&Message{ReceiptUnreadCount: -1})

// renamed moves the value of an old key out of the unknown members into its field.
func renamed(unknown *jsontext.Value, old string, field any) error {
	if !bytes.Contains(*unknown, []byte(old)) {
		return nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(*unknown, &members, lenient); err != nil {
		return err
	}
	value, ok := members[old]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(value, field, lenient); err != nil {
		return err
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
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		e, err := unmarshalElem(raw)
		if err != nil {
			return fmt.Errorf("element %d: %w", len(*es), err)
		}
		*es = append(*es, e)
	}
	_, err := dec.ReadToken()
	return err
}

func unmarshalElem(raw jsontext.Value) (Elem, error) {
	var t ElemType
	if raw.Kind() != '{' {
		return &UnknownElem{Type: ElemInvalid, Raw: raw.Clone()}, nil
	}
	var head struct {
		Type *ElemType `json:"elem_type"`
	}
	if err := json.Unmarshal(raw, &head, lenient); err != nil {
		return nil, err
	}
	if head.Type != nil {
		t = *head.Type
	}
	switch t {
	case ElemText:
		return body(raw, new(TextElem))
	case ElemImage:
		return body(raw, new(ImageElem))
	case ElemSound:
		return body(raw, new(SoundElem))
	case ElemCustom:
		return body(raw, new(CustomElem))
	case ElemFile:
		return body(raw, new(FileElem))
	case ElemGroupTips:
		return body(raw, new(GroupTipsElem))
	case ElemFace:
		return body(raw, new(FaceElem))
	case ElemLocation:
		return body(raw, new(LocationElem))
	case ElemGroupReport:
		return body(raw, new(GroupReportElem))
	case ElemVideo:
		return body(raw, new(VideoElem))
	case ElemFriendChange:
		return body(raw, new(FriendChangeElem))
	case ElemProfileChange:
		e, err := body(raw, new(ProfileChangeElem))
		if err == nil {
			err = e.renamed()
		}
		return e, err
	case ElemMerge:
		return body(raw, new(MergeElem))
	}
	return &UnknownElem{Type: t, Raw: raw.Clone()}, nil
}

func body[T any](raw jsontext.Value, e *T) (*T, error) {
	return e, json.Unmarshal(raw, &elem[T]{Body: e}, lenient)
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
