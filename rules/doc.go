// Package rules reads the rule language: YAML files become a Set, and Set.Match says which rules an event fires and why.
package rules
