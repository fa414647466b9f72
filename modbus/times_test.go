package modbus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kioskd/modbus"
)

// heard are the moments at which units were asked, since the first request on a line.
type heard struct {
	mu    sync.Mutex
	start time.Time
	at    []time.Duration
	units []byte
	what  []uint16 // addresses
}

// note writes down a request, and tells how many came before it.
func (h *heard) note(r []byte) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.start.IsZero() {
		h.start = time.Now()
	}
	h.at, h.units = append(h.at, time.Since(h.start)), append(h.units, r[0])
	h.what = append(h.what, binary.BigEndian.Uint16(r[2:]))
	return len(h.at) - 1
}

// asked is how often a unit was.
func (h *heard) asked(unit byte) (n int) {
	for _, u := range h.order() {
		if u == unit {
			n++
		}
	}
	return n
}

// times are the moments, one a request.
func (h *heard) times() []time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.at)
}

// order are the units that were asked.
func (h *heard) order() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.units)
}

// addresses are those that were asked for.
func (h *heard) addresses() []uint16 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.what)
}

// timed is a line whose units answer after a while, and that writes down when they are asked; 0 is never.
func timed(bus *modbus.Bus, after func(unit byte, n int) time.Duration) *heard {
	return plug(bus, false, func(r []byte, n int) ([]byte, time.Duration) {
		d := after(r[0], n)
		switch {
		case d == 0:
			return nil, 0
		case r[1] == modbus.WriteCoil:
			return r, d
		}
		return value(r), d
	})
}

// between are the pauses between requests, in tenths of a second.
func (h *heard) between() (out []int) {
	at := h.times()
	for i := 1; i < len(at); i++ {
		out = append(out, int((at[i]-at[i-1]).Round(100*time.Millisecond)/(100*time.Millisecond)))
	}
	return out
}

// TestSilenceBetweenFrames: three and a half characters, and 1.75 ms above 19200 baud (MODBUS over Serial Line
// V1.02, 2.5.1.1); a device that wants more gets more. TCP needs none.
func TestSilenceBetweenFrames(t *testing.T) {
	for _, c := range []struct {
		address string
		gap     time.Duration
		want    time.Duration
	}{
		{"serial:///dev/ttyS0?baud=9600", 0, 3645 * time.Microsecond},
		{"serial:///dev/ttyS0?baud=9600&parity=even", 0, 4010 * time.Microsecond}, // a bit more a character
		{"serial:///dev/ttyS0?baud=19200", 0, 1820 * time.Microsecond},
		{"serial:///dev/ttyS0?baud=38400", 0, 1750 * time.Microsecond},
		{"serial:///dev/ttyS0?baud=9600", 60 * time.Millisecond, 63645 * time.Microsecond},
		{"rtu+tcp://192.0.2.1:4001", 0, 1750 * time.Microsecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			bus, err := modbus.NewBus(c.address)
			if err != nil {
				t.Fatal(err)
			}
			h := timed(bus, func(byte, int) time.Duration { return 10 * time.Millisecond })
			for range 3 {
				r := modbus.Request{Unit: 1, Function: modbus.ReadRegisters, Address: 7, Count: 2, Gap: c.gap}
				if _, err := bus.Registers(context.Background(), r); err != nil {
					t.Fatal(err)
				}
			}
			at := h.times()
			for i := 1; i < len(at); i++ {
				if got := (at[i] - at[i-1] - 10*time.Millisecond).Truncate(5 * time.Microsecond); got != c.want {
					t.Errorf("%s, gap %v: the line was silent for %v, want %v", c.address, c.gap, got, c.want)
				}
			}
			bus.Close()
			synctest.Wait()
		})
	}
	bus, err := modbus.NewBus("tcp://192.0.2.1:502")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		line := &conversation{answers: [][]byte{frame(true, 1, unhex("04 02 000A")), frame(true, 2,
			unhex("04 02 000A"))}}
		modbus.OpenWith(bus, line.open)
		start := time.Now()
		for range 2 {
			r := modbus.Request{Unit: 17, Function: modbus.ReadRegisters, Address: 8, Count: 1}
			if _, err := bus.Registers(context.Background(), r); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Modbus TCP waited for %v", took)
		}
		bus.Close()
		synctest.Wait()
	})
	if _, err := modbus.NewBus("carrier pigeon"); err == nil {
		t.Error("an address that is none is taken")
	}
}

// TestHowLongADeadUnitIsLeftAlone: an answer may be late by as long as it may take. Then the unit is gone, and is
// asked after 2, 4, 8 and then 15 seconds; a caller who asks meanwhile is told at once. What is urgent is asked again
// at once, with more patience each time.
func TestHowLongADeadUnitIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		within time.Duration
		want   []int // tenths of a second
	}{
		{0, []int{20, 20, 30, 50, 90, 160, 160}},
		{100 * time.Millisecond, []int{2, 4, 24, 50, 90, 160, 160}},
		{101 * time.Millisecond, []int{20, 20, 30, 50, 90, 160, 160}},
	} {
		synctest.Test(t, func(t *testing.T) {
			bus := modbus.NewBusOn(nil, false)
			h := timed(bus, func(byte, int) time.Duration { return 0 })
			said := map[string]bool{}
			for len(h.times()) < 8 {
				err := readUnit(bus, 2, c.within)
				if !errors.Is(err, modbus.ErrSilent) {
					t.Fatal(err)
				}
				if _, wait, told := strings.Cut(err.Error(), "is asked again in "); told {
					said[wait] = true
					time.Sleep(10 * time.Millisecond)
				}
			}
			if got := h.between(); !slices.Equal(got, c.want) {
				t.Errorf("within %v: it was asked after %v tenths of a second, want %v", c.within, got, c.want)
			}
			for wait := range said {
				d, err := time.ParseDuration(wait)
				if err != nil || d > 15*time.Second || d%(100*time.Millisecond) != 0 {
					t.Errorf("a caller was told of %v, %v", wait, err)
				}
			}
			if !said["15s"] {
				t.Errorf("a caller was told of %v", said)
			}
			bus.Close()
			synctest.Wait()
		})
	}
}

// TestAScanAsksAtOnce: most units are not there.
func TestAScanAsksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		h := timed(bus, func(byte, int) time.Duration { return 0 })
		for range 5 {
			// it is not there
			bus.Registers(t.Context(), modbus.Request{Unit: 2, Function: 3, Count: 1, Restless: true})
		}
		if got := h.between(); !slices.Equal(got, []int{10, 10, 10, 10}) {
			t.Errorf("it was asked after %v tenths of a second", got)
		}
		bus.Close()
		synctest.Wait()
	})
}

// TestPatienceFollowsTheUnit: what is urgent waits three times as long as the unit took at worst, and forgets that
// when the unit is quick for long.
func TestPatienceFollowsTheUnit(t *testing.T) {
	for quick, good := range map[int]bool{0: true, 1: true, 8: false, 300: false} {
		synctest.Test(t, func(t *testing.T) {
			bus := modbus.NewBusOn(nil, false)
			slow := 300 * time.Millisecond
			took := slow
			timed(bus, func(byte, int) time.Duration { return took })
			if err := readUnit(bus, 1, 0); err != nil {
				t.Fatal(err)
			}
			for took = time.Millisecond; quick > 0; quick-- {
				if err := readUnit(bus, 1, 0); err != nil {
					t.Fatal(err)
				}
			}
			took = 850 * time.Millisecond // less than three times 300, more than that after eight quick ones
			err := readUnit(bus, 1, 50*time.Millisecond)
			if (err == nil) != good {
				t.Errorf("an answer after %v: %v", took, err)
			}
			bus.Close()
			time.Sleep(time.Hour)
		})
	}
}

// TestWhoGetsTheLineMeanwhile: a unit that says nothing keeps the line for 200 ms, longer where it may answer by
// then as it did before, and then gives it to what is urgent. What is not urgent waits half as long again as the
// unit ever took.
func TestWhoGetsTheLineMeanwhile(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, c := range []struct {
		name       string
		first      int // after which the unit answers first, and then
		then       int
		comes      int // the other request, after the unit was asked a second time
		within     int
		asked, far int // the other unit was asked between; the line is looked at every 20 ms
	}{
		{"urgent, soon", 700, 700, 10, 50, 200, 205},
		{"urgent, later", 700, 700, 505, 50, 520, 525},
		{"urgent, and the unit is about to answer", 700, 700, 630, 50, 700, 705},
		{"urgent, and the unit was about to answer and did not", 700, 0, 630, 50, 780, 785},
		{"urgent, just before it is about to answer", 700, 700, 590, 50, 600, 605},
		{"urgent, and the unit is quick as a rule", 100, 0, 10, 50, 200, 205},
		{"not urgent, and the unit is slow", 500, 0, 10, 500, 760, 765},
		{"not urgent, and the unit is quick as a rule", 100, 0, 10, 500, 200, 205},
	} {
		synctest.Test(t, func(t *testing.T) {
			bus := modbus.NewBusOn(nil, false)
			h := timed(bus, func(unit byte, n int) time.Duration {
				switch {
				case unit == 1:
					return ms(10)
				case n == 0:
					return ms(c.first)
				}
				return ms(c.then)
			})
			if err := readUnit(bus, 2, 0); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			ended := make(chan struct{})
			go func() { defer close(ended); readUnit(bus, 2, 0) }() // it may be silent
			time.Sleep(ms(c.comes))
			if err := readUnit(bus, 1, ms(c.within)); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			<-ended
			at, units := h.times(), h.order()
			if len(at) < 3 || units[2] != 1 {
				t.Fatalf("%s: units %v were asked at %v", c.name, units, at)
			}
			if got := at[2] - at[1]; got < ms(c.asked) || got > ms(c.far) {
				t.Errorf("%s: it was asked after %v, want %d to %d ms", c.name, got, c.asked, c.far)
			}
			bus.Close()
			time.Sleep(time.Hour)
		})
	}
}

// TestALateAnswerIsRemembered, and of whom it was.
func TestALateAnswerIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		timed(bus, func(unit byte, _ int) time.Duration {
			return map[byte]time.Duration{1: 10 * time.Millisecond, 2: 1200 * time.Millisecond}[unit]
		})
		readUnit(bus, 2, 0) // too late
		for range 10 {
			if err := readUnit(bus, 1, 0); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := bus.Overdue(); !slices.Equal(got, []byte{2}) {
			t.Errorf("late were %v", got)
		}
		bus.Close()
		time.Sleep(time.Hour)
	})
}

// TestADeadUnitBehindAGateway: while others answer over the connection, it is kept; a late answer is dropped. Where
// no device answers any longer, the connection is made anew.
func TestADeadUnitBehindAGateway(t *testing.T) {
	for _, c := range []struct {
		others bool
		late   time.Duration
		opened int
	}{{true, 0, 1}, {true, 1300 * time.Millisecond, 1}, {false, 0, 2}} {
		synctest.Test(t, func(t *testing.T) {
			opened := 0
			bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) {
				opened++
				ours, theirs := net.Pipe()
				go gateway(theirs, c.late)
				return ours, nil
			}, true)
			ended := make(chan error)
			go func() { ended <- readUnit(bus, 2, 0) }()
			for n := 0; c.others && n < 30; n++ {
				if err := readUnit(bus, 1, 50*time.Millisecond); err != nil {
					t.Errorf("request %d to the good unit: %v", n, err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if err := <-ended; !errors.Is(err, modbus.ErrSilent) {
				t.Error(err)
			}
			if err := readUnit(bus, 1, 0); err != nil || opened != c.opened {
				t.Errorf("%v: %v, over %d connections", c, err, opened)
			}
			bus.Close()
			time.Sleep(time.Hour)
		})
	}
}

// gateway answers for unit 1 at once, and for others late or, at 0, never: just before an answer of unit 1.
func gateway(conn net.Conn, late time.Duration) {
	var held []byte
	var since time.Time
	for {
		r := make([]byte, 12)
		if _, err := io.ReadFull(conn, r); err != nil {
			return
		}
		out := append(slices.Clone(r[:5]), 7, r[6], r[7], 4, 0, 1, 0, 2)
		switch {
		case r[6] == 1:
			if held != nil && time.Since(since) >= late {
				conn.Write(held)
				held = nil
			}
			conn.Write(out)
		case late > 0:
			held, since = out, time.Now()
		}
	}
}

// TestAnAnswerThatNobodyAskedForIsNamed with its transaction and unit.
func TestAnAnswerThatNobodyAskedForIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := frame(true, 1, unhex("04 02 000A"))
		out[6] = 9
		line := &conversation{answers: [][]byte{out}}
		bus := modbus.NewBusOn(line.open, true)
		r := modbus.Request{Unit: 17, Function: modbus.ReadRegisters, Address: 8, Count: 1}
		_, err := bus.Registers(context.Background(), r)
		if want := fmt.Sprintf("transaction %d of unit %d", 1, 9); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		bus.Close()
		synctest.Wait()
	})
}

// TestASuspectProvesThatItIsInStep: after silence or a frame that cannot be read, the next thing a unit is asked
// is its canary. A no proves as much where nothing else uses its function.
func TestASuspectProvesThatItIsInStep(t *testing.T) {
	canary := modbus.Request{Unit: 1, Function: modbus.ReadHolding, Address: 0xFC00, Count: 3}
	coils := modbus.Request{Unit: 1, Function: modbus.ReadCoils, Address: 0xFC00, Count: 1}
	answered := func(r []byte) []byte { return value(r) }
	refused := func(r []byte) []byte { return modbus.AppendCRC([]byte{r[0], r[1] | 0x80, 2}) }
	for _, c := range []struct {
		name    string
		canary  modbus.Request
		proof   func([]byte) []byte
		spoiled func([]byte) []byte
		good    bool
	}{
		{"a bad frame", canary, answered, func(r []byte) []byte { out := value(r); out[4] ^= 1; return out }, true},
		{"silence", canary, answered, func([]byte) []byte { return nil }, true},
		{"a canary that is refused", canary, refused, func([]byte) []byte { return nil }, false},
		{"a canary of coils that is refused", coils, refused, func([]byte) []byte { return nil }, true},
	} {
		h := &heard{}
		onBus(t, func(_ net.Conn, n int, r []byte) []byte {
			h.note(r)
			switch {
			case n == 1:
				return c.spoiled(r)
			case binary.BigEndian.Uint16(r[2:]) == 0xFC00:
				return c.proof(r)
			}
			return value(r)
		}, func(t *testing.T, bus *modbus.Bus) {
			bus.SetCanary(c.canary)
			read(bus, 0x48)
			for _, a := range []uint16{0x4A, 0x4C} {
				if v, err := read(bus, a); c.good && (err != nil || v != a) {
					t.Errorf("%s: %d, %v, want %d", c.name, v, err, a)
				}
			}
		})
		want := []uint16{0xFC00, 0x48, 0xFC00, 0x4A, 0x4A, 0x4A, 0x4C, 0x4C, 0x4C} // an answer may yet come
		if c.name == "a bad frame" {
			want = []uint16{0xFC00, 0x48, 0xFC00, 0x4A, 0x4C} // it came
		}
		if got := h.addresses(); c.good && !slices.Equal(got, want) {
			t.Errorf("%s: %04X was asked for, want %04X", c.name, got, want)
		} else if !c.good && slices.ContainsFunc(got, func(a uint16) bool { return a != 0xFC00 }) {
			t.Errorf("%s: %04X was asked for all the same", c.name, got)
		}
	}
}

// TestAnAnswerThatIsLaterThanItsUnitIsLeftAlone is dropped: the canary waits for it.
func TestAnAnswerThatIsLaterThanItsUnitIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		timed(bus, func(_ byte, n int) time.Duration {
			if n == 2 {
				return 2500 * time.Millisecond
			}
			return 900 * time.Millisecond
		})
		bus.SetCanary(modbus.Request{Unit: 1, Function: modbus.ReadHolding, Address: 0xFC00, Count: 3})
		for a := range uint16(6) {
			if v, err := read(bus, 0x48+2*a); err == nil && v != 0x48+2*a {
				t.Errorf("%#x was read, want %#x", v, 0x48+2*a)
			}
		}
		bus.Close()
		time.Sleep(time.Hour)
	})
}

// pieces is a line whose units 1 and 2 answer at once and after 700 ms, in pieces of a size that come so far apart.
func pieces(t *testing.T, size int, apart time.Duration, run func(*modbus.Bus)) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		speaks := make(chan struct{}, 1) // one unit at a time
		ours, theirs := net.Pipe()
		modbus.OpenWith(bus, func(context.Context) (io.ReadWriteCloser, error) { return ours, nil })
		go device(t, theirs, func(_ int, r []byte) []byte {
			out := value(slices.Clone(r))
			go func() {
				time.Sleep(map[byte]time.Duration{1: 5 * time.Millisecond, 2: 700 * time.Millisecond}[out[0]])
				speaks <- struct{}{}
				defer func() { <-speaks }()
				for len(out) > 0 {
					n := min(size, len(out))
					theirs.Write(out[:n])
					out = out[n:]
					time.Sleep(apart)
				}
			}()
			return nil
		})
		run(bus)
		bus.Close()
		time.Sleep(time.Hour)
	})
}

// TestASlowUnitIsHeardInPieces, whatever else is asked meanwhile.
func TestASlowUnitIsHeardInPieces(t *testing.T) {
	for _, size := range []int{1, 3, 5} {
		pieces(t, size, 3*time.Millisecond, func(bus *modbus.Bus) {
			var all sync.WaitGroup
			all.Go(func() {
				for range 10 {
					if err := readUnit(bus, 2, 0); err != nil {
						t.Errorf("pieces of %d: %v", size, err)
					}
				}
			})
			all.Go(func() {
				for range 200 {
					readUnit(bus, 1, 50*time.Millisecond) // where both speak at once, it is asked again
					time.Sleep(17 * time.Millisecond)
				}
			})
			all.Wait()
		})
	}
}

// TestTwoAnswersInOnePiece are two answers; a part of another one is none.
func TestTwoAnswersInOnePiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		ours, theirs := net.Pipe()
		modbus.OpenWith(bus, func(context.Context) (io.ReadWriteCloser, error) { return ours, nil })
		var slow []byte
		go device(t, theirs, func(_ int, r []byte) []byte {
			if r[0] == 2 {
				slow = value(slices.Clone(r))
				return nil
			}
			return append(value(r), slow...)
		})
		ended := make(chan error)
		go func() { ended <- readUnit(bus, 2, 0) }()
		time.Sleep(310 * time.Millisecond)
		if err := readUnit(bus, 1, 50*time.Millisecond); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the other unit: %v", err)
		}
		bus.Close()
		theirs.Close()
		synctest.Wait()
	})
}

// TestWhatIsUrgentDoesNotWaitForAnothersSilence: the silence that a unit wants is given again afterwards.
func TestWhatIsUrgentDoesNotWaitForAnothersSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		h := timed(bus, func(byte, int) time.Duration { return 5 * time.Millisecond })
		r := modbus.Request{Unit: 2, Function: modbus.ReadRegisters, Address: 7, Count: 2, Gap: 300 * time.Millisecond}
		ended := make(chan error)
		go func() {
			for range 2 {
				_, err := bus.Registers(context.Background(), r)
				ended <- err
			}
		}()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		time.Sleep(100 * time.Millisecond)
		if err := bus.SetCoil(context.Background(), 1, 0, false); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		at := h.times()
		if got := h.order(); !slices.Equal(got, []byte{2, 1, 2}) {
			t.Fatalf("units were asked in the order %v", got)
		}
		if urgent, own := at[1]-at[0], at[2]-at[0]; urgent > 115*time.Millisecond || own < 305*time.Millisecond ||
			own > 315*time.Millisecond {
			t.Errorf("what was urgent waited until %v, and the other unit's own silence was %v", urgent, own)
		}
		bus.Close()
		synctest.Wait()
	})
}

// TestWhatIsUrgentGoesBeforeWhoListens: a unit that takes its time is heard after it.
func TestWhatIsUrgentGoesBeforeWhoListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		h := timed(bus, func(unit byte, _ int) time.Duration {
			return map[byte]time.Duration{2: 700 * time.Millisecond}[unit] + 10*time.Millisecond
		})
		if err := readUnit(bus, 1, 0); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i, unit := range []byte{2, 3, 4, 5} {
			all.Go(func() {
				time.Sleep([]time.Duration{0, 10 * time.Millisecond, 20 * time.Millisecond, 205 * time.Millisecond}[i])
				within := 50 * time.Millisecond
				if unit == 2 {
					within = 0
				}
				if err := readUnit(bus, unit, within); err != nil {
					t.Errorf("unit %d: %v", unit, err)
				}
			})
		}
		all.Wait()
		at := h.times()
		if got := h.order(); !slices.Equal(got, []byte{1, 2, 3, 4, 5}) {
			t.Errorf("units were asked in the order %v", got)
		} else if at[4]-at[2] > 30*time.Millisecond {
			t.Errorf("they were asked at %v", at)
		}
		bus.Close()
		time.Sleep(time.Hour)
	})
}

// TestWhoNoLongerWaitsGetsNoLine: a request whose caller has gone is not sent, and the others get their turn.
func TestWhoNoLongerWaitsGetsNoLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		h := timed(bus, func(byte, int) time.Duration { return 100 * time.Millisecond })
		if err := readUnit(bus, 1, 0); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() { readUnit(bus, 1, 0) })
		time.Sleep(10 * time.Millisecond)
		gone, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		for unit := byte(2); unit < 5; unit++ {
			all.Go(func() {
				ctx := context.Background()
				if unit == 3 {
					ctx = gone
				}
				_, err := bus.Registers(ctx, modbus.Request{Unit: unit, Function: modbus.ReadRegisters, Address: 7,
					Count: 2})
				if (err == nil) != (unit != 3) || unit == 3 && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("unit %d: %v", unit, err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		all.Wait()
		if got := h.order(); !slices.Equal(got, []byte{1, 1, 2, 4}) {
			t.Errorf("units %v were asked", got)
		}
		bus.Close()
		synctest.Wait()
	})
}

// TestNoiseBetweenRequests: what is no frame is dropped, and the line must be silent before a unit is asked again.
func TestNoiseBetweenRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := modbus.NewBusOn(nil, false)
		ours, theirs := net.Pipe()
		modbus.OpenWith(bus, func(context.Context) (io.ReadWriteCloser, error) { return ours, nil })
		h := &heard{}
		go device(t, theirs, func(_ int, r []byte) []byte { h.note(r); return value(r) })
		if err := readUnit(bus, 1, 0); err != nil {
			t.Fatal(err)
		}
		theirs.Write([]byte{1, 4, 4, 0, 9, 0, 9, 0xDE, 0xAD}) // a frame whose sum is wrong
		for range 2 {
			if v, err := read(bus, 0x48); v != 0x48 || err != nil {
				t.Errorf("%d, %v", v, err)
			}
		}
		at := h.times()
		if quiet := at[2] - at[1]; quiet < 50*time.Millisecond {
			t.Errorf("after the noise the line was silent for %v", quiet)
		}
		bus.Close()
		theirs.Close()
		synctest.Wait()
	})
}
