package config_test

import (
	"strings"
	"testing"
)

// bauerKey is the public key of a meter (bsm-python, doc/examples).
const bauerKey = "3059301306072a8648ce3d020106082a8648ce3d030107034200044bfd02c1d8" +
	"5272ceea9977db26d72cc401d9e5602faeee7ec7b6b62f9c0cce34ad8d345d5a" +
	"c0e8f65deb5ff0bb402b1b87926bd1b7fc2dbc3a9774e8e70c7254"

// TestSalesAreSigned where a meter has a public key; the bay's rules say so.
func TestSalesAreSigned(t *testing.T) {
	signs := changed(t, changed(t, least, "SDM630", "BSM-WS36A"), "      unit: 1\n",
		"      unit: 1\n      public_key: "+bauerKey+"\n")
	c := good(t, signs)
	if !c.Rules.Signs[1] || c.Bays[0].Key == nil || c.Bays[0].Key.Curve() != "secp256r1" {
		t.Errorf("signs %v, key %v", c.Rules.Signs, c.Bays[0].Key)
	}
	if c := good(t, least); c.Rules.Signs[1] || c.Bays[0].Key != nil {
		t.Errorf("a bay without a key signs: %v", c.Rules.Signs)
	}
	for text, want := range map[string]string{
		changed(t, signs, bauerKey, "¦3059"):                                 "public_key",
		changed(t, signs, bauerKey, "¦not a key"):                            "neither hexadecimal nor base64",
		changed(t, signs, bauerKey, "¦"+strings.Repeat("00", 64)):            "not on the curve",
		changed(t, changed(t, signs, "BSM-WS36A", "EM340"), "3059", "¦3059"): "signs nothing",
	} {
		refused(t, text, want)
	}
}

// TestAMeterOverHTTP has an address of HTTP, no unit, and no line that others share.
func TestAMeterOverHTTP(t *testing.T) {
	lem := changed(t, changed(t, changed(t, least, "SDM630", "DCBM-400"), "      unit: 1\n", ""),
		"model: DCBM-400\n      address: tcp://192.0.2.8:502", "model: DCBM-400\n      address: http://192.0.2.8")
	c := good(t, lem)
	if !c.Bays[0].HTTP() || len(c.MeterLines()) != 0 || c.Rules.Signs[1] {
		t.Errorf("%+v, lines %v", c.Bays[0], c.MeterLines())
	}
	good(t, changed(t, lem, "http://192.0.2.8", "http://192.0.2.8\n      public_key: "+bauerKey))
	for text, want := range map[string]string{
		changed(t, lem, "model: DCBM-400", "¦model: SDM630"):                             "want address http://HOST",
		changed(t, lem, "http://192.0.2.8", "http://192.0.2.8\n      unit: 1"):           "",
		changed(t, lem, "address: http://192.0.2.8", "address: ¦http://192.0.2.8/meter"): "want http://HOST",
	} {
		if want == "" {
			text, want = strings.Replace(text, "model: DCBM", "¦model: DCBM", 1), "want no unit"
		}
		refused(t, text, want)
	}
	second := strings.Replace(lem[strings.Index(lem, "  - number: 1"):], "number: 1", "number: 2", 1)
	inputs := strings.NewReplacer("coil: 0", "coil: 2", "plugged: 0", "plugged: 4", "feedback: 1", "feedback: 5")
	second = inputs.Replace(second)
	refused(t, lem+strings.Replace(second, "number", "¦number", 1), "the meter at http://192.0.2.8")
}
