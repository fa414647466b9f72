// Package strict reads the YAML that people write: a site's configuration, the file of a meter. It collects every
// fault, each with file, line and column, and accepts nothing that it does not know.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Reader collects every fault of a file with its place, not only the first.
type Reader struct {
	File    string
	Setting string // that is read
	Whole   string // what the file is, in its faults; it is left out where a setting is named
	faults  []placed
}

// placed is a fault, and the line of the file that has it.
type placed struct {
	line int
	text string
}

// Fault tells of a fault at a node.
func (r *Reader) Fault(n *yaml.Node, format string, args ...any) {
	r.FaultAt(n, fmt.Sprintf("%s:%d:%d", r.File, n.Line, n.Column), fmt.Sprintf(format, args...))
}

// FaultAt has a place of its own, as in a file that a setting names.
func (r *Reader) FaultAt(n *yaml.Node, place, what string) {
	r.faults = append(r.faults, placed{n.Line, place + ": " + what})
}

// Faults is how many there are.
func (r *Reader) Faults() int { return len(r.faults) }

// Err is an *Error with every fault in the order of the lines; nil where there is none.
func (r *Reader) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(r.faults, func(a, b placed) int { return a.line - b.line })
	bad := &Error{}
	for _, f := range r.faults {
		bad.Faults = append(bad.Faults, f.text)
	}
	return bad
}

// Error is a file with faults.
type Error struct{ Faults []string }

func (e *Error) Error() string { return strings.Join(e.Faults, "\n") }

// Lines are the faults, each with its place.
func (e *Error) Lines() []string { return e.Faults }

// Document reads the one document that a file is.
func Document(path string, text []byte) (doc yaml.Node, err error) {
	if err := CheckUTF8(text); err != nil {
		return doc, &Error{[]string{fmt.Sprintf("%s: %v", PlaceIn(path, text, err), err)}}
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	err = d.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return doc, &Error{[]string{path + ":1:1: the file is empty: want settings"}}
	}
	if err == nil {
		var more yaml.Node
		err = d.Decode(&more)
		if errors.Is(err, io.EOF) {
			return doc, nil
		}
		if err == nil {
			return doc, &Error{[]string{fmt.Sprintf("%s:%d:1: what stands behind --- is not read: want one document",
				path, more.Content[0].Line)}}
		}
	}
	return doc, &Error{[]string{YamlPlace(path, text, err)}}
}

// Mapping reads a mapping: each key by its function. A key without one, a key twice and
// a missing required key (marked with !) are faults.
func (r *Reader) Mapping(n *yaml.Node, what string, fields map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.Fault(n, "%s: want a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		if n.Content[i].Kind != yaml.ScalarNode {
			key = "" // the name of an alias is no key
		}
		read, ok := fields[key]
		if !ok {
			read, ok = fields[key+"!"]
		}
		switch {
		case seen[key]:
			r.Fault(n.Content[i], "%s: %s is there twice", what, key)
		case !ok:
			r.Fault(n.Content[i], "%s: unknown setting %q: known are %s", what, key, known(fields))
		case value.Kind == yaml.AliasNode:
			r.Fault(value, "%s.%s: *%s is an alias: want the value itself", what, key, value.Value)
		default:
			r.Setting = strings.TrimPrefix(what+"."+key, r.Whole+".")
			read(value)
		}
		seen[key] = true
	}
	var missing []string
	for key := range fields {
		if name, required := strings.CutSuffix(key, "!"); required && !seen[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	for _, name := range missing {
		r.Fault(n, "%s: %s is missing", what, name)
	}
}

func known(fields map[string]func(*yaml.Node)) string {
	var names []string
	for name := range fields {
		names = append(names, strings.TrimSuffix(name, "!"))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Text reads a text that is not empty.
func (r *Reader) Text(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Value == "" || n.Tag == "!!null" {
			r.Fault(n, "%s: want a text", r.Setting)
			return
		}
		*to = n.Value
	}
}

// Number reads a whole number within limits.
func (r *Reader) Number(to *int, low, high int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.Atoi(n.Value)
		if err != nil || v < low || v > high {
			r.Fault(n, "%s: %q: want a whole number from %d to %d", r.Setting, n.Value, low, high)
			return
		}
		*to = v
	}
}

// Duration reads a duration within limits, as in 10s.
func (r *Reader) Duration(name string, to *time.Duration, low, high time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d, err := time.ParseDuration(n.Value)
		if err != nil || d < low || d > high {
			r.Fault(n, "%s: %q: want a duration from %v to %v", name, n.Value, low, high)
			return
		}
		*to = d
	}
}

// Boolean reads true or false.
func (r *Reader) Boolean(to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Value != "true" && n.Value != "false" {
			r.Fault(n, "%s: %q: want true or false", r.Setting, n.Value)
		}
		*to = n.Value == "true"
	}
}
