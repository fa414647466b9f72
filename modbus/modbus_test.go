package modbus_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/modbus"
)

func TestCRC(t *testing.T) {
	// Modbus over Serial Line V1.02, appendix B: 02 07 closes with 41 12.
	if got := modbus.AppendCRC([]byte{0x02, 0x07}); got[2] != 0x41 || got[3] != 0x12 {
		t.Errorf("closed with % X", got[2:])
	}
}

// device answers each request of 8 bytes by a function of its number.
func device(t *testing.T, conn net.Conn, answer func(n int, request []byte) []byte) {
	buf := make([]byte, 8)
	for n := 0; ; n++ {
		if _, err := io.ReadFull(conn, buf); err != nil {
			return
		}
		if out := answer(n, buf); out != nil {
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
	}
}

// value answers a register read with the register's own address as its value.
func value(request []byte) []byte {
	count := int(request[5])
	out := []byte{request[0], request[1], byte(2 * count)}
	for i := range count {
		a := int(request[2])<<8 | int(request[3]) + i
		out = append(out, byte(a>>8), byte(a))
	}
	return modbus.AppendCRC(out)
}

func onBus(t *testing.T, answer func(net.Conn, int, []byte) []byte, run func(*testing.T, *modbus.Bus)) {
	synctest.Test(t, func(t *testing.T) {
		var conns []net.Conn
		bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) {
			ours, theirs := net.Pipe()
			conns = append(conns, theirs)
			go device(t, theirs, func(n int, r []byte) []byte { return answer(theirs, n, r) })
			return ours, nil
		}, false)
		bus.SetCanary(modbus.Request{Unit: 1, Function: modbus.ReadHolding, Address: 0xFC00, Count: 3})
		run(t, bus)
		bus.Close()
		for _, c := range conns {
			c.Close()
		}
		synctest.Wait()
	})
}

func read(bus *modbus.Bus, address uint16) (uint16, error) {
	v, err := bus.Registers(context.Background(), modbus.Request{Unit: 1, Function: modbus.ReadRegisters,
		Address: address, Count: 2})
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// TestLateAnswerIsNeverTakenForTheNext is the fault that bills from the wrong register:
// an answer comes 450 ms after the request was given up.
func TestLateAnswerIsNeverTakenForTheNext(t *testing.T) {
	for _, late := range []time.Duration{50 * time.Millisecond, 450 * time.Millisecond, 990 * time.Millisecond} {
		onBus(t, func(c net.Conn, n int, r []byte) []byte {
			if n == 3 { // after canary and two reads
				out := value(r)
				time.Sleep(time.Second + late)
				return out
			}
			return value(r)
		}, func(t *testing.T, bus *modbus.Bus) {
			wrong := 0
			for a := range uint16(8) {
				if v, err := read(bus, 0x48+2*a); err == nil && v != 0x48+2*a {
					wrong++
				}
			}
			if wrong > 0 {
				t.Errorf("%d wrong values after an answer that was %v late", wrong, late)
			}
			if v, err := read(bus, 0x100); err != nil || v != 0x100 {
				t.Errorf("the line did not come back: %d, %v", v, err)
			}
		})
	}
}

func TestBadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(r []byte) []byte
		want   string
	}{
		"wrong CRC": {func(r []byte) []byte { out := value(r); out[len(out)-1] ^= 1; return out }, "CRC"},
		"another unit": {func(r []byte) []byte {
			out := value(r)
			out[0] = 2
			return modbus.AppendCRC(out[:len(out)-2])
		}, "unit 2 answered for unit 1"},
		"silence":   {func(r []byte) []byte { return nil }, "did not answer within 1s"},
		"cut short": {func(r []byte) []byte { return value(r)[:6] }, "did not answer"},
		"wrong length": {func(r []byte) []byte {
			out := value(r)
			out[2]++
			return modbus.AppendCRC(out[:len(out)-2])
		}, "names 5 bytes, has 4"},
		"something new": {func(r []byte) []byte { return append(value(r), 0) }, "follow the answer"},
	} {
		t.Run(name, func(t *testing.T) {
			onBus(t, func(_ net.Conn, n int, r []byte) []byte {
				if n == 1 {
					return c.answer(r)
				}
				return value(r)
			}, func(t *testing.T, bus *modbus.Bus) {
				_, err := read(bus, 0x48)
				if !errors.Is(err, kiosk.ErrUnreachable) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				if v, err := read(bus, 0x4A); err != nil || v != 0x4A {
					t.Errorf("the next read gives %d, %v", v, err)
				}
			})
		})
	}
}

// TestALineThatIsNeverSilent: a caller who waits for it is told; it is asked again when it is.
func TestALineThatIsNeverSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) { return ours, nil }, false)
		defer bus.Close()
		babble, quiet := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for babble.Err() == nil {
				time.Sleep(100 * time.Millisecond)
				theirs.Write([]byte{0})
			}
		}()
		_, err := read(bus, 7)
		if !errors.Is(err, kiosk.ErrUnreachable) || !strings.Contains(err.Error(), "speaks on the line") {
			t.Errorf("a line that is never silent gave %v", err)
		}
		quiet()
		<-ended
		go device(t, theirs, func(_ int, r []byte) []byte { return value(r) })
		if v, err := read(bus, 7); v != 7 || err != nil {
			t.Errorf("when it was silent again the register was %d, %v", v, err)
		}
		theirs.Close()
	})
}

func TestExceptionIsADefiniteNo(t *testing.T) {
	onBus(t, func(_ net.Conn, n int, r []byte) []byte {
		if n == 1 {
			return modbus.AppendCRC([]byte{1, r[1] | 0x80, 2})
		}
		return value(r)
	}, func(t *testing.T, bus *modbus.Bus) {
		start := time.Now()
		_, err := read(bus, 0x48)
		var no modbus.Exception
		if !errors.As(err, &no) || no != 2 {
			t.Errorf("error %v", err)
		}
		if _, err := read(bus, 0x48); err != nil {
			t.Error(err)
		}
		if time.Since(start) > 1100*time.Millisecond {
			t.Errorf("an exception made the line suspect: %v", time.Since(start))
		}
	})
}

func TestTCPMatchesTheTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		var peers []net.Conn
		bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) {
			opened++
			first := opened == 1
			ours, theirs := net.Pipe()
			peers = append(peers, theirs)
			go func() {
				b := make([]byte, 12)
				for {
					if _, err := io.ReadFull(theirs, b); err != nil {
						return
					}
					out := []byte{b[0], b[1], 0, 0, 0, 7, b[6], 4, 4, b[8], b[9], 0, 0}
					if first {
						out[1]++ // the answer to another request
					}
					theirs.Write(out)
				}
			}()
			return ours, nil
		}, true)
		if _, err := read(bus, 0x48); err == nil || !strings.Contains(err.Error(), "transaction") {
			t.Errorf("another transaction's answer gave %v", err)
		}
		if v, err := read(bus, 0x48); err != nil || v != 0x48 || opened != 2 {
			t.Errorf("got %d, %v after %d connections", v, err, opened)
		}
		bus.Close()
		for _, c := range peers {
			c.Close()
		}
		synctest.Wait()
	})
}
