// Command timbot runs, checks and tries out chat bots that are written as rules in YAML.
//
//	timbot chat examples/bots/hello    # talk to a bot in the terminal, without any account
//	timbot run examples/bots/hello     # run it as a service
//	timbot send examples/bots/hello --as alice --to concierge --wait 你好
//	timbot lint ./...                  # check bots
//	timbot actions reply               # what a step can do
//
// Results go to standard output, everything else to standard error. The exit code is 0 when all is fine, 1 for findings
// (a bad rule, no answer, a chat command that failed), 2 when the command could not run, and 130 when it was interrupted.
package main
