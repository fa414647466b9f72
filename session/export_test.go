package session

import (
	"maps"
	"slices"
)

// Kinds lists the kinds of records.
func Kinds() []Kind { return slices.Sorted(maps.Keys(bodies)) }
