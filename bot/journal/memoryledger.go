package journal

import (
	"cmp"
	"context"
	"slices"
)

type memoryAnnouncement struct {
	Announcement
	targets []Target
	byName  map[string]uint64
}

func (m *Memory) putAnnouncement(a Announcement) *memoryAnnouncement {
	kept := m.announced[a.Key]
	if kept == nil {
		kept = &memoryAnnouncement{byName: make(map[string]uint64)}
		kept.Key, kept.N = a.Key, uint64(len(m.announceds)+1)
		m.announced[a.Key] = kept
		m.announceds = append(m.announceds, kept)
	}
	kept.Data = slices.Clone(a.Data)
	return kept
}

func (m *Memory) putTarget(w TargetWrite) {
	a := m.announced[w.Key]
	if a == nil || w.N == 0 || w.N > uint64(len(a.targets)) {
		return
	}
	t := &a.targets[w.N-1]
	t.State, t.Data = w.State, slices.Clone(w.Data)
}

func (a *memoryAnnouncement) copy() Announcement {
	out := a.Announcement
	out.Targets, out.Data = uint64(len(a.targets)), slices.Clone(out.Data)
	return out
}

// AddTargets implements Journal.
func (m *Memory) AddTargets(ctx context.Context, a Announcement, targets []Target) ([]uint64, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	kept := m.putAnnouncement(a)
	numbers := make([]uint64, len(targets))
	for i, t := range targets {
		n, has := kept.byName[t.Name]
		if !has {
			n = uint64(len(kept.targets) + 1)
			kept.byName[t.Name] = n
			t.N, t.Data = n, slices.Clone(t.Data)
			kept.targets = append(kept.targets, t)
		}
		numbers[i] = n
	}
	return numbers, nil
}

// Announcement implements Journal.
func (m *Memory) Announcement(ctx context.Context, key string) (Announcement, bool, error) {
	if err := m.lock(ctx); err != nil {
		return Announcement{}, false, err
	}
	defer m.mu.Unlock()
	a := m.announced[key]
	if a == nil {
		return Announcement{}, false, nil
	}
	return a.copy(), true, nil
}

// Announcements implements Journal.
func (m *Memory) Announcements(ctx context.Context, before uint64, limit int) ([]Announcement, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var out []Announcement
	for _, a := range slices.Backward(m.announceds) {
		if len(out) == limit {
			break
		}
		if before == 0 || a.N < before {
			out = append(out, a.copy())
		}
	}
	return out, nil
}

// Targets implements Journal.
func (m *Memory) Targets(ctx context.Context, q TargetQuery) ([]Target, error) {
	if err := m.lock(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	a := m.announced[q.Key]
	if a == nil || q.After >= uint64(len(a.targets)) {
		return nil, nil
	}
	var out []Target
	for _, t := range a.targets[q.After:] {
		if len(out) == cmp.Or(q.Limit, 100) || q.UpTo != 0 && t.N > q.UpTo {
			break
		}
		if len(q.States) == 0 || slices.Contains(q.States, t.State) {
			t.Data = slices.Clone(t.Data)
			out = append(out, t)
		}
	}
	return out, nil
}
