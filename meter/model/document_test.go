package model_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"kioskd/meter/model"
)

// TestTheDocumentListsEveryModel: docs/meters.md has a row for each, with what its file says.
func TestTheDocumentListsEveryModel(t *testing.T) {
	text, err := os.ReadFile("../../docs/meters.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range builtIn(t) {
		told, verified, signs := "by its registers", "yes", ""
		if m.Told() {
			told = "by a person"
		}
		if m.Unverified != "" {
			verified = "**no**"
		}
		if m.Signed() {
			signs = ", signs"
		}
		parity := map[string]string{"none": "N", "even": "E", "odd": "O"}[m.Line.Parity]
		row := fmt.Sprintf("| %s | %s | %d%s | %d Wh | %s | %d 8%s%d, unit %d | %s |\n", m.Vendor,
			strings.Join(append([]string{m.Name}, m.Also...), ", "), m.Phases, signs, m.Step, told, m.Line.Baud[0],
			parity, m.Line.Stop, m.Line.Unit, verified)
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/meters.md lacks this row:\n%s", row)
		}
	}
}

// TestTheDocumentsExample is a file that the program takes as it stands.
func TestTheDocumentsExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/meters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	m, err := model.Parse("example.yaml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if err := builtIn(t).Admits(m); err != nil {
		t.Error(err)
	}
}
