package sessiontest

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"kioskd"
)

// Golden reads the records of a golden journal (session/testdata/journals), in the order of its lines. Sessions of
// several journals are in one file: their numbers need not follow one another.
func Golden(t testing.TB, path string) (out []kiosk.Record) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Seq     int64
			Session string
			Kind    string
			Body    json.RawMessage
			Token   string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		out = append(out, kiosk.Record{Seq: line.Seq, Session: line.Session, Kind: line.Kind, Body: line.Body,
			Token: line.Token})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
