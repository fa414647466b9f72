package zvt_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/terminal/zvt"
)

// desk is the terminal's side of a line, played by a test message by message.
type desk struct {
	*testing.T
	zvt.Link
}

func (d desk) expect(class, instr byte) {
	d.Helper()
	a, err := d.Receive(time.Minute)
	if err != nil || !a.Is(class, instr) {
		d.Errorf("got %v, %v; want %02X %02X", a, err, class, instr)
	}
}

func (d desk) say(a zvt.APDU) {
	if err := d.Send(a); err != nil {
		d.Error(err)
	}
}

func (d desk) complete() {
	d.say(zvt.Command(0x06, 0x0F, nil))
	d.expect(0x80, 0x00)
}

// register plays a registration on a fresh line.
func (d desk) register() {
	d.expect(0x06, 0x00)
	d.say(zvt.Ack())
	d.complete()
}

// booked plays the result of a booking.
func (d desk) booked(minor int64) {
	d.say(zvt.Command(0x04, 0x0F, nil, zvt.Bin(0x27, 0), zvt.BCD(0x04, minor, 6), zvt.BCD(0x87, 231, 2)))
	d.expect(0x80, 0x00)
	d.complete()
}

// played runs the driver against lines that are played in their order, in synthetic time.
func played(t *testing.T, run func(*zvt.Terminal), lines ...func(desk)) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		driver := zvt.New(func(context.Context) (zvt.Link, error) {
			if opened == len(lines) {
				return nil, errors.New("no line is left in the script")
			}
			ours, theirs := net.Pipe()
			play := lines[opened]
			opened++
			go func() {
				d := desk{t, zvt.NewStream(theirs)}
				play(d)
				d.Receive(time.Hour) // until the driver closes it
				d.Close()
			}()
			return zvt.NewStream(ours), nil
		}, zvt.Config{Password: "000000", Capture: zvt.CaptureUsed, Currency: "EUR"},
			slog.New(slog.DiscardHandler))
		run(driver)
		driver.Close()
		time.Sleep(time.Hour) // in which the other side notices
		if opened != len(lines) {
			t.Errorf("%d lines were opened, %d are in the script", opened, len(lines))
		}
	})
}

// TestALateRefusalIsNoAnswer: 84 83 may be meant for what was said before, an abort that
// came too late. It says nothing of a command about money, which the terminal may be
// carrying out: its result must never be taken for that of the next.
func TestALateRefusalIsNoAnswer(t *testing.T) {
	for _, code := range []byte{0x83, 0x9C} {
		capture := func(d *zvt.Terminal) (kiosk.CaptureResult, error) {
			return d.Capture(context.Background(), kiosk.CaptureRequest{
				Hold: kiosk.Hold{ID: "231", Approved: kiosk.Money{Minor: 5000, Currency: "EUR"}},
				Used: kiosk.Money{Minor: 33, Currency: "EUR"}})
		}
		played(t, func(d *zvt.Terminal) {
			b, err := d.Release(context.Background(), kiosk.ReleaseRequest{ID: "230"})
			if !errors.Is(err, kiosk.ErrOutcomeUnknown) {
				t.Errorf("84 %02X to a release gave %v, %v; want an unknown outcome", code, b, err)
			}
			if b, err := capture(d); err != nil || b.Booked.Minor != 33 {
				t.Errorf("the capture after it booked %v: %v", b.Booked, err)
			}
		}, func(d desk) {
			d.register()
			d.expect(0x06, 0x25)
			d.say(zvt.Nack(code)) // to the abort before; the release begins all the same
			d.Send(zvt.Ack())     // the line may be closed already
		}, func(d desk) {
			d.say(zvt.Command(0x04, 0x0F, nil, zvt.Bin(0x27, 0), zvt.BCD(0x04, 0, 6))) // of the release
			d.expect(0x84, 0x6C)
			d.complete()
			d.register()
			d.expect(0x06, 0x24)
			d.say(zvt.Ack())
			d.booked(33)
		})
	}
}

// TestAnOpenRefusalIsAnAnswer: other codes are the terminal's own no.
func TestAnOpenRefusalIsAnAnswer(t *testing.T) {
	played(t, func(d *zvt.Terminal) {
		_, err := d.Release(context.Background(), kiosk.ReleaseRequest{ID: "230"})
		var no *kiosk.Declined
		if !errors.As(err, &no) {
			t.Errorf("84 B4 gave %v, want a definite no", err)
		}
	}, func(d desk) {
		d.register()
		d.expect(0x06, 0x25)
		d.say(zvt.Nack(0xB4))
	})
}

// TestADialogueHasAnEnd, whatever the terminal announces.
func TestADialogueHasAnEnd(t *testing.T) {
	played(t, func(d *zvt.Terminal) {
		start := time.Now()
		_, err := d.EndOfDay(context.Background())
		if took := time.Since(start); !errors.Is(err, kiosk.ErrOutcomeUnknown) || took > time.Hour {
			t.Errorf("after %v it gave %v", took, err)
		}
	}, func(d desk) {
		d.register()
		d.expect(0x06, 0x50)
		d.say(zvt.Ack())
		for d.Send(zvt.Command(0x04, 0xFF, []byte{0x0A, 0x99})) == nil { // 99 minutes
			if _, err := d.Receive(time.Minute); err != nil {
				return
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestATerminalThatSpeaksWithoutEnd: it is unreachable, and a next try finds it well.
func TestATerminalThatSpeaksWithoutEnd(t *testing.T) {
	played(t, func(d *zvt.Terminal) {
		if _, err := d.Status(context.Background()); !errors.Is(err, kiosk.ErrUnreachable) ||
			!strings.Contains(err.Error(), "does not stop sending") {
			t.Errorf("it gave %v, want that it is unreachable", err)
		}
		if s, err := d.Status(context.Background()); err != nil {
			t.Errorf("the next try gave %+v, %v", s, err)
		}
	}, func(d desk) {
		for d.Send(zvt.Command(0x04, 0xFF, []byte{0x0A})) == nil {
			d.Receive(time.Second) // its answer
			time.Sleep(100 * time.Millisecond)
		}
	}, func(d desk) {
		d.register()
		d.expect(0x05, 0x01)
		d.say(zvt.Ack())
		d.say(zvt.Command(0x06, 0x0F, append([]byte{0xF0, 0xF0, 0xF9}, "SIM-1.0.0\x00"...)))
	})
}
