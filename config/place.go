package config

import (
	"errors"
	"fmt"

	"kioskd/tariff"
)

// offsetOf is the byte of a text that an error is about; the first where it does not say.
func offsetOf(err error) int {
	var at *tariff.PlaceError
	if errors.As(err, &at) {
		return at.Offset
	}
	return 0
}

// PlaceIn is a file with the line and column of an error in its text.
func PlaceIn(path string, text []byte, err error) string { return PlaceAt(path, text, offsetOf(err)) }

// PlaceAt is a file with the line and column of a byte of its text.
func PlaceAt(path string, text []byte, offset int) string {
	line, column := tariff.LineColumn(text, offset)
	return fmt.Sprintf("%s:%d:%d", path, line, column)
}
