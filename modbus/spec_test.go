package modbus_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/modbus"
)

// conversation is a line whose other end answers the requests of a script, one after the other.
type conversation struct {
	sent    [][]byte
	answers [][]byte
	opened  int
	piece   bool // what is answered comes byte by byte
}

func (c *conversation) open(context.Context) (io.ReadWriteCloser, error) {
	c.opened++
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		for {
			b := make([]byte, 300)
			n, err := theirs.Read(b)
			if err != nil {
				return
			}
			c.sent = append(c.sent, b[:n])
			if len(c.answers) > 0 {
				out := c.answers[0]
				c.answers = c.answers[1:]
				if _, err := theirs.Write(out); err != nil {
					return
				}
			}
		}
	}()
	if c.piece {
		return slowly{iotest.OneByteReader(ours), ours}, nil
	}
	return ours, nil
}

// slowly reads one byte at a time.
type slowly struct {
	io.Reader
	io.WriteCloser
}

func unhex(text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// frames makes a frame of a PDU for unit 17, as a framing has it.
func frame(over bool, tid byte, pdu []byte) []byte {
	if over {
		return append([]byte{0, tid, 0, 0, 0, byte(len(pdu) + 1), 17}, pdu...)
	}
	return modbus.AppendCRC(append([]byte{17}, pdu...))
}

// bits are those of a byte string in the specification's order, first first.
func bits(text string) (out []bool) {
	for _, r := range text {
		out = append(out, r == '1')
	}
	return out
}

// TestTheSpecificationsExamples are those of MODBUS Application Protocol V1.1b3, sections 6.1 to 6.6 and 6.12: what is
// sent, what comes, and what it means. In both framings, also where a line hands over one byte at a time.
func TestTheSpecificationsExamples(t *testing.T) {
	ctx := context.Background()
	request := func(function byte, address, count uint16) modbus.Request {
		return modbus.Request{Unit: 17, Function: function, Address: address, Count: count}
	}
	for _, c := range []struct {
		name, request, answer string
		ask                   func(*modbus.Bus) (any, error)
		want                  any
	}{
		{"6.1 read coils", "01 0013 0013", "01 03 CD6B05",
			func(b *modbus.Bus) (any, error) { return b.Bits(ctx, request(modbus.ReadCoils, 0x13, 0x13)) },
			bits("10110011" + "11010110" + "101")},
		{"6.2 read discrete inputs", "02 00C4 0016", "02 03 ACDB35",
			func(b *modbus.Bus) (any, error) { return b.Bits(ctx, request(modbus.ReadInputs, 0xC4, 0x16)) },
			bits("00110101" + "11011011" + "101011")},
		{"6.3 read holding registers", "03 006B 0003", "03 06 022B 0000 0064",
			func(b *modbus.Bus) (any, error) { return b.Registers(ctx, request(modbus.ReadHolding, 0x6B, 3)) },
			[]uint16{555, 0, 100}},
		{"6.4 read input registers", "04 0008 0001", "04 02 000A",
			func(b *modbus.Bus) (any, error) { return b.Registers(ctx, request(modbus.ReadRegisters, 8, 1)) },
			[]uint16{10}},
		{"6.5 write single coil", "05 00AC FF00", "05 00AC FF00",
			func(b *modbus.Bus) (any, error) { return nil, b.SetCoil(ctx, 17, 0xAC, true) }, nil},
		{"6.5 write single coil off", "05 01AC 0000", "05 01AC 0000",
			func(b *modbus.Bus) (any, error) { return nil, b.SetCoil(ctx, 17, 0x1AC, false) }, nil},
		{"6.6 write single register", "06 0001 0003", "06 0001 0003",
			func(b *modbus.Bus) (any, error) { return nil, b.SetRegister(ctx, 17, 1, 3) }, nil},
		{"6.12 write multiple registers", "10 0001 0002 04 000A 0102", "10 0001 0002",
			func(b *modbus.Bus) (any, error) { return nil, b.SetRegisters(ctx, 17, 1, []uint16{0x0A, 0x102}) }, nil},
	} {
		for _, over := range []bool{false, true} {
			for _, piece := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					line := &conversation{answers: [][]byte{frame(over, 1, unhex(c.answer))}, piece: piece}
					bus := modbus.NewBusOn(line.open, over)
					defer bus.Close()
					got, err := c.ask(bus)
					if err != nil || !reflect.DeepEqual(got, c.want) {
						t.Errorf("%s, TCP %v: %v, %v, want %v", c.name, over, got, err, c.want)
					}
					want := frame(over, 1, unhex(c.request))
					if len(line.sent) != 1 || !bytes.Equal(line.sent[0], want) {
						t.Errorf("%s, TCP %v: % X was sent, want % X", c.name, over, line.sent, want)
					}
				})
			}
		}
	}
}

// TestExceptionsHaveNames are those of section 7, in pieces, too.
func TestExceptionsHaveNames(t *testing.T) {
	for code, want := range map[byte]string{1: "exception 1 (illegal function)",
		2: "exception 2 (illegal data address)",
		3: "exception 3 (illegal data value)", 4: "exception 4 (device failure)", 6: "exception 6 (device busy)",
		0x55: "exception 85"} {
		for _, over := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				line := &conversation{answers: [][]byte{frame(over, 1, []byte{0x83, code})}, piece: true}
				bus := modbus.NewBusOn(line.open, over)
				defer bus.Close()
				_, err := bus.Registers(context.Background(), modbus.Request{Unit: 17, Function: modbus.ReadHolding,
					Count: 1})
				var no modbus.Exception
				if !errors.As(err, &no) || no != modbus.Exception(code) || !strings.HasSuffix(err.Error(), want) {
					t.Errorf("exception %d: %v", code, err)
				}
			})
		}
	}
}

// TestHowMuchIsReadAtOnce: 125 registers and 2000 bits (6.1 and 6.3); more, or none, is not asked for.
func TestHowMuchIsReadAtOnce(t *testing.T) {
	for _, c := range []struct {
		count     uint16
		registers bool
		good      bool
	}{{0, true, false}, {1, true, true}, {125, true, true}, {126, true, false},
		{0, false, false}, {1, false, true}, {8, false, true}, {9, false, true}, {2000, false, true}, {2001, false,
			false}} {
		synctest.Test(t, func(t *testing.T) {
			size := (int(c.count) + 7) / 8
			function := byte(modbus.ReadCoils)
			if c.registers {
				size, function = 2*int(c.count), modbus.ReadHolding
			}
			answer := append([]byte{function, byte(size)}, bytes.Repeat([]byte{0xFF}, size)...)
			line := &conversation{answers: [][]byte{frame(false, 0, answer)}}
			bus := modbus.NewBusOn(line.open, false)
			defer bus.Close()
			r := modbus.Request{Unit: 17, Function: function, Count: c.count}
			n, err := 0, error(nil)
			if c.registers {
				var got []uint16
				got, err = bus.Registers(context.Background(), r)
				n = len(got)
			} else {
				var got []bool
				got, err = bus.Bits(context.Background(), r)
				n = len(got)
			}
			if good := err == nil && n == int(c.count); good != c.good {
				t.Errorf("%d: %d came, %v", c.count, n, err)
			}
			if asked := len(line.sent) > 0; asked != c.good {
				t.Errorf("%d: asked for: %v", c.count, asked)
			}
		})
	}
}

// TestACoilThatAnswersOtherwise: only the request's repetition proves that a coil was switched.
func TestACoilThatAnswersOtherwise(t *testing.T) {
	for _, answer := range []string{"05 00AC 0000", "05 00AD FF00", "05 01AC FF00", "05 00AC FF01", "06 00AC FF00",
		"05 00AC"} {
		synctest.Test(t, func(t *testing.T) {
			line := &conversation{answers: [][]byte{frame(true, 1, unhex(answer))}}
			bus := modbus.NewBusOn(line.open, true)
			defer bus.Close()
			if err := bus.SetCoil(context.Background(), 17, 0xAC, true); !errors.Is(err, kiosk.ErrUnreachable) {
				t.Errorf("%s: %v", answer, err)
			}
		})
	}
}

// TestTransactionsAreNumbered one after the other, in two bytes.
func TestTransactionsAreNumbered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := &conversation{}
		for i := range 300 {
			out := frame(true, 0, unhex("04 02 000A"))
			out[0], out[1] = byte((i+1)>>8), byte(i+1)
			line.answers = append(line.answers, out)
		}
		bus := modbus.NewBusOn(line.open, true)
		defer bus.Close()
		for i := range 300 {
			if _, err := bus.Registers(context.Background(),
				modbus.Request{Unit: 17, Function: modbus.ReadRegisters, Address: 8, Count: 1}); err != nil {
				t.Fatalf("request %d: %v", i+1, err)
			}
		}
	})
}

// TestATCPFrameThatIsTooShort names its length, and the line is opened anew.
func TestATCPFrameThatIsTooShort(t *testing.T) {
	for _, length := range []byte{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			line := &conversation{answers: [][]byte{{0, 1, 0, 0, 0, length, 17, 4}, frame(true, 2,
				unhex("04 02 000A"))}}
			bus := modbus.NewBusOn(line.open, true)
			defer bus.Close()
			r := modbus.Request{Unit: 17, Function: modbus.ReadRegisters, Address: 8, Count: 1}
			if _, err := bus.Registers(context.Background(), r); err == nil || !strings.Contains(err.Error(),
				fmt.Sprint("length is ", length)) {
				t.Errorf("%v", err)
			}
			if v, err := bus.Registers(context.Background(), r); err != nil || v[0] != 10 || line.opened != 2 {
				t.Errorf("then %v, %v, over %d connections", v, err, line.opened)
			}
		})
	}
}

// TestAnAnswerThatNamesAnotherLength, over TCP, where the frame's own length is right.
func TestAnAnswerThatNamesAnotherLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := &conversation{answers: [][]byte{frame(true, 1, unhex("04 03 000A"))}}
		bus := modbus.NewBusOn(line.open, true)
		defer bus.Close()
		_, err := bus.Registers(context.Background(), modbus.Request{Unit: 17, Function: modbus.ReadRegisters,
			Count: 1})
		if !errors.Is(err, modbus.ErrFrame) || !strings.Contains(err.Error(), "names 3 bytes, has 2") {
			t.Error(err)
		}
	})
}

// TestALineThatCannotBeOpened is said so; Close lets the next request open it again.
func TestALineThatCannotBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missing := errors.New("no such device")
		bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) { return nil, missing }, false)
		r := modbus.Request{Unit: 17, Function: modbus.ReadRegisters, Address: 8, Count: 1}
		if _, err := bus.Registers(context.Background(), r); !errors.Is(err, kiosk.ErrUnreachable) || !errors.Is(err,
			missing) {
			t.Error(err)
		}
		line := &conversation{answers: [][]byte{frame(false, 0, unhex("04 02 000A")), frame(false, 0,
			unhex("04 02 000B"))}}
		modbus.OpenWith(bus, line.open)
		for want := uint16(10); want < 12; want++ {
			if v, err := bus.Registers(context.Background(), r); err != nil || v[0] != want {
				t.Errorf("%v, %v, want %d", v, err, want)
			}
			if err := bus.Close(); err != nil {
				t.Error(err)
			}
		}
		if line.opened != 2 {
			t.Errorf("opened %d times", line.opened)
		}
		if err := bus.Close(); err != nil {
			t.Errorf("closing twice: %v", err)
		}
		time.Sleep(time.Second)
	})
}
