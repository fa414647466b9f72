package ocmf

import (
	"encoding/xml"
)

// safeValues is what the S.A.F.E. transparency software reads (its XML_Format.md).
type safeValues struct {
	XMLName xml.Name    `xml:"values"`
	Values  []safeValue `xml:"value"`
}

type safeValue struct {
	Transaction int      `xml:"transactionId,attr,omitempty"`
	Context     string   `xml:"context,attr,omitempty"`
	Signed      safeText `xml:"signedData"`
	Key         safeText `xml:"publicKey"`
}

type safeText struct {
	Format   string `xml:"format,attr,omitempty"`
	Encoding string `xml:"encoding,attr"`
	Text     string `xml:",chardata"`
}

// SAFE is a transaction for the S.A.F.E. transparency software: its records byte for byte, with the key that a driver
// compares with the one on the meter.
func SAFE(t Transaction, k Key) ([]byte, error) {
	key, err := k.Hex()
	if err != nil {
		return nil, err
	}
	value := func(r *Record) safeValue {
		return safeValue{Signed: safeText{"OCMF", "plain", r.Raw}, Key: safeText{"", "plain", key}}
	}
	var out safeValues
	if t.Begin == t.End {
		out.Values = []safeValue{value(t.Begin)}
	} else {
		begin, end := value(t.Begin), value(t.End)
		begin.Transaction, begin.Context = 1, "Transaction.Begin"
		end.Transaction, end.Context = 1, "Transaction.End"
		out.Values = []safeValue{begin, end}
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(append([]byte(xml.Header), text...), '\n'), nil
}
