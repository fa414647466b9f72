package kiosk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// HoldID names a hold, or a capture, at its terminal: an opaque text of the terminal's. Empty names none.
type HoldID string

// UnmarshalJSON reads a text, or a number of a journal that has numbers.
func (h *HoldID) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err == nil && !strings.HasPrefix(string(b), `"`) {
		*h = HoldID(n)
		if n == "0" {
			*h = ""
		}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("cannot read %s as the name of a hold: %w", b, err)
	}
	*h = HoldID(s)
	return nil
}

// ReceiptNo is a HoldID as listings print it: a number where the terminal's names are numbers, as scripts expect.
type ReceiptNo HoldID

// MarshalJSON writes a number, or a text.
func (r ReceiptNo) MarshalJSON() ([]byte, error) {
	if n, err := strconv.ParseInt(string(r), 10, 64); err == nil && strconv.FormatInt(n, 10) == string(r) {
		return []byte(r), nil
	}
	return json.Marshal(string(r))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *ReceiptNo) UnmarshalJSON(b []byte) error { return (*HoldID)(r).UnmarshalJSON(b) }
