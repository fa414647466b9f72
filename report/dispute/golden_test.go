package dispute_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// line is one of a golden journal.
type line struct {
	Session, Kind string
	Body          json.RawMessage
}

func golden(t *testing.T, name string) (out []line) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

func keys(m map[string]bool) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}
