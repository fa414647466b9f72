package web

import (
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/report/dispute"
)

// sessionsPage lists sessions, the newest first.
type sessionsPage struct {
	From, To, Bay, State, Card, Reference string
	States                                []option
	Bays                                  []option
	Rows                                  []sessionRow
	Older                                 string // address of the following page
}

// option is one of a choice.
type option struct {
	Value, Text string
	Chosen      bool
}

// sessionRow is a session in the list.
type sessionRow struct {
	Link, Kiosk, Reference, At, State, Energy, Amount, Card, Class string
	Bay                                                            int
}

// stateClass is the colour of what became of a session.
func stateClass(o report.Outcome) string {
	switch o {
	case report.Sold, report.Free:
		return "good"
	case report.Unsettled, report.Disputed, report.Unreadable:
		return "warn"
	case report.Ongoing:
		return "strong"
	}
	return "plain"
}

// link is by what a session is found: several kiosks may have made the same reference.
func (v *view) link(reference, id, of string) string {
	if v.Many {
		return id + "@" + of
	}
	return reference
}

func (v *view) sessionRow(x report.Session) sessionRow {
	r := sessionRow{Link: v.link(x.Reference, x.ID, x.Kiosk), Kiosk: x.Kiosk, Reference: x.Reference,
		At:     v.Minute(x.At.In(x.Zone())),
		State:  v.T("report.state." + string(x.Outcome)),
		Energy: v.Energy(x.Energy, 3), Bay: x.Bay, Class: stateClass(x.Outcome), Amount: "–", Card: "–"}
	switch {
	case x.Paid != nil:
		r.Amount = v.Money(*x.Paid)
	case x.Billed != nil:
		r.Amount = v.Money(*x.Billed)
	}
	if x.Last4 != "" {
		r.Card = strings.TrimSpace(x.Card + " " + x.Last4)
	}
	return r
}

func (s *server) showSessions(v *view) error {
	w, err := s.window(v.r)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	f := report.Filter{Outcome: report.Outcome(q.Get("state")), Last4: q.Get("card"), Reference: q.Get("reference")}
	if err := f.Check(); err != nil {
		return err
	}
	p := &sessionsPage{From: w.From, To: w.To, Bay: q.Get("bay"), State: q.Get("state"), Card: q.Get("card"),
		Reference: q.Get("reference")}
	for _, o := range report.Outcomes() {
		p.States = append(p.States, option{string(o), v.T("report.state." + string(o)), f.Outcome == o})
	}
	for _, b := range v.Now.Bays {
		p.Bays = append(p.Bays, option{strconv.Itoa(b.Number), strconv.Itoa(b.Number), w.Bay == b.Number})
	}
	err = s.site.Book(v.r.Context(), func(b *report.Book) error {
		page, next, err := b.Page(v.r.Context(), w, f, q.Get("after"), 50)
		for _, x := range page {
			p.Rows = append(p.Rows, v.sessionRow(x))
		}
		if next != nil {
			older := url.Values{}
			for k, values := range q {
				if k != "after" && values[0] != "" {
					older.Set(k, values[0])
				}
			}
			older.Set("after", *next)
			p.Older = "/sessions?" + older.Encode()
		}
		return err
	})
	v.Template, v.Body = "sessions", p
	return err
}

// sessionPage is one session.
type sessionPage struct {
	Row       sessionRow
	Facts     []fact
	Steps     []fact
	Events    []dispute.Step // record by record, in English
	Curve     template.HTML
	Stop      bool
	Refund    string // key of a refund; empty where none can be made
	Most      string // that can be refunded
	Receipt   bool
	Dispute   bool
	Link      string
	Reference string
}

// fact is a name with its value.
type fact struct{ Name, Value string }

func (s *server) showSession(v *view) error {
	id, err := s.named(v.r)
	if err != nil {
		return err
	}
	var records []kiosk.Record
	for r, err := range s.site.Records(v.r.Context(), id) {
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	x, err := s.row(v.r.Context(), id)
	if err == nil && v.Many {
		x.Kiosk, err = s.many.KioskOf(v.r.Context(), id)
	}
	if err != nil {
		return err
	}
	p := &sessionPage{Row: v.sessionRow(x), Link: v.link(x.Reference, x.ID, x.Kiosk), Reference: x.Reference,
		Facts:  v.facts(x),
		Steps:  v.steps(x),
		Events: dispute.Steps(records, x.Zone()), Receipt: x.Held != nil, Dispute: v.May(kiosk.ScopeMoney)}
	p.Curve = v.curve(p.Events, x.Zone())
	p.Stop = x.Outcome == report.Ongoing && x.Held != nil && v.May(kiosk.ScopeControl)
	if left := kept(x); left.Minor > 0 && v.May(kiosk.ScopeMoney) && !v.Many {
		p.Most = left.Decimal()
		p.Refund = strconv.Itoa(len(x.Refunds) + 1) // told twice, it is the same one
	}
	v.Title = v.T("join.pair", "Name", v.T("report.col.session"), "Value", x.Reference)
	v.Template, v.Body = "session", p
	return nil
}

// kept is what is left of what was taken.
func kept(x report.Session) kiosk.Money {
	if x.Paid == nil {
		return kiosk.Money{}
	}
	left := *x.Paid
	for _, r := range x.Refunds {
		less, err := left.Sub(r.Amount)
		if err != nil {
			return kiosk.Money{}
		}
		left = less
	}
	return left
}

func (v *view) facts(x report.Session) (out []fact) {
	say := func(key, value string) {
		if value != "" {
			out = append(out, fact{v.T(key), value})
		}
	}
	money := func(key string, m *kiosk.Money) {
		if m != nil {
			say(key, v.Money(*m))
		}
	}
	say("report.col.kiosk", x.Kiosk)
	say("report.col.bay", strconv.Itoa(x.Bay))
	say("receipt.evse", x.EVSE)
	if x.Reason != "" {
		say("report.col.end_reason", v.T("reason."+string(x.Reason)))
	}
	say("report.col.energy_wh", v.Energy(x.Energy, 3))
	if x.RegisterStart != nil && x.RegisterEnd != nil {
		say("receipt.register", v.Span(v.Energy(*x.RegisterStart, 3), v.Energy(*x.RegisterEnd, 3)))
	}
	say("report.col.meter_serial", x.Meter)
	money("report.col.held", x.Held)
	money("report.col.billed", x.Billed)
	money("report.col.net", x.Net)
	money("report.col.captured", x.Paid)
	money("report.col.released", x.Returned)
	for _, r := range x.Refunds {
		amount := r.Amount
		money("report.col.refunded", &amount)
	}
	if x.Last4 != "" {
		say("report.col.card", strings.TrimSpace(x.Card+" "+x.Last4))
	}
	say("report.col.auth_code", x.AuthCode)
	say("receipt.terminal", strings.Trim(x.TerminalID+" / "+x.TraceNo, " /"))
	say("report.col.tariff", x.Tariff)
	say("report.col.error", x.Error)
	return out
}

// steps are the moments of a session that people ask for.
func (v *view) steps(x report.Session) (out []fact) {
	for _, s := range []struct {
		key string
		at  *time.Time
	}{{"report.col.chosen_at", &x.At}, {"web.accepted", x.OfferedAt}, {"report.col.held", x.HeldAt},
		{"web.plugged", x.PluggedAt}, {"web.power_on", x.ClosedAt}, {"report.col.charging_s", x.FlowAt},
		{"web.power_off", x.OpenedAt}, {"web.settled", x.SettledAt}, {"receipt.title", x.FinalAt}} {
		if s.at != nil {
			out = append(out, fact{v.T(s.key), v.Time(s.at.In(x.Zone()))})
		}
	}
	return out
}
