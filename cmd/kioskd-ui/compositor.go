package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"
)

// compositor is the socket of the Wayland compositor that shows us through its X server; empty
// where there is none.
func compositor() string {
	name := os.Getenv("WAYLAND_DISPLAY")
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), name)
}

// patience is how long a compositor is given for an answer.
const patience = 10 * time.Second

// composes asks a compositor for a sign, wl_display.sync of the Wayland core protocol: words of 32
// bits in the machine's order, object, size and opcode, and the id of the callback that it is to
// call. An X server draws on although its compositor hangs, and no driver sees any of it.
//
//	asked     01 00 00 00  01 00 0c 00  02 00 00 00   wl_display 1, sync, callback 2
//	answered  02 00 00 00  00 00 0c 00  xx xx xx xx   callback 2, done
func composes(socket string) error {
	c, err := net.DialTimeout("unix", socket, patience)
	if err != nil {
		return fmt.Errorf("the compositor is gone: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var sync []byte
	for _, word := range []uint32{1, 12<<16 | 1, 2} {
		sync = binary.NativeEndian.AppendUint32(sync, word)
	}
	answer := make([]byte, 8)
	_, err = c.Write(sync)
	if err == nil {
		_, err = io.ReadFull(c, answer)
	}
	if err != nil {
		return fmt.Errorf("the compositor does not answer: %w", err)
	}
	if object := binary.NativeEndian.Uint32(answer); object != 2 {
		return fmt.Errorf("the compositor answers something else: % x", answer)
	}
	return nil
}
