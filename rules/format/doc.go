// Package format writes bot files in one form: two spaces a level, the keys of the language in their order, quotes only where
// they are needed. It moves lines and never writes YAML anew, so that comments, blank lines and block scalars stay what they
// are, and it answers an error for a file of which it is not sure.
package format
