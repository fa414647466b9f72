// Package page makes the page that opens a receipt's link on a telephone: one file of HTML that sends nothing, asks
// nothing but the list of kiosks beside it, and runs nothing but its own script (Content-Security-Policy with hashes).
// It inflates the receipt in its address, verifies the kiosk's signature with WebCrypto, and shows the receipt in the
// visitor's language, for a screen, a sheet of A4 or a roll of 80 mm. Where a back office shows the receipts that it
// has, the same page asks it for receipt.json below the page's address.
package page

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"kioskd"
	"kioskd/receipt"
	"kioskd/ui/text"
)

// What the page is made of.
var (
	//go:embed page.html
	frame string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// Kiosk is what the page must know of a kiosk: its public key, and its sellers by receipt.SellerHash.
type Kiosk struct {
	Key     []byte                       `json:"key"`
	Sellers map[string]map[string]string `json:"sellers"`
}

// Names of the files of a page.
const (
	Index  = "index.html"
	Kiosks = "kiosks.json"
)

// language is one of the page's.
type language struct {
	Code   string   `json:"code"`
	Name   string   `json:"name"`
	Region string   `json:"region,omitempty"`
	Date   string   `json:"date"`
	Time   string   `json:"time"`
	Right  bool     `json:"right_to_left,omitempty"`
	Texts  []string `json:"texts"`
}

// data is what the script knows.
type data struct {
	Version   int              `json:"version"`
	Context   string           `json:"context"`
	Fields    []string         `json:"fields"`
	Least     int              `json:"least"` // fields that every receipt has
	Whole     []kiosk.Currency `json:"whole"` // currencies without minor units
	Keys      []string         `json:"keys"`
	Languages []language       `json:"languages"`
}

// HTML is the page.
func HTML(texts *text.Catalogues) ([]byte, error) {
	d := data{Version: receipt.LinkVersion, Context: receipt.LinkContext, Fields: receipt.Fields(),
		Least: receipt.LeastFields, Whole: kiosk.WholeCurrencies(), Keys: keys(texts)}
	for _, l := range texts.Table() {
		p := texts.Printer(l.Code)
		out := language{l.Code, p.T("language.name"), l.Region, l.Date, l.Time, l.Right, nil}
		for _, k := range d.Keys {
			out.Texts = append(out.Texts, texts.Raw(l.Code, k))
		}
		d.Languages = append(d.Languages, out)
	}
	packed, err := receipt.Deflated(d)
	if err != nil {
		return nil, fmt.Errorf("cannot make receipt page: %w", err)
	}
	t, err := template.New("page").Parse(frame)
	if err != nil {
		return nil, fmt.Errorf("cannot make receipt page: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]string{"Style": style, "StyleHash": hash(style), "Script": script,
		"ScriptHash": hash(script), "Data": base64.StdEncoding.EncodeToString(packed)})
	return b.Bytes(), err
}

// keys are the texts of a receipt and of its page.
func keys(texts *text.Catalogues) (out []string) {
	for _, k := range texts.Keys() {
		if strings.HasPrefix(k, "receipt.") || strings.HasPrefix(k, "reason.") || strings.HasPrefix(k, "page.") ||
			k == "help" {
			out = append(out, k)
		}
	}
	return out
}

// hash is a source of a Content-Security-Policy.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Write writes the page to a directory, and adds a kiosk and its seller to the list beside it: other kiosks, and what
// was said of sellers before, stay on it.
func Write(dir string, texts *text.Catalogues, id string, key ed25519.PublicKey, seller map[string]string) error {
	html, err := HTML(texts)
	if err != nil {
		return err
	}
	all := map[string]Kiosk{}
	path := filepath.Join(dir, Kiosks)
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("cannot read the page's list of kiosks: %w", err)
	default:
		if err := json.Unmarshal(old, &all); err != nil {
			return fmt.Errorf("cannot read %s: %w", path, err)
		}
	}
	k := all[id]
	if k.Sellers == nil || !bytes.Equal(k.Key, key) {
		k = Kiosk{key, map[string]map[string]string{}}
	}
	k.Sellers[receipt.SellerHash(seller)] = seller
	all[id] = k
	list, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return fmt.Errorf("cannot write the page's list of kiosks: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot write receipt page: %w", err)
	}
	for name, text := range map[string][]byte{Index: html, Kiosks: append(list, '\n')} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("cannot write receipt page: %w", err)
		}
	}
	return nil
}
