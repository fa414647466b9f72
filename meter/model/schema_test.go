package model_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"kioskd/meter/model"
)

// plain is a YAML value as JSON would have it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, one := range v {
			v[k] = plain(one)
		}
		return v
	case map[any]any: // registers of a vector
		out := map[string]any{}
		for k, one := range v {
			out[written(k)] = plain(one)
		}
		return out
	case []any:
		for i, one := range v {
			v[i] = plain(one)
		}
		return v
	}
	return v
}

func written(k any) string {
	text, err := yaml.Marshal(k)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// TestTheSchemaKnowsTheForm: an editor that holds a file against the schema says what the program says of its form.
func TestTheSchemaKnowsTheForm(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../docs/meter.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	judge := func(text string) error {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(plain(v))
	}
	for _, m := range builtIn(t) {
		text, err := os.ReadFile(filepath.Join("files", m.File))
		if err != nil {
			t.Fatal(err)
		}
		if err := judge(string(text)); err != nil {
			t.Errorf("%s: %v", m.File, err)
		}
	}
	for _, c := range [][2]string{{"", ""}, {"phases: 1", "fases: 1"}, {"phases: 1", "phases: 4"},
		{"sources: [a manual, a display]", "sources: []"}, {"most: 60", "most: 126"}, {"most: 60", "parity: mark"},
		{"type: int16, unit: W", "type: int24, unit: W"}, {"unit: 0.1 V", "unit: 0.1 W"},
		{"  power: {address: 20, type: int16, unit: W}\n", ""}, {"is: [7, {from: 20, to: 29}]", "is: [{from: 20}]"},
		{"power_w: -1", "power_w: -1, power_kw: 1"}, {"power: {", "power: {factor: 1, "}} {
		text := strings.Replace(whole, c[0], c[1], 1)
		_, ours := model.Parse("x.yaml", []byte(text))
		if theirs := judge(text); (theirs == nil) != (ours == nil) {
			t.Errorf("%q: the schema says %v, and we %v", c[1], theirs, ours)
		}
	}
}

// TestTheSchemaHasEveryKey that the program knows, section by section.
func TestTheSchemaHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../docs/meter.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `yaml:"$defs"`
	}
	if err := yaml.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	const all = "zz: 1\nfunction: 4\nidentity: [{zz: 1}]\nmust: [{zz: 1}]\nserial: {zz: 1}\nranges: [{zz: 1}]\n" +
		"values: {power: {zz: 1}}\nvariants: [{zz: 1}]\nvectors: [{zz: 1}]\n"
	_, err = model.Parse("x.yaml", []byte(all))
	sections := map[string]string{"model": "", "identity": "condition", "must": "must", "serial": "register",
		"ranges": "block", "power": "power", "variant": "variant", "vector": "vector"}
	known := regexp.MustCompile(`: ([a-z]+): unknown setting "zz": known are (.*)`)
	for _, m := range known.FindAllStringSubmatch(err.Error(), -1) {
		section, ok := sections[m[1]]
		if !ok {
			t.Errorf("the test knows no section %s", m[1])
			continue
		}
		delete(sections, m[1])
		properties := schema.Properties
		if section != "" {
			properties = schema.Defs[section].Properties
		}
		var has []string
		for name := range properties {
			has = append(has, name)
		}
		slices.Sort(has)
		if got := strings.Join(has, ", "); got != m[2] {
			t.Errorf("%s: the schema has %s\nthe program knows %s", m[1], got, m[2])
		}
	}
	if len(sections) > 0 {
		t.Errorf("the program said nothing of %v: %v", sections, err)
	}
}
