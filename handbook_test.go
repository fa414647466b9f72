package kiosk_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"kioskd"
	"kioskd/ui/text"
)

var updateHandbook = flag.Bool("update-handbook", false, "write the handbook's table of faults anew")

// TestTheHandbookHasEveryFault with the texts that people see at the kiosk.
func TestTheHandbookHasEveryFault(t *testing.T) {
	const path = "docs/handbook.md"
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := texts.Printer("en")
	stops := map[kiosk.Severity]string{kiosk.Warning: "nothing", kiosk.BayDown: "the bay", kiosk.SiteDown: "the site"}
	var want []string
	for _, f := range kiosk.Faults() {
		want = append(want, fmt.Sprintf("| %s | %s | %s | %s | %s |", f.Code, stops[f.Severity], f.Acts,
			p.T(f.Code.TextKey("title")), p.T(f.Code.TextKey("technician"))))
	}
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| --- | --- | --- | --- | --- |\n"
	_, rest, found := strings.Cut(string(doc), "| code | stops | who | what it is | what to do |\n"+head)
	rows, _, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatal("the handbook has no table of faults")
	}
	if *updateHandbook {
		whole := strings.Replace(string(doc), rows, strings.Join(want, "\n"), 1)
		if err := os.WriteFile(path, []byte(whole), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if rows != strings.Join(want, "\n") {
		t.Errorf("the table of faults is not that of the kiosk: go test . -run Handbook -update-handbook; it has\n%s",
			rows)
	}
}
