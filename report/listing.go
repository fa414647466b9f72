package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/session"
)

// Filter is which sessions of a window are listed. An empty field asks for nothing.
type Filter struct {
	Outcome   Outcome
	Last4     string
	Reference string // as a person types it
}

func (f Filter) has(s Session) bool {
	return (f.Outcome == "" || s.Outcome == f.Outcome) && (f.Last4 == "" || s.Last4 == f.Last4) &&
		(f.Reference == "" || s.Reference == f.Reference || s.ID == f.Reference)
}

// Check tells what is wrong with a filter, and puts the reference into its own form.
func (f *Filter) Check() error {
	if f.Outcome != "" && !slices.Contains(Outcomes(), f.Outcome) {
		return &Wrong{fmt.Sprintf("state %q: want one of %v", f.Outcome, Outcomes())}
	}
	if f.Last4 != "" && (len(f.Last4) != 4 || strings.Trim(f.Last4, "0123456789") != "") {
		return &Wrong{fmt.Sprintf("card %q: want its last four digits", f.Last4)}
	}
	if ref, err := kiosk.ParseReference(f.Reference); err == nil {
		f.Reference = ref
	}
	return nil
}

// SessionTable is the report of sessions, oldest first.
func (b *Book) SessionTable(ctx context.Context, w Window, f Filter) (Table, error) {
	t := Table{Name: "sessions", Window: w, Columns: []Column{{"kiosk", Text}, {"reference", Text},
		{"chosen_at", Moment}, {"bay", Text}, {"state", Text}, {"end_reason", Text}, {"start", Moment}, {"end", Moment},
		{"energy_wh", Energy}, {"held", Amount}, {"billed", Amount}, {"captured", Amount}, {"released", Amount},
		{"refunded", Amount}, {"currency", Text}, {"card", Text}, {"last4", Text}, {"auth_code", Text},
		{"receipt_no", Text}, {"session_id", Text}},
		Minor: []string{"start", "currency", "card", "auth_code", "receipt_no", "session_id"}}
	for s, err := range b.Sessions(ctx, w) {
		if err != nil {
			return t, err
		}
		if !f.has(s) {
			continue
		}
		zone := s.Zone()
		t.Rows = append(t.Rows, []any{s.Kiosk, s.Reference, s.At.In(zone), strconv.Itoa(s.Bay), string(s.Outcome),
			word(s.Reason), moment(s.Start, zone), moment(s.End, zone), s.Energy, money(s.Held), money(s.Billed),
			money(s.Paid), money(s.Returned), money(s.refunded()), word(s.Currency), word(s.Card), word(s.Last4),
			word(s.AuthCode), word(string(s.ReceiptNo)), s.ID})
	}
	return b.shown(t), nil
}

// refunded is what was given back outside of the terminal; nil for nothing.
func (s Session) refunded() *kiosk.Money {
	var sum *kiosk.Money
	for _, r := range s.Refunds {
		if sum == nil {
			sum = &kiosk.Money{Currency: r.Amount.Currency}
		}
		sum.Minor += r.Amount.Minor
	}
	return sum
}

// FaultTable is the report of faults, oldest first.
func (b *Book) FaultTable(ctx context.Context, w Window) (Table, error) {
	zone, err := b.siteZone(ctx, w)
	if err != nil {
		return Table{}, err
	}
	t := Table{Name: "faults", Window: w, Columns: []Column{{"kiosk", Text}, {"fault", Text}, {"bay", Text},
		{"severity", Text}, {"acts", Text}, {"raised_at", Moment}, {"cleared_at", Moment}, {"lasted_s", Seconds},
		{"cleared_by", Text}, {"error", Text}}}
	for s, err := range b.Faults(ctx, w) {
		if err != nil {
			return t, err
		}
		lasted := any(nil)
		if s.Until != nil {
			lasted = int64(s.Until.Sub(s.At) / time.Second)
		}
		t.Rows = append(t.Rows, []any{s.Kiosk, string(s.Code), numbered(s.Bay), word(s.Severity), word(s.Acts),
			s.At.In(zone), moment(s.Until, zone), lasted, word(s.By), word(s.Error)})
	}
	return b.shown(t), nil
}

// security are the kinds of occurrences that the report on security lists.
var security = []session.Kind{session.AccessGranted, session.AccessRefused, session.Alert, session.MeterSwapped,
	session.ContactorTest, session.InstructionTaken, session.InstructionDone, session.InstructionRefused,
	session.TransactionRefused, session.ClockJudged, session.ClockSet, session.Login, session.LoginRefused,
	session.CommandGiven, session.AccessChanged, session.Inspected}

// alarming are the faults that may be an attack, or the loss of what proves a sale.
var alarming = []kiosk.FaultCode{kiosk.FaultTerminalOther, kiosk.FaultMeterOther, kiosk.FaultEnergyUnsold,
	kiosk.FaultMeterUnsigned, kiosk.FaultJournalNew, kiosk.FaultOfficeDiffers, kiosk.FaultCertificateEnds,
	kiosk.FaultEmergencyStop, kiosk.FaultClockUntrusted}

// SecurityTable is the report of who was let in, what was done by hand, and what may be an attack.
func (b *Book) SecurityTable(ctx context.Context, w Window) (Table, error) {
	zone, err := b.siteZone(ctx, w)
	if err != nil {
		return Table{}, err
	}
	t := Table{Name: "security", Window: w, Columns: []Column{{"kiosk", Text}, {"at", Moment}, {"what", Text},
		{"bay", Text}, {"by", Text}, {"session", Text}, {"detail", Text}, {"error", Text}}}
	line := func(kiosk string, at time.Time, what string, bay int, by, reference, detail, wrong string) {
		t.Rows = append(t.Rows, []any{kiosk, at.In(zone), what, numbered(bay), word(by), word(reference),
			word(detail), word(wrong)})
	}
	for o, err := range b.Occurrences(ctx, w) {
		if err != nil {
			return t, err
		}
		if slices.Contains(security, o.Kind) {
			line(o.Kiosk, o.At, string(o.Kind), o.Bay, o.By, "", o.What, o.Error)
		}
	}
	for s, err := range b.Faults(ctx, w) {
		if err != nil {
			return t, err
		}
		if slices.Contains(alarming, s.Code) {
			line(s.Kiosk, s.At, "fault_raised", s.Bay, s.RaisedBy, "", string(s.Code), s.Error)
			if s.Until != nil {
				line(s.Kiosk, *s.Until, "fault_cleared", s.Bay, s.By, "", string(s.Code), "")
			}
		}
	}
	for m, err := range b.Movements(ctx, w) {
		if err != nil {
			return t, err
		}
		if m.What == Refunds {
			line(m.Kiosk, m.At, "refunded", m.Bay, m.By, m.Reference, m.Amount.String(), "")
		}
	}
	for s, err := range b.Sessions(ctx, w) {
		if err != nil {
			return t, err
		}
		for _, a := range s.Alerts {
			line(s.Kiosk, a.At, "alert", s.Bay, "", s.Reference, a.Rule, "")
		}
	}
	slices.SortStableFunc(t.Rows, func(a, b []any) int { return a[1].(time.Time).Compare(b[1].(time.Time)) })
	return b.shown(t), nil
}

// Device is a meter or a card terminal as the journal met it.
type Device struct {
	Kiosk    string       `json:"kiosk_id,omitempty"`
	Kind     string       `json:"device"` // meter or terminal
	Bay      int          `json:"bay,omitempty"`
	Serial   string       `json:"serial"` // of a terminal its id
	First    time.Time    `json:"first_seen"`
	Last     time.Time    `json:"last_seen"`
	Sessions int          `json:"sessions"`
	Register kiosk.Energy `json:"register_wh,omitempty"` // its last
	// The last inspection for tampering, whenever it was; nil where there is none.
	InspectedAt *time.Time `json:"inspected_at,omitempty"`
	InspectedBy string     `json:"inspected_by,omitempty"`
	Found       string     `json:"found,omitempty"` // what was wrong then
}

// InspectEvery is how long an inspection counts: a device is due again after it (PCI DSS 4.0, requirement 9.5.1.2,
// leaves the time to the host's own judgement of the risk).
const InspectEvery = 90 * 24 * time.Hour

// Devices lists the meters and terminals that sessions of a window had.
func (b *Book) Devices(ctx context.Context, w Window) ([]Device, error) {
	found := map[string]*Device{}
	see := func(s Session, kind string, bay int, serial string) *Device {
		key, at := fmt.Sprintf("%q %s %d %s", s.Kiosk, kind, bay, serial), s.At
		if found[key] == nil {
			found[key] = &Device{Kiosk: s.Kiosk, Kind: kind, Bay: bay, Serial: serial, First: at}
		}
		d := found[key]
		d.Last = at
		d.Sessions++
		return d
	}
	for s, err := range b.Sessions(ctx, w) {
		if err != nil {
			return nil, err
		}
		if s.TerminalID != "" {
			see(s, "terminal", 0, s.TerminalID)
		}
		if s.RegisterEnd != nil {
			see(s, "meter", s.Bay, s.Meter).Register = *s.RegisterEnd
		}
	}
	if err := b.inspected(ctx, found); err != nil {
		return nil, err
	}
	out := make([]Device, 0, len(found))
	for _, d := range found {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b Device) int {
		return cmp.Or(cmp.Compare(a.Kiosk, b.Kiosk), -cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Bay, b.Bay),
			a.First.Compare(b.First))
	})
	return out, nil
}

// inspected adds to devices when a person looked at them last.
func (b *Book) inspected(ctx context.Context, devices map[string]*Device) error {
	for o, err := range b.Occurrences(ctx, Window{}) {
		if err != nil {
			return err
		}
		if o.Kind != session.Inspected {
			continue
		}
		for _, d := range devices {
			name := "terminal"
			if d.Kind == "meter" {
				name = fmt.Sprintf("bay %d", d.Bay)
			}
			said, its := strings.CutPrefix(o.What, name+" "+d.Serial)
			if its && d.Kiosk == o.Kiosk && (said == "" || strings.HasPrefix(said, ":")) {
				at := o.At
				d.InspectedAt, d.InspectedBy, d.Found = &at, o.By, strings.TrimPrefix(said, ": ")
			}
		}
	}
	return nil
}

// DeviceTable is the report of meters and terminals.
func (b *Book) DeviceTable(ctx context.Context, w Window) (Table, error) {
	zone, err := b.siteZone(ctx, w)
	if err != nil {
		return Table{}, err
	}
	t := Table{Name: "devices", Window: w, Columns: []Column{{"kiosk", Text}, {"device", Text}, {"bay", Text},
		{"serial", Text}, {"first_seen", Moment}, {"last_seen", Moment}, {"sessions", Count}, {"register_wh", Energy},
		{"inspected_at", Moment}, {"inspected_by", Text}, {"due_at", Moment}, {"found", Text}},
		Minor: []string{"first_seen", "inspected_by"}}
	all, err := b.Devices(ctx, w)
	if err != nil {
		return t, err
	}
	for _, d := range all {
		register := any(nil)
		if d.Kind == "meter" {
			register = d.Register
		}
		inspected, due := any(nil), any(d.First.In(zone)) // what was never looked at is due since it is here
		if d.InspectedAt != nil {
			inspected, due = d.InspectedAt.In(zone), d.InspectedAt.Add(InspectEvery).In(zone)
		}
		t.Rows = append(t.Rows, []any{d.Kiosk, d.Kind, numbered(d.Bay), word(d.Serial), d.First.In(zone),
			d.Last.In(zone), d.Sessions, register, inspected, word(d.InspectedBy), due, word(d.Found)})
	}
	return b.shown(t), nil
}

// DayEnd is a day of the terminal: from one end-of-day to the next.
type DayEnd struct {
	Kiosk    string       `json:"kiosk_id,omitempty"`
	From     *time.Time   `json:"from,omitempty"` // the end-of-day before; nil for the beginning of the journal
	To       *time.Time   `json:"to,omitempty"`   // nil for the day that lasts
	Sessions int          `json:"sessions"`
	Captured kiosk.Money  `json:"captured"`           // as the journal has it
	Terminal *kiosk.Money `json:"terminal,omitempty"` // as the terminal counted it; nil where it does not say
}

// DayEnds compares what the journal captured between the ends-of-day with what the terminal counted: the days of the
// terminal that ended in the window, and where it has no last day, the one that lasts. The terminal's day is the whole
// site's. Captures in another currency than the terminal counted are a day of their own, without its word.
func (b *Book) DayEnds(ctx context.Context, w Window) (out []DayEnd, err error) {
	if w.Bay != 0 {
		return nil, &Wrong{"the terminal's day is of all bays: it cannot be asked for one"}
	}
	all, err := b.journals(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, w.Kiosk = range all {
		days, err := b.dayEnds(ctx, w)
		if err != nil {
			return nil, err
		}
		out = append(out, days...)
	}
	return out, nil
}

// dayEnds are those of one kiosk.
func (b *Book) dayEnds(ctx context.Context, w Window) (out []DayEnd, err error) {
	zone, err := b.siteZone(ctx, w)
	if err != nil {
		return nil, err
	}
	var ends []Occurrence
	for o, err := range b.Occurrences(ctx, Window{Kiosk: w.Kiosk}) {
		if err != nil {
			return nil, err
		}
		if o.Kind == session.DayEnded {
			ends = append(ends, o)
		}
	}
	slices.SortFunc(ends, func(a, b Occurrence) int { return a.At.Compare(b.At) })
	days := make([][]DayEnd, len(ends)+1)
	for m, err := range b.Movements(ctx, Window{Kiosk: w.Kiosk}) {
		if err != nil {
			return nil, err
		}
		if m.What != Capture {
			continue
		}
		i, _ := slices.BinarySearchFunc(ends, m.At, func(o Occurrence, at time.Time) int {
			return o.At.Compare(at)
		})
		n := slices.IndexFunc(days[i], func(d DayEnd) bool { return d.Captured.Currency == m.Amount.Currency })
		if n < 0 {
			n = len(days[i])
			days[i] = append(days[i], DayEnd{Captured: kiosk.Money{Currency: m.Amount.Currency}})
		}
		days[i][n].Sessions++
		days[i][n].Captured.Minor += m.Amount.Minor
	}
	for i := range days {
		out = append(out, ofDay(days[i], ends, i, w, zone)...)
	}
	return out, nil
}

// ofDay are the rows of a day of the terminal, where the window has it.
func ofDay(rows []DayEnd, ends []Occurrence, i int, w Window, zone *time.Location) []DayEnd {
	lasts := i == len(ends)
	if lasts && w.To != "" {
		return nil
	}
	if !lasts {
		day := ends[i].At.In(zone).Format(time.DateOnly)
		if day < w.From || day > w.to() {
			return nil
		}
	}
	if len(rows) == 0 {
		rows = []DayEnd{{}}
	}
	for n := range rows {
		d := &rows[n]
		d.Kiosk = w.Kiosk
		if i > 0 {
			d.From = &ends[i-1].At
		}
		if lasts {
			continue
		}
		d.To = &ends[i].At
		said := ends[i].Amount
		if said != nil && (d.Captured.Currency == "" || d.Captured.Currency == said.Currency) {
			d.Terminal = said
		}
	}
	return rows
}

// DayEndTable is the report of the terminal's days.
func (b *Book) DayEndTable(ctx context.Context, w Window) (Table, error) {
	zone, err := b.siteZone(ctx, w)
	if err != nil {
		return Table{}, err
	}
	t := Table{Name: "reconcile", By: "day_end", Window: w, Columns: []Column{{"kiosk", Text}, {"from", Moment},
		{"to", Moment}, {"sessions", Count}, {"captured", Amount}, {"terminal", Amount}, {"difference", Amount},
		{"currency", Text}}, Minor: []string{"currency"}}
	days, err := b.DayEnds(ctx, w)
	for _, d := range days {
		difference := any(nil)
		if d.Terminal != nil {
			c := cmp.Or(d.Terminal.Currency, d.Captured.Currency)
			d.Captured.Currency = c
			difference = kiosk.Money{Minor: d.Captured.Minor - d.Terminal.Minor, Currency: c}
		}
		t.Rows = append(t.Rows, []any{d.Kiosk, moment(d.From, zone), moment(d.To, zone), d.Sessions, d.Captured,
			money(d.Terminal), difference, word(d.Captured.Currency)})
	}
	return b.shown(t), err
}

// Page lists sessions of a window, the newest first: at most limit, after the one of an id, or from the newest on where
// it is empty. next is the id after which the following page begins; nil at the end.
func (b *Book) Page(ctx context.Context, w Window, f Filter, after string, limit int) (page []Session, next *string,
	err error) {
	page = []Session{}
	for s, err := range b.newest(ctx, w, after) {
		if err != nil {
			return nil, nil, err
		}
		if !f.has(s) {
			continue
		}
		if len(page) == limit {
			return page, &page[limit-1].ID, nil
		}
		page = append(page, s)
	}
	return page, nil, nil
}
