package rules

import (
	"strconv"
	"strings"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// The views are what expressions see of the SDK's values. Their fields' expr tags are the names in the language;
// doc.go describes each.

type eventView struct {
	Type     string        `expr:"type"`
	Key      string        `expr:"key"`
	Time     time.Time     `expr:"time"`
	CaughtUp bool          `expr:"caught_up"`
	By       string        `expr:"by"`
	Text     string        `expr:"text"`
	MutedFor time.Duration `expr:"muted_for"`
	Changes  []changeView  `expr:"changes"`
	Data     any           `expr:"data"`
}

type changeView struct {
	What  string `expr:"what"`
	Value string `expr:"value"`
}

type userView struct {
	ID   string  `expr:"id"`
	Name *string `expr:"name"`
	Role *string `expr:"role"`
}

type chatView struct {
	ID        string  `expr:"id"`
	Type      string  `expr:"type"`
	Name      *string `expr:"name"`
	GroupType *string `expr:"group_type"`
}

type botView struct {
	ID     string   `expr:"id"`
	Name   string   `expr:"name"`
	Admins []string `expr:"admins"`
}

type stateView struct {
	User map[string]any `expr:"user"`
	Chat map[string]any `expr:"chat"`
	Bot  map[string]any `expr:"bot"`
}

type matchView struct {
	Words  []string          `expr:"words"`
	Spans  []spanView        `expr:"spans"`
	Groups map[string]string `expr:"groups"`
	Text   string            `expr:"text"`
}

type spanView struct {
	Start int `expr:"start"`
	End   int `expr:"end"`
}

type errorView struct {
	Code string `expr:"code"`
	Text string `expr:"text"`
}

// itemView is one of the events of a batch.
type itemView struct {
	Type string    `expr:"type"`
	Key  string    `expr:"key"`
	Time time.Time `expr:"time"`
	By   string    `expr:"by"`
	Text string    `expr:"text"`
	User *userView `expr:"user"`
	Chat *chatView `expr:"chat"`
	Msg  *msgView  `expr:"msg"`
}

// answerView is what an ask looks at.
type answerView struct {
	Text string    `expr:"text"`
	Msg  *msgView  `expr:"msg"`
	User *userView `expr:"user"`
}

type msgView struct {
	ID           string     `expr:"id"`
	Text         string     `expr:"text"`
	Time         time.Time  `expr:"time"`
	Sender       string     `expr:"sender"`
	Seq          int        `expr:"seq"`
	Elems        []elemView `expr:"elems"`
	Mentions     []string   `expr:"mentions"`
	MentionsBot  bool       `expr:"mentions_bot"`
	MentionsAll  bool       `expr:"mentions_all"`
	IsSelf       bool       `expr:"is_self"`
	Custom       string     `expr:"custom"`
	Revoked      bool       `expr:"revoked"`
	RevokeReason string     `expr:"revoke_reason"`
	RevokedBy    string     `expr:"revoked_by"`
	Imported     bool       `expr:"imported"`

	raw *sdkconn.Message
}

type elemView struct {
	Kind      string  `expr:"kind"`
	Text      string  `expr:"text"`
	URL       string  `expr:"url"`
	Path      string  `expr:"path"`
	Name      string  `expr:"name"`
	ID        string  `expr:"id"`
	Size      int     `expr:"size"`
	Seconds   int     `expr:"seconds"`
	Width     int     `expr:"width"`
	Height    int     `expr:"height"`
	Index     int     `expr:"index"`
	Latitude  float64 `expr:"latitude"`
	Longitude float64 `expr:"longitude"`
	Data      string  `expr:"data"`
	Desc      string  `expr:"desc"`
	Ext       string  `expr:"ext"`
	Title     string  `expr:"title"`
}

// viewer makes views for one bot at one time.
type viewer struct {
	self string
	zone *time.Location
}

func (w viewer) time(seconds uint64) time.Time {
	t := time.Unix(int64(min(seconds, 1<<53)), 0)
	if w.zone != nil {
		return t.In(w.zone)
	}
	return t.UTC()
}

// message fills a view; elems says whether the elements are wanted too.
func (w viewer) message(out *msgView, m *sdkconn.Message, elems bool) {
	m = withoutEffect(m)
	*out = msgView{
		ID: MessageID(m), Text: m.Text(), Time: w.time(m.Time()), Sender: m.Sender, Seq: int(m.Seq),
		Mentions: m.GroupAtUsers, MentionsBot: w.self != "" && m.Mentions(w.self), IsSelf: m.IsFromSelf,
		Custom: m.CloudCustom, Revoked: m.Status == sdkconn.StatusRevoked, RevokeReason: m.RevokeReason,
		RevokedBy: m.RevokerUserID, Imported: m.Status == sdkconn.StatusLocalImported, raw: m,
	}
	for _, u := range m.GroupAtUsers {
		if u == sdkconn.MentionAll {
			out.MentionsAll = true
		}
	}
	if elems {
		out.Elems = make([]elemView, len(m.Elems))
		for i, e := range m.Elems {
			out.Elems[i] = viewElem(e)
		}
	}
}

// withoutEffect takes the id of the bot's own effect out of a message's custom data: people did not write it.
func withoutEffect(m *sdkconn.Message) *sdkconn.Message {
	if m.CloudCustom == "" {
		return m
	}
	id, custom := sdkconn.SplitEffect(m.CloudCustom)
	if id == "" {
		return m
	}
	out := *m
	out.CloudCustom = custom
	return &out
}

func (w viewer) newMessage(m *sdkconn.Message) *msgView {
	out := new(msgView)
	w.message(out, m, true)
	return out
}

// MessageID is msg.id: the SDK's unique id in decimal. It is made from what a message, an edit and a revocation all
// tell, so that the three agree; the SDK's own message_msg_id is missing from a revocation.
func MessageID(m *sdkconn.Message) string {
	id := m.UniqueID
	if id == 0 {
		high := m.Time()
		if m.ConvType == sdkconn.ConvGroup {
			high = m.Seq
		}
		id = high<<32 + m.Rand&(1<<32-1)
	}
	return strconv.FormatUint(id, 10)
}

// revoked fills a view from a revocation, which tells a message's identity and nothing of its content.
func (w viewer) revoked(out *msgView, r *sdkconn.Revocation) {
	m := r.Message()
	m.Status = sdkconn.StatusRevoked
	m.RevokeReason = r.RevokeReason
	m.RevokerUserID = r.RevokerUserID
	switch {
	case r.IsSelf:
		m.Sender = w.self
	case r.ConvType == sdkconn.ConvC2C:
		m.Sender = r.ConvID
	}
	w.message(out, m, false)
}

func viewElem(e sdkconn.Elem) elemView {
	out := elemView{Kind: e.ElemType().String()}
	switch e := e.(type) {
	case *sdkconn.TextElem:
		out.Text = e.Text
	case *sdkconn.ImageElem:
		out.URL, out.Path, out.ID = e.OrigURL, e.OrigPath, e.OrigID
		out.Size, out.Width, out.Height = int(e.OrigSize), int(e.OrigWidth), int(e.OrigHeight)
	case *sdkconn.SoundElem:
		out.URL, out.Path, out.ID = e.URL, e.FilePath, e.FileID
		out.Size, out.Seconds = int(e.FileSize), int(e.FileTime)
	case *sdkconn.FileElem:
		out.URL, out.Path, out.ID, out.Name, out.Size = e.URL, e.FilePath, e.FileID, e.FileName, int(e.FileSize)
	case *sdkconn.VideoElem:
		out.URL, out.Path, out.ID = e.VideoURL, e.VideoPath, e.VideoID
		out.Size, out.Seconds = int(e.VideoSize), int(e.VideoDuration)
		out.Width, out.Height = int(e.ImageWidth), int(e.ImageHeight)
	case *sdkconn.FaceElem:
		out.Index, out.Data = int(e.Index), e.Buf
	case *sdkconn.LocationElem:
		out.Latitude, out.Longitude, out.Desc = e.Latitude, e.Longitude, e.Desc
	case *sdkconn.CustomElem:
		out.Data, out.Desc, out.Ext = e.Data, e.Desc, e.Ext
	case *sdkconn.MergeElem:
		out.Title, out.Text = e.Title, e.CompatibleText
	}
	return out
}

// event fills a view.
func (w viewer) event(out *eventView, ev *Event) {
	*out = eventView{Type: ev.Type, Key: ev.Key, Time: w.time(ev.at())}
	if ev.Data != nil && strings.HasPrefix(ev.Type, signalPrefix) {
		out.Data = w.view(Type{Kind: KindAny}, ev.Data)
	}
	if ev.Source == nil {
		return
	}
	out.CaughtUp = ev.Source.CaughtUp
	if tip := ev.tip(); tip != nil {
		out.By = tip.OpUser
		for _, c := range tip.MemberChanges {
			if c.Identifier == ev.User {
				out.MutedFor = time.Duration(c.ShutupTime) * time.Second
			}
		}
		for _, c := range tip.GroupChanges {
			out.Changes = append(out.Changes, viewChange(c))
		}
	}
	if r := ev.report(); r != nil {
		out.By = r.OpUser
		out.Text = r.Msg
		if r.ReportType == sdkconn.ReportUserDefine {
			out.Text = r.UserData
		}
		out.MutedFor = time.Duration(r.ShutUpTime) * time.Second
	}
	if r := ev.Source.Revoked; r != nil {
		out.By, out.Text = r.RevokerUserID, r.RevokeReason
	}
}

func viewChange(c sdkconn.GroupChangeInfo) changeView {
	out := changeView{Value: c.Value}
	switch c.Flag {
	case sdkconn.GroupChangeName:
		out.What = "name"
	case sdkconn.GroupChangeIntroduction:
		out.What = "introduction"
	case sdkconn.GroupChangeNotification:
		out.What = "notification"
	case sdkconn.GroupChangeFaceURL:
		out.What = "face_url"
	case sdkconn.GroupChangeOwner:
		out.What = "owner"
	case sdkconn.GroupChangeCustom:
		out.What = "custom"
		out.Value = c.Key + "=" + c.Value
	case sdkconn.GroupChangeAttribute:
		out.What = "attribute"
		out.Value = c.Key + "=" + c.Value
	case sdkconn.GroupChangeShutupAll:
		out.What = "mute_all"
		out.Value = strconv.FormatBool(c.BoolValue)
	default:
		out.What = "other"
	}
	return out
}

// carriedName is the sender's name as the message itself tells it: the name card in the group, or the nick name.
func carriedName(m *sdkconn.Message) *string {
	if m.SenderMember != nil && m.SenderMember.NameCard != "" {
		return &m.SenderMember.NameCard
	}
	if m.SenderProfile != nil && m.SenderProfile.NickName != "" {
		return &m.SenderProfile.NickName
	}
	return nil
}
