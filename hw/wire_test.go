package hw_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kioskd/hw"
	"kioskd/modbus"
)

// wire is a two-wire line at 9600 baud in synthetic time: a byte takes its eleven bits, and who speaks
// while another does spoils both.
type wire struct {
	mu     sync.Mutex
	spoken *spoken
	in     chan []byte
	done   chan struct{}
	units  map[byte]func(request []byte) (answer []byte, after time.Duration)
	echo   bool // the adapter hears itself
}

// spoken is a frame on the wire.
type spoken struct {
	end   time.Time
	spoil bool
}

const byteTime = 11 * time.Second / 9600

// latency is how long an adapter gathers bytes before it hands them on.
const latency = 16 * time.Millisecond

// speakTo puts a frame on the wire, and the adapter hears it piece by piece.
func (w *wire) speakTo(frame []byte) {
	mine := w.begin(len(frame))
	for at := 0; at < len(frame); {
		n := min(int(latency/byteTime), len(frame)-at)
		time.Sleep(time.Duration(n) * byteTime)
		piece := append([]byte{}, frame[at:at+n]...)
		w.mu.Lock()
		if mine.spoil {
			piece[n/2] ^= 0x55
		}
		w.mu.Unlock()
		w.hear(piece)
		at += n
	}
}

func (w *wire) begin(n int) *spoken {
	w.mu.Lock()
	defer w.mu.Unlock()
	mine := &spoken{end: time.Now().Add(time.Duration(n) * byteTime)}
	if w.spoken != nil && time.Now().Before(w.spoken.end) {
		w.spoken.spoil, mine.spoil = true, true
	}
	w.spoken = mine
	return mine
}

// speak puts a frame on the wire, and returns it as it is heard.
func (w *wire) speak(frame []byte) []byte {
	mine := w.begin(len(frame))
	time.Sleep(time.Until(mine.end))
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := append([]byte{}, frame...)
	if mine.spoil {
		heard[len(heard)/2] ^= 0x55
	}
	return heard
}

func (w *wire) hear(frame []byte) {
	select {
	case w.in <- frame:
	case <-w.done:
	}
}

func (w *wire) Write(p []byte) (int, error) {
	heard := w.speak(p)
	if w.echo {
		go w.hear(heard)
	}
	go func() {
		unit, there := w.units[heard[0]]
		if n := len(heard); !there || string(modbus.AppendCRC(append([]byte{}, heard[:n-2]...))) != string(heard) {
			return
		}
		answer, after := unit(heard)
		if answer == nil {
			return
		}
		time.Sleep(after)
		w.speakTo(modbus.AppendCRC(answer))
	}()
	return len(p), nil
}

func (w *wire) Read(p []byte) (int, error) {
	select {
	case b := <-w.in:
		return copy(p, b), nil
	case <-w.done:
		return 0, io.EOF
	}
}

func (w *wire) Close() error {
	select {
	case <-w.done:
		return os.ErrClosed
	default:
		close(w.done)
		return nil
	}
}

// sdm630 answers as a meter does, after a while.
func sdm630(after func() time.Duration) func([]byte) ([]byte, time.Duration) {
	return func(r []byte) ([]byte, time.Duration) {
		n := int(r[5]) * 2
		return append([]byte{r[0], r[1], byte(n)}, make([]byte, n)...), after()
	}
}

const boardUnit = 10

// station is a board and six meters on one line, all asked as bays ask them.
type station struct {
	wire    *wire
	plugged bool
	closed  bool
	opened  time.Time
	answers [7]int // of each meter
}

func (s *station) plug(in bool) {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	s.plugged = in
}

func (s *station) on() bool {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	return s.closed
}

func (s *station) board(r []byte) ([]byte, time.Duration) {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	const turnaround = 20 * time.Millisecond
	switch r[1] {
	case modbus.WriteCoil:
		on := r[4] == 0xFF
		if s.closed && !on {
			s.opened = time.Now()
		}
		s.closed = on
		return append([]byte{}, r[:6]...), turnaround
	case modbus.ReadInputs:
		bits := byte(0)
		if s.plugged {
			bits |= 3
		}
		if s.closed {
			bits |= 4
		}
		return []byte{r[0], r[1], 3, bits, 0, 0}, turnaround
	case modbus.ReadCoils:
		return []byte{r[0], r[1], 1, 0}, turnaround
	}
	return []byte{r[0], r[1] | 0x80, 1}, turnaround
}

// TestPowerGoesOffWithinASecond of the cable's pull, whatever the meters on the board's line do: they
// answer, are dead, slow, late, or say what cannot be understood.
func TestPowerGoesOffWithinASecond(t *testing.T) {
	quick := func() time.Duration { return 20 * time.Millisecond }
	fixed := func(d time.Duration) func() time.Duration { return func() time.Duration { return d } }
	dice := rand.New(rand.NewPCG(7, 7))
	var roll sync.Mutex
	random := func(most int) func() time.Duration {
		return func() time.Duration {
			roll.Lock()
			defer roll.Unlock()
			return time.Duration(dice.IntN(most)) * time.Millisecond
		}
	}
	type meters = map[byte]func([]byte) ([]byte, time.Duration)
	noise := func(r []byte) ([]byte, time.Duration) {
		return []byte{9, 9, 9, 9, 9, 9, 9, 9, 9}, 30 * time.Millisecond
	}
	for name, c := range map[string]struct {
		meters meters
		echo   bool
		spoils bool // it speaks when others do: what it spoils must be said again
	}{
		"all answer": {meters{1: sdm630(quick), 2: sdm630(quick), 3: sdm630(quick), 4: sdm630(quick),
			5: sdm630(quick), 6: sdm630(quick)}, false, false},
		"two are dead": {meters{1: sdm630(quick), 2: sdm630(quick), 3: sdm630(quick), 4: sdm630(quick)}, false,
			false},
		"all are dead": {nil, false, false},
		"one is slow": {meters{1: sdm630(quick), 2: sdm630(fixed(700 * time.Millisecond)), 3: sdm630(quick)},
			false, false},
		"one is too late": {meters{1: sdm630(quick), 2: sdm630(fixed(1300 * time.Millisecond)), 3: sdm630(quick)},
			false, true},
		"as they like": {meters{1: sdm630(random(1500)), 2: sdm630(random(240)), 3: sdm630(random(240)),
			4: sdm630(random(240))}, false, true},
		"one is no meter": {meters{1: sdm630(quick), 2: noise, 3: sdm630(quick)}, false, false},
		"an echo, two dead": {meters{1: sdm630(quick), 2: sdm630(quick), 3: sdm630(quick), 4: sdm630(quick)}, true,
			false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				within := time.Second
				if c.spoils {
					within *= 3
				}
				powerOff(t, c.meters, c.echo, within)
			})
		})
	}
}

func powerOff(t *testing.T, meters map[byte]func([]byte) ([]byte, time.Duration), echo bool, within time.Duration) {
	s := &station{}
	s.wire = &wire{in: make(chan []byte), done: make(chan struct{}),
		units: map[byte]func([]byte) ([]byte, time.Duration){boardUnit: s.board}, echo: echo}
	for n, m := range meters {
		s.wire.units[n] = m
	}
	bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) { return s.wire, nil }, false)
	b := hw.NewBoard(bus, boardUnit, 24)
	contactor := b.Contactor(0)
	ctx, stop := context.WithCancel(context.Background())
	var bays sync.WaitGroup
	for n := range byte(6) { // each bay reads its meter every second
		bus.SetCanary(modbus.Request{Unit: n + 1, Function: modbus.ReadHolding, Address: 0xFC00, Count: 3})
		bays.Go(func() {
			for ctx.Err() == nil {
				_, err := bus.Registers(ctx, modbus.Request{Unit: n + 1, Function: modbus.ReadRegisters, Count: 76,
					Gap: 60 * time.Millisecond})
				if err == nil {
					s.answers[n+1]++
				}
				time.Sleep(time.Second)
			}
		})
	}
	var worst time.Duration
	in := &hw.BoardInputs{Board: b, Plugged: 0, Requesting: 1, Feedback: 2, Emergency: -1}
	for pull := range 40 {
		if err := contactor.Close(ctx); err != nil {
			t.Errorf("pull %d: %v", pull, err)
		}
		s.plug(true)
		time.Sleep(time.Duration(3000+97*pull) * time.Millisecond)
		s.plug(false)
		pulled := time.Now()
		for s.on() {
			now, err := in.Inputs(ctx)
			if err == nil && !now.Plugged {
				if err := contactor.Open(); err != nil {
					t.Logf("pull %d: %v", pull, err)
				}
				break
			}
			time.Sleep(time.Until(time.Now().Truncate(200 * time.Millisecond).Add(200 * time.Millisecond)))
		}
		if s.on() {
			t.Fatalf("pull %d: power is still on", pull)
		}
		worst = max(worst, s.opened.Sub(pulled))
	}
	stop()
	bays.Wait()
	if worst > within {
		t.Errorf("power went off %v after the cable was pulled", worst)
	}
	t.Logf("worst %v, answers of the meters %v", worst, fmt.Sprint(s.answers[1:]))
	for n := range meters {
		if s.answers[n] == 0 && n != 2 {
			t.Errorf("meter %d was never read", n)
		}
	}
	bus.Close()
	time.Sleep(10 * time.Second)
}
