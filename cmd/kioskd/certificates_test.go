package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"kioskd/simulator"
	"kioskd/simulator/town"
)

// TestSellingWithoutCertificates: what the uplink needs is missing, and a driver charges.
func TestSellingWithoutCertificates(t *testing.T) {
	t.Parallel() // it mostly waits
	b := newBureau(t)
	uplink := b.enrolled("")
	key := filepath.Join(b.dir, "kiosks", "K-0042", "kiosk.key")
	kept, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(b.dir, "kiosks", "K-0042", "ca.pem")
	authority, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(ca); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := newOperatorWith(t, town.Options{Size: 1, Speed: 300, More: uplink}, simulator.Faults{})
	o.until("backoffice status --format json", `"state":"client".*ca.pem: no such file`)
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	ref := o.charge(ctx)
	if out, code := o.run("session stop --by ops " + ref); code != 0 {
		t.Fatalf("%d: %s", code, out)
	}
	b.start()
	if err := os.WriteFile(ca, authority, 0o600); err != nil { // a technician was here
		t.Fatal(err)
	}
	o.until("backoffice status --format json", `"state":"client".*the kiosk's own credentials`)
	if err := os.WriteFile(key, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	o.reached()
}
