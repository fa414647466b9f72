package site

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/receipt"
	"kioskd/session"
	"kioskd/store"
)

// bureau is a back office at the other end of a wire that carries every batch at once.
type bureau struct {
	mu      sync.Mutex
	signer  note.Signer
	kiosk   note.Verifier
	trouble error // what becomes of a batch in place of an answer
	refuses string
	says    []string // instructions, signed
	seq     int64
}

func (b *bureau) Traffic() backoffice.Traffic { return backoffice.Traffic{} }
func (b *bureau) Close() error                { return nil }

func (b *bureau) Send(_ context.Context, batch backoffice.Batch) (a backoffice.Answer, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trouble != nil {
		return a, b.trouble
	}
	for _, l := range batch.Leaves {
		b.seq = max(b.seq, l.Seq)
		if b.refuses != "" && l.Kind == b.refuses {
			a.Refused = append(a.Refused, kiosk.Refusal{Seq: l.Seq, Why: "no such kind here"})
		}
	}
	n, err := note.Open([]byte(batch.Checkpoint), note.VerifierList(b.kiosk))
	if err != nil {
		return a, err
	}
	signed, err := note.Sign(n, b.signer)
	a.Epoch, a.Seq, a.Checkpoint, a.Instructions, a.Time = batch.Epoch, b.seq, string(signed), b.says, time.Now()
	return a, err
}

func (b *bureau) set(change func(*bureau)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b)
}

// newBureau makes a back office, and what a kiosk's configuration says of it.
func newBureau(t *testing.T) (*bureau, string) {
	t.Helper()
	secret, public, err := backoffice.NewKey("backoffice")
	if err != nil {
		t.Fatal(err)
	}
	signer, _, err := backoffice.OfSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &bureau{signer: signer}, "backoffice: {url: https://office.example:8443/, ca: ca.pem, " +
		"certificate: kiosk.pem, key: kiosk.key, signer: " + public + ", every: 1m, late: 1h}\n"
}

// connects lets the keeper run, with a way to a back office.
func (w *world) connects(b *bureau) {
	w.Helper()
	secret, public, err := backoffice.NewKey(w.c.KioskID)
	if err != nil {
		w.Fatal(err)
	}
	signer, _, err := backoffice.OfSecret(secret)
	if err != nil {
		w.Fatal(err)
	}
	b.kiosk, err = note.NewVerifier(public)
	if err != nil {
		w.Fatal(err)
	}
	w.keep.up = newUplink(w.clock.Now(), func() (*backoffice.Sync, error) {
		return backoffice.New(backoffice.Config{Kiosk: w.c.KioskID, Outbox: w.journal, Sink: b, Signer: signer,
			Key: public, Office: w.c.Uplink.Office, Every: w.c.Uplink.Every, Now: w.clock.Now,
			Instruct: w.runner.Instruct, Log: QuietLog()}), nil
	})
	w.keep.do, w.office.up, w.desk.up = w.runner, w.keep.up, w.keep.up
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); w.keep.run(ctx) }()
	end := w.end
	w.end = func() { cancel(); <-ended; end() }
	w.wait(time.Minute)
}

// becomes changes the back office, lets the kiosk try at once, and waits until the keeper has looked.
func (w *world) becomes(b *bureau, change func(*bureau)) {
	b.set(change)
	w.keep.up.Hurry()
	w.wait(30 * time.Second)
}

func fails(c backoffice.Class) func(*bureau) {
	return func(b *bureau) { b.trouble = &backoffice.Trouble{Class: c, Err: errors.New("a " + string(c))} }
}

func works(b *bureau) { b.trouble, b.refuses = nil, "" }

// warned expects these of the keeper's faults and no other, and that selling goes on.
func (w *world) warned(when string, want ...kiosk.FaultCode) {
	w.Helper()
	for _, code := range []kiosk.FaultCode{"BO001", "BO002", "BO003", "BO004", "DB002", "SW002"} {
		if should := slices.Contains(want, code); w.raised(code, 0) != should {
			w.Errorf("%s: %s is raised: %v", when, code, !should)
		}
	}
	if _, down := w.control.Snapshot().State.Down(1); down {
		w.Errorf("%s: a bay does not sell", when)
	}
}

// TestFaultsOfTheBackOffice: silence is a fault after the time that the host set, another history and refused records
// are at once. None of them is told as another, and none ends while its cause is there.
func TestFaultsOfTheBackOffice(t *testing.T) {
	b, section := newBureau(t)
	inWorld(t, plainConfig(t, section), noon, func(w *world) {
		w.connects(b)
		w.warned("connected")
		if n, err := w.journal.Backlog(w.Context()); err != nil || n > 5 {
			w.Errorf("%d records are not sent, %v", n, err)
		}
		w.becomes(b, fails(backoffice.Unreachable))
		w.wait(55 * time.Minute)
		w.warned("away for less than an hour")
		w.wait(10 * time.Minute)
		w.warned("away for more than an hour", "BO001")
		w.becomes(b, works)
		w.warned("back")
		w.becomes(b, fails(backoffice.Conflict))
		w.warned("another history", "BO003")
		w.wait(2 * time.Hour)
		w.warned("another history for long", "BO003")
		w.becomes(b, fails(backoffice.Unreachable))
		if !w.raised("BO003", 0) {
			w.Error("a network that is away proves that the histories are one")
		}
		w.becomes(b, works)
		w.warned("one history again")
	})
}

// TestRecordsThatAreRefused are parked, a warning, and sent again when a person says so; they block nothing.
func TestRecordsThatAreRefused(t *testing.T) {
	b, section := newBureau(t)
	inWorld(t, plainConfig(t, section), noon, func(w *world) {
		w.connects(b)
		w.becomes(b, func(b *bureau) { b.refuses = string(session.BayLease) })
		w.sells(1, 5*time.Minute)
		w.wait(2 * time.Minute)
		w.warned("refused", "BO002")
		said, err := w.office.Office(w.Context())
		if err != nil || len(said.Parked) != 1 || said.Backlog < 1 || said.Parked[0].Why != "no such kind here" {
			w.Errorf("the back office's state is %+v, %v", said, err)
		}
		if got := w.desk.Do(w.Context(), "technician", "upagain"); got.Key != "staff.done" {
			w.Errorf("sending again says %+v", got)
		}
		w.wait(time.Minute)
		w.warned("refused once more", "BO002")
		w.becomes(b, works)
		if _, err := w.office.SendAgain(w.Context()); err != nil {
			w.Error(err)
		}
		w.wait(time.Minute)
		w.warned("taken")
	})
}

// TestWhoseInstructionsAreDone: only those that the configured key signed, for this kiosk, and that end.
func TestWhoseInstructionsAreDone(t *testing.T) {
	b, section := newBureau(t)
	inWorld(t, plainConfig(t, section), noon, func(w *world) {
		secret, _, err := backoffice.NewKey("backoffice")
		if err != nil {
			w.Fatal(err)
		}
		stranger, _, err := backoffice.OfSecret(secret)
		if err != nil {
			w.Fatal(err)
		}
		sign := func(in kiosk.Instruction, by note.Signer) string {
			text, err := backoffice.SignInstruction(in, by)
			if err != nil {
				w.Fatal(err)
			}
			return text
		}
		other := w.order("W1", kiosk.TaskCloseBay, atBay(1))
		other.Kiosk = "K-2"
		endless := w.order("W2", kiosk.TaskCloseBay, atBay(1))
		endless.Expires = time.Time{}
		forged := w.order("W3", kiosk.TaskCloseBay, atBay(1))
		changed := strings.Replace(sign(w.order("W4", kiosk.TaskCloseBay, atBay(2)), b.signer), `"bay":2`, `"bay":1`, 1)
		good := w.order("W5", kiosk.TaskCloseBay, atBay(2))
		b.says = []string{sign(other, b.signer), sign(endless, b.signer), sign(forged, stranger), changed, "", "\x00",
			sign(good, b.signer)}
		w.connects(b)
		w.wait(5 * time.Minute) // they come with each answer
		if w.raised("HO001", 1) || !w.raised("HO001", 2) {
			w.Error("the wrong bay is closed")
		}
		if n := len(w.records(session.InstructionTaken)); n != 1 || len(w.records(session.InstructionRefused)) != 0 {
			w.Errorf("%d instructions are taken", n)
		}
		if taken, came := w.cameOf("W5"); taken != 1 || len(came) != 1 {
			w.Errorf("the good one is taken %d times, and came to %+v", taken, came)
		}
	})
}

// TestADiskThatFills stops selling before a session could not be written down to its end, lets those who charge go on,
// and sells again only with room to spare.
func TestADiskThatFills(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		free, err := w.keep.free(w.Context())
		if err != nil || free < 1000*Megabyte {
			w.Skipf("%d bytes are free here: %v", free, err)
		}
		x := w.charges(1)
		reserve := func(part float64) {
			w.c.Keep.Reserve = int(part * float64(free) / Megabyte)
			w.keep.inspect(w.Context())
			w.wait(time.Second)
		}
		for _, c := range []struct {
			part float64
			full bool
		}{{0.9, false}, {1.1, true}, {0.9, true}, {0.7, false}, {0.9, false}} {
			reserve(c.part)
			_, err := w.control.Choose(w.Context(), 2)
			if w.raised("DB002", 0) != c.full || c.full && err == nil {
				w.Errorf("with %.1f of the free disk wanted it is full: %v; a bay is sold: %v", c.part, !c.full, err)
			}
		}
		reserve(2)
		w.wait(5 * time.Minute)
		if now := w.control.Snapshot().State.Sessions[x.ID]; now.Power != session.Charging {
			w.Errorf("who charges is stopped: %s", now.Power)
		}
		raised := w.records(session.FaultRaised)
		if why := raised[len(raised)-1].Failure(); !strings.Contains(why, "MB") {
			w.Errorf("the record says %q", why)
		}
	})
}

// TestCardsAreForgotten after thirty days, by a clock that is right; who comes back before finds their receipt.
func TestCardsAreForgotten(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		x := w.sells(1, 10*time.Minute)
		days := func(n int) {
			w.end()
			time.Sleep(time.Until(noon.AddDate(0, 0, n)))
			w.start()
		}
		finds := func(want bool) {
			w.Helper()
			if err := w.keep.forget(w.Context()); err != nil {
				w.Error(err)
			}
			old, err := newArchive(w.c, w.journal, w.control, w.till)
			if err != nil {
				w.Fatal(err)
			}
			got, err := old.ByCard(w.Context())
			if err != nil || (len(got) == 1) != want || want && got[0].Reference != x.Reference {
				w.Errorf("after %v the card finds %+v, %v", w.clock.Now().Sub(noon), got, err)
			}
			if got, err := old.ByKeys(w.Context(), kiosk.PhoneKeys(x.Reference)); err != nil || len(got) != 1 {
				w.Errorf("its code finds %+v, %v", got, err)
			}
		}
		finds(true)
		days(29)
		finds(true)
		w.synced.Store(false)
		days(32)
		finds(true) // it is not known what day it is
		w.synced.Store(true)
		w.wait(5 * time.Second)
		finds(false)
		if v, err := w.journal.Verify(w.Context(), func(int64) {}); err != nil || v.Records == 0 {
			w.Errorf("what was forgotten is missed: %+v, %v", v, err)
		}
		for r, err := range w.journal.Records(w.Context(), 1) {
			if err != nil {
				w.Fatal(err)
			}
			if strings.Contains(string(r.Body), "token-of-a-card") {
				w.Errorf("record %d has what recognises the card", r.Seq)
			}
		}
	})
}

// TestReadingsAreThinned after their days, where the back office has signed for them and never before. Bill, receipt
// and tree stand as they were; the export says what is not here.
func TestReadingsAreThinned(t *testing.T) {
	b, section := newBureau(t)
	inWorld(t, plainConfig(t, section+"keep: {readings_days: 90}\n"), noon, func(w *world) {
		x := w.sells(1, 30*time.Minute)
		export := func() string {
			var out bytes.Buffer
			if _, err := ExportJournal(w.Context(), &out, w.journal, 1); err != nil {
				w.Fatal(err)
			}
			return out.String()
		}
		said := func() receipt.Receipt {
			r, err := receipt.From(w.Context(), w.journal.Session(w.Context(), x.ID), w.journal.TreeHash)
			if err != nil {
				w.Error(err)
			}
			return r
		}
		before, all := said(), strings.Count(export(), "\n")
		thinned := func(want bool) {
			w.Helper()
			if err := w.keep.forget(w.Context()); err != nil {
				w.Error(err)
			}
			text := export()
			readings := strings.Count(text, `"kind":"reading"`)
			if gone := strings.Count(text, `"thinned":true`); (gone > 50) != want || !want && gone > 0 ||
				want == (readings > 50) {
				w.Errorf("after %v %d records are thinned, %d readings there", w.clock.Now().Sub(noon), gone, readings)
			}
			if n := strings.Count(text, "\n"); n < all {
				w.Errorf("the export has %d lines of %d", n, all)
			}
		}
		days := func(n int) {
			w.end()
			time.Sleep(time.Until(noon.AddDate(0, 0, n)))
			w.start()
		}
		days(100)
		thinned(false) // no back office has them
		w.connects(b)
		thinned(true)
		if after := said(); after.Total != before.Total || after.Head != before.Head || after.Paid != before.Paid {
			w.Errorf("the receipt was %+v, and is %+v", before, after)
		}
		if head, err := w.journal.Verify(w.Context(), func(int64) {}); err != nil || head.Thinned == 0 {
			w.Errorf("the tree is %+v, %v", head, err)
		}
	})
}

// TestTheCopyOnAnotherDisk is made soon after the start and each hour, and not on the journal's own disk.
func TestTheCopyOnAnotherDisk(t *testing.T) {
	c := plainConfig(t, "")
	c.Keep.CopyTo = filepath.Dir(c.Journal)
	inWorld(t, c, noon, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); w.keep.run(ctx) }()
		defer func() { cancel(); <-ended }()
		w.wait(3 * time.Hour)
		if _, err := os.Stat(c.CopyPath()); !errors.Is(err, os.ErrNotExist) {
			w.Errorf("a copy on the same disk: %v", err)
		}
	})
	other, err := os.MkdirTemp("/dev/shm", "kioskd")
	t.Cleanup(func() { os.RemoveAll(other) })
	if err != nil || OtherDisk(c.Journal, other) != nil {
		t.Skipf("no other disk is here: %v", err)
	}
	c = plainConfig(t, "")
	c.Keep.CopyTo = other
	inWorld(t, c, noon, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); w.keep.run(ctx) }()
		defer func() { cancel(); <-ended }()
		records := func() int64 {
			j, err := store.OpenReader(w.Context(), c.CopyPath())
			if err != nil {
				w.Fatal(err)
			}
			defer j.Close()
			n, err := j.Seq(w.Context())
			if err != nil {
				w.Fatal(err)
			}
			return n
		}
		w.wait(2 * time.Minute)
		first := records()
		w.sells(1, 10*time.Minute)
		w.wait(time.Hour)
		if now, err := w.journal.Seq(w.Context()); err != nil || records() < now-20 || records() <= first {
			w.Errorf("the copy has %d records, then %d of %d: %v", first, records(), now, err)
		}
	})
	if said, err := lastCopy(c, time.Now().Add(time.Hour)); err != nil || !strings.Contains(said, c.CopyPath()) {
		t.Errorf("the doctor says %q, %v", said, err)
	}
	if _, err := lastCopy(c, time.Now().Add(12*time.Hour)); err == nil || !strings.Contains(err.Error(), "old") {
		t.Errorf("of a copy of half a day ago the doctor says %v", err)
	}
	if err := os.Remove(c.CopyPath()); err != nil {
		t.Fatal(err)
	}
	if _, err := lastCopy(c, time.Now()); err == nil {
		t.Error("a disk without a copy is good")
	}
}

// TestAClockThatJumps while the site is idle is taken over and written down; while a vehicle charges it is not, and no
// bill knows of it. Instructed prices go by the time that is written down.
func TestAClockThatJumps(t *testing.T) {
	inWorld(t, plainConfig(t, ""), noon, func(w *world) {
		midnight := time.Date(2026, 3, 3, 0, 0, 0, 0, w.c.Timezone)
		w.done(w.order("J1", kiosk.TaskTariff, from(t, "0.59", midnight)))
		x := w.charges(1)
		w.ahead.Store(int64(24 * time.Hour))
		w.wait(10 * time.Minute)
		if got := w.sellsBy(w.clock.Now()); got != "0.49" {
			w.Errorf("a clock that jumps while a vehicle charges sells by %s", got)
		}
		w.do(session.Observation{What: session.StopPressed, Session: x.ID, By: session.ByScreen})
		w.wait(time.Minute)
		w.boxes[1].set(func(b *box) { b.plugged = false })
		w.wait(5 * time.Minute)
		bill := w.records(session.Billed)[0].Body.(session.BillBody).Bill
		if took := bill.End.Sub(bill.Start); took > 20*time.Minute ||
			bill.Total.Minor != (int64(bill.Energy)*49+500)/1000 {
			w.Errorf("%v in %v cost %v", bill.Energy, took, bill.Total)
		}
		set := w.records(session.ClockSet)
		if len(set) != 1 || set[0].At.Sub(set[0].Body.(session.ClockBody).Since) < 23*time.Hour {
			w.Errorf("the jump is written down as %+v", set)
		}
		if got := w.sellsBy(w.clock.Now()); got != "0.59" {
			w.Errorf("on the next day it is sold by %s", got)
		}
	})
}
