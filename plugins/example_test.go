package plugins_test

import (
	"context"
	"fmt"

	"github.com/timbot-go/timbot/plugins"
)

type lookup struct {
	Number string `json:"number" doc:"The order's number." plugin:"scalar"`
	Lang   string `json:"lang,omitempty" enum:"de,en" doc:"The language of the answer; en unless given."`
}

type order struct {
	Status string `json:"status" doc:"Where it is." plugin:"text"`
	Items  []item `json:"items" doc:"What is in it."`
}

type item struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

func find(ctx context.Context, in lookup) (order, error) {
	if in.Number == "" {
		return order{}, &plugins.Error{Code: "not_found", Text: "an order has a number", Final: true}
	}
	plugins.Log(ctx).Info("looked up", "effect", plugins.CallOf(ctx).Effect)
	return order{Status: "shipped"}, nil
}

var shop = plugins.Plugin{
	Name: "shop", Version: "1.2.0", Doc: "Looks orders up.",
	Rights: plugins.Rights{Signals: []string{"order_changed"}},
	Actions: []plugins.Action{
		{Name: "order_lookup", Doc: "Looks an order up.", Idempotent: true, Do: plugins.Func(find)},
	},
}

// A plugin is a program that serves functions. Started as `shop manifest` it prints its plugin.yaml.
func Example() {
	if false { // an example cannot serve
		plugins.Serve(shop)
	}
	manifest, err := shop.Manifest()
	fmt.Print(string(manifest), err)
	// Output:
	// name: "shop"
	// version: "1.2.0"
	// protocol: 1
	// doc: "Looks orders up."
	// command: ["./shop"]
	// rights:
	//   signals: ["order_changed"]
	// actions:
	//   order_lookup:
	//     doc: "Looks an order up."
	//     idempotent: true
	//     inputs:
	//       number: {type: text, required: true, doc: "The order's number."}
	//       lang: {type: text, enum: ["de", "en"], doc: "The language of the answer; en unless given."}
	//     outputs:
	//       status: {type: text, required: true, doc: "Where it is."}
	//       items: {type: list, required: true, of: {type: object, fields: {name: {type: text, required: true}, count: {type: int, required: true}}}, doc: "What is in it."}
	//     scalar: number
	//     text: status
	// <nil>
}
