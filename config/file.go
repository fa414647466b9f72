package config

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

	"kioskd/file"
)

// firstConfig is what a site's configuration begins as: comments, and what every site has alike.
//
//go:embed setup.yaml
var firstConfig []byte

// File is a configuration as it is written: with its comments, and with whatever setup
// knows nothing about.
type File struct {
	Path    string
	doc     yaml.Node
	Before  []byte // as it was read; nil for a new one
	Changed []string
}

// OpenFile reads a configuration to change, or begins one.
func OpenFile(path string) (*File, error) {
	f := &File{Path: path}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = firstConfig
	case err != nil:
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	default:
		f.Before = text
	}
	if err := yaml.Unmarshal(text, &f.doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(f.doc.Content) != 1 || f.doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:1:1: want settings", path)
	}
	return f, nil
}

// At finds a setting by its path, as in site.name; nil where there is none.
func (f *File) At(path string) *yaml.Node {
	n := f.doc.Content[0]
	for key := range strings.SplitSeq(path, ".") {
		n = Child(n, key)
		if n == nil {
			return nil
		}
	}
	return n
}

func Child(n *yaml.Node, key string) *yaml.Node {
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

// Get is a setting's text; empty where there is none.
func (f *File) Get(path string) string {
	n := f.At(path)
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

// Set changes a setting, where it is another than before. Its comments stay.
func (f *File) Set(path string, v *yaml.Node) {
	n := f.doc.Content[0]
	keys := strings.Split(path, ".")
	for i, key := range keys {
		next := Child(n, key)
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
	f.Changed = append(f.Changed, path)
}

func (f *File) Drop(path string) {
	parent, key := f.doc.Content[0], path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		parent, key = f.At(path[:i]), path[i+1:]
		if parent == nil {
			return
		}
	}
	for i := 0; i+1 < len(parent.Content); i += 2 {
		if parent.Content[i].Value == key {
			parent.Content = append(parent.Content[:i], parent.Content[i+2:]...)
			f.Changed = append(f.Changed, path)
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
func TextNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// Node reads a value that is written as YAML.
func Node(format string, args ...any) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(fmt.Appendf(nil, format, args...), &doc); err != nil {
		return nil, err
	}
	return doc.Content[0], nil
}

func (f *File) Bytes() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&f.doc); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// Try writes what the file becomes beside it, and reads it as the daemon would.
func (f *File) Try() (*Config, error) {
	text, err := f.Bytes()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return nil, err
	}
	if err := file.WriteNew(f.Next(), text, 0o640); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", f.Next(), err)
	}
	c, err := ReadWithFiles(f.Next(), true)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Draft is where the answers of a host who gave up are; no password is in it.
func (f *File) Draft() string { return f.Path + ".draft" }

// FromDraft begins a new file with the answers of the last time, if there are any.
func (f *File) FromDraft() error {
	text, err := os.ReadFile(f.Draft())
	if f.Before != nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, &f.doc)
}

func (f *File) KeepDraft() error {
	text, err := f.Bytes()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	return file.Write(f.Draft(), text, 0o600)
}

func (f *File) Next() string { return f.Path + ".new" }

// Write puts the file in its place, whole or not at all, when it has been read without a fault.
// The one before stays beside it.
func (f *File) Write() (*Config, error) {
	c, err := f.Try()
	if err != nil {
		return nil, err
	}
	if f.Before != nil {
		if err := file.Write(f.Path+".before", f.Before, 0o640); err != nil {
			return nil, err
		}
	}
	if err := file.Replace(f.Next(), f.Path); err != nil {
		return nil, err
	}
	if err := os.Remove(f.Draft()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err // the configuration is there, and the draft beside it
	}
	return c, nil
}
