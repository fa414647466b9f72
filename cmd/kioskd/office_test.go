package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/backoffice/receiver"
	"kioskd/child"
	"kioskd/session"
	"kioskd/simulator"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/store"
	"kioskd/ui"
)

// bureau is a back office as a process of its own.
type bureau struct {
	t       testing.TB
	dir     string
	address string
	flags   []string // of every start
	cmd     *exec.Cmd
}

func newBureau(t testing.TB) *bureau {
	t.Helper()
	b := &bureau{t: t, dir: t.TempDir(), address: freeAddress(t)}
	t.Cleanup(b.kill)
	return b
}

func (b *bureau) start(flags ...string) {
	b.t.Helper()
	self, err := exec.LookPath("kioskd")
	if err != nil {
		b.t.Fatal(err)
	}
	b.cmd = child.Command(self, append([]string{"simulate", "backoffice", "--dir", b.dir, "--listen",
		"tcp://" + b.address}, append(b.flags, flags...)...)...)
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
}

// kill ends it by SIGKILL.
func (b *bureau) kill() {
	if b.cmd != nil {
		b.cmd.Process.Kill()
		b.cmd.Wait() // it was killed
		b.cmd = nil
	}
}

// run is one of its commands.
func (b *bureau) run(stdin string, flags ...string) string {
	b.t.Helper()
	cmd := child.Command("kiosksim", append([]string{"simulate", "backoffice", "--dir", b.dir, "--listen",
		"tcp://" + b.address}, flags...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v: %v: %s", flags, err, out)
	}
	return string(out)
}

// enrolled is what a kiosk's configuration says of it, with another address if one is given.
func (b *bureau) enrolled(address string) string {
	b.t.Helper()
	text := b.run("", "--enroll", "K-0042")
	if address != "" {
		text = strings.Replace(text, b.address, address, 1)
	}
	return text + "  every: 1m\n"
}

// holds is what it has of the kiosk.
func (b *bureau) holds() (j receiver.Journal) {
	b.t.Helper()
	if text := b.run("", "--check", "--format", "json"); text != "" {
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			b.t.Fatalf("%v: %s", err, text)
		}
	}
	return j
}

const ocpiSite = `ocpi:
  country_code: DE
  party_id: DEM
  location: {id: L1, address: 1 Example Street, city: Berlin, postal_code: "10115", country: DEU, latitude: "52.520008", longitude: "13.404954"}
  connector: {standard: IEC_62196_T2, format: SOCKET, power_type: AC_3_PHASE}
`

// instruct signs an instruction and returns what the kiosk's journal says came of it.
func (o operator) instruct(b *bureau, text string) string {
	o.t.Helper()
	id := strings.TrimSpace(b.run(strings.Replace(text, "{", `{"kiosk":"K-0042",`, 1), "--instruct", "-"))
	if out, code := o.run("backoffice now"); code != 0 {
		o.t.Fatal(out)
	}
	all := o.until("journal export", `"kind":"instruction_(done|refused)".*"id":"`+id+`"`)
	return regexp.MustCompile(`.*"kind":"instruction_(done|refused)".*"id":"` + id + `".*`).FindString(all)
}

// TestTheBackOffice: a real kiosk, a real back office, and all that goes between them.
func TestTheBackOffice(t *testing.T) {
	t.Parallel() // it mostly waits
	b := newBureau(t)
	o := newOperatorWith(t, town.Options{Size: 2, Speed: 300, More: b.enrolled("") + ocpiSite}, simulator.Faults{})
	o.until("backoffice status --format json", `"state":"unreachable".*"why":".*refused`)
	b.start("--refuse", "bay_lease")
	o.reached()

	ctx, leave := context.WithTimeout(context.Background(), hang)
	defer leave()
	ref := o.charge(ctx)
	o.shows(ctx, func(v ui.View) bool { return v.Cost.Minor >= 20 })
	if got := o.instruct(b, `{"do":"stop_session","session":"`+ref+`"}`); !strings.Contains(got, "instruction_done") {
		t.Errorf("%s", got)
	}
	o.until("journal export", `"kind":"closed"`)
	o.leave(ctx)
	receipt, _ := o.run("receipt --format json " + ref)
	code := regexp.MustCompile(`"qr":"(KIOSKD ` + ref + ` \d+ [0-9A-Z]{10})"`).FindStringSubmatch(receipt)
	if code == nil {
		t.Fatalf("the receipt has no journal's head: %s", receipt)
	}
	var out bytes.Buffer
	p := newProgram(nil, &out, &out)
	if status := p.run(ctx, []string{"journal", "verify", "--config", o.s.Config, "--receipt", code[1]}); status != 0 ||
		!strings.Contains(out.String(), "the receipt fits") {
		t.Errorf("%s", &out)
	}
	out.Reset()
	if status := p.run(ctx, []string{"journal", "verify", "--config", o.s.Config, "--receipt",
		code[1][:len(code[1])-1] + "_"}); status != 1 || !strings.Contains(out.String(),
		"this is not the journal of then") {
		t.Errorf("%d: %s", status, &out)
	}

	t.Run("bays", func(t *testing.T) {
		if got := o.instruct(b, `{"do":"close_bay","bay":2}`); !strings.Contains(got, "instruction_done") {
			t.Errorf("%s", got)
		}
		o.until("journal export", `"kind":"fault_raised".*"fault":"HO001"`)
		if got := o.instruct(b, `{"do":"open_bay","bay":2}`); !strings.Contains(got, "instruction_done") {
			t.Errorf("%s", got)
		}
		if got := o.instruct(b, `{"do":"open_bay","bay":2}`); !strings.Contains(got, "bay 2 is not closed") {
			t.Errorf("%s", got)
		}
		if got := o.instruct(b, `{"do":"close_bay","bay":7}`); !strings.Contains(got, "there is none") {
			t.Errorf("%s", got)
		}
	})
	t.Run("a new price", func(t *testing.T) {
		tariff := `{"id":"new","currency":"EUR","tax_included":"YES","elements":[{"price_components":[{"type":"ENERGY","price":%s,"vat":19,"step_size":1}]}]}`
		for price, want := range map[string]string{"0.59": "instruction_done", "9.00": "changes from",
			"0.61}, {\"type\":\"TIME\"": "cannot"} {
			if got := o.instruct(b, `{"do":"tariff","tariff":`+fmt.Sprintf(tariff, price)+`}`); !strings.Contains(got,
				want) {
				t.Errorf("%s: %s", price, got)
			}
		}
		o.shows(ctx, func(v ui.View) bool { return sells(v, "0.59") })
		later := time.Now().Add(time.Hour).Format(time.RFC3339)
		if got := o.instruct(b, `{"do":"tariff","from":"`+later+`","tariff":`+fmt.Sprintf(tariff,
			"0.69")+`}`); !strings.Contains(got, "instruction_done") {
			t.Errorf("%s", got)
		}
		o.shows(ctx, func(v ui.View) bool { return sells(v, "0.59") })
	})
	t.Run("a message", func(t *testing.T) {
		got := o.instruct(b,
			`{"do":"message","texts":{"en":"The car park closes at 22:00","de":"Das Parkhaus schließt um 22 Uhr"}}`)
		if !strings.Contains(got, "instruction_done") {
			t.Errorf("%s", got)
		}
		o.shows(ctx, func(v ui.View) bool { return strings.HasPrefix(v.Notice, "The car park") })
	})
	t.Run("diagnostics", func(t *testing.T) {
		if got := o.instruct(b, `{"do":"diagnostics"}`); !strings.Contains(got, `"report":{"at":`) ||
			!strings.Contains(got, `"log":[`) {
			t.Errorf("%s", got)
		}
	})
	t.Run("what it may not", func(t *testing.T) {
		if got := o.instruct(b, `{"do":"close_bay","bay":1,"issued":"2020-01-01T00:00:00Z"}`); !strings.Contains(got,
			"it expired at 2020-01-01") {
			t.Errorf("%s", got)
		}
	})
	t.Run("a restart forgets nothing", func(t *testing.T) {
		(*o.daemon).Process.Kill()
		(*o.daemon).Wait()                           // it was killed
		o.taken("T1", "close_bay", 2, time.Hour)     // and had begun two instructions
		o.taken("T2", "stop_session", 0, -time.Hour) // of which one is too late by now
		o.taken("T3", "format_disk", 0, time.Hour)   // another back office signs what no kiosk knows
		o.restart()
		o.leave(ctx)
		o.until("journal export", `"id":"T3".*cannot do \\"format_disk\\"`)
		o.until("journal export", `"id":"T2".*the kiosk was away: it expired`)
		o.until("journal export", `"kind":"instruction_done".*"id":"T1"`)
		o.until("journal export", `"kind":"fault_raised".*"fault":"HO001","bay":2`)
		o.shows(ctx, func(v ui.View) bool {
			return v.Screen == ui.Attract && sells(v, "0.59") && strings.HasPrefix(v.Notice, "The car park")
		})
	})
	t.Run("refund", func(t *testing.T) { o.refund(ref, receipt) })
	t.Run("what was refused", func(t *testing.T) {
		o.until("backoffice status", `parked +1\n.*records of kind bay_lease are refused`)
		o.until("journal export", `"kind":"fault_raised".*"fault":"BO002"`)
		b.kill()
		b.start()
		if out, code := o.run("backoffice again"); code != 0 {
			t.Errorf("%s", out)
		}
		o.until("backoffice status", `parked +0\n`)
	})
	// the kiosk goes on writing: both are compared where no record came between
	var head string
	var got receiver.Journal
	for end := time.Now().Add(hang); time.Now().Before(end); {
		o.until("backoffice status", `backlog +0\n`)
		got = b.holds()
		head, _ = o.run("journal verify")
		if strings.Contains(head, got.Head) {
			break
		}
	}
	if got.Refused != 0 || got.Records != got.Countersigned || !strings.Contains(head, got.Head) {
		t.Errorf("the back office has %+v, the journal %s", got, head)
	}
}

// taken writes into the journal of a dead daemon what it had begun.
func (o operator) taken(id string, task kiosk.Task, bay int, left time.Duration) {
	o.t.Helper()
	j, err := store.Open(context.Background(), o.s.Journal(),
		func() (time.Time, time.Duration, bool) { return time.Now(), 0, true })
	if err != nil {
		o.t.Fatal(err)
	}
	defer j.Close()
	in := kiosk.Instruction{ID: id, Kiosk: "K-0042", Issued: time.Now().Add(-2 * time.Hour),
		Expires: time.Now().Add(left), Do: task, Bay: bay}
	e, err := session.Event{Kind: session.InstructionTaken, At: time.Now(),
		Body: session.InstructionBody{By: site.ByOffice + "backoffice", Instruction: in}}.Entry()
	if err == nil {
		err = j.Append(context.Background(), e)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// shows waits until the screen shows something.
func (o operator) shows(ctx context.Context, ok func(ui.View) bool) {
	o.t.Helper()
	if err := ui.NewDriver(ctx, o.s.Screen()).Await(ctx, ok, "what was instructed"); err != nil {
		said, _ := o.run("doctor")
		o.t.Errorf("%v\n%s", err, said)
	}
}

// leave goes from the final screen, where the price is that of the visit.
func (o operator) leave(ctx context.Context) {
	o.t.Helper()
	d := ui.NewDriver(ctx, o.s.Screen())
	if err := d.Await(ctx, func(v ui.View) bool { return v.Screen == ui.Final }, "the final screen"); err != nil {
		o.t.Fatal(err)
	}
	if err := d.Touch(ctx, ui.Back, ""); err != nil {
		o.t.Fatal(err)
	}
}

func sells(v ui.View, price string) bool { return len(v.Prices) > 0 && v.Prices[0].Amount == price }

// refund gives back a part, and never more than was taken.
func (o operator) refund(ref, receipt string) {
	t := o.t
	paid := regexp.MustCompile(`"paid":\{"amount":"([0-9.]+)"`).FindStringSubmatch(receipt)
	if out, code := o.run("refund --by host --why broken " + ref + " 1000"); code != 1 ||
		!strings.Contains(out, "is left of what was taken") {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("refund --by host --why broken " + ref + " 0.05"); code != 0 ||
		!strings.Contains(out, `"refunded":{"amount":"0.05"`) {
		t.Errorf("%d: %s", code, out)
	}
	if out, code := o.run("refund --by host --why broken " + ref + " " + paid[1]); code != 1 {
		t.Errorf("more than was taken is given back: %s", out)
	}
	all, _ := o.run("journal export")
	for _, want := range []string{`"kind":"refunded"`, `"credit":true`, `-C"`, `0.05 EUR given back: broken`} {
		if !strings.Contains(all, want) {
			t.Errorf("the journal has no %s", want)
		}
	}
	if out, _ := o.run("receipt --language en " + ref); !regexp.MustCompile(`Refunded +€0.05`).MatchString(out) {
		t.Errorf("the receipt says\n%s", out)
	}
}
