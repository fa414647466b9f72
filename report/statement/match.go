// Package statement compares the statement of a bank or an acquirer with what the journal captured and refunded: which
// payout is of which sessions, what was taken off, and what never arrived.
//
// A line is matched by the surest that it says: the reference of a session; the approval code or the trace number of a
// hold with the amount; the amount of whole days, one after the other, less the fees that the statement names; at last
// an amount that one session alone has in the days before. What two explain is explained by neither: a line that cannot
// be matched is listed as such, with the reason. Nothing is guessed, and nothing is written.
package statement

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/report"
)

// What a line was matched with.
const (
	BySession = "session" // one session that it names
	ByAmount  = "amount"  // one session, for its amount alone
	ByDays    = "days"    // the captures of whole days
	ByRefund  = "refund"  // money that was given back
	Unmatched = "none"
	Missing   = "missing" // no line: captures that no line of the statement has
	Waiting   = "waiting" // no line yet: the statement ends before the time that a payout takes is over
)

// Match is a line with what it is of, or captures without a line.
type Match struct {
	Line       *Line // nil for Missing
	By         string
	From, To   string       // days of the captures
	References []string     // of the sessions
	Expected   *kiosk.Money // what the journal says; nil for Unmatched
	Why        string       // it is unmatched, or missing
}

// Difference is what the statement has less than the journal, or more; the fees are in it. Nil where one of both is not
// known.
func (m Match) Difference() *kiosk.Money {
	if m.Line == nil || m.Expected == nil {
		return nil
	}
	return &kiosk.Money{Minor: m.Line.Amount.Minor - m.Expected.Minor, Currency: m.Expected.Currency}
}

// Times of payouts.
const (
	latest  = 14 // days after a capture within which it is paid out
	mostRun = 10 // days that one payout adds up
)

// dated is a capture or refund with its day.
type dated struct {
	report.Movement
	day  string
	used bool
}

// matcher is a comparison on its way.
type matcher struct {
	captures, refunds []*dated
	out               []Match
}

// Compare matches lines with movements, which are in the order of their days. Captures of less than the time that a
// payout takes before the last line are not missing yet: they wait.
func Compare(lines []Line, movements []report.Movement, zone *time.Location) []Match {
	m := &matcher{}
	for _, x := range movements {
		d := &dated{Movement: x, day: x.At.In(zone).Format(time.DateOnly)}
		switch x.What {
		case report.Capture:
			m.captures = append(m.captures, d)
		case report.Refunds:
			m.refunds = append(m.refunds, d)
		}
	}
	open := make([]*Line, len(lines))
	for i := range lines {
		open[i] = &lines[i]
	}
	for _, way := range []func(*Line) (Match, bool){m.exactly, m.named, m.days, m.alone} {
		open = slices.DeleteFunc(open, func(l *Line) bool {
			found, ok := way(l)
			if ok {
				m.out = append(m.out, found)
			}
			return ok
		})
	}
	for _, l := range open {
		m.out = append(m.out, Match{Line: l, By: Unmatched, Why: m.why(l)})
	}
	slices.SortStableFunc(m.out, func(a, b Match) int { return cmp.Compare(a.Line.No, b.Line.No) })
	m.missing(lines)
	return m.out
}

// word is what a reference or a number could be.
var word = regexp.MustCompile(`[0-9A-Za-z]+`)

// exactly matches a line that names a session, or a hold by its codes, and has its amount.
func (m *matcher) exactly(l *Line) (Match, bool) { return m.called(l, true) }

// named matches a line that names a session with another amount.
func (m *matcher) named(l *Line) (Match, bool) { return m.called(l, false) }

func (m *matcher) called(l *Line, amount bool) (Match, bool) {
	words := word.FindAllString(strings.ToUpper(l.Text), -1)
	side, by := m.captures, BySession
	if l.Amount.Minor < 0 {
		side, by = m.refunds, ByRefund
	}
	var found []*dated
	for _, d := range side {
		if d.used || d.Amount.Currency != l.Amount.Currency || d.day > l.Day {
			continue
		}
		codes := d.AuthCode != "" && slices.Contains(words, strings.ToUpper(d.AuthCode)) ||
			d.TraceNo != "" && slices.Contains(words, d.TraceNo)
		exact := d.Amount.Minor == abs(l.Amount.Minor)+l.Fees.Minor || d.Amount.Minor == abs(l.Amount.Minor)
		reference := slices.Contains(words, d.Reference) && (exact || !amount)
		if reference || codes && exact && !before(d.day, l.Day, latest) {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		return Match{}, false
	}
	return take(l, by, found), true
}

// days matches a line with the sum of whole days that follow one another, less its fees. Days without a capture do not
// break a run.
func (m *matcher) days(l *Line) (Match, bool) {
	if l.Amount.Minor <= 0 {
		return Match{}, false
	}
	days, sums := m.openDays(l)
	var found []*dated
	for i := range days {
		sum := int64(0)
		for n := i; n < len(days) && n-i < mostRun; n++ {
			sum += sums[days[n]]
			if sum != l.Amount.Minor && sum != l.Amount.Minor+l.Fees.Minor {
				continue
			}
			if found != nil { // two runs come to the same
				return Match{}, false
			}
			for _, d := range m.captures {
				if !d.used && d.Amount.Currency == l.Amount.Currency && d.day >= days[i] && d.day <= days[n] {
					found = append(found, d)
				}
			}
			break
		}
	}
	if len(found) == 0 {
		return Match{}, false
	}
	return take(l, ByDays, found), true
}

// openDays are the days before a line that have captures which no line has, and their sums.
func (m *matcher) openDays(l *Line) (days []string, sums map[string]int64) {
	sums = map[string]int64{}
	for _, d := range m.captures {
		if d.used || d.Amount.Currency != l.Amount.Currency || d.day > l.Day || before(d.day, l.Day, latest) {
			continue
		}
		if !slices.Contains(days, d.day) {
			days = append(days, d.day)
		}
		sums[d.day] += d.Amount.Minor
	}
	slices.Sort(days)
	return days, sums
}

// alone matches a line whose amount one session alone has.
func (m *matcher) alone(l *Line) (Match, bool) {
	found, by := m.candidates(l)
	if len(found) != 1 {
		return Match{}, false
	}
	return take(l, by, found), true
}

// candidates are the sessions that have a line's amount.
func (m *matcher) candidates(l *Line) (found []*dated, by string) {
	side, by := m.captures, ByAmount
	if l.Amount.Minor < 0 {
		side, by = m.refunds, ByRefund
	}
	for _, d := range side {
		if !d.used && d.Amount.Currency == l.Amount.Currency && d.day <= l.Day && !before(d.day, l.Day, latest) &&
			(d.Amount.Minor == abs(l.Amount.Minor) || d.Amount.Minor == abs(l.Amount.Minor)+l.Fees.Minor) {
			found = append(found, d)
		}
	}
	return found, by
}

// why says why a line has no match.
func (m *matcher) why(l *Line) string {
	found, _ := m.candidates(l)
	if len(found) > 1 {
		return fmt.Sprintf("%d sessions have this amount, and it names none", len(found))
	}
	return "no session and no days have this amount"
}

// take makes a match, and uses its movements up.
func take(l *Line, by string, found []*dated) Match {
	out := Match{Line: l, By: by, Expected: &kiosk.Money{Currency: l.Amount.Currency}}
	for _, d := range found {
		d.used = true
		out.Expected.Minor += d.Amount.Minor
		out.References = append(out.References, d.Reference)
	}
	if l.Amount.Minor < 0 {
		out.Expected.Minor = -out.Expected.Minor
	}
	out.From, out.To = found[0].day, found[len(found)-1].day
	return out
}

// missing lists the captures that no line has, a day each, of the time that the statement covers.
func (m *matcher) missing(lines []Line) {
	if len(lines) == 0 {
		return
	}
	last := slices.MaxFunc(lines, func(a, b Line) int { return cmp.Compare(a.Day, b.Day) }).Day
	first := slices.MinFunc(lines, func(a, b Line) int { return cmp.Compare(a.Day, b.Day) }).Day
	byDay := map[string]*Match{}
	var days []string
	for _, d := range m.captures {
		if d.used || d.day < first || d.day > last {
			continue
		}
		key := d.day + string(d.Amount.Currency)
		if byDay[key] == nil {
			byDay[key] = &Match{By: Missing, From: d.day, To: d.day,
				Expected: &kiosk.Money{Currency: d.Amount.Currency}, Why: fmt.Sprintf("no line within %d days", latest)}
			if !before(d.day, last, latest) {
				byDay[key].By = Waiting
				byDay[key].Why = "the next statement must have it: give both files together"
			}
			days = append(days, key)
		}
		byDay[key].Expected.Minor += d.Amount.Minor
		byDay[key].References = append(byDay[key].References, d.Reference)
	}
	for _, key := range days {
		m.out = append(m.out, *byDay[key])
	}
}

func abs(n int64) int64 { return max(n, -n) }

// before tells whether a day is more than some days before another.
func before(day, other string, days int) bool {
	a, err := time.Parse(time.DateOnly, day)
	b, other2 := time.Parse(time.DateOnly, other)
	return err == nil && other2 == nil && b.Sub(a) > time.Duration(days)*24*time.Hour
}

// Table is the comparison as a report.
func Table(all []Match) report.Table {
	t := report.Table{Name: "statement", Columns: []report.Column{{Key: "date", Form: report.Text},
		{Key: "amount", Form: report.Amount}, {Key: "matched", Form: report.Text}, {Key: "from", Form: report.Text},
		{Key: "to", Form: report.Text}, {Key: "sessions", Form: report.Count}, {Key: "expected", Form: report.Amount},
		{Key: "difference", Form: report.Amount}, {Key: "currency", Form: report.Text},
		{Key: "reference", Form: report.Text}, {Key: "text", Form: report.Text}, {Key: "note", Form: report.Text}},
		Minor: []string{"currency", "text"}}
	for _, m := range all {
		row := []any{nil, nil, m.By, either(m.From), either(m.To), len(m.References), nil, nil, nil, nil, nil,
			either(m.Why)}
		if m.Line != nil {
			row[0], row[1], row[8], row[10] = m.Line.Day, m.Line.Amount, string(m.Line.Amount.Currency), m.Line.Text
		}
		if m.Expected != nil {
			row[6], row[8] = *m.Expected, string(m.Expected.Currency)
		}
		if d := m.Difference(); d != nil {
			row[7] = *d
		}
		if len(m.References) == 1 {
			row[9] = m.References[0]
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func either(s string) any {
	if s == "" {
		return nil
	}
	return s
}
