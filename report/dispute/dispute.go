// Package dispute packs what proves one session into one ZIP file, for a bank, a court or a driver who asks:
//
//	README.txt             what each file is, and how to check it
//	session.json           the session as reports list it (docs/reports.md)
//	timeline.csv           what happened when, a line a record, in words
//	receipt.pdf, .txt, .json  the receipt, in the language of the session; none where no money was reserved
//	tariff.json            the tariff that the driver agreed to, byte for byte (OCPI)
//	readings.csv           the meter's registers
//	terminal.json          what the card terminal answered: the hold, captures and releases
//	signed/                what the meter signed, as it made it (OCMF), and the file of the S.A.F.E. software
//	records.jsonl          the journal's records of the session: each line is a leaf of the journal's tree
//	proof/SEQ.tlog-proof   that the record is in the tree (C2SP tlog-proof)
//	proof/checkpoint.txt   the head of the tree (C2SP tlog-checkpoint), with its signatures
//	proof/keys.txt         the public keys by which they are verified (C2SP signed-note)
//
// It has no more of a card than its last four digits. The same journal, checkpoint and version give the same bytes.
package dispute

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/formats/proof"

	"kioskd"
	"kioskd/receipt"
	"kioskd/receipt/pdf"
	"kioskd/report"
	"kioskd/session"
	"kioskd/store"
	"kioskd/ui/text"
)

// Case is a session that is to be proven.
type Case struct {
	Session report.Session
	Records []kiosk.Record
	Receipt *receipt.Receipt // nil where no money was reserved
	// Checkpoint is the head of the tree of the first Size records, as text with signatures behind it, where there are
	// any.
	Checkpoint string
	Size       int64
	Keys       []string // public keys of the signatures, those of kiosk and back office
	Proof      func(seq int64) ([][32]byte, error)
	Version    string // of the program
}

// pack is a ZIP file that is being written.
type pack struct {
	zip *zip.Writer
	at  time.Time // of all its files
	err error
}

func (p *pack) add(name string, content []byte) {
	if p.err != nil {
		return
	}
	var w io.Writer
	w, p.err = p.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: p.at})
	if p.err == nil {
		_, p.err = w.Write(content)
	}
}

// JSON adds a value as JSON that a person can read.
func (p *pack) json(name string, v any) {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil && p.err == nil {
		p.err = err
	}
	p.add(name, append(content, '\n'))
}

// csv adds a table.
func (p *pack) csv(name string, rows [][]string) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil && p.err == nil {
		p.err = err
	}
	p.add(name, b.Bytes())
}

// Write writes the pack. extra is a TrueType font for characters that the fonts here lack; nil for none.
func Write(w io.Writer, c Case, texts *text.Catalogues, extra []byte) error {
	p := &pack{zip: zip.NewWriter(w), at: c.Session.At.UTC()}
	events := eventsOf(c.Records) // what cannot be read is in records.jsonl
	p.add("README.txt", readme(c))
	p.json("session.json", c.Session)
	p.csv("timeline.csv", timeline(c))
	p.csv("readings.csv", readings(events))
	p.json("terminal.json", terminal(events))
	for _, e := range events {
		if b, ok := e.Body.(session.OfferBody); ok {
			p.add("tariff.json", b.Offer.Tariff)
		}
	}
	if err := p.receipt(c, texts, extra); err != nil {
		return err
	}
	if err := p.proofs(c); err != nil {
		return err
	}
	if p.err != nil {
		return fmt.Errorf("cannot write the pack of session %s: %w", c.Session.Reference, p.err)
	}
	return p.zip.Close()
}

// receipt adds the receipt in its forms, and what the meter signed.
func (p *pack) receipt(c Case, texts *text.Catalogues, extra []byte) error {
	r := c.Receipt
	if r == nil {
		return nil
	}
	printer := texts.Printer(r.Language)
	var b bytes.Buffer
	if err := pdf.Write(&b, *r, printer, extra); err != nil {
		return err
	}
	p.add("receipt.pdf", b.Bytes())
	p.add("receipt.txt", []byte(r.Text(printer)))
	p.json("receipt.json", r)
	if r.Signed == nil {
		return nil
	}
	for i, record := range r.Signed.Records {
		p.add(fmt.Sprintf("signed/%d.ocmf", i+1), []byte(record))
	}
	safe, err := r.SAFE()
	if err != nil {
		return err
	}
	p.add("signed/safe.xml", safe)
	return nil
}

// proofs adds the records, and what proves that they are in the journal's tree.
func (p *pack) proofs(c Case) error {
	var lines bytes.Buffer
	for _, r := range c.Records {
		leaf, err := store.Leaf(r)
		if err != nil {
			return err
		}
		if bytes.Contains(leaf, []byte(`"card_token"`)) { // of version 0.1 before its release: only its hash leaves the kiosk
			leaf = fmt.Appendf(nil, `{"seq":%d,"withheld":"it recognises a card"}`, r.Seq)
		}
		lines.Write(append(leaf, '\n'))
		if r.Seq > c.Size { // it was written after the checkpoint
			continue
		}
		path, err := c.Proof(r.Seq)
		if err != nil {
			return err
		}
		p.add(fmt.Sprintf("proof/%d.tlog-proof", r.Seq),
			proof.TLogProof{Index: uint64(r.Seq - 1), Hashes: path, Checkpoint: []byte(c.Checkpoint)}.Marshal())
	}
	p.add("records.jsonl", lines.Bytes())
	p.add("proof/checkpoint.txt", []byte(c.Checkpoint))
	p.add("proof/keys.txt", []byte(strings.Join(c.Keys, "\n")+"\n"))
	return nil
}

// Step is a record of a session, in words.
type Step struct {
	Seq     int64          `json:"record"`
	At      time.Time      `json:"at"`
	Kind    session.Kind   `json:"kind"`
	What    string         `json:"what"`
	Reading *kiosk.Reading `json:"-"` // nil where it has none
}

// Steps says what a session's records mean, in English, with times in a zone.
func Steps(records []kiosk.Record, zone *time.Location) (out []Step) {
	for i, e := range eventsOf(records) {
		out = append(out, Step{records[i].Seq, e.At.In(zone), e.Kind, words(e), e.Reading()})
	}
	return out
}

// eventsOf reads records. Of a newer program's the kind and the time are known.
func eventsOf(records []kiosk.Record) []session.Event {
	events := make([]session.Event, 0, len(records))
	for _, r := range records {
		e, err := session.FromRecord(r)
		if err != nil {
			e = session.Event{Kind: session.Kind(r.Kind), At: r.Wall}
		}
		events = append(events, e)
	}
	return events
}

// timeline is what happened, a line a record.
func timeline(c Case) [][]string {
	rows := [][]string{{"record", "time", "kind", "what"}}
	for _, s := range Steps(c.Records, c.Session.Zone()) {
		rows = append(rows, []string{strconv.FormatInt(s.Seq, 10), s.At.Format(time.RFC3339), string(s.Kind), s.What})
	}
	return rows
}

// readings are the registers of the meter.
func readings(events []session.Event) [][]string {
	rows := [][]string{{"time", "kind", "register_wh", "power_w", "meter_serial"}}
	for _, e := range events {
		if r := e.Reading(); r != nil {
			rows = append(rows, []string{r.At.UTC().Format(time.RFC3339Nano), string(e.Kind),
				strconv.FormatInt(int64(r.Import), 10), strconv.FormatInt(int64(r.Power), 10), r.Serial})
		}
	}
	return rows
}

// answer is one of the card terminal.
type answer struct {
	At      time.Time            `json:"at"`
	Kind    session.Kind         `json:"kind"`
	Hold    *kiosk.Hold          `json:"hold,omitempty"`
	Booking *kiosk.CaptureResult `json:"booking,omitempty"`
	Class   string               `json:"class,omitempty"`
	Code    string               `json:"code,omitempty"`
	Error   string               `json:"error,omitempty"`
}

// terminal are the answers of the card terminal.
func terminal(events []session.Event) []answer {
	out := []answer{}
	for _, e := range events {
		a := answer{At: e.At, Kind: e.Kind, Error: e.Failure()}
		switch b := e.Body.(type) {
		case session.HoldBody:
			b.Hold.Card = "" // recognises the card: it is in no leaf, and in no pack
			a.Hold = &b.Hold
		case session.FoundBody:
			b.Hold.Card = ""
			a.Hold = &b.Hold
		case session.DeclineBody:
			a.Class, a.Code = b.Class, b.Code
		case session.AnswerBody:
			a.Class, a.Code = b.Class, b.Code
		case session.UnknownBody:
			a.Class, a.Code = b.Class, b.Code
		case session.WaitingBody:
			a.Class, a.Code = b.Class, b.Code
		case session.BookedBody:
			a.Booking = &b.Result
		case session.SettledBody:
			a.Booking = b.Result
		default:
			continue
		}
		out = append(out, a)
	}
	return out
}
