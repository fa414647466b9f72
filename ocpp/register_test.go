package ocpp

import (
	"testing"
	"time"

	"kioskd"
)

// TestTheTrapsOfRegisters: what MeterValues say after a start, and what it is worth. A minute passes between two
// values, in which a bay of 22 kW delivers at most 458 Wh and what the tolerances give.
func TestTheTrapsOfRegisters(t *testing.T) {
	for name, c := range map[string]struct {
		start  kiosk.Energy
		values []kiosk.Energy
		want   []kiosk.Energy // -1 for one that is refused
		end    kiosk.Energy
		last   kiosk.Energy // -1 for one that is refused
	}{
		"a lifetime register": {2259988, []kiosk.Energy{2259990, 2260300}, []kiosk.Energy{2259990, 2260300}, 2260310,
			2260310},
		"a session's register": {2259988, []kiosk.Energy{0, 310}, []kiosk.Energy{2259988, 2260298}, 2260310,
			2260310},
		"a session's to its end": {2259988, []kiosk.Energy{0, 310}, []kiosk.Energy{2259988, 2260298}, 320, 2260308},
		"kWh called Wh": {2259988, []kiosk.Energy{2259, 2260}, []kiosk.Energy{2259988, 2260000}, 2260310,
			2260310},
		"the lifetime register where the start was not read yet": {0, []kiosk.Energy{2259988}, []kiosk.Energy{-1},
			2260310, -1},
		"not read yet, then the lifetime register": {2259988, []kiosk.Energy{0, 2260000},
			[]kiosk.Energy{2259988, 2260000}, 2260310, 2260310},
		"kWh of a young meter that could be a session's Wh": {150123, []kiosk.Energy{150, 150},
			[]kiosk.Energy{150123, 150123}, 150400, 150400},
		"a new meter":                {0, []kiosk.Energy{0, 300}, []kiosk.Energy{0, 300}, 310, 310},
		"it falls":                   {1000, []kiosk.Energy{1300, 1200}, []kiosk.Energy{1300, -1}, 1310, 1310},
		"it jumps":                   {1000, []kiosk.Energy{1300, 9999}, []kiosk.Energy{1300, -1}, 1310, 1310},
		"its end falls":              {100000, []kiosk.Energy{100300}, []kiosk.Energy{100300}, 100200, 100200},
		"its end is below its begin": {100000, []kiosk.Energy{100300}, []kiosk.Energy{100300}, 99000, -1},
		"its end is 0":               {100000, []kiosk.Energy{100300}, []kiosk.Energy{100300}, 0, -1},
		"a session's Wh that could be a young meter's kWh": {50500, []kiosk.Energy{50, 350, 650},
			[]kiosk.Energy{50500, 50850, 51150}, 51200, 51200},
		"its end jumps":       {100000, []kiosk.Energy{100300}, []kiosk.Energy{100300}, 200000, -1},
		"nothing but its end": {1000, nil, nil, 1300, 1300},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			count := newCounter(kiosk.Register{MaxPower: 22000}, c.start, now)
			for i, v := range c.values {
				now = now.Add(time.Minute)
				got, err := count.take(v, now)
				if want := c.want[i]; want < 0 && err == nil || want >= 0 && (err != nil || got != want) {
					t.Errorf("%v is %v, %v, want %v", v, got, err, want)
				}
			}
			got, err := count.end(c.end, now.Add(time.Minute))
			if c.last < 0 && err == nil || c.last >= 0 && (err != nil || got != c.last) {
				t.Errorf("the end %v is %v, %v, want %v", c.end, got, err, c.last)
			}
		})
	}
}

// FuzzRegister: whatever a charger says, its register never falls and never outruns the bay; at its end it may be less
// than the last value, and never less than it began with.
func FuzzRegister(f *testing.F) {
	f.Add(int64(2259988), int64(12), int64(310), int64(2260310))
	f.Add(int64(0), int64(2259988), int64(2259989), int64(5))
	f.Fuzz(func(t *testing.T, start, first, second, end int64) {
		if start < 0 || start > 1<<40 {
			return
		}
		began := time.Now()
		count := newCounter(kiosk.Register{MaxPower: 22000}, kiosk.Energy(start), began)
		now, before := began, kiosk.Energy(start)
		judge := func(got kiosk.Energy, err error) {
			most := count.most(began, now) * 3
			if err == nil && (got < before || got-kiosk.Energy(start) > most) {
				t.Errorf("from %d the register is %v after %v", start, got, before)
			}
			if err == nil {
				before = got
			}
		}
		for _, v := range []int64{first, second} {
			if v < 0 || v > 1<<40 {
				return
			}
			now = now.Add(time.Minute)
			judge(count.take(kiosk.Energy(v), now))
		}
		if end >= 0 && end < 1<<40 {
			now = now.Add(time.Minute)
			before = kiosk.Energy(start)
			judge(count.end(kiosk.Energy(end), now))
		}
	})
}

// TestRegistersThatComeAtOnce: a charger that was cut off for ten minutes tells all its values at once, and a register
// of whole kWh stands still for long.
func TestRegistersThatComeAtOnce(t *testing.T) {
	now := time.Now()
	c := newCounter(kiosk.Register{MaxPower: 22000}, 2259988, now)
	back := now.Add(10 * time.Minute)
	for i := range 10 {
		v := 2259988 + kiosk.Energy(366*(i+1))
		if got, err := c.take(v, back.Add(time.Duration(i)*50*time.Millisecond)); err != nil || got != v {
			t.Errorf("value %d is %v, %v", i, got, err)
		}
	}
	if _, err := c.take(2259988+3660+1500, back.Add(time.Second)); err == nil {
		t.Error("what was used is given twice")
	}
	c = newCounter(kiosk.Register{MaxPower: 22000}, 2259988, now)
	for i := range 45 { // 11 kW
		at := now.Add(time.Duration(i+1) * 10 * time.Second)
		if _, err := c.take((2259988+kiosk.Energy(31*(i+1)))/1000, at); err != nil {
			t.Errorf("kWh %d: %v", i, err)
		}
	}
}

// TestAKindIsLearnedWhereItIsSure: a new charger's first transaction begins at 0, and says nothing of what it counts.
func TestAKindIsLearnedWhereItIsSure(t *testing.T) {
	now := time.Now()
	for start, sure := range map[kiosk.Energy]bool{0: false, 2259988: true} {
		c := newCounter(kiosk.Register{MaxPower: 22000}, start, now)
		if _, err := c.take(30, now.Add(10*time.Second)); err != nil || (c.kind() == kindSession) != sure {
			t.Errorf("from %v: %v, it is %q", start, err, c.kind())
		}
	}
}

// TestASessionsKWhWithoutAUnit: 12 kW for an hour, told in whole kWh. The least counts on the way, and the register of
// StopTransaction at the end.
func TestASessionsKWhWithoutAUnit(t *testing.T) {
	now := time.Now()
	c := newCounter(kiosk.Register{MaxPower: 22000}, 2259988, now)
	for i := range 360 {
		now = now.Add(10 * time.Second)
		if _, err := c.take(kiosk.Energy((i+1)*33/1000), now); err != nil {
			t.Fatalf("value %d: %v", i, err)
		}
	}
	if got, err := c.end(2259988+11880, now.Add(time.Second)); err != nil || got != 2259988+11880 {
		t.Errorf("the end is %v, %v", got, err)
	}
}
