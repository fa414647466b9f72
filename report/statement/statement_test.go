package statement_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/report"
	"kioskd/report/statement"
)

func eur(minor int64) kiosk.Money { return kiosk.Money{Minor: minor, Currency: "EUR"} }

// TestStatementsOfOthers are read as their authors meant them.
func TestStatementsOfOthers(t *testing.T) {
	for name, want := range map[string]statement.Line{
		"genkgo-v2-five-decimals.xml": {No: 1, Day: "2014-12-31", Amount: eur(885), Fees: eur(0),
			Text: "000000001 Transaction Description"},
		"genkgo-v8.xml": {No: 1, Day: "2014-12-31", Amount: eur(885), Fees: eur(0),
			Text: "AAAASESS-FP-CN_98765/01 MUELL/FINP/RA12345 LegalSequenceNumber 100 SCOR BBA 4654654654654654"},
	} {
		in, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := statement.Read(in, statement.Columns{}, "")
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// ntry is an entry of CAMT.053.
func ntry(amount, sign, status, day, more string) string {
	return fmt.Sprintf(`<Ntry><Amt Ccy="EUR">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Sts><Cd>%s</Cd></Sts><BookgDt><Dt>%s</Dt>`+
		`</BookgDt>%s</Ntry>`, amount, sign, status, day, more)
}

func camt(entries ...string) []byte {
	return []byte(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>` +
		strings.Join(entries, "\n") + `</Stmt></BkToCstmrStmt></Document>`)
}

// TestEntries: what is pending is not booked; an entry that names each of its payments is their lines, and one whose
// payments do not add up is one line; fees are those that it says.
func TestEntries(t *testing.T) {
	tx := func(amount, text, charges string) string {
		return `<TxDtls><Amt Ccy="EUR">` + amount + `</Amt><CdtDbtInd>CRDT</CdtDbtInd>` + charges + `<RmtInf><Ustrd>` + text +
			`</Ustrd></RmtInf></TxDtls>`
	}
	in := camt(ntry("9.99", "CRDT", "PDNG", "2026-03-02", ""),
		ntry("3.00", "DBIT", "BOOK", "2026-03-03", "<AddtlNtryInf>refund 7GK2M4Q</AddtlNtryInf>"),
		ntry("5.00", "CRDT", "BOOK", "2026-03-04", "<NtryDtls>"+tx("2.00", "A", "")+tx("3.00", "B",
			`<Chrgs><Rcrd><Amt Ccy="EUR">0.07</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>`)+"</NtryDtls>"),
		ntry("5.00", "CRDT", "BOOK", "2026-03-05", "<NtryDtls>"+tx("2.00", "A", "")+tx("2.99", "B", "")+"</NtryDtls>"),
		ntry("9.80", "CRDT", "BOOK", "2026-03-06", `<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">0.20</TtlChrgsAndTaxAmt></Chrgs>`))
	got, err := statement.Read(in, statement.Columns{}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []statement.Line{{No: 1, Day: "2026-03-03", Amount: eur(-300), Fees: eur(0), Text: "refund 7GK2M4Q"},
		{No: 2, Day: "2026-03-04", Amount: eur(200), Fees: eur(0), Text: "A"},
		{No: 3, Day: "2026-03-04", Amount: eur(300), Fees: eur(7), Text: "B"},
		{No: 4, Day: "2026-03-05", Amount: eur(500), Fees: eur(0), Text: "A B"},
		{No: 5, Day: "2026-03-06", Amount: eur(980), Fees: eur(20), Text: ""}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestSpreadsheets in the forms of several countries.
func TestSpreadsheets(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		columns  statement.Columns
	}{
		"german": {"\ufeffBuchungstag;Verwendungszweck;Betrag;Währung\r\n13.03.2026;Payout;1.234,56;EUR\r\n;;;\r\n" +
			"14.03.2026;;-3,00;EUR\r\n", "2026-03-13 1234.56 EUR, 2026-03-14 -3.00 EUR", statement.Columns{}},
		"english":  {"Date,Amount,Fee\n2026-03-13,\"1,234.56\",0.20\n", "2026-03-13 1234.56 EUR", statement.Columns{}},
		"trailing": {"datum;bedrag\n13-03-2026;12,00-\n", "2026-03-13 -12.00 EUR", statement.Columns{}},
		"american": {"Date\tAmount\n03/13/2026\t5.00\n03/02/2026\t4.00\n", "2026-03-13 5.00 EUR, 2026-03-02 4.00 EUR",
			statement.Columns{}},
		"own names": {"wann,was,wieviel\n20260313,x,7.10\n", "2026-03-13 7.10 EUR",
			statement.Columns{Day: "Wann", Amount: "wieviel"}},
		"with its currency": {"date;amount\n2026-03-13;1.234,56 EUR\n2026-03-14;€ 2,00\n",
			"2026-03-13 1234.56 EUR, 2026-03-14 2.00 EUR", statement.Columns{}},
		"yen": {"date,amount,currency\n2026-03-13,\"1,234\",JPY\n", "2026-03-13 1234 JPY", statement.Columns{}},
	} {
		got, err := statement.Read([]byte(c.in), c.columns, "EUR")
		var out []string
		for _, l := range got {
			out = append(out, l.Day+" "+l.Amount.String())
		}
		if err != nil || strings.Join(out, ", ") != c.want {
			t.Errorf("%s: %v, %v", name, out, err)
		}
	}
}

// TestWhatCannotBeRead is an error with its place, and never a guess.
func TestWhatCannotBeRead(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "empty",
		"a,b\n1,2\n":                         "no column",
		"date,amount\n2026-03-13,12\nx,13\n": `"x" is not a day`,
		"date,amount\n2026-03-13,twelve\n":   "line 2: amount \"twelve\"",
		"date,amount\n2026-03-13,1.2345\n":   "line 2",
		"date,amount\n02/03/2026,1.00\n":     "two ways",
		"date;amount\n2026-03-13;1,20\n2026-03-14;1.20\n":             "decimal comma",
		"date,amount,currency\n2026-03-13,1.20,XXX\n":                 "currency \"XXX\"",
		"<Document><Other/></Document>":                               "no statement",
		"<Document><Stmt><Ntry>":                                      "line 1",
		string(camt(ntry("1.00", "", "BOOK", "2026-03-13", ""))):      "CdtDbtInd",
		string(camt(ntry("1.005", "CRDT", "BOOK", "2026-03-13", ""))): "1.005",
		string(camt(ntry("1.00", "CRDT", "BOOK", "yesterday", ""))):   "booking date",
	} {
		got, err := statement.Read([]byte(in), statement.Columns{}, "EUR")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, %v; want %q", in, got, err, want)
		}
	}
}

// taken is a capture or a refund.
func taken(what, reference, day string, minor int64, auth string) report.Movement {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return report.Movement{What: what, Reference: reference, At: at.Add(12 * time.Hour), Amount: eur(minor),
		AuthCode: auth}
}

func line(day string, minor, fees int64, text string) statement.Line {
	return statement.Line{Day: day, Amount: eur(minor), Fees: eur(fees), Text: text}
}

// TestMatching: each line by the surest that it says, and what two explain by neither.
func TestMatching(t *testing.T) {
	movements := []report.Movement{
		taken(report.Capture, "AAAAAA1", "2026-03-02", 500, "111111"),
		taken(report.Capture, "AAAAAA2", "2026-03-02", 700, "222222"),
		taken(report.Capture, "AAAAAA3", "2026-03-03", 700, "333333"),
		taken(report.Capture, "AAAAAA4", "2026-03-04", 811, "444444"),
		taken(report.Refunds, "AAAAAA4", "2026-03-05", 300, ""),
		taken(report.Capture, "AAAAAA5", "2026-03-06", 450, "555555"),
		taken(report.Capture, "AAAAAA6", "2026-03-07", 950, "666666"),
		taken(report.Capture, "AAAAAA7", "2026-03-08", 100, "777777"),
		taken(report.Release, "AAAAAA8", "2026-03-08", 0, "888888"),
	}
	for name, c := range map[string]struct {
		lines []statement.Line
		want  string
	}{
		"its reference, although fees are missing": {[]statement.Line{line("2026-03-05", 480, 0, "card AAAAAA1 ")},
			"session AAAAAA1 -20"},
		"its approval code and amount": {[]statement.Line{line("2026-03-05", 700, 0, "appr. 333333")},
			"session AAAAAA3 0"},
		"an approval code with another amount proves nothing": {[]statement.Line{line("2026-03-05", 699, 0, "333333")},
			"none"},
		"a day": {[]statement.Line{line("2026-03-03", 1200, 0, "payout")}, "days AAAAAA1 AAAAAA2 0"},
		"two days less the fees that it says": {[]statement.Line{line("2026-03-09", 1370, 30, "payout")},
			"days AAAAAA5 AAAAAA6 -30"},
		"no fees are guessed":        {[]statement.Line{line("2026-03-09", 1370, 0, "payout")}, "none"},
		"one session of that amount": {[]statement.Line{line("2026-03-05", 500, 0, "")}, "amount AAAAAA1 0"},
		"two sessions of that amount, but a day": {[]statement.Line{line("2026-03-04", 700, 0, "")},
			"days AAAAAA3 0"},
		"a refund by its reference": {[]statement.Line{line("2026-03-06", -300, 0, "AAAAAA4 back")},
			"refund AAAAAA4 0"},
		"a refund by its amount":    {[]statement.Line{line("2026-03-06", -300, 0, "")}, "refund AAAAAA4 0"},
		"a debit of another kind":   {[]statement.Line{line("2026-03-06", -1250, 0, "rent")}, "none"},
		"before it was captured":    {[]statement.Line{line("2026-03-01", 500, 0, "AAAAAA1")}, "none"},
		"more than two weeks later": {[]statement.Line{line("2026-03-20", 500, 0, "")}, "none"},
		"a fee that names a session does not take its payout": {[]statement.Line{
			line("2026-03-05", 20, 0, "fee AAAAAA1"), line("2026-03-06", 500, 0, "AAAAAA1")},
			"none, session AAAAAA1 0"},
		"each session once": {[]statement.Line{line("2026-03-05", 500, 0, "AAAAAA1"), line("2026-03-06", 500, 0,
			"AAAAAA1")}, "session AAAAAA1 0, none"},
	} {
		var got []string
		for i := range c.lines {
			c.lines[i].No = i + 1
		}
		for _, m := range statement.Compare(c.lines, movements, time.UTC) {
			if m.By == statement.Missing || m.By == statement.Waiting {
				continue
			}
			text := strings.Join(append([]string{m.By}, m.References...), " ")
			if d := m.Difference(); d != nil {
				text += fmt.Sprint(" ", d.Minor)
			} else if m.Why == "" {
				text += " without a reason"
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestTwoRunsOfDays that come to the same are neither.
func TestTwoRunsOfDays(t *testing.T) {
	movements := []report.Movement{taken(report.Capture, "A", "2026-03-02", 400, ""),
		taken(report.Capture, "B", "2026-03-02", 300, ""), taken(report.Capture, "C", "2026-03-03", 700, "")}
	lines := []statement.Line{{No: 1, Day: "2026-03-05", Amount: eur(700), Fees: eur(0)}}
	got := statement.Compare(lines, movements, time.UTC)
	if got[0].By != statement.ByAmount { // of the session that has it alone
		t.Errorf("%+v", got[0])
	}
	movements[2] = taken(report.Capture, "C", "2026-03-03", 600, "")
	movements = append(movements, taken(report.Capture, "D", "2026-03-03", 100, ""))
	got = statement.Compare(lines, movements, time.UTC)
	if got[0].By != statement.Unmatched {
		t.Errorf("%+v", got[0])
	}
}

// TestWhatNeverArrived is listed a day each, once the time in which it should have is over.
func TestWhatNeverArrived(t *testing.T) {
	movements := []report.Movement{taken(report.Capture, "OLD", "2026-02-01", 100, ""),
		taken(report.Capture, "A", "2026-03-02", 400, ""), taken(report.Capture, "B", "2026-03-02", 350, ""),
		taken(report.Capture, "C", "2026-03-03", 700, ""), taken(report.Capture, "D", "2026-03-25", 90, "")}
	lines := []statement.Line{{No: 1, Day: "2026-03-01", Amount: eur(-1)}, {No: 2, Day: "2026-03-05", Amount: eur(700)},
		{No: 3, Day: "2026-03-31", Amount: eur(-2)}}
	var missing []string
	for _, m := range statement.Compare(lines, movements, time.UTC) {
		if m.Line == nil {
			missing = append(missing, fmt.Sprint(m.By, " ", m.From, " ", m.References, " ", m.Expected))
		}
	}
	if fmt.Sprint(missing) != "[missing 2026-03-02 [A B] 7.50 EUR waiting 2026-03-25 [D] 0.90 EUR]" {
		t.Errorf("%v", missing)
	}
}

// FuzzRead: whatever a file has, reading it ends, and what it gives is whole.
func FuzzRead(f *testing.F) {
	f.Add([]byte("date,amount\n2026-03-13,1.20\n"))
	f.Add([]byte("Buchungstag;Betrag\n13.03.2026;1.234,56\n"))
	f.Add(camt(ntry("1.00", "CRDT", "BOOK", "2026-03-13", "")))
	f.Fuzz(func(t *testing.T, in []byte) {
		lines, err := statement.Read(in, statement.Columns{}, "EUR")
		if err != nil {
			return
		}
		for _, l := range lines {
			_, err := time.Parse(time.DateOnly, l.Day)
			if err != nil || !l.Amount.Currency.Known() || l.Fees.Minor < 0 {
				t.Errorf("%+v", l)
			}
		}
	})
}
