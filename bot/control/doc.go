// Package control is the way into a running bot: HTTP with JSON over a Unix socket in the bot's data folder, for whoever may
// read the folder. All paths begin with /v1/; what is asked for is in the query of a GET and in the JSON body of a POST, of at
// most 1 MiB. An answer is one JSON value, or a stream of JSON lines; an error is an object with the members error, a text,
// and kind.
//
//	curl --unix-socket .timbot/control/sock 'http://bot/v1/why?ref=last'
package control
