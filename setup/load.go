package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kioskd"
	"kioskd/hw"
	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// How a load proves which meter is behind a bay.
const (
	loadFor               = time.Minute
	loadEvery             = 500 * time.Millisecond
	loadPower kiosk.Power = 200
	loadReads             = 3 // in a row in which one meter counts, and no other
)

// proveLoad lets what is plugged in at a bay draw power for a moment, and looks which meter counts it.
// A person says that it may; no driver pays for it.
func (w *wizard) proveLoad(ctx context.Context, p *plan, at *int, left []meterAt) error {
	sure, err := w.sure(
		ctx, fmt.Sprintf("Does a vehicle or a test load at bay %d draw power when its contactor closes? "+
			"Then its meter can be proven; no driver pays for up to %v of energy", p.number, loadFor), false)
	if err != nil || !sure {
		return err
	}
	counts, err := w.whoCounts(ctx, p, left)
	if err != nil {
		return err
	}
	switch {
	case len(counts) == 0:
		fmt.Fprintf(w.Out, "No meter counted: bay %d is not proven.\n", p.number)
		return nil
	case len(counts) > 1:
		return fmt.Errorf("bay %d: %d meters count when one contactor closes: check the wires behind the meters, "+
			"and that nothing else draws power", p.number, len(counts))
	case counts[0] == *at:
		fmt.Fprintf(w.Out, "Proven: meter %s counts what bay %d draws.\n", left[*at].Serial, p.number)
		return nil
	}
	fmt.Fprintf(w.Out, "Meter %s counts what bay %d draws, and not %s.\n", left[counts[0]].Serial, p.number,
		left[*at].Serial)
	sure, err = w.sure(ctx, "Shall it be this bay's?", true)
	if err != nil {
		return err
	}
	if !sure {
		return errors.New("the meter that counts is not the one that was named: nothing was changed")
	}
	*at = counts[0]
	p.meter, p.meterAt = left[*at].Found, left[*at].line.address
	return nil
}

// whoCounts closes a bay's contactor and lists the meters that count then. Whatever happens, it is
// open in the end.
func (w *wizard) whoCounts(ctx context.Context, p *plan, left []meterAt) (counts []int, err error) {
	buses := map[string]*modbus.Bus{}
	defer func() {
		for _, b := range buses {
			err = errors.Join(err, b.Close())
		}
	}()
	bus := func(address string) (*modbus.Bus, error) {
		if buses[address] == nil {
			b, err := modbus.NewBus(address)
			if err != nil {
				return nil, err
			}
			buses[address] = b
		}
		return buses[address], nil
	}
	var meters []*meter.Meter
	for _, m := range left {
		known, err := model.Find(w.meterFolder(), m.Model)
		if err != nil {
			return nil, err
		}
		on, err := bus(m.line.address)
		if err != nil {
			return nil, err
		}
		meters = append(meters, meter.New(on, byte(m.Unit), known))
	}
	on, err := bus(p.boardAt)
	if err != nil {
		return nil, err
	}
	contactor := hw.NewBoard(on, byte(p.board.unit), p.board.inputs).Contactor(p.coil)
	before := make([]kiosk.Reading, len(meters))
	for i, m := range meters {
		before[i], err = patiently(ctx, openTries, func() (kiosk.Reading, error) { return m.Read(ctx) })
		if err != nil {
			return nil, err
		}
		if before[i].Power >= loadPower {
			return nil, fmt.Errorf("meter %s counts already, with every contactor open", before[i].Serial)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, loadFor+closedFor) // whatever the meters do
	defer cancel()
	defer func() { err = errors.Join(err, contactor.Open(), isOpen(context.WithoutCancel(ctx), on, p)) }()
	if err := contactor.Close(ctx); err != nil {
		return nil, err
	}
	w.Note(fmt.Sprintf("waiting for a meter to count, at most %v", loadFor))
	return untilSame(ctx, meters, before)
}

// isOpen wants a bay's feedback to say that its contactor is open.
func isOpen(ctx context.Context, bus *modbus.Bus, p *plan) error {
	read := func() ([]bool, error) { return inputs(ctx, bus, p.board) }
	in, err := settled(ctx, read, func(in []bool) bool { return !in[p.feedback] })
	if err == nil && in[p.feedback] {
		err = fmt.Errorf("bay %d: its contactor was told to open, and input %d says that it is closed: is it welded? "+
			"The bay may be under power", p.number, p.feedback)
	}
	return err
}

// untilSame looks until the same meters have counted several times in a row, or the time is over.
func untilSame(ctx context.Context, meters []*meter.Meter, before []kiosk.Reading) (counts []int, err error) {
	same := 0
	for end := time.Now().Add(loadFor); same < loadReads && time.Now().Before(end); {
		select {
		case <-time.After(loadEvery):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		now, err := counting(ctx, meters, before)
		if err != nil {
			return nil, err
		}
		same++
		if len(now) == 0 || !slices.Equal(now, counts) {
			same = 0
		}
		counts = now
	}
	return counts, nil
}

// counting are the meters that measure power, and whose register has moved or will.
func counting(ctx context.Context, meters []*meter.Meter, before []kiosk.Reading) (out []int, err error) {
	for i, m := range meters {
		now, err := patiently(ctx, closedTries, func() (kiosk.Reading, error) { return m.Read(ctx) })
		if err != nil {
			return nil, err
		}
		if now.Power >= loadPower || now.Import > before[i].Import {
			out = append(out, i)
		}
	}
	return out, nil
}
