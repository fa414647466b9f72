// Package terminal opens a site's card terminal by the protocol that it speaks. Each protocol is a folder below, with
// its codec and its driver beside each other; terminaltest is the contract that every driver, simulated or real, must
// keep. Nothing above this package knows a protocol: a hold's name is an opaque text, and what a terminal can do is a
// fact of the configuration.
package terminal

import (
	"context"
	"io"
	"log/slog"

	"kioskd"
	"kioskd/terminal/zvt"
)

// Terminal is an open card terminal. It connects with the first call, and again after an error.
type Terminal interface {
	kiosk.CardTerminal
	// Status asks the terminal who it is and how it is.
	Status(context.Context) (kiosk.TerminalStatus, error)
	io.Closer
}

// Config is what a site says about its terminal.
type Config struct {
	Address string // serial:// or tcp://, of a terminal that speaks ZVT
	zvt.Config
	Trace *slog.Logger // gets each message, masked; nil for none
}

// Open makes the driver; the error is about the address. Nothing is sent before the first call.
func Open(c Config, log *slog.Logger) (Terminal, error) {
	dial, err := zvt.DialAddress(c.Address)
	if err != nil {
		return nil, err
	}
	if c.Trace != nil {
		dial = zvt.Traced(dial, c.Trace)
	}
	return zvt.New(dial, c.Config, log), nil
}

// CheckHoldID tells why no terminal of a known protocol can have a hold of a name.
func CheckHoldID(id kiosk.HoldID) error { return zvt.CheckHoldID(id) }
