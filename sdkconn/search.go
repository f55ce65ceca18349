package sdkconn

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxSearchKeywords bounds the keywords of one search.
const MaxSearchKeywords = 5

// KeywordMatch says how several keywords go together, TIMKeywordListMatchType.
type KeywordMatch uint32

// The ways.
const (
	MatchAnyKeyword  KeywordMatch = 0
	MatchAllKeywords KeywordMatch = 1
)

// SearchParam asks for messages by what they say. What is given must all be true of a message; keywords, element types or
// senders must be given.
type SearchParam struct {
	ConvID    string       `json:"msg_search_param_conv_id,omitzero"` // empty: all conversations
	ConvType  ConvType     `json:"msg_search_param_conv_type,omitzero"`
	Keywords  []string     `json:"msg_search_param_keyword_array,omitempty"` // at most MaxSearchKeywords; case does not matter
	Match     KeywordMatch `json:"msg_search_param_keyword_list_match_type"`
	ElemTypes []ElemType   `json:"msg_search_param_message_type_array,omitempty"`

	// PageIndex counts pages of PageSize from 0: of messages in one conversation, of conversations in all of them. A
	// PageSize of 0 is one page that holds everything.
	PageIndex uint32 `json:"msg_search_param_page_index"`
	PageSize  uint32 `json:"msg_search_param_page_size"`

	// TimePosition and TimePeriod, in seconds, limit the search to position-period..position, both ends included. A
	// TimePosition of 0 is now, a TimePeriod of 0 has no beginning.
	TimePeriod   uint64   `json:"msg_search_param_search_time_period,omitzero"`
	TimePosition uint64   `json:"msg_search_param_search_time_position,omitzero"`
	Senders      []string `json:"msg_search_param_send_identifier_array,omitempty"`

	Unknown jsontext.Value `json:",embed"`
}

// SearchResult is what a search found. TotalCount is of the messages in one conversation, or of the conversations where
// all were searched; it does not depend on the page.
type SearchResult struct {
	Items      []SearchResultItem `json:"msg_search_result_item_array,omitempty"`
	Cursor     string             `json:"msg_search_result_search_cursor"`
	TotalCount uint32             `json:"msg_search_result_total_count"`

	Unknown jsontext.Value `json:",embed"`
}

// SearchResultItem is what was found in one conversation. Messages come newest first. Where all conversations were
// searched, a conversation with more than one tells their number only.
type SearchResultItem struct {
	ConvID     string     `json:"msg_search_result_item_conv_id"`
	ConvType   ConvType   `json:"msg_search_result_item_conv_type"`
	Messages   []*Message `json:"msg_search_result_item_message_array,omitempty"`
	TotalCount uint32     `json:"msg_search_result_item_total_message_count"`

	Unknown jsontext.Value `json:",embed"`
}

// MessageSearcher is the ability to search the local history.
type MessageSearcher interface {
	// MsgSearchLocalMessages finds messages in this user's own view. Deleted and revoked ones are not found.
	// TIMMsgSearchLocalMessages.
	//
	// Errors: CodeParam for a conversation that is none, CodeInvalidParameters for nothing to search by, too many
	// keywords, or an empty one.
	MsgSearchLocalMessages(ctx context.Context, param SearchParam) (*SearchResult, error)
}
