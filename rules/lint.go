package rules

func (l *loader) lint(set *Set) {}
