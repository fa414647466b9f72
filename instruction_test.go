package kiosk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"kioskd"
)

// TestInstructionCheck: what no kiosk can carry out is told to the one who writes it.
func TestInstructionCheck(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"do":"tariff","tariff":{"id":"t"}}`: true,
		`{"do":"tariff"}`:                     false,
		`{"do":"close_bay","bay":1}`:          true,
		`{"do":"close_bay"}`:                  false,
		`{"do":"open_bay","bay":-1}`:          false,
		`{"do":"stop_session","session":"` + kiosk.ShortReference(make([]byte, 7)) + `"}`: true,
		`{"do":"stop_session","session":"?"}`:                                             false,
		`{"do":"stop_session"}`:                                                           false,
		`{"do":"message"}`:                                                                true, // it ends
		`{"do":"message","texts":{"en":"` + strings.Repeat("ä", 120) + `"}}`:              true,
		`{"do":"message","texts":{"en":"` + strings.Repeat("x", 121) + `"}}`:              false,
		`{"do":"message","texts":{"en":"two\nlines"}}`:                                    false,
		`{"do":"message","texts":{"en":""}}`:                                              false,
		`{"do":"message","texts":{"en":"card 4111 1111 1111 1111"}}`:                      false,
		`{"do":"tariff","tariff":"` + strings.Repeat("x", 1<<15) + `"}`:                   false,
		`{"do":"diagnostics"}`:                                                            true,
		`{"do":"format_disk"}`:                                                            false,
		`{"do":"Tariff","tariff":{}}`:                                                     false,
		`{}`:                                                                              false,
	} {
		var in kiosk.Instruction
		if err := json.Unmarshal([]byte(text), &in); err != nil {
			t.Fatal(err)
		}
		if err := in.Check(); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
