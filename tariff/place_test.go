package tariff_test

import (
	"errors"
	"strings"
	"testing"

	"kioskd/strict"
	"kioskd/tariff"
)

// TestErrorsHaveAPlace: each has the line and the column of what is wrong, and words that a host
// understands.
func TestErrorsHaveAPlace(t *testing.T) {
	wrap := func(component string) string {
		return "{\n \"currency\": \"EUR\",\n \"elements\": [\n  {\"price_components\": [" + component + "]}\n ]\n}"
	}
	for text, c := range map[string]struct {
		line, column int
		what         string
	}{
		wrap(`{"type":"ENERGY","price":0,49}`):              {4, 49, "decimal comma"},
		wrap(`{"type":"ENERGY","price":0.39,"price":0.59}`): {4, 54, `"price" is there twice`},
		wrap(`{"type":"ENERGY","prize":0.39}`):              {4, 41, `unknown field "prize"`},
		wrap(`{"type":"ENERGY","price":1e9}`):               {4, 49, "plain decimal number"},
		wrap(`{"type":"ENERGY","price":-1}`):                {4, 24, "price is negative"},
		wrap(`{"type":"ENERGY","price":1,"step_size":"1"}`): {4, 65, "want a whole number"},
		wrap(`{"type":7,"price":1}`):                        {4, 32, "want a text in quotes"},
		wrap(`{"type":"ENERGY","price":1}`) + "}":           {6, 2, ""},
		wrap(`{"type":"ENERGY","price":1`):                  {4, 51, ""},
		"{\"currency\": \"EUR\",\n \"id\": \"K\xe4se\"}":    {2, 10, "UTF-8"},
		"": {1, 1, "ends before"},
	} {
		_, err := tariff.Parse([]byte(text))
		var at *strict.PlaceError
		if !errors.As(err, &at) {
			t.Errorf("%s: %v has no place", text, err)
			continue
		}
		line, column := strict.LineColumn([]byte(text), at.Offset)
		if line != c.line || c.column-2 > column || column > c.column+1 || !strings.Contains(err.Error(), c.what) ||
			strings.Contains(err.Error(), "tariff.") {
			t.Errorf("%s\n%d:%d: %v; want %d:%d and %q", text, line, column, err, c.line, c.column, c.what)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add([]byte(energyOnly), "elements[0].price_components[0]")
	f.Fuzz(func(t *testing.T, text []byte, path string) {
		if at := tariff.PlaceOf(text, path); at < 0 || at > len(text) {
			t.Errorf("place %d of %d bytes", at, len(text))
		}
		_, err := tariff.Parse(text)
		var at *strict.PlaceError
		if errors.As(err, &at) && (at.Offset < 0 || at.Offset > len(text)) {
			t.Errorf("%v is at %d of %d bytes", err, at.Offset, len(text))
		}
	})
}
