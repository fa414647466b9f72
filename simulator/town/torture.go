package town

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kioskd"
	"kioskd/api"
	"kioskd/audit"
	"kioskd/meter/model"
	"kioskd/session"
	"kioskd/simulator"
	"kioskd/site"
	"kioskd/store"
	"kioskd/ui"
)

// Torture say how much.
type Torture struct {
	Sessions int           // all sites together
	Seed     uint64        // that the misfortunes follow from; 0 for a new one
	Limit    time.Duration // after which the sites are left in peace; 0 for none
	Sites    int           // at a time
	Dir      string        // keeps journals, ledgers and logs; a temporary one without it
	Out      io.Writer     // progress, and what was found
}

// RunTorture runs many simulated sites, each with the real daemon as a process of its own,
// and treats them as badly as the world can: SIGKILL at any byte, cables pulled, frames
// lost, spoiled, doubled and late, payments that go wrong in every way. In the end the
// audit compares what the bank and the meters know with the journal.
func RunTorture(ctx context.Context, o Torture) error {
	if o.Dir == "" {
		tmp, err := os.MkdirTemp("", "kioskd-torture-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		o.Dir = tmp
	}
	chaos, enough := context.WithCancel(ctx)
	defer enough()
	if o.Limit > 0 {
		defer time.AfterFunc(o.Limit, enough).Stop()
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	fmt.Fprintf(o.Out, "torture: seed %d, %d sessions at %d sites\n", o.Seed, o.Sessions, o.Sites)
	t := &tortureRun{out: o.Out, seed: o.Seed, start: time.Now(), enough: enough}
	t.left.Store(int64(o.Sessions))
	var g errgroup.Group
	for i := range o.Sites {
		g.Go(func() error {
			return t.site(ctx, chaos, filepath.Join(o.Dir, fmt.Sprintf("site%03d", i)), i)
		})
	}
	done := make(chan struct{})
	go t.progress(done)
	err := g.Wait()
	close(done)
	t.line()
	if err != nil {
		return err
	}
	if n := t.violations.Load(); n > 0 {
		return fmt.Errorf("%d violations with seed %d", n, o.Seed)
	}
	fmt.Fprintf(o.Out, "No promise was broken. From a pulled cable to the open contactor at most %v. Seed %d.\n",
		t.slowest.Round(time.Millisecond), o.Seed)
	return nil
}

type tortureRun struct {
	out    io.Writer
	seed   uint64
	start  time.Time
	enough func()     // ends the misfortunes of all sites
	mu     sync.Mutex // of the output

	left                                              atomic.Int64
	visits, kills, payments, cuts, frames, violations atomic.Int64
	manners, lies                                     atomic.Int64
	atChargers, quirks                                atomic.Int64
	// from cable to coil, where the kiosk could see it; under mu
	slowest time.Duration
}

func (t *tortureRun) line() {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%6.0fs  %d sessions, %d of them at chargers, %d kills, %d payments gone wrong, "+
		"%d strange answers, %d meters that lied, %d chargers with quirks, %d lines cut, %d frames spoiled, "+
		"%d violations\n", time.Since(t.start).Seconds(), t.visits.Load(), t.atChargers.Load(), t.kills.Load(),
		t.payments.Load(), t.manners.Load(), t.lies.Load(), t.quirks.Load(), t.cuts.Load(), t.frames.Load(),
		t.violations.Load())
}

func (t *tortureRun) progress(done chan struct{}) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			t.line()
		}
	}
}

const (
	tortureBays  = 4
	connectors   = 3 // of these bays
	tortureSpeed = 600
	calmLimit    = 10 * time.Minute // for everything to be settled once nothing goes wrong and all is due
)

// tortureTariffs are the price components of the sites, in turn: energy alone, and with time
// after charging.
func tortureTariffs() []string {
	return []string{
		"",
		"- {type: ENERGY, price: 0.39, vat: 19, step_size: 1}\n        - {type: PARKING_TIME, price: 60, vat: 19, " +
			"step_size: 1}",
	}
}

// victim is one site under torture.
type victim struct {
	*tortureRun
	*Town
	dice *Dice

	mu     sync.Mutex
	daemon *exec.Cmd
	calm   bool
	away   []span // when the kiosk could not see or do anything

	log *slog.Logger // what was done to it
}

// note keeps what is done to a site beside its journal.
func (v *victim) note(format string, args ...any) { v.log.Info(fmt.Sprintf(format, args...)) }

// span is a stretch of time.
type span struct{ from, to time.Time }

// gone writes down when the kiosk could do nothing.
func (v *victim) gone(from, to time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.away = append(v.away, span{from, to})
}

// promptly is how soon a contactor must open after its cable was pulled: as soon as a board opens it that
// hears nothing. Many sites share a machine here; how soon it is alone on one is measured elsewhere.
const promptly = 12 * time.Second

// witness tells an audit which pulled cables the kiosk could not notice.
func (v *victim) witness(w *audit.World) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tortureRun.mu.Lock()
	defer v.tortureRun.mu.Unlock()
	w.Within = promptly
	for i := range w.Pulls {
		p := &w.Pulls[i]
		for _, a := range v.away {
			p.Away = p.Away || a.from.Before(p.Opened) && a.to.After(p.From)
		}
		if !p.Away {
			v.slowest = max(v.slowest, p.Opened.Sub(p.From))
		}
	}
}

// Dice is a source of chance for many goroutines.
type Dice struct {
	mu sync.Mutex
	R  *rand.Rand
}

func (d *Dice) under(p float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.R.Float64() < p
}

func (d *Dice) Between(a, b int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return a + d.R.IntN(b-a+1)
}

func (d *Dice) Millis(a, b int) time.Duration {
	return time.Duration(d.Between(a, b)) * time.Millisecond
}

// meters are the models that a site's meters are of: every third site has the usual two makes, the others any that are
// known.
func (t *tortureRun) meters(n int) (out []string, err error) {
	if n%3 == 0 {
		return nil, nil
	}
	all, err := model.BuiltIn()
	for _, m := range all {
		out = append(out, m.Name)
	}
	dice := rand.New(rand.NewPCG(t.seed+1, uint64(n)))
	dice.Shuffle(len(out), func(i, k int) { out[i], out[k] = out[k], out[i] })
	if n%3 == 2 { // its bays sign what they sell, each in another way
		signs := []string{"BSM-WS36A", "EM580", "WM3M4C"}
		a, b, c := signs[n%9/3], signs[(n%9/3+1)%3], signs[(n%9/3+2)%3]
		out = []string{a, b, out[0], c}
		if n%2 == 0 {
			out[1] = simulator.LEM
		}
	}
	return out, err
}

func (t *tortureRun) site(ctx, chaos context.Context, dir string, n int) error {
	meters, err := t.meters(n)
	if err != nil {
		return err
	}
	s, err := Open(dir, filepath.Join(dir, "kioskd.yaml"), Options{Meters: meters, Sign: true,
		Size: tortureBays, Connectors: connectors, Metered: true, Speed: tortureSpeed, tcp: n%3 == 1,
		tariff: tortureTariffs()[n%len(tortureTariffs())],
		More:   "timings: {plug_in: 15s, choose: 30s, charger_lost: 1m}\n"}, site.QuietLog())
	if err != nil {
		return err
	}
	did, err := os.Create(filepath.Join(dir, "misfortunes.log"))
	if err != nil {
		return err
	}
	defer did.Close()
	v := &victim{tortureRun: t, Town: s, dice: &Dice{R: rand.New(rand.NewPCG(t.seed, uint64(n)))},
		log: slog.New(slog.NewTextHandler(did, nil))}
	s.Terminal.Think, s.Terminal.DayEndBooks = 30*time.Millisecond, true
	if s.tcp {
		s.Terminal.Idle = 7 * time.Second // sooner than the kiosk asks whether it is well
	}
	s.Wrap, s.witness, s.echo = v.spoil, v.witness, n%5 == 3
	world, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(world) }()
	defer func() { stop(); <-ended }()
	alive, quit := context.WithCancel(ctx)
	var g errgroup.Group
	g.Go(func() error { return v.keepAlive(alive) })
	g.Go(func() error { v.misfortunes(chaos, alive); return nil })
	g.Go(func() error { v.now(chaos, alive, 15_000, v.charger); return nil })
	crowd, leave := context.WithCancel(chaos)
	v.crowd(crowd)
	leave()
	v.setCalm()
	err = v.settle(ctx)
	quit()
	if err := errors.Join(err, g.Wait()); err != nil {
		return fmt.Errorf("site %d: %w", n, err)
	}
	return v.judge(ctx)
}

// keepAlive is the service manager: it starts the daemon again whenever it ended.
func (v *victim) keepAlive(ctx context.Context) error {
	var dead time.Time // since when; zero before the first start
	for ctx.Err() == nil {
		cmd, err := v.Town.Command()
		if err != nil {
			return err
		}
		v.mu.Lock()
		v.daemon = cmd
		v.mu.Unlock()
		if !dead.IsZero() {
			v.gone(dead, time.Now().Add(seesAgain))
		}
		died := make(chan error, 1)
		go func() { died <- cmd.Wait() }()
		select {
		case <-ctx.Done():
			cmd.Process.Signal(os.Interrupt) // it may have ended
			<-died
			return nil
		case <-died:
		}
		dead = time.Now()
		pause := v.dice.Millis(0, 400)
		if v.dice.under(0.1) { // a meter is another one, or has another register, when it comes back
			v.lie(pause + v.dice.Millis(2000, 8000))
		}
		if v.dice.under(0.05) { // the board's watchdog comes first
			pause += 11 * time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if !dead.IsZero() { // it was not started again
		v.gone(dead, time.Now())
	}
	return nil
}

func (v *victim) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.daemon == nil || v.calm {
		return
	}
	if err := v.daemon.Process.Kill(); err == nil {
		v.kills.Add(1)
		v.note("the daemon is killed")
		v.daemon = nil // until it is started again
	}
}

// restart ends the daemon in order; it is started again, and tries at once what waits.
func (v *victim) restart() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.daemon != nil {
		v.daemon.Process.Signal(os.Interrupt) // it may have ended
	}
}

func (v *victim) setCalm() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calm = true
	v.Terminal.Heal()
	for _, b := range v.Bays {
		b.Lie(simulator.Truth)
	}
	for _, c := range v.Chargers {
		c.Misbehave()
		c.Cut(0)
	}
}

// seesAgain is how long a daemon may take from its start until it looks at its bays.
const seesAgain = 10 * time.Second

// tortureLies are those that can be told from what is true at the speed of these sites: a register that
// stands still for a moment is behind by no more than such a bay delivers in the next one.
func tortureLies() []simulator.Lie {
	return slices.DeleteFunc(simulator.Lies(), func(l simulator.Lie) bool { return l == simulator.Stands })
}

// lie lets a bay's meter lie for a while.
func (v *victim) lie(d time.Duration) {
	if v.isCalm() {
		return
	}
	v.lies.Add(1)
	n, all := v.dice.Between(0, v.own()-1), tortureLies()
	bay, lie := v.Bays[n], all[v.dice.Between(0, len(all)-1)]
	v.note("meter %d %s for %v", n+1, lie, d)
	bay.Lie(lie)
	time.AfterFunc(d, func() { bay.Lie(simulator.Truth) })
}

// behave lets the terminal answer in a way of the specification's tables: once, or for a while.
func (v *victim) behave(all []simulator.Manner) {
	m := all[v.dice.Between(0, len(all)-1)]
	v.manners.Add(1)
	if v.dice.under(0.5) {
		times := v.dice.Between(1, 3)
		v.note("terminal %v %d", m, times)
		v.Terminal.Behave(m, times)
		return
	}
	v.note("terminal %v for a while", m)
	v.Terminal.Behave(m, 0)
	time.AfterFunc(v.dice.Millis(2000, 30_000), func() { v.Terminal.Relent(m.On) })
}

// technician clears the faults that only a person can call mended, where the meter tells the truth.
func (v *victim) technician(ctx context.Context) {
	for i, b := range v.Bays {
		if b.Lying() != simulator.Truth {
			continue
		}
		for _, f := range kiosk.Faults() {
			if !strings.HasPrefix(string(f.Code), "MT") || !session.Clearable(f.Code) {
				continue
			}
			// most are not raised, and the daemon may be dead
			api.Dial(v.control()).ClearFault(ctx, f.Code, i+1, "")
		}
	}
}

func (v *victim) isCalm() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calm
}

// misfortunes lets payments go wrong and kills the daemon at random moments.
func (v *victim) misfortunes(chaos, alive context.Context) {
	var manners []simulator.Manner
	for _, m := range simulator.Manners() {
		manners = append(manners, slices.Repeat([]simulator.Manner{m}, m.Weight())...)
	}
	kinds := []simulator.CardFault{simulator.LoseResult, simulator.LoseCompletion, simulator.RepeatResult,
		simulator.HostDown, simulator.Hang, simulator.FullPAN, simulator.UnknownField}
	v.now(chaos, alive, 24_000, func() {
		switch {
		case v.dice.under(0.5):
			v.kill()
		case v.dice.under(0.3):
			v.behave(manners)
		case v.dice.under(0.25):
			v.lie(v.dice.Millis(500, 20_000))
		case v.dice.under(0.1):
			v.Terminal.Forget()
		case v.dice.under(0.15):
			v.technician(alive)
		case v.dice.under(0.1): // it refuses cards until its day is ended, which takes all that is held
			v.Terminal.WantDayEnd(true)
		case v.dice.under(0.1):
			v.emergency()
		default:
			v.payments.Add(1)
			v.Terminal.Inject(kinds[v.dice.Between(0, len(kinds)-1)])
		}
	})
}

// now lets something happen now and then, at most so many milliseconds apart, until there is calm.
func (v *victim) now(chaos, alive context.Context, most int, happen func()) {
	for {
		select {
		case <-chaos.Done():
			return
		case <-alive.Done():
			return
		case <-time.After(v.dice.Millis(1000, most)):
		}
		if v.isCalm() {
			return
		}
		happen()
	}
}

// quirks are how chargers of the field differ, where the speed of these sites leaves the difference to be seen.
func quirks() []simulator.ChargerFault {
	return []simulator.ChargerFault{simulator.StartFirst, simulator.StartTwice, simulator.SessionRegister,
		simulator.NoUnit, simulator.PhasesAlone, simulator.Clock1970, simulator.StopRejected,
		simulator.StatusFirst, simulator.BootLoop, simulator.OutOfOrder, simulator.FreeVend, simulator.IgnoresFuse}
}

// charger cuts a charger off for a while, or lets it behave as some do.
func (v *victim) charger() {
	c := v.Chargers[v.dice.Between(0, len(v.Chargers)-1)]
	if v.dice.under(0.5) {
		d := v.dice.Millis(50, 20_000)
		v.cuts.Add(1)
		v.note("charger %s is cut off for %v", c.ID, d)
		c.Cut(d)
		return
	}
	all := quirks()
	some := []simulator.ChargerFault{all[v.dice.Between(0, len(all)-1)], all[v.dice.Between(0, len(all)-1)]}
	v.quirks.Add(1)
	v.note("charger %s %v for a while", c.ID, some)
	c.Misbehave(some...)
	time.AfterFunc(v.dice.Millis(500, 30_000), func() { c.Misbehave() })
}

// emergency presses a bay's emergency stop for a while.
func (v *victim) emergency() {
	bay := v.Bays[v.dice.Between(0, len(v.Bays)-1)]
	bay.Emergency(true)
	time.AfterFunc(v.dice.Millis(100, 8000), func() { bay.Emergency(false) })
}

// spoil wraps a line in misfortune.
func (v *victim) spoil(name string, rw io.ReadWriteCloser) io.ReadWriteCloser {
	rate := 0.0001
	if name == "terminal" {
		rate = 0.001
	}
	return &noisyLine{ReadWriteCloser: rw, v: v, rate: rate, eyes: name == "board",
		sums: v.tcp && name == "terminal"}
}

// noisyLine is a line on which things go wrong, at the device's end.
type noisyLine struct {
	io.ReadWriteCloser
	v    *victim
	rate float64
	eyes bool // a cable that is pulled is seen here, and its contactor is opened here
	sums bool // TCP has check sums of its own, and ZVT adds none: no bit of what comes through is another one

	mu      sync.Mutex
	pulled  time.Time // until then nothing passes
	pending []byte    // what comes a second time
}

// chunk decides what becomes of a piece; nil is lost.
func (s *noisyLine) chunk(b []byte) []byte {
	v := s.v
	if v.isCalm() {
		return b
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.pulled) {
		return nil
	}
	if v.dice.under(s.rate) { // between any two bytes
		cut := v.dice.Between(0, len(b))
		v.kill()
		return b[:cut]
	}
	switch {
	case v.dice.under(s.rate):
		s.pulled = time.Now().Add(v.dice.Millis(50, 9000))
		v.cuts.Add(1)
		if s.eyes {
			v.gone(time.Now(), s.pulled.Add(seesAgain))
		}
		return nil
	case v.dice.under(s.rate):
		v.frames.Add(1)
		return nil
	case !s.sums && v.dice.under(s.rate):
		v.frames.Add(1)
		b = bytes.Clone(b)
		b[v.dice.Between(0, len(b)-1)] ^= 1 << v.dice.Between(0, 7)
	case v.dice.under(s.rate):
		v.frames.Add(1)
		s.pending = bytes.Clone(b)
	case v.dice.under(s.rate):
		v.frames.Add(1)
		time.Sleep(v.dice.Millis(10, 1500))
	}
	return b
}

// Read hands a device what the daemon sent.
func (s *noisyLine) Read(b []byte) (int, error) {
	for {
		s.mu.Lock()
		n := copy(b, s.pending)
		s.pending = nil
		s.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		n, err := s.ReadWriteCloser.Read(b)
		if err != nil {
			return n, err
		}
		if kept := s.chunk(b[:n]); len(kept) > 0 {
			return copy(b, kept), nil
		}
	}
}

// Write hands the daemon what a device sent.
func (s *noisyLine) Write(b []byte) (int, error) {
	if kept := s.chunk(b); len(kept) > 0 {
		if _, err := s.ReadWriteCloser.Write(kept); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// crowd lets one visitor after the other come to the screen. Some walk away while their
// cars charge.
func (v *victim) crowd(ctx context.Context) {
	d := ui.NewDriver(ctx, filepath.Join(v.Dir, "ui.sock"))
	for ctx.Err() == nil {
		if err := d.Home(ctx); err != nil {
			return
		}
		visit, cancel := context.WithTimeout(ctx, time.Duration(v.dice.Between(5, 90))*time.Second)
		person := &Visitor{Visit: v.plan(), Driver: d, Site: v.Town}
		person.Play(visit) // however it ended: the audit judges
		cancel()
		if person.tapped { // a visit without a card is none to speak of
			v.visits.Add(1)
			if person.Bay > v.own() {
				v.atChargers.Add(1)
			}
			if v.left.Add(-1) <= 0 {
				v.enough()
			}
		}
	}
}

// plan is what a visitor wants.
func (v *victim) plan() Visit {
	d := v.dice
	out := Visit{Bay: d.Between(1, tortureBays), Leave: d.under(0.4)}
	out.Card.Item = fmt.Sprint(d.Between(1, 1_000_000)) // hardly a driver comes twice
	if d.under(0.1) {
		out.Card.Item = "of a driver who comes again and again"
	}
	out.Again = d.under(0.5)
	out.Car = visitCar{Power: d.Between(1000, 22000), Need: d.Between(200, 4000), After: d.Between(0, 800)}
	switch {
	case d.under(0.5):
		out.Stop = d.Between(1, 1500)
	case d.under(0.5):
		out.Unplug = d.Between(1, 1500)
	case d.under(0.5): // its owner comes back after a while
		out.Pause = d.Between(1, 1000)
	}
	switch {
	case d.under(0.04):
		out.Card.Decline = []string{"05", "33", "6E", "64", "9B"}[d.Between(0, 4)]
	case d.under(0.1):
		out.Card.Limit = int64(d.Between(1, 3000))
	case d.under(0.03):
		out.CancelAt = []ui.Screen{ui.Price, ui.Tap, ui.PlugIn}[d.Between(0, 2)]
	case d.under(0.02):
		out.Car.Need = 1 // nearly full
	}
	return out
}

// settle waits, in calm, until the journal and the bank have nothing open: for what a terminal refused again and
// again until it is due, which may be an hour later.
func (v *victim) settle(ctx context.Context) error {
	for _, b := range v.Bays {
		b.Unplug()
	}
	retry := time.NewTicker(2 * time.Minute) // what a restart tries at once
	defer retry.Stop()
	for start, until := time.Now(), time.Now().Add(calmLimit); ; {
		open := v.Settled(ctx)
		var what *unsettled
		switch {
		case open == nil:
			return nil
		case errors.As(open, &what) && what.due.Add(calmLimit).After(until):
			until = what.due.Add(calmLimit)
		}
		if time.Now().After(until) {
			v.report(fmt.Sprintf("after %v of calm: %v", time.Since(start).Round(time.Second), open))
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-retry.C:
			v.restart()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (v *victim) report(what string) {
	v.violations.Add(1)
	v.tortureRun.mu.Lock()
	defer v.tortureRun.mu.Unlock()
	fmt.Fprintf(v.out, "VIOLATION seed %d %s: %s\n", v.seed, filepath.Base(v.Dir), what)
}

// judge lets the audit compare, and looks for card numbers in all that the daemon wrote.
func (v *victim) judge(ctx context.Context) error {
	broken, err := v.Audit(ctx)
	var wrong *store.WrongRecord
	if errors.As(err, &wrong) {
		v.report(err.Error())
	} else if err != nil {
		return err
	}
	for _, b := range broken {
		v.report(b.String())
	}
	for _, name := range []string{"journal.db", "journal.db-wal", "kioskd.log"} {
		data, err := os.ReadFile(filepath.Join(v.Dir, name))
		if err != nil {
			continue // a checkpoint may have removed it
		}
		if at := audit.CardNumber(data); at >= 0 {
			v.report(fmt.Sprintf("%s has a card number at byte %d", name, at))
		}
	}
	return nil
}
