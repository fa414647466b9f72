// Package text has what people read, one catalogue a language, and writes money, energy
// and times in local form. A language is offered only if its catalogue is complete.
package text

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/bojanz/currency"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"kioskd"
)

//go:embed *.json
var files embed.FS

// Catalogues are all texts in all languages.
type Catalogues struct {
	bundle    *i18n.Bundle
	languages []string
}

// Load reads the catalogues. A text that a language lacks is an error.
func Load() (*Catalogues, error) {
	c := &Catalogues{bundle: i18n.NewBundle(language.English)}
	c.bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	keys := map[string][]string{}
	for _, name := range names {
		f, err := c.bundle.LoadMessageFileFS(files, name)
		if err != nil {
			return nil, fmt.Errorf("cannot read texts: %w", err)
		}
		lang := strings.TrimSuffix(name, ".json")
		c.languages = append(c.languages, lang)
		for _, m := range f.Messages {
			keys[lang] = append(keys[lang], m.ID)
		}
	}
	var errs []error
	for _, lang := range c.languages {
		for _, key := range keys["en"] {
			if !slices.Contains(keys[lang], key) {
				errs = append(errs, fmt.Errorf("%s lacks %s", lang, key))
			}
		}
	}
	slices.SortFunc(c.languages, func(a, b string) int { return strings.Compare(order(a), order(b)) })
	return c, errors.Join(errs...)
}

// order puts English first.
func order(lang string) string {
	if lang == "en" {
		return ""
	}
	return lang
}

// Languages lists the languages, English first.
func (c *Catalogues) Languages() []string { return slices.Clone(c.languages) }

// Printer writes in one language.
type Printer struct {
	Language string
	loc      *i18n.Localizer
	money    *currency.Formatter
}

// Printer is for a language; one that there is no catalogue for is written in English.
func (c *Catalogues) Printer(lang string) *Printer {
	if !slices.Contains(c.languages, lang) {
		lang = "en"
	}
	return &Printer{lang, i18n.NewLocalizer(c.bundle, lang), currency.NewFormatter(currency.NewLocale(lang))}
}

// T is a text. Pairs of names and values fill its places. A key that there is no text
// for comes back in brackets, so that it is seen and a test finds it.
func (p *Printer) T(key string, pairs ...any) string {
	data := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	s, err := p.loc.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data})
	if err != nil {
		return "[" + key + "]"
	}
	return s
}

// Has tells whether there is a text.
func (p *Printer) Has(key string) bool { return p.T(key) != "["+key+"]" }

// Money is an amount in local form: €9.03 or 9,03 €.
func (p *Printer) Money(m kiosk.Money) string { return p.Decimal(m.Decimal(), m.Currency) }

// Decimal is a decimal number of a currency, with as many decimals as it has.
func (p *Printer) Decimal(number string, c kiosk.Currency) string {
	a, err := currency.NewAmount(number, string(c))
	if err != nil {
		return number + " " + string(c)
	}
	p.money.MaxDigits = 6
	return p.money.Format(a)
}

// Energy is kilowatt-hours with two decimals, as the driver's screen shows them.
func (p *Printer) Energy(e kiosk.Energy, decimals int) string {
	return p.point(e.KWh(decimals)) + " kWh"
}

// Power is kilowatts with one decimal.
func (p *Printer) Power(w kiosk.Power) string {
	return p.point(fmt.Sprintf("%d.%d", w/1000, w%1000/100)) + " kW"
}

// Number is a decimal number with the local decimal sign.
func (p *Printer) Number(decimal string) string { return p.point(decimal) }

func (p *Printer) point(number string) string {
	if p.Language == "en" {
		return number
	}
	return strings.Replace(number, ".", ",", 1)
}

// Duration is minutes and seconds, with hours where there are any.
func (p *Printer) Duration(seconds int) string {
	if seconds >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// Time is a moment with its zone, as a receipt shows it.
func (p *Printer) Time(t time.Time) string {
	if p.Language == "de" {
		return t.Format("02.01.2006 15:04:05 MST")
	}
	return t.Format("2006-01-02 15:04:05 MST")
}
