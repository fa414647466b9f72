package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"kioskd"
)

// TestAdaptersKeepTheirNames whatever is plugged in beside them: a bus that gets the name of
// another one switches the wrong contactors.
func TestAdaptersKeepTheirNames(t *testing.T) {
	had := []adapter{{"terminal", "T1"}, {"bus1", "B1"}, {"bus2", "pci-usb-0:1.2"}}
	for name, c := range map[string]struct {
		had   []adapter
		ports []port
		names string
		all   []adapter
	}{
		"at first": {nil, []port{{"T1", "p1", "terminal"}, {"B1", "p2", "bus"}, {"", "p3", "bus"}, {"X", "p4", ""}},
			"terminal bus1 bus2 -", []adapter{{"terminal", "T1"}, {"bus1", "B1"}, {"bus2", "p3"}}},
		"in another order": {had, []port{{"", "pci-usb-0:1.2", "bus"}, {"B1", "p9", "bus"}, {"T1", "p1", "terminal"}},
			"bus2 bus1 terminal", had},
		"one is not there": {had, []port{{"", "pci-usb-0:1.2", "bus"}}, "bus2", had},
		"a new one": {had, []port{{"B2", "p9", "bus"}, {"B1", "p2", "bus"}}, "bus3 bus1",
			append(slices.Clone(had), adapter{"bus3", "B2"})},
		"another terminal": {had, []port{{"T2", "p1", "terminal"}}, "terminal2",
			append(slices.Clone(had), adapter{"terminal2", "T2"})},
		"a shared serial": {nil, []port{{"S", "p1", "bus"}, {"S", "p2", "bus"}, {"S", "p3", ""}}, "bus1 bus2 -",
			[]adapter{{"bus1", "p1"}, {"bus2", "p2"}}},
		"one that came to be": {had, []port{{"B1", "p1", "bus"}, {"B1", "p2", "bus"}}, "bus3 bus4",
			[]adapter{{"terminal", "T1"}, {"bus2", "pci-usb-0:1.2"}, {"bus3", "p1"}, {"bus4", "p2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			names, all := nameAdapters(c.had, c.ports)
			var got []string
			for _, n := range names {
				got = append(got, cmp.Or(n, "-"))
			}
			if strings.Join(got, " ") != c.names || !slices.Equal(all, c.all) {
				t.Errorf("names %v, file %v, want %s and %v", got, all, c.names, c.all)
			}
			var text strings.Builder
			for _, a := range all {
				fmt.Fprintf(&text, "%s %s\n", a.name, a.id)
			}
			if got := parseAdapters(adaptersHead + text.String()); !slices.Equal(got, all) {
				t.Errorf("the file is read as %v", got)
			}
		})
	}
}

// wire is a contactor on GPIO lines, and what is wrong with it.
type wire struct{ closed, stuck, crossed, inverted bool }

func (w *wire) Close(context.Context) error { w.closed = !w.inverted; return nil }
func (w *wire) Open() error                 { w.closed = w.inverted || w.stuck; return nil }
func (w *wire) Inputs(context.Context) (kiosk.BayInputs, error) {
	return kiosk.BayInputs{Closed: w.closed && !w.crossed}, nil
}

// TestAContactorIsProven: its feedback follows, and it is open in the end.
func TestAContactorIsProven(t *testing.T) {
	for _, c := range []struct {
		wire
		want string
	}{
		{wire{}, ""},
		{wire{closed: true, stuck: true}, "before anything was switched"},
		{wire{crossed: true}, "its feedback did not follow"},
		{wire{stuck: true}, "is it welded?"},
		{wire{inverted: true}, "active_low is the other way round"},
	} {
		synctest.Test(t, func(t *testing.T) {
			err := follows(t.Context(), &c.wire, &c.wire)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%+v: %v, want %q", c.wire, err, c.want)
			}
			if c.closed != c.stuck {
				t.Errorf("%+v: it is closed", c.wire)
			}
		})
	}
}

// TestALostAnswerEndsNoProof: an answer on a bus is lost now and then; a device that is gone is told.
func TestALostAnswerEndsNoProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for lost, want := range map[int]error{0: nil, 1: nil, openTries - 1: nil, openTries: kiosk.ErrUnreachable} {
			n := 0
			_, err := patiently(t.Context(), openTries, func() (int, error) {
				n++
				if n <= lost {
					return 0, fmt.Errorf("%w: silent", kiosk.ErrUnreachable)
				}
				return n, nil
			})
			if !errors.Is(err, want) {
				t.Errorf("%d answers were lost: %v", lost, err)
			}
		}
		broken := errors.New("no such input")
		n := 0
		if _, err := patiently(t.Context(), openTries, func() (int, error) {
			n++
			return 0,
				broken
		}); err != broken || n != 1 {
			t.Errorf("what is wrong for good was asked %d times: %v", n, err)
		}
	})
}
