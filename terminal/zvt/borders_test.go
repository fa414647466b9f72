package zvt_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"kioskd"
	"kioskd/terminal/zvt"
)

// TestWhatADriverSeesOfAStatus: whatever intermediate status a terminal sends, what the screen says agrees with the
// specification's text for it (PA00P015, table of intermediate statuses), and a status that says nothing of the
// card or the bank leaves the screen as it is.
func TestWhatADriverSeesOfAStatus(t *testing.T) {
	says := func(text string) kiosk.Progress {
		switch has := func(s string) bool { return strings.Contains(text, s) }; {
		case has("remove the card"): // also from a terminal that asks for another one
			return kiosk.ProgressRemoveCard
		case has("insert or present"):
			return kiosk.ProgressPresent
		case has("unreadable"):
			return kiosk.ProgressTryAgain
		case text == "PIN wrong", has("PIN pad"), has("PIN needed"), has("choose the"):
			return kiosk.ProgressPIN
		case has("host"), has("please wait"), has("automatic"), has("bookings"), has("detected"),
			has("dialling"), has("connected"), has("purse"), has("emergency"), has("text of the terminal"),
			text == "offline", text == "online":
			return kiosk.ProgressWait
		}
		return ""
	}
	for code := range 256 {
		s := &strange{answers: map[string][][]zvt.APDU{"0622": {append([]zvt.APDU{zvt.Ack(),
			zvt.Command(0x04, 0xFF, []byte{byte(code)})}, approved(5000)[1:]...)}}}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			var seen kiosk.Progress
			_, err := d.Hold(context.Background(), kiosk.HoldRequest{Amount: eur(5000), CardWait: time.Minute,
				OnApproved: func(kiosk.Hold) error { return nil }, Progress: func(p kiosk.Progress) { seen += p }})
			if text := zvt.StatusText(byte(code)); err != nil || seen != says(text) {
				t.Errorf("%02X, %q: the driver sees %q, %v; want %q", code, text, seen, err, says(text))
			}
		})
	}
}

// TestOnlyAReceiptNumberNamesAHold: what is none is refused before a byte goes to the terminal, and so is an amount
// that was not held.
func TestOnlyAReceiptNumberNamesAHold(t *testing.T) {
	names := map[kiosk.HoldID]bool{"1": true, "231": true, "9999": true, "": false, "0": false, "10000": false,
		"-1": false, "231x": false, " 231": false, "0x10": false, "1e3": false, "99999999999999999999": false}
	for id, good := range names {
		s := &strange{}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			_, captured := capture(d, kiosk.Hold{ID: id, Approved: eur(5000)})
			_, released := d.Release(context.Background(), kiosk.ReleaseRequest{ID: id})
			sent := strings.Contains(s.names(), "0624") || strings.Contains(s.names(), "0625")
			if (captured == nil) != good || (released == nil) != good || (zvt.CheckHoldID(id) == nil) != good ||
				sent != good {
				t.Errorf("%q: %v, %v; the terminal got %s", id, captured, released, s.names())
			}
		})
	}
	for _, used := range []int64{-1, 0, 5001} {
		s := &strange{}
		meet(t, s, nil, func(t *testing.T, d *zvt.Terminal) {
			_, err := d.Capture(context.Background(), kiosk.CaptureRequest{Hold: kiosk.Hold{ID: "231",
				Approved: eur(5000)},
				Used: eur(used)})
			if err == nil || len(s.got) != 0 {
				t.Errorf("%d of 5000 gave %v; the terminal got %s", used, err, s.names())
			}
		})
	}
}

// TestWhereATerminalCanBe: a serial adapter or a TCP port; a Modbus gateway is none.
func TestWhereATerminalCanBe(t *testing.T) {
	for address, why := range map[string]string{
		"serial:///dev/ttyUSB0":           "",
		"serial:///dev/ttyUSB0?baud=9600": "",
		"tcp://192.0.2.7:20007":           "",
		"rtu+tcp://192.0.2.7:502":         "for a terminal",
		"/dev/ttyUSB0":                    "want serial:",
		"tcp://192.0.2.7":                 "192.0.2.7",
		"":                                "want serial:",
	} {
		_, err := zvt.DialAddress(address)
		if why == "" && err != nil || why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("%q: %v, want %q", address, err, why)
		}
	}
}

// TestFormOfAPassword: six digits of the terminal's keypad, and no other script's.
func TestFormOfAPassword(t *testing.T) {
	for password, good := range map[string]bool{"000000": true, "123456": true, "": false, "12345": false,
		"1234567": false, "12345a": false, "١٢٣": false, "12 456": false} {
		if err := zvt.CheckPassword(password); (err == nil) != good {
			t.Errorf("%q: %v", password, err)
		}
	}
}
