package events_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/csms/events"
	"kioskd/ocpp/judges"
	"kioskd/ocpp/v2"
	"kioskd/session"
	"kioskd/session/sessiontest"
)

func options() events.Options {
	return events.Options{EVSE: func(bay int) int { return bay }, TariffID: func(session.Offer) string { return "T-1" },
		ReceiptURL: func(_, ref string) string { return "https://receipts.example/" + ref }, Every: time.Minute}
}

// told lets records be told, with the state written and read back after each.
func told(t *testing.T, records []kiosk.Record, o events.Options) (out []events.Message, left events.State) {
	t.Helper()
	for _, r := range records {
		next, messages, err := left.Take(r, o)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		left, err = events.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, messages...)
	}
	return out, left
}

func frames(t *testing.T, all []events.Message) (out []string) {
	t.Helper()
	for i, m := range all {
		text, err := json.Marshal([]any{2, fmt.Sprint("m", i), m.Action, m.Payload})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// TestEveryJournalIsTold: what the session machine wrote in all its golden journals fits the official schemas. Each
// transaction begins once, ends once, and has no gap in its numbers; what is settled is what was captured.
func TestEveryJournalIsTold(t *testing.T) {
	files, err := filepath.Glob("../../session/testdata/journals/*.jsonl")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	var all []string
	for _, file := range files {
		records := sessiontest.Golden(t, file)
		messages, left := told(t, records, options())
		next, ended := map[string]int{}, map[string]bool{}
		settled := map[string]string{}
		for _, m := range messages {
			switch p := m.Payload.(type) {
			case *v2.TransactionEvent:
				id := p.Info.ID
				if p.Seq != next[id] || (p.Seq == 0) != (p.Type == v2.Started) || ended[id] {
					t.Errorf("%s: session %s: %s has the number %d, want %d", file, id, p.Type, p.Seq, next[id])
				}
				next[id]++
				ended[id] = p.Type == v2.Ended
			case *v2.NotifySettlement:
				if p.Transaction != "" && !ended[p.Transaction] {
					t.Errorf("%s: session %s is settled before its transaction ended", file, p.Transaction)
				}
				if p.Status == v2.Settled {
					settled[m.Session] += string(p.Amount)
				}
			}
		}
		for _, r := range records {
			e, err := session.FromRecord(r)
			if err != nil {
				t.Fatal(err)
			}
			b, ok := e.Body.(session.SettledBody)
			if !ok || e.Kind != session.CaptureDone || b.Result == nil || next[e.Session] == 0 {
				continue
			}
			if got := settled[e.Session]; got != b.Result.Booked.Decimal() {
				t.Errorf("%s: session %s is settled with %q, captured was %v", file, e.Session, got, b.Result.Booked)
			}
		}
		for id, x := range left.Sessions {
			if x.Over != ended[id] {
				t.Errorf("%s: session %s is left over", file, id)
			}
		}
		all = append(all, frames(t, messages)...)
	}
	if len(all) < 40 {
		t.Errorf("there are %d messages", len(all))
	}
	if judges.Installed() == nil {
		judges.Frames(t, "21", all)
	}
}

// TestASessionAsAnOperatorReadsIt: a visit of 2.100 kWh for 1.03 EUR, of which 0.16 is VAT, at a hold of 50.00.
func TestASessionAsAnOperatorReadsIt(t *testing.T) {
	messages, left := told(t, sessiontest.Golden(t, "../../session/testdata/journals/metered_charger.jsonl"), options())
	if len(left.Sessions) != 0 || len(messages) != 3 {
		t.Fatalf("%d messages, left %+v", len(messages), left)
	}
	first, last := messages[0].Payload.(*v2.TransactionEvent), messages[1].Payload.(*v2.TransactionEvent)
	paid := messages[2].Payload.(*v2.NotifySettlement)
	if first.IDToken.Type != "DirectPayment" || first.IDToken.Token != "52523535-231-20261130" ||
		first.Info.Limit.MaxCost != "50.00" || first.EVSE.ID != 4 || first.Values[0].Samples[0].Value != "1333330" {
		t.Errorf("it begins with %+v, %+v", first, first.IDToken)
	}
	for _, m := range first.IDToken.More {
		if m.Kind == "CardBin" || m.Kind == "CardExpiryDate" || len(m.Value) > 12 {
			t.Errorf("of the card is told %+v", m)
		}
	}
	if last.Info.StoppedReason != "EVDisconnected" || last.Cost.Total.Total.Gross != "1.03" ||
		last.Cost.Total.Total.Net != "0.87" || last.Cost.Total.Energy.Gross != "1.03" ||
		last.Cost.Usage.Energy != "2.100" || last.Values[0].Samples[0].Value != "1335430" {
		t.Errorf("it ends with %+v, %+v", last, last.Cost)
	}
	if paid.Status != "Settled" || paid.Amount != "1.03" || paid.PSPRef != first.IDToken.Token ||
		paid.Transaction != first.Info.ID || paid.ReceiptID != "5A8YSZF" ||
		paid.ReceiptURL != "https://receipts.example/5A8YSZF" {
		t.Errorf("it is settled by %+v", paid)
	}
}

// TestWhatIsNotTold: a session that began before an operator was told of anything, and a hold that was given back
// without a transaction, unless the operator was asked.
func TestWhatIsNotTold(t *testing.T) {
	all := sessiontest.Golden(t, "../../session/testdata/journals/metered_charger.jsonl")
	for i, r := range all {
		if r.Kind == string(session.HoldOK) {
			if got, left := told(t, all[i:], options()); len(got) != 0 || len(left.Sessions) != 0 {
				t.Errorf("of the second half is told %+v", got)
			}
		}
	}
	for _, asked := range []bool{false, true} {
		o := options()
		o.Asked = asked
		var state events.State
		var got []events.Message
		for _, r := range all {
			if r.Kind == string(session.Plugged) {
				r.Kind = string(session.Ended)
				r.Body = []byte(`{"at":"2026-11-30T10:52:24Z","reason":"no_plug"}`)
			}
			next, messages, err := state.Take(r, o)
			if err != nil {
				t.Fatal(err)
			}
			state, got = next, append(got, messages...)
			if r.Kind == string(session.Ended) {
				_, messages, err := state.Take(kiosk.Record{Seq: r.Seq, Session: r.Session,
					Kind: string(session.ReleaseDone), Body: []byte(`{"at":"2026-11-30T10:52:25Z"}`)}, o)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, messages...)
				break
			}
		}
		if (len(got) == 1) != asked {
			t.Fatalf("asked %v: %+v", asked, got)
		}
		if asked {
			m := got[0].Payload.(*v2.NotifySettlement)
			if m.Status != "Canceled" || m.Amount != "0" || m.Transaction != "" || m.PSPRef != "52523535-231-20261130" {
				t.Errorf("%+v", m)
			}
		}
	}
}

// TestReasons: each reason of a session is one of OCPP's, by the schema's own lists (judged with the frames).
func TestReasons(t *testing.T) {
	all := sessiontest.Golden(t, "../../session/testdata/journals/metered_charger.jsonl")
	var out []events.Message
	for _, reason := range []string{"stopped", "unplugged", "limit", "no_energy", "no_plug", "cancelled", "timeout",
		"meter", "contactor", "interrupted", "shutdown", "own_limit", "emergency", "remote", "charger", "lost",
		"overused"} {
		var records []kiosk.Record
		for _, r := range all {
			r.Body = []byte(strings.Replace(string(r.Body), `"reason":"unplugged"`, `"reason":"`+reason+`"`, 1))
			records = append(records, r)
		}
		messages, _ := told(t, records, options())
		out = append(out, messages...)
	}
	if judges.Installed() == nil {
		judges.Frames(t, "21", frames(t, out))
	}
}
