package local

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/timbot-go/timbot/sdkconn"
)

// searchStep is how many messages a search reads at once.
const searchStep = 256

// MsgSearchLocalMessages implements [sdkconn.MessageSearcher]. Keywords are looked for in texts, file names, the
// descriptions of custom and location elements, and the titles and abstracts of merged messages.
func (c *Conn) MsgSearchLocalMessages(ctx context.Context, p sdkconn.SearchParam) (*sdkconn.SearchResult, error) {
	const op = "MsgSearchLocalMessages"
	one := sdkconn.Conversation{ID: p.ConvID, Type: p.ConvType}
	if one.ID != "" {
		if err := c.checkConv(op, one); err != nil {
			return nil, err
		}
	}
	switch {
	case len(p.Keywords)+len(p.ElemTypes)+len(p.Senders) == 0:
		return nil, fail(op, sdkconn.CodeInvalidParameters, "nothing to search by")
	case len(p.Keywords) > sdkconn.MaxSearchKeywords:
		return nil, fail(op, sdkconn.CodeInvalidParameters, "%d keywords, at most %d", len(p.Keywords), sdkconn.MaxSearchKeywords)
	case slices.Contains(p.Keywords, ""):
		return nil, fail(op, sdkconn.CodeInvalidParameters, "an empty keyword")
	}
	s := newSearch(&p, uint64(max(0, c.e.clock.Now().Unix())))
	result := &sdkconn.SearchResult{}
	err := c.read(ctx, op, func(l *lookup) error {
		if one.ID != "" {
			return l.searchOne(ctx, c.user, one, s, result)
		}
		return l.searchAll(ctx, c.user, s, result)
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// search is a search as the history is asked for it.
type search struct {
	p     *sdkconn.SearchParam
	words []string // in lower case
	q     query
	none  bool // nothing can match
}

func newSearch(p *sdkconn.SearchParam, now uint64) *search {
	s := &search{p: p, q: query{limit: searchStep}}
	for _, t := range p.ElemTypes {
		s.q.types |= typeBit(t)
	}
	s.none = len(p.ElemTypes) > 0 && s.q.types == 0
	if p.TimePosition != 0 || p.TimePeriod != 0 {
		to := cmp.Or(p.TimePosition, now)
		s.q.times = &[2]uint64{0, to}
		if p.TimePeriod != 0 {
			s.q.times[0] = to - min(p.TimePeriod, to)
		}
	}
	all := p.Match == sdkconn.MatchAllKeywords
	for _, word := range p.Keywords {
		s.words = append(s.words, strings.ToLower(word))
		if like, ok := likePattern(word); ok {
			s.q.likes = append(s.q.likes, like)
		}
	}
	s.q.allLikes = all
	if !all && len(s.q.likes) < len(s.words) {
		s.q.likes = nil // what the pattern cannot say may be what matches
	}
	return s
}

// likePattern is what a stored body that contains the word matches in SQL, and maybe some that do not; not for a word that
// JSON writes in another way, or whose case SQLite does not know.
func likePattern(word string) (string, bool) {
	if len(word) > 1000 {
		return "", false
	}
	for _, r := range word {
		if r < ' ' || r == '"' || r == '\\' || r == unicode.ReplacementChar ||
			r > unicode.MaxASCII && (unicode.ToLower(r) != r || unicode.ToUpper(r) != r) {
			return "", false
		}
	}
	return "%" + likeEscape.Replace(word) + "%", true
}

// likeEscape takes any character for k, i and ß: the Kelvin sign, the dotted I and the capital ß are those in lower case,
// which SQLite does not know.
var likeEscape = strings.NewReplacer("%", `\%`, "_", `\_`, "k", "_", "K", "_", "i", "_", "I", "_", "ß", "_")

func (s *search) matches(m *sdkconn.Message) bool {
	if m.Status == sdkconn.StatusRevoked || m.Sender == sdkconn.SystemSender {
		return false
	}
	if len(s.p.Senders) > 0 && !slices.Contains(s.p.Senders, m.Sender) {
		return false
	}
	if len(s.words) == 0 {
		return true
	}
	texts := searched(m.Elems)
	there := func(word string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, word) })
	}
	if s.p.Match == sdkconn.MatchAllKeywords {
		return !slices.ContainsFunc(s.words, func(word string) bool { return !there(word) })
	}
	return slices.ContainsFunc(s.words, there)
}

// searched is what keywords are looked for in, in lower case.
func searched(elems sdkconn.Elems) []string {
	var texts []string
	for _, e := range elems {
		switch e := e.(type) {
		case *sdkconn.TextElem:
			texts = append(texts, e.Text)
		case *sdkconn.CustomElem:
			texts = append(texts, e.Desc)
		case *sdkconn.LocationElem:
			texts = append(texts, e.Desc)
		case *sdkconn.FileElem:
			texts = append(texts, e.FileName)
		case *sdkconn.MergeElem:
			texts = append(append(texts, e.Title), e.Abstract...)
		}
	}
	for i := range texts {
		texts[i] = strings.ToLower(texts[i])
	}
	return texts
}

// find calls f for every message of the room that matches, newest first.
func (l *lookup) find(ctx context.Context, self *user, r *room, s *search, f func(*sdkconn.Message)) error {
	if s.none {
		return nil
	}
	v, err := l.view(self.id, r)
	if err != nil {
		return err
	}
	for q := s.q; ; {
		if ctx.Err() != nil {
			return interrupted(ctx, "MsgSearchLocalMessages")
		}
		list, err := l.history(self, r, v, q)
		if err != nil {
			return err
		}
		for _, m := range list {
			if s.matches(m) {
				f(m)
			}
		}
		if len(list) < searchStep {
			return nil
		}
		last := list[len(list)-1]
		q.from = &key{last.Time(), last.Seq, last.Rand}
	}
}

// page is which of the things that are found are asked for.
func (s *search) page() (from, to uint64) {
	if s.p.PageSize == 0 {
		return 0, 1 << 62
	}
	from = uint64(s.p.PageIndex) * uint64(s.p.PageSize)
	return from, from + uint64(s.p.PageSize)
}

func (l *lookup) searchOne(ctx context.Context, self *user, conv sdkconn.Conversation, s *search, result *sdkconn.SearchResult) error {
	r, err := l.room(self, conv)
	if err != nil || r == nil {
		return err
	}
	from, to := s.page()
	item := sdkconn.SearchResultItem{ConvID: conv.ID, ConvType: conv.Type}
	err = l.find(ctx, self, r, s, func(m *sdkconn.Message) {
		if n := uint64(item.TotalCount); from <= n && n < to {
			item.Messages = append(item.Messages, m)
		}
		item.TotalCount++
	})
	if result.TotalCount = item.TotalCount; item.TotalCount > 0 {
		result.Items = []sdkconn.SearchResultItem{item}
	}
	return err
}

// searchAll orders the conversations by the newest message that was found in each.
func (l *lookup) searchAll(ctx context.Context, self *user, s *search, result *sdkconn.SearchResult) error {
	rooms, err := l.roomsOf(self, sdkconn.ConvInvalid)
	if err != nil {
		return err
	}
	type hit struct {
		sdkconn.SearchResultItem
		newest *sdkconn.Message
	}
	var hits []hit
	for _, r := range rooms {
		conv, err := l.conversation(r, self.id)
		if err != nil {
			return err
		}
		h := hit{SearchResultItem: sdkconn.SearchResultItem{ConvID: conv.ID, ConvType: conv.Type}}
		err = l.find(ctx, self, r, s, func(m *sdkconn.Message) {
			if h.TotalCount++; h.newest == nil {
				h.newest = m
			}
		})
		if err != nil {
			return err
		}
		if h.TotalCount == 1 {
			h.Messages = []*sdkconn.Message{h.newest}
		}
		if h.TotalCount > 0 {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.newest.Time(), a.newest.Time()), cmp.Compare(a.ConvType, b.ConvType), cmp.Compare(a.ConvID, b.ConvID))
	})
	result.TotalCount = uint32(len(hits))
	from, to := s.page()
	for i := from; i < min(to, uint64(len(hits))); i++ {
		result.Items = append(result.Items, hits[i].SearchResultItem)
	}
	return nil
}
