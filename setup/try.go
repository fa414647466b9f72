package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/text/currency"

	"kioskd"
	"kioskd/child"
	"kioskd/config"
	"kioskd/file"
	"kioskd/ui"
)

// testSuffix is of the configuration that the trial runs with.
const testSuffix = ".test"

// tryHold runs the site with the smallest hold that a card knows, takes it from the person who holds a
// card to the terminal, and gives it back before any energy flows. The journal has it like any
// other.
func (w *wizard) tryHold(ctx context.Context, c *config.Config) error {
	smallest := "1.00"
	if unit, err := currency.ParseISO(string(c.Currency)); err == nil {
		if scale, _ := currency.Cash.Rounding(unit); scale == 0 {
			smallest = "100"
		}
	}
	dir, err := os.MkdirTemp("", "kioskd-setup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	test, err := config.OpenFile(w.file.Path)
	if err != nil {
		return err
	}
	test.Path = w.file.Path + testSuffix // beside it: its paths stay as they are
	test.Set("terminal.hold", config.TextNode(smallest))
	test.Drop("terminal.minimum")
	if c.OCPP.Listen != "" { // a small hold covers no charger that takes no limit, and no energy will flow
		test.Set("timings.charger_lost", config.TextNode("1m"))
	}
	test.Set("screen.socket", config.TextNode(filepath.Join(dir, "ui.sock")))
	written, err := test.Bytes()
	if err != nil {
		return err
	}
	if err := file.WriteNew(test.Path, written, 0o600); err != nil {
		return err
	}
	defer os.Remove(test.Path)
	if err := forDaemon(dir, filepath.Dir(c.Journal)); err != nil {
		return err
	}
	daemon, err := child.Kioskd(test.Path, dir)
	if err != nil {
		return err
	}
	socket := filepath.Join(dir, "ui.sock")
	if err := child.AwaitKioskd(ctx, daemon, dir, socket); err != nil {
		return err
	}
	err = w.holdAndRelease(ctx, socket, smallest, c.Currency)
	return errors.Join(err, child.Stop(daemon))
}

// forDaemon gives a directory of root's to the owner of another one.
func forDaemon(dir, like string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	owner, err := file.OwnerOf(like)
	if err != nil {
		return err
	}
	return os.Chown(dir, int(owner.Uid), int(owner.Gid))
}

// comesUp is how long a kiosk may take until its screen sells: a terminal that was in use is silent
// for a while.
const comesUp = time.Minute

func (w *wizard) holdAndRelease(ctx context.Context, socket, amount string, currency kiosk.Currency) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	d := ui.NewDriver(ctx, socket)
	fmt.Fprintln(w.Out, "\nThe kiosk is started to try a hold.")
	up, cancel := context.WithTimeout(ctx, comesUp)
	defer cancel()
	if err := d.Home(up); err != nil {
		return fmt.Errorf("no hold was tried, as the kiosk sells nothing; its screen says %s %s: kioskd doctor: %w",
			d.Now.Screen, d.Now.Message, err)
	}
	t := trial{wizard: w, driver: d, amount: amount, currency: currency}
	for {
		if ended, err := t.act(ctx); ended || err != nil {
			return err
		}
		select {
		case now, ok := <-d.Views:
			if !ok {
				return errors.New("the screen's connection ended")
			}
			d.Now = now
		case <-time.After(time.Second): // a touch that came too soon is made again
		case <-ctx.Done():
			return fmt.Errorf("it did not end in three minutes; the screen shows %s %s", d.Now.Screen, d.Now.Message)
		}
	}
}

// trial is a hold that is given back at once, at the kiosk's own screen.
type trial struct {
	*wizard
	driver       *ui.Driver
	amount       string
	currency     kiosk.Currency
	told, chosen bool
}

// act does what the screen asks for; ended once the hold was given back.
func (t *trial) act(ctx context.Context) (ended bool, err error) {
	d, v := t.driver, t.driver.Now
	switch v.Screen {
	case ui.Attract:
		d.Touch(ctx, ui.Touch, "")
	case ui.Bays:
		if t.chosen {
			return false, errors.New("the screen went on without a hold")
		}
		free := slices.IndexFunc(v.Bays, func(b ui.BayView) bool { return b.State == ui.BayFree })
		if free < 0 {
			return false, errors.New("no bay is free: unplug every vehicle, then kioskd doctor")
		}
		d.Touch(ctx, ui.Choose, strconv.Itoa(v.Bays[free].Number))
	case ui.Price:
		d.Touch(ctx, ui.Accept, "")
		t.chosen = true
	case ui.Tap:
		if !t.told {
			fmt.Fprintf(t.Out, "\nHold a card to the terminal now: %s %s are held and given back at once.\n",
				t.amount, t.currency)
			t.told = true
		}
	case ui.PlugIn, ui.Charging, ui.Idle: // a driver may plug in meanwhile
		d.Touch(ctx, ui.Stop, "")
	case ui.StopAsk:
		d.Touch(ctx, ui.Confirm, "")
	case ui.Declined:
		return false, fmt.Errorf("the terminal refuses: %s; to try again: kioskd setup, and choose the terminal",
			v.Message)
	case ui.Final:
		if v.Settled && v.Paid.Minor > 0 {
			fmt.Fprintf(t.Out, "A vehicle was plugged in meanwhile and charged: %v were taken.\n", v.Paid)
		} else if v.Settled {
			fmt.Fprintf(t.Out, "Held and given back: %s %s. Nothing was taken.\n", t.amount, t.currency)
		}
		return v.Settled, nil
	}
	return false, nil
}
