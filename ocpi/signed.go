package ocpi

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"kioskd"
)

// SignedData is what a meter signed (OCPI 2.2.1, 10.4.3; 2.3.0, 10.4.12).
type SignedData struct {
	Method    string        `json:"encoding_method"`
	PublicKey string        `json:"public_key,omitempty"` // SubjectPublicKeyInfo in base64
	Values    []SignedValue `json:"signed_values"`
}

// SignedValue is one record. Plain is empty where the payload is longer than OCPI has room for: it is in Signed, too.
type SignedValue struct {
	Nature string `json:"nature"`
	Plain  string `json:"plain_data"`
	Signed string `json:"signed_data"` // the OCMF record, byte for byte, in base64
}

// Lengths of OCPI.
const (
	mostPlain  = 512
	mostSigned = 5000
)

// signedData is what a session's meter signed; nil where that proves nothing.
func signedData(s *kiosk.SignedReading) (*SignedData, error) {
	if s == nil || s.Error != "" {
		return nil, nil
	}
	key, err := hex.DecodeString(s.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("cannot read the meter's public key: %w", err)
	}
	out := &SignedData{Method: "OCMF", PublicKey: base64.StdEncoding.EncodeToString(key)}
	for i, record := range s.Records {
		v := SignedValue{Nature: "Start", Signed: base64.StdEncoding.EncodeToString([]byte(record))}
		if i == len(s.Records)-1 { // one record alone has the beginning, too
			v.Nature = "End"
		}
		if part := strings.Split(record, "|"); len(part) == 3 && len([]rune(part[1])) <= mostPlain {
			v.Plain = part[1]
		}
		if len(v.Signed) > mostSigned {
			return nil, fmt.Errorf("a signed record of %d bytes is longer than OCPI has room for", len(record))
		}
		out.Values = append(out.Values, v)
	}
	return out, nil
}
