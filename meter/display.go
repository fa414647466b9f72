package meter

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"kioskd"
)

// Display is an energy as a person reads it off a meter, in kWh with as many decimals as it shows.
type Display struct {
	text string
	wh   *big.Rat
	last *big.Rat // what one in the last place is, in Wh
}

var shownNumber = regexp.MustCompile(`^[0-9]{1,12}([.,][0-9]{1,4})?$`)

// ParseDisplay reads what a display shows, with a point or a comma.
func ParseDisplay(text string) (Display, error) {
	if !shownNumber.MatchString(text) {
		return Display{}, fmt.Errorf("display %q: want kWh as it shows them, as in 1234.5", text)
	}
	kwh, _ := new(big.Rat).SetString(strings.Replace(text, ",", ".", 1))
	last := big.NewRat(1000, 1)
	if _, decimals, found := strings.Cut(strings.Replace(text, ",", ".", 1), "."); found {
		for range decimals {
			last.Quo(last, big.NewRat(10, 1))
		}
	}
	return Display{text, kwh.Mul(kwh, big.NewRat(1000, 1)), last}, nil
}

// lookedFor is how long a person takes from the display to the key.
const lookedFor = 2 * time.Minute

// Agrees tells why a register is not the one that the display shows; nil where it may be: within the last place of the
// display, a step of the register, and what has flowed since the person looked.
func (d Display) Agrees(r kiosk.Reading, step kiosk.Energy) error {
	register := new(big.Rat).SetInt64(int64(r.Import))
	off := new(big.Rat).Sub(register, d.wh)
	flowed := int64(max(0, r.Power)) * int64(lookedFor/time.Second) / 3600
	room := new(big.Rat).Add(d.last, big.NewRat(int64(step)+flowed, 1))
	if off.Sign() >= 0 && off.Cmp(room) <= 0 || off.Sign() < 0 && new(big.Rat).Neg(off).Cmp(
		new(big.Rat).Add(d.last, big.NewRat(int64(step), 1))) <= 0 {
		return nil
	}
	return fmt.Errorf("the register is %v, and the display shows %s kWh: %s", r.Import, d.text, d.hint(register))
}

// hint says what two numbers that differ have in common.
func (d Display) hint(register *big.Rat) string {
	for _, factor := range []int64{10, 100, 1000, 10_000} {
		for _, pair := range [][2]*big.Rat{{register, d.wh}, {d.wh, register}} {
			times := new(big.Rat).Mul(pair[1], big.NewRat(factor, 1))
			off := new(big.Rat).Sub(pair[0], times)
			if times.Sign() > 0 && off.Abs(off).Cmp(times.Quo(times, big.NewRat(200, 1))) <= 0 {
				return fmt.Sprintf("they differ by a factor of %d: the file has another unit than the meter, or the "+
					"ratio of its current transformers is another", factor)
			}
		}
	}
	return "it is another model, another register (a partial counter?), or another meter"
}
