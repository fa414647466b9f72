package simulator_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd/modbus"
	"kioskd/simulator"
)

// counter answers with how often it was asked, in each register.
type counter struct{ asked uint16 }

func (c *counter) Answer(pdu []byte) []byte {
	c.asked++
	out := []byte{pdu[0], 2 * pdu[4]}
	for range pdu[4] {
		out = append(out, byte(c.asked>>8), byte(c.asked))
	}
	return out
}

// TestFaultsOfABus: whatever goes wrong with an answer, in both framings, the next ones are those of what is asked
// then, and none is taken for another's.
func TestFaultsOfABus(t *testing.T) {
	for _, fault := range simulator.BusFaults() {
		for _, tcp := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) { faulty(t, fault, tcp) })
		}
	}
}

func faulty(t *testing.T, fault string, tcp bool) {
	faults, err := simulator.ReadFaults(strings.NewReader("meter 3 "+fault+" 2"), "faults")
	if err != nil {
		t.Fatal(err)
	}
	device := &counter{}
	server := &simulator.Bus{Units: map[byte]simulator.Unit{7: device}, TCP: tcp,
		Distort: simulator.Distort(faults.Meter)}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) {
		ours, theirs := net.Pipe()
		go server.Serve(ctx, theirs)
		return ours, nil
	}, tcp)
	defer bus.Close()
	bus.SetCanary(modbus.Request{Unit: 7, Function: modbus.ReadHolding, Address: 1, Count: 3})
	failed, right := 0, 0
	for range 20 {
		time.Sleep(time.Second) // a unit that did not answer is left alone for a while
		words, err := bus.Registers(ctx, modbus.Request{Unit: 7, Function: modbus.ReadHolding, Address: 1, Count: 1})
		switch {
		case err != nil:
			failed++
		case words[0] != device.asked && !(fault == "garbled" && tcp): // TCP has no checksum of its own
			t.Errorf("%s, TCP %v: read %d, and it was asked %d times", fault, tcp, words[0], device.asked)
		default:
			right++
		}
	}
	unseen := fault == "twice" || tcp && fault == "garbled"
	if right < 5 || failed == 0 && !unseen {
		t.Errorf("%s, TCP %v: %d reads failed, %d were right", fault, tcp, failed, right)
	}
}
