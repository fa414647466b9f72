package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"kioskd"
	"kioskd/receipt"
	"kioskd/simulator"
	"kioskd/store"
	"kioskd/ui"
	"kioskd/ui/text"
)

// cars plugs a car in a moment after the screen asks for one, and takes it away when its
// bay's contactor has opened.
func (s *town) cars(ctx context.Context) {
	d := newDriver(ctx, filepath.Join(s.dir, "ui.sock"))
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	charged := make([]bool, len(s.bays))
	asked := 0
	for {
		select {
		case v, ok := <-d.views:
			if !ok {
				return
			}
			d.now = v
			continue
		case <-tick.C:
		}
		asked++
		if d.now.Screen != ui.PlugIn {
			asked = 0
		}
		if asked == 6 {
			s.bays[d.now.Bay-1].Plug(simulator.GoodCar())
		}
		for i, b := range s.bays {
			st := b.State()
			if charged[i] && !st.Closed {
				b.Unplug()
			}
			charged[i] = st.Closed
		}
	}
}

// driver plays a person at the screen through its socket.
type driver struct {
	client *ui.Client
	views  chan ui.View
	now    ui.View
	closed func(ui.View) // is told what a screen says that sells nothing; may be nil
}

// await waits for a screen.
func (d *driver) await(ctx context.Context, ready func(ui.View) bool, what string) error {
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for !ready(d.now) {
		select {
		case v, ok := <-d.views:
			if !ok {
				return errors.New("the screen's connection ended")
			}
			d.now = v
		case <-limit.C:
			return fmt.Errorf("waited two minutes for %s, the screen shows %s %s", what, d.now.Screen, d.now.Message)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *driver) screen(ctx context.Context, s ui.Screen) error {
	return d.await(ctx, func(v ui.View) bool { return v.Screen == s }, "screen "+string(s))
}

// home leaves whatever the screen shows of the visitor before.
func (d *driver) home(ctx context.Context) error {
	for d.now.Screen != ui.Attract {
		d.touch(ctx, ui.Back, "") // refused where there is nothing to go back from
		select {
		case v, ok := <-d.views:
			if !ok {
				return errors.New("the screen's connection ended")
			}
			d.now = v
			if v.Closed() && d.closed != nil {
				d.closed(v)
			}
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (d *driver) touch(ctx context.Context, k ui.InputKind, value string) error {
	return d.client.Send(ctx, ui.Input{Seq: d.now.Seq, Kind: k, Value: value})
}

// newDriver connects to a daemon's screen socket.
func newDriver(ctx context.Context, socket string) *driver {
	d := &driver{client: ui.Dial(socket), views: make(chan ui.View, 64)}
	go func() {
		defer close(d.views)
		for ctx.Err() == nil { // a daemon that is started again is found again
			d.client.Views(ctx, func(v ui.View) {
				select {
				case d.views <- v:
				case <-ctx.Done():
				}
			})
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return d
}

// sums prints the receipts and the three sums that must agree.
func (s *town) sums(ctx context.Context, out io.Writer, sessions []string, counted kiosk.Energy,
	texts *text.Catalogues) error {
	j, err := store.OpenReader(ctx, filepath.Join(s.dir, "journal.db"))
	if err != nil {
		return err
	}
	defer j.Close()
	en := texts.Printer("en")
	billed, energy := kiosk.Money{Currency: "EUR"}, kiosk.Energy(0)
	for _, id := range sessions {
		r, err := receipt.From(ctx, j.Session(ctx, id), j.TreeHash)
		if err != nil {
			return err
		}
		if r.Total.Minor == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s\n", r.Text(en))
		billed.Minor += r.Total.Minor
		energy += r.Energy
	}
	bank := kiosk.Money{Currency: billed.Currency}
	for _, l := range s.bank.Lines() {
		if l.Kind == "capture" {
			bank.Minor += l.Minor
		}
	}
	fmt.Fprintf(out, "journal billed  %10s  for %s\nbank took       %10s\nmeter counted   %10s      %s\n",
		en.Money(billed), en.Energy(energy, 3), en.Money(bank), "", en.Energy(counted, 3))
	if bank != billed || counted != energy {
		return errors.New("the sums do not agree")
	}
	broken, err := s.audit(ctx)
	if err != nil {
		return err
	}
	var found []error
	for _, v := range broken {
		found = append(found, errors.New(v.String()))
	}
	if len(found) > 0 {
		return fmt.Errorf("the audit found what must not be: %w", errors.Join(found...))
	}
	fmt.Fprintln(out, "The sums agree, and the journal verifies.")
	return nil
}
