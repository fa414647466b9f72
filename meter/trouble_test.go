package meter_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// troubled is a bus on which a meter answers with its registers, after a time that a test says; nil is silence.
func troubled(d model.Dump, mood func(r []byte) (says bool, after time.Duration)) *modbus.Bus {
	var mu sync.Mutex
	return modbus.NewBusOn(func(context.Context) (io.ReadWriteCloser, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			for r := make([]byte, 8); ; {
				if _, err := io.ReadFull(theirs, r); err != nil {
					return
				}
				mu.Lock()
				says, after := mood(r)
				b := model.Block{Function: r[1], Address: binary.BigEndian.Uint16(r[2:]),
					Count: binary.BigEndian.Uint16(r[4:])}
				out := []byte{r[0], r[1] | 0x80, 2}
				if words, ok := d.Words(b); ok {
					out = []byte{r[0], r[1], byte(2 * b.Count)}
					for _, w := range words {
						out = binary.BigEndian.AppendUint16(out, w)
					}
				}
				mu.Unlock()
				go func() {
					if time.Sleep(after); says {
						theirs.Write(modbus.AppendCRC(out))
					}
				}()
			}
		}()
		return ours, nil
	}, false)
}

// registersOf are those of a model's first vector, or another one, and of its ranges.
func registersOf(t *testing.T, name string, vector int) (*model.Model, model.Dump) {
	t.Helper()
	m, err := model.Find("", name)
	if err != nil {
		t.Fatal(err)
	}
	d := model.Dump{}
	for _, r := range m.Ranges {
		d.Put(r.Function, r.Address, make([]uint16, r.Count))
	}
	for function, words := range m.Vectors[vector].Dump {
		for address, w := range words {
			d.Put(function, address, []uint16{w})
		}
	}
	return m, d
}

// asksFor tells whether a request is for a register.
func asksFor(r []byte, function byte, address uint16) bool {
	return r[1] == function && binary.BigEndian.Uint16(r[2:]) == address
}

const usual = 20 * time.Millisecond

// TestAMeterThatIsOffAtTheStart is read once it is on, also one that no register tells and that has no serial number.
func TestAMeterThatIsOffAtTheStart(t *testing.T) {
	for _, name := range []string{"DTSU666", "SDM630", "EM340", "Meter 201-204"} {
		synctest.Test(t, func(t *testing.T) {
			m, d := registersOf(t, name, 0)
			on := time.Now().Add(30 * time.Second)
			bus := troubled(d, func([]byte) (bool, time.Duration) { return !time.Now().Before(on), usual })
			x := meter.New(bus, 1, m)
			for range 40 {
				x.Read(t.Context()) // it cannot yet
				time.Sleep(time.Second)
			}
			if _, err := x.Read(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			bus.Close()
			time.Sleep(time.Minute)
		})
	}
}

// TestASettingIsNotPassedOver: a meter that is silent for some seconds just when it is asked whether it counts in MWh
// is not taken for one that lacks the setting.
func TestASettingIsNotPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := registersOf(t, "SDM630", 0)
		d.Put(3, 0x1E, []uint16{0x3F80, 0})
		var back time.Time
		bus := troubled(d, func(r []byte) (bool, time.Duration) {
			if asksFor(r, 3, 0x1E) && back.IsZero() {
				back = time.Now().Add(4500 * time.Millisecond)
			}
			return !time.Now().Before(back), usual
		})
		x := meter.New(bus, 1, m)
		for range 60 {
			if r, err := x.Read(t.Context()); err == nil {
				t.Fatalf("MWh are read as kWh: %+v", r)
			}
			time.Sleep(time.Second)
		}
		bus.Close()
		time.Sleep(time.Minute)
	})
}

// TestAVariantStays: a meter that is silent for some seconds while it says its year has the same counter afterwards.
func TestAVariantStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, d := registersOf(t, "EM340", 1) // made since 2019
		var back time.Time
		asked := 0
		bus := troubled(d, func(r []byte) (bool, time.Duration) {
			if asksFor(r, 4, 0x5010) {
				asked++
				if asked == 2 {
					back = time.Now().Add(4500 * time.Millisecond)
				}
			}
			return !time.Now().Before(back), usual
		})
		x := meter.New(bus, 1, m)
		good := 0
		for i := range 60 {
			if i == 20 {
				x.Renew()
			}
			r, err := x.Read(t.Context())
			if err == nil {
				good++
			}
			if err == nil && r.Import != 70_000_618 {
				t.Fatalf("read %v of another counter", r.Import)
			}
			time.Sleep(time.Second)
		}
		if good < 45 || asked < 3 {
			t.Errorf("%d readings, it was asked for its year %d times", good, asked)
		}
		bus.Close()
		time.Sleep(time.Minute)
	})
}

// TestALostAnswerCostsSeconds, however fast the values of a meter change, and whenever the next one is lost.
func TestALostAnswerCostsSeconds(t *testing.T) {
	for _, every := range []time.Duration{5 * time.Second, 8 * time.Second, 20 * time.Second} {
		for _, changes := range []time.Duration{100 * time.Millisecond, 500 * time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				m, d := registersOf(t, "SDM630", 0)
				began, lost := time.Now(), time.Now()
				bus := troubled(d, func([]byte) (bool, time.Duration) {
					power := math.Float32bits(11_000 + float32(time.Since(began)/changes%97))
					d.Put(4, 0x34, []uint16{uint16(power >> 16), uint16(power)})
					if time.Since(began) > 20*time.Second && time.Since(lost) > every {
						lost = time.Now()
						return false, 0
					}
					return true, 80 * time.Millisecond
				})
				x := meter.New(bus, 1, m)
				last := time.Now()
				for time.Since(began) < 5*time.Minute {
					if _, err := x.Read(t.Context()); err == nil {
						last = time.Now()
					} else if !errors.Is(err, kiosk.ErrUnreachable) {
						t.Fatal(err)
					}
					if gap := time.Since(last); gap > 8*time.Second {
						t.Fatalf("lost one each %v, values change each %v: no reading for %v", every, changes, gap)
					}
					time.Sleep(900 * time.Millisecond)
				}
				bus.Close()
				time.Sleep(time.Minute)
			})
		}
	}
}

// TestAnExponentIsNotAnothers: a SunSpec meter whose answers are late at times never gets an energy by another value's
// exponent of ten.
func TestAnExponentIsNotAnothers(t *testing.T) {
	for _, name := range []string{"Meter 201-204", "Meter 211-214", "BSM-WS36A"} {
		synctest.Test(t, func(t *testing.T) {
			m, d := registersOf(t, name, 0)
			n := 0
			bus := troubled(d, func([]byte) (bool, time.Duration) {
				n++
				if n%31 == 0 {
					return true, 1200 * time.Millisecond
				}
				return true, usual
			})
			x := meter.New(bus, 1, m)
			good := 0
			for range 300 {
				r, err := x.Read(t.Context())
				if err == nil && int64(r.Import) != m.Vectors[0].Import {
					t.Fatalf("%s: read %v, want %d Wh", name, r.Import, m.Vectors[0].Import)
				}
				if err == nil {
					good++
				}
				time.Sleep(time.Second)
			}
			if good < 100 {
				t.Errorf("%s: %d readings", name, good)
			}
			bus.Close()
			time.Sleep(time.Minute)
		})
	}
}

// TestADeviceThatSaysZero to everything is no meter.
func TestADeviceThatSaysZero(t *testing.T) {
	all := builtIn(t)
	synctest.Test(t, func(t *testing.T) {
		bus := answering(t, func(r []byte) []byte {
			out := append([]byte{r[0], r[1], 2 * r[5]}, make([]byte, 2*int(r[5]))...)
			return modbus.AppendCRC(out)
		})
		var found []meter.Found
		if err := meter.Scan(t.Context(), bus, 5, 5, all, func(int) {}, none,
			func(f meter.Found) { found = append(found, f) }); err != nil {
			t.Error(err)
		}
		if len(found) != 1 || found[0].Why == "" {
			t.Errorf("found %+v", found)
		}
		for _, m := range all {
			if r, err := meter.New(bus, 5, m).Read(t.Context()); err == nil && len(m.Serial) > 0 {
				t.Errorf("%v: read %+v", m, r)
			}
		}
		bus.Close()
	})
}
