package main

import (
	"context"
	"fmt"
	"os"

	"github.com/timbot-go/timbot/plugins"
)

type shopIn struct {
	Number string `json:"number" plugin:"scalar"`
}

type shopOut struct {
	Status string `json:"status" plugin:"text"`
}

// shop is a plugin for the scripts, where it is a command.
func shop() {
	plugins.Serve(plugins.Plugin{
		Name: "shop", Version: "1.0.0", Command: []string{"shop"},
		Actions: []plugins.Action{{
			Name: "order_lookup", Doc: "Looks an order up.", Idempotent: true,
			Do: plugins.Func(func(ctx context.Context, in shopIn) (shopOut, error) {
				if in.Number == "crash" {
					fmt.Fprintln(os.Stderr, "the shop burns")
					os.Exit(3)
				}
				plugins.Log(ctx).Warn("looked up")
				return shopOut{"order " + in.Number + " is shipped"}, nil
			}),
		}},
	})
}
