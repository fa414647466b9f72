package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

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

// The decoder counts lines from 0 where its grammar is broken, and from 1 elsewhere; an alias has none.
var (
	yamlGrammar = regexp.MustCompile(`^did not find expected ('[-,]|key|node|<)|^found (duplicate|incompatible|undefined)`)
	yamlAlias   = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// YamlPlace is the first fault that the YAML decoder found in a text, with its place.
func YamlPlace(path string, text []byte, err error) string {
	what, row := strings.TrimPrefix(err.Error(), "yaml: "), 1
	var wrong *yaml.TypeError
	if errors.As(err, &wrong) {
		what, _, _ = strings.Cut(wrong.Errors[0], " in type ")
	}
	if rest, ok := strings.CutPrefix(what, "line "); ok {
		if number, rest, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				row, what = n, rest
			}
			if yamlGrammar.MatchString(what) {
				row++
			}
		}
	}
	if name := yamlAlias.FindStringSubmatch(what); name != nil {
		return fmt.Sprintf("%s: %s", PlaceAt(path, text, bytes.Index(text, []byte("*"+name[1]))), what)
	}
	return fmt.Sprintf("%s:%d:1: %s", path, row, what)
}
