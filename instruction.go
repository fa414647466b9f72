package kiosk

import (
	"encoding/json"
	"time"
)

// Instruction is what a back office wants of a kiosk. It is signed, for one kiosk, expires,
// and is carried out once.
type Instruction struct {
	ID      string    `json:"id"` // unique for ever; a ULID or UUID
	Kiosk   string    `json:"kiosk"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	Do      Task      `json:"do"`

	Bay     int               `json:"bay,omitempty"`     // close_bay, open_bay
	Session string            `json:"session,omitempty"` // stop_session: its reference
	Tariff  json.RawMessage   `json:"tariff,omitempty"`  // tariff: OCPI, as in the configuration
	From    *time.Time        `json:"from,omitempty"`    // tariff: at once without it
	Accept  string            `json:"accept,omitempty"`  // tariff: eight characters of its checksum, where a price changes tenfold
	Texts   map[string]string `json:"texts,omitempty"`   // message: by language; without one it ends
	Until   *time.Time        `json:"until,omitempty"`   // message: a day without it
}

// Task is what an instruction is about.
type Task string

// Tasks.
const (
	TaskTariff      Task = "tariff"
	TaskCloseBay    Task = "close_bay"
	TaskOpenBay     Task = "open_bay"
	TaskStopSession Task = "stop_session"
	TaskMessage     Task = "message"
	TaskDiagnostics Task = "diagnostics"
)
