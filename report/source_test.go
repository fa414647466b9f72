package report_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/session/sessiontest"
	"kioskd/store"
)

// journal is a journal in memory, as a Source.
type journal struct {
	epoch   string
	records []kiosk.Record
	counts  []store.Count
}

func (j *journal) Epoch(context.Context) (string, error) { return j.epoch, nil }

func (j *journal) Seq(context.Context) (int64, error) { return int64(len(j.records)), nil }

func (j *journal) Changed(_ context.Context, after, to int64) (ids []string, err error) {
	for _, r := range j.records[after:to] {
		if r.Session != "" && !slices.Contains(ids, r.Session) {
			ids = append(ids, r.Session)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (j *journal) Session(_ context.Context, id string) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		for _, r := range j.records {
			if r.Session == id && !yield(r, nil) {
				return
			}
		}
	}
}

func (j *journal) SiteRecords(_ context.Context, after, to int64) iter.Seq2[kiosk.Record, error] {
	return func(yield func(kiosk.Record, error) bool) {
		for _, r := range j.records[after:to] {
			if r.Session == "" && !yield(r, nil) {
				return
			}
		}
	}
}

func (j *journal) Counts(context.Context) ([]store.Count, error) { return j.counts, nil }

// add appends a record with a body of JSON.
func (j *journal) add(session, kind, body string) {
	j.records = append(j.records, kiosk.Record{Seq: int64(len(j.records) + 1), Session: session, Kind: kind,
		Body: []byte(body)})
}

// golden is a journal of all golden sessions, one after the other, whose sites' records are in it, too.
func golden(t *testing.T) *journal {
	t.Helper()
	files, err := filepath.Glob("../session/testdata/journals/*.jsonl")
	if err != nil || len(files) < 4 {
		t.Fatalf("golden journals: %v, %v", files, err)
	}
	j := &journal{epoch: "golden"}
	for _, name := range files {
		for _, r := range sessiontest.Golden(t, name) {
			if r.Session != "" { // sessions of two files may have one name
				r.Session = strings.TrimSuffix(filepath.Base(name), ".jsonl") + "-" + r.Session
			}
			j.add(r.Session, r.Kind, string(r.Body))
		}
	}
	return j
}

// open opens a book in memory that has all of a journal.
func open(t testing.TB, j report.Source) *report.Book {
	t.Helper()
	b, err := report.Open(t.Context(), "", j)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if err := b.KeepUp(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// all reads a sequence to its end.
func all[T any](t testing.TB, rows iter.Seq2[T, error]) (out []T) {
	t.Helper()
	for v, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// sale is a session that was paid, as its records say it.
type sale struct {
	reference          string
	bay                int
	chosen             time.Time // and held at once
	ended, booked      time.Time
	from, to           int64 // register
	cents, net, tax    int64
	currency, timezone string
}

func (s sale) records(id string) (out []string) {
	at := func(t time.Time) string { return t.Format(time.RFC3339Nano) }
	money := func(minor int64) string {
		return fmt.Sprintf(`{"amount":"%d.%02d","currency":%q}`, minor/100, minor%100, s.currency)
	}
	reading := func(t time.Time, wh int64) string {
		return fmt.Sprintf(`{"at":%q,"import_wh":%d,"power_w":11000,"serial":"M%d"}`, at(t), wh, s.bay)
	}
	booking := fmt.Sprintf(`{"receipt_no":900,"booked":%s}`, money(s.cents))
	return []string{
		"bay_lease", fmt.Sprintf(`{"at":%q,"reference":%q,"bay":%d}`, at(s.chosen), s.reference, s.bay),
		"offer", fmt.Sprintf(`{"at":%q,"offer":{"tariff":{"id":"demo","currency":%q,"tax_included":"YES","elements":[`+
			`{"price_components":[{"type":"ENERGY","price":0.39,"vat":19,"step_size":1}]}]},"tariff_sha256":"ab",`+
			`"hold":%s,"language":"de","timezone":%q}}`, at(s.chosen), s.currency, money(5000), s.timezone),
		"hold_intent", fmt.Sprintf(`{"at":%q,"amount":%s,"attempt":1}`, at(s.chosen), money(5000)),
		"hold_ok", fmt.Sprintf(`{"at":%q,"hold":{"receipt_no":384,"trace_no":"001084","terminal_id":"52523535",`+
			`"approved":%s,"auth_code":"750071","card_name":"Mastercard","last4":"8074","at":%q}}`, at(s.chosen),
			money(5000), at(s.chosen)),
		"hold_confirmed", fmt.Sprintf(`{"at":%q}`, at(s.chosen)),
		"plugged", fmt.Sprintf(`{"at":%q}`, at(s.chosen)),
		"meter_start", fmt.Sprintf(`{"at":%q,"reading":%s}`, at(s.chosen), reading(s.chosen, s.from)),
		"contactor_close", fmt.Sprintf(`{"at":%q}`, at(s.chosen)),
		"contactor_closed", fmt.Sprintf(`{"at":%q}`, at(s.chosen)),
		"reading", fmt.Sprintf(`{"at":%q,"reading":%s}`, at(s.chosen.Add(10*time.Second)),
			reading(s.chosen.Add(10*time.Second), min(s.to, s.from+60))),
		"stop_intent", fmt.Sprintf(`{"at":%q,"reason":"stopped","by":"screen"}`, at(s.ended)),
		"contactor_opened", fmt.Sprintf(`{"at":%q}`, at(s.ended)),
		"meter_end", fmt.Sprintf(`{"at":%q,"reading":%s,"source":"read"}`, at(s.ended), reading(s.ended, s.to)),
		"bill", fmt.Sprintf(`{"at":%q,"bill":{"energy_wh":%d,"total":%s,"cost":%s,"net":%s,"taxes":[{"percent":"19",`+
			`"amount":%s}],"lines":[],"start":%q,"end":%q,"register_start_wh":%d,"register_end_wh":%d,"usage":null}}`,
			at(s.ended), s.to-s.from, money(s.cents), money(s.cents), money(s.net), money(s.tax), at(s.chosen),
			at(s.ended), s.from, s.to),
		"capture_intent", fmt.Sprintf(`{"at":%q,"amount":%s,"attempt":1}`, at(s.ended), money(s.cents)),
		"capture_ok", fmt.Sprintf(`{"at":%q,"booking":%s}`, at(s.booked), booking),
		"capture_confirmed", fmt.Sprintf(`{"at":%q,"booking":%s}`, at(s.booked), booking),
		"receipt_final", fmt.Sprintf(`{"at":%q}`, at(s.booked)),
		"closed", fmt.Sprintf(`{"at":%q}`, at(s.booked)),
	}
}

// sell appends a sale.
func (j *journal) sell(id string, s sale) {
	r := s.records(id)
	for i := 0; i < len(r); i += 2 {
		j.add(id, r[i], r[i+1])
	}
}
