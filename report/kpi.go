package report

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"kioskd"
	"kioskd/session"
)

// Figure is one of what a kiosk knows of its own work. A rate has a part and a whole, a duration its quantiles over n
// observations. What was not observed is in no figure.
type Figure struct {
	Kiosk   string `json:"kiosk_id,omitempty"` // of a back office, where the figure is of a bay
	Key     string `json:"figure"`
	Bay     int    `json:"bay,omitempty"` // 0 for the site
	Formula string `json:"formula"`
	N       int    `json:"n"`           // the part; of a duration the observations
	D       int    `json:"d,omitempty"` // the whole, of a rate
	Value   Digits `json:"value"`       // per cent, seconds or a number; empty where there is none
	Unit    string `json:"unit"`        // %, s, 1
	// Low and High are the Wilson interval of a rate, in per cent: with 95 % certainty the true one lies in it.
	Low  Digits `json:"low,omitempty"`
	High Digits `json:"high,omitempty"`
}

// Wilson is the score interval of a rate with 95 % certainty (Wilson 1927), in per cent.
func Wilson(part, whole int) (low, high float64) {
	const z = 1.959963984540054
	n, p := float64(whole), float64(part)/float64(whole)
	centre := p + z*z/(2*n)
	spread := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 100 / (1 + z*z/n)
	return max(0, (centre-spread)*scale), min(100, (centre+spread)*scale)
}

func oneDecimal(f float64) Digits { return Digits(strconv.FormatFloat(f, 'f', 1, 64)) }

// rate makes a figure of a part and a whole.
func rate(key string, part, whole int) Figure {
	f := Figure{Key: key, Formula: formula(key), N: part, D: whole, Unit: "%"}
	if whole > 0 {
		low, high := Wilson(part, whole)
		f.Value, f.Low, f.High = Digits(Share{part, whole}.String()), oneDecimal(low), oneDecimal(high)
	}
	return f
}

// quantile makes a figure of the value that a part of the observations does not exceed (nearest rank).
func quantile(key string, q float64, all []time.Duration) Figure {
	f := Figure{Key: key, Formula: formula(key), N: len(all), Unit: "s"}
	if len(all) > 0 {
		slices.Sort(all)
		rank := max(1, int(math.Ceil(q*float64(len(all)))))
		f.Value = oneDecimal(all[rank-1].Seconds())
	}
	return f
}

// number makes a figure of a count.
func number(key string, n int) Figure {
	return Figure{Key: key, Formula: formula(key), N: n, Value: Digits(strconv.Itoa(n)), Unit: "1"}
}

// Times of the definitions.
const (
	againAtBay  = 120 * time.Second // a card at the same bay so soon after one that failed is the same attempt
	againAtSite = 60 * time.Second  // a card at the same screen so soon after a decline, too
	sameVisit   = 5 * time.Minute
	startWithin = 5 * time.Minute // energy must flow so soon after the vehicle was connected
	settledSoon = time.Minute     // after the end
	heldLong    = time.Hour
	repairFrom  = time.Minute // a fault that goes sooner is the start of a device, and needs no repair
)

// attempt is one attempt to pay, which may have asked for a card several times.
type attempt struct {
	kiosk      string
	bay        int
	start, end time.Time
	result     string
	session    *Session // of its last card
}

// attempts joins the times that a card was asked for. What recognises a card is forgotten after a month, so that it is
// not used: a figure must come out the same when it is computed again.
func attempts(sessions []Session) (out []attempt) {
	type asked struct {
		Attempt
		s *Session
	}
	var all []asked
	for i := range sessions {
		for _, a := range sessions[i].Attempts {
			if a.Result != "" && a.End != nil {
				all = append(all, asked{a, &sessions[i]})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b asked) int {
		return cmp.Or(cmp.Compare(a.s.Kiosk, b.s.Kiosk), a.At.Compare(b.At))
	})
	for _, a := range all {
		n := len(out) - 1
		if n >= 0 && out[n].kiosk == a.s.Kiosk && out[n].result != Approved {
			since := a.At.Sub(out[n].end)
			declined := out[n].result != Cancelled && out[n].result != string(kiosk.DeclineNoCard)
			if out[n].bay == a.s.Bay && since <= againAtBay || declined && since <= againAtSite {
				out[n].bay, out[n].end, out[n].result, out[n].session = a.s.Bay, *a.End, a.Result, a.s
				continue
			}
		}
		out = append(out, attempt{a.s.Kiosk, a.s.Bay, a.At, *a.End, a.Result, a.s})
	}
	return out
}

// started tells whether energy flowed in time after the vehicle was connected. known is false where it was never
// connected, or the session has not come that far.
func (s Session) started() (ok, known bool) {
	if s.HeldAt == nil || s.PluggedAt == nil || s.FlowAt == nil && s.Outcome == Ongoing {
		return false, false
	}
	if s.FlowAt == nil { // its readings are gone: that it flowed is known, not when
		return s.Energy >= Flowing, true
	}
	return s.FlowAt.Sub(*s.PluggedAt) <= startWithin, true
}

// wellEnded are the reasons for which a session ends as its driver or vehicle wants it.
var wellEnded = []session.Reason{session.ReasonStopped, session.ReasonUnplugged, session.ReasonLimit,
	session.ReasonOwnLimit, session.ReasonNoEnergy}

// over tells whether a session with energy ended well. known is false for one without, for one that lasts, and for one
// that the operator stopped.
func (s Session) over() (ok, known bool) {
	if s.Energy < Flowing || s.Reason == "" || s.Reason == session.ReasonRemote {
		return false, false
	}
	return slices.Contains(wellEnded, s.Reason), true
}

// succeeded tells whether a session was all that its driver paid for.
func (s Session) succeeded() bool {
	started, _ := s.started()
	ended, _ := s.over()
	paid := s.Outcome == Sold && s.Billed != nil && *s.Billed == *s.Paid || s.Outcome == Free ||
		s.Outcome == Released && (s.Billed == nil || s.Billed.IsZero())
	return started && ended && paid && s.FinalAt != nil
}

// Figures are the key performance indicators of a window. now is when they are asked for: a fault or a hold that lasts
// lasts until then.
func (b *Book) Figures(ctx context.Context, w Window, now time.Time) ([]Figure, error) {
	sessions, err := collected(b.Sessions(ctx, w))
	if err != nil {
		return nil, err
	}
	spells, err := collected(b.Faults(ctx, w))
	if err != nil {
		return nil, err
	}
	tries := attempts(sessions)
	out := slices.Concat(payments(tries), charges(sessions), successes(tries), visits(tries), holds(sessions, now))
	journals, err := b.journals(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, w.Kiosk = range journals {
		from, to, err := b.span(ctx, w, now)
		if err != nil {
			return nil, err
		}
		out = append(out, availability(w.Kiosk, its(sessions, w), its(spells, w), from, to)...)
	}
	out = append(out, repairs(sessions, spells)...)
	seen, err := b.Visits(ctx, w)
	if err != nil {
		return nil, err
	}
	sold := 0
	for _, s := range sessions {
		sold += one(s.Outcome == Sold)
	}
	return append(out, counted(seen, sold)...), nil
}

// its are those of a window's kiosk.
func its[T interface{ of() (string, int) }](all []T, w Window) (out []T) {
	for _, x := range all {
		kiosk, _ := x.of()
		if kiosk == w.Kiosk {
			out = append(out, x)
		}
	}
	return out
}

func payments(all []attempt) []Figure {
	results := map[string]int{}
	for _, a := range all {
		results[a.result]++
	}
	issuer, pin, none := results[string(kiosk.DeclineIssuer)], results[string(kiosk.DeclinePIN)],
		results[string(kiosk.DeclineNoCard)]
	base := len(all) - results[Cancelled] - issuer - none
	return []Figure{
		rate("payment_success", results[Approved], base),
		rate("issuer_declines", issuer, len(all)),
		rate("pin_needed", pin, len(all)),
		rate("no_card", none, len(all)),
		rate("cancelled", results[Cancelled], len(all)),
	}
}

func charges(sessions []Session) []Figure {
	var starts, started, ends, ended, held, unplugged, good int
	var waits, touches []time.Duration
	for _, s := range sessions {
		if s.HeldAt != nil && s.Outcome != Ongoing {
			held++
			if s.PluggedAt == nil {
				unplugged++
			}
			if s.succeeded() {
				good++
			}
		}
		if ok, known := s.started(); known {
			starts++
			started += one(ok)
		}
		if ok, known := s.over(); known {
			ends++
			ended += one(ok)
		}
		if s.FlowAt != nil && s.HeldAt != nil && s.PluggedAt != nil {
			from := *s.HeldAt
			if s.PluggedAt.After(from) {
				from = *s.PluggedAt
			}
			waits, touches = append(waits, s.FlowAt.Sub(from)), append(touches, s.FlowAt.Sub(s.At))
		}
	}
	return []Figure{
		rate("charge_start_success", started, starts),
		rate("never_plugged", unplugged, held),
		quantile("charge_start_time_median", 0.5, waits),
		quantile("charge_start_time_p90", 0.9, waits),
		quantile("touch_to_energy_median", 0.5, touches),
		rate("charge_end_success", ended, ends),
		rate("session_success", good, held),
	}
}

// successes are the attempts that led to what their drivers came for.
func successes(all []attempt) []Figure {
	whole, part := 0, 0
	for _, a := range all {
		if a.result == string(kiosk.DeclineIssuer) || a.session.Outcome == Ongoing {
			continue
		}
		whole++
		start, _ := a.session.started()
		end, _ := a.session.over()
		part += one(a.result == Approved && start && end)
	}
	return []Figure{rate("charging_success_rate", part, whole)}
}

func one(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

// visits joins attempts at one screen to visits: one that follows another which failed within five minutes.
func visits(all []attempt) []Figure {
	n, good := 0, 0
	var last attempt
	success := false
	for _, a := range all {
		if a.session.Outcome == Ongoing {
			continue
		}
		if n > 0 && a.kiosk == last.kiosk && !success && a.start.Sub(last.end) <= sameVisit {
			n--
		} else {
			success = false
		}
		was := success
		success = success || a.result == Approved && a.session.succeeded()
		n++
		good += one(success && !was)
		last = a
	}
	return []Figure{rate("visit_success", good, n)}
}

func holds(sessions []Session, now time.Time) []Figure {
	var settled, soon, long int
	var ages []time.Duration
	for _, s := range sessions {
		if s.Held == nil || s.endOfUse() == nil {
			continue
		}
		end := *s.endOfUse()
		if s.SettledAt != nil && s.Paid != nil {
			settled++
			soon += one(s.SettledAt.Sub(end) <= settledSoon)
			continue
		}
		age := now.Sub(end)
		ages = append(ages, age)
		long += one(age > heldLong)
	}
	return []Figure{
		rate("settled_within_60s", soon, settled),
		quantile("open_hold_age_p99", 0.99, ages),
		number("open_holds_over_1h", long),
	}
}

// span is the time that a window covers: no sooner than the first thing that the journal knows, no later than now.
func (b *Book) span(ctx context.Context, w Window, now time.Time) (from, to time.Time, err error) {
	zone, err := b.siteZone(ctx, w)
	if err != nil {
		return from, to, err
	}
	from, to = now, now
	for s, err := range b.Sessions(ctx, Window{Kiosk: w.Kiosk}) {
		if err != nil {
			return from, to, err
		}
		from = s.At
		break
	}
	for s, err := range b.Faults(ctx, Window{Kiosk: w.Kiosk}) {
		if err != nil {
			return from, to, err
		}
		if s.At.Before(from) {
			from = s.At
		}
		break
	}
	if t, err := time.ParseInLocation(time.DateOnly, w.From, zone); err == nil && t.After(from) {
		from = t
	}
	if t, err := time.ParseInLocation(time.DateOnly, w.To, zone); err == nil && t.AddDate(0, 0, 1).Before(to) {
		to = t.AddDate(0, 0, 1)
	}
	return from, to, nil
}

// availability is how long each bay could sell, and how long it was in use.
func availability(kioskID string, sessions []Session, spells []Spell, from, to time.Time) (out []Figure) {
	whole := to.Sub(from)
	if whole <= 0 {
		return nil
	}
	bays := []int{}
	for _, s := range sessions {
		if s.Bay != 0 && !slices.Contains(bays, s.Bay) {
			bays = append(bays, s.Bay)
		}
	}
	for _, s := range spells {
		if s.Bay != 0 && !slices.Contains(bays, s.Bay) {
			bays = append(bays, s.Bay)
		}
	}
	slices.Sort(bays)
	for _, bay := range bays {
		var down, shut, used, charging []session.Span
		for _, s := range spells {
			span := session.Span{From: s.At, To: orElse(s.Until, to)}
			switch {
			case s.Bay != 0 && s.Bay != bay || s.Severity == kiosk.Warning:
			case s.Code == kiosk.FaultBayShut:
				shut = append(shut, span)
			default:
				down = append(down, span)
			}
		}
		for _, s := range sessions {
			if s.Bay == bay && s.HeldAt != nil {
				used = append(used, session.Span{From: *s.HeldAt, To: orElse(s.endOfUse(), to)})
			}
			if s.Bay == bay && s.ClosedAt != nil {
				charging = append(charging, session.Span{From: *s.ClosedAt, To: orElse(s.OpenedAt, to)})
			}
		}
		closed := covered(shut, from, to)
		lost := covered(slices.Concat(down, shut), from, to) - closed
		share := func(key string, part, whole time.Duration) {
			f := Figure{Kiosk: kioskID, Key: key, Bay: bay, Formula: formula(key), N: int(part.Seconds()),
				D: int(whole.Seconds()), Unit: "%"}
			if whole > 0 {
				f.Value = Digits(strconv.FormatFloat(100*part.Seconds()/whole.Seconds(), 'f', 2, 64))
			}
			out = append(out, f)
		}
		open := whole - closed
		share("availability", open-lost, open)
		share("uptime", open-lost, whole)
		share("occupied", covered(used, from, to), whole)
		share("charging", covered(charging, from, to), whole)
	}
	return out
}

func orElse(t *time.Time, otherwise time.Time) time.Time {
	if t == nil {
		return otherwise
	}
	return *t
}

// endOfUse is when a bay was free again; nil while it is not.
func (s Session) endOfUse() *time.Time {
	if s.OpenedAt != nil {
		return s.OpenedAt
	}
	return s.EndedAt
}

// covered is how much of a time is covered by spans, which may overlap.
func covered(spans []session.Span, from, to time.Time) (sum time.Duration) {
	slices.SortFunc(spans, func(a, b session.Span) int { return a.From.Compare(b.From) })
	at := from
	for _, s := range spans {
		if s.From.After(at) {
			at = s.From
		}
		end := s.To
		if end.After(to) {
			end = to
		}
		if end.After(at) {
			sum += end.Sub(at)
			at = end
		}
	}
	return sum
}

func repairs(sessions []Session, spells []Spell) []Figure {
	var lasted []time.Duration
	again, stops := 0, 0
	for i, s := range spells {
		brief := s.Until != nil && s.Until.Sub(s.At) < repairFrom
		if s.Severity == kiosk.Warning || s.Code == kiosk.FaultBayShut || brief {
			continue
		}
		stops++
		if s.Until == nil {
			continue
		}
		lasted = append(lasted, s.Until.Sub(s.At))
		again += one(slices.ContainsFunc(spells[i+1:], func(o Spell) bool {
			return o.Kiosk == s.Kiosk && o.Code == s.Code && o.Bay == s.Bay && o.At.Sub(*s.Until) <= 24*time.Hour
		}))
	}
	mean := Figure{Key: "time_to_repair_mean", Formula: formula("time_to_repair_mean"), N: len(lasted), Unit: "s"}
	sum := time.Duration(0)
	for _, d := range lasted {
		sum += d
	}
	if len(lasted) > 0 {
		mean.Value = oneDecimal(sum.Seconds() / float64(len(lasted)))
	}
	held := 0
	for _, s := range sessions {
		held += one(s.HeldAt != nil)
	}
	per := Figure{Key: "faults_per_1000_sessions", Formula: formula("faults_per_1000_sessions"), N: stops, D: held,
		Unit: "1"}
	if held > 0 {
		per.Value = oneDecimal(1000 * float64(stops) / float64(held))
	}
	return []Figure{mean, quantile("time_to_repair_median", 0.5, lasted), per,
		rate("first_time_fixes", len(lasted)-again, len(lasted))}
}

// FigureTable is the report of key performance indicators.
func (b *Book) FigureTable(ctx context.Context, w Window, now time.Time) (Table, error) {
	t := Table{Name: "kpi", Window: w, Columns: []Column{{"kiosk", Text}, {"figure", Text}, {"bay", Text},
		{"value", Number}, {"unit", Text}, {"n", Count}, {"d", Count}, {"low", Number}, {"high", Number},
		{"formula", Text}}}
	figures, err := b.Figures(ctx, w, now)
	if err != nil {
		return t, err
	}
	for _, f := range figures {
		whole := any(nil)
		if f.D != 0 || f.Unit == "%" {
			whole = f.D
		}
		t.Rows = append(t.Rows, []any{word(f.Kiosk), f.Key, numbered(f.Bay), f.Value, f.Unit, f.N, whole, f.Low,
			f.High, f.Formula})
	}
	return b.shown(t), nil
}

// Occupied is the time that a bay was under a hold, by weekday (Monday first) and hour of the site's day, of the time
// that the window has.
type Occupied [7][24]Share

// Use is how the hours of the week were used, all bays together, in minutes.
func (b *Book) Use(ctx context.Context, w Window, bays int, now time.Time) (o Occupied, err error) {
	sessions, err := collected(b.Sessions(ctx, w))
	if err != nil || len(sessions) == 0 {
		return o, err
	}
	journals, err := b.journals(ctx, w)
	if err != nil {
		return o, err
	}
	for _, w.Kiosk = range journals {
		if err := b.use(ctx, &o, its(sessions, w), w, bays, now); err != nil {
			return o, err
		}
	}
	return o, nil
}

// use adds how those of one kiosk were used.
func (b *Book) use(ctx context.Context, o *Occupied, sessions []Session, w Window, bays int, now time.Time) error {
	if bays == 0 {
		seen := map[int]bool{}
		for _, s := range sessions {
			seen[s.Bay] = true
		}
		bays = len(seen)
	}
	from, to, err := b.span(ctx, w, now)
	if err != nil {
		return err
	}
	zone, err := b.siteZone(ctx, w)
	if err != nil {
		return err
	}
	for at := from.In(zone).Truncate(time.Minute); at.Before(to); at = at.Add(time.Minute) {
		o[(at.Weekday()+6)%7][at.Hour()].Whole += bays
	}
	for _, s := range sessions {
		end := s.endOfUse()
		if s.HeldAt == nil {
			continue
		}
		until := to
		if end != nil && end.Before(to) {
			until = *end
		}
		for at := s.HeldAt.In(zone).Truncate(time.Minute); at.Before(until); at = at.Add(time.Minute) {
			o[(at.Weekday()+6)%7][at.Hour()].Part++
		}
	}
	return nil
}
