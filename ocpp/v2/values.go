package v2

import (
	"encoding/json"
	"fmt"
	"strings"

	"kioskd/ocpp/v16"
)

// Decimal is a number as the peer wrote it: exact. What is none is kept as it is, and is no value when it is read: one
// odd value must not lose what stands beside it.
type Decimal string

// UnmarshalJSON keeps a number, or a text.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	var text v16.Text
	if json.Unmarshal(b, &text) != nil {
		text = v16.Text(b)
	}
	*d = Decimal(text)
	return nil
}

// MarshalJSON writes a number.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if n := json.Number(d); d != "" {
		return json.Marshal(n)
	}
	return []byte("0"), nil
}

// MeterValue is samples of one moment.
type MeterValue struct {
	Timestamp Time     `json:"timestamp"`
	Samples   []Sample `json:"sampledValue"`
}

// Sample is one value: a number, unlike in 1.6.
type Sample struct {
	Value     Decimal `json:"value"`
	Context   string  `json:"context,omitempty"`
	Measurand string  `json:"measurand,omitempty"`
	Phase     string  `json:"phase,omitempty"`
	Location  string  `json:"location,omitempty"`
	Unit      *Unit   `json:"unitOfMeasure,omitempty"`
	Signed    *Signed `json:"signedMeterValue,omitempty"`
}

// Unit is a value's, and the power of ten that it is multiplied by.
type Unit struct {
	Unit       string `json:"unit,omitempty"` // Wh where it is missing, of energy
	Multiplier int    `json:"multiplier,omitempty"`
}

// Signed is a signed value, in base64.
type Signed struct {
	Data      string `json:"signedMeterData"`
	Method    string `json:"signingMethod"`
	Encoding  string `json:"encodingMethod"`
	PublicKey string `json:"publicKey"`
}

// mostPower is the largest power of ten of a multiplier that is one.
const mostPower = 9

// As16 is the same as 1.6 says it, by which everything is read.
func (m MeterValue) As16() v16.MeterValue {
	out := v16.MeterValue{Timestamp: m.Timestamp}
	for _, s := range m.Samples {
		as := v16.Sample{Value: v16.Text(s.Value), Context: s.Context, Measurand: s.Measurand, Phase: s.Phase,
			Location: s.Location}
		if s.Unit != nil {
			as.Unit = s.Unit.Unit
			as.Value = scaled(s.Value, s.Unit.Multiplier)
		}
		out.Samples = append(out.Samples, as)
		if s.Signed != nil {
			out.Samples = append(out.Samples, v16.Sample{Value: v16.Text(s.Signed.Data), Context: s.Context,
				Format: v16.SignedData, Proof: v16.Proof{Encoding: s.Signed.Encoding, Method: s.Signed.Method,
					PublicKey: s.Signed.PublicKey}})
		}
	}
	return out
}

// scaled is a number times a power of ten, as a text that is none where it cannot be read.
func scaled(n Decimal, power int) v16.Text {
	switch {
	case power == 0:
		return v16.Text(n)
	case power < -mostPower, power > mostPower, strings.ContainsAny(string(n), "eE"):
		return v16.Text(fmt.Sprintf("%s times 10 to the power of %d", n, power))
	}
	return v16.Text(fmt.Sprintf("%se%d", n, power))
}
