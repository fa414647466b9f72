package ui

import (
	"maps"
	"slices"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
)

// untold finds the session that ended last at a bay (0 for any) a short while ago, if its
// driver was not at the screen then.
func (p *scene) untold(snap session.Snapshot, bay int) (last session.Session, ok bool) {
	for _, x := range snap.State.Sessions {
		over := x.Power == session.Off && x.Hold != nil || x.Money == session.Declined
		if over && x.Offer != nil && (bay == 0 || x.Bay == bay) && x.ID > last.ID {
			last = x
		}
	}
	return last, last.ID != "" && !p.told[last.ID] && snap.At.Sub(last.EndAt) < p.site.Times.Told
}

// report remembers whom the final screen was for. What is no longer known is forgotten.
func (p *scene) report(snap session.Snapshot) {
	p.told[p.session] = true
	for id := range p.told {
		if _, ok := snap.State.Sessions[id]; !ok {
			delete(p.told, id)
			delete(p.wanted, id)
		}
	}
}

func (p *scene) leave() {
	p.turn(Attract, "", false)
	p.language, p.access, p.found = p.site.Languages[0], Access{}, lookup{reading: p.found.reading}
	p.staff = visit{turn: p.staff.turn + 1}
}

// Tick lets time pass: what no driver touches goes back, and who is at the screen is found out.
func (p *Presenter) Tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.last
	p.countLeaving(before, p.advance(p.kiosk.Snapshot()))
}

// View is the present view: that which the next Tick shows. Its Seq is another one exactly when something changed that
// a late tap must not act on: screen, session, bay, language or prices.
func (p *Presenter) View() View {
	p.mu.Lock()
	defer p.mu.Unlock()
	copied := p.scene
	copied.told, copied.wanted, copied.plugged = maps.Clone(p.told), maps.Clone(p.wanted), maps.Clone(p.plugged)
	return copied.advance(p.kiosk.Snapshot())
}

// advance goes on to what a snapshot shows.
func (p *scene) advance(snap session.Snapshot) View {
	if snap.Starting { // who stands here is not known yet
		v := p.frame(snap)
		v.Screen = OutOfOrder
		return v
	}
	if p.seq == 0 {
		p.resume(snap)
	}
	p.watch(snap)
	v := p.view(snap)
	if p.seq == 0 || another(p.last, v) || p.tariffSum != p.seqSum {
		p.seq++
		p.shown, p.seqSum = snap.At, p.tariffSum
	}
	v.Seq = p.seq
	p.last = v
	return v
}

// another tells whether a late tap on the old view must not act on the new one.
func another(old, now View) bool {
	return now.Screen != old.Screen || now.Session != old.Session || now.Language != old.Language ||
		now.Access != old.Access || now.Danger != old.Danger || now.Pressed != old.Pressed ||
		now.Bay != old.Bay || staffPage(now) != staffPage(old) || !slices.Equal(now.Prices, old.Prices)
}

// frame is what every view has.
func (p *scene) frame(snap session.Snapshot) View {
	var own Brand
	if p.site.Brand != nil {
		own = p.site.Brand(p.language)
	}
	return View{Brand: own, Emergency: p.site.Emergency, Language: p.language, Languages: p.site.Languages,
		Access: p.access, Site: p.site.Name,
		Helpline: p.site.Helpline, Kiosk: p.site.Kiosk,
		Side: p.site.Terminal, Later: p.site.Archive != nil, Night: p.site.Night != nil && p.site.Night(snap.At)}
}

// resume goes on with the visitor whom a restart interrupted: one who has shown a card
// and has no energy yet still stands at the screen.
func (p *scene) resume(snap session.Snapshot) {
	for _, x := range snap.State.Sessions {
		if x.Offer != nil && x.Record == session.RecordOpen && x.Power != session.Off && x.Start == nil &&
			x.Money != session.Free && x.ID > p.session {
			p.turn("", x.ID, true)
			p.language = x.Offer.Language
		}
	}
}

// prices are those that apply now, and what comes next, in AFIR order.
func (p *scene) prices(t *tariff.Tariff, at time.Time, loc *time.Location,
	elapsed time.Duration) (out []PriceView) {
	for _, price := range t.PricesAt(at, loc, elapsed) {
		out = append(out, PriceView{string(price.Dimension), price.Text(p.site.Hold.Currency.Digits()), price.AfterMin,
			price.From, price.To})
	}
	return out
}

func (p *scene) view(snap session.Snapshot) View {
	v := p.frame(snap)
	v.Danger, v.Pressed = alarm(snap.State, kiosk.FaultContactorStuck), alarm(snap.State, kiosk.FaultEmergencyStop)
	v.Screen, v.Hold, v.Bays = p.page, p.site.Hold, p.bays(snap)
	p.tariff, p.tariffSum = p.site.Prices(snap.At)
	x, ok := snap.State.Sessions[p.session]
	sold, zone, elapsed := p.tariff, p.zone, time.Duration(0)
	if ok && x.Tariff != nil { // what the driver agreed to stays, whatever is sold by now
		sold, zone = x.Tariff, x.Location
		if x.Start != nil {
			elapsed = max(0, snap.At.Sub(x.Start.At)).Truncate(time.Second)
		}
	}
	v.Prices = p.prices(sold, snap.At, zone, elapsed)
	if !ok && p.session != "" {
		p.leave()
		v.Screen = p.page
	}
	if ok {
		p.visit(&v, x, snap)
	}
	if v.Screen != p.base { // each screen has its own time, however long the one before stood
		p.since, p.base = snap.At, v.Screen
	}
	if v.Screen == Final || v.Screen == Declined {
		p.report(snap)
	}
	// no driver is at the screen: perhaps they are
	if x, ok := p.untold(snap, 0); ok && v.Screen == Attract && p.over.screen == "" && p.staff.page == "" {
		p.turn("", x.ID, false)
		p.language, p.since = x.Offer.Language, snap.At
		return p.view(snap)
	}
	if limit := p.stays(v.Screen); limit > 0 {
		idle := snap.At.Sub(p.since)
		if idle >= limit {
			switch {
			case p.covers(v.Screen): // they may be at their vehicle: what lies over their visit goes, not they
				p.over = overlay{}
			case v.Screen == PlugIn, v.Screen == Declined: // others want to pay; who stands here goes on in their words
				p.turn(Bays, "", false)
			default:
				p.leave()
			}
			p.since = snap.At
			return p.view(snap)
		}
		if v.Screen != PlugIn { // there the time counts until the hold is released
			v.Seconds = seconds(limit - idle)
		}
	}
	if v.Screen == Attract || v.Screen == Bays {
		if p.site.Notice != nil {
			v.Notice = p.site.Notice(p.language, snap.At)
		}
		p.closed(&v, snap)
	}
	return p.covered(v, ok, x, snap)
}

// stays is how long a screen stays without a touch, or nothing where it goes by other rules.
func (p *scene) stays(s Screen) time.Duration {
	t := p.site.Times
	limit := map[Screen]time.Duration{Bays: t.Idle, PlugIn: t.PlugIn, Charging: t.Charging, Idle: t.Charging,
		StopAsk: t.Charging, Owner: t.Idle, Final: t.Final, Declined: t.Declined}[s]
	switch {
	case p.staff.page != "":
		return t.Staff
	case p.over.screen != "":
		limit = max(limit, t.Idle)
	case s == Attract && (p.access != Access{} || p.language != p.site.Languages[0]): // the driver has left
		limit = t.Idle
	}
	if p.access.Large {
		limit *= slower
	}
	return limit
}

// covers tells whether something lies over a visit that goes on by its own rules.
func (p *scene) covers(base Screen) bool {
	return p.over.screen != "" && p.staff.page == "" && slices.Contains([]Screen{Price, Tap, Wait, PlugIn}, base)
}

// seconds counts down.
func seconds(d time.Duration) int { return max(0, int((d+time.Second-1)/time.Second)) }

// closed shows that nothing is sold where no bay can be.
func (p *scene) closed(v *View, snap session.Snapshot) {
	switch {
	case snap.Halted:
		v.Screen, v.Fault = OutOfOrder, kiosk.FaultJournalUnwritable
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
		if _, taken := snap.State.AtBay(b); taken || !down && v.Message == "" { // a driver must reach their session
			v.Message, v.Fault = "", ""
			return
		}
		v.Fault = code
	}
	// of bays alone: it is no word about the site
	if !snap.State.Faults[session.FaultAt{Code: v.Fault}] && v.Message == "" {
		v.Message = "text"
	}
	v.Screen = OutOfOrder
	switch v.Fault {
	case kiosk.FaultTerminalUnreachable, kiosk.FaultTerminalOther:
		v.Screen = Reader
	case kiosk.FaultTerminalNoHost:
		v.Screen = Offline
	case kiosk.FaultEmergencyStop:
		v.Screen = Emergency
	}
}

// alarm is the bay that has a fault, the first of several; 0 for none.
func alarm(s session.State, code kiosk.FaultCode) (bay int) {
	for f, raised := range s.Faults {
		if raised && f.Code == code && (bay == 0 || f.Bay < bay) {
			bay = f.Bay
		}
	}
	return bay
}

func (p *scene) bays(snap session.Snapshot) (out []BayView) {
	for _, n := range p.site.Bays {
		state := BayFree
		_, down := snap.State.Down(n)
		x, taken := snap.State.AtBay(n)
		_, ended := p.untold(snap, n)
		switch {
		case taken && x.Power == session.Waiting && x.Hold != nil:
			state = BayPaid
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
func (p *scene) visit(v *View, x session.Session, snap session.Snapshot) {
	v.Session, v.Bay, v.Reference = x.ID, x.Bay, x.Reference
	currency := p.site.Hold.Currency
	v.Cost, v.Paid, v.Released, v.Approved = kiosk.Money{Currency: currency}, kiosk.Money{Currency: currency},
		kiosk.Money{Currency: currency}, kiosk.Money{Currency: currency}
	if x.Hold != nil {
		v.Approved = x.Hold.Approved
	}
	left, waits := p.site.Rules.Left(x, snap.At)
	if waits {
		v.Seconds = seconds(left)
	}
	v.Free = x.Money == session.Free
	switch {
	case x.Power == session.Off || x.Record != session.RecordOpen:
		p.ended(v, x)
	case x.Money == session.MoneyNone:
		v.Screen, v.Example = Price, p.example(snap.At)
		v.Limits = p.limits()
		v.Limit = v.Limits[p.limit]
		if p.site.Web != nil {
			v.Web = p.site.Web(x.Bay, snap.At)
		}
	case x.Money == session.Declined:
		p.ended(v, x)
		v.Again = p.own && x.MayTryAgain()
	case x.Money == session.HoldAsked:
		p.asking(v, snap.Progress[x.ID], x.AskAt, snap.At)
	case x.Money == session.HoldRecorded:
		v.Screen, v.Message = Wait, "wait"
	case x.Money == session.HoldUncertain:
		v.Screen, v.Message = Wait, "unknown"
	case x.Power == session.Waiting || x.Power == session.Starting || x.Power == session.Closing:
		p.plugIn(v, x, snap)
	case x.Start == nil: // a charger that was asked to begin, and is asked to end
		v.Screen, v.Message = Wait, "stopping"
	default:
		p.charging(v, x, snap)
	}
}

// plugIn waits for the vehicle of a driver who has paid. A stranger must prove that it is theirs.
func (p *scene) plugIn(v *View, x session.Session, snap session.Snapshot) {
	v.Screen = PlugIn
	v.Partial = x.Hold.Approved.Minor < x.Offer.Hold.Minor
	p.proved(x, snap.At)
	switch {
	case !p.own && x.Money == session.Free: // it has no code
		return
	case !p.own:
		p.owner(v, x, snap.At)
		return
	case x.Power != session.Waiting:
		v.Message, v.Seconds, p.page = "starting", 0, ""
	case p.page == StopAsk:
		v.Screen, v.Message = StopAsk, "cancel"
	default:
		v.Elsewhere = p.elsewhere(x, snap)
	}
	v.StopCode = p.site.Rules.StopCode(x)
}

// watch remembers since when vehicles are seen.
func (p *scene) watch(snap session.Snapshot) {
	for _, n := range p.site.Bays {
		if in := snap.Live[n]; in.InputsLost > 0 || !in.Inputs.Plugged {
			delete(p.plugged, n)
		} else if _, known := p.plugged[n]; !known {
			p.plugged[n] = snap.At
		}
	}
}

// elsewhere is the one free bay at which a vehicle was plugged in since a driver chose theirs; 0 for none, or several.
func (p *scene) elsewhere(x session.Session, snap session.Snapshot) (bay int) {
	for n, since := range p.plugged {
		_, taken := snap.State.AtBay(n)
		_, down := snap.State.Down(n)
		if n == x.Bay || taken || down || since.Before(x.LeaseAt) {
			continue
		}
		if bay > 0 {
			return 0
		}
		bay = n
	}
	return bay
}

// proved lets the owner in who showed that they are it, in their own words, and as they want to be shown and told: how
// they want it, it notes while they stand here.
func (p *scene) proved(x session.Session, at time.Time) {
	if p.own {
		p.wanted[x.ID] = p.access
		return
	}
	if !x.Owned(at) || x.ProofAt.Before(p.turned) {
		return
	}
	p.own, p.language = true, x.Offer.Language
	if a, ok := p.wanted[x.ID]; ok {
		p.access = a
	}
}

// asking asks for a card. While the terminal says nothing it is not asking: it is still
// at work for another bay.
func (p *scene) asking(v *View, progress kiosk.Progress, asked, at time.Time) {
	v.Screen, v.Message = Tap, string(progress)
	if left := p.site.CardWait - at.Sub(asked); left > 0 {
		v.Seconds = seconds(left)
	}
	switch {
	case progress == kiosk.ProgressWait:
		v.Screen, v.Seconds = Wait, 0
		if p.last.Screen == Wait && at.Sub(p.shown) >= p.site.Times.Slow {
			v.Message = "slow"
		}
	case progress == "" && (p.last.Screen == Wait || p.last.Screen == Tap && at.Sub(p.shown) > busyAfter):
		v.Screen, v.Message = Wait, "busy"
	}
}

func (p *scene) charging(v *View, x session.Session, snap session.Snapshot) {
	v.Screen = Charging
	p.proved(x, snap.At)
	if p.own { // proved by this visitor
		v.StopCode = p.site.Rules.StopCode(x)
	}
	switch x.Power {
	case session.Pausing:
		v.Screen, v.Message = Idle, "paused"
		p.idle(v, int(snap.At.Sub(x.Start.At)/time.Second))
	case session.Stopping, session.Opened:
		v.Screen, v.Message = Wait, "stopping"
	case session.Adopting:
		v.Message = "one_moment"
	}
	reading := x.Newest(snap.Live[x.Bay])
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
	if owed, err := x.Owed(reading); err == nil {
		v.Cost = owed
	}
	p.cutOff(v, x, snap.Live[x.Bay], reading)
	switch {
	case v.Screen == Wait:
	case !p.own:
		p.owner(v, x, snap.At)
	case p.page == StopAsk:
		v.Screen, v.Message = StopAsk, ""
	}
}

// cutOffAfter is how long a charger may say nothing until its driver is told.
const cutOffAfter = 10 * time.Second

// cutOff tells the driver of a charger that cannot be reached what they pay.
func (p *scene) cutOff(v *View, x session.Session, live session.Sample, last kiosk.Reading) {
	if !x.Charger || live.InputsLost < cutOffAfter || v.Screen == Wait {
		return
	}
	v.Screen, v.Message = Charging, "lost"
	v.Cut = &CutView{last.At.In(p.zone), p.site.Rules.MostOf(x, last)}
}

// owner asks whose session it is. What it costs so far is shown to its owner alone.
func (p *scene) owner(v *View, x session.Session, at time.Time) {
	p.page = ""
	v.Screen, v.Message, v.Digits = Owner, string(x.Proof), len(p.digits)
	v.Cut = nil
	v.Energy, v.Power, v.Cost, v.Elapsed = 0, 0, kiosk.Money{Currency: v.Cost.Currency}, 0
	v.ByCard = p.site.Rules.Abilities.ReadsCards && x.Hold != nil && x.Hold.Card != ""
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
func (p *scene) idle(v *View, elapsed int) {
	for i, price := range v.Prices {
		if price.Dimension == string(tariff.Parking) {
			v.Idle, v.IdleFree = &v.Prices[i], max(0, int(price.AfterMin)*60-elapsed)
			return
		}
	}
}

// ended shows what became of the driver's money. It always says so.
func (p *scene) ended(v *View, x session.Session) {
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
	if x.Result != nil && x.Money == session.Captured {
		v.Paid = least(x.Result.Booked, v.Paid)
	}
	if rest, err := v.Approved.Sub(v.Paid); err == nil { // else no receipt is made either
		v.Released = rest
	}
	v.Open = x.Money == session.Disputed
	v.Settled = x.Money.Settled()
	v.Handout = p.site.Receipt(x)
}

// least is the smaller amount. Where they are of two currencies, of which no bill is made, it is nothing.
func least(a, b kiosk.Money) kiosk.Money {
	if b.IsZero() {
		return b
	}
	out, err := a.AtMost(b)
	if err != nil {
		return kiosk.Money{Currency: b.Currency}
	}
	return out
}
