package sign_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/meter/model"
	"kioskd/meter/ocmf"
	"kioskd/meter/sign"
	"kioskd/modbus"
	"kioskd/simulator"
)

// wired are the registers of a unit on a bus.
type wired struct {
	bus  *modbus.Bus
	unit byte
}

func (w wired) Read(ctx context.Context, function byte, address, count uint16) ([]uint16, error) {
	return w.bus.Registers(ctx, modbus.Request{Unit: w.unit, Function: function, Address: address, Count: count})
}

func (w wired) Write(ctx context.Context, address uint16, words []uint16) error {
	if len(words) == 1 {
		return w.bus.SetRegister(ctx, w.unit, address, words[0])
	}
	return w.bus.SetRegisters(ctx, w.unit, address, words)
}

// signing is a simulated meter that signs on a line of its own, and its driver.
type signing struct {
	bay    *simulator.Bay
	device *simulator.SigningMeter
	driver sign.Meter
	again  func() sign.Meter // a driver of another process
}

func newSigning(t *testing.T, name string) signing {
	t.Helper()
	m, err := model.Find("", name)
	if err != nil {
		t.Fatal(err)
	}
	bay := simulator.NewBay(1_234_560, 4711, 1)
	bay.Plug(simulator.Car{Power: 11_000, Need: 1 << 40})
	device, err := simulator.NewSigningMeter(m, bay)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	go (&simulator.Bus{Units: map[byte]simulator.Unit{7: device}}).Serve(ctx, theirs)
	bus := modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) { return ours, nil }, false)
	t.Cleanup(func() { bus.Close(); stop() })
	driver := func() sign.Meter {
		out, err := sign.New(m.Signing, wired{bus, 7})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	return signing{bay, device, driver(), driver}
}

func (s signing) start() kiosk.Signing {
	return kiosk.Signing{Reference: `7GK2M4Q "|\ é`, EVSE: "DE*ABC*E001*1", Tariff: "0.49 EUR/kWh",
		At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// all ends a transaction, and judges what the meter handed out.
func (s signing) all(t *testing.T, begun []string) (ocmf.Transaction, error) {
	t.Helper()
	records, err := s.driver.End(t.Context(), s.start())
	if err != nil {
		return ocmf.Transaction{}, err
	}
	return s.judge(t, append(begun, records...))
}

// judge is the transaction of records, verified.
func (s signing) judge(t *testing.T, records []string) (ocmf.Transaction, error) {
	t.Helper()
	key, err := s.driver.Key(t.Context())
	if err != nil {
		return ocmf.Transaction{}, err
	}
	begin, end, err := ocmf.Sides(records)
	if err != nil {
		return ocmf.Transaction{}, err
	}
	if err := errors.Join(begin.Verify(key), end.Verify(key)); err != nil {
		return ocmf.Transaction{}, err
	}
	return ocmf.Pair(begin, end)
}

// charge lets a vehicle draw power for ten minutes.
func (s signing) charge() {
	s.bay.Switch(true)
	time.Sleep(10 * time.Minute)
	s.bay.Switch(false)
}

// makes are the models that sign over Modbus.
var makes = []string{"BSM-WS36A", "EM580", "WM3M4C"}

// TestASignedTransaction: each make signs what flowed, for the driver and the charge point that it was told, with the
// key that it says; it does so again for the next driver.
func TestASignedTransaction(t *testing.T) {
	for _, name := range makes {
		synctest.Test(t, func(t *testing.T) {
			s := newSigning(t, name)
			for n := range 3 {
				begun, err := s.driver.Begin(t.Context(), s.start())
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				before := s.bay.State().Register
				s.charge()
				x, err := s.all(t, begun)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				flowed := s.bay.State().Register - before
				step := map[string]float64{"BSM-WS36A": 10}[name] // its records are written in hundredths of a kWh
				if energy, _ := x.Energy().Float64(); math.Abs(energy-float64(flowed)) > step || flowed < 1500 {
					t.Errorf("%s: signed %s Wh, %v flowed", name, x.Energy().RatString(), flowed)
				}
				if id := x.Begin.Payload.ID; !strings.HasPrefix(id, "7GK2M4Q") || strings.ContainsAny(id, `|"\`) {
					t.Errorf("%s: identification %q", name, id)
				}
				if x.Clock != 'S' {
					t.Errorf("%s: clock %c", name, x.Clock)
				}
				if err := s.driver.Done(t.Context()); err != nil {
					t.Fatalf("%s, visit %d: %v", name, n, err)
				}
			}
		})
	}
}

// TestAnOpenTransactionIsRescued: a meter in which another process began one refuses a second; what it rescues is a
// transaction, and the next one begins.
func TestAnOpenTransactionIsRescued(t *testing.T) {
	for _, name := range makes[1:] { // a snapshot of the first is whole at once
		synctest.Test(t, func(t *testing.T) {
			s := newSigning(t, name)
			if _, err := s.driver.Begin(t.Context(), s.start()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.driver.Begin(t.Context(), s.start()); !errors.Is(err, kiosk.ErrSigning) {
				t.Fatalf("%s: a second transaction: %v", name, err)
			}
			records, err := s.driver.Rescue(t.Context(), s.start().At.Add(time.Hour))
			if err != nil || len(records) != 1 {
				t.Fatalf("%s: rescued %q, %v", name, records, err)
			}
			if err := s.driver.Done(t.Context()); err != nil {
				t.Fatal(err)
			}
			if records, err := s.driver.Rescue(t.Context(), s.start().At); err != nil || len(records) > 0 {
				t.Errorf("%s: rescued %q, %v, and nothing was open", name, records, err)
			}
			if _, err := s.driver.Begin(t.Context(), s.start()); err != nil {
				t.Errorf("%s: after the rescue: %v", name, err)
			}
		})
	}
}

// TestAnEndIsHandedOutAgain, the same one, to a process that knows nothing of the one that ended it, until it is
// confirmed or another transaction begins.
func TestAnEndIsHandedOutAgain(t *testing.T) {
	for _, name := range makes {
		synctest.Test(t, func(t *testing.T) {
			s := newSigning(t, name)
			begun, err := s.driver.Begin(t.Context(), s.start())
			if err != nil {
				t.Fatal(err)
			}
			s.charge()
			first, err := s.driver.End(t.Context(), s.start())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			again, err := s.again().End(t.Context(), s.start())
			if err != nil || !slices.Equal(again, first) {
				t.Fatalf("%s: %v: ended as %q, and again as %q", name, err, first, again)
			}
			if _, err := s.all(t, begun); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := s.driver.Done(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.driver.Begin(t.Context(), s.start()); err != nil {
				t.Fatal(err)
			}
			next, err := s.again().End(t.Context(), s.start())
			if err != nil || slices.Equal(next, first) {
				t.Errorf("%s: %v: the next transaction ended as the one before: %q", name, err, next)
			}
		})
	}
}

// TestPowerIsCutInATransaction: what a meter loses with its power it is told again before it signs the end, and the
// transaction is the one that was begun.
func TestPowerIsCutInATransaction(t *testing.T) {
	for _, name := range makes {
		synctest.Test(t, func(t *testing.T) {
			s := newSigning(t, name)
			begun, err := s.driver.Begin(t.Context(), s.start())
			if err != nil {
				t.Fatal(err)
			}
			s.charge()
			s.device.CutPower()
			at := s.start()
			at.At = at.At.Add(11 * time.Minute)
			records, err := s.again().End(t.Context(), at)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			x, err := s.judge(t, append(begun, records...))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if d := x.Duration() - 11*time.Minute; d.Abs() > time.Minute+time.Second ||
				!strings.HasPrefix(x.End.Payload.ID, "7GK2M4Q") {
				t.Errorf("%s: %v long, of %q", name, x.Duration(), x.End.Payload.ID)
			}
		})
	}
}

// TestARecordThatIsCorrupted is out of the way once it was looked at: a bay is not blocked for ever.
func TestARecordThatIsCorrupted(t *testing.T) {
	r := &scripted{holds: map[uint16]uint16{0x7100: 3}}
	m, err := sign.New("em580", r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Begin(t.Context(), kiosk.Signing{}); !errors.Is(err, kiosk.ErrSigning) {
		t.Errorf("begun beside a corrupted record: %v", err)
	}
	if records, err := m.Rescue(t.Context(), time.Now()); err != nil || len(records) > 0 || r.holds[0x7100] != 0 {
		t.Errorf("rescued %q, %v, state %d", records, err, r.holds[0x7100])
	}
	r.holds[0x7100], r.holds[0x7101], r.holds[0x7110] = 3, 1, 'O'<<8|'C'
	if records, err := m.Rescue(t.Context(), time.Now()); err != nil || len(records) != 1 || records[0] != "OC" {
		t.Errorf("rescued %q, %v", records, err)
	}
}

// TestARecordThatIsSpoiled on its way is not believed.
func TestARecordThatIsSpoiled(t *testing.T) {
	for _, name := range makes {
		synctest.Test(t, func(t *testing.T) {
			s := newSigning(t, name)
			s.device.Spoil = func(record string) string { return strings.Replace(record, `"ST":"G"`, `"ST": "G"`, 1) }
			begun, err := s.driver.Begin(t.Context(), s.start())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.all(t, begun); !errors.Is(err, ocmf.ErrForged) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// scripted are registers that hold what a test says, and that note what is written.
type scripted struct {
	holds map[uint16]uint16
	wrote []string
	fails func(address uint16) error
}

func (s *scripted) Read(_ context.Context, _ byte, address, count uint16) (out []uint16, err error) {
	if s.fails != nil {
		if err := s.fails(address); err != nil {
			return nil, err
		}
	}
	for i := range count {
		out = append(out, s.holds[address+i])
	}
	return out, nil
}

func (s *scripted) Write(_ context.Context, address uint16, words []uint16) error {
	b := []byte{}
	for i, w := range words {
		s.holds[address+uint16(i)] = w
		b = binary.BigEndian.AppendUint16(b, w)
	}
	s.wrote = append(s.wrote, fmt.Sprintf("%d %x", address, b))
	return nil
}

// TestWhatIsWritten is, register by register, what the makers' documents and EVerest's drivers write.
func TestWhatIsWritten(t *testing.T) {
	at := time.Unix(1609491600, 0).UTC() // that of the example in time.md of bsm-python
	for name, c := range map[string]struct {
		holds map[uint16]uint16
		first []string
		last  string
	}{
		"bsm": {map[uint16]uint16{}, []string{"40260 5feee4900000"}, "41286 0002"},
		"em580": {map[uint16]uint16{}, []string{"28722 e4905fee00000000", "28721 0000", "28672 0000", "28673 0000",
			"28674 0000000000000000", "28678 0032"}, "28736 0042"},
		"wm3m4": {map[uint16]uint16{7052: 15}, []string{"7054 5feee490", "7053 0000", "7071 0002", "7059 0000"},
			"7051 4200"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &scripted{holds: c.holds}
			m, err := sign.New(name, r)
			if err != nil {
				t.Fatal(err)
			}
			m.Begin(t.Context(), kiosk.Signing{Reference: "R1", EVSE: "E1", At: at}) // nothing answers its command
			if len(r.wrote) < len(c.first)+1 {
				t.Fatalf("%s: wrote %q", name, r.wrote)
			}
			for i, want := range c.first {
				if r.wrote[i] != want {
					t.Errorf("%s: wrote %s, want %s", name, r.wrote[i], want)
				}
			}
			if got := r.wrote[len(r.wrote)-1]; got != c.last {
				t.Errorf("%s: its last write is %s, want %s", name, got, c.last)
			}
		})
	}
}

// TestAClockThatIsRightIsLeftAlone: to set it costs the BSM some of its life.
func TestAClockThatIsRightIsLeftAlone(t *testing.T) {
	at := time.Unix(1609491600, 0)
	for off, sets := range map[time.Duration]bool{0: false, 4 * time.Second: false, -4 * time.Second: false,
		6 * time.Second: true, -time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			now := at.Add(off).Unix()
			r := &scripted{holds: map[uint16]uint16{40260: uint16(now >> 16), 40261: uint16(now)}}
			m, err := sign.New("bsm", r)
			if err != nil {
				t.Fatal(err)
			}
			m.Begin(t.Context(), kiosk.Signing{At: at})
			if set := strings.HasPrefix(r.wrote[0], "40260"); set != sets {
				t.Errorf("off by %v: set %v", off, set)
			}
		})
	}
}
