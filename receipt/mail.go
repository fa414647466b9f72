package receipt

import (
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

// mailed are the items of a mail: those that a driver, their employer and a tax office look for. All of them would make
// a code that no telephone reads.
func mailed(key string) bool {
	switch key {
	case "", "receipt.vat_id", "receipt.no", "receipt.start", "receipt.end", "receipt.bay", "receipt.energy",
		"receipt.net", "receipt.vat", "receipt.total", "receipt.card":
		return true
	}
	return strings.HasPrefix(key, "receipt.line.")
}

// brief writes a value in few characters: with a point, and without a sign of what it is.
func (v Value) brief() string {
	switch {
	case v.Number != "":
		return v.Number
	case v.Money != nil:
		return v.Money.Decimal()
	case v.Energy != nil:
		return v.Energy.KWh(3) + " kWh"
	case v.At != nil:
		return v.At.Format("2006-01-02 15:04")
	}
	return v.Text
}

func (r Receipt) mail(p *text.Printer) string {
	var lines []string
	for _, item := range r.Items() {
		if !mailed(item.Key) {
			continue
		}
		var parts []string
		for i := range item.Args {
			item.Args[i] = Value{Name: item.Args[i].Name, Text: item.Args[i].brief()}
		}
		if label := item.Label(p); label != "" {
			parts = append(parts, label)
		}
		for i, v := range item.Times {
			parts = append(parts, v.brief(), []string{"x", "="}[i])
		}
		for _, v := range item.Value {
			parts = append(parts, v.brief())
		}
		if item.Key == "receipt.total" {
			parts = append(parts, string(r.Total.Currency))
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	query := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return "mailto:?subject=" + query(p.T("receipt.title")+" "+r.No) + "&body=" + query(strings.Join(lines, "\r\n"))
}
