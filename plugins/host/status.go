package host

import "time"

// State is what a plugin is doing.
type State string

// The states.
const (
	StateIdle     State = "idle"     // not started: nothing has called it yet
	StateStarting State = "starting" // or waits to be started again
	StateRunning  State = "running"
	StateUnwell   State = "unwell" // runs, and says that it cannot do its work
	StateDown     State = "down"   // ended, and is started again when it is called and may be
)

// Status is how a plugin does.
type Status struct {
	Name    string    `json:"name"`
	Program string    `json:"program"`
	Version string    `json:"version"`
	State   State     `json:"state"`
	PID     int       `json:"pid,omitzero"`
	Since   time.Time `json:"since,omitzero"`    // of the process
	Calls   int       `json:"calls"`             // that run
	Starts  int       `json:"starts"`            // since the bot's
	Ends    int       `json:"ends"`              // by itself
	Memory  int64     `json:"memory,omitzero"`   // bytes resident
	Error   string    `json:"error,omitzero"`    // the last end's reason, or what it says itself
	Actions []string  `json:"actions,omitzero"`  // as steps call them
	NextTry time.Time `json:"next_try,omitzero"` // when it may be started again
}

// Status tells how the plugins do, in the order of the bot's file.
func (h *Host) Status() []Status {
	h.mu.Lock()
	var all []*supervisor
	for _, name := range h.order {
		all = append(all, h.plugins[name])
	}
	h.mu.Unlock()
	out := make([]Status, 0, len(all))
	for _, s := range all {
		out = append(out, s.status())
	}
	return out
}

func (s *supervisor) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{
		Name: s.name, Program: s.plugin.Program, Version: s.plugin.Version, Starts: s.starts, Ends: s.ends, Error: s.failure,
		State: StateIdle,
	}
	for _, a := range s.plugin.Actions {
		st.Actions = append(st.Actions, a.Spec.Name)
	}
	if i := s.current; i != nil {
		i.mu.Lock()
		st.Calls = len(i.running)
		i.mu.Unlock()
		st.State, st.PID, st.Since = StateRunning, i.proc.pid, i.began
		st.Memory, _ = resident(i.proc.pid)
		if s.unwell != "" {
			st.State, st.Error = StateUnwell, s.unwell
		}
		return st
	}
	if wait, _ := s.held(); wait > 0 {
		st.NextTry = s.host.clock.Now().Add(wait)
	}
	switch {
	case s.starting != nil:
		st.State = StateStarting
	case s.failure != "":
		st.State = StateDown
	}
	return st
}
