//go:build !linux

package rules

func newLines(n int) []line { return make([]line, n) }
