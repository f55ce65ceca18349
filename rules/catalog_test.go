package rules

import (
	"maps"
	"slices"
)

// fakeCatalog holds steps like those of the real registry, and some that only later versions have.
type fakeCatalog map[string]StepSpec

func (c fakeCatalog) Step(name string) (StepSpec, bool) { s, ok := c[name]; return s, ok }
func (c fakeCatalog) Names() []string                   { return slices.Sorted(maps.Keys(c)) }

func kind(k Kind) Type             { return Type{Kind: k} }
func listOf(k Kind) Type           { e := kind(k); return Type{Kind: KindList, Elem: &e} }
func in(name string, t Type) Field { return Field{Name: name, Type: t} }
func req(name string, t Type) Field {
	return Field{Name: name, Type: t, Required: true}
}

var messageOut = Type{Kind: KindObject, Fields: []Field{in("msg", kind(KindMessage))}}

var catalog = fakeCatalog{
	"reply": {
		Name: "reply", ActsOnChat: true, NeedsConversation: true, Scalar: "text", Output: messageOut,
		Inputs: []Field{in("text", kind(KindString)), in("mentions", listOf(KindString)), in("quote", kind(KindBool))},
	},
	"send": {
		Name: "send", ActsOnChat: true, NeedsConversation: true, Output: messageOut,
		Targets: []string{"to_user", "to_group"}, AtMostOne: [][]string{{"to_user", "to_group"}},
		Inputs: []Field{in("to_user", kind(KindString)), in("to_group", kind(KindString)), in("text", kind(KindString)),
			in("mentions", listOf(KindString)), {Name: "priority", Type: kind(KindString), Enum: []string{"high", "normal", "low"}}},
	},
	"revoke": {
		Name: "revoke", ActsOnChat: true, NeedsConversation: true, Scalar: "msg",
		Inputs: []Field{in("msg", kind(KindLocator))},
	},
	"mark_read": {Name: "mark_read", ActsOnChat: true, NeedsConversation: true},
	"history": {
		Name: "history", NeedsConversation: true,
		Inputs: []Field{in("count", kind(KindInt)), in("within", kind(KindDuration))},
		Output: Type{Kind: KindObject, Fields: []Field{in("msgs", listOf(KindMessage))}},
	},
	"import": {
		Name: "import", NeedsConversation: true, Inputs: []Field{req("msgs", listOf(KindMessage))},
	},
	"log": {
		Name: "log", Scalar: "text",
		Inputs: []Field{req("text", kind(KindString)), in("with", Type{Kind: KindMap})},
	},
	"announce": {
		Name: "announce", ActsOnChat: true, Approvable: true,
		Inputs: []Field{in("key", kind(KindString)), {Name: "text", Type: kind(KindString), Required: true, Rows: true},
			{Name: "pace", Type: kind(KindString), Form: FormRate},
			{Name: "quiet", Type: Type{Kind: KindObject, Fields: []Field{{Name: "from", Type: kind(KindString), Form: FormClock}}}},
			req("to", Type{Kind: KindObject, Fields: []Field{
				in("groups", listOf(KindString)), in("users", listOf(KindString)), in("file", kind(KindString)),
			}})},
		Output: Type{Kind: KindObject, Fields: []Field{in("sent", kind(KindInt)), in("total", kind(KindInt)), in("failed", kind(KindInt))}},
	},
	"archive": {
		Name: "archive",
		Inputs: []Field{req("to", kind(KindString)), in("key", kind(KindString)),
			{Name: "op", Type: kind(KindString), Enum: []string{"upsert", "tombstone"}}, in("record", Type{Kind: KindMap}),
			in("retain", kind(KindDuration))},
	},
	"mute":          {Name: "mute", ActsOnChat: true, NeedsConversation: true, Inputs: []Field{req("for", kind(KindDuration))}},
	"remove_member": {Name: "remove_member", ActsOnChat: true, NeedsConversation: true, Inputs: []Field{in("reason", kind(KindString))}},
	"http": {
		Name: "http",
		Inputs: []Field{req("url", kind(KindString)), {Name: "token", Type: kind(KindString), Secret: true},
			in("expect_status", kind(KindInt)), {Name: "headers", Type: Type{Kind: KindMap}, Secret: true}},
		Output: Type{Kind: KindObject, Fields: []Field{in("json", kind(KindAny)), in("status", kind(KindInt))}},
	},
	"shop.order_lookup": {
		Name: "shop.order_lookup", Inputs: []Field{req("number", kind(KindString))},
		Output: Type{Kind: KindObject, Fields: []Field{in("status", kind(KindString))}},
	},
}
