package site

import (
	"archive/zip"
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kioskd"
	"kioskd/api"
	"kioskd/config"
	"kioskd/receipt"
	"kioskd/session"
)

// TestMoneyIsGivenBack in parts, never more than was taken, in the currency in which it was taken, also after a
// restart. What is refused writes nothing down.
func TestMoneyIsGivenBack(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 30*time.Minute)
		paid := w.till.booked[0]
		back := func(amount string) (api.Refunded, error) {
			return w.office.Refund(w.Context(), x.Reference, amount, "host", "the cable was too short")
		}
		refused := func() {
			w.Helper()
			for _, amount := range []string{"", "0", "0.00", "-1.00", "1.005", "1,00", "1.00 EUR", "1.00 USD", "NaN",
				"1e1", "99999999999999999999", kiosk.Money{Minor: paid.Minor + 1, Currency: "EUR"}.Decimal()} {
				if got, err := back(amount); err == nil {
					w.Errorf("%q of %v is given back: %+v", amount, paid, got)
				}
			}
		}
		refused()
		if n := len(w.records(session.Refunded)); n != 0 {
			w.Errorf("%d refunds are written down", n)
		}
		for i := range int64(2) { // the same request twice gives back twice
			got, err := back("0.50")
			if want := paid.Minor - 50*(i+1); err != nil || got.Refunded != eur(50) || got.Left != eur(want) ||
				got.Reference != x.Reference {
				w.Errorf("%+v, %v, want %d cents left", got, err, want)
			}
		}
		w.restart()
		if _, err := back(paid.Decimal()); err == nil || !strings.Contains(err.Error(), eur(paid.Minor-100).String()) {
			w.Errorf("after a restart the whole is given back once more, or it is not said what is left: %v", err)
		}
		refused()
		if got, err := back(eur(paid.Minor - 100).Decimal()); err != nil || got.Left.Minor != 0 {
			w.Errorf("what is left gives %+v, %v", got, err)
		}
		if got, err := back("0.01"); err == nil {
			w.Errorf("more than was taken is given back: %+v", got)
		}
		r, err := receipt.From(w.Context(), w.journal.Session(w.Context(), x.ID), w.journal.TreeHash)
		if err != nil || r.Refunded == nil || *r.Refunded != paid || r.Paid != paid {
			w.Errorf("the receipt says %v was paid and %v given back, %v", r.Paid, r.Refunded, err)
		}
		sum := int64(0)
		for _, e := range w.records(session.Refunded) {
			b := e.Body.(session.RefundBody)
			sum += b.Amount.Minor
			if b.By != "host" || b.Note != "the cable was too short" || b.Amount.Currency != "EUR" {
				w.Errorf("a refund is written down as %+v", b)
			}
		}
		if sum != paid.Minor {
			w.Errorf("%d cents are written down as given back, of %v", sum, paid)
		}
	})
}

// TestNothingIsGivenBackThatWasNotTaken: of a session that is not known, charges, waits for its bank, or was free.
func TestNothingIsGivenBackThatWasNotTaken(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		back := func(reference string) error {
			_, err := w.office.Refund(w.Context(), reference, "0.01", "host", "")
			return err
		}
		if err := back("7GK2M4Q"); err == nil || !strings.Contains(err.Error(), "no such session") {
			w.Errorf("of a session that never was: %v", err)
		}
		running := w.charges(1)
		if err := back(running.Reference); err == nil {
			w.Error("of a session that charges")
		}
		w.till.refuses = &kiosk.Declined{Class: kiosk.DeclineHost, Code: "6E"}
		waits := w.sells(2, 5*time.Minute)
		if err := back(waits.Reference); err == nil {
			w.Error("of a session whose bank has not booked")
		}
		if got := w.desk.Do(w.Context(), "host", "free:2"); got.Key != "free.ok" {
			w.Errorf("%+v", got)
		}
		w.wait(10 * time.Second)
		granted := w.records(session.BayLease)
		free := granted[len(granted)-1].Body.(session.LeaseBody).Reference
		w.boxes[2].set(func(b *box) { b.plugged = true })
		w.wait(5 * time.Minute)
		w.boxes[2].set(func(b *box) { b.plugged = false })
		w.wait(5 * time.Minute)
		if err := back(free); err == nil {
			w.Error("of a session that cost nothing")
		}
		if n := len(w.records(session.Refunded)); n != 0 {
			w.Errorf("%d refunds are written down", n)
		}
	})
}

// TestManyGiveBackAtOnce: of refunds that come at the same moment as many are taken as there is money for.
func TestManyGiveBackAtOnce(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 30*time.Minute)
		paid := w.till.booked[0]
		third := eur(paid.Minor / 3).Decimal()
		var g sync.WaitGroup
		var mu sync.Mutex
		good := 0
		for range 8 {
			g.Go(func() {
				_, err := w.office.Refund(w.Context(), x.Reference, third, "host", "")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					good++
				}
			})
		}
		g.Wait()
		if n := len(w.records(session.Refunded)); good != 3 || n != 3 {
			w.Errorf("%v of a third of %v was given back %d times, and written down %d times", third, paid, good, n)
		}
	})
}

// unpacked are the parts of an archive.
func unpacked(t testing.TB, name string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	parts := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(text)
	}
	return parts
}

// TestTheExportForATechnician has five parts that can be read, what is open among them, and no secret: no password, no
// code, nothing that recognises a card.
func TestTheExportForATechnician(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		w.sells(1, 5*time.Minute)
		w.till.refuses = &kiosk.Declined{Class: kiosk.DeclineHost, Code: "6E"}
		waits := w.sells(2, 5*time.Minute)
		lines := NewLogLines(slog.NewTextHandler(io.Discard, nil))
		slog.New(lines).Warn("the bus is slow", "bay", 2)
		w.desk.log = lines.Kept
		name := filepath.Join(w.TempDir(), "export.zip")
		if err := w.desk.writeExport(w.Context(), name); err != nil {
			w.Fatal(err)
		}
		parts := unpacked(w, name)
		for part, text := range parts {
			for _, secret := range []string{w.c.Terminal.Password, "token-of-a-card", w.c.Rules.Code(waits.ID)} {
				alone := regexp.MustCompile(`[^\w.]` + secret + `\b`) // four digits may be part of any number
				if secret != "" && alone.MatchString(text) {
					w.Errorf("%s tells %q", part, secret)
				}
			}
		}
		seq := int64(0)
		for line := range strings.Lines(parts["journal.jsonl"]) {
			var r kiosk.Record
			seq++
			if err := json.Unmarshal([]byte(line), &r); err != nil || r.Seq != seq || r.Kind == "" {
				w.Errorf("as record %d comes %q: %v", seq, line, err)
			}
		}
		if n, err := w.journal.Seq(w.Context()); err != nil || n != seq {
			w.Errorf("%d records of %d, %v", seq, n, err)
		}
		var open []receipt.OpenItem
		if err := json.Unmarshal([]byte(parts["open.json"]), &open); err != nil || len(open) != 1 ||
			open[0].Reference != waits.Reference {
			w.Errorf("what is open is %s, %v", parts["open.json"], err)
		}
		var found []api.Finding
		if err := json.Unmarshal([]byte(parts["devices.json"]), &found); err != nil || len(found) < 3 {
			w.Errorf("the devices say %s, %v", parts["devices.json"], err)
		}
		if !strings.Contains(parts["log.txt"], "WARN the bus is slow bay=2") {
			w.Errorf("the log is %q", parts["log.txt"])
		}
		if _, there := parts["parked.json"]; !there || len(parts) != 5 {
			w.Errorf("the parts are %d", len(parts))
		}
	})
}

// TestAStickThatIsNotThere: nothing is written to the computer's own disk in its place.
func TestAStickThatIsNotThere(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		for _, dir := range []string{w.TempDir(), filepath.Join(w.TempDir(), "gone")} {
			w.c.ExportTo = dir
			got := w.desk.Do(w.Context(), "technician", "export")
			if got.Key != "staff.failed" || !strings.Contains(argument(w, got, "Why").Text, dir) {
				w.Errorf("the export says %+v", got)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
				w.Errorf("it left %q, %v", left, err)
			}
		}
	})
}

// TestReleasingAHold gives back what the terminal lists and no session owns; what is not there or is a session's is
// refused, and nothing is booked.
func TestReleasingAHold(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		o := w.desk.owner
		x := w.charges(1)
		if _, err := o.Release(w.Context(), x.Hold.ID); err == nil || !strings.Contains(err.Error(), x.Reference) {
			w.Errorf("the hold of a session that charges: %v", err)
		}
		if _, err := o.Release(w.Context(), "0777"); err == nil || !strings.Contains(err.Error(), "0777") {
			w.Errorf("a hold that is not there: %v", err)
		}
		w.till.mu.Lock()
		w.till.open = append(w.till.open, "0815")
		w.till.mu.Unlock()
		holds, err := o.Pending(w.Context())
		if err != nil || len(holds.Receipts) != 2 || !holds.Complete {
			w.Errorf("open are %+v, %v", holds, err)
		}
		got, err := o.Release(w.Context(), "0815")
		if err != nil || got.Receipt != "0815" {
			w.Errorf("a hold that no session owns: %+v, %v", got, err)
		}
		if len(w.till.booked) != 1 || w.till.booked[0].Minor != 0 || len(w.till.open) != 1 {
			w.Errorf("booked are %v, open %v", w.till.booked, w.till.open)
		}
		if found := w.records(session.HoldFound); len(found) != 1 || len(w.records(session.ReleaseDone)) != 1 {
			w.Errorf("the journal has %+v", found)
		}
	})
}

// TestStoppingASession by a person: their name is written down, none and a driver's are not taken, and others go on.
func TestStoppingASession(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		o := w.desk.owner
		first, second := w.charges(1), w.charges(2)
		for _, by := range []string{"", "screen", "code", "card"} {
			if _, err := o.Stop(w.Context(), first.Reference, by); err == nil {
				w.Errorf("it is stopped as if the driver had: %s", by)
			}
		}
		if _, err := o.Stop(w.Context(), "0000000", "ops"); err == nil || !strings.Contains(err.Error(), "0000000") {
			w.Errorf("a session that never was: %v", err)
		}
		if got, err := o.Stop(w.Context(), first.Reference, "ops"); err != nil || !got.Done {
			w.Errorf("%+v, %v", got, err)
		}
		w.wait(time.Minute)
		stops := w.records(session.StopIntent)
		if len(stops) != 1 || stops[0].Session != first.ID || stops[0].Body.(session.StopBody).By != "ops" ||
			stops[0].Body.(session.StopBody).Reason != session.ReasonRemote {
			w.Errorf("the stops are %+v", stops)
		}
		if w.boxes[1].closed || !w.boxes[2].closed {
			w.Error("the wrong contactor is open")
		}
		waiting, err := o.Drain(w.Context(), true)
		if err != nil || len(waiting.Waiting) != 1 || waiting.Waiting[0] != second.Reference {
			w.Errorf("an update waits for %+v, %v", waiting, err)
		}
		if _, err := w.control.Choose(w.Context(), 1); err == nil {
			w.Error("it sells although an update waits")
		}
		if waiting, err := o.Drain(w.Context(), false); err != nil || len(waiting.Waiting) != 1 {
			w.Errorf("%+v, %v", waiting, err)
		}
		for _, free := range []func(){func() {}, func() {
			if _, err := o.Drain(w.Context(), true); err != nil {
				w.Error(err)
			}
			w.restart() // which ends it
		}} {
			w.boxes[1].set(func(b *box) { b.plugged = false })
			free()
			if _, err := w.control.Choose(w.Context(), 1); err != nil {
				w.Errorf("it does not sell again: %v", err)
			}
			w.wait(5 * time.Minute) // the visitor leaves
		}
	})
}

// TestAHoldBeyondTheFirst can be released where the terminal names only its first: a number that is not on a list that
// is not complete may be open. Without a daemon it can.
func TestAHoldBeyondTheFirst(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		w.charges(1)
		w.till.mu.Lock()
		w.till.open, w.till.short = append(w.till.open, "0815"), true
		w.till.mu.Unlock()
		without := direct{t: w.till, c: &config.Config{Journal: w.TempDir() + "/none.db"}}
		if _, err := w.desk.owner.Release(w.Context(), "0815"); err != nil {
			w.Errorf("through the daemon: %v", err)
			_, err = without.Release(w.Context(), "0815")
			w.Logf("without one: %v", err)
		}
		if len(w.till.open) != 1 || len(w.till.booked) != 1 || w.till.booked[0].Minor != 0 {
			w.Errorf("open are %v, booked %v", w.till.open, w.till.booked)
		}
	})
}
