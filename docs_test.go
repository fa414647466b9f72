package kiosk_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentsNameWhatIsThere: a test that a document names as a proof exists, in a package of the name before it.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)`)
	tests := map[string][]string{} // name to folders
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(src), -1) {
			tests[m[1]] = append(tests[m[1]], filepath.Dir(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob("docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("documents: %v, %v", documents, err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	folder, name := regexp.MustCompile(`^[a-z/-]+$`), regexp.MustCompile(`^(Test|Fuzz|Benchmark)\w+$`)
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			in := ""
			for _, m := range quoted.FindAllStringSubmatch(line, -1) {
				switch {
				case folder.MatchString(m[1]):
					in = m[1]
				case name.MatchString(m[1]) && !within(tests[m[1]], in):
					t.Errorf("%s:%d: %s is not in %q but in %q", path, n+1, m[1], in, tests[m[1]])
				}
			}
		}
	}
}

// within tells whether one of the folders is of a name; without a name, whether there is one.
func within(folders []string, name string) bool {
	for _, f := range folders {
		if name == "" || f == name || strings.HasSuffix(f, "/"+name) || f == "." && name == "kiosk" {
			return true
		}
	}
	return false
}
