package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kioskd/config"
	"kioskd/simulator/town"
	"kioskd/strict"
)

// FuzzConfig reads any file as a configuration. Nothing breaks, each fault has its place, and what is taken
// can be sold by: it has bays, a hold and a price.
func FuzzConfig(f *testing.F) {
	dir := f.TempDir()
	s := &town.Town{Dir: dir, Options: town.Options{Size: 2, Speed: 1, More: "timings: {plug_in: 15s, choose: 30s}\n"}}
	s.Bays = append(s.Bays, nil, nil)
	good := s.YAML()
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "0.49", "0,49", 1)))
	f.Add([]byte(strings.Replace(good, "EUR", "XXX", 2)))
	f.Add([]byte(strings.Replace(good, "hold: \"50.00\"", "hold: -1", 1)))
	f.Add([]byte(strings.Replace(good, "unit: 1", "unit: 0x1FF", 1)))
	f.Add([]byte("bays: [*a]\n"))
	f.Add([]byte("a: &a [*a, *a]\n"))
	f.Add([]byte("\xff\xfe"))
	place := regexp.MustCompile(`:\d+:\d+: `)
	path := filepath.Join(dir, "kioskd.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Read(path)
		var wrong *strict.Error
		switch {
		case errors.As(err, &wrong):
			for _, line := range wrong.Faults {
				if !place.MatchString(line) {
					t.Errorf("a fault without its place: %s", line)
				}
			}
		case err != nil:
			t.Errorf("an error that is no fault of the file: %v", err)
		case len(c.Bays) == 0 || c.Hold.Minor <= 0 || c.Currency == "":
			t.Errorf("taken: %d bays, hold %v", len(c.Bays), c.Hold)
		}
	})
}
