//go:build !race

package screens_test

const underRace = false
