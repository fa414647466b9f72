package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/report/statement"
	"kioskd/tariff"
)

// moneyPage is what was sold, and whether it adds up.
type moneyPage struct {
	From, To, By string
	Of           string // one kiosk of a back office
	Groups       []option
	Chart        template.HTML
	Revenue      report.Local
	Days         report.Local
	Open         []openRow
	Query        template.URL // of the files
	Matches      *report.Local
}

// openRow is money that is not where it belongs yet.
type openRow struct{ Link, Kiosk, Reference, Since, Amount, What string }

// files is what is asked of the API for the files of a page. It is encoded: the template must not do so again.
func (v *view) files(w report.Window, by string) template.URL {
	q := url.Values{"from": {w.From}, "to": {w.To}, "language": {v.Language}}
	for name, value := range map[string]string{"by": by, "kiosk": w.Kiosk} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return template.URL(q.Encode())
}

// days is the window that a page asks for: the present month where it says nothing.
func (v *view) days() (report.Window, error) {
	w, err := v.server.window(v.r)
	if w.From == "" && w.To == "" {
		now := v.Now.At
		w.From = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location()).Format(time.DateOnly)
		w.To = now.Format(time.DateOnly)
	}
	return w, err
}

func (s *server) showMoney(v *view) error {
	w, err := v.days()
	if err != nil {
		return err
	}
	by := v.r.URL.Query().Get("by")
	if by == "" {
		by = report.ByDay
	}
	p := &moneyPage{From: w.From, To: w.To, By: by, Of: w.Kiosk, Query: v.files(w, by)}
	for _, g := range []string{report.ByDay, report.ByMonth, report.ByBay, report.ByTariff, report.ByKiosk} {
		if g == report.ByKiosk && !v.Many {
			continue
		}
		p.Groups = append(p.Groups, option{g, v.T("report.col." + g), g == by})
	}
	ctx := v.r.Context()
	var lines []statement.Line
	if v.r.Method == http.MethodPost { // it arrives before the book is taken, however slowly
		lines, err = v.statement()
		if err != nil {
			return err
		}
	}
	err = s.site.Book(ctx, func(b *report.Book) error {
		t, err := b.Revenue(ctx, w, by)
		if err != nil {
			return err
		}
		p.Revenue = t.In(v.Printer, false)
		if by == report.ByDay {
			p.Chart, err = v.dayChart(ctx, b, w)
			if err != nil {
				return err
			}
		}
		t, err = b.DayEndTable(ctx, w)
		if err != nil {
			return err
		}
		p.Days = t.In(v.Printer, false)
		if v.r.Method == http.MethodPost {
			p.Matches, err = v.compare(b, w, lines)
		}
		return err
	})
	if err != nil {
		return err
	}
	items, err := s.site.Unsettled(ctx)
	for _, i := range items {
		if w.Kiosk == "" || i.Kiosk == w.Kiosk {
			p.Open = append(p.Open, openRow{v.link(i.Reference, i.Session, i.Kiosk), i.Kiosk, i.Reference,
				v.Minute(i.Since.In(v.Now.At.Location())), v.Money(i.Held), i.Why})
		}
	}
	v.Template, v.Body = "money", p
	return err
}

// statement reads the statement of a bank that was sent. Nothing is kept of it.
func (v *view) statement() ([]statement.Line, error) {
	in, _, err := v.r.FormFile("statement")
	if err != nil {
		return nil, &problem{http.StatusBadRequest, fmt.Sprintf("the statement did not arrive: %v", err)}
	}
	defer in.Close() // a read has no error at its end
	content, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	lines, err := statement.Read(content, statement.Columns{}, v.Now.Currency)
	if err != nil {
		return nil, &problem{http.StatusBadRequest, err.Error()}
	}
	return lines, nil
}

// compare compares lines of a statement with what was captured.
func (v *view) compare(b *report.Book, w report.Window, lines []statement.Line) (*report.Local, error) {
	var movements []report.Movement
	for m, err := range b.Movements(v.r.Context(), report.Window{Kiosk: w.Kiosk}) {
		if err != nil {
			return nil, err
		}
		movements = append(movements, m)
	}
	local := statement.Table(statement.Compare(lines, movements, v.Now.At.Location())).In(v.Printer, false)
	return &local, nil
}

// usePage is how the site is used, and how well it does its work.
type usePage struct {
	From, To string
	Heat     template.HTML
	Figures  report.Local
	Energy   report.Local
	Query    template.URL
}

func (s *server) showUse(v *view) error {
	w, err := v.days()
	if err != nil {
		return err
	}
	p := &usePage{From: w.From, To: w.To, Query: v.files(w, "")}
	ctx := v.r.Context()
	v.Template, v.Body = "use", p
	return s.site.Book(ctx, func(b *report.Book) error {
		p.Heat, err = v.heat(ctx, b, w)
		if err != nil {
			return err
		}
		t, err := b.FigureTable(ctx, w, s.now())
		if err != nil {
			return err
		}
		p.Figures = t.In(v.Printer, true)
		t, err = b.Energy(ctx, w, report.ByMonth)
		p.Energy = t.In(v.Printer, true)
		return err
	})
}

// pricesPage is by what is sold.
type pricesPage struct {
	Tariffs []tariffCard
	May     bool
	Text    string // as it was typed
	From    string
}

// tariffCard is a tariff in words and as OCPI has it.
type tariffCard struct {
	Head   string
	Prices []fact
	JSON   string
	Sum    string
}

func (s *server) showPrices(v *view) error {
	p := &pricesPage{May: v.May(kiosk.ScopeMoney), Text: v.r.PostFormValue("tariff"), From: v.r.PostFormValue("from")}
	for _, t := range s.one.Tariffs() {
		c := tariffCard{Head: v.T("web.price_now"), Sum: t.SHA256}
		at := v.Now.At
		if t.From != nil {
			at, c.Head = *t.From, v.T("web.price_from", "At", v.Minute(*t.From))
		}
		sold, err := tariff.Parse(t.Tariff)
		if err != nil {
			return err
		}
		for _, price := range sold.PricesAt(at, at.Location(), 0) {
			c.Prices = append(c.Prices, v.price(price))
		}
		pretty, err := json.MarshalIndent(t.Tariff, "", "  ")
		if err != nil {
			return err
		}
		c.JSON = string(pretty)
		p.Tariffs = append(p.Tariffs, c)
	}
	if p.Text == "" && len(p.Tariffs) > 0 {
		p.Text = p.Tariffs[0].JSON
	}
	v.Template, v.Body = "prices", p
	return nil
}

// price is a price as the screen says it.
func (v *view) price(p tariff.Price) fact {
	d := string(p.Dimension)
	name := v.T("price.name." + d)
	if p.AfterMin > 0 {
		name = v.T("price.after", "Name", name, "N", strconv.FormatInt(p.AfterMin, 10))
	}
	if p.From != "" {
		name += " " + v.Span(p.From, p.To)
	}
	return fact{name, v.T("price.per", "Amount", v.Decimal(p.Text(v.Now.Currency.Digits()), v.Now.Currency),
		"Unit", v.T("price."+d))}
}

// journalPage is what is known of the journal.
type journalPage struct {
	Checkpoint string
}

func (s *server) showJournal(v *view) error {
	point, err := s.one.Checkpoint(v.r.Context())
	v.Template, v.Body = "journal", journalPage{point}
	return err
}

// devicesPage is what is wrong, what was wrong, and who was let in.
type devicesPage struct {
	Faults  []faultCard
	Hooks   []hookRow
	Ends    []fact // certificates
	Bays    []int  // that may be inspected; none without the scope
	Devices report.Local
	Was     report.Local
	Access  report.Local
	From    string
	To      string
	Query   template.URL
}

// hookRow is how things stand with a web hook or with mail.
type hookRow struct {
	Name, Where, Last, Next, Why string
	Parked, May                  bool
}

func (v *view) hooks() (out []hookRow) {
	at := func(t *time.Time) string {
		if t == nil {
			return "–"
		}
		return v.Minute(t.In(v.Now.At.Location()))
	}
	for _, h := range v.server.site.Hooks() {
		out = append(out, hookRow{h.Name, h.Where, at(h.Last), at(h.Next), h.Why, h.Parked, v.May(kiosk.ScopeAdmin)})
	}
	return out
}

// ofOne is what is known of one kiosk alone.
func (v *view) ofOne(p *devicesPage) {
	for _, c := range v.server.one.Certificates() {
		ends := c.Why
		if c.Ends != nil {
			ends = v.Day(c.Ends.In(v.Now.At.Location()))
		}
		p.Ends = append(p.Ends, fact{c.What, ends})
	}
	if v.May(kiosk.ScopeControl) {
		for _, b := range v.Now.Bays {
			p.Bays = append(p.Bays, b.Number)
		}
	}
}

func (s *server) showDevices(v *view) error {
	w, err := v.days()
	if err != nil {
		return err
	}
	p := &devicesPage{Faults: v.faults(w.Kiosk), Hooks: v.hooks(), From: w.From, To: w.To, Query: v.files(w, "")}
	if s.one != nil {
		v.ofOne(p)
	}
	ctx := v.r.Context()
	v.Template, v.Body = "devices", p
	return s.site.Book(ctx, func(b *report.Book) error {
		t, err := b.DeviceTable(ctx, w)
		if err != nil {
			return err
		}
		p.Devices = t.In(v.Printer, false)
		t, err = b.FaultTable(ctx, w)
		if err != nil {
			return err
		}
		p.Was = t.In(v.Printer, true)
		t, err = b.SecurityTable(ctx, w)
		p.Access = t.In(v.Printer, false)
		return err
	})
}
