package rulestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/timbot-go/timbot/actions"
)

// Mutation is what came of changing the rules of some test files.
type Mutation struct {
	Killed    int       // changes that a test noticed
	Invalid   int       // changes that the rules refuse at load
	Same      []*Mutant // changes that nothing could notice; Same says why
	Explained []*Mutant // changes that no test noticed, and need not by the test file's word; Same says why
	Survivors []*Mutant // changes that no test noticed
}

// Mutate changes the rules that the test files test, one small change at a time, and runs the tests on each until one fails.
// Files that test the same rules judge together. progress is called after each change; it may be nil. The error is ctx's, or
// says that the tests fail without any change.
func Mutate(ctx context.Context, registry *actions.Registry, paths []string, progress func(done, all int)) (*Mutation, error) {
	groups, err := grouped(registry, paths)
	if err != nil {
		return nil, err
	}
	out := &Mutation{}
	all, done := 0, 0
	for _, g := range groups {
		all += len(g.mutants)
	}
	for _, g := range groups {
		for _, m := range g.mutants {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			switch found, err := g.judge(ctx, registry, m); {
			case err != nil:
				return nil, err
			case found == mutantInvalid:
				out.Invalid++
			case found == mutantKilled:
				out.Killed++
			case m.Same != "":
				out.Same = append(out.Same, m)
			case g.explained(m):
				out.Explained = append(out.Explained, m)
			default:
				out.Survivors = append(out.Survivors, m)
			}
			if done++; progress != nil {
				progress(done, all)
			}
		}
	}
	return out, nil
}

// mutantGroup is the test files that test the same rules.
type mutantGroup struct {
	paths     []string
	mutants   []*Mutant
	unnoticed []unnoticed
}

// explained reports whether a test file says why the change need not be noticed.
func (g *mutantGroup) explained(m *Mutant) bool {
	for _, u := range g.unnoticed {
		if (u.rule == "" || u.rule == m.Rule) && strings.Contains(m.What, u.what) {
			m.Same = u.because
			return true
		}
	}
	return false
}

func grouped(registry *actions.Registry, paths []string) ([]*mutantGroup, error) {
	var out []*mutantGroup
	byRules := make(map[string]*mutantGroup)
	for _, path := range paths {
		s, err := Load(path, registry)
		if err != nil {
			return nil, err
		}
		err = func() (err error) {
			defer func() { err = errors.Join(err, s.Close()) }()
			if passed, err := s.passes(context.Background()); err != nil || !passed {
				return errors.Join(err, fmt.Errorf("%s fails as it is: mutation asks what tests that pass would notice", path))
			}
			key := strings.Join(s.Rules, "\n")
			g := byRules[key]
			if g == nil {
				set, err := s.load(nil, nil)
				if err != nil {
					return err
				}
				g = &mutantGroup{mutants: s.mutants(set)}
				s.excuse(g.mutants)
				byRules[key] = g
				out = append(out, g)
			}
			g.paths = append(g.paths, path)
			g.unnoticed = append(g.unnoticed, s.unnoticed...)
			return nil
		}()
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// excuse says of changes of lists that the tests give themselves that nothing can come of them.
func (s *Suite) excuse(all []*Mutant) {
	for _, m := range all {
		given := m.list != "" && !slices.ContainsFunc(s.Tests, func(t *Test) bool {
			_, ok := t.given.lists[m.list]
			return !ok
		})
		if given {
			m.Same = "the tests give list " + m.list + " themselves"
		}
	}
}

type verdict int

const (
	mutantSurvived verdict = iota
	mutantKilled
	mutantInvalid
)

// judge runs the tests on one mutant.
func (g *mutantGroup) judge(ctx context.Context, registry *actions.Registry, m *Mutant) (v verdict, err error) {
	for _, path := range g.paths {
		s, err := load(path, registry, map[string][]byte{m.file: m.text})
		if err != nil {
			if mentions(err, path) { // the tests name what is not there any more: they would not run
				return mutantKilled, nil
			}
			return mutantInvalid, nil
		}
		passed, err := s.passes(ctx)
		if err = errors.Join(err, s.Close()); err != nil {
			return 0, err
		}
		if !passed {
			return mutantKilled, nil
		}
	}
	return mutantSurvived, nil
}

// mentions reports whether errors are about the test file itself.
func mentions(err error, path string) bool { return strings.HasPrefix(err.Error(), path+":") }

// passes runs the tests until one fails.
func (s *Suite) passes(ctx context.Context) (bool, error) {
	for _, t := range s.Tests {
		failures, err := s.once(ctx, t)
		if err != nil || len(failures) > 0 {
			return false, err
		}
	}
	return true, nil
}

// pathOf is the path of a rules file as a person would name it.
func (s *Suite) pathOf(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// Write tells a mutation for people.
func (m *Mutation) Write(w io.Writer) error {
	var b strings.Builder
	for _, x := range m.Survivors {
		fmt.Fprintf(&b, "survived  %s   %s: %s\n", x.Pos, x.rule(), x.What)
	}
	for _, x := range m.Same {
		fmt.Fprintf(&b, "same      %s   %s: %s (%s)\n", x.Pos, x.rule(), x.What, x.Same)
	}
	for _, x := range m.Explained {
		fmt.Fprintf(&b, "explained %s   %s: %s (%s)\n", x.Pos, x.rule(), x.What, x.Same)
	}
	all := m.Killed + m.Invalid + len(m.Survivors) + len(m.Same) + len(m.Explained)
	fmt.Fprintf(&b, "%s: %d noticed, %d survived, %d explained, %d the same, %d refused at load\n",
		counted(all, "change"), m.Killed, len(m.Survivors), len(m.Explained), len(m.Same), m.Invalid)
	_, err := io.WriteString(w, b.String())
	return err
}

func (m *Mutant) rule() string {
	if m.Rule == "" {
		return m.Kind
	}
	return m.Rule
}
