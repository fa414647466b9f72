package model

import (
	"bytes"
	"io/fs"
	"strings"
)

// Find is a model by one of its names.
func Find(folder, name string) (*Model, error) {
	find, err := Finder(folder)
	if err != nil {
		return nil, err
	}
	return find(name)
}

// Finder finds models by one of their names. Where a site has files of its own, all are read, and its error is that of
// Load; else only those of the built-in files are read that have the name in them.
func Finder(folder string) (find func(name string) (*Model, error), err error) {
	own, err := ofSite(folder)
	if err == nil && len(own) == 0 {
		return findBuiltIn, nil
	}
	all, err := Load(folder)
	return all.ByName, err
}

func findBuiltIn(name string) (*Model, error) {
	built, err := fs.ReadDir(files, "files")
	if err != nil {
		return nil, err
	}
	words := strings.Fields(strings.ToLower(name))
	for _, e := range built {
		text, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			return nil, err
		}
		if len(words) == 0 || !bytes.Contains(bytes.ToLower(text), []byte(words[len(words)-1])) {
			continue
		}
		m, err := Parse(e.Name(), text)
		if err != nil {
			return nil, err
		}
		if found, err := (Library{m}).ByName(name); err == nil {
			return found, nil
		}
	}
	all, err := BuiltIn() // whose error names what is like it
	if err != nil {
		return nil, err
	}
	return all.ByName(name)
}
