// Package browser lets tests look at a page in a real browser, Chromium, as wide as a telephone.
package browser

import (
	"html"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Open opens an address in a browser as wide as a telephone, and returns what stands on the page then. The browser
// says on its console what the page's policy forbids.
func Open(t testing.TB, address string) (seen, console string) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("skipped: no browser (package chromium)")
	}
	var said strings.Builder
	cmd := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--window-size=390,844", "--enable-logging=stderr", "--log-level=0",
		"--virtual-time-budget=20000", "--dump-dom", address)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, "CONSOLE") {
			console += line
		}
	}
	return string(out), console
}

// Words are what a person reads of a page.
func Words(dom string) string {
	_, dom, _ = strings.Cut(dom, "<main")
	dom, _, _ = strings.Cut(dom, "</main>")
	text := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(dom, " "))
	return strings.Join(strings.Fields(text), " ") // a no-break space is one, too
}
