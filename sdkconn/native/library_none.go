//go:build nonative || !(linux || darwin || windows)

package native

// available says whether this program can load a library.
const available = false

type library struct{ loaded }

func load(string) (*library, error)     { return nil, errUnavailable }
func openInside(string) (engine, error) { return nil, errUnavailable }
func (l *library) use(*queue)           {}
func (l *library) call(call)            {}
