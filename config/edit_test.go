package config_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"kioskd/config"
	"kioskd/strict"
)

// opened is a text as a file to change.
func opened(t *testing.T, text string) *config.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kioskd.yaml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	f, err := config.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// text is what a file becomes.
func text(t *testing.T, f *config.File) string {
	t.Helper()
	b, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// node reads a value that is written as YAML.
func node(t *testing.T, s string) *yaml.Node {
	t.Helper()
	n, err := config.Node("%s", s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// packaged is the example that the package brings.
func packaged(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOneChangeChangesOneLine, byte for byte, of the packaged example: quotes, comments and order of the rest stay.
func TestOneChangeChangesOneLine(t *testing.T) {
	whole := packaged(t)
	if f := opened(t, whole); text(t, f) != whole {
		t.Fatalf("without a change it becomes\n%s", text(t, f))
	}
	for _, x := range []struct {
		path, value string // value as YAML
		from, to    string
	}{
		{"site.name", "Hof", "name: Parkhaus Mitte", "name: Hof"},
		{"site.helpline", `"+49 40 7"`, `"+49 30 1234567"`, `"+49 40 7"`},
		{"site.languages", "[en]", "[de, en, fr, pl, tr]", "[en]"},
		{"journal", "/x/j.db", "/var/lib/kioskd/journal/journal.db", "/x/j.db"},
		{"terminal.hold", `"75.00"`, `"50.00"`, `"75.00"`}, {"terminal.id", `"00000001"`, `"52500038"`, `"00000001"`},
		{"screen.terminal", "left", "terminal: right", "terminal: left"},
		{"keep.copy", "/mnt/x", "copy: /media/kioskd # a", "copy: /mnt/x # a"}, // its comment stays
		{"screen.night", "21:00-06:00", "terminal: right\n", "terminal: right\n  night: 21:00-06:00\n"},
		{"clock", "rtc", "labelled KIOSKD\n", "labelled KIOSKD\nclock: rtc\n"},
		{"staff.host", "x", "labelled KIOSKD\n", "labelled KIOSKD\nstaff:\n  host: x\n"},
	} {
		f := opened(t, whole)
		f.Set(x.path, node(t, x.value))
		if got, want := text(t, f), changed(t, whole, x.from, x.to); got != want {
			t.Errorf("%s = %s makes\n%s", x.path, x.value, got)
		}
		if !slices.Equal(f.Changed, []string{x.path}) {
			t.Errorf("%s: %q changed", x.path, f.Changed)
		}
	}
	for path, line := range map[string]string{"site.vat_id": "  vat_id: DE123456789\n",
		"terminal.id":     "  id: \"52500038\"\n",
		"keep":            "keep:\n  copy: /media/kioskd # a stick labelled KIOSKD\n",
		"screen.terminal": "  terminal: right\n"} {
		f := opened(t, whole)
		f.Drop(path)
		if got := text(t, f); got != changed(t, whole, line, "") || f.Get(path) != "" {
			t.Errorf("without %s it is\n%s", path, got)
		}
	}
}

// TestWhatIsSaidAlreadyChangesNothing: nor does what is not there, and is dropped.
func TestWhatIsSaidAlreadyChangesNothing(t *testing.T) {
	whole := packaged(t)
	f := opened(t, whole)
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(whole), &doc); err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(doc.Content[0].Content); i += 2 {
		f.Set(doc.Content[0].Content[i].Value, doc.Content[0].Content[i+1])
	}
	f.Set("site.languages", node(t, "[de, en, fr, pl, tr]"))
	f.Set("terminal.hold", config.TextNode("50.00"))
	f.Drop("terminal.serial")
	f.Drop("staff.host")
	f.Drop("nothing")
	if text(t, f) != whole || len(f.Changed) > 0 {
		t.Errorf("%q changed:\n%s", f.Changed, text(t, f))
	}
	for path, want := range map[string]string{"site.name": "Parkhaus Mitte", "site.languages": "de, en, fr, pl, tr",
		"site.kiosk": "", "nothing.at.all": "", "site.name.first": "", "terminal.password": "123456"} {
		if got := f.Get(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

// TestCommentsOutliveChanges: of a file as a host keeps it, every comment is there after changes all over it, in the
// same order, and what they commented out stays where it was.
func TestCommentsOutliveChanges(t *testing.T) {
	const own = `# Ours since 1998.

# Ask Anna before you change anything.
site: # the seller
  # as on the door
  name: Parkhaus # not Garage
  address: Strasse 1
  # helpline: "+49 30 1" was the old one
  helpline: '+49 30 2'
  languages: [de, en] # no French yet

terminal:
  hold: "50.00" # the bank wants 50

  # minimum: "10.00"
tariff: # since May
  id: haus
bays:
  # next to the entrance
  - number: 1 # left
    # the old meter
    meter: {unit: 1} # in the cellar
  # behind the house
  - number: 2
# end of it
`
	f := opened(t, own)
	for path, value := range map[string]string{"site.name": "Hof", "site.helpline": "x",
		"site.languages": "[de, en, fr]",
		"terminal.hold":  `"60.00"`, "tariff.id": "neu", "clock": "rtc", "screen.socket": "ui.sock",
		"site.kiosk": "K1"} {
		f.Set(path, node(t, value))
	}
	f.Drop("site.address")
	got, at := text(t, f), 0
	for line := range strings.Lines(own) {
		_, comment, ok := strings.Cut(line, "#")
		if !ok {
			continue
		}
		next := strings.Index(got[at:], "#"+strings.TrimSuffix(comment, "\n"))
		if next < 0 {
			t.Errorf("#%s is lost or in another place:\n%s", strings.TrimSuffix(comment, "\n"), got)
			continue
		}
		at += next
	}
	for _, want := range []string{"name: Hof # not Garage", "languages: [de, en, fr] # no French yet",
		"hold: \"60.00\" # the bank wants 50", "number: 1 # left", "meter: {unit: 1} # in the cellar"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// odd are texts that YAML could take for something else, or that need its quotes.
var odd = []string{"a", " a", "a ", "null", "~", "yes", "No", "true", "1", "0x1", "1e3", "1_000", "017", "0o17", ".5",
	".inf",
	"a: b", "a #b", "#a", "- a", "-", "*a", "&a", "!a", "%a", "@a", "`a", "'", `"`, `\`, `a\nb`, "a\nb", "a\n", "\na",
	"\t",
	"a\tb", "a\r\nb", "\u0085", "a\u2028b", "\ufeffa", "\x07", "\x7f", "2001-01-01", "12:30", "{a", "[a", "a,b", "?",
	":", "---",
	"...", "=", "|", ">", "a:", ": a", "Müller & Söhne", "🚗", "\ue000", "\ufffd", "\u200b", "x\n\n y\n", "+49 30 1",
	"DE*ABC*E001", "serial:///dev/kioskd/bus?baud=9600&parity=none", "tcp://[2001:db8::1]:502", "{}", "[]", "''"}

// TestEveryTextIsReadAsItWasSet, by the editor and by the daemon, as a value in a line, in a flow and with a comment.
func TestEveryTextIsReadAsItWasSet(t *testing.T) {
	own := strings.Replace(changed(t, least, "name: Parkhaus", "name: Parkhaus # the name"),
		"screen:\n  socket: ui.sock", "screen: {socket: ui.sock}", 1)
	for _, s := range odd {
		f := opened(t, own)
		f.Set("site.name", config.TextNode(s))
		f.Set("site.vat_id", config.TextNode(s))
		f.Set("screen.socket", config.TextNode("/run/"+s))
		got := text(t, f)
		again := opened(t, got)
		if again.Get("site.name") != s || again.Get("site.vat_id") != s || again.Get("screen.socket") != "/run/"+s {
			t.Errorf("%q is read as %q, %q and %q:\n%s", s, again.Get("site.name"), again.Get("site.vat_id"),
				again.Get("screen.socket"), got)
		}
		if text(t, again) != got {
			t.Errorf("%q changes when it is written again", s)
		}
		if c := good(t, got); c.Site["name"] != s || c.Site["vat_id"] != s || c.Hold.Minor != 5000 {
			t.Errorf("%q: the daemon reads %q and %q", s, c.Site["name"], c.Site["vat_id"])
		}
	}
}

// leaves are the values below a node by their paths, with the numbers of list items.
func leaves(n *yaml.Node, path string, out map[string]string) map[string]string {
	switch n.Kind {
	case yaml.DocumentNode:
		return leaves(n.Content[0], path, out)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			leaves(n.Content[i+1], path+"."+n.Content[i].Value, out)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			leaves(item, path+"."+strconv.Itoa(i), out)
		}
	default:
		out[strings.TrimPrefix(path, ".")] = n.Value
	}
	return out
}

// TestAnyChangesKeepTheRest: random changes and removals, one after the other. After each, the file that is read again
// has what was set, lacks what was dropped, and every other value and comment is as it was.
func TestAnyChangesKeepTheRest(t *testing.T) {
	whole := packaged(t) + office
	paths := []string{"site.name", "site.address", "site.helpline", "site.vat_id", "site.kiosk", "journal", "clock",
		"screen.socket", "screen.night", "terminal.address", "terminal.hold", "terminal.minimum", "terminal.end_of_day",
		"keep.copy", "keep.reserve_mb", "staff.host", "staff.export", "backoffice.url", "backoffice.every",
		"tariff.id", "tariff.currency", "timings.idle", "ocpi.location.id", "ocpi.location.city"}
	read := func(s string) map[string]string {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(s), &doc); err != nil {
			t.Fatalf("%v:\n%s", err, s)
		}
		return leaves(&doc, "", map[string]string{})
	}
	for seed := range uint64(40) {
		dice := rand.New(rand.NewPCG(seed, 2))
		f, want := opened(t, whole), read(whole)
		stays := true // the only comment that belongs to a setting
		for range 25 {
			path := paths[dice.IntN(len(paths))]
			if dice.IntN(4) == 0 {
				f.Drop(path)
				delete(want, path)
				stays = stays && path != "keep.copy"
			} else {
				value := odd[dice.IntN(len(odd))]
				f.Set(path, config.TextNode(value))
				want[path] = value
			}
			b := text(t, f)
			got := read(b)
			for p := range want {
				if got[p] != want[p] {
					t.Fatalf("seed %d: after %s, %s is %q, want %q:\n%s", seed, path, p, got[p], want[p], b)
				}
			}
			for p, v := range got {
				if _, ok := want[p]; !ok {
					t.Fatalf("seed %d: after %s there is %s: %q:\n%s", seed, path, p, v, b)
				}
			}
			if !strings.HasPrefix(b, "# One kiosk with two bays.") ||
				stays != strings.Contains(b, "# a stick labelled") {
				t.Fatalf("seed %d: after %s comments are lost:\n%s", seed, path, b)
			}
			order := []string{"site:", "screen:", "terminal:", "tariff:", "bays:", "keep:", "backoffice:"}
			last := -1
			for _, key := range order {
				if at := strings.Index("\n"+b, "\n"+key); at >= 0 && at < last {
					t.Fatalf("seed %d: %s has moved:\n%s", seed, key, b)
				} else if at >= 0 {
					last = at
				}
			}
		}
	}
}

// TestAChangeIsWrittenWholeOrNotAtAll: what has faults stays beside the file, which is as it was; what has none takes
// its place, with the one before beside it.
func TestAChangeIsWrittenWholeOrNotAtAll(t *testing.T) {
	f := opened(t, least)
	f.Set("terminal.hold", config.TextNode("50,00"))
	c, err := f.Write()
	var bad *strict.Error
	if c != nil || !errors.As(err, &bad) || len(bad.Faults) != 1 ||
		!strings.HasPrefix(bad.Faults[0], f.Next()+":14:9: ") {
		t.Errorf("a fault is written: %v", err)
	}
	now, next := content(t, f.Path), content(t, f.Next())
	if now != least || next != changed(t, least, `"50.00"`, "50,00") {
		t.Errorf("the file is\n%s\nbeside it\n%s", now, next)
	}
	if _, err := os.Stat(f.Path + ".before"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing was before: %v", err)
	}
	f.Set("terminal.hold", config.TextNode("75.00"))
	c, err = f.Try()
	if err != nil || c.Hold.Minor != 7500 || content(t, f.Path) != least {
		t.Errorf("a trial: %v, %v", c, err)
	}
	c, err = f.Write()
	if err != nil || c.Hold.Minor != 7500 {
		t.Fatal(err)
	}
	want := changed(t, least, `"50.00"`, `"75.00"`)
	if content(t, f.Path) != want || content(t, f.Path+".before") != least {
		t.Errorf("it became\n%s", content(t, f.Path))
	}
	left, err := filepath.Glob(f.Path + ".*")
	if err != nil || !slices.Equal(left, []string{f.Path + ".before"}) {
		t.Errorf("%q are left, %v", left, err)
	}
	for _, path := range []string{f.Path, f.Path + ".before"} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
}

// content is what a file has.
func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestAWrittenFileNamesWhatIsThere: files that it names are looked for before it takes its place.
func TestAWrittenFileNamesWhatIsThere(t *testing.T) {
	f := opened(t, within(least, "site", "kiosk: K1")+office)
	f.Set("site.name", config.TextNode("Hof"))
	if _, err := f.Write(); err == nil || !strings.Contains(err.Error(), "kiosk.pem") {
		t.Errorf("without a certificate: %v", err)
	}
	dir := filepath.Join(filepath.Dir(f.Path), "secrets")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.pem", "kiosk.pem", "kiosk.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Write(); err != nil {
		t.Error(err)
	}
}

// TestADraftIsForANewFileAlone: it is offered again, read by its owner only, and gone once the file is written. A file
// that is there is never mixed with it.
func TestADraftIsForANewFileAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etc", "kioskd.yaml")
	f, err := config.OpenFile(path)
	if err != nil || f.Before != nil {
		t.Fatal(err)
	}
	f.Set("site.name", config.TextNode("Hof"))
	if err := f.KeepDraft(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(f.Draft()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a draft is no configuration: %v", err)
	}
	again, err := config.OpenFile(path)
	if err == nil {
		err = again.FromDraft()
	}
	if err != nil || again.Get("site.name") != "Hof" || len(again.Changed) > 0 {
		t.Errorf("%q, %q, %v", again.Get("site.name"), again.Changed, err)
	}
	if !strings.HasPrefix(text(t, again), "# Written by kioskd setup") {
		t.Errorf("the draft lost the comments of a new file:\n%s", text(t, again))
	}
	if err := os.WriteFile(path, []byte(least), 0o640); err != nil {
		t.Fatal(err)
	}
	there, err := config.OpenFile(path)
	if err == nil {
		err = there.FromDraft()
	}
	if err != nil || there.Get("site.name") != "Parkhaus" {
		t.Errorf("a draft is mixed into %q: %v", there.Get("site.name"), err)
	}
	there.Set("site.name", config.TextNode("Garten"))
	if _, err := there.Write(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(there.Draft()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the draft is still there: %v", err)
	}
}

// TestWhatCannotBeChangedIsTold with the file's name; nothing is made of it.
func TestWhatCannotBeChangedIsTold(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "# only a comment\n", "~\n", "[]\n", "text\n", "a: [\n", "a: \"\n", "a: b: c\n"} {
		path := filepath.Join(dir, "kioskd.yaml")
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if f, err := config.OpenFile(path); err == nil || f != nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := config.OpenFile(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := config.Read(filepath.Join(dir, "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestAFileThatCannotBeChangedIsTold with its place, as kioskd check tells it, and with what to do where it is not
// UTF-8.
func TestAFileThatCannotBeChangedIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kioskd.yaml")
	for text, want := range map[string][]string{
		strings.Replace(least, "Strasse", "Stra\xdfe", 1):    {path + ":3:16: ", "UTF-8"},
		strings.Replace(least, "  name:", "\tname:", 1):      {path + ":2:"},
		strings.Replace(least, "name: P", "name: P: a: ", 1): {path + ":2:"},
	} {
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		_, err := config.OpenFile(path)
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%v, want %q", err, w)
			}
		}
	}
}

// TestASettingOfAnEmptySectionIsKept: a host has commented out all that a section had.
func TestASettingOfAnEmptySectionIsKept(t *testing.T) {
	for _, empty := range []string{"keep:\n", "keep: ~\n", "keep: # later\n", "keep: {}\n"} {
		f := opened(t, least+empty)
		f.Set("keep.copy", config.TextNode("/media/kioskd"))
		if got := opened(t, text(t, f)).Get("keep.copy"); got != "/media/kioskd" {
			t.Errorf("%q: %q is written:\n%s", empty, got, text(t, f))
		}
	}
}

// TestACommentBesideAValueIsKept, also where the value is a section or a list afterwards.
func TestACommentBesideAValueIsKept(t *testing.T) {
	f := opened(t, "tariff: haus.json # since May\nbays: [] # none yet\n")
	f.Set("tariff", node(t, "id: standard\ncurrency: EUR\n"))
	f.Set("bays", node(t, "- number: 1\n"))
	for _, want := range []string{"# since May", "# none yet"} {
		if !strings.Contains(text(t, f), want) {
			t.Errorf("%s is lost:\n%s", want, text(t, f))
		}
	}
}

// TestAChangeOfAnotherProgramIsKept: a file that changed since it was opened is not written over.
func TestAChangeOfAnotherProgramIsKept(t *testing.T) {
	f := opened(t, least)
	edited := changed(t, least, "name: Parkhaus", "name: Parkhaus am Hof")
	if err := os.WriteFile(f.Path, []byte(edited), 0o640); err != nil {
		t.Fatal(err)
	}
	f.Set("terminal.hold", config.TextNode("75.00"))
	if _, err := f.Write(); err == nil || content(t, f.Path) != edited {
		t.Errorf("%v: it is\n%s", err, content(t, f.Path))
	}
}
