package meter_test

import (
	"encoding/binary"
	"math"
	"testing"
	"testing/synctest"

	"kioskd/meter"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// FuzzValues lets a meter of each model answer with any registers and a good checksum. Nothing breaks; what
// is read is a number that a register can have, and of an SDM630 exactly what "SDM630-Modbus V2" says that
// its float at 0048 is.
func FuzzValues(f *testing.F) {
	models, err := model.BuiltIn()
	if err != nil {
		f.Fatal(err)
	}
	for i := range models {
		f.Add(uint8(i), []byte{0x42, 0xC8, 0, 0}) // 100 kWh
		f.Add(uint8(i), []byte{0x7F, 0xC0, 0, 0}) // not a number
		f.Add(uint8(i), []byte{0xFF, 0x80, 0, 0})
		f.Add(uint8(i), []byte{0x7F, 0x7F, 0xFF, 0xFF})
		f.Add(uint8(i), []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
		f.Add(uint8(i), []byte{0x80, 0, 0, 0, 0, 0, 0, 1})
	}
	f.Fuzz(func(t *testing.T, n uint8, words []byte) {
		one := models[int(n)%len(models)]
		if len(words) < 2 || len(words) > 250 {
			return
		}
		at := func(register int) byte { return words[register%len(words)] }
		synctest.Test(t, func(t *testing.T) { // a meter may want a pause before each request
			bus := answering(t, func(r []byte) []byte {
				address, count := int(binary.BigEndian.Uint16(r[2:])), int(binary.BigEndian.Uint16(r[4:]))
				out := []byte{r[0], r[1], byte(2 * count)}
				for i := range 2 * count {
					out = append(out, at(2*address+i))
				}
				return modbus.AppendCRC(out)
			})
			r, err := meter.New(bus, 1, one).Read(t.Context())
			if err != nil {
				return
			}
			if r.Import < 0 || r.Serial == "" && len(one.Serial) > 0 {
				t.Errorf("%s: read %+v", one, r)
			}
			if one.Name == "SDM630" {
				kwh := float64(math.Float32frombits(binary.BigEndian.Uint32([]byte{at(0x90), at(0x91), at(0x92),
					at(0x93)})))
				if off := math.Abs(float64(r.Import) - kwh*1000); !(off <= 1) {
					t.Errorf("%v Wh of %v kWh", r.Import, kwh)
				}
			}
		})
	})
}
