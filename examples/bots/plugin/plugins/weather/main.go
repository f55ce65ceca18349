// Weather is a plugin of timbot: it brings the action weather.forecast, with weather that it makes up.
package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/timbot-go/timbot/plugins"
)

//go:generate sh -c "go run . manifest >plugin.yaml"

type in struct {
	City string `json:"city" plugin:"scalar" doc:"Where."`
	Days int    `json:"days,omitempty" doc:"How many days, at most 7; 1 unless given."`
}

type out struct {
	Text  string `json:"text" plugin:"text" doc:"The forecast in words."`
	Days  []day  `json:"days" doc:"The days one by one."`
	Asked int    `json:"asked" plugin:"value" doc:"How often the city was asked for."`
}

type day struct {
	Sky  string `json:"sky"`
	High int    `json:"high"`
}

var skies = []string{"晴", "多云", "小雨", "雷阵雨"}

func forecast(ctx context.Context, in in) (out, error) {
	if strings.ContainsAny(in.City, "0123456789") || len(in.City) > 100 {
		return out{}, &plugins.Error{Code: "no_city", Text: "there is no such city", Final: true}
	}
	var o out
	bot := plugins.BotOf(ctx)
	if _, err := bot.Get(ctx, "asked/"+in.City, &o.Asked); err != nil {
		return o, err
	}
	o.Asked++
	if err := bot.Set(ctx, "asked/"+in.City, o.Asked); err != nil {
		return o, err
	}
	var words []string
	for n := range min(max(in.Days, 1), 7) {
		h := fnv.New32a()
		fmt.Fprint(h, in.City, n)
		d := day{Sky: skies[h.Sum32()%uint32(len(skies))], High: int(h.Sum32() % 35)}
		o.Days = append(o.Days, d)
		words = append(words, fmt.Sprintf("%s %d°", d.Sky, d.High))
		if d.Sky == "雷阵雨" {
			if err := bot.Signal(ctx, "weather_warning", map[string]string{"city": in.City}); err != nil {
				return o, err
			}
		}
	}
	o.Text = in.City + "：" + strings.Join(words, "，")
	plugins.Log(ctx).Info("told the weather", "days", len(o.Days))
	return o, nil
}

var weather = plugins.Plugin{
	Name: "weather", Version: "1.0.0", Doc: "Tells the weather.",
	Rights: plugins.Rights{Actions: []string{"reply"}, Signals: []string{"weather_warning"}, State: true},
	Actions: []plugins.Action{{
		Name: "forecast", Doc: "Tells the weather of the next days.", Idempotent: true, Timeout: 5 * time.Second,
		Do: plugins.Func(forecast),
	}},
}

func main() { plugins.Serve(weather) }
