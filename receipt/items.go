package receipt

import (
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/tariff"
	"kioskd/ui/text"
)

// Part is where an item stands on a receipt. Parts follow each other in this order, with a rule between them.
type Part int

// Parts.
const (
	Seller Part = iota
	Facts
	Lines
	Payment
	Closing
)

// Item is a line of a receipt before it is written in a language: a text by its key with its places, what is
// multiplied, and a value, or two from one to the other. An item without a key is its value alone, one without a value
// its text.
type Item struct {
	Part  Part
	Key   string
	Args  []Value
	Times []Value
	Value []Value
	Sum   bool // what is looked for first
}

// Value is one of what an item says; exactly one of its fields is set, but for Name, and beside Number either Unit or
// Currency.
type Value struct {
	Name     string // of the place in the text
	Text     string
	Number   string         // a decimal
	Unit     string         // of the number: kWh or min
	Currency kiosk.Currency // of the number, which is a price then
	Money    *kiosk.Money
	Energy   *kiosk.Energy
	At       *time.Time
}

// Local writes a value in a language.
func (v Value) Local(p *text.Printer) string {
	switch {
	case v.Currency != "":
		return p.Decimal(v.Number, v.Currency)
	case v.Number != "" && v.Unit != "":
		return p.Quantity(v.Number, v.Unit)
	case v.Number != "":
		return p.Number(v.Number)
	case v.Money != nil:
		return p.Money(*v.Money)
	case v.Energy != nil:
		return p.Energy(*v.Energy, 3)
	case v.At != nil:
		return p.Time(*v.At)
	}
	return p.Piece(v.Text)
}

// Label is an item's text.
func (i Item) Label(p *text.Printer) string {
	if i.Key == "" {
		return ""
	}
	var pairs []any
	for _, a := range i.Args {
		pairs = append(pairs, a.Name, a.Local(p))
	}
	return p.T(i.Key, pairs...)
}

// Product is what is multiplied, or nothing.
func (i Item) Product(p *text.Printer) string { return joined(p, i.Times, " × ") }

// Local is an item's value.
func (i Item) Local(p *text.Printer) string { return joined(p, i.Value, " – ") }

func joined(p *text.Printer, values []Value, by string) string {
	var out []string
	for _, v := range values {
		out = append(out, v.Local(p))
	}
	return strings.Join(out, by)
}

// items collects items of one part after the other.
type items struct {
	part Part
	all  []Item
}

func (r *items) add(key string, values ...Value) *Item {
	r.all = append(r.all, Item{Part: r.part, Key: key, Value: values})
	return &r.all[len(r.all)-1]
}

// text adds an item, or none where there is nothing to say.
func (r *items) text(key, value string) {
	for _, line := range strings.Split(value, "\n") { // an address may have several
		line = strings.TrimSpace(line)
		if line != "" {
			r.add(key, Value{Text: line})
		}
	}
}

func (r *items) money(key string, m kiosk.Money) *Item { return r.add(key, Value{Money: &m}) }

// Items are all that a receipt says, in the order in which it is printed, shown and sent.
func (r Receipt) Items() []Item {
	out := &items{part: Seller}
	out.text("", r.Seller["name"])
	out.text("", r.Seller["address"])
	out.text("receipt.vat_id", r.Seller["vat_id"])
	out.part = Facts
	r.facts(out)
	out.part = Lines
	for _, l := range r.Lines {
		item := out.money("receipt.line."+string(l.Dimension), l.Amount)
		item.Times = []Value{{Number: l.Volume, Unit: unit(l.Dimension)},
			{Number: l.Price, Currency: l.Amount.Currency}}
	}
	if r.Limited != "" {
		out.add("receipt.limited")
	}
	if r.Net != nil {
		out.money("receipt.net", *r.Net)
	}
	for _, t := range r.Taxes {
		out.money("receipt.vat", t.Amount).Args = []Value{{Name: "P", Number: t.Percent}}
	}
	out.money("receipt.total", r.Total).Sum = true
	out.part = Payment
	r.payment(out)
	out.part = Closing
	out.add("reason." + r.Reason)
	if phone := r.Seller["helpline"]; phone != "" {
		out.add("help").Args = []Value{{Name: "Phone", Text: phone}}
	}
	return out.all
}

// unit is what a price's volume is counted in; nothing for a price of once.
func unit(d tariff.Dimension) string {
	switch d {
	case tariff.Energy:
		return "kWh"
	case tariff.Time, tariff.Parking:
		return "min"
	}
	return ""
}

func (r Receipt) facts(out *items) {
	out.text("receipt.no", r.No)
	out.add("receipt.date", Value{At: &r.Issued})
	out.text("receipt.bay", strconv.Itoa(r.Bay))
	out.text("receipt.evse", r.EVSE)
	if r.Start == nil {
		return
	}
	out.add("receipt.start", Value{At: r.Start})
	out.add("receipt.end", Value{At: r.End})
	for _, g := range r.Interrupted {
		out.add("receipt.interrupted", Value{At: &g.From}, Value{Text: g.To.Format(time.TimeOnly)})
	}
	if r.ClockDoubt {
		out.add("receipt.clock")
	}
	out.text("receipt.meter_no", r.MeterSerial)
	if r.Unsigned != "" { // nothing says what was delivered
		out.add("receipt.unsigned")
		return
	}
	out.add("receipt.register", Value{Number: r.RegisterStart.KWh(3)}, Value{Energy: r.RegisterEnd})
	out.add("receipt.energy", Value{Energy: &r.Energy})
	if s := r.Signed; s != nil {
		out.text("receipt.signed", s.Pages)
		out.text("receipt.key", s.Fingerprint)
	}
}

func (r Receipt) payment(out *items) {
	out.money("receipt.held", r.Held)
	if r.Settled {
		out.money("receipt.paid", r.Paid).Sum = true
		out.money("receipt.released", r.Released)
	} else {
		out.money("receipt.not_yet", r.Total).Sum = true
	}
	if r.Refunded != nil {
		out.money("receipt.refunded", *r.Refunded)
	}
	c := r.Card
	if c == nil { // it was given away
		return
	}
	card := c.Brand
	if c.Last4 != "" {
		card += " **** " + c.Last4
	}
	out.text("receipt.card", card)
	out.text("receipt.aid", c.AID)
	out.text("receipt.auth", c.AuthCode)
	out.text("receipt.terminal", strings.Trim(c.TerminalID+" / "+c.TraceNo, " /"))
}
