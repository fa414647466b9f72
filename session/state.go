package session

import (
	"maps"
	"slices"
	"time"

	"kioskd"
	"kioskd/tariff"
)

// State is the whole site as the journal has it. It is a value: Step returns a new one
// and leaves the old one as it was.
type State struct {
	Sessions    map[string]Session
	Faults      map[FaultAt]bool
	Registers   map[int]Register      // last journaled of each bay, where it is known where the register is
	Known       map[int]kiosk.Reading // last journaled of each bay, whatever came after
	Day         Day
	Draining    bool // nothing new is sold
	ClockWrong  bool // the wall clock may be
	Uses        []CardUse
	Declines    []CardUse
	PausedUntil time.Time    // no card is asked for
	Claimed     kiosk.HoldID // the terminal's number of the capture that a session has last
	BackAt      time.Time    // when the terminal was last found again
	Results     []Result     // that the terminal sent of late, oldest first
	HostRefused int          // payments in a row that failed because the terminal had no host
	HostAt      time.Time    // the last of them
	Access      Access
	Pages       map[string]int64 // of each meter's last signed record that is known, by its serial number
	Testing     map[int]bool     // bays whose contactor is being tested
	Tested      map[int]string   // what the last test of a bay came to; empty where it was good
}

// Register is what a bay's meter counted.
type Register struct {
	kiosk.Reading
	Sold bool // by a session; else it was seen while no session had the bay
}

// FaultAt is a fault of a bay, or of the site with bay 0.
type FaultAt struct {
	Code kiosk.FaultCode
	Bay  int
}

// Session is one session as the journal has it.
type Session struct {
	ID        string
	Reference string
	Bay       int
	EVSE      string
	Money     MoneyState
	Power     PowerState
	Record    RecordState
	Site      map[string]string
	Charger   bool               // the bay's charger is its meter
	Begun     *kiosk.Transaction // that the charger began; nil for none

	StopCode string // see Rules.StopCode
	Proof    Proof
	ProofAt  time.Time
	ProvedBy string // code or card
	Refusals int
	By       string // who stopped it
	Alerted  bool
	doubt    bool          // the wall clock may be wrong
	doubted  bool          // or was, before a restart: its times are not to be compared
	shift    time.Duration // of times after a restart with a clock that was set back

	LeaseAt  time.Time
	Patience int       // how often they were given more time
	Tries    int       // holds that were asked for
	AskAt    time.Time // the last of them
	Offer    *Offer
	Tariff   *tariff.Tariff // of the offer
	Location *time.Location // of the offer
	Hold     *kiosk.Hold
	AskedAt  time.Time // when the outcome of the hold became unknown
	HoldAt   time.Time // confirmed
	Class    string    // of the last decline
	Cancel   bool      // the driver asked to cancel

	Start   *kiosk.Reading       // first register
	Modulus kiosk.Energy         // the register begins again at 0 here; 0 never
	Signing *Signing             // what the meter signs of the session; nil where it signs nothing
	Signed  *kiosk.SignedReading // what it signed, from the last register on
	Last    *kiosk.Reading       // last register that was journaled
	Proven  *kiosk.Reading       // last journaled with which the meter said its serial number
	Periods []tariff.Period
	cut     bool // the next stretch is a period of its own
	idle    bool // the vehicle asks for nothing
	Since   time.Time
	FlowAt  time.Time // energy could flow from then on
	Reason  Reason
	EndAt   time.Time
	OpenAt  time.Time // the contactor was seen open, or given up
	Welded  bool      // the contactor was not seen to open
	Gaps    []Span    // in which the kiosk was away
	apart   bool      // it was, with the contactor perhaps closed, and nothing proves that the vehicle is the same

	Bill      *Bill
	Result    *kiosk.CaptureResult
	Attempt   int
	TriedAt   time.Time // the last try
	Maybe     bool      // the present try may have been carried out
	Blind     bool      // and it is a repeat of one that may have been
	Due       time.Time // before which it is not tried again; zero where the ladder alone decides
	Missing   int       // lists in a row that lack the hold
	MissingAt time.Time // the first of them
	MissedAt  time.Time // the last of them that was counted
	WaitAt    time.Time // since when it waits for Due
	OwedAt    time.Time // since when the settlement is asked for
	ClosedAt  time.Time
}

// Span is a stretch of time.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// clone makes a copy of the maps that Step may change.
func (s State) clone() State {
	out := s
	out.Sessions, out.Faults, out.Registers = cloned(s.Sessions), cloned(s.Faults), cloned(s.Registers)
	out.Testing, out.Tested, out.Known = cloned(s.Testing), cloned(s.Tested), cloned(s.Known)
	out.Pages = cloned(s.Pages)
	return out
}

// cloned is a copy of a map that can be written to.
func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// AtBay finds the session that has a bay: one whose power is not off.
func (s State) AtBay(bay int) (Session, bool) {
	for _, x := range s.Sessions {
		if x.Bay == bay && x.Power != Off && x.Record != RecordClosed {
			return x, true
		}
	}
	return Session{}, false
}

// Holding finds the session whose hold, of this name, is not settled.
func (s State) Holding(id kiosk.HoldID) (Session, bool) {
	for _, x := range s.Sessions {
		if x.owes() && x.Hold.ID == id {
			return x, true
		}
	}
	return Session{}, false
}

// Forsaken tells whether all that is left of a session is to wait for a hold that the terminal has lost:
// for days, because nothing may be taken twice.
func (x Session) Forsaken() bool {
	waits := x.Money == CaptureDelayed || x.Money == ReleaseDelayed || x.Money == CaptureUnclear ||
		x.Money == ReleaseUnclear
	return waits && x.Power == Off && x.Missing >= missingLists-1
}

// Underway lists the references of the sessions that an update should wait for: someone is
// at the screen or at a bay, or the terminal is at work for it. What only waits for its next
// try survives a restart.
func (s State) Underway() (out []string) {
	for _, x := range s.ordered() {
		waits := x.Money == CaptureDelayed || x.Money == ReleaseDelayed
		if x.Record != RecordClosed && !(waits && x.Power == Off) {
			out = append(out, x.Reference)
		}
	}
	return out
}

// ordered lists the sessions by their ids, oldest first (ids are ULIDs).
func (s State) ordered() []Session {
	return slices.SortedFunc(maps.Values(s.Sessions), func(a, b Session) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
}

// Down tells whether a fault keeps a bay from selling, and which.
func (s State) Down(bay int) (code kiosk.FaultCode, down bool) {
	codes := []kiosk.FaultCode{}
	for f := range s.Faults {
		def, _ := kiosk.FaultByCode(f.Code)
		if def.Severity == kiosk.SiteDown || def.Severity == kiosk.BayDown && (f.Bay == bay || f.Bay == 0) {
			codes = append(codes, f.Code)
		}
	}
	if len(codes) == 0 {
		return "", false
	}
	slices.Sort(codes)
	return codes[0], true
}

// Energy is what was delivered up to a register: the sum of its judged differences.
func (s Session) Energy(now kiosk.Energy) kiosk.Energy { return max(0, s.counted(now)) }

// counted is Energy, negative where the register is below the first one.
func (s Session) counted(now kiosk.Energy) kiosk.Energy {
	if s.Start == nil {
		return 0
	}
	total := s.rise(now)
	for _, p := range s.Periods {
		total += p.Energy
	}
	return total
}

// rise is what the register counted since the last journaled reading, over its modulus if need
// be. It is negative where that reading was too high.
func (s Session) rise(now kiosk.Energy) kiosk.Energy {
	if up, ok := (kiosk.Register{Modulus: s.Modulus}).Rise(s.Last.Import, now); ok {
		return up
	}
	return now - s.Last.Import
}

// usage is what was measured so far, up to a reading that may not be journaled yet.
func (s Session) usage(r kiosk.Reading) tariff.Usage {
	x := s
	x.keep(r)
	u := tariff.Usage{Start: s.Start.At, Periods: x.Periods, End: x.Last.At}
	u = endingAt(u, s.OpenAt)                           // the last register is read after the contactor opened
	if until := s.signedUntil(u.End); !until.IsZero() { // what the meter did not sign is not billed
		for n := len(u.Periods); n > 1 && u.Periods[n-1].Energy == 0 && u.Periods[n-1].Start.After(until); n-- {
			u.Periods = u.Periods[:n-1]
		}
		u = endingAt(u, until)
	}
	return u
}

// endingAt is a usage that ends at a time, where that is sooner, but not before its last period begins.
func endingAt(u tariff.Usage, at time.Time) tariff.Usage {
	if at.IsZero() || !at.Before(u.End) {
		return u
	}
	u.End = at
	if last := u.Periods[len(u.Periods)-1].Start; u.End.Before(last) {
		u.End = last
	}
	return u
}

// Cost is the price of what was measured up to a reading.
func (s Session) Cost(r kiosk.Reading) (*tariff.Cost, error) {
	return s.Tariff.Calculate(s.usage(r), s.Location)
}

// measuredEvery is the longest stretch between two journaled readings that counts as
// measured: they are ten seconds apart while all is well.
const measuredEvery = 30 * time.Second

// keep adds a reading to the periods: what the register moved since the last one
// belongs to the stretch that ends here.
func (s *Session) keep(r kiosk.Reading) {
	r.At = s.when(r.At)
	if r.At.Before(s.Last.At) {
		r.At = s.Last.At
	}
	state := tariff.Charging
	switch {
	case r.At.Sub(s.Last.At) > measuredEvery: // we were away, or could not write
		state = tariff.Unproven
	case s.doubt: // its time of day, and so its price, is not known
		state = tariff.Unproven
	case s.idle:
		state = tariff.Parked
	}
	delta := s.rise(r.Import)
	// others may read the old ones, and they may yet be all that is true
	s.Periods = slices.Clone(s.Periods)
	for i := len(s.Periods) - 1; i >= 0 && delta < 0; i-- { // the reading before was too high
		back := min(s.Periods[i].Energy, -delta)
		s.Periods[i].Energy -= back
		delta += back
	}
	delta = max(0, delta)
	n := len(s.Periods)
	if n > 0 && !s.cut && s.Periods[n-1].State == state && s.Periods[n-1].AnyTime == s.doubt &&
		!s.Tariff.DependsOnPower() {
		s.Periods[n-1].Energy += delta
	} else {
		p := tariff.Period{Start: s.Last.At, State: state, Energy: delta, AnyTime: s.doubt}
		if s.Tariff.DependsOnPower() {
			p.Current = sum(r.Current)
		}
		s.Periods = append(s.Periods, p)
	}
	s.cut = false
	s.Last = &r
}

// when is a time as the session counts it: it goes on from where it was, although the clock
// was set back while we were away.
func (s Session) when(t time.Time) time.Time { return t.Add(s.shift) }

// LastReading is the last register that was journaled, with the clock's own time.
func (s Session) LastReading() kiosk.Reading {
	r := *s.Last
	r.At = r.At.Add(-s.shift)
	return r
}

// ProvenReading is the last that is certainly of the meter that the session began with.
func (s Session) ProvenReading() kiosk.Reading {
	r := *s.Proven
	r.At = r.At.Add(-s.shift)
	return r
}

// sum is the current of all phases in amperes.
func sum(milliamperes []int64) *tariff.Decimal {
	d := new(tariff.Decimal)
	total := int64(0)
	for _, v := range milliamperes {
		total += v
	}
	d.SetFrac64(total, 1000)
	return d
}

// loadOffer reads the frozen tariff.
func (s *Session) loadOffer(o Offer) error {
	t, err := tariff.Parse(o.Tariff)
	if err != nil {
		return err
	}
	loc, err := time.LoadLocation(o.Timezone)
	if err != nil {
		return err
	}
	s.Offer, s.Tariff, s.Location = &o, t, loc
	return nil
}

// Bill is the final price. Its parts add up.
type Bill struct {
	Energy kiosk.Energy `json:"energy_wh"`
	Total  kiosk.Money  `json:"total"` // what is taken
	// what the tariff says; more than Total only where the hold was less
	Cost   kiosk.Money   `json:"cost"`
	Net    *kiosk.Money  `json:"net,omitempty"`     // of Total
	Taxes  []BillTax     `json:"taxes,omitempty"`   // of Total
	Lines  []BillLine    `json:"lines"`             // gross
	Limit  string        `json:"limited,omitempty"` // min_price, max_price or hold
	Start  time.Time     `json:"start"`
	End    time.Time     `json:"end"`
	From   kiosk.Energy  `json:"register_start_wh"`
	To     kiosk.Energy  `json:"register_end_wh"`
	Rolled kiosk.Energy  `json:"register_modulus_wh,omitempty"` // the register began again here, and To is below From
	Usage  *tariff.Usage `json:"usage"`
	Gaps   []Span        `json:"interrupted,omitempty"`
	Doubt  bool          `json:"clock_untrusted,omitempty"` // its times may be wrong, and none was billed
}

// BillTax is one VAT rate.
type BillTax struct {
	Percent string      `json:"percent"`
	Amount  kiosk.Money `json:"amount"`
}

// BillLine is one price and what it comes to.
type BillLine struct {
	Dimension tariff.Dimension `json:"dimension"`
	Price     string           `json:"price"`  // gross, a kWh, a minute or once
	Volume    string           `json:"volume"` // kWh, minutes or 1
	Amount    kiosk.Money      `json:"amount"`
}
