package v16

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"kioskd"
)

// Decimal is a number without a fraction of its own: tenths, as a limit has them.
type Decimal int64

// MarshalJSON writes a number with one digit.
func (d Decimal) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%d.%d", d/10, d%10), nil }

// UnmarshalJSON reads a number, of which it keeps the tenths.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	r, err := number(string(b))
	if err != nil {
		return err
	}
	r.Mul(r, big.NewRat(10, 1))
	*d = Decimal(new(big.Int).Quo(r.Num(), r.Denom()).Int64())
	return nil
}

// MeterValue is samples of one moment (7.33).
type MeterValue struct {
	Timestamp Time     `json:"timestamp"`
	Samples   []Sample `json:"sampledValue"`
}

// Sample is one value (7.43). Its value is a text, also where it is a number.
type Sample struct {
	Value     Text   `json:"value"`
	Context   string `json:"context,omitempty"`   // Sample.Periodic where it is missing
	Format    string `json:"format,omitempty"`    // Raw where it is missing
	Measurand string `json:"measurand,omitempty"` // Energy.Active.Import.Register where it is missing
	Phase     string `json:"phase,omitempty"`
	Location  string `json:"location,omitempty"` // Outlet where it is missing
	Unit      string `json:"unit,omitempty"`     // Wh where it is missing, of energy
	Proof     Proof  `json:"-"`                  // of a signed value of OCPP 2.x
}

// Proof is how a signed value of OCPP 2.x is written, and what it is proven with.
type Proof struct {
	Encoding  string // OCMF
	Method    string // ECDSA-secp256r1-SHA256
	PublicKey string
}

// Text is a text that some chargers write as a number.
type Text string

// UnmarshalJSON reads both.
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '"' {
		var n json.Number
		if err := json.Unmarshal(b, &n); err != nil {
			return fmt.Errorf("cannot read %s as a value", b)
		}
		*t = Text(n)
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

// Measurands (7.31) that the kiosk reads.
const (
	EnergyRegister = "Energy.Active.Import.Register"
	PowerImport    = "Power.Active.Import"
	CurrentImport  = "Current.Import"
	VoltageOf      = "Voltage"
)

// SignedData is the format of a value that is a signed text.
const SignedData = "SignedData"

// measured is what a sample measures.
func (s Sample) measured() string {
	if s.Measurand == "" {
		return EnergyRegister
	}
	return s.Measurand
}

// mostDigits is how long a number may be: more is none.
const mostDigits = 40

// number reads a decimal number, exactly: digits, a sign, a point or a comma, an exponent, blanks around it.
func number(text string) (*big.Rat, error) {
	clean := strings.TrimSpace(text)
	if strings.Count(clean, ",") == 1 && !strings.Contains(clean, ".") {
		clean = strings.Replace(clean, ",", ".", 1)
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(clean), "e")
	if clean == "" || len(clean) > mostDigits || strings.Trim(mantissa, "0123456789.+-") != "" ||
		len(strings.Trim(exponent, "+-")) > 2 {
		return nil, fmt.Errorf("cannot read %q as a number", text)
	}
	r, ok := new(big.Rat).SetString(clean)
	if !ok {
		return nil, fmt.Errorf("cannot read %q as a number", text)
	}
	return r, nil
}

// scaled is a number in a smaller unit, rounded down: a display is never ahead of the register.
func scaled(text string, times int64) (int64, error) {
	r, err := number(text)
	if err != nil {
		return 0, err
	}
	r.Mul(r, big.NewRat(times, 1))
	n := new(big.Int).Div(r.Num(), r.Denom())
	if !n.IsInt64() {
		return 0, fmt.Errorf("cannot read %q: it is too large", text)
	}
	return n.Int64(), nil
}

// ErrNoValue means that a message has no such value: it is no zero.
var ErrNoValue = errors.New("there is no such value")

// Register is the import register of a moment, as its unit says: the one without a phase; only where there is none, the
// sum of all three phases. The error is ErrNoValue where there is none.
func (m MeterValue) Register() (kiosk.Energy, error) {
	factors := map[string]int64{"": 1, "Wh": 1, "kWh": 1000}
	n, err := m.total(EnergyRegister, factors)
	return kiosk.Energy(n), err
}

// Power is the active power of a moment.
func (m MeterValue) Power() (kiosk.Power, error) {
	n, err := m.total(PowerImport, map[string]int64{"": 1, "W": 1, "kW": 1000})
	return kiosk.Power(n), err
}

// total is a measurand's value, in its smaller unit.
func (m MeterValue) total(measurand string, factors map[string]int64) (int64, error) {
	phases := map[string]int64{}
	whole, found := int64(0), false
	for _, s := range m.Samples {
		if s.measured() != measurand || s.Format == SignedData || s.Location != "" && s.Location != "Outlet" {
			continue
		}
		factor, known := factors[s.Unit]
		if !known {
			return 0, fmt.Errorf("cannot read %s in %q", measurand, s.Unit)
		}
		n, err := scaled(string(s.Value), factor)
		switch {
		case err != nil:
			return 0, fmt.Errorf("cannot read %s: %w", measurand, err)
		case s.Phase == "":
			whole, found = n, true
		default:
			phases[s.Phase] = n
		}
	}
	if found {
		return whole, nil
	}
	for _, set := range [][]string{{"L1", "L2", "L3"}, {"L1-N", "L2-N", "L3-N"}} {
		a, one := phases[set[0]]
		b, two := phases[set[1]]
		c, three := phases[set[2]]
		if one && two && three {
			return a + b + c, nil
		}
	}
	return 0, ErrNoValue
}

// Phases are voltage and current of each phase, in mV and mA; empty where they are not there.
func (m MeterValue) Phases() (voltage, current []int64) {
	read := func(measurand string) (out []int64) {
		for _, phase := range [][2]string{{"L1", "L1-N"}, {"L2", "L2-N"}, {"L3", "L3-N"}} {
			for _, s := range m.Samples {
				if s.measured() != measurand || s.Phase != phase[0] && s.Phase != phase[1] || s.Format == SignedData {
					continue
				}
				n, err := scaled(string(s.Value), 1000)
				if err == nil {
					out = append(out, n)
				}
				break
			}
		}
		return out
	}
	return read(VoltageOf), read(CurrentImport)
}

// Signed are the signed values of a message with their contexts, byte for byte.
func (m MeterValue) Signed() (out []Sample) {
	for _, s := range m.Samples {
		if s.Format == SignedData {
			out = append(out, s)
		}
	}
	return out
}
