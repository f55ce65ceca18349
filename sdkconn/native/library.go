//go:build !nonative && (linux || darwin || windows)

package native

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"
)

// available says whether this program can load a library.
const available = true

// library is the SDK, loaded. It is never unloaded: its threads go on.
type library struct {
	symbols map[string]uintptr
	loaded
}

var libraries struct {
	sync.Mutex
	m map[string]*library
}

// load opens the library at path and looks its functions up.
func load(path string) (*library, error) {
	libraries.Lock()
	defer libraries.Unlock()
	if l := libraries.m[path]; l != nil {
		return l, nil
	}
	if strings.ContainsRune(path, filepath.Separator) {
		if err := checkFile(path); err != nil { // the system's own texts say less
			return nil, err
		}
	}
	handle, err := openLibrary(path)
	if err != nil {
		return nil, fmt.Errorf("the SDK's library %s cannot be loaded: %w", path, err)
	}
	l := &library{symbols: make(map[string]uintptr)}
	for _, name := range slices.Concat(required, addNewMsg, optional) {
		if s, err := findSymbol(handle, name); err == nil && s != 0 {
			l.symbols[name] = s
		} else {
			l.missing = append(l.missing, name)
		}
	}
	lost := slices.DeleteFunc(slices.Clone(required), func(name string) bool { return l.symbols[name] != 0 })
	if l.symbols[addNewMsg[0]] == 0 && l.symbols[addNewMsg[1]] == 0 {
		lost = append(lost, addNewMsg[0])
	}
	if len(lost) > 0 {
		return nil, fmt.Errorf("%s is not the SDK's library with the C interface: it lacks %s", path, strings.Join(lost, ", "))
	}
	version, _, _ := purego.SyscallN(l.symbols["TIMGetSDKVersion"])
	l.version = cText(*(**byte)(unsafe.Pointer(&version)))
	l.pid = os.Getpid()
	makeCallbacks()
	if libraries.m == nil {
		libraries.m = make(map[string]*library)
	}
	libraries.m[path] = l
	return l, nil
}

// cText copies what the library points to.
func cText(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// current takes the signals of the library in this process.
var current atomic.Pointer[queue]

func tell(s signal) {
	if q := current.Load(); q != nil {
		q.put(s)
	}
}

// The callbacks are made once: they cannot be freed. They copy and queue, on whichever thread the library likes.
var callbacks struct {
	once   sync.Once
	answer uintptr
	events []struct {
		register string
		pointer  uintptr
	}
}

func makeCallbacks() {
	callbacks.once.Do(func() {
		callbacks.answer = purego.NewCallback(func(code uintptr, desc, json *byte, id uintptr) uintptr {
			tell(signal{id: uint64(id), code: int32(code), desc: cText(desc), json: []byte(cText(json))})
			return 0
		})
		add := func(register string, f any) {
			callbacks.events = append(callbacks.events, struct {
				register string
				pointer  uintptr
			}{register, purego.NewCallback(f)})
		}
		plain := func(e event) func(json *byte, _ uintptr) uintptr {
			return func(json *byte, _ uintptr) uintptr {
				tell(signal{event: e, json: []byte(cText(json))})
				return 0
			}
		}
		add(addNewMsg[0], plain(newMsg))
		add("TIMSetMsgUpdateCallback", plain(msgUpdate))
		add("TIMSetMsgRevokeCallback", plain(msgRevoke))
		add("TIMSetMsgReadedReceiptCallback", plain(readedReceipt))
		add("TIMSetMsgElemUploadProgressCallback", func(json *byte, elem, now, total, _ uintptr) uintptr {
			tell(signal{event: uploadProgress, json: []byte(cText(json)),
				numbers: []uint64{uint64(uint32(elem)), uint64(uint32(now)), uint64(uint32(total))}})
			return 0
		})
		add("TIMSetConvEventCallback", func(change uintptr, json *byte, _ uintptr) uintptr {
			tell(signal{event: convEvent, json: []byte(cText(json)), numbers: []uint64{uint64(uint32(change))}})
			return 0
		})
		add("TIMSetNetworkStatusListenerCallback", func(status, code uintptr, desc *byte, _ uintptr) uintptr {
			tell(signal{event: networkStatus, code: int32(code), desc: cText(desc), numbers: []uint64{uint64(uint32(status))}})
			return 0
		})
		add("TIMSetKickedOfflineCallback", func(uintptr) uintptr {
			tell(signal{event: kickedOffline})
			return 0
		})
		add("TIMSetUserSigExpiredCallback", func(uintptr) uintptr {
			tell(signal{event: userSigExpired})
			return 0
		})
	})
}

// use has the signals of the library in this process go to q, and registers for every event; nil ends it.
func (l *library) use(q *queue) {
	current.Store(q)
	if q == nil {
		return
	}
	for _, e := range callbacks.events {
		at := l.symbols[e.register]
		switch {
		case e.register != addNewMsg[0]:
		case at == 0:
			at = l.symbols[addNewMsg[1]]
		case l.symbols["TIMRemoveRecvNewMsgCallback"] != 0: // adding it twice would tell everything twice
			purego.SyscallN(l.symbols["TIMRemoveRecvNewMsgCallback"], e.pointer)
		}
		if at != 0 {
			purego.SyscallN(at, e.pointer, 0)
		}
	}
}

// call calls a function and tells what it returned, unless a callback tells the rest.
func (l *library) call(c call) {
	at := l.symbols[c.function]
	if at == 0 {
		tell(signal{id: c.id, code: codeMissing, desc: "this library does not have " + c.function})
		return
	}
	var pin runtime.Pinner // the library reads the text while the call runs
	defer pin.Unpin()
	args := make([]uintptr, 0, 8)
	for _, a := range c.args {
		switch a := a.(type) {
		case string:
			b := append([]byte(a), 0)
			pin.Pin(&b[0])
			args = append(args, uintptr(unsafe.Pointer(&b[0])))
		case uint64:
			args = append(args, uintptr(a))
		}
	}
	if c.callback {
		args = append(args, callbacks.answer, uintptr(c.id))
	}
	returned, _, _ := purego.SyscallN(at, args...)
	if code := int32(returned); !c.callback || code != 0 {
		tell(signal{id: c.id, returned: true, code: code})
	}
}

// inside is the engine in this process, of which there is one at a time.
type inside struct {
	lib   *library
	queue *queue
	calls sync.WaitGroup
}

var insideTaken atomic.Bool

func openInside(path string) (engine, error) {
	if !insideTaken.CompareAndSwap(false, true) {
		return nil, errors.New("a connection with isolate=off is open already: the SDK has one login in a process; without " +
			"isolate=off each connection has a process of its own")
	}
	lib, err := load(path)
	if err != nil {
		insideTaken.Store(false)
		return nil, err
	}
	e := &inside{lib: lib, queue: newQueue()}
	lib.use(e.queue)
	return e, nil
}

func (e *inside) start(c call) error {
	e.calls.Go(func() { e.lib.call(c) })
	return nil
}

func (e *inside) next() ([]signal, error) {
	if s := e.queue.take(); len(s) > 0 {
		return s, nil
	}
	err := e.queue.reason()
	if errors.Is(err, errQueueFull) { // nobody can be answered that it ended
		e.lib.call(call{function: "TIMUninit"})
	}
	return nil, err
}

func (e *inside) about() loaded { return e.lib.loaded }

func (e *inside) close() {
	e.calls.Wait()
	e.lib.use(nil)
	insideTaken.Store(false)
	e.queue.end()
}
