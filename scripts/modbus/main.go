// Command modbus measures kioskd's Modbus client beside three libraries, in one run, on serial lines whose other end
// keeps the time that a wire takes: it waits until the request would have arrived, for the silence of 3.5 characters,
// and says its answer as fast as the line is, without thinking. What is printed is the wire's own time, over what a
// read took in the best run of a tenth of all reads: 1.00 is the most that any client can do (MODBUS over Serial Line
// V1.02, 2.5.1.1; 10 bits a character).
//
//	go run . [READS]
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/creack/pty"
	goburrow "github.com/goburrow/modbus"
	gridx "github.com/grid-x/modbus"
	simonvetter "github.com/simonvetter/modbus"

	"kioskd/modbus"
)

// bits are those of a character without parity.
const bits = 10

// wire is a serial line at some speed.
type wire struct{ baud int }

func (w wire) characters(n int) time.Duration {
	return time.Duration(n) * bits * time.Second / time.Duration(w.baud)
}

// silence is t3.5: above 19200 baud it no longer gets shorter.
func (w wire) silence() time.Duration {
	if w.baud > 19200 {
		return 1750 * time.Microsecond
	}
	return w.characters(7) / 2
}

// limit is what a read of n registers takes at least.
func (w wire) limit(n int) time.Duration { return w.characters(8+5+2*n) + 2*w.silence() }

// serve answers reads on the master's end of a pty until it is closed. Register n of unit u holds u<<8 + n.
func (w wire) serve(rw io.ReadWriter) {
	var buf []byte
	chunk := make([]byte, 256)
	for {
		n, err := rw.Read(chunk)
		if err != nil {
			return
		}
		came := time.Now()
		buf = append(buf, chunk[:n]...)
		if len(buf) < 8 {
			continue
		}
		request := buf[:8]
		buf = nil
		count := binary.BigEndian.Uint16(request[4:])
		answer := []byte{request[0], request[1], byte(2 * count)}
		for i := range count {
			answer = binary.BigEndian.AppendUint16(answer, uint16(request[0])<<8+binary.BigEndian.Uint16(request[2:])+i)
		}
		answer = modbus.AppendCRC(answer)
		at := came.Add(w.characters(8) + w.silence())
		step := max(1, int(4*time.Millisecond/w.characters(1))) // an adapter hands on what came in some ms
		for len(answer) > 0 {
			part := answer[:min(step, len(answer))]
			answer = answer[len(part):]
			at = at.Add(w.characters(len(part)))
			until(at)
			if _, err := rw.Write(part); err != nil {
				return
			}
		}
	}
}

// until waits for a moment, to the microsecond.
func until(at time.Time) {
	if wait := time.Until(at) - 500*time.Microsecond; wait > 0 {
		time.Sleep(wait)
	}
	for time.Now().Before(at) {
	}
}

// client reads n holding registers from address 0 of unit 1.
type client struct {
	name string
	open func(path string, baud int) (read func(n int) ([]uint16, error), stop func(), err error)
}

func clients() []client {
	return []client{{"kioskd", kioskd}, {"simonvetter", ofSimonvetter}, {"grid-x", ofGridx}, {"goburrow", ofGoburrow}}
}

func kioskd(path string, baud int) (func(n int) ([]uint16, error), func(), error) {
	bus, err := modbus.NewBus(fmt.Sprintf("serial://%s?baud=%d", path, baud))
	if err != nil {
		return nil, nil, err
	}
	read := func(n int) ([]uint16, error) {
		return bus.Registers(context.Background(), modbus.Request{Unit: 1, Function: 3, Count: uint16(n)})
	}
	return read, func() { bus.Close() }, nil
}

func ofSimonvetter(path string, baud int) (func(n int) ([]uint16, error), func(), error) {
	c, err := simonvetter.NewClient(&simonvetter.ClientConfiguration{URL: "rtu://" + path, Speed: uint(baud),
		DataBits: 8, Parity: simonvetter.PARITY_NONE, StopBits: 1, Timeout: time.Second})
	if err != nil {
		return nil, nil, err
	}
	if err := c.Open(); err != nil {
		return nil, nil, err
	}
	read := func(n int) ([]uint16, error) { return c.ReadRegisters(0, uint16(n), simonvetter.HOLDING_REGISTER) }
	return read, func() { c.Close() }, c.SetUnitId(1)
}

func ofGridx(path string, baud int) (func(n int) ([]uint16, error), func(), error) {
	h := gridx.NewRTUClientHandler(path)
	h.BaudRate, h.DataBits, h.Parity, h.StopBits, h.Timeout, h.SlaveID = baud, 8, "N", 1, time.Second, 1
	if err := h.Connect(context.Background()); err != nil {
		return nil, nil, err
	}
	c := gridx.NewClient(h)
	read := func(n int) ([]uint16, error) {
		b, err := c.ReadHoldingRegisters(context.Background(), 0, uint16(n))
		return words(b), err
	}
	return read, func() { h.Close() }, nil
}

func ofGoburrow(path string, baud int) (func(n int) ([]uint16, error), func(), error) {
	h := goburrow.NewRTUClientHandler(path)
	h.BaudRate, h.DataBits, h.Parity, h.StopBits, h.Timeout, h.SlaveId = baud, 8, "N", 1, time.Second, 1
	if err := h.Connect(); err != nil {
		return nil, nil, err
	}
	c := goburrow.NewClient(h)
	read := func(n int) ([]uint16, error) {
		b, err := c.ReadHoldingRegisters(0, uint16(n))
		return words(b), err
	}
	return read, func() { h.Close() }, nil
}

func words(b []byte) (out []uint16) {
	for i := 0; i+1 < len(b); i += 2 {
		out = append(out, binary.BigEndian.Uint16(b[i:]))
	}
	return out
}

// ratio is how near the best tenth of some reads comes to the wire's limit.
func ratio(c client, baud, n, reads int) (float64, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return 0, err
	}
	defer slave.Close()
	defer master.Close()
	w := wire{baud}
	go w.serve(master)
	read, stop, err := c.open(slave.Name(), baud)
	if err != nil {
		return 0, err
	}
	defer stop()
	var took []time.Duration
	for range reads {
		began := time.Now()
		got, err := read(n)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", c.name, err)
		}
		took = append(took, time.Since(began))
		for i, v := range got {
			if len(got) != n || v != 1<<8+uint16(i) {
				return 0, fmt.Errorf("%s: read %v", c.name, got)
			}
		}
	}
	return float64(w.limit(n)) / float64(best(took)), nil
}

// best is how long a read took in the best run of reads, a tenth of all: of one alone, what is late at its end is saved
// at the next one's start.
func best(took []time.Duration) time.Duration {
	n := max(1, len(took)/10)
	least := time.Duration(math.MaxInt64)
	for run := took; len(run) >= n; run = run[1:] {
		sum := time.Duration(0)
		for _, d := range run[:n] {
			sum += d
		}
		least = min(least, sum/time.Duration(n))
	}
	return least
}

func run() error {
	reads := 100
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil || n < 10 {
			return fmt.Errorf("%q: want how many reads to make, at least 10", os.Args[1])
		}
		reads = n
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "baud\tregisters")
	for _, c := range clients() {
		fmt.Fprint(out, "\t", c.name)
	}
	fmt.Fprintln(out)
	for _, baud := range []int{9600, 19200, 115200} {
		for _, n := range []int{2, 80} {
			fmt.Fprintf(out, "%d\t%d", baud, n)
			for _, c := range clients() {
				r, err := ratio(c, baud, n, reads)
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "\t%.3f", r)
			}
			fmt.Fprintln(out)
		}
	}
	return out.Flush()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "modbus:", err)
		os.Exit(1)
	}
}
