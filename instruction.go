package kiosk

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

	Bay     int             `json:"bay,omitempty"`     // close_bay, open_bay
	Session string          `json:"session,omitempty"` // stop_session: its reference
	Tariff  json.RawMessage `json:"tariff,omitempty"`  // tariff: OCPI, as in the configuration
	From    *time.Time      `json:"from,omitempty"`    // tariff: at once without it
	// tariff: eight characters of its checksum, where a price changes tenfold
	Accept string            `json:"accept,omitempty"`
	Texts  map[string]string `json:"texts,omitempty"` // message: by language; without one it ends
	Until  *time.Time        `json:"until,omitempty"` // message: a day without it
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

// Check tells why an instruction cannot be carried out by any kiosk: its task is not known, or lacks
// what it is about. Whether a kiosk has that bay, session or price is for the kiosk to say.
func (in Instruction) Check() error {
	switch in.Do {
	case TaskTariff:
		switch n := len(in.Tariff); {
		case n == 0:
			return errors.New("tariff: want the tariff")
		case n > longestTariff:
			return fmt.Errorf("tariff: it has %d bytes: want at most %d", n, longestTariff)
		}
	case TaskCloseBay, TaskOpenBay:
		if in.Bay < 1 {
			return fmt.Errorf("%s: want bay, its number", in.Do)
		}
	case TaskStopSession:
		if _, err := ParseReference(in.Session); err != nil {
			return fmt.Errorf("stop_session: session: %w", err)
		}
	case TaskMessage:
		return in.checkTexts()
	case TaskDiagnostics:
	default:
		return fmt.Errorf("cannot do %q: known are tariff, close_bay, open_bay, stop_session, message and diagnostics",
			in.Do)
	}
	return nil
}

// Limits of what is instructed.
const (
	longestNotice = 120     // what a screen has room for, in characters
	longestTariff = 1 << 15 // bytes
)

// checkTexts judges a message to drivers.
func (in Instruction) checkTexts() error {
	for language, text := range in.Texts {
		n := len([]rune(text))
		switch {
		case n > longestNotice || n == 0 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }):
			return fmt.Errorf("the text in %q has %d characters or a line break: want one line of at most %d", language,
				n, longestNotice)
		case MaskNumbers(text) != text:
			return fmt.Errorf("the text in %q may have the number of a card", language)
		}
	}
	return nil
}
