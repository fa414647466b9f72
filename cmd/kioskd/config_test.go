package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kioskd/config"
	"kioskd/simulator/town"
	"kioskd/site"
	"kioskd/strict"
)

// TestEverySettingIsDocumented: what the reader knows is in kioskd.yaml(5).
func TestEverySettingIsDocumented(t *testing.T) {
	const all = `
zz: 1
site: {zz: 1}
journal: j
screen: {zz: 1}
terminal: {zz: 1}
tariff: t
timings: {zz: 1}
staff: {zz: 1}
backoffice: {zz: 1}
keep: {zz: 1}
ocpi: {zz: 1, location: {zz: 1}, connector: {zz: 1}}
bays:
  - {zz: 1, meter: {zz: 1}, board: {zz: 1}}
  - {zz: 1, meter: {zz: 1}, gpio: {zz: 1}}
`
	path := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(path, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Read(path)
	var bad *strict.Error
	if !errors.As(err, &bad) {
		t.Fatalf("error %v, want the faults", err)
	}
	page := content(t, "../../docs/kioskd.yaml.5.md")
	known := regexp.MustCompile(`: (\w[\w.]*): unknown setting "zz": known are (.*)`)
	sections := 0
	for _, f := range bad.Faults {
		m := known.FindStringSubmatch(f)
		if m == nil {
			continue
		}
		sections++
		for name := range strings.SplitSeq(m[2], ", ") {
			if !regexp.MustCompile("`([a-z_]+\\.)?" + name + "`|(?m)^# .*\\b" + name + "\\b").MatchString(page) {
				t.Errorf("kioskd.yaml(5) has no word on %s of %s", name, m[1])
			}
		}
	}
	if sections < 14 {
		t.Errorf("only %d sections named what they know: %q", sections, bad.Faults)
	}
}

// TestNoTwoBaysShareADevice: two drivers would pay for the same energy.
func TestNoTwoBaysShareADevice(t *testing.T) {
	s, err := town.Open(t.TempDir(), filepath.Join(t.TempDir(), "kioskd.yaml"), town.Options{Size: 2, Speed: 1},
		site.QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	good := content(t, s.Config)
	for name, c := range map[string]struct{ from, to, want string }{
		"a meter":    {"unit: 2, model: B23", "unit: 1, model: SDM630", "bay 2: meter unit 1 at"},
		"a coil":     {"coil: 1,", "coil: 0,", "bay 2: coil 0 of board 1 at"},
		"a plug":     {"plugged: 4,", "plugged: 0,", "bay 2: input 0 of board 1 at"},
		"a feedback": {"feedback: 6,", "feedback: 0,", "bay 2: input 0 of board 1 at"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.from, c.to, 1)
			if text == good {
				t.Fatalf("%q is not in the configuration", c.from)
			}
			if err := os.WriteFile(s.Config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Read(s.Config); err == nil || !strings.Contains(err.Error(), c.want) ||
				!strings.Contains(err.Error(), "is bay 1's already") {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestExampleConfiguration that the package brings is good.
func TestExampleConfiguration(t *testing.T) {
	if _, err := config.ReadWithFiles("../../packaging/examples/kioskd.yaml", true); err != nil {
		t.Error(err)
	}
}

// TestThePasswordIsHandedOver by the service manager, under the name that it gives a file of a
// directory, or lies beside the configuration.
func TestThePasswordIsHandedOver(t *testing.T) {
	s, err := town.Open(t.TempDir(), filepath.Join(t.TempDir(), "kioskd.yaml"), town.Options{Size: 1, Speed: 1},
		site.QuietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := strings.Replace(content(t, s.Config), `password: "123456"`, "password_file: secrets/terminal", 1)
	if err := os.WriteFile(s.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Read(s.Config); err == nil || !strings.Contains(err.Error(), "terminal.password_file") {
		t.Errorf("without the file: %v", err)
	}
	put := func(path, password string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ at, want string }{
		{filepath.Join(filepath.Dir(s.Config), "secrets", "terminal"), "111111"},
		{filepath.Join(t.TempDir(), "secrets_terminal"), "222222"},
	} {
		put(c.at, c.want)
		if strings.HasSuffix(c.at, "secrets_terminal") {
			t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(c.at))
		}
		if got, err := config.Read(s.Config); err != nil || got.Terminal.Password != c.want {
			t.Errorf("password of %s: %v, want %s", c.at, err, c.want)
		}
	}
}

// TestACopyWantsAnotherDisk: on the journal's own it is worth nothing.
func TestACopyWantsAnotherDisk(t *testing.T) {
	dir := t.TempDir()
	if err := site.OtherDisk(filepath.Join(dir, "journal.db"), dir); !errors.Is(err, site.ErrSameDisk) {
		t.Errorf("the same disk: %v", err)
	}
	if err := site.OtherDisk(filepath.Join(dir, "journal.db"), filepath.Join(dir, "none")); !errors.Is(err,
		site.ErrSameDisk) {
		t.Errorf("no directory: %v", err)
	}
	if err := site.OtherDisk(filepath.Join(dir, "journal.db"), "/proc"); err != nil {
		t.Errorf("another file system: %v", err)
	}
}
