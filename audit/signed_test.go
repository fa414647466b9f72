package audit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"kioskd/audit"
)

// Records of a beginning and an end, in the words of OCMF.
const (
	signedBegin = `OCMF|{"ID":"ABC1234","RD":[{"TX":"B","RV":1.000,"RU":"kWh"}]}|{"SD":"00"}`
	signedEnd   = `OCMF|{"ID":"ABC1234","RD":[{"TX":"E","RV":1.5009,"RU":"kWh"}]}|{"SD":"01"}`
)

// sign makes evidence of a visit at a bay whose meter signs.
func (e *evidence) sign(records ...string) {
	e.world.Signed = map[int][]string{1: {signedBegin, signedEnd}}
	text, _ := json.Marshal(records)
	e.replace("contactor_close {}", "signing_intent {\"page\":0}\nsigning_began {\"records\":[]}\ncontactor_close {}")
	end := fmt.Sprintf(`meter_end {"signed":{"records":%s,"energy_wh":500},"source":"read"`, text)
	e.replace(`meter_end {"source":"read"`, end)
}

// TestWhatIsSigned: a bill that the meter's own records do not prove is a violation.
func TestWhatIsSigned(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*evidence)
		want  string // in a violation; empty for none
	}{
		"a good visit": {func(e *evidence) { e.sign(signedBegin, signedEnd) }, ""},
		"its last register is another": {func(e *evidence) {
			e.sign(signedBegin, signedEnd)
			e.replace(`"reading":{"import_wh":1500}`, `"reading":{"import_wh":1503}`)
		}, ""},
		"no beginning": {func(e *evidence) {
			e.sign(signedBegin, signedEnd)
			e.without("signing_began")
		}, "no beginning"},
		"no record":     {func(e *evidence) { e.world.Signed = map[int][]string{1: nil} }, "no record proves"},
		"half a record": {func(e *evidence) { e.sign(signedBegin) }, "its records say 0"},
		"a record that was written anew": {func(e *evidence) {
			e.sign(signedBegin, strings.Replace(signedEnd, "1.5009", "1.500900", 1))
		}, "never made"},
		"less was signed": {func(e *evidence) {
			less := strings.Replace(signedEnd, "1.5009", "1.4999", 1)
			e.sign(signedBegin, less)
			e.world.Signed[1] = append(e.world.Signed[1], less)
		}, "its records say 499"},
		"of another session": {func(e *evidence) {
			other := strings.Replace(signedEnd, "ABC1234", "ABC1235", 1)
			e.sign(signedBegin, other)
			e.world.Signed[1] = append(e.world.Signed[1], other)
		}, "its records say 0"},
		"a meter that signs nothing": {func(e *evidence) {
			e.sign(signedBegin, signedEnd)
			e.world.Signed = nil
		}, "signs nothing"},
	} {
		e := newEvidence()
		c.spoil(e)
		broken, err := audit.Check(e.records(), e.world)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found := false
		for _, v := range broken {
			found = found || v.Rule == audit.Signed && c.want != "" && strings.Contains(v.What, c.want)
		}
		if c.want == "" && len(broken) > 0 || c.want != "" && !found {
			t.Errorf("%s: %v, want %q", name, broken, c.want)
		}
	}
}
