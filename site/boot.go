package site

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/oklog/ulid/v2"

	"kioskd"
	"kioskd/config"
	"kioskd/session"
	"kioskd/socket"
	"kioskd/store"
	"kioskd/ui"
)

// screenGone is how long no screen may be connected before nothing new is sold.
const screenGone = 10 * time.Second

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
const takeWithin = ServiceLimit + time.Minute

// takeSite opens the journal. Where another daemon has it the error is store.ErrInUse.
func takeSite(ctx context.Context, c *config.Config, clock store.Clock, log *slog.Logger) (*store.Store, error) {
	for end, told := time.Now().Add(takeWithin), false; ; told = true {
		journal, err := store.Open(ctx, c.Journal, clock)
		if !errors.Is(err, store.ErrInUse) || socket.Answers(c.Control()) || time.Now().After(end) {
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

// screenSite is what the configuration says of the screen.
func screenSite(c *config.Config, s *priceSchedule) ui.Site {
	return ui.Site{
		Name: c.Site["name"], Kiosk: c.KioskID, Helpline: c.Helpline, Languages: c.Languages, Bays: bayNumbers(c),
		Prices: s.Prices, Notice: s.Notice, Hold: c.Hold,
		Timezone: c.Timezone.String(), Rules: c.Rules, Times: c.Times, Terminal: c.Side,
		CardWait: c.CardWait, Night: c.Night, Emergency: c.Emergency, Brand: brand(c),
	}
}

// brand is the host's own, in a visitor's language.
func brand(c *config.Config) func(language string) ui.Brand {
	own := ui.Brand{Accent: c.Brand.Accent}
	if c.Brand.Logo != nil {
		own.Logo = c.Brand.Logo.Name
	}
	if c.Brand.Idle != nil {
		own.Idle = c.Brand.Idle.Name
	}
	return func(language string) ui.Brand {
		b := own
		b.Help = c.Brand.Help[language]
		return b
	}
}

// pictures are the host's, by their names.
func pictures(c *config.Config) map[string][]byte {
	out := map[string][]byte{}
	for _, p := range []*config.Picture{c.Brand.Logo, c.Brand.Idle} {
		if p != nil {
			out[p.Name] = p.Data
		}
	}
	return out
}

func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("service manager was not told", "state", state, "error", err)
	}
}

// watchScreen raises UI001 while no driver could see the price.
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
		} else if b.Result != nil && b.Result.Booked.Currency == currency { // the site's may have changed
			day.Captured.Minor += b.Result.Booked.Minor
		}
	}
	r, err := lastRecord(ctx, journal)
	return day, r.Wall, err
}

// lastRecord is a journal's last record; none of an empty one.
func lastRecord(ctx context.Context, journal *store.Store) (last kiosk.Record, err error) {
	seq, err := journal.Seq(ctx)
	if err != nil {
		return last, err
	}
	for r, err := range journal.Records(ctx, seq) {
		if err != nil {
			return last, err
		}
		last = r
	}
	return last, nil
}

// lockedFaults are the faults that only a person can call mended and none has.
func lockedFaults(ctx context.Context, journal *store.Store) ([]session.FaultAt, error) {
	return raisedFaults(ctx, journal, session.LatchedCodes()...)
}

// raisedFaults are those of some faults that have not ended, however long ago they were raised.
func raisedFaults(ctx context.Context, journal *store.Store, codes ...kiosk.FaultCode) (out []session.FaultAt,
	err error) {
	for _, code := range codes {
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

// lastRegisters are the registers of idle bays that were written down last, however long ago. The journal may have
// bays that the site has no longer.
func lastRegisters(ctx context.Context, journal *store.Store, bays ...int) (map[int]kiosk.Reading, error) {
	known, at := map[int]kiosk.Reading{}, map[int]int64{}
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
			bay := e.Bay()
			if seen[bay] || !slices.Contains(bays, bay) {
				continue
			}
			seen[bay] = true
			if at[bay] < r.Seq { // the clock may have been wrong
				known[bay], at[bay] = *e.Reading(), r.Seq
			}
			if len(seen) == len(bays) {
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
	return func() bool { return rtc || inStep() }
}

// QuietLog is for commands that print their own results.
func QuietLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
