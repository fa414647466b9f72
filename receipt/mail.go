package receipt

import (
	"fmt"
	"net/url"
	"strings"

	"kioskd/ui/text"
)

// mailMost is how long a mail's address may be for its code to be read from a panel: version 16 at level L.
const mailMost = 580

// Mail is a link that opens the driver's own mail program with the receipt as text, for them to send to themselves. No
// server is needed. Where the text is too long in their language, it is in English.
func (r Receipt) Mail(p, english *text.Printer) string {
	link := r.mail(p)
	if len(link) > mailMost {
		link = r.mail(english)
	}
	return link
}

func (r Receipt) mail(p *text.Printer) string {
	var lines []string
	line := func(parts ...string) {
		if s := strings.Join(parts, " "); strings.TrimSpace(s) != "" {
			lines = append(lines, strings.TrimSpace(s))
		}
	}
	line(r.Seller["name"])
	line(r.Seller["address"])
	if id := r.Seller["vat_id"]; id != "" {
		line(p.T("receipt.vat_id"), id)
	}
	line(p.T("receipt.no"), r.No)
	if r.Start != nil && r.End != nil {
		line(p.Minute(*r.Start), "-", p.Minute(*r.End))
	}
	line(p.T("receipt.bay"), fmt.Sprint(r.Bay)+",", fmt.Sprint(r.Energy.KWh(3)), "kWh")
	for _, l := range r.Lines {
		line(p.T("receipt.line."+string(l.Dimension)), l.Volume, "x", l.Price, "=", l.Amount.Decimal())
	}
	if r.Net != nil {
		line(p.T("receipt.net"), r.Net.Decimal())
	}
	for _, t := range r.Taxes {
		line(p.T("receipt.vat", "P", t.Percent), t.Amount.Decimal())
	}
	line(p.T("receipt.total"), r.Total.String())
	if r.Card != nil && r.Card.Last4 != "" {
		line(r.Card.Brand, "****", r.Card.Last4)
	}
	query := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return "mailto:?subject=" + query(p.T("receipt.title")+" "+r.No) + "&body=" + query(strings.Join(lines, "\r\n"))
}
