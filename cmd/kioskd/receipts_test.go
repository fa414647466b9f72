package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"kioskd/receipt/page/browser"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/ui"
)

// TestADriverTakesTheReceiptAway: the code on the last screen opens the receipt on a telephone, while the kiosk reaches
// no network; once the back office has the session, the code is short, and the back office shows the same receipt.
func TestADriverTakesTheReceiptAway(t *testing.T) {
	t.Parallel() // it mostly waits
	b, l := newBureau(t), freeAddress(t)
	b.flags = []string{"--receipts", "tcp://" + l}
	o := newOperatorWith(t, town.Options{Size: 1, Speed: 300, More: b.enrolled("") +
		"receipts: {url: https://pay.example/r/, short: https://office.example/r}\ntimings: {receipt: 5m}\n"},
		simulator.Faults{})
	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	ref := o.charge(ctx)
	o.shows(ctx, func(v ui.View) bool { return v.Cost.Minor >= 20 })
	if out, code := o.run("session stop --by ops " + ref); code != 0 {
		t.Fatal(out)
	}
	link := ""
	o.shows(ctx, func(v ui.View) bool {
		link = v.Code
		return v.Screen == ui.Final && v.Settled && len(v.Items) > 0
	})
	digits, ok := strings.CutPrefix(link, "https://pay.example/r/#")
	if !ok {
		t.Fatalf("the code on the last screen is %q", link)
	}
	dir := t.TempDir()
	if out, code := o.run("receipts page --output " + filepath.Join(dir, "r")); code != 0 {
		t.Fatal(out)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	receipt, _ := o.run("receipt --language en " + ref)
	paid := receipt[strings.Index(receipt, "Paid by card"):]
	paid = strings.Fields(strings.SplitN(paid, "\n", 2)[0])[3]
	dom, console := browser.Open(t, web.URL+"/r/#"+digits)
	for _, want := range []string{"Genuine: signed by the kiosk", "Demo Charging", "VAT ID DE123456789", ref, paid} {
		if got := browser.Words(dom); !strings.Contains(got, want) {
			t.Errorf("the page has no %q: %s\n%s", want, got, console)
		}
	}
	if out, code := o.run("journal verify --receipt " + link); code != 0 || !strings.Contains(out, "the receipt fits") {
		t.Errorf("%d: %s", code, out)
	}

	b.start()
	o.reached()
	o.shows(ctx, func(v ui.View) bool {
		link = v.Code
		return v.Screen == ui.Final && strings.HasPrefix(v.Code, "https://office.example/r/")
	})
	session := strings.TrimPrefix(link, "https://office.example/r/")
	dom, console = browser.Open(t, "http://"+l+"/r/"+session)
	for _, want := range []string{"From the seller’s records", "Demo Charging", ref, paid} {
		if got := browser.Words(dom); !strings.Contains(got, want) {
			t.Errorf("the back office's page has no %q: %s\n%s", want, got, console)
		}
	}
	dom, _ = browser.Open(t, "http://"+l+"/r/#"+digits) // the office serves the page for both
	if got := browser.Words(dom); !strings.Contains(got, "Genuine: signed by the kiosk") {
		t.Errorf("the back office's list does not know the kiosk: %s", got)
	}
	dom, _ = browser.Open(t, "http://"+l+"/r/01M8MJNN5Y7SF1QW76DAHPA95V")
	if got := browser.Words(dom); !strings.Contains(got, "This link is damaged") {
		t.Errorf("a session that is not there: %s", got)
	}
}

// freeAddress is an address on which no program listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
