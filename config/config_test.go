package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"kioskd/config"
	"kioskd/strict"
)

// example is the configuration that the package brings, with every section.
const example = "../packaging/examples/kioskd.yaml"

// settings are the paths of the scalars below a node, each with the node that has it.
func settings(n *yaml.Node, path string, each func(path string, value *yaml.Node)) {
	switch n.Kind {
	case yaml.DocumentNode:
		settings(n.Content[0], path, each)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			settings(n.Content[i+1], path+"."+n.Content[i].Value, each)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			settings(item, path, each)
		}
	case yaml.ScalarNode:
		each(strings.TrimPrefix(path, "."), n)
	}
}

// TestEveryFaultNamesItsSetting: whatever stands in a setting's place, it is either good, or an error that has the
// place and the setting's name in it. Nothing is taken for another value in silence: what is good again is read the
// same whatever stood there before.
func TestEveryFaultNamesItsSetting(t *testing.T) {
	if underRace {
		t.Skip("reading has one goroutine: the same test is run without the race detector")
	}
	var doc yaml.Node
	data, err := os.ReadFile(example)
	if err == nil {
		err = yaml.Unmarshal(data, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kioskd.yaml")
	read := func() error {
		text, err := yaml.Marshal(&doc)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = config.Read(path)
		return err
	}
	placed := regexp.MustCompile(`^` + regexp.QuoteMeta(path) + `:\d+:\d+: `)
	odd := []yaml.Node{{Kind: yaml.ScalarNode}, {Kind: yaml.ScalarNode, Value: "no such thing",
		Style: yaml.DoubleQuotedStyle},
		{Kind: yaml.ScalarNode, Value: "-1"}, {Kind: yaml.ScalarNode, Value: "1e99"},
		{Kind: yaml.ScalarNode, Value: "True"},
		{Kind: yaml.ScalarNode, Value: "~"}, {Kind: yaml.ScalarNode, Value: "0x10"},
		{Kind: yaml.ScalarNode, Value: ".inf"},
		{Kind: yaml.ScalarNode, Value: "99999999999999999999"}, {Kind: yaml.SequenceNode}, {Kind: yaml.MappingNode}}
	tried, refused := 0, 0
	data = regexp.MustCompile(`(?m)^ +languages:.*\n`).ReplaceAll(data, nil) // reading all catalogues takes its time
	var short yaml.Node
	if err := yaml.Unmarshal(data, &short); err != nil {
		t.Fatal(err)
	}
	try := func(name string, n *yaml.Node) {
		good := *n
		for _, o := range odd {
			*n = o
			tried++
			err := read()
			if err == nil {
				continue
			}
			refused++
			var bad *strict.Error
			if !errors.As(err, &bad) {
				t.Errorf("%s: %v is no list of faults", name, err)
				continue
			}
			key := name[strings.LastIndex(name, ".")+1:]
			if !strings.Contains(strings.Join(bad.Faults, "\n"), key) {
				t.Errorf("%s = %s: no fault names it: %q", name, shown(o), bad.Faults)
			}
			for _, f := range bad.Faults {
				if !placed.MatchString(f) {
					t.Errorf("%s = %s: %q has no place", name, shown(o), f)
				}
			}
		}
		*n = good
	}
	settings(&doc, "", func(name string, n *yaml.Node) {
		if name == "site.languages" {
			try(name, n)
		}
	})
	doc = short
	settings(&doc, "", try)
	if err := read(); err != nil || tried < 200 || refused < tried/2 {
		t.Errorf("%d values tried, %d refused; at last %v", tried, refused, err)
	}
}

func shown(n yaml.Node) string { return fmt.Sprintf("%d %q", n.Kind, n.Value) }
