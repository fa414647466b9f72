package ocmf_test

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kioskd/meter/ocmf"
)

// published is a record that another project published.
type published struct {
	Source string `json:"source"`
	Index  int    `json:"index"`
	OCMF   string `json:"ocmf"`
	Key    string `json:"public_key_hex"`
	Curve  string `json:"curve"`
	SA     string `json:"sa"`
	Valid  bool   `json:"valid"`
}

func (p published) name() string { return fmt.Sprint(p.Source, " ", p.Index) }

func records(t testing.TB) (out []published) {
	t.Helper()
	text, err := os.ReadFile("testdata/records.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil || len(out) != 15 {
		t.Fatalf("%d records, %v", len(out), err)
	}
	return out
}

func parsed(t testing.TB, p published) (*ocmf.Record, ocmf.Key) {
	t.Helper()
	r, err := ocmf.Parse(p.OCMF)
	if err != nil {
		t.Fatalf("%s: %v", p.name(), err)
	}
	k, err := ocmf.ParseKey(p.Key, p.SA)
	if err != nil {
		t.Fatalf("%s: %v", p.name(), err)
	}
	return r, k
}

// TestRecordsOfOthers: every published record is judged as it was published, is kept byte for byte, and is refused
// with one letter of its payload changed, with another record's signature, and with another key.
func TestRecordsOfOthers(t *testing.T) {
	all := records(t)
	for i, p := range all {
		r, k := parsed(t, p)
		err := r.Verify(k)
		if (err == nil) != p.Valid || err != nil && !errors.Is(err, ocmf.ErrForged) {
			t.Errorf("%s: %v, want valid %v", p.name(), err, p.Valid)
		}
		if r.Raw != p.OCMF {
			t.Errorf("%s: it was written anew: %s", p.name(), r.Raw)
		}
		if !p.Valid {
			continue
		}
		changed, err := ocmf.Parse(strings.Replace(p.OCMF, `"PG"`, ` "PG"`, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := changed.Verify(k); !errors.Is(err, ocmf.ErrForged) {
			t.Errorf("%s with a blank more: %v", p.name(), err)
		}
		_, foreign := parsed(t, all[(i+5)%len(all)])
		if err := r.Verify(foreign); !errors.Is(err, ocmf.ErrForged) && foreign.Fingerprint() != k.Fingerprint() {
			t.Errorf("%s with the key of %s: %v", p.name(), all[(i+5)%len(all)].name(), err)
		}
	}
}

// TestTransactionsOfOthers: what was charged, and what is no transaction.
func TestTransactionsOfOthers(t *testing.T) {
	by := map[string]*ocmf.Record{}
	for _, p := range records(t) {
		by[p.name()], _ = parsed(t, p)
	}
	for _, c := range []struct {
		begin, end string
		energy     string // Wh
		clock      byte
		why        string // it is none
	}{
		{"bauer-bsm/ev-charging-ocmf.xml 0", "bauer-bsm/ev-charging-ocmf.xml 1", "150", 'S', ""},
		{"pyocmf/base64_ocmf.xml 0", "pyocmf/base64_ocmf.xml 0", "0", 'R', ""},
		{"pyocmf/working_ocmf.xml 0", "pyocmf/working_ocmf.xml 0", "17796", 'R', ""},
		{"safe-ev/xml__OCMF_Test_Data_00.xml 0", "safe-ev/xml__OCMF_Test_Data_00.xml 1", "0", 'I', ""},
		{"safe-ev/xml__brainpoolP256r1.xml 0", "safe-ev/xml__brainpoolP256r1.xml 1", "0", 'S', ""},
		{"safe-ev/xml__nistP384_0Wh.xml 0", "safe-ev/xml__nistP384_0Wh.xml 1", "0", 'S', ""},
		{"safe-ev/xml__second_key_fail_ocmf.xml 0", "safe-ev/xml__second_key_fail_ocmf.xml 1", "898", 'I', ""},
		{"safe-ev/xml__test_ocmf_keba_kcp30.xml 0", "safe-ev/xml__test_ocmf_keba_kcp30.xml 0", "1/10", 'I', ""},
		{"everest/em580 0", "everest/em580 0", "6", 'S', ""},

		{"safe-ev/xml__brainpoolP256r1.xml 0", "safe-ev/xml__nistP384_0Wh.xml 1", "", 0, "does not follow"},
		{"bauer-bsm/ev-charging-ocmf.xml 1", "bauer-bsm/ev-charging-ocmf.xml 0", "", 0, "has an end"},
		{"bauer-bsm/ev-charging-ocmf.xml 0", "bauer-bsm/ev-charging-ocmf.xml 0", "", 0, "want one reading"},
		{"bauer-bsm/ev-charging-ocmf.xml 0", "safe-ev/xml__OCMF_Test_Data_00.xml 1", "", 0, "of the meters"},
		{"safe-ev/xml__OCMF_Test_Data_00.xml 0", "safe-ev/xml__second_key_fail_ocmf.xml 1", "", 0, "identification"},
	} {
		x, err := ocmf.Pair(by[c.begin], by[c.end])
		switch {
		case c.why != "":
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s, %s: %v, want %q", c.begin, c.end, err, c.why)
			}
		case err != nil:
			t.Errorf("%s, %s: %v", c.begin, c.end, err)
		case x.Energy().RatString() != c.energy || x.Clock != c.clock:
			t.Errorf("%s, %s: %s Wh, clock %c, want %s, %c", c.begin, c.end, x.Energy().RatString(), x.Clock, c.energy,
				c.clock)
		}
	}
}

// made is a record of a test's own, without a signature that is one.
func made(t *testing.T, page, event, value string, change ...string) *ocmf.Record {
	t.Helper()
	text := `OCMF|{"FV":"1.0","GS":"1","PG":"` + page + `","MS":"M","IT":"NONE","ID":"x","CI":"P","RD":[{"TM":` +
		`"2026-03-02T10:00:00,000+0100 S","TX":"` + event + `","RV":` + value +
		`,"RI":"1-0:1.8.0","RU":"kWh","EF":"","ST":"G"}]}|{"SD":"3006020101020101"}`
	text = strings.NewReplacer(change...).Replace(text)
	r, err := ocmf.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWhatIsNoTransaction: each way in which two records are none.
func TestWhatIsNoTransaction(t *testing.T) {
	begin := made(t, "T7", "B", "1.5")
	if x, err := ocmf.Pair(begin, made(t, "T8", "E", "2.25")); err != nil || x.Energy().Cmp(big.NewRat(750, 1)) != 0 {
		t.Fatalf("%+v, %v", x, err)
	}
	for _, event := range []string{"L", "R", "A", "P"} {
		if _, err := ocmf.Pair(begin, made(t, "T8", event, "2")); err != nil {
			t.Errorf("an end of kind %s: %v", event, err)
		}
	}
	for _, c := range []struct {
		end *ocmf.Record
		why string
	}{
		{made(t, "T9", "E", "2"), "record T9 does not follow record T7"},
		{made(t, "T7", "E", "2"), "record T7 does not follow record T7"},
		{made(t, "F8", "E", "2"), "not of transactions"},
		{made(t, "T08", "E", "2"), "want a letter and a number"},
		{made(t, "T8", "E", "2", `"MS":"M"`, `"MS":"N"`), "of the meters M and N"},
		{made(t, "T8", "E", "2", `"GS":"1"`, `"GS":"2"`), "of the meters"},
		{made(t, "T8", "E", "2", `"ID":"x"`, `"ID":"y"`), "another identification"},
		{made(t, "T8", "E", "2", `"CI":"P"`, `"CI":"Q"`), "another charge point"},
		{made(t, "T8", "C", "2"), "want one reading of energy drawn"},
		{made(t, "T8", "B", "2"), "has a beginning"},
		{made(t, "T8", "E", "1.4"), "the register fell"},
		{made(t, "T8", "E", "2", `"ST":"G"`, `"ST":"M"`), `calls its reading at the end "M"`},
		{made(t, "T8", "E", "2", `"EF":""`, `"EF":"Et"`), "energy at the end is wrong"},
		{made(t, "T8", "E", "2", `"RU":"kWh"`, `"RU":"mOhm"`), "at the end has no energy"},
		{made(t, "T8", "E", "2", `1-0:1.8.0`, `1-0:2.8.0`), "want one reading of energy drawn"},
		{made(t, "T8", "E", "2", `1-0:1.8.0`, `1-0:1.8.1`), "of the registers"},
		{made(t, "T8", "E", "2", `10:00:00`, `09:00:00`), "before the beginning"},
		{made(t, "T8", "E", "2", `+0100 S`, `+0100`), "how good its time is"},
		{made(t, "T8", "E", "2", `"IT":"NONE"`, `"IL":"MISMATCH","IT":"NONE"`), "identification is MISMATCH"},
	} {
		if _, err := ocmf.Pair(begin, c.end); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%v, want %q", err, c.why)
		}
	}
	relative := made(t, "T7", "B", "1", "+0100 S", "+0100 R")
	if _, err := ocmf.Pair(relative, made(t, "T8", "E", "2")); err == nil {
		t.Error("the clock of the beginning is relative, and that of the end is not")
	}
}

// TestTheWorseClock: a transaction's clock is as good as the worse of both.
func TestTheWorseClock(t *testing.T) {
	for _, c := range []string{"SSS", "SRR", "SII", "SUU", "IRI", "IUU", "USU", "ISI", "RRR"} {
		begin := made(t, "T7", "B", "1", "+0100 S", "+0100 "+c[:1])
		x, err := ocmf.Pair(begin, made(t, "T8", "E", "2", "+0100 S", "+0100 "+c[1:2]))
		if err != nil || x.Clock != c[2] {
			t.Errorf("%s and %s: %c, %v, want %s", c[:1], c[1:2], x.Clock, err, c[2:])
		}
	}
}

// TestWhatIsNoRecord is refused, and says why.
func TestWhatIsNoRecord(t *testing.T) {
	const good = `OCMF|{"FV":"1.0","PG":"T1","MS":"M","RD":[{"TM":"2026-03-02T10:00:00,000+0100 S","RV":1,"RU":"Wh",` +
		`"ST":"G"}]}|{"SD":"00"}`
	if _, err := ocmf.Parse(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{"OCMF|", "OCMX|", "want OCMF|payload|signature"},
		{`|{"SD":"00"}`, "", "want OCMF|payload|signature"},
		{`"00"}`, `"00"}|key`, "want OCMF|payload|signature"},
		{`{"SD":"00"}`, `{}`, "SD is missing"},
		{`"FV":"1.0"`, `"FV":"2.0"`, `format version "2.0"`},
		{`"FV":"1.0",`, ``, `format version ""`},
		{`"PG":"T1"`, `"PG":"T1","PG":"T2"`, `"PG" is there twice`},
		{`"PG":"T1"`, `"PG":"T1","pg":"T2"`, `key "pg"`},
		{`"RV":1,`, `"RV":1,"RV":2,`, `"RV" is there twice`},
		{`"RV":1`, `"RV":"one"`, `value "one" is not a number`},
		{`"RV":1`, `"RV":1e999`, "is not a number"},
		{`"RV":1`, `"RV":0x10`, "invalid character"},
		{`2026-03-02T10`, `2026-13-02T10`, "want one as in"},
		{`"RD":[`, `"RX":[`, "it has no reading"},
		{`}]}|`, `}]}{}|`, "something follows"},
		{`"MS":"M"`, `"MS":` + strings.Repeat("[", 10_001), "invalid character"},
		{`"MS":"M"`, `"MS":"` + strings.Repeat("M", 70_000) + `"`, "it has 70"},
	} {
		text := strings.Replace(good, c[0], c[1], 1)
		if _, err := ocmf.Parse(text); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%.200s: %v, want %q", c[1], err, c[2])
		}
	}
}

// TestKeys: a key is read as SubjectPublicKeyInfo and as a point, in hexadecimal digits and in base64; what is not on
// the curve is none, and a curve that is not known is no verdict.
func TestKeys(t *testing.T) {
	for _, p := range records(t) {
		k, err := ocmf.ParseKey(p.Key, p.SA)
		if err != nil {
			t.Fatal(err)
		}
		der, err := k.SPKI()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Key, "30") && hex.EncodeToString(der) != strings.ToLower(p.Key) {
			t.Errorf("%s: the key is written as %x", p.name(), der)
		}
		again, err := ocmf.ParseKey(hex.EncodeToString(der), "")
		if err != nil || again.Fingerprint() != k.Fingerprint() {
			t.Errorf("%s: %v", p.name(), err)
		}
	}
	p := records(t)[0]
	point := p.Key[len(p.Key)-128:]
	for name, c := range map[string]struct {
		key, algorithm, why string
	}{
		"a point with 04":       {"04" + point, "ECDSA-secp256r1-SHA256", ""},
		"a point":               {point, "ECDSA-secp256r1-SHA256", ""},
		"of the usual curve":    {point, "", ""},
		"with blanks":           {point[:60] + " \n" + point[60:], "", ""},
		"not on the curve":      {point[:126] + "00", "", "not on the curve"},
		"of another curve":      {point, "ECDSA-brainpoolP256r1-SHA256", "not on the curve"},
		"too short":             {point[2:], "", "63 bytes are no point"},
		"nothing":               {"", "", "neither hexadecimal nor base64"},
		"secp192k1 is not here": {point, "ECDSA-secp192k1-SHA256", "cannot be checked here"},
		"another hash":          {point, "ECDSA-secp256r1-SHA512", "cannot be checked here"},
	} {
		_, err := ocmf.ParseKey(c.key, c.algorithm)
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
	}
	r, k := parsed(t, p)
	r.Sealed.Algorithm = "ECDSA-secp192k1-SHA256"
	if err := r.Verify(k); !errors.Is(err, ocmf.ErrCannotCheck) || errors.Is(err, ocmf.ErrForged) {
		t.Errorf("a curve that is not known: %v", err)
	}
}

// TestOpenSSLSigns lets OpenSSL make keys and signatures on every curve: what it signs is good, and nothing else.
func TestOpenSSLSigns(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed (scripts/setup all installs it)")
	}
	const payload = `{"FV":"1.0","PG":"T1","MS":"M","RD":[{"TM":"2026-03-02T10:00:00,000+0100 S","RV":1,"RU":"Wh",` +
		`"ST":"G"}]}`
	for curve, algorithm := range map[string]string{"prime256v1": "secp256r1", "secp384r1": "secp384r1",
		"secp256k1": "secp256k1", "prime192v1": "secp192r1", "brainpoolP256r1": "brainpool256r1",
		"brainpoolP384r1": "brainpoolP384r1"} {
		dir := t.TempDir()
		path := func(name string) string { return filepath.Join(dir, name) }
		run := func(args ...string) {
			t.Helper()
			if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
				t.Fatalf("openssl %v: %v: %s", args, err, out)
			}
		}
		if err := os.WriteFile(path("payload"), []byte(payload), 0o600); err != nil {
			t.Fatal(err)
		}
		run("ecparam", "-name", curve, "-genkey", "-noout", "-out", path("key"))
		run("ec", "-in", path("key"), "-pubout", "-outform", "DER", "-out", path("public"))
		run("dgst", "-sha256", "-sign", path("key"), "-out", path("signature"), path("payload"))
		read := func(name string) string {
			b, err := os.ReadFile(path(name))
			if err != nil {
				t.Fatal(err)
			}
			return hex.EncodeToString(b)
		}
		k, err := ocmf.ParseKey(read("public"), "")
		if err != nil {
			t.Fatalf("%s: %v", curve, err)
		}
		sealed := fmt.Sprintf(`{"SA":"ECDSA-%s-SHA256","SD":"%s"}`, algorithm, read("signature"))
		for text, good := range map[string]bool{payload: true, strings.Replace(payload, `"RV":1`, `"RV":2`, 1): false} {
			r, err := ocmf.Parse("OCMF|" + text + "|" + sealed)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Verify(k); (err == nil) != good {
				t.Errorf("%s: %v, want good %v", curve, err, good)
			}
		}
	}
}

// TestSignaturesThatAreOdd: some meters write more zeros than DER has, or leave one out.
func TestSignaturesThatAreOdd(t *testing.T) {
	p := records(t)[0]
	_, k := parsed(t, p)
	const sd = "3046022100b63d4125929dc1ab354171570c37de579f961c4ddf1b301db1cfa035b3a96d16022100b6cb9fb98164a400181d" +
		"c240ff7333e94cfd0742aa634e47e7a4c1fd62c695b5"
	r, s := sd[10:74], sd[80:]
	for name, c := range map[string]struct {
		sd   string
		good bool
	}{
		"as it is":              {sd, true},
		"with two zeros":        {"3048" + "0223" + "000000" + r + "0221" + "00" + s, true},
		"without its zeros":     {"3044" + "0220" + r + "0220" + s, true},
		"with a long length":    {"308146" + sd[4:], true},
		"cut off":               {sd[:len(sd)-2], false},
		"with something behind": {sd + "00", false},
		"with a third integer":  {"3049" + sd[4:] + "020101", false},
		"one integer":           {"3023" + sd[4:74], false},
		"r and s exchanged":     {"3046" + "022100" + s + "022100" + r, false},
		"r and s are nothing":   {"3006020100020100", false},
	} {
		record, err := ocmf.Parse(strings.Replace(p.OCMF, sd, c.sd, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := record.Verify(k); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestForTheTransparencySoftware: its XML has the records byte for byte, each with the key, in the pair's order.
func TestForTheTransparencySoftware(t *testing.T) {
	all := records(t)
	begin, k := parsed(t, all[0])
	end, _ := parsed(t, all[1])
	x, err := ocmf.Pair(begin, end)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ocmf.SAFE(x, k)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Values []struct {
			Transaction string `xml:"transactionId,attr"`
			Context     string `xml:"context,attr"`
			Signed      struct {
				Format   string `xml:"format,attr"`
				Encoding string `xml:"encoding,attr"`
				Text     string `xml:",chardata"`
			} `xml:"signedData"`
			Key struct {
				Encoding string `xml:"encoding,attr"`
				Text     string `xml:",chardata"`
			} `xml:"publicKey"`
		} `xml:"value"`
	}
	if err := xml.Unmarshal(text, &got); err != nil || len(got.Values) != 2 {
		t.Fatalf("%s: %v", text, err)
	}
	for i, want := range []string{"Transaction.Begin", "Transaction.End"} {
		v := got.Values[i]
		if v.Context != want || v.Transaction != "1" || v.Signed.Format != "OCMF" || v.Signed.Encoding != "plain" ||
			v.Signed.Text != all[i].OCMF || v.Key.Encoding != "plain" || v.Key.Text != all[i].Key {
			t.Errorf("value %d is %+v", i, v)
		}
	}
}

// FuzzRecord: whatever a meter says is refused, or is a record that is kept as it came; nothing that is not signed
// is taken for signed.
func FuzzRecord(f *testing.F) {
	for _, p := range records(f) {
		f.Add(p.OCMF, p.Key)
	}
	good := map[string]bool{}
	for _, p := range records(f) {
		if p.Valid {
			_, payload, _ := strings.Cut(p.OCMF, "|")
			payload, _, _ = strings.Cut(payload, "|")
			good[payload] = true
		}
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		r, err := ocmf.Parse(text)
		if err != nil {
			return
		}
		if r.Raw != text {
			t.Error("it was written anew")
		}
		ocmf.Pair(r, r)
		for _, p := range records(t)[:2] {
			k, err := ocmf.ParseKey(p.Key, "")
			if err != nil {
				t.Fatal(err)
			}
			payload := strings.Split(text, "|")[1]
			if r.Verify(k) == nil && !good[payload] {
				t.Errorf("%s is taken for signed", payload)
			}
		}
		if k, err := ocmf.ParseKey(key, r.Sealed.Algorithm); err == nil {
			r.Verify(k)
		}
	})
}
