package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"kioskd/tariff"
)

// tariff reads the tariff, inline or from a file, and refuses what the site may not
// bill by.
func (r *configReader) tariff(c *config, n *yaml.Node, dir string) {
	var data []byte
	if n.Kind == yaml.ScalarNode {
		var path string
		r.path(&path, dir)(n)
		var err error
		if data, err = os.ReadFile(path); err != nil {
			r.fault(n, "tariff: %v", err)
			return
		}
	} else {
		var b bytes.Buffer
		if err := toJSON(&b, n); err != nil {
			r.fault(n, "tariff: %v", err)
			return
		}
		data = b.Bytes()
	}
	t, err := tariff.Parse(data)
	if err != nil {
		r.fault(n, "tariff: %v", err)
		return
	}
	c.tariff = t
	for _, p := range t.Check(c.tariffSite()) {
		r.fault(n, "tariff: %v", p)
	}
}

// tariffSite is what a tariff is judged by.
func (c *config) tariffSite() tariff.Site {
	s := tariff.Site{Currency: string(c.currency), EU: euCountry(c.country), KnowsParking: true, HoldMinor: c.hold.Minor, CurrentMeters: true}
	for _, b := range c.bays {
		s.MaxPowerW = max(s.MaxPowerW, int64(b.maxPower))
		s.KnowsParking = s.KnowsParking && b.requesting >= 0
	}
	return s
}

func euCountry(code string) bool {
	return strings.Contains(" AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK ", " "+code+" ")
}

// toJSON writes a YAML tree as JSON, numbers to the letter.
func toJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			key, err := json.Marshal(n.Content[i].Value)
			if err != nil {
				return err
			}
			b.Write(append(key, ':'))
			if err := toJSON(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := toJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case yaml.ScalarNode:
		if n.Tag == "!!int" || n.Tag == "!!float" || n.Tag == "!!bool" || n.Tag == "!!null" {
			b.WriteString(n.Value)
			return nil
		}
		text, err := json.Marshal(n.Value)
		if err != nil {
			return err
		}
		b.Write(text)
	default:
		return fmt.Errorf("line %d: aliases are not taken", n.Line)
	}
	return nil
}
