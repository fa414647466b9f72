package strict

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// PlaceError says at which byte of a text something is wrong.
type PlaceError struct {
	Offset int
	What   string
}

func (e *PlaceError) Error() string { return e.What }

// At is a *PlaceError.
func At(offset int, what string) error { return &PlaceError{offset, what} }

// LineColumn is the place of a byte, as editors count: from 1, the column in characters.
func LineColumn(text []byte, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

// CheckUTF8 finds the first byte that is none of UTF-8.
func CheckUTF8(text []byte) error {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return At(i, fmt.Sprintf("byte %02X is not UTF-8: save the file as UTF-8", text[i]))
		}
		i += n
	}
	return nil
}

// OffsetOf is the byte of a text that an error is about; the first where it does not say.
func OffsetOf(err error) int {
	var at *PlaceError
	if errors.As(err, &at) {
		return at.Offset
	}
	return 0
}

// PlaceIn is a file with the line and column of an error in its text.
func PlaceIn(path string, text []byte, err error) string { return PlaceAt(path, text, OffsetOf(err)) }

// PlaceAt is a file with the line and column of a byte of its text.
func PlaceAt(path string, text []byte, offset int) string {
	line, column := LineColumn(text, offset)
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
