// Package plugintest tests whether a plugin behaves as bots expect of it. It starts the plugin as a bot does, speaks the
// protocol of plugins/wire with it, well and badly, and says what is wrong in words of the plugin's author.
//
// Each action is called many times, with inputs made up from plugin.yaml unless Options gives some: what it does is done.
package plugintest
