package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/ui"
)

// TestOthersAreTold: a real daemon tells a program of a driver's session, in order and signed, as the library of
// Standard Webhooks verifies it, and of a bay that the host closes.
func TestOthersAreTold(t *testing.T) {
	t.Parallel() // it mostly waits
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	path := filepath.Join(t.TempDir(), "shop.secret")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	judge, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	type event struct {
		Type string `json:"type"`
		Data struct {
			Reference string `json:"reference"`
			Outcome   string `json:"outcome"`
			Code      string `json:"code"`
			Bay       int    `json:"bay"`
		} `json:"data"`
	}
	told, wrong := make(chan event, 100), make(chan error, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var e event
		if err := errors.Join(err, judge.Verify(body, r.Header), json.Unmarshal(body, &e)); err != nil {
			wrong <- err
		}
		told <- e
	}))
	t.Cleanup(server.Close)
	o := newOperatorWith(t, town.Options{Size: 2, Speed: 300, More: "webhooks:\n- {name: shop, url: \"" + server.URL +
		"\", private: true, secret: " + path + ", types: [session.started, session.ended, session.settled, " +
		"fault.raised]}\n"}, simulator.Faults{})
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	next := func(kind string) event {
		t.Helper()
		for {
			select {
			case err := <-wrong:
				t.Fatal(err)
			case e := <-told:
				if e.Type == kind {
					return e
				}
				if !strings.HasPrefix(e.Type, "fault.") {
					t.Fatalf("told %+v, want %s", e, kind)
				}
			case <-ctx.Done():
				t.Fatalf("not told of %s: %v", kind, ctx.Err())
			}
		}
	}
	ref := o.charge(ctx)
	if e := next("session.started"); e.Data.Reference != ref || e.Data.Outcome != "open" {
		t.Errorf("%+v", e)
	}
	if out, code := o.run("session stop " + ref); code != 0 {
		t.Fatal(out)
	}
	o.shows(ctx, func(v ui.View) bool { return v.Screen == ui.Final && v.Settled })
	if e := next("session.ended"); e.Data.Reference != ref {
		t.Errorf("%+v", e)
	}
	if e := next("session.settled"); e.Data.Reference != ref || e.Data.Outcome != "sold" {
		t.Errorf("%+v", e)
	}
}
