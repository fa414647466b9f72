//go:build race

package screens_test

// underRace: drawing has one goroutine, and the race detector makes it eight times slower.
const underRace = true
