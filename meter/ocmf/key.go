package ocmf

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/ProtonMail/go-crypto/brainpool"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// Errors of a verification.
var (
	// ErrCannotCheck means that this program does not know the curve or the hash: it says nothing of the record.
	ErrCannotCheck = errors.New("cannot be checked here")
	// ErrForged means that the key is not that of the signature, or that the record is not what was signed.
	ErrForged = errors.New("the signature is not that of this record and this key")
)

// curve is an elliptic curve by its name and its object identifier.
type curve struct {
	name string // as in SA, in small letters
	oid  asn1.ObjectIdentifier
	of   func() elliptic.Curve
}

// curves are those that meters sign with (OCMF 1.3, table 21). secp192k1 is not among them: no kept module has it.
func curves() []curve {
	return []curve{
		{"secp256r1", asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, elliptic.P256},
		{"secp384r1", asn1.ObjectIdentifier{1, 3, 132, 0, 34}, elliptic.P384},
		{"secp256k1", asn1.ObjectIdentifier{1, 3, 132, 0, 10}, k256},
		{"secp192r1", asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 1}, p192},
		{"brainpoolp256r1", asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 7}, brainpool.P256r1},
		{"brainpoolp384r1", asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 11}, brainpool.P384r1},
	}
}

// k256 is secp256k1, through the interface that the other curves have.
func k256() elliptic.Curve {
	return secp256k1.S256() //lint:ignore SA1019 one way for all curves; nothing secret is computed
}

// p192 is secp192r1 (SEC 2, 2.2.2), whose coefficient a is -3 as the standard library's generic curve wants it.
func p192() elliptic.Curve {
	hexInt := func(text string) *big.Int {
		n, _ := new(big.Int).SetString(text, 16)
		return n
	}
	return &elliptic.CurveParams{Name: "secp192r1", BitSize: 192,
		P:  hexInt("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFFFFFFFFFF"),
		N:  hexInt("FFFFFFFFFFFFFFFFFFFFFFFF99DEF836146BC9B1B4D22831"),
		B:  hexInt("64210519E59C80E70FA7E9AB72243049FEB8DEECC146B9B1"),
		Gx: hexInt("188DA80EB03090F67CBF20EB43A18800F4FF0AFD82FF1012"),
		Gy: hexInt("07192B95FFC8DA78631011ED6B24CDD573F977A11E794811"),
	}
}

// Key is a public key of a meter.
type Key struct {
	curve curve
	x, y  *big.Int
}

// spki is a key with its algorithm (RFC 5480).
type spki struct {
	Algorithm struct {
		Algorithm asn1.ObjectIdentifier
		Curve     asn1.ObjectIdentifier
	}
	Point asn1.BitString
}

// ecPublicKey is the algorithm of a key on an elliptic curve (RFC 5480, 2.1.1).
func ecPublicKey() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1} }

// ParseKey reads a public key: as SubjectPublicKeyInfo (RFC 5480), or as a point, 04 X Y or X Y, on the curve of an
// algorithm as in SA. The text is hexadecimal or base64.
func ParseKey(text, algorithm string) (Key, error) {
	text = strings.Join(strings.Fields(text), "")
	der, err := hex.DecodeString(text)
	if err != nil {
		der, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(der) == 0 {
		return Key{}, errors.New("cannot read public key: it is neither hexadecimal nor base64")
	}
	var whole spki
	rest, err := asn1.Unmarshal(der, &whole)
	if err == nil && len(rest) == 0 {
		if !whole.Algorithm.Algorithm.Equal(ecPublicKey()) {
			return Key{}, fmt.Errorf("cannot read public key: algorithm %v %w", whole.Algorithm.Algorithm,
				ErrCannotCheck)
		}
		for _, c := range curves() {
			if c.oid.Equal(whole.Algorithm.Curve) {
				return point(c, whole.Point.RightAlign())
			}
		}
		return Key{}, fmt.Errorf("cannot read public key: curve %v %w", whole.Algorithm.Curve, ErrCannotCheck)
	}
	c, err := curveOf(algorithm)
	if err != nil {
		return Key{}, fmt.Errorf("cannot read public key: %w", err)
	}
	return point(c, der)
}

func point(c curve, b []byte) (Key, error) {
	params := c.of().Params()
	n := (params.BitSize + 7) / 8
	if len(b) == 2*n {
		b = append([]byte{4}, b...)
	}
	if len(b) != 1+2*n || b[0] != 4 {
		return Key{}, fmt.Errorf("cannot read public key: %d bytes are no point of %s", len(b), c.name)
	}
	k := Key{c, new(big.Int).SetBytes(b[1 : 1+n]), new(big.Int).SetBytes(b[1+n:])}
	if !c.of().IsOnCurve(k.x, k.y) {
		return Key{}, fmt.Errorf("cannot read public key: it is not on the curve %s", c.name)
	}
	return k, nil
}

// point is the key as 04 X Y.
func (k Key) point() []byte {
	n := (k.curve.of().Params().BitSize + 7) / 8
	out := append([]byte{4}, k.x.FillBytes(make([]byte, n))...)
	return append(out, k.y.FillBytes(make([]byte, n))...)
}

// SPKI is the key as SubjectPublicKeyInfo, in DER.
func (k Key) SPKI() ([]byte, error) {
	var out spki
	out.Algorithm.Algorithm = ecPublicKey()
	out.Algorithm.Curve = k.curve.oid
	b := k.point()
	out.Point = asn1.BitString{Bytes: b, BitLength: 8 * len(b)}
	return asn1.Marshal(out)
}

// Hex is SPKI in hexadecimal digits, as a configuration and a receipt have it.
func (k Key) Hex() (string, error) {
	der, err := k.SPKI()
	return hex.EncodeToString(der), err
}

// Equal tells whether two keys are the same.
func (k Key) Equal(other Key) bool {
	return k.curve.name == other.curve.name && bytes.Equal(k.point(), other.point())
}

// Fingerprint is what people compare: the start of the SHA-256 of the key's point.
func (k Key) Fingerprint() string {
	sum := sha256.Sum256(k.point())
	return fmt.Sprintf("%X", sum[:8])
}

// Curve is the name of the key's curve.
func (k Key) Curve() string { return k.curve.name }

// sealing is an algorithm as in SA.
var sealing = regexp.MustCompile(`(?i)^ECDSA-([a-z0-9]+)-SHA256$`)

// usual is the algorithm of a record that names none.
const usual = "ECDSA-secp256r1-SHA256"

// curveOf is the curve of an algorithm. Brainpool's are written with and without a P before the number.
func curveOf(algorithm string) (curve, error) {
	if algorithm == "" {
		algorithm = usual
	}
	m := sealing.FindStringSubmatch(algorithm)
	if m == nil {
		return curve{}, fmt.Errorf("algorithm %q %w", algorithm, ErrCannotCheck)
	}
	name := strings.ToLower(m[1])
	if rest, ok := strings.CutPrefix(name, "brainpool"); ok && !strings.HasPrefix(rest, "p") {
		name = "brainpoolp" + rest
	}
	for _, c := range curves() {
		if c.name == name {
			return c, nil
		}
	}
	return curve{}, fmt.Errorf("curve %s %w", m[1], ErrCannotCheck)
}

// Algorithm is the algorithm of the signature, as in SA.
func (r *Record) Algorithm() string { return cmp.Or(r.Sealed.Algorithm, usual) }

// Verify tells whether the record is signed with the key's private half. nil is yes; ErrForged is no; ErrCannotCheck
// says nothing.
func (r *Record) Verify(k Key) error {
	c, err := curveOf(r.Sealed.Algorithm)
	if err != nil {
		return err
	}
	if c.name != k.curve.name {
		return fmt.Errorf("%w: the key is of %s, the signature of %s", ErrForged, k.curve.name, c.name)
	}
	der, err := r.Sealed.der()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForged, err)
	}
	rs, ss, err := integers(der)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForged, err)
	}
	sum := sha256.Sum256([]byte(r.signed))
	if !ecdsa.Verify(&ecdsa.PublicKey{Curve: c.of(), X: k.x, Y: k.y}, sum[:], rs, ss) {
		return ErrForged
	}
	return nil
}

// der is the signature as the meter made it.
func (s Signature) der() ([]byte, error) {
	switch s.Encoding {
	case "", "hex":
		return hex.DecodeString(s.Data)
	case "base64":
		return base64.StdEncoding.DecodeString(s.Data)
	}
	return nil, fmt.Errorf("encoding %q is unknown", s.Encoding)
}

// integers reads a sequence of two integers. Some meters put zeros before an integer that DER has without them, or
// leave out the one that keeps it from being negative: a number is taken for what its bytes are, without a sign.
func integers(der []byte) (r, s *big.Int, err error) {
	bad := errors.New("the signature is no sequence of two integers")
	take := func(tag byte, from []byte) (value, rest []byte, ok bool) {
		if len(from) < 2 || from[0] != tag {
			return nil, nil, false
		}
		n, head := int(from[1]), 2
		if n == 0x81 && len(from) > 2 {
			n, head = int(from[2]), 3
		} else if n > 0x7F {
			return nil, nil, false
		}
		if len(from) < head+n {
			return nil, nil, false
		}
		return from[head : head+n], from[head+n:], true
	}
	body, rest, ok := take(0x30, der)
	if !ok || len(rest) > 0 {
		return nil, nil, bad
	}
	first, body, ok := take(0x02, body)
	if !ok {
		return nil, nil, bad
	}
	second, body, ok := take(0x02, body)
	if !ok || len(body) > 0 {
		return nil, nil, bad
	}
	return new(big.Int).SetBytes(first), new(big.Int).SetBytes(second), nil
}
