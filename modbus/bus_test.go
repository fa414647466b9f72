package modbus_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/modbus"
)

// plug puts a line into a bus whose units answer by a function, which gets a request and how many came before it:
// nothing, or after a while. What was asked is written down.
func plug(bus *modbus.Bus, overTCP bool, answer func(request []byte, n int) ([]byte, time.Duration)) *heard {
	h := &heard{}
	size, head := 8, 0
	if overTCP {
		size, head = 12, 6
	}
	modbus.OpenWith(bus, func(context.Context) (io.ReadWriteCloser, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			for {
				r := make([]byte, size)
				if _, err := io.ReadFull(theirs, r); err != nil {
					return
				}
				out, after := answer(r, h.note(r[head:]))
				go func() {
					if time.Sleep(after); out != nil {
						theirs.Write(out) // the line may be closed
					}
				}()
			}
		}()
		return ours, nil
	})
	return h
}

// lineOf runs a test on a bus whose units answer by a function.
func lineOf(t *testing.T, overTCP bool, answer func(request []byte) ([]byte, time.Duration),
	run func(*testing.T, *modbus.Bus, *heard)) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, overTCP)
		h := plug(bus, overTCP, func(r []byte, _ int) ([]byte, time.Duration) { return answer(r) })
		run(t, bus, h)
		bus.Close()
		time.Sleep(time.Hour)
	})
}

func readUnit(bus *modbus.Bus, unit byte, within time.Duration) error {
	_, err := bus.Registers(context.Background(), modbus.Request{Unit: unit, Function: modbus.ReadRegisters, Address: 7,
		Count: 2, Within: within})
	return err
}

// TestADeadUnitIsAskedSeldom, at growing intervals; it is found when it answers again, and the others
// are read as before.
func TestADeadUnitIsAskedSeldom(t *testing.T) {
	var mu sync.Mutex
	dead := true
	lineOf(t, false, func(r []byte) ([]byte, time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if r[0] == 2 && dead {
			return nil, 0
		}
		return value(r), 10 * time.Millisecond
	}, func(t *testing.T, bus *modbus.Bus, h *heard) {
		good := 0
		for range 300 {
			if readUnit(bus, 1, 0) == nil {
				good++
			}
			if err := readUnit(bus, 2, 0); !errors.Is(err, kiosk.ErrUnreachable) || !errors.Is(err, modbus.ErrSilent) {
				t.Fatalf("a dead unit gave %v", err)
			}
			time.Sleep(time.Second)
		}
		if h.asked(2) > 30 || good != 300 {
			t.Errorf("in five minutes the dead unit was asked %d times, the other one was read %d times", h.asked(2),
				good)
		}
		mu.Lock()
		dead = false
		mu.Unlock()
		back := 0
		for ; back < 60 && readUnit(bus, 2, 0) != nil; back++ {
			time.Sleep(time.Second)
		}
		if back > 20 {
			t.Errorf("it was found again after %d seconds", back)
		}
	})
}

// TestTheMostUrgentGoesFirst of those that wait for the line.
func TestTheMostUrgentGoesFirst(t *testing.T) {
	lineOf(t, false, func(r []byte) ([]byte, time.Duration) {
		if r[1] == modbus.WriteCoil {
			return append([]byte{}, r...), 10 * time.Millisecond
		}
		return value(r), 100 * time.Millisecond
	}, func(t *testing.T, bus *modbus.Bus, h *heard) {
		if err := readUnit(bus, 1, 0); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i, ask := range []func() error{
			func() error { return readUnit(bus, 2, 0) }, func() error { return readUnit(bus, 3, time.Second) },
			func() error { return readUnit(bus, 4, 200*time.Millisecond) },
			func() error { return readUnit(bus, 5, 50*time.Millisecond) },
			func() error { return bus.SetCoil(context.Background(), 6, 0, false) },
		} {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if err := ask(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if !slices.Equal(h.order()[1:], []byte{2, 6, 5, 4, 3}) {
			t.Errorf("units were asked in the order %v", h.order()[1:])
		}
	})
}

// TestASlowUnitIsHeardWhileOthersSpeak: it takes 700 ms each time, and no caller waits for it.
func TestASlowUnitIsHeardWhileOthersSpeak(t *testing.T) {
	lineOf(t, false, func(r []byte) ([]byte, time.Duration) {
		if r[0] == 2 {
			return value(r), 700 * time.Millisecond
		}
		return value(r), 10 * time.Millisecond
	}, func(t *testing.T, bus *modbus.Bus, h *heard) {
		var all sync.WaitGroup
		slow, quick := 0, 0
		all.Go(func() {
			for range 20 {
				if err := readUnit(bus, 2, 0); err == nil {
					slow++
				}
			}
		})
		all.Go(func() {
			for range 100 {
				if err := readUnit(bus, 1, 50*time.Millisecond); err == nil {
					quick++
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
		all.Wait()
		if slow != 20 || quick != 100 {
			t.Errorf("the slow unit was read %d times of 20, the quick one %d times of 100", slow, quick)
		}
	})
}

// TestAnEchoIsNoAnswer: an adapter that hears itself repeats each request before its answer.
func TestAnEchoIsNoAnswer(t *testing.T) {
	silent := false
	lineOf(t, false, func(r []byte) ([]byte, time.Duration) {
		switch {
		case silent:
			return r, 0
		case r[1] == modbus.WriteCoil:
			return append(append([]byte{}, r...), r...), 0
		}
		return append(append([]byte{}, r...), value(r)...), 0
	}, func(t *testing.T, bus *modbus.Bus, h *heard) {
		for range 3 {
			if err := readUnit(bus, 1, 0); err != nil {
				t.Error(err)
			}
		}
		if err := bus.SetCoil(context.Background(), 1, 0, true); err != nil {
			t.Error(err)
		}
		silent = true
		if err := bus.SetCoil(context.Background(), 1, 0, false); err == nil {
			t.Error("an echo is taken for a board that has switched")
		}
	})
}

// TestAGatewaySaysThatAUnitIsDead: that is about the unit alone.
func TestAGatewaySaysThatAUnitIsDead(t *testing.T) {
	for _, code := range []byte{10, 11} {
		lineOf(t, true, func(r []byte) ([]byte, time.Duration) {
			head := append([]byte{}, r[:7]...)
			if r[6] == 2 {
				head[5] = 3
				return append(head, r[7]|0x80, code), 5 * time.Millisecond
			}
			head[5] = 7
			return append(head, r[7], 4, 0, 1, 0, 2), 5 * time.Millisecond
		}, func(t *testing.T, bus *modbus.Bus, h *heard) {
			for range 120 {
				if err := readUnit(bus, 1, 0); err != nil {
					t.Fatal(err)
				}
				if err := readUnit(bus, 2, 0); err == nil {
					t.Fatal("a dead unit was read")
				}
				time.Sleep(time.Second)
			}
			if h.asked(2) > 20 {
				t.Errorf("the dead unit was asked %d times in two minutes", h.asked(2))
			}
		})
	}
}

// TestRTUOverTCPStartsAnewAfterATimeOut: answers that come twice as late as the time-out, and later,
// are never taken for others.
func TestRTUOverTCPStartsAnewAfterATimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lateGateway{}
		bus, err := modbus.NewBus("rtu+tcp://192.0.2.1:4001")
		if err != nil {
			t.Fatal(err)
		}
		modbus.OpenWith(bus, l.open)
		bus.SetCanary(modbus.Request{Unit: 1, Function: modbus.ReadHolding, Address: 0xFC00, Count: 3})
		wrong := 0
		for a := range uint16(200) {
			if v, err := read(bus, 0x48+2*a); err == nil && v != 0x48+2*a {
				wrong++
			}
		}
		if n := l.opened.Load(); wrong > 0 || n < 10 {
			t.Errorf("%d wrong values over %d connections", wrong, n)
		}
		bus.Close()
		time.Sleep(time.Hour)
	})
}

// lateGateway answers every fifth request after two and a half seconds, and the rest at once.
type lateGateway struct{ opened, n atomic.Int64 }

func (l *lateGateway) open(context.Context) (io.ReadWriteCloser, error) {
	ours, theirs := net.Pipe()
	l.opened.Add(1)
	go func() {
		defer theirs.Close()
		for {
			r := make([]byte, 8)
			if _, err := io.ReadFull(theirs, r); err != nil {
				return
			}
			if l.n.Add(1)%5 == 0 {
				time.Sleep(2500 * time.Millisecond)
			}
			if _, err := theirs.Write(value(r)); err != nil {
				return
			}
		}
	}()
	return ours, nil
}

// TestNobodyElsesAnswer: the error says who answered.
func TestNobodyElsesAnswer(t *testing.T) {
	lineOf(t, false, func(r []byte) ([]byte, time.Duration) {
		out := value(r)
		out[0] = 9
		return modbus.AppendCRC(out[:len(out)-2]), 0
	}, func(t *testing.T, bus *modbus.Bus, h *heard) {
		if err := readUnit(bus, 1, 0); err == nil || !strings.Contains(err.Error(), "unit 9 answered for unit 1") {
			t.Errorf("it gave %v", err)
		}
	})
}
