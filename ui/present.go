package ui

import (
	"context"
	"errors"
	"fmt"
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
	Kiosk     string // what a visitor tells who helps them
	Helpline  string
	Emergency string                                         // whom to call in danger
	Languages []string                                       // the first is the default
	Bays      []int                                          // in the order in which they stand
	Prices    func(time.Time) (t *tariff.Tariff, sum string) // by which is sold then, and its checksum
	Hold      kiosk.Money
	Timezone  string
	Rules     session.Rules // whose times are counted down
	Times     Times
	Terminal  string // where it is: right, left or below the screen
	CardWait  time.Duration
	Night     func(time.Time) bool                       // dark colours; nil for never
	Notice    func(language string, at time.Time) string // the operator's word to drivers; nil for never
	Brand     func(language string) Brand                // the host's own; nil for none
	Receipt   func(session.Session) Handout              // what its driver takes away
	Web       func(bay int, at time.Time) string         // where its driver may pay instead; nil for none
	Count     func(what string)                          // of visitors; nil for none
	Archive   Archive                                    // nil where no receipts can be looked up
	Desk      Desk                                       // nil where no person is let in
}

// Always sells by one tariff.
func Always(t *tariff.Tariff, sum string) func(time.Time) (*tariff.Tariff, string) {
	return func(time.Time) (*tariff.Tariff, string) { return t, sum }
}

// Kiosk is what a presenter needs of the controller.
type Kiosk interface {
	Choose(ctx context.Context, bay int) (session string, err error)
	Do(context.Context, session.Observation) error
	Snapshot() session.Snapshot
}

// Times are those after which the screen goes on by itself.
type Times struct {
	Idle     time.Duration // back to the price, where no driver touches
	Declined time.Duration
	Final    time.Duration
	PlugIn   time.Duration // back to the bays: others want to pay, while its driver walks to the vehicle
	Charging time.Duration // the same, while it charges
	Told     time.Duration // an ended session can be read at its bay
	Still    time.Duration // before their time is over a visitor is asked whether they are there
	Slow     time.Duration // then the bank is called slow
	Staff    time.Duration // then the person who was let in is gone
}

// DefaultTimes are the product's.
func DefaultTimes() Times {
	return Times{Idle: time.Minute, Declined: 30 * time.Second, Final: 30 * time.Second, PlugIn: 20 * time.Second,
		Charging: 15 * time.Second,
		Told:     2 * time.Minute, Still: 20 * time.Second, Slow: 8 * time.Second, Staff: 5 * time.Minute}
}

const (
	busyAfter = time.Second // a free terminal asks for the card sooner
	slower    = 3           // times as long, for a visitor who needs larger text
)

// Presenter turns snapshots and inputs into views. It keeps only what one visitor sees:
// which page, which session, which language. Tick and Input change that; View looks, and changes nothing, so that any
// number of screens and pages can look. It is safe for concurrent use.
type Presenter struct {
	kiosk Kiosk

	mu      sync.Mutex
	judging bool // a staff code, perhaps of a visit that is over
	scene
}

// scene is what is shown, as a value: the site, and what one visitor did.
type scene struct {
	site Site
	zone *time.Location

	seq      uint64
	last     View
	language string
	access   Access
	page     Screen // attract, bays, stop_confirm, or "" for what the session's state says
	session  string
	own      bool      // the visitor is the session's: they paid in this visit, or proved it
	turned   time.Time // when the visitor came to the session
	digits   string
	limit    int
	since    time.Time         // of the page, or of the last touch
	shown    time.Time         // since when the present screen is shown
	base     Screen            // the last one, without what lay over it
	told     map[string]bool   // ended sessions whose driver could read what became of their money
	wanted   map[string]Access // how the owners of sessions want to be shown and told
	plugged  map[int]time.Time // since when a vehicle is seen at a bay
	over     overlay
	found    lookup
	tries    tries
	staff    visit
	browsing bool // a visitor who has not paid is at the screen; see countLeaving

	tariff    *tariff.Tariff // that the present view shows: what is accepted
	tariffSum string
	seqSum    string // of the view with the present sequence number
}

// NewPresenter makes a presenter that shows the attract screen.
func NewPresenter(site Site, k Kiosk) *Presenter {
	zone, err := time.LoadLocation(site.Timezone)
	if err != nil { // the configuration was checked; a site of a test may have none
		zone = time.UTC
	}
	return &Presenter{kiosk: k, scene: scene{site: site, zone: zone, language: site.Languages[0], page: Attract,
		since: k.Snapshot().At, told: map[string]bool{},
		wanted: map[string]Access{}, plugged: map[int]time.Time{}}}
}

// errOld means that an input was for a view that is no longer shown.
var errOld = errors.New("input is for an older view")

// Input applies what a finger did.
func (p *Presenter) Input(ctx context.Context, in Input) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	snap := p.kiosk.Snapshot()
	p.advance(snap)
	if in.Seq != p.last.Seq || p.seq == 0 {
		return errOld
	}
	p.since = snap.At
	before := p.last
	err := p.apply(ctx, in, snap)
	if err == nil {
		p.countInput(in, before, snap)
	}
	return err
}

// apply does what an input asks for.
func (p *Presenter) apply(ctx context.Context, in Input, snap session.Snapshot) error {
	switch in.Kind {
	case Language, SetLarge, Speak, Open, MoreTime, Show, Erase:
		return p.above(ctx, in, snap)
	case Staff, StaffDo:
		return p.desk(ctx, in, snap)
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
		p.limit, p.over = n, overlay{}
	case Again:
		if !p.own {
			return errOld
		}
		return p.kiosk.Do(ctx, session.Observation{What: session.AskedAgain, Session: p.session})
	case Move:
		if bay := p.last.Elsewhere; bay > 0 && in.Value == strconv.Itoa(bay) {
			return p.kiosk.Do(ctx, session.Observation{What: session.MoveAsked, Session: p.session, Bay: bay})
		}
		return errOld
	case Digit:
		return p.digit(ctx, in.Value, snap)
	case ShowCard:
		return p.showCard(ctx, snap)
	case Back:
		return p.back(ctx, snap)
	case Stop:
		if p.last.Screen == Charging || p.last.Screen == Idle || p.last.Screen == PlugIn && p.own {
			p.page = StopAsk
		}
	case Confirm:
		if p.last.Screen != StopAsk || !p.own {
			return errOld
		}
		p.page = ""
		if x := snap.State.Sessions[p.session]; x.Power == session.Waiting {
			return p.kiosk.Do(ctx, session.Observation{What: session.Cancelled, Session: p.session})
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
	if x, taken := snap.State.AtBay(n); taken { // a driver who left it before they paid has nothing to lose
		p.turn("", x.ID, x.Money == session.MoneyNone)
		return nil
	}
	if x, ok := p.untold(snap, n); ok {
		p.turn("", x.ID, false)
		return nil
	}
	if _, down := snap.State.Down(n); down {
		p.open(BayFault, snap)
		p.over.bay = n
		return nil
	}
	id, err := p.kiosk.Choose(ctx, n)
	if err != nil {
		return err
	}
	p.turn("", id, true)
	return p.giveTime(ctx)
}

// turn goes to another page or session.
func (p *scene) turn(page Screen, id string, own bool) {
	p.page, p.session, p.own, p.digits, p.limit, p.turned, p.over = page, id, own, "", 0, p.since, overlay{}
}

// codeDigits is how long a stop code is.
const codeDigits = 4

// digit takes one more digit of a stop code, and judges a whole one.
func (p *Presenter) digit(ctx context.Context, value string, snap session.Snapshot) error {
	if len(value) != 1 || value[0] < '0' || value[0] > '9' {
		return fmt.Errorf("%q is not a digit", value)
	}
	switch p.last.Screen {
	case StaffCode:
		return p.staffDigit(value, snap)
	case Receipts:
		return p.receiptKey(ctx, value, snap.At)
	case Owner:
	default:
		return errOld
	}
	p.digits += value
	if len(p.digits) < codeDigits {
		return nil
	}
	code := p.digits
	p.digits = ""
	return p.kiosk.Do(ctx, session.Observation{What: session.CodeEntered, Session: p.session, Code: code})
}

// limits are the round amounts and energies below the hold.
func (p *scene) limits() []Limit {
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
	if p.last.Screen != Price || !p.own {
		return errOld
	}
	offer := &session.Offer{Tariff: p.tariff.JSON(), Hash: p.tariffSum, Hold: p.site.Hold, Language: p.language,
		Timezone: p.site.Timezone}
	if l := p.limits()[p.limit]; l.Cost.Minor > 0 {
		offer.Limit = &session.Limit{Cost: &l.Cost}
	} else if l.Energy > 0 {
		offer.Limit = &session.Limit{Energy: l.Energy}
	}
	return p.kiosk.Do(ctx, session.Observation{What: session.Accepted, Session: p.session, Offer: offer})
}

// back leaves a screen: to where the visitor came from. Before a card is asked for, it lets the bay go.
func (p *Presenter) back(ctx context.Context, snap session.Snapshot) error {
	switch {
	case p.staff.page != "":
		p.staffBack()
		return nil
	case p.last.Screen == Found:
		p.unfind()
		return nil
	case p.over.screen != "":
		return p.uncover(ctx, snap)
	}
	id, own := p.session, p.own
	x := snap.State.Sessions[id]
	cancel := func() error {
		return p.kiosk.Do(ctx, session.Observation{What: session.Cancelled, Session: id})
	}
	switch p.base {
	case Bays:
		p.page = Attract
	case StopAsk:
		p.page = ""
	case Tap, Wait:
		if own && p.last.Screen != Wait { // the terminal must let go first: what came of it is shown
			return cancel()
		}
	case Price:
		p.turn(Bays, "", false)
		if own {
			return cancel()
		}
	case PlugIn, Charging, Idle, Owner:
		p.turn(Bays, "", false)
	case Declined:
		p.turn(Bays, "", false)
		if own && x.Money == session.Declined && x.Record == session.RecordOpen { // they will not try again
			return cancel()
		}
	case Final:
		p.leave()
	}
	return nil
}
