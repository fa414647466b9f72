package hw_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"

	"kioskd"
	"kioskd/hw"
	"kioskd/modbus"
	"kioskd/simulator"
)

// contract is what every kind of contactor and inputs must do.
func contract(t *testing.T, c kiosk.Contactor, in kiosk.Inputs) {
	t.Helper()
	ctx := context.Background()
	closed := func(want bool) {
		t.Helper()
		got, err := in.Inputs(ctx)
		if err != nil || got.Closed != want {
			t.Errorf("closed is %v, %v, want %v", got.Closed, err, want)
		}
	}
	closed(false)
	if err := c.Close(ctx); err != nil {
		t.Fatal(err)
	}
	closed(true)
	for range 2 { // opening again does no harm
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		closed(false)
	}
}

// relay is an output whose auxiliary contact follows on another line.
type relay struct {
	gpiotest.Pin
	contact   *gpiotest.Pin
	activeLow bool
}

func (r *relay) Out(l gpio.Level) error {
	r.contact.L = l == gpio.Level(r.activeLow) // a made contact pulls the line down
	return r.Pin.Out(l)
}

func TestGPIO(t *testing.T) {
	stop := &gpiotest.Pin{N: "emergency", L: gpio.High}
	in := &hw.PinInputs{Plugged: &gpiotest.Pin{L: gpio.High}, Feedback: &gpiotest.Pin{L: gpio.High}, Emergency: stop}
	if got, err := in.Inputs(context.Background()); err != nil || !got.Emergency {
		t.Errorf("an emergency stop whose contact is open, or cut off, reads as %+v, %v", got, err)
	}
	for _, activeLow := range []bool{false, true} {
		contact := &gpiotest.Pin{N: "feedback", L: gpio.High}
		r := &relay{contact: contact, activeLow: activeLow}
		in := &hw.PinInputs{Plugged: &gpiotest.Pin{N: "plugged", L: gpio.Low}, Feedback: contact}
		contract(t, &hw.PinContactor{Pin: r, ActiveLow: activeLow}, in)
		got, err := in.Inputs(context.Background())
		if err != nil || !got.Plugged || !got.Requesting {
			t.Errorf("without an input for it, a plugged vehicle asks for energy: %+v, %v", got, err)
		}
	}
}

// board is a simulated I/O board on a wire.
func board(t *testing.T, watchdog time.Duration) (*simulator.Bay, *hw.Board) {
	bay := simulator.NewBay(0, 1, 1)
	sim := &simulator.Board{Bays: []*simulator.Bay{bay}, Watchdog: watchdog}
	ctx, stop := context.WithCancel(context.Background())
	go sim.Run(ctx)
	bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) {
		ours, theirs := net.Pipe()
		go (&simulator.Bus{Units: map[byte]simulator.Unit{1: sim}}).Serve(ctx, theirs)
		return ours, nil
	}, false)
	bus.Timeout = 200 * time.Millisecond
	t.Cleanup(func() { bus.Close(); stop() })
	return bay, hw.NewBoard(bus, 1, simulator.InputsPerBay)
}

func TestBoard(t *testing.T) {
	bay, b := board(t, time.Hour)
	in := &hw.BoardInputs{Board: b, Plugged: simulator.InputPlugged, Requesting: simulator.InputRequesting,
		Feedback: simulator.InputFeedback, Emergency: simulator.InputEmergency}
	contract(t, b.Contactor(0), in)
	bay.Plug(simulator.Car{Power: 22000, Need: 1000, Pause: true})
	if got, err := in.Inputs(context.Background()); err != nil || !got.Plugged || got.Requesting {
		t.Errorf("a paused vehicle reads as %+v, %v", got, err)
	}
	bay.Emergency(true)
	if got, err := in.Inputs(context.Background()); err != nil || !got.Emergency {
		t.Errorf("with the emergency stop pressed: %+v, %v", got, err)
	}
	bay.Emergency(false)
	if got, err := in.Inputs(context.Background()); err != nil || got.Emergency {
		t.Errorf("with the emergency stop unlocked: %+v, %v", got, err)
	}
	if err := b.Contactor(7).Close(context.Background()); err == nil {
		t.Error("a coil that is not there was closed")
	}
}

// TestSilenceOpens: the program is gone, and the board opens by itself.
func TestSilenceOpens(t *testing.T) {
	bay, b := board(t, 300*time.Millisecond)
	if err := b.Contactor(0).Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(5 * time.Minute); bay.State().Closed; {
		if time.Now().After(limit) {
			t.Fatal("power is still on")
		}
	}
}
