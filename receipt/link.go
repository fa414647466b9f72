package receipt

import (
	"bytes"
	"compress/flate"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
)

// A link carries a whole receipt, so that a telephone opens it while the kiosk is offline: the address of a page, #,
// and digits. A browser sends nothing after # to any server. The digits are a big-endian number of
//
//	version (1) | JSON array, deflated (RFC 1951) | Ed25519 signature, 64 bytes
//
// The kiosk signs LinkContext, the version and the deflated array, with the key of its journal's checkpoints. The array
// is a compact; amounts in it are minor units. What it leaves out of a receipt is what a page of the seller's has: of
// the seller, by the start of the hash of what the journal says of it; of kiosks, their keys.
const (
	LinkVersion = 1
	LinkContext = "kioskd receipt\n"
)

const linkMost = 1 << 16 // bytes of an array

// compact is a receipt as a link has it, in this order, which is its format: a new field goes to the end, and is a new
// version where pages of before would show something wrong without it.
type compact struct {
	Kiosk       string
	Seller      string // see SellerHash
	Language    string
	No          string
	Issued      moment
	Bay         int
	EVSE        string
	Start, End  moment
	From        kiosk.Energy // the register
	To          kiosk.Energy
	Energy      kiosk.Energy
	Meter       string
	Currency    kiosk.Currency
	Lines       []compactLine
	Net         *int64
	Taxes       []compactTax
	Total       int64
	Held        int64
	Paid        int64
	Settled     bool
	Reason      string
	Card        []string // brand, last four digits, AID, approval code, terminal, trace
	Head        string
	Limited     bool
	ClockDoubt  bool
	Refunded    int64
	Interrupted []moment // begin and end in turn
	Signed      []string // see Signed: fingerprint, key, the records' numbers, and the records; none where none is
	Unsigned    bool
}

// LeastFields is how many fields every link has; what follows is there where it says something.
const LeastFields = 28

// moment is a time in seconds since 1970, and minutes east of Greenwich there and then.
type moment [2]int64

type compactLine struct {
	Dimension     tariff.Dimension
	Price, Volume string
	Amount        int64
}

type compactTax struct {
	Percent string
	Amount  int64
}

func (c *compact) fields() []any {
	return []any{&c.Kiosk, &c.Seller, &c.Language, &c.No, &c.Issued, &c.Bay, &c.EVSE, &c.Start, &c.End, &c.From, &c.To,
		&c.Energy, &c.Meter, &c.Currency, &c.Lines, &c.Net, &c.Taxes, &c.Total, &c.Held, &c.Paid, &c.Settled, &c.Reason,
		&c.Card, &c.Head, &c.Limited, &c.ClockDoubt, &c.Refunded, &c.Interrupted, &c.Signed, &c.Unsigned}
}

// Fields names the elements of a link's array, in their order.
func Fields() []string {
	return []string{"kiosk", "seller", "language", "no", "issued", "bay", "evse", "start", "end", "from", "to",
		"energy", "meter", "currency", "lines", "net", "taxes", "total", "held", "paid", "settled", "reason", "card",
		"head", "limited", "clock_doubt", "refunded", "interrupted", "signed", "unsigned"}
}

func (l *compactLine) fields() []any { return []any{&l.Dimension, &l.Price, &l.Volume, &l.Amount} }

func (t *compactTax) fields() []any { return []any{&t.Percent, &t.Amount} }

// Their JSON is the array of their fields.

func (c compact) MarshalJSON() ([]byte, error) {
	if len(c.Signed) == 0 && !c.Unsigned {
		return json.Marshal(c.fields()[:LeastFields])
	}
	return json.Marshal(c.fields())
}
func (l compactLine) MarshalJSON() ([]byte, error)     { return json.Marshal(l.fields()) }
func (t compactTax) MarshalJSON() ([]byte, error)      { return json.Marshal(t.fields()) }
func (c *compact) UnmarshalJSON(text []byte) error     { return readEach(text, c.fields(), LeastFields) }
func (l *compactLine) UnmarshalJSON(text []byte) error { return readEach(text, l.fields(), 4) }
func (t *compactTax) UnmarshalJSON(text []byte) error  { return readEach(text, t.fields(), 2) }

// readEach reads an array into fields, of which the last may be missing; there may be more of a later version.
func readEach(text []byte, fields []any, least int) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	if len(raw) < least {
		return fmt.Errorf("%d fields, want %d", len(raw), least)
	}
	for i, f := range fields[:min(len(raw), len(fields))] {
		if err := json.Unmarshal(raw[i], f); err != nil {
			return fmt.Errorf("field %d: %w", i, err)
		}
	}
	return nil
}

func momentOf(t time.Time) moment {
	_, east := t.Zone()
	return moment{t.Unix(), int64(east / 60)}
}

func (m moment) time() time.Time {
	return time.Unix(m[0], 0).In(time.FixedZone("", int(m[1])*60))
}

// SellerHash names what the journal says of a seller.
func SellerHash(seller map[string]string) string {
	text, err := json.Marshal(seller) // its keys are sorted
	if err != nil {
		return "" // a map of texts is always JSON
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}

func compactOf(r Receipt, kioskID string) compact {
	c := compact{Kiosk: kioskID, Seller: SellerHash(r.Seller), Language: r.Language, No: r.No,
		Issued: momentOf(r.Issued),
		Bay:    r.Bay, EVSE: r.EVSE, Energy: r.Energy, Meter: r.MeterSerial, Currency: r.Total.Currency,
		Total: r.Total.Minor, Held: r.Held.Minor, Paid: r.Paid.Minor, Settled: r.Settled, Reason: r.Reason,
		Card: []string{}, Head: r.Head, Limited: r.Limited != "", ClockDoubt: r.ClockDoubt, Lines: []compactLine{},
		Taxes: []compactTax{}, Interrupted: []moment{}}
	if r.Start != nil && r.End != nil && r.RegisterStart != nil && r.RegisterEnd != nil {
		c.Start, c.End, c.From, c.To = momentOf(*r.Start), momentOf(*r.End), *r.RegisterStart, *r.RegisterEnd
	}
	for _, l := range r.Lines {
		c.Lines = append(c.Lines, compactLine{l.Dimension, l.Price, l.Volume, l.Amount.Minor})
	}
	for _, t := range r.Taxes {
		c.Taxes = append(c.Taxes, compactTax{t.Percent, t.Amount.Minor})
	}
	if r.Net != nil {
		c.Net = &r.Net.Minor
	}
	if r.Refunded != nil {
		c.Refunded = r.Refunded.Minor
	}
	if k := r.Card; k != nil {
		c.Card = []string{k.Brand, k.Last4, k.AID, k.AuthCode, k.TerminalID, k.TraceNo}
	}
	for _, g := range r.Interrupted {
		c.Interrupted = append(c.Interrupted, momentOf(g.From), momentOf(g.To))
	}
	c.Unsigned = r.Unsigned != ""
	if s := r.Signed; s != nil {
		c.Signed = append([]string{s.Fingerprint, s.PublicKey, s.Pages}, s.Records...)
	}
	return c
}

// Row is a receipt of a kiosk as the JSON array of a link.
func Row(r Receipt, kioskID string) ([]byte, error) { return json.Marshal(compactOf(r, kioskID)) }

// Digits are a receipt of a kiosk, signed, as a link has it after #.
func Digits(r Receipt, kioskID string, key ed25519.PrivateKey) (string, error) {
	row, err := Deflated(compactOf(r, kioskID))
	if err != nil {
		return "", fmt.Errorf("cannot make receipt's link: %w", err)
	}
	signed := append([]byte{LinkVersion}, row...)
	signature := ed25519.Sign(key, append([]byte(LinkContext), signed...))
	return new(big.Int).SetBytes(append(signed, signature...)).String(), nil
}

// Deflated is a value as JSON, deflated (RFC 1951).
func Deflated(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// Why a link's digits are no receipt.
var (
	ErrNotDigits = errors.New("digits are no receipt")
	ErrForged    = errors.New("the signature is not the kiosk's: the receipt was changed")
)

// FromDigits reads a receipt that was signed by a kiosk. key gives the kiosk's public key; nil for one that is not
// known, whose receipt is not believed. Without key the signature is not judged. A link has of the seller only the
// hash.
func FromDigits(digits string, key func(kioskID string) ed25519.PublicKey) (r Receipt, kioskID string, err error) {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || len(digits) > 3*linkMost || strings.ContainsAny(digits, "+-_") {
		return r, "", ErrNotDigits
	}
	data := n.Bytes()
	if len(data) < 2+ed25519.SignatureSize || data[0] != LinkVersion {
		return r, "", ErrNotDigits
	}
	signed, signature := data[:len(data)-ed25519.SignatureSize], data[len(data)-ed25519.SignatureSize:]
	row, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(signed[1:])), linkMost))
	if err != nil {
		return r, "", fmt.Errorf("%w: %w", ErrNotDigits, err)
	}
	var c compact
	if err := json.Unmarshal(row, &c); err != nil {
		return r, "", fmt.Errorf("%w: %w", ErrNotDigits, err)
	}
	if key == nil {
		return c.receipt(), c.Kiosk, nil
	}
	public := key(c.Kiosk)
	if public == nil {
		return r, c.Kiosk, fmt.Errorf("the key of kiosk %q is not known", c.Kiosk)
	}
	if !ed25519.Verify(public, append([]byte(LinkContext), signed...), signature) {
		return r, c.Kiosk, ErrForged
	}
	return c.receipt(), c.Kiosk, nil
}

func (c compact) receipt() Receipt {
	money := func(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: c.Currency} }
	r := Receipt{No: c.No, Issued: c.Issued.time(), Bay: c.Bay, EVSE: c.EVSE, Language: c.Language, Energy: c.Energy,
		MeterSerial: c.Meter, Lines: []session.BillLine{}, Taxes: []session.BillTax{}, Total: money(c.Total),
		Held: money(c.Held), Paid: money(c.Paid), Released: money(0), Settled: c.Settled, Reason: c.Reason,
		Head:       c.Head,
		ClockDoubt: c.ClockDoubt, QR: Code(c.No, c.Head)}
	if c.Settled {
		r.Released = money(c.Held - c.Paid)
	}
	if c.Start != (moment{}) {
		start, end := c.Start.time(), c.End.time()
		r.Start, r.End, r.RegisterStart, r.RegisterEnd = &start, &end, &c.From, &c.To
	}
	for _, l := range c.Lines {
		r.Lines = append(r.Lines, session.BillLine{Dimension: l.Dimension, Price: l.Price, Volume: l.Volume,
			Amount: money(l.Amount)})
	}
	for _, t := range c.Taxes {
		r.Taxes = append(r.Taxes, session.BillTax{Percent: t.Percent, Amount: money(t.Amount)})
	}
	if c.Net != nil {
		net := money(*c.Net)
		r.Net = &net
	}
	if c.Limited {
		r.Limited = "limited"
	}
	if c.Refunded != 0 {
		refunded := money(c.Refunded)
		r.Refunded = &refunded
	}
	if len(c.Card) == 6 {
		r.Card = &Card{Brand: c.Card[0], Last4: c.Card[1], AID: c.Card[2], AuthCode: c.Card[3], TerminalID: c.Card[4],
			TraceNo: c.Card[5]}
	}
	if s := c.Signed; len(s) > 3 {
		r.Signed = &Signed{Fingerprint: s[0], PublicKey: s[1], Pages: s[2], Records: s[3:]}
	}
	if c.Unsigned {
		r.Unsigned = "the meter signed nothing"
	}
	for i := 0; i+1 < len(c.Interrupted); i += 2 {
		r.Interrupted = append(r.Interrupted, session.Span{From: c.Interrupted[i].time(),
			To: c.Interrupted[i+1].time()})
	}
	return r
}
