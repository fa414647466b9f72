package screens

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kioskd/ui"
)

// Canned is a view that was put by.
type Canned struct {
	Name string
	View ui.View
}

// ReadViews reads the whole views of a folder, a JSON file each, by their names.
func ReadViews(dir string) ([]Canned, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []Canned
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		c := Canned{Name: strings.TrimSuffix(filepath.Base(name), ".json")}
		strict := json.NewDecoder(bytes.NewReader(data))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&c.View); err != nil {
			return nil, fmt.Errorf("cannot read view %s: %w", name, err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there are no views in %s", dir)
	}
	return out, nil
}
