package backoffice_test

import (
	"database/sql"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/child"
)

// TestAnotherReceiver sends to a receiver in Python that was written from docs/backoffice.md
// alone, and loses every third answer: the judge of our own receiver, and of the document.
func TestAnotherReceiver(t *testing.T) {
	for _, needed := range [][]string{{"zstd", "--version"}, {"/usr/bin/python3", "-c", "import cryptography"}} {
		if err := exec.Command(needed[0], needed[1:]...).Run(); err != nil {
			t.Skipf("skipped: %v: %v", needed, err)
		}
	}
	o, s := newOffice(t), journal(t, filepath.Join(t.TempDir(), "journal.db"))
	fill(t, s, 1500)
	if err := s.Append(ctx, kiosk.Entry{Kind: "odd", Body: []byte(`{"text":"Größe, 充电"}`)},
		kiosk.Entry{Kind: "huge", Body: []byte(`{"x":"` + strings.Repeat("x", 6<<20) + `"}`)}); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 500)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	path := filepath.Join(t.TempDir(), "python.db")
	dir := o.house.Dir
	cmd := child.Command("/usr/bin/python3", "testdata/receiver.py", "--listen", address, "--cert",
		filepath.Join(dir, "server.pem"), "--key", filepath.Join(dir, "server.key"),
		"--ca", filepath.Join(dir, "ca.pem"), "--signer", filepath.Join(dir, "office.key"), "--db", path, "--refuse",
		"odd", "--reset-after", "3")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait() // it was killed
		if t.Failed() {
			t.Log(said.String())
		}
	}()
	sync := newSync(t, s, o.sink(t, "https://"+address), o.house.Public)
	// until it listens, and after each lost answer
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := sync.Drain(ctx)
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if seq, point, err := s.Acked(ctx); err != nil || seq != 2002 || !strings.Contains(point, "— backoffice") {
		t.Errorf("acknowledged %d, %q, %v", seq, point, err)
	}
	if parked, err := s.Parked(ctx); err != nil || len(parked) != 2 || parked[0].Seq != 1501 || parked[1].Seq != 1502 {
		t.Errorf("parked %v, %v", parked, err)
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := int64(0)
	for leaf, err := range s.Leaves(ctx, 1, false) {
		n++
		var line sql.NullString
		if err := errors.Join(err, db.QueryRow("select line from record where seq = ?", n).Scan(&line)); err != nil {
			t.Fatal(err)
		}
		if n != 1501 && n != 1502 && line.String != string(leaf.JSON) {
			t.Fatalf("record %d is %q there, %q here", n, line.String, leaf.JSON)
		}
	}
	if n != 2002 {
		t.Errorf("%d records", n)
	}
}
