package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// firstConfig is what a site's configuration begins as: comments, and what every site has alike.
//
//go:embed setup.yaml
var firstConfig []byte

// configFile is a configuration as it is written: with its comments, and with whatever setup
// knows nothing about.
type configFile struct {
	path    string
	doc     yaml.Node
	before  []byte // as it was read; nil for a new one
	changed []string
}

// openConfigFile reads a configuration to change, or begins one.
func openConfigFile(path string) (*configFile, error) {
	f := &configFile{path: path}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = firstConfig
	case err != nil:
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	default:
		f.before = text
	}
	if err := yaml.Unmarshal(text, &f.doc); err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	if len(f.doc.Content) != 1 || f.doc.Content[0].Kind != yaml.MappingNode {
		return nil, usagef("%s:1:1: want settings", path)
	}
	return f, nil
}

// at finds a setting by its path, as in site.name; nil where there is none.
func (f *configFile) at(path string) *yaml.Node {
	n := f.doc.Content[0]
	for key := range strings.SplitSeq(path, ".") {
		n = childOf(n, key)
		if n == nil {
			return nil
		}
	}
	return n
}

func childOf(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// get is a setting's text; empty where there is none.
func (f *configFile) get(path string) string {
	n := f.at(path)
	switch {
	case n == nil:
		return ""
	case n.Kind == yaml.SequenceNode:
		var all []string
		for _, item := range n.Content {
			all = append(all, item.Value)
		}
		return strings.Join(all, ", ")
	}
	return n.Value
}

// set changes a setting, where it is another than before. Its comments stay.
func (f *configFile) set(path string, v *yaml.Node) {
	n := f.doc.Content[0]
	keys := strings.Split(path, ".")
	for i, key := range keys {
		next := childOf(n, key)
		if next == nil {
			next = (&yaml.Node{Kind: yaml.MappingNode})
			if i == len(keys)-1 {
				next = &yaml.Node{}
			}
			n.Style &^= yaml.FlowStyle // of an empty one
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, next)
		}
		n = next
	}
	if same(n, v) {
		return
	}
	v.HeadComment, v.LineComment, v.FootComment = n.HeadComment, n.LineComment, n.FootComment
	*n = *v
	f.changed = append(f.changed, path)
}

func (f *configFile) drop(path string) {
	parent, key := f.doc.Content[0], path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		parent, key = f.at(path[:i]), path[i+1:]
		if parent == nil {
			return
		}
	}
	for i := 0; i+1 < len(parent.Content); i += 2 {
		if parent.Content[i].Value == key {
			parent.Content = append(parent.Content[:i], parent.Content[i+2:]...)
			f.changed = append(f.changed, path)
			return
		}
	}
}

func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Value != b.Value || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// text is a value that YAML must not take for a number or a truth.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// yamlNode reads a value that is written as YAML.
func yamlNode(format string, args ...any) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(fmt.Appendf(nil, format, args...), &doc); err != nil {
		return nil, err
	}
	return doc.Content[0], nil
}

func (f *configFile) bytes() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&f.doc); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// try writes what the file becomes beside it, and reads it as the daemon would.
func (f *configFile) try(p program) (*config, error) {
	text, err := f.bytes()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return nil, err
	}
	if err := writeNew(f.next(), text, 0o640); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", f.next(), err)
	}
	c, err := p.configAnd(f.next(), true)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s is as it was; what was to be written is %s", f.path, f.next()), err)
	}
	return c, nil
}

// draft is where the answers of a host who gave up are; no password is in it.
func (f *configFile) draft() string { return f.path + ".draft" }

// fromDraft begins a new file with the answers of the last time, if there are any.
func (f *configFile) fromDraft() error {
	text, err := os.ReadFile(f.draft())
	if f.before != nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, &f.doc)
}

func (f *configFile) keepDraft() error {
	text, err := f.bytes()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	return writeWhole(f.draft(), text, 0o600)
}

func (f *configFile) next() string { return f.path + ".new" }

// write puts the file in its place, whole or not at all, when it has been read without a fault.
// The one before stays beside it.
func (f *configFile) write(p program) (*config, error) {
	c, err := f.try(p)
	if err != nil {
		return nil, err
	}
	if f.before != nil {
		if err := writeWhole(f.path+".before", f.before, 0o640); err != nil {
			return nil, err
		}
	}
	if err := renameWhole(f.next(), f.path); err != nil {
		return nil, err
	}
	if err := os.Remove(f.draft()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.note(err.Error()) // the configuration is there: nobody reads the draft any more
	}
	return c, nil
}
