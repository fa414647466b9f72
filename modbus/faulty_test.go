package modbus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kioskd/modbus"
)

// exchanges is how many of them the faulty line is tried with, for each kind of line.
var exchanges = flag.Int("exchanges", 20_000, "reads on a faulty line, of each kind of line; a million takes minutes")

// faulty is a device on a line on which everything goes wrong by the dice, in synthetic time. Register n of unit u
// holds u<<12 + n, so that an answer to another request can be told from the right one.
type faulty struct {
	mu   sync.Mutex
	dice *rand.Rand
	tcp  bool
	last []byte // answer
}

// serve answers on one connection. Answers are late by up to three time-outs, lost, spoiled, doubled, another one's,
// cut in two, or exceptions; nothing in it knows what the client does.
func (f *faulty) serve(c net.Conn) {
	sent := make(chan []byte, 1000) // what a wire and an adapter hold
	defer close(sent)
	go func() {
		for b := range sent {
			c.Write(b)
		}
	}()
	var gone sync.WaitGroup
	defer gone.Wait()
	write := func(after time.Duration, b []byte) {
		time.Sleep(after)
		sent <- b
	}
	later := func(after time.Duration, b []byte) { gone.Go(func() { write(after, b) }) }
	head := 8
	if f.tcp {
		head = 12
	}
	for request := make([]byte, head); ; {
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		f.mu.Lock()
		good := f.answer(request)
		old := f.last
		f.last = good
		roll, late := f.dice.IntN(1000), time.Duration(f.dice.IntN(3000))*time.Millisecond
		bit := f.dice.IntN(8 * len(good))
		f.mu.Unlock()
		switch {
		case roll < 30:
			later(late, good) // beyond twice the time-out, too
		case roll < 40: // lost
		case roll < 50 && !f.tcp: // there TCP's own checksum would find it
			spoiled := append([]byte(nil), good...)
			spoiled[bit/8] ^= 1 << (bit % 8)
			write(5*time.Millisecond, spoiled)
		case roll < 55:
			write(5*time.Millisecond, append(append([]byte(nil), good...), good...))
		case roll < 60 && old != nil && (f.tcp || old[0] != good[0]):
			write(5*time.Millisecond, old) // of another unit's, whole and with a good checksum
		case roll < 65:
			write(5*time.Millisecond, good[:len(good)/2])
			write(150*time.Millisecond, good[len(good)/2:])
		case roll < 68 && old != nil && f.tcp:
			later(late, old)
			write(5*time.Millisecond, good)
		default:
			write(5*time.Millisecond, good)
		}
	}
}

func (f *faulty) answer(request []byte) []byte {
	pdu := request[1:6]
	if f.tcp {
		pdu = request[7:12]
	}
	unit := request[0]
	if f.tcp {
		unit = request[6]
	}
	address, count := binary.BigEndian.Uint16(pdu[1:]), binary.BigEndian.Uint16(pdu[3:])
	out := []byte{pdu[0], byte(2 * count)}
	for i := range count {
		out = binary.BigEndian.AppendUint16(out, uint16(unit)<<12+address+i)
	}
	if f.tcp {
		frame := append([]byte(nil), request[:4]...)
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(out)+1))
		return append(append(frame, unit), out...)
	}
	return modbus.AppendCRC(append([]byte{unit}, out...))
}

// TestNoWrongValueOnAFaultyLine: whatever comes late, twice, spoiled or in another one's place, no value is taken for
// another's. Reads of one length follow each other at once, as a meter's do; every second one is of another unit.
func TestNoWrongValueOnAFaultyLine(t *testing.T) {
	for name, over := range map[string]string{"serial": "rtu", "rtu+tcp": "rtu+tcp", "Modbus TCP": "tcp"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &faulty{dice: rand.New(rand.NewPCG(7, 7)), tcp: over == "tcp"}
				address := "serial:///dev/ttyS0?baud=115200"
				if over != "rtu" {
					address = over + "://192.0.2.1:502"
				}
				bus, err := modbus.NewBus(address)
				if err != nil {
					t.Fatal(err)
				}
				modbus.OpenWith(bus, func(context.Context) (io.ReadWriteCloser, error) {
					ours, theirs := net.Pipe()
					go f.serve(theirs)
					return ours, nil
				})
				for unit := range byte(2) {
					bus.SetCanary(modbus.Request{Unit: unit + 1, Function: 3, Address: 900, Count: 3})
				}
				good, wrong, refused := 0, 0, 0
				for i := range *exchanges {
					unit, at := byte(i%2+1), uint16(i%500)
					words, err := bus.Registers(t.Context(), modbus.Request{Unit: unit, Function: 3, Address: at,
						Count: 2, Restless: true})
					switch {
					case err != nil:
						refused++
					case words[0] != uint16(unit)<<12+at || words[1] != uint16(unit)<<12+at+1:
						wrong++
					default:
						good++
					}
				}
				t.Logf("%s: %d reads, %d good, %d refused, %d wrong", name, *exchanges, good, refused, wrong)
				if wrong > 0 || good < *exchanges/2 {
					t.Errorf("%d of %d values were wrong, %d good", wrong, *exchanges, good)
				}
				if err := bus.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestAValueThatChangesIsReadAgainAfterADoubt: a register that is another one at each look is refused for ten seconds
// after an answer did not come, and no longer.
func TestAValueThatChangesIsReadAgainAfterADoubt(t *testing.T) {
	count := uint16(0)
	onBus(t, func(_ net.Conn, n int, r []byte) []byte {
		if n == 1 { // the canary is before
			return nil
		}
		out := value(r)
		count++
		binary.BigEndian.PutUint16(out[3:], count)
		return modbus.AppendCRC(out[:len(out)-2])
	}, func(t *testing.T, bus *modbus.Bus) {
		if _, err := read(bus, 0x48); err == nil {
			t.Error("no answer came")
		}
		began := time.Now()
		for {
			if _, err := read(bus, 0x48); err == nil {
				break
			} else if !errors.Is(err, modbus.ErrFrame) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < 8*time.Second || took > 12*time.Second {
			t.Errorf("it was refused for %v", took)
		}
	})
}
