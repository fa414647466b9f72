package config

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	_ "image/jpeg" // what a host's pictures may be
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kioskd/ui"
)

// Brand is what a host makes the screen their own with.
type Brand struct {
	Accent     string            // #RRGGBB; empty for the product's own
	Logo, Idle *Picture          // nil for none
	Help       map[string]string // the host's own words under help, by language
}

// Picture is a PNG or JPEG file. Its name is its checksum's.
type Picture struct {
	Name string
	Data []byte
}

// mostPicture is the largest file of a picture, and mostPixels its longer edge: the screen decodes it.
const (
	mostPicture = 1 << 20
	mostPixels  = 2048
)

// picture reads a picture's file.
func (r *configReader) picture(what string, to **Picture, dir string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		path := ""
		r.path(&path, dir)(n)
		if path == "" {
			return
		}
		p, err := readPicture(path)
		if err != nil {
			r.Fault(n, "screen.%s: %v", what, err)
			return
		}
		*to = p
	}
}

func readPicture(path string) (*Picture, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > mostPicture {
		return nil, fmt.Errorf("%s has %d kB: want at most %d", path, info.Size()/1024, mostPicture/1024)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err == nil && max(c.Width, c.Height) > mostPixels {
		return nil, fmt.Errorf("%s has %d by %d pixels: want at most %d", path, c.Width, c.Height, mostPixels)
	}
	if err == nil {
		_, _, err = image.Decode(bytes.NewReader(data)) // the end of a file may be missing
	}
	if err != nil {
		return nil, fmt.Errorf("%s is no PNG or JPEG picture: %w", path, err)
	}
	return &Picture{fmt.Sprintf("%x%s", sha256.Sum256(data), strings.ToLower(filepath.Ext(path))), data}, nil
}

// accent reads the host's colour. What is written in it, and on it, must be read in the sun.
func (r *configReader) accent(c *Config) func(*yaml.Node) {
	return func(n *yaml.Node) {
		colour, ok := ui.ParseColour(n.Value)
		if !ok {
			r.Fault(n, "screen.accent: %q: want a colour such as \"#00584D\"", n.Value)
			return
		}
		c.Brand.Accent = n.Value
		if got := min(ui.Contrast(colour, ui.White), ui.Contrast(colour, ui.Ground)); got < ui.LeastContrast {
			r.Fault(n, "screen.accent: %q has a contrast of %.1f:1 with the white beside it: want at least %d:1, a "+
				"darker colour", n.Value, got, ui.LeastContrast)
		}
	}
}

// ownHelp reads the host's own words under help.
func (r *configReader) ownHelp(c *Config) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			r.Fault(n, "screen.help: want a text for each language, such as {en: \"The toilets are behind the kiosk\"}")
			return
		}
		known := Languages()
		c.Brand.Help = map[string]string{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			switch {
			case !slices.Contains(known, key.Value):
				r.Fault(key, "screen.help: %q: want one of %s", key.Value, strings.Join(known, " "))
			case value.Kind != yaml.ScalarNode || strings.TrimSpace(value.Value) == "" ||
				len([]rune(value.Value)) > mostHelp:
				r.Fault(value, "screen.help.%s: want a text of at most %d characters", key.Value, mostHelp)
			default:
				c.Brand.Help[key.Value] = value.Value
			}
		}
	}
}

// mostHelp is how long the host's words may be, to be read on one leaf.
const mostHelp = 160
