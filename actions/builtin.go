package actions

// Builtin returns the actions of this package, in the order of the reference.
func Builtin() []Action {
	return []Action{
		Reply, Send, Announce, Revoke, MarkRead, // what others notice
		Mute, Unmute, RemoveMember, // the members of a group
		History, Find, Save, Import, Delete, Download, // the bot's own copy
		HTTP,      // the world outside
		Keep, Log, // the bot's own notes
	}
}
