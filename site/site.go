// Package site is a site that is sold at, as one value. Open takes the site, with its journal and devices, Run sells at
// it until it is told to end, and Close gives it up again, the last that was opened first. Beside the session machine
// it has what a site needs around it: which price holds when (PriceSchedule), a back office's instructions, the
// archive of receipts, the desk of the host and the technician, and the keeper, which watches disk, copies and the way
// to the back office. Reach gives a command the same devices: through the daemon that has them, or directly.
//
// A crash at any line loses nothing: what a site knows is in its journal, and Open reads it back.
package site

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"kioskd"
	"kioskd/api"
	"kioskd/backoffice"
	"kioskd/config"
	"kioskd/hook"
	"kioskd/line"
	"kioskd/ocpp"
	"kioskd/session"
	"kioskd/socket"
	"kioskd/store"
	"kioskd/terminal"
	"kioskd/ui"
	"kioskd/ui/text"
)

// Site is a site that is sold at, as one value: its devices, its journal, the machine that decides, the sockets of the
// screen and of commands, and the way to its back office. Only one process can have it.
type Site struct {
	c       *config.Config
	log     *slog.Logger
	options Options
	start   time.Time

	devices  *devices
	clock    *session.Clock
	journal  *store.Store
	writes   kiosk.Journal // journal, with what must know of each record
	past     knownPast
	prices   *priceSchedule
	terminal terminal.Terminal
	control  *session.Controller
	screens  net.Listener
	commands net.Listener
	chargers *ocpp.Server // nil where no bay is a charger
	connects net.Listener // for chargers
	secure   *tls.Config  // nil where they connect without TLS
	up       *uplink      // nil without a back office
	do       *instructionRunner
	operator *operator // nil without one
	keep     *keeper
	texts    *text.Catalogues
	screen   ui.Site
	visitors *visitors
	tells    *hook.Teller // nil where none is told

	refunding sync.Mutex // one after the other

	report func(context.Context) (json.RawMessage, error) // of everything, for a technician far away

	off    context.Context // ends when a person at the screen switches the kiosk off
	quit   context.CancelFunc
	opened []func() error // what closes each of these, in the order in which they were opened
}

// Options are what a configuration does not say.
type Options struct {
	Log     *slog.Logger
	Lines   *keptLines                        // the newest of the log, for people at the screen and a back office
	Journal func(kiosk.Journal) kiosk.Journal // wraps the journal; nil for none
	Version string
	Debug   []string // zvt, modbus, backoffice, ocpp, csms: what goes over these lines is logged
}

// knownPast is what the journal says of the time before.
type knownPast struct {
	lost   error // the journal is a new one where there was another
	day    session.Day
	last   time.Time // of its records
	locked []session.FaultAt
	known  map[int]kiosk.Reading
}

// Open takes a site and makes everything ready, in order; Run sells at it. Where that fails, what was opened is closed
// again, and every contactor is opened: energy that cannot be recorded must not flow. The error is store.ErrInUse
// where another process has the site; what that switches is its own.
func Open(ctx context.Context, c *config.Config, o Options) (*Site, error) {
	s := &Site{c: c, log: o.Log, options: o, start: time.Now(), devices: &devices{}}
	s.off, s.quit = context.WithCancel(context.WithoutCancel(ctx))
	for _, open := range []func(context.Context) error{s.openDevices, s.openJournal, s.readPast, s.openPrices,
		s.openTerminal, s.openChargers, s.openMachine, s.listen, s.openOffice, s.openOperator, s.openTelling} {
		err := open(ctx)
		if err == nil {
			continue
		}
		if !errors.Is(err, store.ErrInUse) {
			err = errors.Join(err, s.devices.open())
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// closes remembers what closes what was just opened.
func (s *Site) closes(f func() error) { s.opened = append(s.opened, f) }

// Close closes what is open, the last first.
func (s *Site) Close() (err error) {
	for _, f := range slices.Backward(s.opened) {
		if failed := f(); !errors.Is(failed, net.ErrClosed) { // a socket ends with who served it
			err = errors.Join(err, failed)
		}
	}
	s.opened = nil
	s.quit()
	return err
}

func (s *Site) openDevices(context.Context) (err error) {
	s.devices, err = openDevices(s.c)
	s.closes(func() error { s.devices.Close(s.log); return nil })
	if err != nil { // which they also cannot be where another process has them: then the site is its
		lock, taken := store.Lock(s.c.Journal)
		if errors.Is(taken, store.ErrInUse) {
			return errors.Join(err, taken)
		}
		if taken == nil { // until the contactors are open
			s.closes(lock.Close)
		}
		return err
	}
	for address, bus := range s.devices.buses {
		if s.traces("modbus") {
			bus.Trace(address, s.log)
		}
	}
	return nil
}

// openJournal takes the site.
func (s *Site) openJournal(ctx context.Context) error {
	s.clock = session.NewClock(time.Now, synced(s.c.ClockRTC))
	journal, err := takeSite(ctx, s.c, s.storeClock, s.log)
	if err != nil {
		return err
	}
	s.closes(journal.Close)
	if s.c.Uplink != nil {
		s.up = newUplink(s.clock.Now(), s.connect)
	}
	s.journal, s.writes = journal, notifyingJournal{journal, s.up}
	if s.options.Journal != nil {
		s.writes = s.options.Journal(s.writes)
	}
	return nil
}

func (s *Site) storeClock() (time.Time, time.Duration, bool) {
	return s.clock.Now(), time.Since(s.start), s.clock.Trusted()
}

// readPast reads what came before, and makes the keys that a first start lacks.
func (s *Site) readPast(ctx context.Context) (err error) {
	s.past.lost, err = lostJournal(ctx, s.c, s.journal)
	if err != nil {
		return err
	}
	if err := keys(s.c, s.log); err != nil {
		return err
	}
	s.past.day, s.past.last, err = past(ctx, s.journal, s.c.Currency)
	if err != nil {
		return err
	}
	s.clock.After(s.past.last)
	s.past.locked, err = lockedFaults(ctx, s.journal)
	if err != nil {
		return err
	}
	if err := s.devices.exchanged(ctx, s.journal); err != nil {
		return err
	}
	s.past.known, err = lastRegisters(ctx, s.journal, bayNumbers(s.c)...)
	return err
}

func (s *Site) openPrices(ctx context.Context) (err error) {
	s.prices, err = openPrices(ctx, s.c, s.journal, s.past.last, s.log)
	return err
}

func (s *Site) openTerminal(context.Context) error {
	s.c.Terminal.Stats = new(line.Stats)
	if s.traces("zvt") {
		s.c.Terminal.Trace = s.log
	}
	opened, err := terminal.Open(s.c.Terminal, s.log)
	if err != nil {
		return err
	}
	s.terminal = opened
	s.closes(func() error { opened.Close(); return nil }) // what it says is of a line that is given up
	return nil
}

// openMachine makes the session machine. A price that jumped is a fault before anything is sold.
func (s *Site) openMachine(ctx context.Context) error {
	jump, err := s.prices.priceJump(ctx, s.journal, s.clock.Now())
	if err != nil {
		return err
	}
	cfg := session.Config{Rules: s.c.Rules, Bays: s.devices.Bays, Terminal: s.terminal, Journal: s.writes,
		CardWait: s.c.CardWait, Site: s.c.Site, NewID: newID, Clock: s.clock, Day: s.past.day, Lost: s.past.lost,
		Locked: s.past.locked, Known: s.past.known, Log: s.log,
		Past: s.journal.RecentSessions(context.WithoutCancel(ctx), string(session.MeterEnd), 4*len(s.c.Bays),
			string(session.FaultRaised), string(session.FaultCleared))}
	if s.c.OCPI != nil {
		cfg.Derive = s.c.OCPI.Derive
	}
	s.control = session.New(cfg)
	s.control.Fault(ctx, kiosk.FaultPriceJump, 0, jump != nil, jump)
	return nil
}

// listen opens the sockets of the screen and of commands.
func (s *Site) listen(context.Context) (err error) {
	s.screens, err = socket.Listen(s.c.Socket, 0o660)
	if err != nil {
		return err
	}
	s.closes(s.screens.Close)
	s.commands, err = socket.Listen(s.c.Control(), 0o600)
	if err != nil {
		return err
	}
	s.closes(s.commands.Close)
	return nil
}

// openOffice makes what people and a back office use.
func (s *Site) openOffice(context.Context) error {
	staff := desk{c: s.c, owner: s.owner(), journal: s.journal, log: s.options.Lines, up: s.up, quit: s.quit,
		version: s.options.Version, start: s.clock.Now(),
		lines: append([]countedLine{{s.c.Terminal.Address, s.c.Terminal.Stats}}, s.devices.lines()...)}
	s.keep = &keeper{c: s.c, journal: s.journal, control: s.control, clock: s.clock, start: s.clock.Now(), up: s.up,
		version: s.options.Version, log: s.log}
	s.report = s.keep.diagnostics(staff)
	if s.c.Uplink != nil {
		s.do = &instructionRunner{by: ByOffice + s.c.Uplink.Office.Name(), journal: s.journal, owner: s.owner(),
			clock: s.clock, prices: s.prices, report: s.report, log: s.log}
		s.keep.do = s.do
	}
	old, err := newArchive(s.c, s.journal, s.control, s.terminal)
	if err != nil {
		return err
	}
	s.texts = old.texts
	s.screen = screenSite(s.c, s.prices)
	s.screen.Archive, s.screen.Receipt = old, old.handout
	s.visitors = &visitors{journal: s.journal, control: s.control, log: s.log,
		now: func() time.Time { return s.clock.Now().In(s.c.Timezone) }}
	s.screen.Count = s.visitors.count
	if s.c.Technician != nil || s.c.Host != nil {
		s.screen.Desk = staff
	}
	return nil
}

func (s *Site) owner() owner { return owner{s.control, s.terminal, s.chargers} }

// connect makes the way to the back office.
func (s *Site) connect() (*backoffice.Sync, error) {
	return newSync(s.c, s.journal, s.clock, s.do, s.log, s.traces("backoffice"))
}

// traces tells whether what goes over a kind of line is logged.
func (s *Site) traces(what string) bool { return slices.Contains(s.options.Debug, what) }

// Run sells until ctx ends, or a person at the screen switches the kiosk off: then sessions are ended in order. It
// tells a service manager when it is ready, and that it is alive.
func (s *Site) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.off, stop)()
	var g errgroup.Group
	besides, end := context.WithCancel(ctx)
	g.Go(func() error { s.keep.run(besides); return nil })
	g.Go(func() error { s.keep.contained(besides, "visitors", s.visitors.run); return nil })
	g.Go(func() error { s.keep.contained(besides, "reports", s.reported); return nil })
	if s.tells != nil {
		g.Go(func() error { s.keep.contained(besides, "telling", s.tells.Run); return nil })
	}
	if s.operator != nil {
		g.Go(func() error { s.keep.contained(besides, "operator", s.operator.run); return nil })
	}
	g.Go(func() error {
		return api.Serve(besides, s.commands, s.served())
	})
	if s.c.Web != nil {
		g.Go(func() error { s.keep.contained(besides, "web", s.serveWeb); return nil })
	}
	err := s.serve(ctx)
	end()
	return errors.Join(err, g.Wait())
}

// served is the site as commands have it.
func (s *Site) served() served {
	return served{s.owner(), &office{c: s.c, journal: s.journal, control: s.control, up: s.up, devices: s.devices,
		refunding: &s.refunding}, granter{s.c, s.journal, s.control, s.clock.Now}, s.operator}
}

// serve runs the machine and the screen's socket side by side; the screen stays until the machine has ended its
// sessions.
func (s *Site) serve(ctx context.Context) error {
	screen := &ui.Server{Presenter: ui.NewPresenter(s.screen, s.control), Changed: s.control.Watch,
		Pictures: pictures(s.c)}
	var g errgroup.Group
	screenCtx, stopScreen := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return screen.Run(screenCtx, s.screens) })
	if s.chargers != nil { // until the machine has ended its sessions
		g.Go(func() error { return s.chargers.Serve(screenCtx, s.connects, s.secure) })
	}
	if s.c.NeedScreen {
		g.Go(func() error { watchScreen(screenCtx, screen, s.control); return nil })
	} else { // the fault may be of a configuration of before
		g.Go(func() error { s.control.Fault(screenCtx, kiosk.FaultScreenMissing, 0, false, nil); return nil })
	}
	notify(s.log, daemon.SdNotifyReady)
	err := s.control.Run(ctx, func() { notify(s.log, daemon.SdNotifyWatchdog) })
	notify(s.log, daemon.SdNotifyStopping)
	stopScreen()
	return errors.Join(err, g.Wait())
}
