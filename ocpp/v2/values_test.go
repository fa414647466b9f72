package v2_test

import (
	"encoding/json"
	"errors"
	"testing"

	"kioskd"
	"kioskd/ocpp/v16"
	"kioskd/ocpp/v2"
)

// TestValuesAreNumbersWithAMultiplier: what OCPP 2.0.1 writes, and what it is worth.
func TestValuesAreNumbersWithAMultiplier(t *testing.T) {
	for text, want := range map[string]kiosk.Energy{
		`{"value":2259988}`: 2259988,
		`{"value":2259988.9,"measurand":"Energy.Active.Import.Register"}`: 2259988,
		`{"value":2259.988,"unitOfMeasure":{"unit":"kWh"}}`:               2259988,
		`{"value":2259.988,"unitOfMeasure":{"unit":"Wh","multiplier":3}}`: 2259988,
		`{"value":2259988000,"unitOfMeasure":{"multiplier":-3}}`:          2259988,
		`{"value":1,"unitOfMeasure":{"unit":"Wh","multiplier":400}}`:      -1,
		`{"value":1e3,"unitOfMeasure":{"unit":"Wh","multiplier":3}}`:      -1,
		`{"value":1e3}`: 1000,
		`{"value":7,"measurand":"Power.Active.Import"}`:   -2,
		`{"value":12,"unitOfMeasure":{"unit":"Percent"}}`: -1,
	} {
		var m v2.MeterValue
		if err := json.Unmarshal([]byte(`{"timestamp":"2026-03-02T09:00:10Z","sampledValue":[`+text+`]}`), &m); err != nil {
			t.Fatal(err)
		}
		got, err := m.As16().Register()
		switch {
		case want >= 0 && (err != nil || got != want), want == -1 && (err == nil || errors.Is(err, v16.ErrNoValue)),
			want == -2 && !errors.Is(err, v16.ErrNoValue):
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
}

// TestASignedValueIsKept byte for byte, beside the value that it signs.
func TestASignedValueIsKept(t *testing.T) {
	m := v2.MeterValue{Samples: []v2.Sample{{Value: "1", Context: "Transaction.End",
		Signed: &v2.Signed{Data: "T0NNRnx7fXx7fQ==", Encoding: "OCMF"}}}}
	signed := m.As16().Signed()
	if len(signed) != 1 || signed[0].Value != "T0NNRnx7fXx7fQ==" || signed[0].Context != "Transaction.End" {
		t.Errorf("%+v", signed)
	}
}
