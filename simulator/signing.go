package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/brainpool"

	"kioskd"
	"kioskd/meter/model"
	"kioskd/modbus"
)

// SigningMeter is a meter that signs readings, with a key of its own, beside what it shows. What it signs is of the
// bay: it does not lie, as a sealed meter would not.
type SigningMeter struct {
	*Meter
	signer

	mu   sync.Mutex
	own  map[uint16]uint16    // registers that were written, or that it makes itself
	set  map[uint16]time.Time // when registers were written: a clock goes on from there
	page int
	way  signing
}

// signer is what a meter signs with.
type signer struct {
	// Spoil may change a record before the meter hands it out.
	Spoil func(record string) string
	// Refuses lets the meter take nothing that it is told.
	Refuses bool

	key   *ecdsa.PrivateKey
	curve asn1.ObjectIdentifier

	made struct {
		sync.Mutex
		records []string
	}
}

// Step is what its records count in: those of a Bauer BSM hundredths of a kWh.
func (m *SigningMeter) Step() kiosk.Energy {
	if _, coarse := m.way.(*bsmSigning); coarse {
		return 10
	}
	return 1
}

// Records are all that the meter made, as it hands them out.
func (m *signer) Records() []string {
	m.made.Lock()
	defer m.made.Unlock()
	return slices.Clone(m.made.records)
}

// keep remembers a record.
func (m *signer) keep(record string) string {
	m.made.Lock()
	defer m.made.Unlock()
	m.made.records = append(m.made.records, record)
	return record
}

// Misbehave lets the meter sign as a fault has it.
func (m *SigningMeter) Misbehave(f SignFault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.misbehave(f)
}

func (m *signer) misbehave(f SignFault) {
	m.Refuses = f == SignsNot
	m.Spoil = nil
	if f == Forged {
		m.Spoil = func(record string) string { return strings.Replace(record, `"ST":"G"`, `"ST": "G"`, 1) }
	}
}

// create makes a key of its own on a curve.
func (m *signer) create(curve elliptic.Curve, id asn1.ObjectIdentifier) (err error) {
	m.key, err = ecdsa.GenerateKey(curve, rand.Reader)
	m.curve = id
	return err
}

// p256 is the object identifier of P-256, brainpool384 that of brainpoolP384r1.
func p256() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7} }
func brainpool384() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 11}
}

// PublicKey is the public key as a configuration has it.
func (m *signer) PublicKey() string { return fmt.Sprintf("%x", m.der()) }

// signing is one make's way to sign. told looks at what was written, and carries it out.
type signing interface {
	prepare(m *SigningMeter) error
	told(m *SigningMeter, address uint16, words []uint16)
	cut(m *SigningMeter) // its power was off
}

// CutPower lets the meter lose what its make loses with its power.
func (m *SigningMeter) CutPower() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.way.cut(m)
}

// NewSigningMeter is a bay's meter of a model that signs.
func NewSigningMeter(m *model.Model, b *Bay) (*SigningMeter, error) {
	out := &SigningMeter{Meter: MeterOf(m, b), own: map[uint16]uint16{}, set: map[uint16]time.Time{},
		page: 4276}
	curve, id := elliptic.P256(), p256()
	switch m.Signing {
	case "bsm":
		out.way = &bsmSigning{}
	case "em580":
		out.way, curve, id = &em580Signing{}, brainpool.P384r1(), brainpool384()
	case "wm3m4":
		out.way = &wm3m4Signing{}
	default:
		return nil, fmt.Errorf("a %v signs nothing", m)
	}
	if err := out.create(curve, id); err != nil {
		return nil, err
	}
	return out, out.way.prepare(out)
}

// Answer implements Unit.
func (m *SigningMeter) Answer(pdu []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(pdu) < 5 {
		return []byte{pdu[0] | 0x80, 3}
	}
	address := binary.BigEndian.Uint16(pdu[1:])
	if m.Refuses && (pdu[0] == modbus.WriteRegister || pdu[0] == modbus.WriteRegisters) {
		return []byte{pdu[0] | 0x80, 4}
	}
	switch pdu[0] {
	case modbus.WriteRegister:
		m.write(address, []uint16{binary.BigEndian.Uint16(pdu[3:])})
		return pdu
	case modbus.WriteRegisters:
		var words []uint16
		for i := 6; i+1 < len(pdu); i += 2 {
			words = append(words, binary.BigEndian.Uint16(pdu[i:]))
		}
		m.write(address, words)
		return pdu[:5]
	case modbus.ReadHolding, modbus.ReadRegisters:
		count := binary.BigEndian.Uint16(pdu[3:])
		if _, ok := m.own[address]; !ok || count > 125 {
			return m.Meter.Answer(pdu)
		}
		out := []byte{pdu[0], byte(2 * count)}
		for i := range count {
			out = binary.BigEndian.AppendUint16(out, m.own[address+i])
		}
		return out
	}
	return []byte{pdu[0] | 0x80, 1}
}

func (m *SigningMeter) write(address uint16, words []uint16) {
	m.put(address, words...)
	m.set[address] = time.Now()
	m.way.told(m, address, words)
}

func (m *SigningMeter) put(address uint16, words ...uint16) {
	for i, w := range words {
		m.own[address+uint16(i)] = w
	}
}

// room makes registers that hold nothing.
func (m *SigningMeter) room(address uint16, n int) { m.put(address, make([]uint16, n)...) }

// putText puts a text, and zeros behind it.
func (m *SigningMeter) putText(address uint16, text string, room int) {
	m.room(address, room)
	for i := range len(text) {
		m.own[address+uint16(i/2)] |= uint16(text[i]) << (8 * (1 - i%2))
	}
}

// textAt is a text of some registers.
func (m *SigningMeter) textAt(address uint16, n int) string {
	var b strings.Builder
	for i := range n {
		w := m.own[address+uint16(i)]
		b.Write([]byte{byte(w >> 8), byte(w)})
	}
	text, _, _ := strings.Cut(b.String(), "\x00")
	return text
}

// sign signs a payload; the signature is in DER.
func (m *signer) sign(payload string) []byte {
	sum := sha256.Sum256([]byte(payload))
	r, s, err := ecdsa.Sign(rand.Reader, m.key, sum[:])
	if err != nil {
		return nil
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		return nil
	}
	return der
}

// record closes a payload with its signature.
func (m *signer) record(payload, algorithm string) string {
	out := fmt.Sprintf(`OCMF|%s|{"SA":"%s","SD":"%x"}`, payload, algorithm, m.sign(payload))
	if m.Spoil != nil {
		out = m.Spoil(out)
	}
	return m.keep(out)
}

// point is the public key as X and Y.
func (m *signer) point() []byte {
	n := (m.key.Curve.Params().BitSize + 7) / 8
	return append(m.key.X.FillBytes(make([]byte, n)), m.key.Y.FillBytes(make([]byte, n))...)
}

// der is the public key as SubjectPublicKeyInfo.
func (m *signer) der() []byte {
	var out struct {
		Algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
		Point     asn1.BitString
	}
	out.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	out.Algorithm.Curve = m.curve
	b := append([]byte{4}, m.point()...)
	out.Point = asn1.BitString{Bytes: b, BitLength: 8 * len(b)}
	der, err := asn1.Marshal(out)
	if err != nil {
		return nil
	}
	return der
}

// now is what a clock tells whose registers were set to some second.
func (m *SigningMeter) now(address uint16, second int64) string {
	return stamp(time.Unix(second, 0).Add(time.Since(m.set[address])))
}

// kwh is the register as the records have it.
func (m *SigningMeter) kwh() string {
	wh := m.bay.State().Register
	return fmt.Sprintf("%d.%03d", wh/1000, wh%1000)
}

// stamp is a time as the records have it.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05") + ",000+0000 S" }

// quoted is a text in a record.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

// bsmSigning is that of a Bauer BSM (the register numbers are those of its maker's table). Its records are of a
// register that only other snapshots reset, in hundredths of a kWh, and have beside it the one that is never reset
// (bsm-python, doc/examples/ocmf.md and snapshots.md).
type bsmSigning struct{}

// bsmReset is what the register counted when it was reset last.
const bsmReset kiosk.Energy = 400_003

func (bsmSigning) prepare(m *SigningMeter) error {
	der := m.der()
	m.room(40260, 3)
	m.room(40279, 170)
	m.putText(40451, string(der), 48)
	m.put(40450, uint16(len(der)))
	for _, at := range []uint16{41286, 41540} {
		m.put(at, 1)
	}
	for _, at := range []uint16{43291, 43791} {
		m.room(at, 500)
		m.put(at+3, 1)
	}
	return nil
}

func (bsmSigning) told(m *SigningMeter, address uint16, words []uint16) {
	event, record, kind := "B", uint16(43291), uint16(3)
	switch {
	case address == 41286 && words[0] == 2:
	case address == 41540 && words[0] == 2:
		event, record, kind = "E", 43791, 4
	default:
		return
	}
	m.page++
	at := m.now(40260, int64(m.own[40260])<<16|int64(m.own[40261]))
	hundredths := func(wh kiosk.Energy) string { return fmt.Sprintf("%d.%02d", wh/1000, wh%1000/10) }
	register := m.bay.State().Register
	payload := fmt.Sprintf(`{"FV":"1.0","GI":"BAUER Electronic BSM-WS36A-H01-1311-0000","GS":"%[1]s",`+
		`"GV":"1.9:32CA:AFF4, f1d3d06","PG":"T%[2]d","MV":"BAUER Electronic","MM":"BSM-WS36A-H01-1311-0000",`+
		`"MS":"%[1]s","IS":true,"IT":"UNDEFINED","ID":%[3]s,"X2":%[4]s,"RD":[{"TM":"%[5]s","TX":"%[6]s",`+
		`"RV":%[7]s,"RI":"1-0:1.8.0*198","RU":"kWh","XV":%[9]s,"XI":"1-0:1.8.0*255","XU":"kWh","XT":%[8]d,`+
		`"RT":"AC","EF":"","ST":"G"}]}`,
		m.Serial(m.bay.State()), m.page, quoted(m.textAt(40279, 70)), quoted(m.textAt(40349, 50)), at, event,
		hundredths(max(0, register-bsmReset)), kind, hundredths(register))
	m.putText(record+4, m.record(payload, "ECDSA-secp256r1-SHA256"), 496)
	m.put(record+2, kind, 0)
	m.put(address, 0)
}

// cut: the clock starts with an invalid time, and nothing says that the identification stays.
func (bsmSigning) cut(m *SigningMeter) {
	m.room(40260, 3)
	m.room(40279, 170)
}

// rows are the readings of a beginning and an end; empty is the name of a field with nothing in it.
func rows(begun, began, ended, end, empty string) string {
	row := func(when, event, value string) string {
		return fmt.Sprintf(`{"TM":"%s","TX":"%s","RV":%s,"RI":"1-b:1.8.0","RU":"kWh","RT":"AC","%s":"","ST":"G"}`, when,
			event, value, empty)
	}
	return row(begun, "B", began) + "," + row(ended, "E", end)
}

// em580Signing is that of a Carlo Gavazzi EM580 (the register numbers are those of EVerest's driver).
type em580Signing struct{ begun, began string }

func (s *em580Signing) prepare(m *SigningMeter) error {
	m.put(0x24FF, 1)
	m.putText(0x2600, string(m.der()), 62)
	m.room(0x6900, 126)
	m.room(0x7000, 0x41)
	m.room(0x7100, 0x10+2031)
	return nil
}

func (s *em580Signing) told(m *SigningMeter, address uint16, words []uint16) {
	at := func() string {
		return m.now(0x7032, int64(m.own[0x7032])|int64(m.own[0x7033])<<16|int64(m.own[0x7034])<<32)
	}
	switch {
	case address == 0x7040 && words[0] == 'B' && m.own[0x7100] == 0:
		s.begun, s.began = at(), m.kwh()
		m.put(0x7100, 1)
	case address == 0x7040 && words[0] == 'E' && m.own[0x7100] == 1:
		m.page++
		serial := m.Serial(m.bay.State())
		payload := fmt.Sprintf(`{"FV":"1.2","GI":"Carlo Gavazzi Controls-EM580DINAV23XS3DET","GS":"%[1]s","PG":"T%[2]d",`+
			`"MV":"Carlo Gavazzi Controls","MM":"EM580DINAV23XS3DET","MS":"%[1]s","IS":false,"IL":"NONE","IF":[],`+
			`"IT":"CARD_TXN_NR","ID":%[3]s,"TT":%[4]s,"CT":"EVSEID","CI":%[5]s,"LC":{"LI": 99,"LR": 0,"LU": "mOhm"},`+
			`"RD":[%[6]s]}`, serial, m.page, quoted(m.textAt(0x7007, 20)), quoted(m.textAt(0x6900, 126)),
			quoted(m.textAt(0x701C, 20)), rows(s.begun, s.began, at(), m.kwh(), "RM"))
		record := m.record(payload, "ECDSA-brainpoolP384r1-SHA256")
		m.putText(0x7110, record, 2031)
		m.put(0x7101, uint16((len(record)+2)/2))
		m.put(0x7100, 2)
	case address == 0x7100 && words[0] == 0: // confirmed
		m.room(0x7110, 2031)
	}
}

// cut: a transaction ends by itself.
func (s *em580Signing) cut(m *SigningMeter) {
	if m.own[0x7100] == 1 {
		s.told(m, 0x7040, []uint16{'E'})
	}
}

// wm3m4Signing is that of an Iskra WM3M4 (the register numbers are those of its maker's manual).
type wm3m4Signing struct{ begun, began string }

func (s *wm3m4Signing) prepare(m *SigningMeter) error {
	m.room(7000, 1)
	m.room(7051, 22)
	m.room(7100, 512)
	m.room(7612, 512)
	m.put(7052, 1)
	m.putText(8124, string(m.point()), 32)
	m.room(8188, 128)
	return nil
}

func (s *wm3m4Signing) told(m *SigningMeter, address uint16, words []uint16) {
	if address != 7051 {
		return
	}
	at := m.now(7054, int64(m.own[7054])<<16|int64(m.own[7055]))
	switch {
	case words[0] == 'B'<<8 && m.own[7000] == 0:
		s.begun, s.began = at, m.kwh()
		m.put(7000, 1)
		m.put(7052, 15)
	case words[0] == 'r'<<8 && m.own[7000] != 0:
		var d map[string]any
		if err := json.Unmarshal([]byte(m.textAt(7100, 512)[:m.own[7056]]), &d); err != nil {
			m.put(7052, 252)
			return
		}
		m.page++
		payload := fmt.Sprintf(`{"FV":"1.0","GI":"","GS":"","GV":"","PG":"T%d","MV":"Iskra","MM":"WM3M4C","MS":"%s",`+
			`"MF":"2.05","IS":false,"IF":[],"IT":%s,"ID":%s,"CT":"EVSEID","CI":%s,"RD":[%s]}`, m.page,
			m.Serial(m.bay.State()), quoted(fmt.Sprint(d["IT"])), quoted(fmt.Sprint(d["ID"])),
			quoted(fmt.Sprint(d["CI"])), rows(s.begun, s.began, at, m.kwh(), "EF"))
		der := string(m.sign(payload))
		if m.Spoil != nil {
			payload = m.Spoil(payload)
		}
		m.keep(fmt.Sprintf(`OCMF|%s|{"SD":"%X"}`, payload, der)) // as EVerest's driver makes a record of both
		m.putText(7612, payload, 512)
		m.put(7057, uint16(len(payload)))
		m.putText(8188, der, 128)
		m.put(7058, uint16(len(der)))
		m.put(7000, 0)
		m.put(7052, 15)
	}
}

// cut: time and data set are lost, and a transaction goes on without them.
func (s *wm3m4Signing) cut(m *SigningMeter) {
	m.room(7053, 3)
	m.room(7100, 512)
	m.put(7056, 0)
	if m.own[7000] != 0 {
		m.put(7000, 2)
	}
}
