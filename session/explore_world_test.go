package session

import (
	"fmt"
	"slices"
	"time"

	"kioskd"
)

// The world that is explored: one bay, a vehicle, a bank and its terminal, as OCPI's and ZVT's words have
// them, and not as the machine hopes for. Every answer that they can give is a move. A move that
// harms (an answer that is lost or wrong, a kill, a contactor that sticks) is a misfortune.

// world is what is true outside of the journal.
type world struct {
	now             time.Time
	plugged, closed bool
	stuck           bool         // the contactor did not open when it was told to
	counted         kiosk.Energy // by the register: it rises while energy flows, and never else
	from            kiosk.Energy // the register when the present session began
	holds           []bankHold
	last            *kiosk.CaptureResult // the terminal's last
	receipts        int                  // results, counted
	box             box                  // the charger, where there is one
	signed          kiosk.Energy         // the register when the meter signed the last beginning
}

// bankHold is what the bank knows of one.
type bankHold struct {
	session         string
	receipt         kiosk.HoldID
	approved, taken int64
	open            bool
	hidden, shown   bool // a list left it out while it was open, or named it while it was not
}

const (
	worldCurrency = kiosk.Currency("EUR")
	worldHold     = 10   // cents
	worldPower    = 3600 // watt
	worldTerminal = "52500038"
)

const worldTariff = `{"id":"t","currency":"EUR","tax_included":"YES",
	"elements":[{"price_components":[{"type":"ENERGY","price":0.50,"vat":19}]}]}`

func worldOffer() *Offer {
	return &Offer{Tariff: []byte(worldTariff), Hash: "sum",
		Hold:     kiosk.Money{Minor: worldHold, Currency: worldCurrency},
		Language: "en", Timezone: "Europe/Berlin"}
}

func worldRules() Rules {
	r := DefaultRules()
	r.Currency, r.TerminalID = worldCurrency, worldTerminal
	r.Bays[1] = BayRules{MaxPower: 11000}
	return r
}

// hold makes a hold at the bank.
func (w *world) hold(session string, approved int64) kiosk.Hold {
	w.receipts++
	w.holds = append(slices.Clone(w.holds),
		bankHold{session: session, receipt: w.id(), approved: approved, open: true})
	return kiosk.Hold{ID: w.id(), TraceNo: fmt.Sprint(w.receipts), TerminalID: worldTerminal,
		Approved: kiosk.Money{Minor: approved, Currency: worldCurrency}, At: w.now}
}

// change changes a hold that is open; it is false where none is.
// id names the last result.
func (w *world) id() kiosk.HoldID { return kiosk.HoldID(fmt.Sprint(w.receipts)) }

func (w *world) change(receipt kiosk.HoldID, f func(*bankHold)) bool {
	at := slices.IndexFunc(w.holds, func(h bankHold) bool { return h.receipt == receipt && h.open })
	if at < 0 {
		return false
	}
	w.holds = slices.Clone(w.holds)
	f(&w.holds[at])
	return true
}

// book settles a hold at the bank: taken is 0 for a release.
func (w *world) book(receipt kiosk.HoldID, taken int64) (kiosk.CaptureResult, bool) {
	if !w.change(receipt, func(h *bankHold) { h.open, h.taken = false, taken }) {
		return kiosk.CaptureResult{}, false
	}
	w.receipts++
	b := kiosk.CaptureResult{ID: w.id(), TraceNo: fmt.Sprint(w.receipts),
		Booked: kiosk.Money{Minor: taken, Currency: worldCurrency}}
	w.last = &b
	return b, true
}

// reverse makes a booking undone, as a terminal does whose completion did not arrive.
func (w *world) reverse(receipt kiosk.HoldID) {
	w.holds = slices.Clone(w.holds)
	for i := range w.holds {
		if w.holds[i].receipt == receipt {
			w.holds[i].open, w.holds[i].taken = true, 0
		}
	}
	w.last = nil
}

func (w *world) open() (out []kiosk.HoldID) {
	for _, h := range w.holds {
		if h.open {
			out = append(out, h.receipt)
		}
	}
	return out
}

// taken is all that a session's card was charged.
func (w *world) taken(session string) (total int64) {
	for _, h := range w.holds {
		if h.session == session {
			total += h.taken
		}
	}
	return total
}

func (w *world) reading() *kiosk.Reading {
	r := &kiosk.Reading{At: w.now, Import: w.counted, Serial: "M1", Named: true}
	if w.plugged && w.closed {
		r.Power = worldPower
	}
	return r
}

func (w *world) sample() Sample {
	r := w.reading()
	s := Sample{Inputs: kiosk.BayInputs{Plugged: w.plugged, Requesting: w.plugged, Closed: w.closed}, Reading: r,
		Good: r}
	if w.box.there {
		return w.boxed(s)
	}
	return s
}

// past is the journal, newest first.
type past struct {
	event  Event
	before *past
}

// path is how a state was reached.
type path struct {
	move   string
	before *path
}

func (p *path) String() string {
	var all []string
	for ; p != nil; p = p.before {
		all = append(all, p.move)
	}
	slices.Reverse(all)
	text := ""
	for i, m := range all {
		text += fmt.Sprintf("%3d  %s\n", i+1, m)
	}
	return text
}

// node is a state of the world, of the machine and of what is between them.
type node struct {
	x      *explorer
	w      world
	s      State
	live   Sample
	cmds   []Command // for the terminal, in its order
	bay    []Command
	past   *past
	path   *path
	ids    int    // names that were given
	came   int    // visitors
	spent  int    // money commands since time passed
	again  string // the misfortune that may happen again, for nothing, until then
	misses int    // misfortunes so far
	depth  int
}

// see is what the controller does with an observation.
func (n *node) see(o Observation) error {
	o.At, o.Live = n.w.now, map[int]Sample{1: n.live}
	if o.What == Chosen {
		n.came++
	}
	if o.Session == "" {
		n.ids++
		o.Session, o.Reference = fmt.Sprintf("S%03d", n.ids), fmt.Sprintf("R%03d", n.ids)
	}
	events, err := n.x.decide(n.s, o)
	if err != nil {
		return err
	}
	var cmds []Command
	for _, e := range events {
		next, more, err := n.x.step(n.s, e)
		if err != nil {
			n.x.violated(n, "what was decided of %s does not fit: %v", o.What, err)
			return err
		}
		n.s, n.past = next, &past{e, n.past}
		n.judgeEvent(e)
		cmds = append(cmds, more...)
	}
	for _, c := range cmds {
		n.dispatch(c)
	}
	return nil
}

func (n *node) dispatch(c Command) {
	switch c.Do {
	case AbortHold, ReadCard, TestContact:
	case LookAtBay:
		n.look(n.w.sample())
	case AskTerminal, AskHold, CaptureHold, ReleaseHold, EndOfDay:
		n.judgeCommand(c)
		n.cmds = append(slices.Clone(n.cmds), c)
		slices.SortStableFunc(n.cmds, func(a, b Command) int { return rank(a) - rank(b) })
	default:
		n.judgeCommand(c)
		n.bay = append(slices.Clone(n.bay), c)
	}
}

// look is what the bay's worker sees.
func (n *node) look(sm Sample) {
	n.live = sm
	if _, taken := n.s.AtBay(1); !taken && sm.InputsLost == 0 && sm.Inputs.Closed {
		open := Command{Do: OpenContact, Bay: 1}
		if !slices.ContainsFunc(n.bay, func(c Command) bool { return c.Do == OpenContact }) {
			n.bay = append(slices.Clone(n.bay), open)
		}
	}
	n.see(Observation{What: Sampled, Bay: 1, Sample: &sm})
}

// pass lets time pass.
func (n *node) pass(d time.Duration) {
	n.w.now, n.spent, n.again = n.w.now.Add(d), 0, ""
	if n.w.plugged && n.w.closed {
		n.w.counted += kiosk.Energy(worldPower * int64(d/time.Second) / 3600)
	}
	n.judgeFlow()
	n.see(Observation{What: Ticked})
}

// list hands a list of open holds over, and remembers what of it is not so.
func (n *node) list(open []kiosk.HoldID, complete, ready bool) {
	n.w.holds = slices.Clone(n.w.holds)
	for i := range n.w.holds {
		h := &n.w.holds[i]
		listed := slices.Contains(open, h.receipt)
		h.hidden, h.shown = h.hidden || complete && h.open && !listed, h.shown || !h.open && listed
	}
	n.see(Observation{What: FaultSeen, Fault: "PT001"})
	list := kiosk.OpenHolds{IDs: open, Complete: complete, TerminalID: worldTerminal}
	n.see(Observation{What: TerminalSaid, Open: list, Ready: ready, Last: n.w.last})
}

func (n *node) pop() Command {
	c := n.cmds[0]
	n.cmds = n.cmds[1:]
	if c.Do == AskHold || c.Do == CaptureHold || c.Do == ReleaseHold {
		n.spent++
	}
	return c
}

// restart kills the daemon and starts it again: what was under way is lost, the journal is not.
func (n *node) restart() {
	n.cmds, n.bay = nil, nil
	state, err := Replay(n.past.records())
	if err != nil {
		n.x.violated(n, "the journal does not replay: %v", err)
		return
	}
	if got, want := keyOfSessions(state, n.w), keyOfSessions(n.s, n.w); got != want {
		n.x.violated(n, "a restart forgets\n%s\nand knows\n%s", want, got)
	}
	n.s = state
	n.see(Observation{What: FaultSeen, Fault: "PT001", Raised: true})
	n.see(Observation{What: Booted})
	n.look(n.w.sample())
}

// records are the journal as a start reads it.
func (p *past) records() func(yield func(kiosk.Record, error) bool) {
	var all []Event
	for ; p != nil; p = p.before {
		all = append(all, p.event)
	}
	slices.Reverse(all)
	return func(yield func(kiosk.Record, error) bool) {
		for i, e := range all {
			entry, err := e.Entry()
			r := kiosk.Record{Seq: int64(i + 1), Session: entry.Session, Kind: entry.Kind, Body: entry.Body,
				Token: entry.Token}
			if !yield(r, err) {
				return
			}
		}
	}
}
