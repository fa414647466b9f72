package model

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
)

// Find is a model by one of its names. Where a site has no files of its own, only those of the built-in files are read
// that have the name in them.
func Find(folder, name string) (*Model, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(entries) > 0 {
		return findIn(folder, name)
	}
	built, err := fs.ReadDir(files, "files")
	if err != nil {
		return nil, err
	}
	words := strings.Fields(strings.ToLower(name))
	if len(words) == 0 {
		return findIn("", name)
	}
	for _, e := range built {
		text, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			return nil, err
		}
		if !bytes.Contains(bytes.ToLower(text), []byte(words[len(words)-1])) {
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
	return findIn("", name)
}

func findIn(folder, name string) (*Model, error) {
	all, err := Load(folder)
	if err != nil {
		return nil, err
	}
	return all.ByName(name)
}
