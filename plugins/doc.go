// Package plugins is what a plugin of timbot is made of, in Go. A plugin is a program of its own: it declares actions as
// functions, and serves them to the bot that starts it.
//
//	type In struct {
//		City string `json:"city" doc:"Where."`
//		Days int    `json:"days,omitempty" doc:"How many days; 1 unless given."`
//	}
//
//	type Out struct {
//		Text string `json:"text" plugin:"text" doc:"The forecast in words."`
//	}
//
//	func forecast(ctx context.Context, in In) (Out, error) { ... }
//
//	func main() {
//		plugins.Serve(plugins.Plugin{
//			Name: "weather", Version: "1.0.0", Doc: "Tells the weather.",
//			Actions: []plugins.Action{{
//				Name: "forecast", Doc: "Tells the weather of the next days.", Idempotent: true, Do: plugins.Func(forecast),
//			}},
//		})
//	}
//
// A rule then says `weather.forecast: {city: Shenzhen}`. The bot knows a plugin by its plugin.yaml, which such a program writes
// itself: `weather manifest > plugin.yaml`.
//
// # Types
//
// The fields of In and Out, and of the structs in them, are the inputs and outputs; their JSON names are small letters,
// digits and _. A field is required unless its tag says omitempty or omitzero, or it is a pointer. Types are string, bool,
// numbers, [Duration], any, slices, map[string]T and structs. Tags beside json:
//
//	doc:"A sentence."     for help and editors
//	enum:"fast,slow"      the words that a string may be
//	plugin:"scalar"       of In: the input that a bare value sets, `weather.forecast: Shenzhen`
//	plugin:"secret"       of In: may hold ${{ secrets.NAME }}
//	plugin:"text"         of Out: becomes steps.ID.text
//	plugin:"value"        of Out: becomes steps.ID.value
//
// # In a function
//
// ctx ends when nobody waits for the answer any more; a function that does not return within a second then is killed with
// its program. [CallOf] says what the call is, [BotOf] is the bot that it may ask, [Log] is a logger whose lines the bot
// writes. An [Error] tells rules more than another error does. A panic fails the call, and nothing else.
//
// Functions run at the same time, as many as the bot's file allows.
package plugins
