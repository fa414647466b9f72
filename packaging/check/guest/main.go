// Command guest is the hands and eyes of vm-check inside of the virtual machine: it is a
// touch panel, made with uinput, and answers on a serial port, a line each:
//
//	tap X Y     touches the panel at thousandths of its width and height
//	view        the view that the daemon shows, as JSON
//	sh COMMAND  runs it: its output as a JSON string
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kioskd/ui"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		os.Exit(1)
	}
}

func run() error {
	port, err := os.OpenFile("/dev/ttyS1", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	if out, err := exec.Command("stty", "-F", "/dev/ttyS1", "raw", "-echo", "115200").CombinedOutput(); err != nil {
		return fmt.Errorf("stty: %w: %s", err, out)
	}
	p, err := newPanel()
	if err != nil {
		return err
	}
	fmt.Fprintln(port, `"ready"`)
	in := bufio.NewScanner(port)
	for in.Scan() {
		verb, rest, _ := strings.Cut(in.Text(), " ")
		var answer any
		switch verb {
		case "tap":
			var x, y int32
			if _, err := fmt.Sscanf(rest, "%d %d", &x, &y); err != nil {
				answer = err.Error()
				break
			}
			p.tap(x, y)
			answer = "tapped"
		case "view":
			answer = view()
		case "sh":
			out, err := exec.Command("bash", "-c", rest).CombinedOutput()
			answer = string(out)
			if err != nil {
				answer = fmt.Sprintf("%s%v", out, err)
			}
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		fmt.Fprintf(port, "%s\n", b)
	}
	return in.Err()
}

// view is the first that the daemon sends.
func view() (v ui.View) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ui.Dial("/run/kioskd/ui.sock").Views(ctx, func(now ui.View) { v = now; cancel() })
	return v
}

// panel is a touch panel.
type panel struct{ f *os.File }

// Of linux/uinput.h and linux/input-event-codes.h.
const (
	uiDevCreate  = 0x5501
	uiSetEvbit   = 0x40045564
	uiSetKeybit  = 0x40045565
	uiSetAbsbit  = 0x40045567
	uiSetPropbit = 0x4004556e

	evSyn, evKey, evAbs = 0, 1, 3
	btnTouch            = 0x14a
	absX, absY          = 0, 1
	absMtSlot           = 0x2f
	absMtX, absMtY      = 0x35, 0x36
	absMtID             = 0x39
	propDirect          = 1
	thousand            = 1000
)

func newPanel() (*panel, error) {
	f, err := os.OpenFile("/dev/uinput", os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	for _, set := range [][2]int{{uiSetEvbit, evKey}, {uiSetKeybit, btnTouch}, {uiSetEvbit, evAbs}, {uiSetAbsbit, absX},
		{uiSetAbsbit, absY},
		{uiSetAbsbit, absMtSlot}, {uiSetAbsbit, absMtX}, {uiSetAbsbit, absMtY}, {uiSetAbsbit, absMtID},
		{uiSetPropbit, propDirect}} {
		if err := unix.IoctlSetInt(int(f.Fd()), uint(set[0]), set[1]); err != nil {
			return nil, err
		}
	}
	var dev struct {
		Name                     [80]byte
		Bus, Vendor, Product, No uint16
		Effects                  uint32
		Max, Min, Fuzz, Flat     [64]int32
	}
	copy(dev.Name[:], "kioskd test panel")
	dev.Bus, dev.Vendor, dev.Product = 3, 0x1234, 1
	for _, a := range []int{absX, absY, absMtX, absMtY} {
		dev.Max[a] = thousand
	}
	dev.Max[absMtSlot], dev.Max[absMtID] = 9, 65535
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, dev); err != nil {
		return nil, err
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return nil, err
	}
	return &panel{f}, unix.IoctlSetInt(int(f.Fd()), uiDevCreate, 0)
}

func (p *panel) send(kind, code uint16, value int32) {
	e := struct {
		Time       [2]int64
		Kind, Code uint16
		Value      int32
	}{Kind: kind, Code: code, Value: value}
	binary.Write(p.f, binary.LittleEndian, e) // what is lost is seen on the screen
}

func (p *panel) tap(x, y int32) {
	for _, e := range [][3]int32{{evAbs, absMtSlot, 0}, {evAbs, absMtID, 1}, {evAbs, absMtX, x}, {evAbs, absMtY, y},
		{evKey, btnTouch, 1}, {evAbs, absX, x}, {evAbs, absY, y}, {evSyn, 0, 0}} {
		p.send(uint16(e[0]), uint16(e[1]), e[2])
	}
	time.Sleep(80 * time.Millisecond) // a finger's time
	for _, e := range [][3]int32{{evAbs, absMtID, -1}, {evKey, btnTouch, 0}, {evSyn, 0, 0}} {
		p.send(uint16(e[0]), uint16(e[1]), e[2])
	}
}
