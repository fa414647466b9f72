package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
)

// Site is what a presenter shows and sells.
type Site struct {
	Name      string
	Helpline  string
	Languages []string // the first is the default
	Bays      []int    // in the order in which they stand
	Tariff    *tariff.Tariff
	Hold      kiosk.Money
	Timezone  string
	TariffSum string
	Rules     session.Rules // whose times are counted down
	// ReadsCards tells that the terminal can show whose session it is by a card.
	ReadsCards bool
}

// Kiosk is what a presenter needs of the controller.
type Kiosk interface {
	Choose(ctx context.Context, bay int) (session string, err error)
	Do(context.Context, session.Observation) error
	Snapshot() session.Snapshot
}

// Times after which the screen goes on by itself.
const (
	idleAfter     = 60 * time.Second
	declinedAfter = 15 * time.Second
	finalAfter    = 30 * time.Second
	chargingAfter = 15 * time.Second // others want to pay
	busyAfter     = time.Second      // a free terminal asks for the card sooner
)

// Presenter turns snapshots and inputs into views. It keeps only what one visitor sees:
// which page, which session, which language. It is safe for concurrent use.
type Presenter struct {
	site  Site
	kiosk Kiosk

	mu       sync.Mutex
	seq      uint64
	last     View
	language string
	page     Screen // attract, bays, stop_confirm, or "" for what the session's state says
	session  string
	own      bool      // the visitor is the session's: she paid in this visit, or proved it
	turned   time.Time // when the visitor came to the session
	digits   string
	limit    int
	since    time.Time       // of the page, or of the last touch
	told     map[string]bool // ended sessions whose driver could read what became of her money
}

// NewPresenter makes a presenter that shows the attract screen.
func NewPresenter(site Site, k Kiosk) *Presenter {
	return &Presenter{site: site, kiosk: k, language: site.Languages[0], page: Attract, since: k.Snapshot().At, told: map[string]bool{}}
}

// errOld means that an input was for a view that is no longer shown.
var errOld = errors.New("input is for an older view")

// Input applies what a finger did.
func (p *Presenter) Input(ctx context.Context, in Input) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in.Seq != p.last.Seq || p.seq == 0 {
		return errOld
	}
	snap := p.kiosk.Snapshot()
	p.since = snap.At
	switch in.Kind {
	case Language:
		if !slices.Contains(p.site.Languages, in.Value) {
			return fmt.Errorf("language %q is not offered", in.Value)
		}
		p.language = in.Value
	case Touch:
		p.turn(Bays, "", false)
	case Choose:
		return p.choose(ctx, in, snap)
	case Accept:
		return p.accept(ctx)
	case SetLimit:
		n, err := strconv.Atoi(in.Value)
		if err != nil || n < 0 || n >= len(p.limits()) {
			return fmt.Errorf("there is no limit %q", in.Value)
		}
		p.limit = n
	case Again:
		return p.kiosk.Do(ctx, session.Observation{What: session.AskedAgain, Session: p.session})
	case Digit:
		return p.digit(ctx, in.Value)
	case ShowCard:
		return p.kiosk.Do(ctx, session.Observation{What: session.CardAsked, Session: p.session})
	case Back:
		return p.back(ctx, snap)
	case Stop:
		if p.last.Screen == Charging {
			p.page = StopAsk
		}
	case Confirm:
		p.page = ""
		if !p.own {
			return errOld
		}
		return p.kiosk.Do(ctx, session.Observation{What: session.StopPressed, Session: p.session, By: session.ByScreen})
	default:
		return fmt.Errorf("unknown input %q", in.Kind)
	}
	return nil
}

func (p *Presenter) choose(ctx context.Context, in Input, snap session.Snapshot) error {
	n, err := strconv.Atoi(in.Value)
	if err != nil {
		return fmt.Errorf("bay %q is not a number", in.Value)
	}
	if x, taken := snap.State.AtBay(n); taken {
		p.turn("", x.ID, false)
		return nil
	}
	if x, ok := p.untold(snap, n); ok {
		p.turn("", x.ID, false)
		return nil
	}
	id, err := p.kiosk.Choose(ctx, n)
	if err != nil {
		return err
	}
	p.turn("", id, true)
	return nil
}

// turn goes to another page or session.
func (p *Presenter) turn(page Screen, id string, own bool) {
	p.page, p.session, p.own, p.digits, p.limit, p.turned = page, id, own, "", 0, p.since
}

// codeDigits is how long a stop code is.
const codeDigits = 4

// digit takes one more digit of a stop code, and judges a whole one.
func (p *Presenter) digit(ctx context.Context, value string) error {
	if len(value) != 1 || value[0] < '0' || value[0] > '9' || p.last.Screen != Owner {
		return fmt.Errorf("%q is not a digit", value)
	}
	if p.digits += value; len(p.digits) < codeDigits {
		return nil
	}
	code := p.digits
	p.digits = ""
	return p.kiosk.Do(ctx, session.Observation{What: session.CodeEntered, Session: p.session, Code: code})
}

// limits are the round amounts and energies below the hold.
func (p *Presenter) limits() []Limit {
	out := []Limit{{}}
	for _, major := range []int64{10, 20, 30} {
		minor := major
		for range p.site.Hold.Currency.Digits() {
			minor *= 10
		}
		if minor < p.site.Hold.Minor {
			out = append(out, Limit{Cost: kiosk.Money{Minor: minor, Currency: p.site.Hold.Currency}})
		}
	}
	for _, wh := range []kiosk.Energy{10_000, 20_000, 40_000} {
		out = append(out, Limit{Energy: wh})
	}
	return out
}

func (p *Presenter) accept(ctx context.Context) error {
	if p.last.Screen != Price {
		return errOld
	}
	offer := &session.Offer{Tariff: p.site.Tariff.JSON(), Hash: p.site.TariffSum, Hold: p.site.Hold, Language: p.language, Timezone: p.site.Timezone}
	if l := p.limits()[p.limit]; l.Cost.Minor > 0 {
		offer.Limit = &session.Limit{Cost: &l.Cost}
	} else if l.Energy > 0 {
		offer.Limit = &session.Limit{Energy: l.Energy}
	}
	return p.kiosk.Do(ctx, session.Observation{What: session.Accepted, Session: p.session, Offer: offer})
}

// back leaves a screen; before energy it cancels the session.
func (p *Presenter) back(ctx context.Context, snap session.Snapshot) error {
	switch p.last.Screen {
	case Bays:
		p.page = Attract
	case StopAsk:
		p.page = ""
	case Price, Tap, PlugIn:
		return p.kiosk.Do(ctx, session.Observation{What: session.Cancelled, Session: p.session})
	case Charging, Owner:
		p.turn(Bays, "", false)
	case Final, Declined:
		id := p.session
		p.leave()
		if x := snap.State.Sessions[id]; x.Money == session.Declined && x.Paper == session.PaperOpen { // she will not try again
			return p.kiosk.Do(ctx, session.Observation{What: session.Cancelled, Session: id})
		}
	}
	return nil
}

// toldFor is how long an ended session can be read at its bay.
const toldFor = 2 * time.Minute

// untold finds the session that ended last at a bay (0 for any) a short while ago, if its
// driver was not at the screen then.
func (p *Presenter) untold(snap session.Snapshot, bay int) (last session.Session, ok bool) {
	for _, x := range snap.State.Sessions {
		over := x.Power == session.Off && x.Hold != nil || x.Money == session.Declined
		if over && x.Offer != nil && (bay == 0 || x.Bay == bay) && x.ID > last.ID {
			last = x
		}
	}
	return last, last.ID != "" && !p.told[last.ID] && snap.At.Sub(last.EndAt) < toldFor
}

// tell remembers whom the final screen was for. What is no longer known is forgotten.
func (p *Presenter) tell(snap session.Snapshot) {
	p.told[p.session] = true
	for id := range p.told {
		if _, ok := snap.State.Sessions[id]; !ok {
			delete(p.told, id)
		}
	}
}

func (p *Presenter) leave() {
	p.turn(Attract, "", false)
	p.language = p.site.Languages[0]
}

// View is the present view. Its Seq is another one exactly when something changed that
// a late tap must not act on: screen, session, bay or language.
func (p *Presenter) View() View {
	p.mu.Lock()
	defer p.mu.Unlock()
	snap := p.kiosk.Snapshot()
	if snap.Starting { // who stands here is not known yet
		return View{Screen: OutOfOrder, Language: p.language, Languages: p.site.Languages, Site: p.site.Name, Helpline: p.site.Helpline}
	}
	if p.seq == 0 {
		p.resume(snap)
	}
	v := p.view(snap)
	if old := p.last; v.Screen != old.Screen || v.Session != old.Session || v.Language != old.Language || p.seq == 0 {
		p.seq++
	}
	v.Seq = p.seq
	p.last = v
	return v
}

// resume goes on with the visitor whom a restart interrupted: one who has shown a card
// and has no energy yet still stands at the screen.
func (p *Presenter) resume(snap session.Snapshot) {
	for _, x := range snap.State.Sessions {
		if x.Offer != nil && x.Paper == session.PaperOpen && x.Power != session.Off && x.Start == nil && x.ID > p.session {
			p.turn("", x.ID, true)
			p.language = x.Offer.Language
		}
	}
}

func (p *Presenter) view(snap session.Snapshot) View {
	v := View{Screen: p.page, Language: p.language, Languages: p.site.Languages, Site: p.site.Name, Helpline: p.site.Helpline, Hold: p.site.Hold, Bays: p.bays(snap)}
	for _, price := range p.site.Tariff.Prices() {
		v.Prices = append(v.Prices, PriceView{string(price.Dimension), price.Text(p.site.Hold.Currency.Digits()), price.AfterMin, price.From, price.To})
	}
	x, ok := snap.State.Sessions[p.session]
	if !ok && p.session != "" {
		p.leave()
		v.Screen = p.page
	}
	if ok {
		p.visit(&v, x, snap)
	}
	if v.Screen != p.last.Screen { // each screen has its own time, however long the one before stood
		p.since = snap.At
	}
	if v.Screen == Final || v.Screen == Declined {
		p.tell(snap)
	}
	if x, ok := p.untold(snap, 0); ok && v.Screen == Attract { // nobody is at the screen: perhaps she is
		p.turn("", x.ID, false)
		p.language, p.since = x.Offer.Language, snap.At
		return p.view(snap)
	}
	idle := snap.At.Sub(p.since)
	limit := map[Screen]time.Duration{Bays: idleAfter, Charging: chargingAfter, StopAsk: chargingAfter, Owner: idleAfter, Final: finalAfter, Declined: declinedAfter}[v.Screen]
	if limit > 0 && idle >= limit {
		p.leave()
		p.since = snap.At
		return p.view(snap)
	}
	if limit > 0 {
		v.Seconds = int((limit - idle + time.Second - 1) / time.Second)
	}
	if v.Screen == Attract || v.Screen == Bays {
		p.closed(&v, snap)
	}
	return v
}

// closed shows that nothing is sold where no bay can be.
func (p *Presenter) closed(v *View, snap session.Snapshot) {
	switch {
	case snap.Halted:
		v.Screen, v.Fault = OutOfOrder, "DB001"
		return
	case snap.State.Draining:
		v.Message = "drain"
	case snap.State.Paused(snap.At):
		v.Message = "paused"
	case snap.State.DayEnding():
		v.Message = "day_end"
	}
	for _, b := range p.site.Bays {
		code, down := snap.State.Down(b)
		if _, taken := snap.State.AtBay(b); taken || !down && v.Message == "" { // a driver must reach her session
			v.Message, v.Fault = "", ""
			return
		}
		v.Fault = code
	}
	v.Screen = OutOfOrder
}

func (p *Presenter) bays(snap session.Snapshot) (out []BayView) {
	for _, n := range p.site.Bays {
		state := BayFree
		_, down := snap.State.Down(n)
		_, taken := snap.State.AtBay(n)
		_, ended := p.untold(snap, n)
		switch {
		case taken:
			state = BayInUse
		case ended:
			state = BayEnded
		case down:
			state = BayBroken
		case snap.Live[n].Inputs.Plugged:
			state = BayPlugged
		}
		out = append(out, BayView{n, state})
	}
	return out
}

// visit shows a session by its state.
func (p *Presenter) visit(v *View, x session.Session, snap session.Snapshot) {
	v.Session, v.Bay, v.Reference = x.ID, x.Bay, x.Reference
	currency := p.site.Hold.Currency
	v.Cost, v.Paid, v.Released, v.Approved = kiosk.Money{Currency: currency}, kiosk.Money{Currency: currency}, kiosk.Money{Currency: currency}, kiosk.Money{Currency: currency}
	if x.Hold != nil {
		v.Approved = x.Hold.Approved
	}
	left := func(from time.Time, limit time.Duration) int {
		return max(0, int((limit-snap.At.Sub(from)+time.Second-1)/time.Second))
	}
	rules := p.site.Rules
	switch {
	case x.Power == session.Off || x.Paper != session.PaperOpen:
		p.ended(v, x)
	case x.Money == session.MoneyNone:
		v.Screen, v.Seconds = Price, left(x.LeaseAt, rules.Lease)
		v.Limits = p.limits()
		v.Limit = v.Limits[p.limit]
	case x.Money == session.Declined:
		p.ended(v, x)
		v.Again = x.MayTryAgain()
	case x.Money == session.HoldAsked:
		p.asking(v, snap.Progress[x.ID], snap.At.Sub(p.since))
	case x.Money == session.HoldRecorded:
		v.Screen, v.Message = Wait, "wait"
	case x.Money == session.HoldUncertain:
		v.Screen, v.Message = Wait, "unknown"
	case x.Power == session.Waiting || x.Power == session.Starting || x.Power == session.Closing:
		v.Screen, v.Seconds = PlugIn, left(x.HoldAt, rules.PlugIn)
		v.StopCode, v.Partial = x.StopCode, x.Hold.Approved.Minor < x.Offer.Hold.Minor
		if x.Power != session.Waiting {
			v.Message, v.Seconds = "starting", 0
		}
	default:
		p.charging(v, x, snap)
	}
}

// asking asks for a card. While the terminal says nothing it is not asking: it is still
// at work for another bay.
func (p *Presenter) asking(v *View, progress kiosk.Progress, since time.Duration) {
	v.Screen, v.Message = Tap, string(progress)
	switch {
	case progress == kiosk.ProgressWait:
		v.Screen = Wait
	case progress == "" && (p.last.Screen == Wait || p.last.Screen == Tap && since > busyAfter):
		v.Screen, v.Message = Wait, "busy"
	}
}

func (p *Presenter) charging(v *View, x session.Session, snap session.Snapshot) {
	v.Screen = Charging
	if p.page == StopAsk {
		v.Screen = StopAsk
	}
	if p.own = p.own || x.Owned(snap.At) && !x.ProofAt.Before(p.turned); p.own { // proved by this visitor
		v.StopCode = x.StopCode
	}
	switch x.Power {
	case session.Pausing:
		v.Message = "paused"
		p.idle(v, int(snap.At.Sub(x.Start.At)/time.Second))
	case session.Stopping, session.Opened:
		v.Screen, v.Message = Wait, "stopping"
	case session.Adopting:
		v.Message = "one_moment"
	}
	reading := x.LastReading()
	if live := snap.Live[x.Bay].Good; live != nil && live.Import >= reading.Import {
		reading = *live
	}
	v.Energy = x.Energy(reading.Import)
	if now := snap.Live[x.Bay].Reading; now != nil {
		v.Power = now.Power
	}
	v.Elapsed = int(snap.At.Sub(x.Start.At) / time.Second)
	if own := x.Offer.Limit; own != nil && own.Cost != nil {
		v.Limit.Cost = *own.Cost
	} else if own != nil {
		v.Limit.Energy = own.Energy
	}
	if cost, err := x.Cost(reading); err == nil && v.Energy > 0 {
		v.Cost = cost.AfterTaxes.Min(x.Hold.Approved)
	}
	if !p.own && (v.Screen == Charging || v.Screen == StopAsk) {
		p.owner(v, x, snap.At)
	}
}

// owner asks whose session it is. What it costs so far is nobody else's business.
func (p *Presenter) owner(v *View, x session.Session, at time.Time) {
	p.page = ""
	v.Screen, v.Message, v.Digits = Owner, string(x.Proof), len(p.digits)
	v.Energy, v.Power, v.Cost, v.Elapsed = 0, 0, kiosk.Money{Currency: v.Cost.Currency}, 0
	v.ByCard = p.site.ReadsCards && x.Hold != nil && x.Hold.Card != ""
	switch {
	case x.Locked(at):
		v.Message = "locked"
	case p.digits != "" || at.Sub(x.ProofAt) > proofShown && x.Proof != session.ProofAsked:
		v.Message = ""
	}
}

// proofShown is how long a refusal is shown.
const proofShown = 15 * time.Second

// idle says what time costs while the vehicle asks for nothing, and from when on.
func (p *Presenter) idle(v *View, elapsed int) {
	for i, price := range v.Prices {
		if price.Dimension == string(tariff.Parking) {
			v.Idle, v.IdleFree = &v.Prices[i], max(0, int(price.AfterMin)*60-elapsed)
			return
		}
	}
}

// ended shows what became of the driver's money. It always says so.
func (p *Presenter) ended(v *View, x session.Session) {
	v.Screen, v.Message = Final, string(x.Reason)
	switch {
	case x.Money == session.Declined || x.Hold == nil && x.Money != session.HoldUncertain:
		v.Screen = Declined
		if x.Class != "" {
			v.Message = x.Class
		}
		if x.Money == session.Declined && x.Class == "" {
			v.Message = "nothing_held"
		}
		return
	case x.Bill != nil:
		v.Energy, v.Paid = x.Bill.Energy, x.Bill.Total
		v.Elapsed = int(x.Bill.End.Sub(x.Bill.Start) / time.Second)
		v.Cost = x.Bill.Total
	}
	if x.Booking != nil && x.Money == session.Captured {
		v.Paid = x.Booking.Booked.Min(v.Paid)
	}
	v.Released = v.Approved.Sub(v.Paid)
	v.Open = x.Money == session.Disputed
	v.Settled = x.Money == session.Captured || x.Money == session.Released
	v.Code = "KIOSKD " + x.Reference // as receipt.Code
}
