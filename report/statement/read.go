package statement

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"kioskd"
)

// Line is an entry of a statement, or one of the payments that an entry adds up.
type Line struct {
	No     int         // its number in the file, from 1; of a CSV file that of its line
	Day    string      // on which the bank booked it, as 2026-03-02
	Amount kiosk.Money // negative where it was taken from the account
	Fees   kiosk.Money // that the statement says were taken off; never negative
	Text   string      // all that it says of itself
}

// Read reads a statement: CAMT.053 of any version, or CSV. currency is that of a CSV file without a column for it.
func Read(in []byte, columns Columns, currency kiosk.Currency) ([]Line, error) {
	if start := bytes.TrimLeft(bytes.TrimPrefix(in, []byte("\ufeff")), " \t\r\n"); bytes.HasPrefix(start, []byte("<")) {
		return readCAMT(start)
	}
	return readCSV(in, columns, currency)
}

// amount is an amount of CAMT.053.
type amount struct {
	Currency string `xml:"Ccy,attr"`
	Text     string `xml:",chardata"`
}

func (a amount) money(sign int64) (kiosk.Money, error) {
	c := kiosk.Currency(a.Currency)
	if !c.Known() {
		return kiosk.Money{}, fmt.Errorf("currency %q is not known", a.Currency)
	}
	text := strings.TrimSpace(a.Text)
	if whole, zeros, ok := strings.Cut(text, "."); ok { // the schema allows five decimals
		for len(zeros) > c.Digits() && strings.HasSuffix(zeros, "0") {
			zeros = zeros[:len(zeros)-1]
		}
		text = strings.TrimSuffix(whole+"."+zeros, ".")
	}
	m, err := kiosk.ParseMoney(text, c)
	m.Minor *= sign
	return m, err
}

// camtDate is a date, or a moment.
type camtDate struct {
	Day    string `xml:"Dt"`
	Moment string `xml:"DtTm"`
}

func (d camtDate) day() (string, error) {
	text := d.Day
	if text == "" && len(d.Moment) >= len(time.DateOnly) {
		text = d.Moment[:len(time.DateOnly)]
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", fmt.Errorf("%q is not a day", text)
	}
	return text, nil
}

// charges are of an entry or a payment: a total, or records.
type charges struct {
	Total   *amount `xml:"TtlChrgsAndTaxAmt"`
	Records []struct {
		Amount amount `xml:"Amt"`
		Sign   string `xml:"CdtDbtInd"`
	} `xml:"Rcrd"`
	Old *amount `xml:"Amt"` // of version 2
}

func (c charges) sum(currency kiosk.Currency) (kiosk.Money, error) {
	sum := kiosk.Money{Currency: currency}
	add := func(a amount, sign int64) error {
		m, err := a.money(sign)
		if err == nil {
			sum, err = sum.Add(m)
		}
		return err
	}
	switch {
	case c.Total != nil:
		return sum, add(*c.Total, 1)
	case c.Old != nil:
		return sum, add(*c.Old, 1)
	}
	for _, r := range c.Records {
		sign := int64(1)
		if r.Sign == "CRDT" {
			sign = -1
		}
		if err := add(r.Amount, sign); err != nil {
			return sum, err
		}
	}
	sum.Minor = max(0, sum.Minor)
	return sum, nil
}

// payment is one of those that an entry adds up.
type payment struct {
	Amount  *amount `xml:"Amt"`
	Details *amount `xml:"AmtDtls>TxAmt>Amt"`
	Sign    string  `xml:"CdtDbtInd"`
	Charges charges `xml:"Chrgs"`
	Refs    struct {
		Inner []byte `xml:",innerxml"`
	} `xml:"Refs"`
	Remittance struct {
		Inner []byte `xml:",innerxml"`
	} `xml:"RmtInf"`
	More string `xml:"AddtlTxInf"`
}

// entry is one of a statement (ISO 20022, camt.053.001, ReportEntry).
type entry struct {
	Amount amount `xml:"Amt"`
	Sign   string `xml:"CdtDbtInd"`
	Status struct {
		Old  string `xml:",chardata"` // of version 2
		Code string `xml:"Cd"`
	} `xml:"Sts"`
	Booked   camtDate  `xml:"BookgDt"`
	Value    camtDate  `xml:"ValDt"`
	Ref      string    `xml:"NtryRef"`
	Bank     string    `xml:"AcctSvcrRef"`
	Charges  charges   `xml:"Chrgs"`
	Payments []payment `xml:"NtryDtls>TxDtls"`
	More     string    `xml:"AddtlNtryInf"`
}

func readCAMT(in []byte) (out []Line, err error) {
	d := xml.NewDecoder(bytes.NewReader(in))
	root, found := "", false
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			line, column := d.InputPos()
			return nil, fmt.Errorf("line %d:%d: it is not XML: %w", line, column, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if root == "" {
			root = start.Name.Local + " " + start.Name.Space
		}
		found = found || start.Name.Local == "Stmt"
		if start.Name.Local != "Ntry" {
			continue
		}
		line, _ := d.InputPos()
		var e entry
		if err := d.DecodeElement(&e, &start); err != nil {
			return nil, fmt.Errorf("line %d: entry: %w", line, err)
		}
		if status := strings.TrimSpace(e.Status.Old) + e.Status.Code; status != "BOOK" && status != "" {
			continue // pending, or for information: the bank books it later
		}
		lines, err := e.lines(len(out))
		if err != nil {
			return nil, fmt.Errorf("line %d: entry: %w", line, err)
		}
		out = append(out, lines...)
	}
	if !found {
		return nil, fmt.Errorf("it has no statement (Stmt) of CAMT.053: it is %q", strings.TrimSpace(root))
	}
	return out, nil
}

// lines are an entry, or the payments that it adds up, where it names the amount of each.
func (e entry) lines(before int) (out []Line, err error) {
	sign := direction(e.Sign)
	if sign == 0 {
		return nil, fmt.Errorf("CdtDbtInd is %q: want CRDT or DBIT", e.Sign)
	}
	day, err := e.Booked.day()
	if err != nil {
		day, err = e.Value.day()
	}
	if err != nil {
		return nil, fmt.Errorf("it has no booking date: %w", err)
	}
	whole, err := e.Amount.money(sign)
	if err != nil {
		return nil, err
	}
	fees, err := e.Charges.sum(whole.Currency)
	if err != nil {
		return nil, fmt.Errorf("charges: %w", err)
	}
	text := []string{e.Ref, e.Bank, e.More}
	sum := int64(0)
	for _, p := range e.Payments {
		text = append(text, p.text())
		a := p.Details
		if p.Amount != nil {
			a = p.Amount
		}
		if a == nil {
			continue
		}
		own := sign
		if s := direction(p.Sign); s != 0 {
			own = s
		}
		m, err := a.money(own)
		if err != nil {
			return nil, err
		}
		less, err := p.Charges.sum(m.Currency)
		if err != nil {
			return nil, fmt.Errorf("charges: %w", err)
		}
		sum += m.Minor
		out = append(out, Line{before + len(out) + 1, day, m, less, p.text()})
	}
	if len(out) > 1 && len(out) == len(e.Payments) && sum == whole.Minor {
		return out, nil
	}
	if fees.Minor == 0 && len(out) == 1 && out[0].Fees.Currency == whole.Currency {
		fees = out[0].Fees
	}
	return []Line{{before + 1, day, whole, fees, plain(text...)}}, nil
}

func direction(indicator string) int64 {
	switch indicator {
	case "CRDT":
		return 1
	case "DBIT":
		return -1
	}
	return 0
}

// text is all that a payment says of itself.
func (p payment) text() string {
	return plain(characters(p.Refs.Inner), characters(p.Remittance.Inner), p.More)
}

// characters are those of XML without its marks.
func characters(inner []byte) string {
	var out []string
	d := xml.NewDecoder(bytes.NewReader(inner))
	for {
		token, err := d.Token()
		if err != nil { // it was read before: its end
			return plain(out...)
		}
		if c, ok := token.(xml.CharData); ok {
			out = append(out, string(c))
		}
	}
}

// plain joins texts with one blank between words.
func plain(texts ...string) string {
	return strings.Join(strings.Fields(strings.Join(texts, " ")), " ")
}

// Columns are the heads of a CSV file's columns; what is empty is looked for by the words that banks and acquirers use.
type Columns struct{ Day, Amount, Currency, Fees string }

// heads are words that stand over columns, in lower case, the surest first.
func heads() map[string][]string {
	return map[string][]string{
		"day": {"booking date", "buchungstag", "buchungsdatum", "payout date", "settlement date", "date", "datum",
			"day", "valuta", "valutadatum", "value date"},
		"amount": {"amount", "betrag", "umsatz", "gross", "brutto", "net amount", "credit", "montant", "importe",
			"importo", "bedrag", "kwota"},
		"currency": {"currency", "währung", "waehrung", "ccy", "devise", "divisa", "valuta code"},
		"fees":     {"fee", "fees", "gebühr", "gebühren", "disagio", "charges", "commission"},
	}
}

func readCSV(in []byte, columns Columns, currency kiosk.Currency) (out []Line, err error) {
	in = bytes.TrimPrefix(in, []byte("\ufeff"))
	first, _, _ := bytes.Cut(in, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(in))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	for _, comma := range []rune{';', '\t', ','} {
		if bytes.ContainsRune(first, comma) {
			r.Comma = comma
			break
		}
	}
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("it is empty")
	}
	at, err := find(rows[0], columns)
	if err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	comma, err := decimalComma(rows[1:], at)
	if err != nil {
		return nil, err
	}
	dates, err := layout(rows[1:], at["day"])
	if err != nil {
		return nil, err
	}
	for i, row := range rows[1:] {
		if len(plain(row...)) == 0 {
			continue
		}
		l, err := csvLine(row, at, currency, comma, dates)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		l.No = i + 2
		out = append(out, l)
	}
	return out, nil
}

// find tells where the columns are; -1 for one that there is not.
func find(header []string, columns Columns) (at map[string]int, err error) {
	lower := make([]string, len(header))
	for i, h := range header {
		lower[i] = strings.ToLower(plain(h))
	}
	at = map[string]int{}
	for what, given := range map[string]string{"day": columns.Day, "amount": columns.Amount,
		"currency": columns.Currency, "fees": columns.Fees} {
		at[what] = -1
		words := heads()[what]
		if given != "" {
			words = []string{strings.ToLower(plain(given))}
		}
		for _, w := range words {
			if i := slices.Index(lower, w); i >= 0 {
				at[what] = i
				break
			}
		}
		if at[what] < 0 && (given != "" || what == "day" || what == "amount") {
			return nil, fmt.Errorf("no column %s among %q: name it", what, header)
		}
	}
	return at, nil
}

// decimalComma tells whether the amounts of a file have a comma before their decimals: the last mark of one that has
// both, or that is followed by other than three digits, is it.
func decimalComma(rows [][]string, at map[string]int) (comma bool, err error) {
	seen := map[byte]int{}
	for i, row := range rows {
		for _, c := range []int{at["amount"], at["fees"]} {
			if c < 0 || c >= len(row) {
				continue
			}
			text := strings.TrimRightFunc(row[c], func(r rune) bool { return r < '0' || r > '9' })
			last := strings.LastIndexAny(text, ".,")
			if last < 0 || len(text)-last-1 == 3 && strings.Count(text, ".")+strings.Count(text, ",") == 1 {
				continue
			}
			seen[text[last]] = i + 2
		}
	}
	if seen[','] > 0 && seen['.'] > 0 {
		return false, fmt.Errorf("line %d has a decimal comma, line %d a decimal point: the amounts cannot be read",
			seen[','], seen['.'])
	}
	return seen[','] > 0, nil
}

func csvLine(row []string, at map[string]int, currency kiosk.Currency, comma bool,
	dates string) (l Line, err error) {
	cell := func(what string) string {
		if i := at[what]; i >= 0 && i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	if c := cell("currency"); c != "" {
		currency = kiosk.Currency(strings.ToUpper(c))
	}
	if !currency.Known() {
		return l, fmt.Errorf("currency %q is not known", currency)
	}
	l.Day, err = day(cell("day"), dates)
	if err != nil {
		return l, fmt.Errorf("%q is not a day", cell("day"))
	}
	l.Amount, err = decimal(cell("amount"), currency, comma)
	if err != nil {
		return l, err
	}
	l.Fees.Currency = currency
	if f := cell("fees"); f != "" {
		l.Fees, err = decimal(f, currency, comma)
		l.Fees.Minor = max(l.Fees.Minor, -l.Fees.Minor)
	}
	l.Text = plain(row...)
	return l, err
}

// decimal reads an amount with its sign, with or without marks between thousands.
func decimal(text string, c kiosk.Currency, comma bool) (kiosk.Money, error) {
	clean := strings.NewReplacer("\u00a0", "", "\u202f", "", " ", "", "'", "", "€", "", string(c), "").Replace(text)
	sign := int64(1)
	if rest, ok := strings.CutSuffix(clean, "-"); ok {
		clean, sign = rest, -1
	}
	if rest, ok := strings.CutPrefix(clean, "-"); ok {
		clean, sign = rest, -1
	}
	clean = strings.TrimPrefix(clean, "+")
	thousands, point := ",", "."
	if comma {
		thousands, point = ".", ","
	}
	clean = strings.ReplaceAll(strings.ReplaceAll(clean, thousands, ""), point, ".")
	m, err := kiosk.ParseMoney(clean, c)
	if err != nil {
		return m, fmt.Errorf("amount %q: %w", text, err)
	}
	m.Minor *= sign
	return m, nil
}

// layout finds how a file writes dates: the one way in which all of them are days. A file that can be read in two ways
// is an error.
func layout(rows [][]string, at int) (string, error) {
	var ways, first []string
	for _, l := range []string{"2006-01-02", "02.01.2006", "02.01.06", "2006/01/02", "02/01/2006", "01/02/2006",
		"02-01-2006", "20060102"} {
		var days []string
		for i, row := range rows {
			if len(plain(row...)) == 0 || at >= len(row) {
				continue
			}
			d, err := day(row[at], l)
			if err != nil {
				days = nil
				if len(ways) == 0 && first == nil {
					first = []string{fmt.Sprint(i + 2), row[at]}
				}
				break
			}
			days = append(days, d)
		}
		if days != nil {
			ways = append(ways, l)
		}
	}
	switch {
	case len(ways) == 1:
		return ways[0], nil
	case len(ways) > 1:
		return "", fmt.Errorf("its dates can be read in two ways: none is after the twelfth of a month")
	case first == nil: // no rows
		return time.DateOnly, nil
	}
	return "", fmt.Errorf("line %s: %q is not a day, or others are written in another way", first[0], first[1])
}

// day reads a date, which may have a time behind it.
func day(text, layout string) (string, error) {
	text = strings.TrimSpace(text)
	if i := strings.IndexAny(text, " T"); i > 0 {
		text = text[:i]
	}
	t, err := time.Parse(layout, text)
	return t.Format(time.DateOnly), err
}
