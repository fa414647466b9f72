package town

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"kioskd"
	"kioskd/receipt"
	"kioskd/simulator"
	"kioskd/store"
	"kioskd/ui"
	"kioskd/ui/text"
)

// Cars plugs a car in a moment after the screen asks for one, and takes it away when its
// bay's contactor has opened.
func (s *Town) Cars(ctx context.Context) {
	d := ui.NewDriver(ctx, s.Screen())
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	charged := make([]bool, len(s.Bays))
	asked := 0
	for {
		select {
		case v, ok := <-d.Views:
			if !ok {
				return
			}
			d.Now = v
			continue
		case <-tick.C:
		}
		asked++
		if d.Now.Screen != ui.PlugIn {
			asked = 0
		}
		if asked == 6 {
			s.Bays[d.Now.Bay-1].Plug(simulator.GoodCar())
		}
		for i, b := range s.Bays {
			st := b.State()
			if charged[i] && !st.Closed {
				b.Unplug()
			}
			charged[i] = st.Closed
		}
	}
}

// sums prints the receipts and the three sums that must agree.
func (s *Town) sums(ctx context.Context, out io.Writer, sessions []string, counted kiosk.Energy,
	texts *text.Catalogues) error {
	j, err := store.OpenReader(ctx, s.Journal())
	if err != nil {
		return err
	}
	defer j.Close()
	en := texts.Printer("en")
	billed, energy, rounded := kiosk.Money{Currency: "EUR"}, kiosk.Energy(0), kiosk.Energy(0)
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
		if r.Signed != nil { // a reading in steps may be cut where the register is not
			rounded += s.step(r.Bay - 1)
		}
	}
	bank := kiosk.Money{Currency: billed.Currency}
	for _, l := range s.Bank.Lines() {
		if l.Kind == "capture" {
			bank.Minor += l.Minor
		}
	}
	fmt.Fprintf(out, "journal billed  %10s  for %s\nbank took       %10s\nmeter counted   %10s      %s\n",
		en.Money(billed), en.Energy(energy, 3), en.Money(bank), "", en.Energy(counted, 3))
	if off := energy - counted; bank != billed || max(off, -off) > rounded {
		return errors.New("the sums do not agree")
	}
	broken, err := s.Audit(ctx)
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
