package town

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/simulator"
	"kioskd/strict"
	"kioskd/ui"
	"kioskd/ui/text"
)

// scenario is what a demo plays: visits one after the other, and what goes wrong
// meanwhile.
type scenario struct {
	Faults []string `yaml:"faults"` // as in a file of faults
	Visits []Visit  `yaml:"visits"`
}

// Visit is what one person at the kiosk does. Where it does not say otherwise, they have a
// good card and a car that is plugged in as soon as the screen asks for it.
type Visit struct {
	Bay      int       `yaml:"bay"`
	Language string    `yaml:"language"`
	Card     VisitCard `yaml:"card"`
	Car      visitCar  `yaml:"car"`
	CancelAt ui.Screen `yaml:"cancel_at"` // presses back there
	Stop     int       `yaml:"stop_after_wh"`
	Unplug   int       `yaml:"unplug_after_wh"`
	Pause    int       `yaml:"pause_after_wh"`
	Again    bool      `yaml:"again"` // after a decline they try another card, which is good
	Leave    bool      `yaml:"leave"` // walks away while the car charges; it is unplugged as said all the same
}

type VisitCard struct {
	None    bool   `yaml:"none"`
	Decline string `yaml:"decline"`  // result code, two hexadecimal digits
	Limit   int64  `yaml:"limit"`    // minor units that the bank approves at most
	After   int    `yaml:"after_ms"` // how long they look for it
	Item    string `yaml:"item"`     // tells cards apart; visitors without one share a card
}

type visitCar struct {
	None  bool `yaml:"none"`
	Power int  `yaml:"power_w"`
	Need  int  `yaml:"need_wh"`
	After int  `yaml:"after_ms"` // how long they handle the cable
}

//go:embed default-scenario.yaml
var defaultScenario []byte

// ReadScenario reads a scenario; without a path the default one.
func ReadScenario(path string, bays int) (sc scenario, err error) {
	data := defaultScenario
	if path != "" {
		data, err = os.ReadFile(path)
		if err != nil {
			return sc, fmt.Errorf("cannot read scenario: %w", err)
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&sc); err != nil {
		return sc, errors.New(strict.YamlPlace(path, data, err))
	}
	if len(sc.Visits) == 0 {
		return sc, fmt.Errorf("%s:1:1: want visits", path)
	}
	for i := range sc.Visits {
		if err := sc.Visits[i].Complete(bays); err != nil {
			return sc, fmt.Errorf("%s:1:1: visit %d: %w", path, i+1, err)
		}
	}
	return sc, nil
}

func (v *Visit) Complete(bays int) error {
	if v.Bay == 0 {
		v.Bay = min(3, bays)
	}
	if v.Bay < 1 || v.Bay > bays {
		return fmt.Errorf("bay %d: want 1 to %d", v.Bay, bays)
	}
	if v.Car.Power == 0 {
		v.Car.Power = 22000
	}
	if v.Car.Need == 0 {
		v.Car.Need = 20000
	}
	_, err := v.card()
	return err
}

func (v *Visit) card() (simulator.Card, error) {
	c := simulator.GoodCard()
	c.Limit, c.Item = v.Card.Limit, cmp.Or(v.Card.Item, c.Item)
	if v.Card.Decline != "" {
		n, err := strconv.ParseUint(v.Card.Decline, 16, 8)
		if err != nil {
			return c, fmt.Errorf("decline %q: want two hexadecimal digits", v.Card.Decline)
		}
		c.Decline = byte(n)
	}
	return c, nil
}

// Visitor is a person at the simulated site: they read the screen and act on it.
type Visitor struct {
	Visit
	*ui.Driver
	Site    *Town
	See     func(ui.View) // called with each view; may be nil
	session string
	Shown   time.Time // the screen that they look at
	tapped  bool
	plugged bool
	paused  bool
	held    bool
	left    bool   // they walked away
	code    string // that they were given to stop
	ended   bool   // they saw what became of their money
}

// Play lets them act until their visit is over: they have seen the end and the bank has
// answered, or the screen has gone on without them.
func (v *Visitor) Play(ctx context.Context) error {
	defer func() {
		if v.left {
			go v.comeBack(context.WithoutCancel(ctx))
		} else {
			v.bay().Unplug()
		}
	}()
	tick := time.NewTicker(250 * time.Millisecond) // people look again
	defer tick.Stop()
	for {
		select {
		case now, ok := <-v.Views:
			if !ok {
				return errors.New("the screen's connection ended")
			}
			if now.Screen != v.Now.Screen || v.Shown.IsZero() {
				v.Shown = time.Now()
			}
			v.Now = now
			if v.See != nil {
				v.See(now)
			}
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if done := v.Act(ctx); done {
			return nil
		}
	}
}

func (v *Visitor) bay() *simulator.Bay { return v.Site.Bays[v.Bay-1] }

// Act does what a person does who sees this screen. A touch that is refused is tried
// again with the next view.
func (v *Visitor) Act(ctx context.Context) (done bool) {
	now := v.Now
	if now.Session != "" {
		v.session, v.held = now.Session, v.held || now.Approved.Minor > 0
	}
	v.code = cmp.Or(now.StopCode, v.code)
	press := func(k ui.InputKind, value string) { v.Touch(ctx, k, value) }
	if v.Language != "" && now.Language != v.Language && !now.Closed() && now.Screen != "" {
		press(ui.Language, v.Language)
		return false
	}
	if now.Screen == v.CancelAt {
		press(cancels(now.Screen), "")
		return false
	}
	switch now.Screen {
	case ui.Attract:
		if v.ended {
			return true
		}
		press(ui.Touch, "")
	case ui.Bays:
		if v.session != "" && now.Bays[v.Bay-1].State != ui.BayInUse &&
			now.Bays[v.Bay-1].State != ui.BayPaid {
			return true // it went on without them
		}
		press(ui.Choose, strconv.Itoa(v.Bay))
	case ui.Price:
		press(ui.Accept, "")
	case ui.Tap, ui.PlugIn:
		v.handle(now.Screen)
	case ui.Still:
		if !v.Car.None {
			press(ui.MoreTime, "")
		}
	case ui.BayFault:
		press(ui.Back, "")
	case ui.Charging, ui.Idle:
		if v.Leave {
			v.left = true
			press(ui.Back, "")
			return true
		}
		v.charging(press)
	case ui.Owner: // the screen went on without them, or the kiosk was started again
		for _, digit := range v.code {
			press(ui.Digit, string(digit))
		}
	case ui.StopAsk:
		press(ui.Confirm, "")
	case ui.Final, ui.Declined:
		return v.end(press)
	}
	return false
}

// cancels is what a driver touches who no longer wants to.
func cancels(on ui.Screen) ui.InputKind {
	if on == ui.PlugIn { // and is asked once more
		return ui.Stop
	}
	return ui.Back
}

// handle holds the card to the terminal, or plugs the cable in, once the person has found it.
func (v *Visitor) handle(screen ui.Screen) {
	waited := int(time.Since(v.Shown) / time.Millisecond)
	switch {
	case screen == ui.Tap && !v.Card.None && !v.tapped && waited >= v.Card.After:
		card, _ := v.card() // checked when it was read
		v.Site.Terminal.Present(card)
		v.tapped = true
	case screen == ui.PlugIn && !v.Car.None && !v.plugged && waited >= v.Car.After:
		v.bay().Plug(simulator.Car{Power: kiosk.Power(v.Car.Power), Need: kiosk.Energy(v.Car.Need)})
		v.plugged = true
	}
}

// end reads how the visit ended; done is false where it goes on.
func (v *Visitor) end(press func(ui.InputKind, string)) (done bool) {
	switch now := v.Now; {
	case now.Screen == ui.Final && !v.tapped: // of the visitor before
		v.session = ""
		press(ui.Back, "")
		return false
	case now.Again && v.Again:
		v.Again, v.Card.Decline, v.tapped = false, "", false
		press(ui.Again, "")
		return false
	default:
		v.ended = true
		return now.Settled || now.Screen == ui.Declined
	}
}

// comeBack unplugs the car after a while.
func (v *Visitor) comeBack(ctx context.Context) {
	start := v.bay().State().Register
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got := v.bay().State().Register - start; v.Unplug > 0 && got > kiosk.Energy(v.Unplug) {
			break
		}
	}
	v.bay().Unplug()
}

func (v *Visitor) charging(press func(ui.InputKind, string)) {
	reached := func(limit int) bool { return limit > 0 && v.Now.Energy >= kiosk.Energy(limit) }
	if reached(v.Pause) && !v.paused {
		v.paused = true
		v.bay().Pause(true)
	}
	if reached(v.Unplug) {
		v.bay().Unplug()
	}
	if reached(v.Stop) {
		press(ui.Stop, "")
	}
}

// narrator prints what a visitor sees, with the time since the beginning.
type narrator struct {
	out   io.Writer
	texts *text.Catalogues
	start time.Time
	last  string
	shown kiosk.Energy
}

func (n *narrator) see(v ui.View) {
	line := n.line(v)
	if line == "" || line == n.last || v.Screen == ui.Charging && n.shown >= 0 && v.Energy < n.shown+1000 {
		return
	}
	n.last, n.shown = line, -1
	if v.Screen == ui.Charging {
		n.shown = v.Energy
	}
	fmt.Fprintf(n.out, "%6.1fs  %s\n", time.Since(n.start).Seconds(), line)
}

// line is the gist of a screen.
func (n *narrator) line(v ui.View) string {
	p := n.texts.Printer(v.Language)
	switch v.Screen {
	case ui.Attract:
		return "screen: " + p.T("attract.start")
	case ui.Bays:
		return "screen: " + p.T("bays.title")
	case ui.Price:
		return fmt.Sprintf("screen: %s: %s %s; %s", p.T("price.title", "N", v.Bay),
			p.Decimal(v.Prices[0].Amount, v.Hold.Currency), p.T("price."+v.Prices[0].Dimension),
			p.T("price.hold", "Amount", p.Money(v.Hold)))
	case ui.Tap:
		return "screen: " + p.T("tap.title")
	case ui.Wait:
		return "screen: " + p.T(v.Key(), "Amount", p.Money(v.Hold))
	case ui.PlugIn:
		return "screen: " + p.T("plug_in.held", "Amount", p.Money(v.Approved)) + "; " + p.T("plug_in.title", "N", v.Bay)
	case ui.Charging, ui.Idle:
		return fmt.Sprintf("screen: %s: %s, %s, %s", p.T("charging.title", "N", v.Bay), p.Energy(v.Energy, 3),
			p.Money(v.Cost), p.Power(v.Power))
	case ui.Owner:
		return "screen: " + p.T("owner.title", "N", v.Bay)
	case ui.StopAsk:
		return "screen: " + p.T("stop.title", "N", v.Bay)
	case ui.Final:
		paid := p.T("final.nothing")
		if v.Paid.Minor > 0 {
			paid = p.T("final.due") + ": " + p.Money(v.Paid)
		}
		if v.Paid.Minor > 0 && v.Settled {
			paid = p.Money(v.Paid) + " " + p.T("final.paid")
		}
		line := "screen: " + p.T(v.Key()) + ". " + paid
		if v.Settled {
			line += "; " + p.T("final.released", "Amount", p.Money(v.Released))
		}
		return line
	case ui.Declined:
		return "screen: " + p.T(v.Key()) + ". " + p.T("declined.nothing")
	}
	if v.Closed() {
		return "screen: " + p.T("closed.title")
	}
	return ""
}

// PlayScenario plays visits one after the other and lets the audit compare journal,
// bank and meters in the end.
func (s *Town) PlayScenario(ctx context.Context, out io.Writer, sc scenario) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(len(sc.Visits))*15*time.Minute)
	defer cancel()
	texts, err := text.Load()
	if err != nil {
		return err
	}
	d := ui.NewDriver(ctx, s.Screen())
	n := &narrator{out: out, texts: texts, start: time.Now()}
	if err := d.Screen(ctx, ui.Attract); err != nil {
		return err
	}
	before := make([]kiosk.Energy, len(s.Bays))
	for i := range s.Bays {
		before[i] = s.register(i)
	}
	var sessions []string
	for _, plan := range sc.Visits {
		v := &Visitor{Visit: plan, Driver: d, Site: s, See: n.see}
		if err := v.Play(ctx); err != nil {
			return fmt.Errorf("the visit did not end; the screen shows %s %s: %w", v.Now.Screen, v.Now.Message, err)
		}
		if v.held {
			sessions = append(sessions, v.session)
		}
		if err := v.Depart(ctx); err != nil {
			return err
		}
	}
	counted := kiosk.Energy(0)
	for i := range s.Bays {
		counted += s.register(i) - before[i]
	}
	return s.sums(ctx, out, sessions, counted, texts)
}

// PlayVisit plays a driver who charges a kilowatt-hour, at the screen of a daemon that was
// started apart from the site.
func (s *Town) PlayVisit(ctx context.Context, out io.Writer, bay int, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	texts, err := text.Load()
	if err != nil {
		return err
	}
	plan := Visit{Bay: bay, Stop: min(1000, 200*s.Speed),
		Card: VisitCard{Item: fmt.Sprint("visitor ", time.Now().UnixNano())}}
	if err := plan.Complete(len(s.Bays)); err != nil {
		return err
	}
	n := &narrator{out: out, texts: texts, start: time.Now()}
	v := &Visitor{Visit: plan, Driver: ui.NewDriver(ctx, socket), Site: s, See: n.see}
	v.Closed = n.see
	if err := v.Home(ctx); err != nil {
		return err
	}
	if err := v.Play(ctx); err != nil {
		return fmt.Errorf("it did not end; the screen shows %s %s: %w", v.Now.Screen, v.Now.Message, err)
	}
	if v.Now.Reference == "" {
		fmt.Fprintln(out, "The visit is over; the screen went on without a receipt.")
	} else {
		fmt.Fprintf(out, "The visit is over: kioskd receipt %s\n", v.Now.Reference)
	}
	return v.Depart(ctx)
}

// Depart presses "done", for the next visitor.
func (v *Visitor) Depart(ctx context.Context) error {
	if v.Now.Screen == ui.Declined {
		v.Touch(ctx, ui.Back, "") // where it is refused the screen goes on by itself
		if err := v.Screen(ctx, ui.Bays); err != nil {
			return err
		}
	}
	if v.Now.Screen == ui.Final || v.Now.Screen == ui.Bays {
		v.Touch(ctx, ui.Back, "")
	}
	return v.Screen(ctx, ui.Attract)
}
