package model

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"kioskd/strict"
)

//go:embed files/*.yaml
var files embed.FS

// Library is all models that a site knows, ordered by vendor and name.
type Library []*Model

// BuiltIn are the models that come with the program.
func BuiltIn() (Library, error) { return Load("") }

// Load are the built-in models, and those of the site: the files that end in .yaml in a folder, which need not be
// there. A file of the site goes before a built-in model of the same name. Its error is a *strict.Error with every
// fault of every file; the models of the files that are good come with it.
func Load(folder string) (Library, error) {
	var all Library
	bad := &strict.Error{}
	add := func(path string, text []byte, own bool) {
		m, err := Parse(path, text)
		if err != nil {
			bad.Faults = append(bad.Faults, strings.Split(err.Error(), "\n")...)
			return
		}
		m.Own = own
		if own {
			all = slices.DeleteFunc(all, func(o *Model) bool { return !o.Own && o.String() == m.String() })
		}
		all = append(all, m)
	}
	built, err := fs.ReadDir(files, "files")
	if err != nil {
		return nil, err
	}
	for _, e := range built {
		text, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			return nil, err
		}
		add(e.Name(), text, false)
	}
	own, err := ofSite(folder)
	if err != nil {
		return nil, err
	}
	for _, path := range own {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read the site's meters: %w", err)
		}
		add(path, text, true)
	}
	for i, m := range all {
		for _, other := range all[:i] {
			if why := confused(m, other); why != nil {
				bad.Faults = append(bad.Faults, why.Error())
			}
		}
	}
	slices.SortFunc(all, func(a, b *Model) int { return strings.Compare(a.String(), b.String()) })
	if len(bad.Faults) > 0 {
		return all, bad
	}
	return all, nil
}

// ofSite are the paths of a site's own files: none where the folder is not there, or is none, as beside the
// configuration of a simulated site, whose line has that name.
func ofSite(folder string) (own []string, err error) {
	if folder == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("cannot read the site's meters: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".yaml") {
			own = append(own, filepath.Join(folder, e.Name()))
		}
	}
	return own, nil
}

// Admits tells why a model cannot be beside those of the library; a model of the same vendor and name goes out of its
// way.
func (l Library) Admits(m *Model) error {
	for _, other := range l {
		if other.String() == m.String() {
			continue
		}
		if err := confused(m, other); err != nil {
			return err
		}
	}
	return nil
}

// ByName finds a model by one of its names, with or without its vendor's, in any case.
func (l Library) ByName(name string) (*Model, error) {
	var near []string
	for _, m := range l {
		for _, own := range m.names() {
			if strings.EqualFold(name, own) || strings.EqualFold(name, m.Vendor+" "+own) {
				return m, nil
			}
		}
		if len(name) >= alike && (alikeAt(name, m.Name) || alikeAt(name, m.Vendor)) {
			near = append(near, m.Name)
		}
	}
	if len(near) > 0 {
		return nil, fmt.Errorf("cannot find meter model %q: is it %s? kioskd meter models lists them all", name,
			strings.Join(near, ", "))
	}
	return nil, fmt.Errorf("cannot find meter model %q: kioskd meter models lists those that are known", name)
}

// alike is how many first letters two names must share to be like each other.
const alike = 3

func alikeAt(name, other string) bool {
	return len(other) >= alike && strings.EqualFold(name[:alike], other[:alike])
}

func (m *Model) names() []string { return append([]string{m.Name}, m.Also...) }

// confused tells why two models can be taken for each other: by name, or because a device can be of both by what its
// identity registers hold. Registers that only one of the two asks for keep them apart: the other one lacks them.
func confused(a, b *Model) error {
	for _, x := range a.names() {
		for _, y := range b.names() {
			if strings.EqualFold(x, y) {
				return fmt.Errorf("%s:1:1: model: the name %s is that of %s, too", a.File, x, b.File)
			}
		}
	}
	if a.Told() || b.Told() || a.Generic != b.Generic || (a.SunSpec == nil) != (b.SunSpec == nil) {
		return nil
	}
	if a.SunSpec != nil && !slices.Equal(a.SunSpec.ids(), b.SunSpec.ids()) {
		return nil
	}
	shared := 0
	for _, x := range a.Identity {
		for _, y := range b.Identity {
			if x.Register != y.Register {
				continue
			}
			if !x.Is.meets(y.Is) {
				return nil
			}
			shared++
		}
	}
	if shared < min(len(a.Identity), len(b.Identity)) {
		return nil
	}
	return fmt.Errorf("%s:1:1: identity: a meter can be of this model and of %s (%s) at once: ask for another "+
		"register that tells them apart, or say identity: told", a.File, b, b.File)
}

// meets tells whether something is a member of both sets.
func (s Set) meets(other Set) bool {
	for _, a := range s {
		for _, b := range other {
			switch {
			case (a.From == nil) != (b.From == nil):
			case a.From != nil:
				if a.From.Cmp(b.To) <= 0 && b.From.Cmp(a.To) <= 0 {
					return true
				}
			case a.Text == b.Text, a.Begins && strings.HasPrefix(b.Text, a.Text),
				b.Begins && strings.HasPrefix(a.Text, b.Text):
				return true
			}
		}
	}
	return false
}

// Speeds are those with which meters are delivered, the most common first, as settings of an address.
func (l Library) Speeds() (out []string) {
	count := map[string]int{}
	for _, m := range l {
		s := fmt.Sprintf("baud=%d", m.Line.Baud[0])
		if m.Line.Parity != "none" {
			s += "&parity=" + m.Line.Parity
		}
		if count[s] == 0 {
			out = append(out, s)
		}
		count[s]++
	}
	slices.SortStableFunc(out, func(a, b string) int { return count[b] - count[a] })
	return out
}

// Units are the numbers with which meters are delivered, and the first ones, which people give them.
func (l Library) Units() (out []int) {
	for unit := range 8 {
		out = append(out, unit+1)
	}
	for _, m := range l {
		if m.Line.Unit > 0 && !slices.Contains(out, m.Line.Unit) {
			out = append(out, m.Line.Unit)
		}
	}
	return out
}
