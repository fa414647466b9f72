package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"kioskd/strict"
	"kioskd/tariff"
)

// tariff reads the tariff, inline or from a file, and refuses what the site may not
// bill by.
func (r *configReader) tariff(c *Config, n *yaml.Node, dir string) {
	var text []byte
	var fault func(offset int, what string)
	if n.Kind == yaml.ScalarNode {
		var path string
		r.Setting = "tariff"
		r.path(&path, dir)(n)
		if path == "" {
			return
		}
		var err error
		text, err = os.ReadFile(path)
		if err != nil {
			r.Fault(n, "tariff: %v", err)
			return
		}
		fault = func(offset int, what string) {
			r.FaultAt(n, strict.PlaceAt(path, text, offset), what)
		}
	} else {
		w := jsonWriter{}
		if err := w.write(n); err != nil {
			r.Fault(w.at(len(w.Bytes()), n), "tariff: %v", err)
			return
		}
		text = w.Bytes()
		fault = func(offset int, what string) { r.Fault(w.at(offset, n), "%s", what) }
	}
	t, err := tariff.Parse(text)
	if err != nil {
		fault(strict.OffsetOf(err), fmt.Sprintf("tariff: %v", err))
		return
	}
	c.Tariff = t
	for _, p := range t.Check(c.TariffSite()) {
		fault(tariff.PlaceOf(text, p.Path), fmt.Sprintf("tariff: %v", p))
	}
}

// TariffSite is what a tariff is judged by.
func (c *Config) TariffSite() tariff.Site {
	s := tariff.Site{Currency: c.Currency, EU: listed(euCountries, c.country), KnowsParking: true,
		HoldMinor: c.Hold.Minor, CurrentMeters: true, NamesTax: c.OCPI != nil}
	if s.HoldMinor == 0 { // what is wrong with it is said where it stands
		s.HoldMinor = math.MaxInt64
	}
	for _, b := range c.Bays {
		s.MaxPowerW = max(s.MaxPowerW, int64(b.MaxPower))
		// a charger tells a vehicle that asks for nothing (SuspendedEV), and perhaps no currents
		s.KnowsParking = s.KnowsParking && (b.Charger != nil || b.Requesting >= 0)
		s.CurrentMeters = s.CurrentMeters && !b.ChargerCounts()
	}
	return s
}

// jsonWriter writes a YAML tree as JSON, numbers to the letter, and knows which node each byte is of.
type jsonWriter struct {
	bytes.Buffer
	begins []int
	nodes  []*yaml.Node
}

// at is the node that a byte is of.
func (w *jsonWriter) at(offset int, whole *yaml.Node) *yaml.Node {
	n := whole
	for i, begin := range w.begins {
		if begin <= offset {
			n = w.nodes[i]
		}
	}
	return n
}

func (w *jsonWriter) mark(n *yaml.Node) {
	w.begins, w.nodes = append(w.begins, w.Len()), append(w.nodes, n)
}

func (w *jsonWriter) text(s string) error {
	b, err := json.Marshal(s)
	if err == nil {
		w.Write(b)
	}
	return err
}

func (w *jsonWriter) write(n *yaml.Node) error {
	w.mark(n)
	switch n.Kind {
	case yaml.MappingNode:
		return w.mapping(n)
	case yaml.SequenceNode:
		w.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				w.WriteByte(',')
			}
			if err := w.write(item); err != nil {
				return err
			}
		}
		w.WriteByte(']')
	case yaml.ScalarNode:
		switch number := n.Tag == "!!int" || n.Tag == "!!float"; {
		case n.Tag == "!!null": // also ~, or nothing
			w.WriteString("null")
		case n.Tag == "!!bool":
			w.WriteString(strings.ToLower(n.Value))
		case number && json.Valid([]byte(n.Value)):
			w.WriteString(n.Value)
		default: // also a number that JSON has no form for, as 0x10: the tariff's reader says what it wants
			return w.text(n.Value)
		}
	default:
		return errors.New("aliases are not taken: want the value itself")
	}
	return nil
}

func (w *jsonWriter) mapping(n *yaml.Node) error {
	w.WriteByte('{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		if i > 0 {
			w.WriteByte(',')
		}
		key, value := n.Content[i], n.Content[i+1]
		if i > 0 && key.Tag == "!!int" && value.Tag == "!!null" && n.Content[i-1].Tag == "!!int" {
			w.mark(n.Content[i-1])
			return fmt.Errorf("%s,%s has a decimal comma: want a point, as in 0.49", n.Content[i-1].Value, key.Value)
		}
		w.mark(key)
		if key.Kind != yaml.ScalarNode {
			return errors.New("want a text as the name of a value")
		}
		if err := w.text(key.Value); err != nil {
			return err
		}
		w.WriteByte(':')
		if err := w.write(value); err != nil {
			return err
		}
	}
	w.WriteByte('}')
	return nil
}
