package events

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"

	"kioskd"
	"kioskd/meter/ocmf"
	"kioskd/ocpp/v2"
)

// signed are the values that a meter signed, each with the whole record byte for byte: of the beginning, and of the
// end. A key is written as the OCA's note on signed meter values has it: its encoding and its form before it.
func signed(s *kiosk.SignedReading) (out []v2.Sample) {
	if s == nil {
		return nil
	}
	begin, end, err := ocmf.Sides(s.Records)
	if err != nil {
		return nil // which was judged before it was journaled
	}
	t, err := ocmf.Pair(begin, end)
	if err != nil {
		return nil
	}
	both := []*ocmf.Record{begin, end}
	for _, r := range slices.Compact(both) {
		sample := v2.Sample{Context: "Transaction.End", Measurand: "Energy.Active.Import.Register",
			Unit: &v2.Unit{Unit: "Wh"}, Signed: &v2.Signed{Data: base64.StdEncoding.EncodeToString([]byte(r.Raw)),
				Method: r.Algorithm(), Encoding: "OCMF",
				PublicKey: base64.StdEncoding.EncodeToString([]byte("oca:base16:asn1:" + s.PublicKey))}}
		value := t.Stop.Value
		if r != t.End {
			sample.Context, value = "Transaction.Begin", t.Start.Value
		}
		sample.Value = v2.Decimal(whole(value))
		out = append(out, sample)
	}
	return out
}

// whole is a value in whole watt-hours.
func whole(v *big.Rat) string {
	if v == nil {
		return "0"
	}
	return fmt.Sprint(new(big.Int).Quo(v.Num(), v.Denom()))
}
