// Package audit compares what the journal says with what the world says: the bank's
// ledger, the meters' own registers and the times at which energy flowed. It proves
// the promises after the fact, or names what breaks them.
//
// It is written against the journal's records as JSON and shares no code with the
// session machine, the tariffs or the store: a mistake there must not hide itself
// here. It must never correct anything.
package audit

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kioskd"
)

// Movement is one line of the bank's ledger, as the documentation of commands has it.
type Movement struct {
	At        time.Time `json:"at"`
	Kind      string    `json:"kind"`
	ReceiptNo int       `json:"receipt_no"`
	Minor     int64     `json:"amount_minor"`
	Currency  string    `json:"currency"`
	Card      string    `json:"card"`
	Reference string    `json:"reference"`
}

// Flow is energy that really left a bay without a pause, as its register counted.
type Flow struct {
	Bay      int
	From, To time.Time
	Energy   kiosk.Energy
}

// World is what is true, whatever the journal says.
type World struct {
	Ledger []Movement // whole, in order
	Flows  []Flow
	Pulls  []Pull
	// Slack is how far the clocks of world and journal may be apart.
	Slack time.Duration
	// Step is the step of the coarsest register, 0 for a watt-hour: a difference of two
	// readings may be nearly a step more than what flowed.
	Step kiosk.Energy
	// Steps are those of the bays' registers that are known one by one.
	Steps map[int]kiosk.Energy
	// Signed are the records that the meter of a bay handed out, of those whose meters sign what they sell.
	Signed map[int][]string
	// Left is how much of what was delivered may not be billed, although nothing in the journal says why.
	// Negative: it is not looked at.
	Left kiosk.Energy
	// Within is how soon a contactor opens after its cable was pulled; 0 where the world did not measure it.
	Within time.Duration
}

// Pull is a cable that was pulled under load, and when its contactor opened; zero where it never did. Away:
// nothing could tell the kiosk of it, or nothing could open the contactor.
type Pull struct {
	Bay          int
	From, Opened time.Time
	Away         bool
}

// Rule is a promise.
type Rule string

// The promises.
const (
	Sequence  Rule = "the journal has no gap"
	Order     Rule = "an intent and what it rests on are journaled before the deed"
	EndedOnce Rule = "every hold is captured once or released once"
	Billed    Rule = "what is taken is what was billed, and never more than consented"
	Nothing   Rule = "nothing is taken for no energy"
	Measured  Rule = "billed energy is the difference of two journaled registers"
	Signed    Rule = "where a meter signs, what is billed is what its records say, and they are in the journal as it " +
		"made them"
	Delivered Rule = "no more is billed than was delivered"
	Priced    Rule = "the bill is the offered prices times the usage, and no more than the hold"
	Timed     Rule = "no more time is billed than passed between the first register and the open contactor"
	NoFree    Rule = "energy flows only under a hold, or a free charge that a person granted by name, at the bay of " +
		"its session"
	Known    Rule = "every hold belongs to a session in the journal"
	Earned   Rule = "what was delivered is billed, or the journal says why not"
	Patience Rule = "money is asked about a few times an hour, whatever the terminal answers"
	Prompt   Rule = "a contactor opens as soon as its cable is pulled"
	Closed   Rule = "every session is closed, and says of its money what the bank says"
)

// Violation is a promise that was broken.
type Violation struct {
	Rule    Rule
	Session string // reference, or empty
	What    string
}

func (v Violation) String() string {
	if v.Session == "" {
		return fmt.Sprintf("%s: %s", v.Rule, v.What)
	}
	return fmt.Sprintf("%s: session %s: %s", v.Rule, v.Session, v.What)
}

// body is what the audit reads of a record.
type body struct {
	At        time.Time      `json:"at"`
	Reference string         `json:"reference"`
	Bay       int            `json:"bay"`
	By        string         `json:"by"`
	Offer     *offer         `json:"offer"`
	Hold      *kiosk.Hold    `json:"hold"`
	Reading   *kiosk.Reading `json:"reading"`
	Amount    *kiosk.Money   `json:"amount"`
	Source    string         `json:"source"`
	Error     string         `json:"error"`
	Fault     string         `json:"fault"`
	Charger   bool           `json:"charger"`
	Signed    *signed        `json:"signed"`
	Bill      *struct {
		Energy kiosk.Energy `json:"energy_wh"`
		Total  kiosk.Money  `json:"total"`
		From   kiosk.Energy `json:"register_start_wh"`
		To     kiosk.Energy `json:"register_end_wh"`
		Rolled kiosk.Energy `json:"register_modulus_wh"` // the register began again here
		Usage  usage        `json:"usage"`
	} `json:"bill"`
}

// offer is what the driver agreed to.
type offer struct {
	Hold   kiosk.Money     `json:"hold"`
	Tariff json.RawMessage `json:"tariff"`
}

// trail is one session as the journal tells it.
type trail struct {
	id, reference string
	bay           int
	kinds         []string
	offered       *offer
	holds         []int // receipt numbers
	approved      kiosk.Money
	start, end    *kiosk.Reading
	startAt       time.Time // the first register was journaled
	readAt        time.Time // and read: not before the record that precedes it
	last          time.Time // of the record before
	stopAt        time.Time // the contactor is known to be open
	bill          *body
	money         string // last settlement that was confirmed
	grantedBy     string // the person who let it charge for nothing
	charger       bool   // its bay is a charger's, which tells its register when it begins
	closed        bool
	missing       int // lists in a row that lacked its hold
	signed        *signed
	excused       bool        // the journal says why less than was delivered may be billed
	commands      []time.Time // about money
	starts        []time.Time // of the daemon, while it was open
}

// forsaken tells whether all that is left of a session is to wait for a hold that the terminal has lost.
// Nothing may be taken twice, so that it waits for days; a person sees it among what is open.
func (x *trail) forsaken() bool {
	const lists = 4 // before the one that proves it
	waits := []string{"capture_waiting", "capture_unknown", "release_waiting", "release_unknown", "hold_missing",
		"resumed"}
	return !x.closed && x.missing >= lists && slices.Contains(waits, x.kinds[len(x.kinds)-1])
}

// disputed are the records of what is left to a person.
const disputed = "settlement_refused|unproven|hold_vanished"

// needs says what a session's record must find before it.
var needs = map[string][]string{
	"hold_intent":     {"bay_lease", "offer"},
	"hold_ok":         {"hold_intent"},
	"meter_start":     {"hold_ok|hold_found|free_granted", "hold_confirmed|free_granted"},
	"signing_intent":  {"meter_start"},
	"signing_began":   {"signing_intent"},
	"contactor_close": {"meter_start"},
	"stop_intent":     {"contactor_close"},
	"meter_end":       {"stop_intent", "contactor_opened"},
	"bill":            {"meter_start", "meter_end"},
	"capture_intent":  {"bill"},
	"capture_ok":      {"capture_intent"},
	"release_intent":  {"hold_ok|hold_found"},
	"release_ok":      {"release_intent"},
	"receipt_final":   {"capture_confirmed|release_confirmed|free_granted|" + disputed},
}

// chargerNeeds are what differs at a bay that is a charger's: it is asked to begin, and then tells its register.
var chargerNeeds = map[string][]string{
	"contactor_close": {"hold_ok|hold_found|free_granted", "hold_confirmed|free_granted", "plugged"},
	"meter_start":     {"contactor_close"},
}

// needed is what must stand before a record of a session.
func (x *trail) needed(kind string) []string {
	if own, ok := chargerNeeds[kind]; ok && x.charger {
		return own
	}
	return needs[kind]
}

// Check reads a whole journal and returns every promise that the world shows broken.
func Check(records iter.Seq2[kiosk.Record, error], w World) ([]Violation, error) {
	c := check{world: w, trails: map[string]*trail{}, captures: map[string]bool{}}
	last := int64(0)
	for r, err := range records {
		if err != nil {
			return nil, err
		}
		if r.Seq != last+1 {
			c.broken(Sequence, "", "record %d follows %d", r.Seq, last)
		}
		last = r.Seq
		if r.Session == "" {
			if err := c.fault(r); err != nil {
				return nil, err
			}
			continue
		}
		if err := c.record(r); err != nil {
			return nil, err
		}
	}
	for _, x := range c.trails {
		if x.forsaken() {
			x.closed, x.money = true, "disputed"
		}
	}
	c.group()
	c.bank()
	for _, id := range slices.Sorted(maps.Keys(c.trails)) {
		c.session(c.trails[id])
	}
	for _, f := range w.Flows {
		c.flow(f)
	}
	for _, p := range w.Pulls {
		c.prompt(p)
	}
	return c.found, nil
}

// prompt looks for how long a contactor stayed closed without a vehicle.
func (c *check) prompt(p Pull) {
	late := p.Opened.Sub(p.From)
	switch {
	case c.world.Within == 0:
	case p.Opened.IsZero():
		c.broken(Prompt, "", "bay %d: its contactor never opened after its cable was pulled at %s",
			p.Bay, p.From.Format(time.StampMilli))
	case !p.Away && late > c.world.Within:
		c.broken(Prompt, "", "bay %d: %v after its cable was pulled at %s", p.Bay, late, p.From.Format(time.StampMilli))
	}
}

type check struct {
	world  World
	trails map[string]*trail
	found  []Violation

	holds    []*held
	captures map[string]bool // references that the bank captured for
}

func (c *check) broken(r Rule, session, format string, args ...any) {
	c.found = append(c.found, Violation{r, session, fmt.Sprintf(format, args...)})
}

func (c *check) record(r kiosk.Record) error {
	var b body
	if err := json.Unmarshal(r.Body, &b); err != nil {
		return fmt.Errorf("cannot read record %d: %w", r.Seq, err)
	}
	x := c.trails[r.Session]
	if x == nil {
		x = &trail{id: r.Session}
		c.trails[r.Session] = x
	}
	if x.closed {
		c.broken(Order, x.reference, "%s (record %d) comes after the session was closed", r.Kind, r.Seq)
	}
	for _, need := range x.needed(r.Kind) {
		if !x.has(need) {
			c.broken(Order, x.reference, "%s (record %d) without %s before it", r.Kind, r.Seq, need)
		}
	}
	x.kinds = append(x.kinds, r.Kind)
	x.apply(r.Kind, b)
	return nil
}

// measuring are the faults of a bay in which its register cannot be read, or not believed.
var measuring = []string{"MT001", "MT002", "MT003", "MT004", "MT006", "MT007"}

// fault excuses the sessions that had a bay when something was wrong with its meter.
func (c *check) fault(r kiosk.Record) error {
	if r.Kind != "fault_raised" {
		return nil
	}
	var b body
	if err := json.Unmarshal(r.Body, &b); err != nil {
		return fmt.Errorf("cannot read record %d: %w", r.Seq, err)
	}
	for _, x := range c.trails {
		x.excused = x.excused || !x.closed && x.bay == b.Bay && slices.Contains(measuring, b.Fault)
	}
	return nil
}

// has tells whether one of the kinds in an alternative was seen.
func (x *trail) has(alternative string) bool {
	return slices.ContainsFunc(strings.Split(alternative, "|"), func(k string) bool {
		return slices.Contains(x.kinds,
			k)
	})
}

func (x *trail) apply(kind string, b body) {
	if x.reference == "" {
		x.reference = b.Reference
	}
	if b.Bay != 0 {
		x.bay = b.Bay
	}
	switch kind {
	case "bay_lease", "bay_moved":
		x.charger = b.Charger
	case "hold_intent", "capture_intent", "release_intent":
		x.commands = append(x.commands, b.At)
	case "resumed":
		x.starts = append(x.starts, b.At)
	}
	switch kind {
	case "offer":
		x.offered = b.Offer
	case "hold_ok", "hold_found":
		x.holds, x.approved = append(x.holds, numberOf(b.Hold.ID)), b.Hold.Approved
	case "free_granted":
		x.grantedBy = b.By
	case "meter_start":
		x.start, x.startAt, x.readAt = b.Reading, b.At, b.At
		if read := b.Reading.At; !read.Before(x.last) && read.Before(b.At) {
			x.readAt = read
		}
	case "contactor_opened":
		x.stopAt = b.At
		x.excused = x.excused || b.Error != ""
	case "meter_end":
		x.end, x.signed = b.Reading, b.Signed
		x.excused = x.excused || b.Source != "read" || b.Error != ""
	case "bill":
		x.bill = &b
	case "capture_confirmed":
		x.money = "capture"
	case "release_confirmed":
		x.money = "release"
	case "settlement_refused", "unproven", "hold_vanished":
		x.money = "disputed"
	case "hold_missing":
		x.missing++
	case "hold_listed":
		x.missing = 0
	case "closed":
		x.closed = true
	}
	x.last = b.At
}

// numberOf is the number by which the bank knows a hold; -1 for a name that is none.
func numberOf(id kiosk.HoldID) int {
	n, err := strconv.Atoi(string(id))
	if err != nil {
		return -1
	}
	return n
}

// held is one hold at the bank and how it ended.
type held struct {
	Movement
	ends []Movement
}

// group groups the ledger by hold; receipt numbers come round again after 9999.
func (c *check) group() {
	open := map[int]*held{}
	for _, m := range c.world.Ledger {
		switch m.Kind {
		case "hold":
			h := &held{Movement: m}
			open[m.ReceiptNo], c.holds = h, append(c.holds, h)
		case "capture", "release":
			if h := open[m.ReceiptNo]; h != nil {
				h.ends = append(h.ends, m)
			} else {
				c.broken(EndedOnce, m.Reference, "%s of hold %d, which never was", m.Kind, m.ReceiptNo)
			}
		}
	}
}

// bank compares each hold with its session.
func (c *check) bank() {
	for _, h := range c.holds {
		if len(h.ends) != 1 {
			c.broken(EndedOnce, h.Reference, "hold %d ended %d times", h.ReceiptNo, len(h.ends))
			continue
		}
		end := h.ends[0]
		x := c.owner(h)
		if x == nil {
			// A result that was never acknowledged is undone by the terminal itself.
			if end.Kind == "capture" {
				c.broken(Known, h.Reference, "hold %d was captured and no session has it", h.ReceiptNo)
			}
			continue
		}
		if end.Kind == "capture" {
			c.captured(x, h, end)
		}
	}
}

func (c *check) captured(x *trail, h *held, end Movement) {
	c.captures[x.reference] = true
	switch {
	case x.bill == nil:
		c.broken(Billed, x.reference, "%d was captured without a bill", end.Minor)
		return
	case end.Minor != x.bill.Bill.Total.Minor:
		c.broken(Billed, x.reference, "%d was captured, %d was billed", end.Minor, x.bill.Bill.Total.Minor)
	case end.Minor > h.Minor:
		c.broken(Billed, x.reference, "%d was captured of a hold of %d", end.Minor, h.Minor)
	case x.offered == nil || h.Minor > x.offered.Hold.Minor:
		c.broken(Billed, x.reference, "%d was held without consent", h.Minor)
	}
	if x.bill.Bill.Energy == 0 {
		c.broken(Nothing, x.reference, "%d was taken", end.Minor)
	}
	if x.money != "capture" && x.money != "disputed" {
		c.broken(Closed, x.reference, "the bank captured, the journal says %q", x.money)
	}
}

// askedBy tells whether a hold was asked for by a session. A terminal that takes only the plain form of a
// registration is told no reference, and its bank has none.
func (h *held) askedBy(x *trail) bool { return h.Reference == x.reference || h.Reference == "" }

// owner finds the session of a hold, among those that have its receipt number: the one that asked for it, or
// else an orphan's, which was found in a list. A list may have named the number before the hold was there.
func (c *check) owner(h *held) (orphan *trail) {
	for _, x := range c.trails {
		switch {
		case !slices.Contains(x.holds, h.ReceiptNo):
		case h.askedBy(x) && !slices.Contains(x.kinds, "hold_found"):
			return x
		case h.askedBy(x), slices.Contains(x.kinds, "hold_found"):
			orphan = x
		}
	}
	return orphan
}

func (c *check) session(x *trail) {
	if !x.closed {
		c.broken(Closed, x.reference, "ends with %s", x.kinds[len(x.kinds)-1])
	}
	for _, n := range x.holds {
		if x.money == "" && !slices.Contains(x.kinds, "hold_gone") && !slices.Contains(x.kinds, "hold_declined") {
			c.broken(Closed, x.reference, "nothing says what became of hold %d", n)
		}
	}
	c.patient(x)
	if x.money == "capture" && !c.captures[x.reference] {
		c.broken(Closed, x.reference, "the journal says captured, the bank has no capture")
	}
	if x.bill == nil {
		return
	}
	b := x.bill.Bill
	rolled := b.Rolled > 0 && b.To < b.From && b.From <= b.Rolled && b.From > b.Rolled/20*19 && b.To < b.Rolled/20
	c.signed(x)
	if counted := b.To - b.From + map[bool]kiosk.Energy{true: b.Rolled}[rolled]; x.start == nil || x.end == nil ||
		b.From != x.start.Import || x.signed == nil && b.To != x.end.Import || b.Energy != counted {
		c.broken(Measured, x.reference, "billed %d Wh from %d to %d, registers are %v and %v", b.Energy, b.From, b.To,
			x.start, x.end)
	}
	priced := kiosk.Energy(0)
	for _, p := range b.Usage.Periods {
		priced += p.Energy
	}
	if b.Energy != 0 && priced != b.Energy {
		c.broken(Measured, x.reference, "billed %d Wh, priced %d", b.Energy, priced)
	}
	c.priced(x)
	delivered := kiosk.Energy(0)
	for _, f := range c.world.Flows {
		if f.Bay == x.bay && c.during(x, f) {
			delivered += f.Energy
		}
	}
	step, known := c.world.Steps[x.bay]
	if !known {
		step = c.world.Step
	}
	if b.Energy > delivered+max(0, step-1) {
		c.broken(Delivered, x.reference, "billed %d Wh, delivered %d", b.Energy, delivered)
	}
	if lost := delivered - b.Energy; c.world.Left >= 0 && !x.excused && lost > c.world.Left+step {
		c.broken(Earned, x.reference, "delivered %d Wh, billed %d", delivered, b.Energy)
	}
}

// mostCommands is how many commands about one session's money an hour may have. A daemon that starts again
// may go on where it was.
const mostCommands = 12

// patient looks at each hour of a session.
func (c *check) patient(x *trail) {
	for i, from := range x.commands {
		n, most := 0, mostCommands
		for _, at := range x.commands[i:] {
			if at.Sub(from) < time.Hour {
				n++
			}
		}
		for _, at := range x.starts {
			if d := at.Sub(from); -time.Minute < d && d < time.Hour {
				most += 2
			}
		}
		if n > most {
			c.broken(Patience, x.reference, "%d commands in the hour from %s", n, from.Format(time.Stamp))
			return
		}
	}
}

// priced calculates a bill again.
func (c *check) priced(x *trail) {
	b := x.bill.Bill
	charging, _ := b.Usage.spent("charging")
	parking, _ := b.Usage.spent("parking")
	if passed := x.stopAt.Sub(x.readAt) + c.world.Slack; charging+parking > passed && !x.stopAt.IsZero() {
		c.broken(Timed, x.reference, "billed %v, %v passed", charging+parking, passed)
	}
	if x.offered == nil || b.Energy == 0 {
		return
	}
	want, ok := price(x.offered.Tariff, b.Usage, b.Total.Currency.Digits())
	want = min(want, x.approved.Minor)
	if ok && want != b.Total.Minor {
		c.broken(Priced, x.reference, "billed %d, the prices make %d", b.Total.Minor, want)
	}
}

// during tells whether energy flowed between a session's first register and the moment
// when its contactor was known to be open.
func (c *check) during(x *trail, f Flow) bool {
	return !x.startAt.IsZero() && !f.From.Before(x.startAt.Add(-c.world.Slack)) && (x.stopAt.IsZero() ||
		!f.To.After(x.stopAt.Add(c.world.Slack)))
}

// flow looks for the session and the hold under which energy flowed.
func (c *check) flow(f Flow) {
	if f.Energy == 0 {
		return
	}
	for _, x := range c.trails {
		if x.bay == f.Bay && c.during(x, f) && (x.grantedBy != "" || c.heldThrough(x, f)) {
			return
		}
	}
	c.broken(NoFree, "", "bay %d gave %d Wh from %s to %s", f.Bay, f.Energy, f.From.Format(time.StampMilli),
		f.To.Format(time.StampMilli))
}

func (c *check) heldThrough(x *trail, f Flow) bool {
	for _, h := range c.holds {
		if slices.Contains(x.holds, h.ReceiptNo) && h.askedBy(x) && !h.At.After(f.From.Add(c.world.Slack)) &&
			(len(h.ends) == 0 || !h.ends[0].At.Before(f.To.Add(-c.world.Slack))) {
			return true
		}
	}
	return false
}
