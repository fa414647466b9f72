package town

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kioskd/ui"
	"kioskd/ui/text"
)

// TestEveryScreenIsToldWhole: what the terminal prints of a screen has every place of its text filled.
func TestEveryScreenIsToldWhole(t *testing.T) {
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../ui/screens/testdata/views/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d views: %v", len(files), err)
	}
	n := &narrator{texts: texts}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v ui.View
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		if v.Screen == ui.Price && len(v.Prices) == 0 {
			t.Fatalf("%s has no price", file)
		}
		if line := n.line(v); strings.Contains(line, "<no value>") {
			t.Errorf("%s: %s", filepath.Base(file), line)
		}
	}
}
