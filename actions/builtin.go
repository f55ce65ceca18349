package actions

// Builtin returns the actions of this package.
func Builtin() []Action {
	return []Action{Reply, Send, Log}
}
