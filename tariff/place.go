package tariff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"time"

	"kioskd/strict"
)

// places lists where each value of a JSON text is, by its path, as elements[0].price_components[1], and
// each key, by its path with a dot behind it. A key that is there twice is an error.
func places(text []byte) (map[string]int, error) {
	w := walker{text: text, dec: json.NewDecoder(bytes.NewReader(text)), at: map[string]int{}}
	w.dec.UseNumber()
	if err := w.value(""); err != nil {
		return w.at, err
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return w.at, strict.At(w.next(), "something follows the object")
	}
	return w.at, nil
}

type walker struct {
	text []byte
	dec  *json.Decoder
	at   map[string]int
}

// next is where the next token begins.
func (w *walker) next() int {
	i := int(w.dec.InputOffset())
	for i < len(w.text) && strings.ContainsRune(" \t\r\n,:", rune(w.text[i])) {
		i++
	}
	return i
}

func (w *walker) value(path string) error {
	w.at[path] = w.next()
	t, err := w.dec.Token()
	if err != nil {
		return w.syntax(err)
	}
	switch t {
	case json.Delim('['):
		for i := 0; w.dec.More(); i++ {
			if err := w.value(fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		for seen := map[string]bool{}; w.dec.More(); {
			start := w.next()
			key, err := w.dec.Token()
			if err != nil {
				return w.syntax(err)
			}
			name, _ := key.(string)
			if seen[name] {
				return strict.At(start, fmt.Sprintf("%q is there twice", name))
			}
			seen[name] = true
			below := strings.TrimPrefix(path+"."+name, ".")
			w.at[below+"."] = start
			if err := w.value(below); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	if _, err := w.dec.Token(); err != nil { // what closes it
		return w.syntax(err)
	}
	return nil
}

// comma is a number with a decimal comma.
var comma = regexp.MustCompile(`[0-9]+,[0-9]`)

func (w *walker) syntax(err error) error {
	var s *json.SyntaxError
	at := w.next()
	if errors.As(err, &s) {
		at = int(s.Offset) - 1
	}
	at = min(max(at, 0), len(w.text))
	for at < len(w.text) && strings.ContainsRune(" \t\r\n", rune(w.text[at])) { // the decoder counts what it read
		at++
	}
	for _, m := range comma.FindAllIndex(w.text, -1) {
		if m[0] <= at && at <= m[1] {
			return strict.At(m[0], "a number has a decimal comma: want a point, as in 0.49")
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return strict.At(len(w.text), "the text ends before the object does")
	}
	return strict.At(at, strings.TrimPrefix(err.Error(), "json: "))
}

// wanted is JSON's word for what Go's decoder calls by types of its own.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text in quotes"
	case reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	}
	switch t {
	case reflect.TypeFor[Decimal]():
		return "a number"
	case reflect.TypeFor[time.Time]():
		return "a time"
	}
	return "an object"
}

// decodeError gives an error of the decoder its place and JSON's own words.
func decodeError(err error, text []byte, at map[string]int) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return strict.At(max(0, int(wrong.Offset)-1), fmt.Sprintf("%s is a %s: want %s", wrong.Field, wrong.Value,
			wanted(wrong.Type)))
	}
	what := strings.TrimPrefix(err.Error(), "json: ")
	if name, ok := strings.CutPrefix(what, "unknown field "); ok {
		for path, offset := range at {
			if key := strings.Trim(name, `"`); strings.HasSuffix(path, "."+key+".") || path == key+"." {
				return strict.At(offset, what)
			}
		}
	}
	bad := strict.PlaceError{What: what}
	if m := unread.FindStringSubmatch(what); m != nil {
		for path, offset := range at { // the first: there the decoder stopped
			if decimals.MatchString(path) && bytes.HasPrefix(text[offset:], []byte(m[1])) &&
				(bad.Offset == 0 || offset < bad.Offset) {
				bad = strict.PlaceError{Offset: offset, What: path + ": " + what}
			}
		}
	}
	return &bad
}

// unread is what Decimal says of a text that is no number, and decimals are the fields that hold one.
var (
	unread   = regexp.MustCompile(`(?s)^cannot read (.*) as a (?:plain decimal )?number$`)
	decimals = regexp.MustCompile(
		`(^|\.)(price|vat|before_taxes|after_taxes|preauthorize_amount|(min|max)_(kwh|current|power))$`)
)

// PlaceOf is the byte at which a path of a Problem, or the nearest that is there, begins in a tariff's
// text.
func PlaceOf(text []byte, path string) int {
	at, _ := places(text) // up to the first error
	return nearest(at, path)
}

// nearest is the place of the first of some paths, or of the nearest above it that is there.
func nearest(at map[string]int, paths string) int {
	path, _, _ := strings.Cut(paths, ",")
	for path != "" {
		if offset, ok := at[path]; ok {
			return offset
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return at[""]
}
