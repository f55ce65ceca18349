package actions

// Builtin returns the actions of this package, in the order of the reference.
func Builtin() []Action {
	return []Action{
		Reply, Send, Announce, Revoke, MarkRead, // what others notice
		History, Find, Save, Import, Delete, Download, // the bot's own copy
		Keep, Log, // the bot's own notes
	}
}
