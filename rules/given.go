package rules

// Given makes a step that no rule has written: an action whose inputs are known already, each of the Go type that its Kind
// names. A failure of it does not end the run. path is its Path.
func Given(path, action string, inputs map[string]any) *Step {
	s := &Step{
		Path: path, Kind: StepAction, Action: action, Timeout: DefaultTimeout, ContinueOnError: true,
		inputs: make(map[string]*value, len(inputs)),
	}
	for name, v := range inputs {
		s.inputs[name] = &value{name: name, fixed: v, isFixed: true}
	}
	return s
}
