package config_test

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheHostsColourCanBeRead: WCAG's contrast with white, by its own examples (black 21:1, #767676 4.54:1), and what
// is less than 7:1 is refused with the ratio.
func TestTheHostsColourCanBeRead(t *testing.T) {
	for colour, want := range map[string]string{
		"#000000": "", "#00584D": "", "#595959": "6.4:1", "#767676": "4.2:1", "#FFFFFF": "1.0:1", "#ff0000": "3.7:1",
		"green": "want a colour such as", "#12345": "want a colour such as", "#GGGGGG": "want a colour such as",
	} {
		text := within(least, "screen", `accent: `+mark+`"`+colour+`"`)
		if want != "" {
			refused(t, text, want)
			continue
		}
		if c := good(t, strings.ReplaceAll(text, mark, "")); c.Brand.Accent != colour {
			t.Errorf("%s is read as %q", colour, c.Brand.Accent)
		}
	}
}

// TestTheHostsPicturesAreRead when the configuration is, so that a picture that cannot be shown is told by check.
func TestTheHostsPicturesAreRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(dir, "logo.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, image.NewRGBA(image.Rect(0, 0, 90, 30))); err != nil {
		t.Fatal(err)
	}
	f.Close()
	write("text.png", []byte("no picture"))
	write("huge.png", make([]byte, 2<<20))
	for name, want := range map[string]string{"logo.png": "", "text.png": "is no PNG or JPEG",
		"huge.png": "at most 1024", "none.png": "no such file"} {
		c, faults := readAt(t, filepath.Join(dir, "kioskd.yaml"), within(least, "screen", "logo: "+name))
		switch {
		case want != "" && (len(faults) != 1 || !strings.Contains(faults[0], want)):
			t.Errorf("%s: %q, want %q", name, faults, want)
		case want == "" && (c == nil || c.Brand.Logo == nil || !strings.HasSuffix(c.Brand.Logo.Name, ".png")):
			t.Errorf("%s: %q", name, faults)
		}
	}
}

// TestTheHostsOwnWords are for languages that there are, and short enough for a page.
func TestTheHostsOwnWords(t *testing.T) {
	for help, want := range map[string]string{`{en: "Behind the kiosk"}`: "", `{¦xx: "?"}`: "want one of en de",
		`{en: ¦""}`: "at most 160", `{en: ¦"` + strings.Repeat("x", 161) + `"}`: "at most 160", `¦[a]`: "for each language"} {
		text := within(least, "screen", "help: "+help)
		if want != "" {
			refused(t, text, want)
			continue
		}
		if c := good(t, text); c.Brand.Help["en"] != "Behind the kiosk" {
			t.Errorf("%+v", c.Brand)
		}
	}
}

// TestWhomToCallInDanger is the country's number, or the one that is set.
func TestWhomToCallInDanger(t *testing.T) {
	for country, want := range map[string]string{"DE": "112", "US": "911", "JP": "119"} {
		if c := good(t, within(least, "site", "country: "+country)); c.Emergency != want {
			t.Errorf("%s: %s", country, c.Emergency)
		}
	}
}
