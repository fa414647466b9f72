package ui

import (
	"context"
	"fmt"
	"slices"
	"time"

	"kioskd"
	"kioskd/session"
	"kioskd/tariff"
)

// overlay is a screen that lies over the visit's own, until Back or until that one changes.
type overlay struct {
	screen Screen
	on     Screen // that it was opened over
	bay    int
}

// lookup is a receipt that a driver looks for.
type lookup struct {
	letters string
	message string
	all     []ReceiptView
	one     string // reference of the one that is shown
	reading int    // counts readings of a card; an answer of an earlier one is dropped
}

// Archive looks receipts up.
type Archive interface {
	// ByKeys finds receipts by their reference as it is typed on a telephone's keys, a digit a character
	// (kiosk.PhoneKeys); none is no error.
	ByKeys(ctx context.Context, keys string) ([]ReceiptView, error)
	// ByCard reads a card and finds the receipts that were paid with it, newest first. It takes
	// as long as the visitor does.
	ByCard(ctx context.Context) ([]ReceiptView, error)
}

func (p *Presenter) open(s Screen, snap session.Snapshot) {
	p.over = overlay{screen: s, on: p.base}
	p.since = snap.At
}

// above takes what is done on screens that lie over others, and what is possible on all.
func (p *Presenter) above(ctx context.Context, in Input, snap session.Snapshot) error {
	switch in.Kind {
	case Language:
		if !slices.Contains(p.site.Languages, in.Value) {
			return fmt.Errorf("language %q is not offered", in.Value)
		}
		p.language = in.Value
		if p.over.screen == Languages {
			return p.uncover(ctx, snap)
		}
	case SetLarge:
		p.access.Large = in.Value == "on"
		return p.giveTime(ctx)
	case Speak:
		p.access.Speech = in.Value == "on"
	case MoreTime:
		if !p.own {
			return errOld
		}
		return p.kiosk.Do(ctx, session.Observation{What: session.MoreAsked, Session: p.session})
	case Open:
		return p.openAsked(ctx, Screen(in.Value), snap)
	case Erase:
		p.erase()
	case Show:
		for _, r := range p.found.all {
			if r.Reference == in.Value {
				p.found.one = in.Value
			}
		}
	}
	return nil
}

func (p *Presenter) openAsked(ctx context.Context, s Screen, snap session.Snapshot) error {
	switch s {
	case Languages, Help, AccessAsk:
	case Limits:
		if p.last.Screen != Price {
			return errOld
		}
	case Itemised:
		if p.last.Screen != Final || len(p.last.Items) == 0 {
			return errOld
		}
	case Receipts:
		if p.site.Archive == nil {
			return fmt.Errorf("there are no receipts to look up")
		}
		p.found = lookup{reading: p.found.reading}
	default:
		return fmt.Errorf("screen %q cannot be opened", s)
	}
	p.open(s, snap)
	return p.pause(ctx, snap)
}

// pause gives a visitor more time whose time would run out while they read something else, as long as there is more.
func (p *Presenter) pause(ctx context.Context, snap session.Snapshot) error {
	x := snap.State.Sessions[p.session]
	left, waits := p.site.Rules.Left(x, snap.At)
	if !p.own || !waits || left > p.site.Times.Idle || x.Patience >= session.MostPatience {
		return nil
	}
	return p.kiosk.Do(ctx, session.Observation{What: session.MoreAsked, Session: p.session})
}

// uncover takes away what lies over the visit. Where the terminal's time for a card ended meanwhile, it is asked again.
func (p *Presenter) uncover(ctx context.Context, snap session.Snapshot) error {
	missed := p.missed()
	p.over = overlay{}
	if x := snap.State.Sessions[p.session]; !missed || !x.MayTryAgain() {
		return nil
	}
	return p.kiosk.Do(ctx, session.Observation{What: session.AskedAgain, Session: p.session})
}

// missed tells whether the terminal waited for a card in vain while the visitor read something else.
func (p *scene) missed() bool {
	return p.own && p.over.screen != "" && p.over.on == Tap && p.base == Declined
}

// giveTime gives a visitor who needs larger text three times as long from the start.
func (p *Presenter) giveTime(ctx context.Context) error {
	x, ok := p.kiosk.Snapshot().State.Sessions[p.session]
	if !p.access.Large || !ok || !p.own {
		return nil
	}
	for range slower - 1 - x.Patience {
		if _, waits := p.site.Rules.Left(x, p.kiosk.Snapshot().At); !waits {
			return nil
		}
		if err := p.kiosk.Do(ctx, session.Observation{What: session.MoreAsked, Session: x.ID}); err != nil {
			return err
		}
	}
	return nil
}

// covered puts what lies over it on a view, and asks a visitor who lets their time run out whether
// they are still there.
func (p *scene) covered(v View, visits bool, x session.Session, snap session.Snapshot) View {
	if p.staff.page != "" {
		return p.staffView(v, snap)
	}
	waited := p.missed() && v.Screen == Declined && v.Message == string(kiosk.DeclineNoCard)
	if p.over.screen != "" && v.Screen != p.over.on && !waited {
		p.over = overlay{}
	}
	switch p.over.screen {
	case "":
		left, waits := p.site.Rules.Left(x, snap.At)
		if visits && waits && p.own && x.Money != session.Declined {
			v.More = true
			if left <= p.site.Times.Still && (p.last.Screen == Still || snap.At.Sub(p.shown) >= p.site.Times.Still) {
				v.Screen, v.Message = Still, ""
			}
		}
		return v
	case BayFault:
		v.Bay = p.over.bay
		code, down := snap.State.Down(p.over.bay)
		v.Fault = code
		if !down { // mended meanwhile
			p.over = overlay{}
			return v
		}
	case Receipts:
		v.Message, v.Reference = p.found.message, p.found.letters
		if p.tries.wait(snap.At) > 0 {
			v.Message = "locked"
		}
		v.ByCard = p.site.Rules.Abilities.ReadsCards
		v.Receipts = p.found.all
		if p.found.all != nil {
			p.showFound(&v)
			return v
		}
	}
	v.Screen = p.over.screen
	return v
}

// showFound shows one receipt of those that were found, or lets them choose.
func (p *scene) showFound(v *View) {
	v.Screen, v.Reference = Found, p.found.one
	for _, r := range p.found.all {
		if r.Reference == p.found.one {
			v.Bay, v.Energy, v.Paid, v.Settled, v.Handout = r.Bay, r.Energy, r.Paid, r.Settled, r.Handout
		}
	}
}

// tries are codes of receipts that fitted none, of all visitors: a code on a telephone's keys can be guessed, by a
// person who has time.
type tries struct {
	wrong int
	last  time.Time
}

// How many wrong codes are free, and how long the screen then waits before the next: twice as long each time, until an
// hour; a day without one is a new beginning.
const (
	freeTries = 5
	firstWait = 30 * time.Second
	mostWait  = time.Hour
	newTries  = 24 * time.Hour
)

// wait is how long no code is taken.
func (t tries) wait(now time.Time) time.Duration {
	if t.wrong < freeTries {
		return 0
	}
	limit := firstWait
	for range t.wrong - freeTries {
		limit = min(2*limit, mostWait)
	}
	return max(0, limit-now.Sub(t.last))
}

// failed counts one more.
func (t *tries) failed(now time.Time) {
	if now.Sub(t.last) > newTries {
		t.wrong = 0
	}
	t.wrong, t.last = t.wrong+1, now
}

// receiptKey takes one more key of a receipt's code, and looks a whole one up. One that fits several receipts opens
// none: they are other drivers'.
func (p *Presenter) receiptKey(ctx context.Context, digit string, now time.Time) error {
	if p.tries.wait(now) > 0 || p.found.message == "asked" {
		return fmt.Errorf("%q is not taken", digit)
	}
	p.found.message = ""
	p.found.letters += digit
	if len(p.found.letters) < kiosk.ReferenceLength {
		return nil
	}
	keys := p.found.letters
	p.found.letters = ""
	all, err := p.site.Archive.ByKeys(ctx, keys)
	if len(all) > 1 {
		p.tries.failed(now)
		p.found.message = "several"
		return nil
	}
	if err == nil && len(all) == 0 {
		p.tries.failed(now)
	}
	p.answer(all, err)
	return nil
}

// answer shows what was found, or that nothing was.
func (p *Presenter) answer(all []ReceiptView, err error) {
	p.found.all, p.found.one, p.found.message = nil, "", ""
	switch {
	case err != nil:
		p.found.message = "failed"
	case len(all) == 0:
		p.found.message = "none"
	default:
		p.found.all = all
		if len(all) == 1 {
			p.found.one = all[0].Reference
		}
	}
}

func (p *Presenter) erase() {
	cut := func(s *string) { *s = (*s)[:max(0, len(*s)-1)] }
	switch p.last.Screen {
	case Receipts:
		cut(&p.found.letters)
	case Owner:
		cut(&p.digits)
	case StaffCode:
		cut(&p.staff.digits)
	}
}

// unfind goes back from a receipt to the list, or from the list to the search.
func (p *Presenter) unfind() {
	if p.found.one != "" && len(p.found.all) > 1 {
		p.found.one = ""
		return
	}
	p.over, p.found = overlay{}, lookup{reading: p.found.reading}
}

// showCard shows a card for a session or for receipts.
func (p *Presenter) showCard(ctx context.Context, snap session.Snapshot) error {
	if p.last.Screen != Receipts {
		return p.kiosk.Do(ctx, session.Observation{What: session.CardAsked, Session: p.session})
	}
	if p.found.message == "asked" {
		return nil
	}
	p.found.message = "asked"
	p.found.reading++
	n := p.found.reading
	go func() { // the card takes its time; the visitor may go meanwhile
		all, err := p.site.Archive.ByCard(context.WithoutCancel(ctx))
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.found.reading == n && p.found.message == "asked" {
			p.answer(all, err)
		}
	}()
	return nil
}

// exampleEnergy is what a typical charge takes.
const exampleEnergy kiosk.Energy = 30_000

// example is what a typical charge costs now, without time after it.
func (p *scene) example(now time.Time) *Example {
	hour := now.Add(time.Hour)
	cost, err := p.tariff.Calculate(tariff.Usage{Start: now, End: hour,
		Periods: []tariff.Period{{Start: now, State: tariff.Charging, Energy: exampleEnergy,
			Current: new(tariff.Decimal)}}}, p.site.Rules.Location)
	if err != nil {
		return nil
	}
	return &Example{exampleEnergy, cost.AfterTaxes}
}
