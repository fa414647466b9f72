package zvt_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kioskd/terminal/zvt"
)

// saying is a link whose other side says one thing.
type saying struct{ zvt.APDU }

func (s saying) Send(zvt.APDU) error                     { return nil }
func (s saying) Receive(time.Duration) (zvt.APDU, error) { return s.APDU, nil }
func (s saying) Repeats() int                            { return 0 }
func (s saying) Close() error                            { return nil }
func (s saying) open(context.Context) (zvt.Link, error)  { return s, nil }

// TestATraceHasNoCardNumber: what goes over the line is told by name and masked fields, whatever a terminal sends.
func TestATraceHasNoCardNumber(t *testing.T) {
	const number = "4111111111111111"
	result := zvt.Command(0x04, 0x0F, nil, zvt.Bin(0x27, 0), zvt.BCD(0x04, 98, 6),
		zvt.Bin(0x22, 0xF0, 0xF8, 0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11), zvt.BCD(0x87, 231, 2))
	var log bytes.Buffer
	dial := zvt.Traced(saying{result}.open, slog.New(slog.NewTextHandler(&log, nil)))
	l, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Receive(time.Second); err != nil {
		t.Fatal(err)
	}
	for _, a := range []zvt.APDU{
		zvt.Command(0x05, 0x01, []byte{0x12, 0x34, 0x56}, zvt.Bin(0x03, 0x05)), // with the terminal's password
		zvt.Command(0x06, 0x22, nil, zvt.BCD(0x04, 5000, 6)),
		zvt.Command(0x06, 0x22, []byte{0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11}), // which cannot be read
	} {
		if err := l.Send(a); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"receipt_no:231", "amount_minor:98", "to terminal", "amount_minor:5000",
		"unknown:8"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the trace lacks %s:\n%s", want, &log)
		}
	}
	for _, never := range []string{number, number[:12], "123456"} {
		if strings.Contains(log.String(), never) {
			t.Errorf("the trace has %q:\n%s", never, &log)
		}
	}
}
