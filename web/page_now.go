package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/report"
)

// nowPage is what a host sees first.
type nowPage struct {
	Figures *figures // nil without the scope for reports
	Bays    []bayCard
	Kiosks  []kioskCard // in the place of bays, at a back office
	Faults  []faultCard
}

// figures are what was sold, and whether it adds up.
type figures struct {
	Cards []card
	Adds  report.Local
	Chart template.HTML
	Heat  template.HTML
	Away  int64 // visitors who found every bay taken
}

// card is a figure with what it means.
type card struct {
	Title, Big, Small string
	Warn              bool
}

// bayCard is a bay with what may be done at it.
type bayCard struct {
	Number    int
	State     string
	Class     string // of its colour
	Facts     string
	Reference string
	Close     bool
	Open      bool
	Free      bool
	Stop      bool
}

// faultCard is a fault with what to do.
type faultCard struct {
	Code, Title, Do string
	Warn            bool
}

// words and colours of the states of bays.
func bayWords(state string) (key, class string) {
	switch state {
	case "free":
		return "bay.free", "good"
	case "plugged":
		return "web.plugged", "good"
	case "chosen", "paying":
		return "web." + state, "plain"
	case "paid":
		return "web.waits", "good"
	case "charging":
		return "web.charging", "strong"
	case "paused", "ending":
		return "web." + state, "plain"
	}
	return "bay.out_of_order", "warn"
}

func (v *view) bays() (out []bayCard) {
	for _, b := range v.Now.Bays {
		key, class := bayWords(b.State)
		c := bayCard{Number: b.Number, State: v.T(key), Class: class}
		var facts []string
		if b.State == "charging" && b.Power != nil {
			c.State += " " + v.Power(*b.Power)
		}
		if b.Energy != nil {
			facts = append(facts, v.Energy(*b.Energy, 2))
		}
		if b.Cost != nil {
			facts = append(facts, v.Money(*b.Cost))
		}
		if b.Held != nil {
			facts = append(facts, v.T("join.pair", "Name", v.T("report.col.held"), "Value", v.Money(*b.Held)))
		}
		if b.Since != nil {
			facts = append(facts, v.Clock(b.Since.In(v.Now.At.Location())))
		}
		if b.Fault != "" {
			facts = append(facts, string(b.Fault)+" "+v.T(b.Fault.TextKey("title")))
		}
		c.Facts = strings.Join(facts, " · ")
		if v.May(kiosk.ScopeReports) {
			c.Reference = b.Reference
		}
		running := b.State == "charging" || b.State == "paused" || b.State == "paid"
		c.Stop = running && b.Reference != "" && v.May(kiosk.ScopeControl)
		c.Open = b.Fault == kiosk.FaultBayShut && v.May(kiosk.ScopeControl)
		c.Close = !c.Open && b.State != "out_of_order" && v.May(kiosk.ScopeControl)
		c.Free = (b.State == "free" || b.State == "plugged") && v.May(kiosk.ScopeMoney)
		out = append(out, c)
	}
	return out
}

// faults are those that last, of one kiosk where a back office names it.
func (v *view) faults(of string) (out []faultCard) {
	for _, f := range v.Now.Faults {
		if of != "" && f.Kiosk != of {
			continue
		}
		title := v.T(f.Code.TextKey("title"))
		if f.Bay > 0 {
			title = v.T("join.pair", "Name", v.T("bay", "N", f.Bay), "Value", title)
		}
		if f.Kiosk != "" {
			title = v.T("join.pair", "Name", f.Kiosk, "Value", title)
		}
		part := "technician"
		if f.Acts == kiosk.Host {
			part = "host"
		}
		out = append(out, faultCard{string(f.Code), title, v.T(f.Code.TextKey(part)), f.Severity != kiosk.Warning})
	}
	return out
}

func (s *server) showNow(v *view) error {
	p, err := v.present()
	if err == nil && v.May(kiosk.ScopeReports) {
		p.Figures, err = v.figures()
	}
	v.Template, v.Body = "now", p
	return err
}

// present is what changes by the second.
func (v *view) present() (p *nowPage, err error) {
	p = &nowPage{Bays: v.bays(), Faults: v.faults("")}
	if v.Many {
		p.Kiosks, err = v.kioskCards()
	}
	return p, err
}

// figures reads what was sold.
func (v *view) figures() (*figures, error) {
	f := &figures{}
	ctx, now := v.r.Context(), v.Now.At
	today := now.Format(time.DateOnly)
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
	month := report.Window{From: first.Format(time.DateOnly), To: today}
	err := v.server.site.Book(ctx, func(b *report.Book) error {
		day, err := v.sold(ctx, b, v.T("staff.page.today"), report.Window{From: today, To: today})
		if err != nil {
			return err
		}
		all, err := v.sold(ctx, b, v.T("staff.page.month"), month)
		if err != nil {
			return err
		}
		f.Cards = []card{day, all}
		f.Chart, err = v.dayChart(ctx, b, month)
		if err != nil {
			return err
		}
		weeks := report.Window{From: now.AddDate(0, 0, -27).Format(time.DateOnly), To: today}
		f.Heat, err = v.heat(ctx, b, weeks)
		if err != nil {
			return err
		}
		visits, err := b.Visits(ctx, report.Window{From: now.AddDate(0, 0, -6).Format(time.DateOnly), To: today})
		if err != nil {
			return err
		}
		f.Away = visits[kiosk.CountTurnAway]
		ends, err := b.DayEndTable(ctx, report.Window{From: now.AddDate(0, 0, -6).Format(time.DateOnly), To: today})
		if err != nil {
			return err
		}
		f.Adds = ends.In(v.Printer, true)
		return nil
	})
	if err != nil {
		return nil, err
	}
	open, err := v.unsettled()
	f.Cards = append(f.Cards, open)
	return f, err
}

// sold is what was taken in a window.
func (v *view) sold(ctx context.Context, b *report.Book, title string, w report.Window) (card, error) {
	groups, err := b.RevenueBy(ctx, w, report.ByMonth)
	if err != nil {
		return card{}, err
	}
	c := card{Title: title, Big: v.Money(kiosk.Money{Currency: v.Now.Currency})}
	var amounts []string
	sessions, energy := 0, kiosk.Energy(0)
	refunded := ""
	for _, r := range report.Total(groups) {
		amounts = append(amounts, v.Money(r.Kept))
		sessions, energy = sessions+r.Sessions+r.Free, energy+r.Energy
		if r.Refunded.Minor > 0 {
			refunded += " · " + v.T("join.pair", "Name", v.T("report.col.refunded"), "Value", v.Money(r.Refunded))
		}
	}
	if len(amounts) > 0 {
		c.Big = strings.Join(amounts, " · ")
	}
	c.Small = v.T("host.sessions", "N", sessions) + " · " + v.Energy(energy, 1) + refunded
	return c, nil
}

// unsettled is the money that is not where it belongs yet.
func (v *view) unsettled() (card, error) {
	c := card{Title: v.T("report.state.unsettled"), Big: v.Money(kiosk.Money{Currency: v.Now.Currency}),
		Small: v.T("money.none")}
	items, err := v.server.site.Unsettled(v.r.Context())
	if err != nil || len(items) == 0 {
		return c, err
	}
	sum := kiosk.Money{Currency: items[0].Held.Currency}
	since := items[0].Since
	for _, i := range items {
		sum, err = sum.Add(i.Held)
		if err != nil {
			return c, err
		}
		if i.Since.Before(since) {
			since = i.Since
		}
	}
	c.Big = fmt.Sprintf("%d · %s", len(items), v.Money(sum))
	c.Small, c.Warn = v.Minute(since.In(v.Now.At.Location())), true
	return c, nil
}

// live streams the bays and faults whenever they change, and then the figures, once a minute at most: the page puts
// them in the place of those that it has.
func (s *server) live(w http.ResponseWriter, r *http.Request, by string) error {
	last, figured, owed := "", s.now(), false
	who, _ := s.visitor(r)
	language := s.languageOf(r)
	return s.stream(w, r, by, func() bool { _, in := s.visitor(r); return in }, func() error {
		parts, err := s.shared(language, who, func() *view { return s.newView(w, r, who) })
		if err != nil {
			return err
		}
		if string(parts) != last {
			last, owed = string(parts), slices.Contains(who.Scopes, kiosk.ScopeReports)
			sendPart(w, "bays", parts)
		}
		if !owed || s.now().Sub(figured) < time.Minute {
			return nil
		}
		figured, owed = s.now(), false
		p := &nowPage{}
		v := s.newView(w, r, who)
		v.Body = p
		p.Figures, err = v.figures()
		if err != nil {
			return err
		}
		for _, name := range []string{"cards", "figures"} {
			parts, err = v.text(name)
			if err != nil {
				return err
			}
			sendPart(w, name, parts)
		}
		return nil
	})
}

// livePart is what is shown of the present, when it was drawn.
type livePart struct {
	at   time.Time
	text []byte
}

// shared is the part of the page that changes by the second. It is drawn once for all who see the same, by language and
// scopes: a watcher waits for a second after a change, and takes none that is older than that.
func (s *server) shared(language string, who Person, newView func() *view) ([]byte, error) {
	key := fmt.Sprint(language, who.Scopes)
	s.drawing.Lock()
	defer s.drawing.Unlock()
	at := s.now()
	if was, ok := s.drawn[key]; ok && at.Sub(was.at) < beat {
		return was.text, nil
	}
	v := newView()
	p, err := v.present()
	if err != nil {
		return nil, err
	}
	v.Body = p
	text, err := v.text("live")
	if err == nil {
		s.drawn[key] = livePart{at, text}
	}
	return text, err
}

// sendPart sends a part of the page as an event.
func sendPart(w http.ResponseWriter, name string, part []byte) {
	fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, strings.ReplaceAll(strings.TrimSpace(string(part)), "\n",
		"\ndata: "))
}
