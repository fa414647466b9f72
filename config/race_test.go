//go:build race

package config_test

// underRace: reading has one goroutine, and the race detector makes it ten times slower.
const underRace = true
