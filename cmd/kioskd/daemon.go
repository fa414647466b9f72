package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/oklog/ulid/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	kiosk "kioskd"
	"kioskd/backoffice"
	"kioskd/config"
	"kioskd/file"
	"kioskd/line"
	"kioskd/session"
	"kioskd/store"
	"kioskd/terminal"
	"kioskd/ui"
)

func (p program) runDaemon(ctx context.Context, flags *flag.FlagSet, args []string) error {
	path := flags.String("config", "/etc/kioskd/kioskd.yaml", "configuration `file`")
	if _, err := parse(flags, args, 0); err != nil {
		return err
	}
	c, err := p.config(*path)
	if err != nil {
		return err
	}
	if err := file.Become(filepath.Dir(c.Journal)); err != nil {
		return err
	}
	kept := newLogLines(slog.NewTextHandler(p.err, nil))
	return p.runSite(ctx, c, slog.New(kept), kept.kept)
}

// config reads a configuration; its faults are printed, one a line.
func (p program) config(path string) (*config.Config, error) { return p.configAnd(path, false) }

func (p program) configAnd(path string, others bool) (*config.Config, error) {
	c, err := config.ReadWithFiles(path, others)
	if err != nil {
		return nil, p.badConfig(err)
	}
	return c, nil
}

// badConfig prints the faults of a configuration that cannot be read, one a line.
func (p program) badConfig(err error) error {
	var bad *config.Error
	if !errors.As(err, &bad) {
		return usageError{err}
	}
	for _, f := range bad.Faults {
		fmt.Fprintln(p.err, f)
	}
	return usageError{errSilent}
}

// screenGone is how long no screen may be connected before nothing new is sold.
const screenGone = 10 * time.Second

// runSite runs the whole daemon until ctx ends.
func (p program) runSite(ctx context.Context, c *config.Config, log *slog.Logger, kept *keptLines) (err error) {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	devices, err := openDevices(c)
	if err != nil {
		return err
	}
	defer devices.close(log)
	start := time.Now()
	clock := session.NewClock(time.Now, synced(c.ClockRTC))
	journal, err := takeSite(ctx, c, func() (time.Time, time.Duration, bool) {
		return clock.Now(), time.Since(start), clock.Trusted()
	}, log)
	if errors.Is(err, store.ErrInUse) {
		return err // another kioskd has the site; what it switches is its own
	}
	if err != nil {
		return errors.Join(err, devices.open())
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	dial, err := terminal.DialAddress(c.TerminalAddress)
	if err != nil {
		return err
	}
	var up *uplink
	var writes kiosk.Journal = poking{journal, func() {
		if up != nil {
			up.Poke()
		}
	}}
	if p.journal != nil {
		writes = p.journal(writes)
	}
	lost, err := lostJournal(ctx, c, journal)
	if err != nil {
		return errors.Join(err, devices.open())
	}
	if err := keys(c, log); err != nil {
		return errors.Join(err, devices.open())
	}
	day, last, err := past(ctx, journal, c.Currency)
	if err != nil {
		return errors.Join(err, devices.open())
	}
	clock.After(last)
	locked, err := lockedFaults(ctx, journal)
	if err != nil {
		return errors.Join(err, devices.open())
	}
	if err := devices.exchanged(ctx, journal); err != nil {
		return errors.Join(err, devices.open())
	}
	known, err := lastRegisters(ctx, journal, len(c.Bays))
	if err != nil {
		return errors.Join(err, devices.open())
	}
	prices, err := openSale(ctx, c, journal, last, log)
	if err != nil {
		return errors.Join(err, devices.open())
	}
	jump, err := prices.priceJump(ctx, journal, clock.Now())
	if err != nil {
		return errors.Join(err, devices.open())
	}
	c.Terminal.Stats = new(line.Stats)
	pt := terminal.New(dial, c.Terminal, log)
	defer pt.Close()
	var derive func(session.Session) ([]kiosk.Entry, error)
	if c.OCPI != nil {
		derive = c.OCPI.Derive
	}
	control := session.New(session.Config{
		Rules: c.Rules, Derive: derive, Bays: devices.bays, Terminal: pt, Journal: writes, CardWait: c.CardWait,
		Site:  c.Site,
		NewID: newID, Clock: clock, Day: day, Lost: lost, Locked: locked, Known: known,
		Past: journal.RecentSessions(context.WithoutCancel(ctx), string(session.MeterEnd), 4*len(c.Bays),
			string(session.FaultRaised), string(session.FaultCleared)), Log: log,
	})
	control.Fault(ctx, kiosk.FaultPriceJump, 0, jump != nil, jump)
	listener, err := ui.Listen(c.Socket, 0o660)
	if err != nil {
		return errors.Join(err, devices.open())
	}
	commands, err := ui.Listen(c.Control(), 0o600)
	if err != nil {
		return errors.Join(err, listener.Close(), devices.open())
	}
	var g errgroup.Group
	commandCtx, stopCommands := context.WithCancel(ctx)
	own := owner{control, pt}
	site := screenSite(c, prices)
	old := &archive{journal: journal, control: control, terminal: pt}
	site.Archive, site.Receipt = old, old.code
	staff := desk{c: c, owner: own, journal: journal, log: kept,
		lines: append([]countedLine{{c.TerminalAddress, c.Terminal.Stats}}, devices.lines()...), quit: quit}
	keep := &keeper{c: c, journal: journal, control: control, clock: clock, start: clock.Now(), log: log}
	if c.Uplink != nil {
		do := &instructed{by: byOffice + c.Uplink.Office.Name(), journal: journal, owner: own, clock: clock,
			sale: prices, report: keep.diagnostics(staff), log: log}
		up = newUplink(clock.Now(), func() (*backoffice.Sync, error) { return newSync(c, journal, clock, do, log) })
		staff.up, keep.up, keep.do = up, up, do
	}
	g.Go(func() error { keep.run(commandCtx); return nil })
	g.Go(func() error {
		return serveControl(commandCtx, commands, own, &office{c: c, journal: journal, control: control, up: up,
			devices: devices})
	})
	if c.Technician != nil || c.Host != nil {
		site.Desk = staff
	}
	err = serve(ctx, c, ui.NewPresenter(site, control), control, listener, log)
	stopCommands()
	return errors.Join(err, g.Wait())
}

// lostJournal tells whether an empty journal stands where there was another: what is made with a
// journal's first start is there already.
func lostJournal(ctx context.Context, c *config.Config, journal *store.Store) (lost, err error) {
	n, err := journal.Seq(ctx)
	if err != nil || n > 0 {
		return nil, err
	}
	for _, path := range []string{cardKeyPath(c), checkpointKeyPath(c)} {
		if config.Exists(path) {
			return fmt.Errorf("the journal is empty, and %s is of one before", filepath.Base(path)), nil
		}
	}
	return nil, nil
}

// takeWithin is how long a daemon waits for a command that asks the devices itself: one that has
// no daemon to ask may have begun right before.
const takeWithin = serviceLimit + time.Minute

// takeSite opens the journal. Where another daemon has it the error is store.ErrInUse.
func takeSite(ctx context.Context, c *config.Config, clock store.Clock, log *slog.Logger) (*store.Store, error) {
	for end, told := time.Now().Add(takeWithin), false; ; told = true {
		journal, err := store.Open(ctx, c.Journal, clock)
		if !errors.Is(err, store.ErrInUse) || running(c.Control()) || time.Now().After(end) {
			return journal, err
		}
		if !told {
			log.Warn("another program has the site: waiting for its end")
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// serve runs the controller and the screen's socket side by side; the screen stays
// until the controller has ended its sessions.
func serve(ctx context.Context, c *config.Config, presenter *ui.Presenter, control *session.Controller,
	listener net.Listener,
	log *slog.Logger) error {
	screen := &ui.Server{Presenter: presenter, Changed: control.Watch}
	var g errgroup.Group
	screenCtx, stopScreen := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return screen.Run(screenCtx, listener) })
	if c.NeedScreen {
		g.Go(func() error { watchScreen(screenCtx, screen, control); return nil })
	} else {
		// of a configuration of before
		g.Go(func() error { control.Fault(screenCtx, kiosk.FaultScreenMissing, 0, false, nil); return nil })
	}
	notify(log, daemon.SdNotifyReady)
	err := control.Run(ctx, func() { notify(log, daemon.SdNotifyWatchdog) })
	notify(log, daemon.SdNotifyStopping)
	stopScreen()
	return errors.Join(err, g.Wait())
}

// screenSite is what the configuration says of the screen.
func screenSite(c *config.Config, s *sale) ui.Site {
	return ui.Site{
		Name: c.Site["name"], Kiosk: c.KioskID, Helpline: c.Helpline, Languages: c.Languages, Bays: bayNumbers(c),
		Prices: s.Prices, Notice: s.Notice, Hold: c.Hold,
		Timezone: c.Timezone.String(), Rules: c.Rules, Times: c.Times, Terminal: c.Side,
		ReadsCards: c.ReadsCards, CardWait: c.CardWait, Night: c.Night,
	}
}

func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("service manager was not told", "state", state, "error", err)
	}
}

// watchScreen raises UI001 while nobody could see the price.
func watchScreen(ctx context.Context, screen *ui.Server, control *session.Controller) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	seen := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if screen.Screens() > 0 {
			seen = time.Now()
		}
		gone := time.Since(seen) > screenGone
		if control.Snapshot().State.Faults[session.FaultAt{Code: kiosk.FaultScreenMissing}] != gone {
			control.Fault(ctx, kiosk.FaultScreenMissing, 0, gone, nil)
		}
	}
}

func bayNumbers(c *config.Config) (out []int) {
	for _, b := range c.Bays {
		out = append(out, b.Number)
	}
	return out
}

// newID makes a session's id and its short reference.
func newID() (id, reference string) {
	random := make([]byte, 7)
	rand.Read(random) // never fails
	return ulid.Make().String(), kiosk.ShortReference(random)
}

// past is what the journal says of the terminal's business day, and its last time.
func past(ctx context.Context, journal *store.Store, currency kiosk.Currency) (day session.Day, last time.Time,
	err error) {
	day.Captured.Currency = currency
	for r, err := range journal.Since(ctx, string(session.DayEnded), string(session.CaptureDone)) {
		if err != nil {
			return day, last, err
		}
		e, err := session.FromRecord(r)
		if err != nil {
			return day, last, err
		}
		if b, settled := e.Body.(session.SettledBody); !settled {
			day.Ended = e.At
		} else if b.Booking != nil {
			day.Captured.Minor += b.Booking.Booked.Minor
		}
	}
	seq, err := journal.Seq(ctx)
	if err != nil {
		return day, last, err
	}
	for r, err := range journal.Records(ctx, seq) {
		if err != nil {
			return day, last, err
		}
		last = r.Wall
	}
	return day, last, nil
}

// lockedFaults are the faults that only a person can call mended and nobody has, however long
// ago they were raised.
func lockedFaults(ctx context.Context, journal *store.Store) (out []session.FaultAt, err error) {
	for _, code := range session.LatchedCodes() {
		last := map[session.FaultAt]kiosk.Record{}
		for _, kind := range []session.Kind{session.FaultRaised, session.FaultCleared} {
			for r, err := range journal.Matching(ctx, string(kind), "$.fault", string(code)) {
				if err != nil {
					return nil, err
				}
				e, err := session.FromRecord(r)
				if err != nil {
					return nil, err
				}
				if at := (session.FaultAt{Code: code, Bay: e.Bay()}); r.Seq > last[at].Seq {
					last[at] = r
				}
			}
		}
		for at, r := range last {
			if r.Kind == string(session.FaultRaised) {
				out = append(out, at)
			}
		}
	}
	return out, nil
}

// lastRegisters are the registers of idle bays that were written down last, however long ago.
func lastRegisters(ctx context.Context, journal *store.Store, bays int) (map[int]kiosk.Reading, error) {
	known := map[int]kiosk.Reading{}
	for _, kind := range []session.Kind{session.RegisterSeen, session.MeterSwapped} {
		seen := map[int]bool{}
		for r, err := range journal.Newest(ctx, string(kind)) {
			if err != nil {
				return nil, err
			}
			e, err := session.FromRecord(r)
			if err != nil {
				return nil, err
			}
			bay, reading := e.Bay(), *e.Reading()
			if !seen[bay] && known[bay].At.Before(reading.At) {
				known[bay] = reading
			}
			seen[bay] = true
			if len(seen) == bays {
				break
			}
		}
	}
	return known, nil
}

// systemClock is for a command that writes to the journal without a daemon.
func systemClock(c *config.Config) store.Clock {
	start, good := time.Now(), synced(c.ClockRTC)
	return func() (time.Time, time.Duration, bool) { return time.Now(), time.Since(start), good() }
}

// synced tells whether the system's time can be believed: the kernel knows whether
// something keeps it in step; a battery-backed clock needs no network.
func synced(rtc bool) func() bool {
	return func() bool {
		if rtc {
			return true
		}
		var t unix.Timex
		state, err := unix.Adjtimex(&t)
		return err == nil && state != unix.TIME_ERROR
	}
}

func (p program) check(_ context.Context, flags *flag.FlagSet, args []string) error {
	path := flags.String("config", "/etc/kioskd/kioskd.yaml", "configuration `file`")
	if _, err := parse(flags, args, 0); err != nil {
		return err
	}
	c, err := p.configAnd(*path, true)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s is good: %d bays, hold %v, terminal %s\n", *path, len(c.Bays), c.Hold, c.TerminalAddress)
	return nil
}

// quietLog is for commands that print their own results.
func quietLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
