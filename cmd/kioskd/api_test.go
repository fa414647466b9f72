package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/ui"
)

// TestAProgramOfTheHost: with a token it follows a driver's session on a real daemon, stops it, and reads what was
// sold; the journal has who did it, and a token that was ended is good for nothing.
func TestAProgramOfTheHost(t *testing.T) {
	t.Parallel() // it mostly waits
	listen := freeAddress(t)
	o := newOperatorWith(t, town.Options{Size: 2, Speed: 300, More: "web: {listen: \"" + listen + "\"}\n"},
		simulator.Faults{})
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	out, code := o.run("token make --by ops --scopes status,reports,control desk")
	token := strings.TrimSpace(out)
	if code != 0 || !strings.HasPrefix(token, "kioskd_") {
		t.Fatalf("%d: %s", code, out)
	}
	if out, code := o.run("token make --by ops desk"); code == 0 || !strings.Contains(out, "has this name already") {
		t.Errorf("%d: %s", code, out)
	}
	opened(ctx, t, listen)
	ask := func(method, path string) (int, string) {
		t.Helper()
		resp := answerTo(ctx, t, method, "http://"+listen+"/api/v1"+path, token)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	ref := o.charge(ctx)
	follow(ctx, t, "http://"+listen, token, ref)
	if status, body := ask("POST", "/sessions/"+ref+"/stop"); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	o.shows(ctx, func(v ui.View) bool { return v.Screen == ui.Final && v.Settled })
	status, body := ask("GET", "/sessions/"+ref)
	if status != 200 || !strings.Contains(body, `"outcome":"sold"`) || !strings.Contains(body, `"end_reason":"remote"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := ask("POST", "/bays/2/close"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if _, body := ask("GET", "/bays/2"); !strings.Contains(body, `"state":"out_of_order"`) ||
		!strings.Contains(body, `"fault":"HO001"`) {
		t.Errorf("%s", body)
	}
	csv, _ := o.run("report revenue --format csv")
	if _, body := ask("GET", "/reports/revenue?format=csv"); body != csv {
		t.Errorf("the API says\n%s\nthe command\n%s", body, csv)
	}
	devices, _ := o.run("report devices --format csv")
	serial := regexp.MustCompile(`(?m)^terminal,[^,]*,(\w+),`).FindStringSubmatch(devices)
	if serial == nil {
		t.Fatal(devices)
	}
	if out, code := o.run("inspect --by ops --serial " + serial[1] + " --found scratches terminal"); code != 0 {
		t.Error(out)
	}
	if out, code := o.run("inspect --by ops --serial 1 bay-9"); code == 0 || !strings.Contains(out,
		"want terminal, or bay") {
		t.Errorf("%d: %s", code, out)
	}
	if out, _ := o.run("report devices --format csv"); !regexp.MustCompile(`(?m)^terminal,.*,ops,.*,scratches\b`).MatchString(
		out) {
		t.Errorf("the inspection is not in the report:\n%s", out)
	}
	security, _ := o.run("report security")
	for _, want := range []string{"token made desk: status reports control", "command", "stop session " + ref,
		"close bay 2"} {
		if !strings.Contains(security, want) {
			t.Errorf("the report on security lacks %q:\n%s", want, security)
		}
	}
	if out, code := o.run("token list"); code != 0 || !strings.Contains(out, "desk") || strings.Contains(out, token) {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("token end --by ops desk"); code != 0 {
		t.Errorf("%d: %s", code, out)
	}
	if status, _ := ask("GET", "/status"); status != http.StatusUnauthorized {
		t.Errorf("a token that was ended is answered with %d", status)
	}
	if journal, _ := o.run("journal export"); strings.Contains(journal, token) {
		t.Error("the token is in the journal")
	}
}

// opened waits until a port is open: a slow machine is no verdict.
func opened(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// answerTo is the answer to a request with a token.
func answerTo(ctx context.Context, t *testing.T, method, url, token string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// follow watches the stream until the session charges.
func follow(ctx context.Context, t *testing.T, base, token, reference string) {
	t.Helper()
	resp := answerTo(ctx, t, http.MethodGet, base+"/api/v1/events", token)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var now struct {
			Bays []struct {
				Reference, State string
				Energy           int64 `json:"energy_wh"`
			}
		}
		if err := json.Unmarshal([]byte(data), &now); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		for _, b := range now.Bays {
			if b.Reference == reference && b.State == "charging" && b.Energy > 0 {
				return
			}
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
}
