package session_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kioskd"
	"kioskd/session"
)

// golden reads the records of the golden journals, those of each file in order.
func golden(t *testing.T) (all []kiosk.Record) {
	t.Helper()
	files, err := filepath.Glob("testdata/journals/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		for _, part := range goldenParts(t, name, map[string]bool{}) {
			all = append(all, part...)
		}
	}
	return all
}

// TestWhatARecordMustHave: a record without one of its fields says the same without it, because that field may
// be missing, or it is refused by its number, its kind and the field's name.
func TestWhatARecordMustHave(t *testing.T) {
	refused := map[string]bool{}
	for _, r := range golden(t) {
		var body map[string]json.RawMessage
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		for _, field := range slices.Sorted(maps.Keys(body)) {
			less := maps.Clone(body)
			delete(less, field)
			short := r
			short.Body, _ = json.Marshal(less) // of what was decoded
			_, err := session.FromRecord(short)
			if err == nil {
				continue
			}
			if want := fmt.Sprintf("cannot read record %d (%s): it has no %s", r.Seq, r.Kind,
				field); err.Error() != want {
				t.Errorf("%q, want %q", err, want)
			}
			refused[r.Kind+"."+field] = true
		}
	}
	for _, field := range []string{"bay_lease.reference", "bay_lease.bay", "offer.offer", "hold_intent.amount",
		"hold_ok.hold", "hold_found.hold",
		"meter_start.reading", "reading.reading", "paused.reading", "adopted.reading", "meter_end.reading",
		"meter_end.source", "stop_intent.reason",
		"bill.bill", "capture_intent.amount", "capture_ok.booking", "capture_waiting.due", "register_seen.reading",
		"register_seen.bay",
		"meter_swapped.reading", "fault_raised.fault", "refunded.amount", "instruction_taken.instruction",
		"closed.at"} {
		if !refused[field] {
			t.Errorf("a record without %s is read", field)
		}
	}
}

// TestWhatIsInsideARecord: what an object in a record must have is named with its place; a register that is
// absent is not one of 0 Wh.
func TestWhatIsInsideARecord(t *testing.T) {
	for _, c := range []struct{ kind, body, want string }{
		{"reading", `"reading":{"at":"2026-03-02T09:00:00Z","power_w":0,"serial":"1"}`, "it has no reading.import_wh"},
		{"reading", `"reading":null`, "it has no reading"},
		{"hold_ok", `"hold":{"receipt_no":1,"at":"2026-03-02T09:00:00Z"}`, "it has no hold.approved"},
		{"capture_ok", `"booking":{"receipt_no":1}`, "it has no booking.booked"},
		{"bill", `"bill":{"total":{"amount":"1.00","currency":"EUR"}}`, "it has no bill.energy_wh"},
		{"offer", `"offer":[]`, "cannot unmarshal"},
		{"capture_intent", `"amount":{"amount":"x","currency":"EUR"},"attempt":1`, "x"},
		{"hold_taken", `"hold":{}`, `no record of this version is of kind "hold_taken"`},
		{"", ``, `no record of this version is of kind ""`},
	} {
		body := strings.TrimSuffix(`{"at":"2026-03-02T09:00:00Z",`+c.body, ",") + "}"
		_, err := session.FromRecord(kiosk.Record{Seq: 7, Kind: c.kind, Body: []byte(body)})
		if err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.HasPrefix(err.Error(), "cannot read record 7 ("+c.kind+"): ") {
			t.Errorf("%s %s: %v, want %q", c.kind, body, err, c.want)
		}
	}
}

// TestReadAndWrittenAgain: what was read of a record is written as the same record, but that older ones name holds by
// numbers.
func TestReadAndWrittenAgain(t *testing.T) {
	numbers := regexp.MustCompile(`"receipt_no":([0-9]+)`)
	for _, r := range golden(t) {
		if strings.HasPrefix(r.Kind, "ocpi") { // others write them
			continue
		}
		e, err := session.FromRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		entry, err := e.Entry()
		if err != nil {
			t.Fatal(err)
		}
		var was, is any
		texts := numbers.ReplaceAll(r.Body, []byte(`"receipt_no":"$1"`))
		if json.Unmarshal(texts, &was) != nil || json.Unmarshal(entry.Body, &is) != nil {
			t.Fatalf("%s or %s", r.Body, entry.Body)
		}
		before, _ := json.Marshal(was) // of what was decoded
		after, _ := json.Marshal(is)
		if !bytes.Equal(before, after) || entry.Token != r.Token || entry.Session != r.Session {
			t.Errorf("%s was\n%s, token %q\nand is\n%s, token %q", r.Kind, before, r.Token, after, entry.Token)
		}
	}
}

// TestABodyOfAnotherKind is a mistake of the program's own: it is neither applied nor written.
func TestABodyOfAnotherKind(t *testing.T) {
	for _, e := range []session.Event{
		{Kind: session.HoldOK, Body: session.BookedBody{}},
		{Kind: session.Closed, Body: session.EndBody{}},
		{Kind: session.Ended},
		{Kind: "unheard_of"},
	} {
		_, written := e.Entry()
		if _, _, applied := session.Step(session.State{}, e); applied == nil || written == nil {
			t.Errorf("%s with a %T: applied %v, written %v", e.Kind, e.Body, applied, written)
		}
	}
}
