package kiosk

import (
	"fmt"
	"time"
)

// Energy is an amount of electrical energy, or a meter's register, in whole
// watt-hours. Meters that count finer are rounded once, when their registers are
// decoded.
type Energy int64

// String is the energy in kilowatt-hours with three decimals: "18.432 kWh".
func (e Energy) String() string { return e.KWh(3) + " kWh" }

// KWh is the energy in kilowatt-hours with 0 to 3 decimals, cut (never rounded up, so
// that a display cannot be ahead of the register), without a unit.
func (e Energy) KWh(decimals int) string {
	sign := ""
	if e < 0 {
		sign, e = "-", -e
	}
	if decimals <= 0 {
		return fmt.Sprintf("%s%d", sign, e/1000)
	}
	decimals = min(decimals, 3)
	frac := fmt.Sprintf("%03d", e%1000)
	return fmt.Sprintf("%s%d.%s", sign, e/1000, frac[:decimals])
}

// Power is an active power in watts.
type Power int64

// Reading is what a meter said at one moment. It is only made of values that were
// read: a value that could not be read is an error of the read, never a zero.
type Reading struct {
	At      time.Time `json:"at"`                   // when the answer arrived
	Import  Energy    `json:"import_wh"`            // total import register
	Power   Power     `json:"power_w"`              // active power, all phases
	Serial  string    `json:"serial"`               // the meter's own serial number
	Named   bool      `json:"named,omitempty"`      // the serial number was read with it; else a little before
	Voltage []int64   `json:"-"`                    // millivolt a phase, line to neutral
	Current []int64   `json:"current_ma,omitempty"` // milliampere a phase
	Mains   int64     `json:"-"`                    // frequency in millihertz
	// Age is how old it was when it was read: a charger tells its register when it wants to.
	Age time.Duration `json:"-"`
}
