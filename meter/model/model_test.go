package model_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kioskd/meter/model"
	"kioskd/strict"
)

func builtIn(t testing.TB) model.Library {
	t.Helper()
	all, err := model.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEveryModel: each file says where it is from, has at least two sources or says that it is not verified, and reads
// its vectors as they say. No other model takes a vector for one of its own, where registers tell.
func TestEveryModel(t *testing.T) {
	all := builtIn(t)
	if len(all) < 29 {
		t.Errorf("%d models are there", len(all))
	}
	for _, m := range all {
		if len(m.Sources) < 2 && m.Unverified == "" {
			t.Errorf("%v has the sources %q, and says nothing of that", m, m.Sources)
		}
		for _, v := range m.Vectors {
			if err := m.Prove(v); err != nil {
				t.Errorf("%v, %s: %v", m, v.From, err)
			}
			for _, other := range all {
				if other == m || other.Told() || other.Generic {
					continue
				}
				if err := other.Prove(v); err == nil && !m.Told() {
					t.Errorf("%v is taken for %v", m, other)
				}
			}
		}
	}
}

// TestAVectorThatIsWrong: whichever bit of a value that is read is another one, some vector of the model does not hold.
func TestAVectorThatIsWrong(t *testing.T) {
	for _, m := range builtIn(t) {
		l := m.Layout(nil, nil)
		if m.SunSpec != nil {
			continue // its registers are where the walk finds them
		}
		for _, v := range l.Values {
			for _, p := range v.Parts {
				words, ok := m.Vectors[0].Dump.Words(p.Block())
				if !ok {
					continue // of another variant
				}
				wrong := model.Dump{}
				for function, at := range m.Vectors[0].Dump {
					for address, w := range at {
						wrong.Put(function, address, []uint16{w})
					}
				}
				wrong.Put(p.Function, p.Address, []uint16{words[0] ^ 0x4000})
				vector := m.Vectors[0]
				vector.Dump = wrong
				if err := m.Prove(vector); err == nil {
					t.Errorf("%v: %s can be anything", m, v.Name)
				}
			}
		}
	}
}

// TestNames: a model is found by its names, with or without its vendor's, in any case; an unknown one is told where it
// can look.
func TestNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meters") // no folder
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"SDM630": "SDM630", "sdm630": "SDM630", "Eastron SDM630": "SDM630",
		"abb b23": "B23", "EM341": "EM340", "SDM72DM-V2": "SDM72D-M V2", "Carlo Gavazzi EM24": "EM24",
		"SDM": "", "Eastron": "", "": "", "  ": ""} {
		for _, folder := range []string{"", t.TempDir(), file} {
			m, err := model.Find(folder, name)
			if (err == nil) != (want != "") || err == nil && m.Name != want {
				t.Errorf("%q: %v, %v", name, m, err)
			}
			if name == "SDM" && !strings.Contains(err.Error(), "SDM120, SDM220") || err != nil &&
				!strings.Contains(err.Error(), "kioskd meter models") {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

// whole is a file without a fault.
const whole = `vendor: Example
model: One
phases: 1
version: "1"
sources: [a manual, a display]
line: {baud: [9600], most: 60}
step_wh: 10
function: 4
identity:
  - {address: 1, type: uint16, is: [7, {from: 20, to: 29}]}
serial: {function: 3, address: 2, type: uint32}
ranges: [{address: 10, count: 12}]
values:
  energy_import: {address: 10, type: uint32, unit: 0.01 kWh, absent: [0xFFFFFFFF]}
  power: {address: 20, type: int16, unit: W}
  voltage_l1: {address: 12, type: uint16, unit: 0.1 V}
vectors:
  - from: by hand
    registers: {3: {2: "0000 1267"}, 4: {1: "0015", 10: "0001 0002 0901", 20: "FFFF"}}
    reading: {serial: "4711", energy_import_wh: 655380, power_w: -1, voltage_v: [230.5]}
`

// TestAFaultHasItsPlace: ¦ stands where the fault is said to be.
func TestAFaultHasItsPlace(t *testing.T) {
	if _, err := model.Parse("one.yaml", []byte(whole)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{"phases: 1", "phases: ¦4", "want a whole number from 1 to 3"},
		{"phases: 1", "¦fases: 1", `unknown setting "fases"`},
		{"vendor: Example", "vendor: ¦''", "want a text"},
		{"sources: [a manual, a display]", "sources: ¦[]", "at least one item"},
		{"sources: [a manual, a display]", "sources: [a manual]", "one source alone"},
		{"voltage_l1: {", "voltage_l2: {address: 13, type: uint16, unit: V}\n  voltage_l1: {", "has 1 phases"},
		{"{from: 20, to: 29}", "¦{from: 29, to: 20}", "from is above to"},
		{"vectors:", "variants: [{name: new, when: [{address: 9, type: uint16, is: [1]}]}]\nvectors:",
			"new has no vector"},
		{"baud: [9600]", "baud: [¦fast]", "want a whole number"},
		{"most: 60", "most: ¦126", "from 1 to 125"},
		{"most: 60", "parity: ¦mark", "want none, even or odd"},
		{"function: 4\n", "function: ¦6\n", "from 3 to 4"},
		{"function: 4\n", "words: ¦big\nfunction: 4\n", "want high"},
		{"type: uint16, is: [7, {from: 20, to: 29}]", "type: ¦uint24, is: [7]", `"uint24"`},
		{"is: [7, {from: 20, to: 29}]", "is: [¦{from: 20}]", "want from and to"},
		{"is: [7, {from: 20, to: 29}]", "is: [7, x]", "compared with the wrong kind"},
		{"{address: 1, type: uint16, is: [7, {from: 20, to: 29}]}", "¦{address: 1, type: uint16}", "is is missing"},
		{"address: 12, type: uint16", "address: ¦0x1FFFF, type: uint16", "0x0000 to 0xFFFF"},
		{"address: 10, type: uint32, unit", "address: 65535, type: uint32, unit", "end behind FFFF"},
		{"unit: 0.1 V", "unit: ¦0.1 W", "want one of V, kV, mV"},
		{"unit: 0.1 V", "unit: ¦0,1 V", "want one of V, kV, mV"},
		{"unit: 0.1 V", "unit: ¦0 V", "want one of V, kV, mV"},
		{"unit: 0.01 kWh", "unit: ¦kwh", "want one of MWh, Wh, kWh"},
		{"type: int16, unit: W", "type: text, words: 2, unit: W", "is no quantity"},
		{"type: int16, unit: W", "type: int16, words: 2, unit: W", "words are for text"},
		{"  power: {address: 20, type: int16, unit: W}\n", "", "power is missing"},
		{"phases: 1", "phases: ¦9", "from 1 to 3"},
		{"step_wh: 10", "step_wh: 1", "the import register counts in 10 Wh"},
		{"identity:\n  - {address: 1, type: uint16, is: [7, {from: 20, to: 29}]}\n", "", "identity is missing"},
		{"identity:\n  - {address: 1, type: uint16, is: [7, {from: 20, to: 29}]}", "identity: ¦maybe", "want told"},
		{"step_wh: 10", "step_wh: 10\ngeneric: true", "generic is for SunSpec"},
		{"ranges:", "canary: {address: 12, count: 1}\nranges:", "as long an answer"},
		{`"0000 1267"`, `¦"0000 12G7"`, "four hexadecimal digits"},
		{`"0000 1267"`, `¦"00001267"`, "four hexadecimal digits"},
		{`"0015"`, `"001E"`, "identity register 0001 holds [001E]"},
		{"from: by hand", "from: by hand\n    ¦form: 2", `unknown setting "form"`},
		{`"0001 0002 0901"`, `"FFFF FFFF 0901"`, "is not available"},
		{"230.5]", "230.4]", "voltage_v in mV is [230500], want [230400]"},
		{"655380", "¦655380.5", "fewer decimals"},
		{"vendor: Example\n", "vendor: Example\n---\n", "one document"},
	} {
		text := strings.Replace(whole, c[0], c[1], 1)
		if text == whole {
			t.Errorf("%q is not in the file", c[0])
		}
		before, after, marked := strings.Cut(text, "¦")
		line := strings.Count(before, "\n") + 1
		column := len(before) - strings.LastIndex(before, "\n")
		_, err := model.Parse("one.yaml", []byte(before+after))
		var bad *strict.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%q: %v, want %q", c[1], err, c[2])
			continue
		}
		place := fmt.Sprintf("one.yaml:%d:%d: ", line, column)
		if marked && !slices.ContainsFunc(bad.Faults, func(f string) bool { return strings.HasPrefix(f, place) }) {
			t.Errorf("%q: %q, want %s", c[1], bad.Faults, place)
		}
	}
}

// TestASitesOwnFiles are beside the built-in ones, in place of those with their names; two that cannot be told apart
// are refused, unless a person tells them.
func TestASitesOwnFiles(t *testing.T) {
	two := func(changes ...string) string {
		return strings.NewReplacer(append(changes, "model: One", "model: Two")...).Replace(whole)
	}
	eastron := strings.NewReplacer("Example", "Eastron", "model: One", "model: SDM630").Replace(whole)
	for name, c := range map[string]struct {
		files map[string]string
		want  string // of the error
		more  int    // models than are built in
	}{
		"none":                 {nil, "", 0},
		"one":                  {map[string]string{"one.yaml": whole}, "", 1},
		"another kind of file": {map[string]string{"one.yaml~": "?"}, "", 0},
		"one in place":         {map[string]string{"mine.yaml": eastron}, "", 0},
		"a bad one":            {map[string]string{"one.yaml": "vendor: x\n"}, "one.yaml:1:1: model: line", 0},
		"with one name":        {map[string]string{"a.yaml": whole, "b.yaml": whole}, "the name One is that of", 0},
		"of one identity": {map[string]string{"a.yaml": whole, "b.yaml": two("[7, {from: 20, to: 29}]", "[21]")},
			"a meter can be of this model and of Example One", 0},
		"with another code": {map[string]string{"a.yaml": whole,
			"b.yaml": two("[7, {from: 20, to: 29}]", "[30]", `"0015"`, `"001E"`)}, "", 2},
		"that a person tells": {map[string]string{"a.yaml": whole,
			"b.yaml": two("\n  - {address: 1, type: uint16, is: [7, {from: 20, to: 29}]}", " told")}, "", 2},
	} {
		folder := t.TempDir()
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		all, err := model.Load(folder)
		switch {
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && len(all) != len(builtIn(t))+c.more:
			t.Errorf("%s: %d models, want %d more than %d", name, len(all), c.more, len(builtIn(t)))
		}
		if name == "one in place" {
			m, err := all.ByName("SDM630")
			if err != nil || !m.Own {
				t.Errorf("%v, %v is not the site's own", m, err)
			}
		}
	}
}

// FuzzFile: whatever a person writes is refused with its place, or is a model whose vectors hold.
func FuzzFile(f *testing.F) {
	f.Add(whole)
	for _, m := range builtIn(f) {
		text, err := os.ReadFile(filepath.Join("files", m.File))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := model.Parse("x.yaml", []byte(text))
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "x.yaml:") && !strings.HasPrefix(line, " ") {
					t.Errorf("%q has no place", line)
				}
			}
			return
		}
		for _, v := range m.Vectors {
			if err := m.Prove(v); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkBuiltIn(b *testing.B) {
	for b.Loop() {
		if _, err := model.BuiltIn(); err != nil {
			b.Fatal(err)
		}
	}
}
