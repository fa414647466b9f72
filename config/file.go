package config

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"kioskd/file"
	"kioskd/strict"
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
	f.doc, err = strict.Document(path, text)
	if err == nil && f.doc.Content[0].Kind != yaml.MappingNode {
		err = fmt.Errorf("%s:1:1: want settings", path)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// At finds a setting by its path, as in site.name or bays.0.number; nil where there is none.
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

// Child is the value of a key, or an item of a list by its index.
func Child(n *yaml.Node, key string) *yaml.Node {
	if i, err := strconv.Atoi(key); err == nil && n.Kind == yaml.SequenceNode && i >= 0 && i < len(n.Content) {
		return n.Content[i]
	}
	if _, value := pair(n, key); value != nil {
		return value
	}
	return nil
}

// pair is a key of a mapping and its value; nil where there is none.
func pair(n *yaml.Node, key string) (name, value *yaml.Node) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
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

// Set changes a setting, where it is another than before. Its comments stay, and those of what it has below it.
func (f *File) Set(path string, v *yaml.Node) {
	n, at := f.doc.Content[0], &yaml.Node{}
	for key := range strings.SplitSeq(path, ".") {
		next := Child(n, key)
		if next == nil {
			name := &yaml.Node{Kind: yaml.ScalarNode, Value: key}
			next = &yaml.Node{}
			if n.Kind != yaml.MappingNode { // as of a section whose settings are all commented out
				n.Kind, n.Tag, n.Value, n.Style, n.Content = yaml.MappingNode, "", "", 0, nil
			}
			if len(n.Content) == 0 {
				n.Style &^= yaml.FlowStyle
			}
			n.Content = append(n.Content, name, next)
			besideKey(at, n)
			at = name
		} else if name, _ := pair(n, key); name != nil {
			at = name
		}
		n = next
	}
	if same(n, v) {
		return
	}
	KeepComments(n, v)
	besideKey(at, v)
	*n = *v
	f.Changed = append(f.Changed, path)
}

// KeepComments gives a value the comments of the one that it replaces.
func KeepComments(old, v *yaml.Node) {
	v.HeadComment, v.LineComment, v.FootComment = old.HeadComment, old.LineComment, old.FootComment
	for i := 0; v.Kind == yaml.MappingNode && i+1 < len(v.Content); i += 2 {
		if key, value := pair(old, v.Content[i].Value); key != nil {
			KeepComments(key, v.Content[i])
			KeepComments(value, v.Content[i+1])
		}
	}
}

// besideKey puts the comment beside a value where YAML has it: a value that begins in the next line has it behind its
// key.
func besideKey(key, v *yaml.Node) {
	from, to := &key.LineComment, &v.LineComment
	if v.Kind != yaml.ScalarNode && v.Style&yaml.FlowStyle == 0 && len(v.Content) > 0 {
		from, to = to, from
	}
	if *from != "" {
		*from, *to = "", *from
	}
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
	if f.Before != nil || !Exists(f.Draft()) {
		return nil
	}
	draft, err := OpenFile(f.Draft())
	if err != nil {
		return fmt.Errorf("%w: mend or delete %s", err, f.Draft())
	}
	f.doc = draft.doc
	return nil
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
	now, err := os.ReadFile(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !bytes.Equal(now, f.Before) {
		return nil, fmt.Errorf("another program changed %s meanwhile: nothing is written; begin again", f.Path)
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
