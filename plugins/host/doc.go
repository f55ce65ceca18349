// Package host runs plugins: programs of their own that bring actions to a bot. plugins/wire is what both say to each other,
// and plugins is the kit that a plugin is made of.
//
// A plugin cannot take the bot down. Its process is started with an environment, a folder and descriptors of its own, and is
// watched: it answers pings, or it is killed; what ended by itself is started again, later each time, and not any more for a
// while after too many crashes; one that does not end a call when it should is killed. What it writes and answers is bounded and
// checked before anybody sees it. When the bot dies, whatever way, its plugins die with it.
package host
