// Package text has what people read, one catalogue a language, and writes money, energy
// and times in local form. A language is offered only if its catalogue is complete.
package text

import (
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bojanz/currency"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"

	"kioskd"
)

//go:embed *.json languages.yaml
var files embed.FS

// Catalogues are all texts in all languages.
type Catalogues struct {
	mu        sync.Mutex
	bundles   map[string]*i18n.Bundle // of the languages that were asked for: one takes as much memory as a bay does
	languages []Language              // that are complete
	lacks     map[string][]string
	raw       map[string]map[string]string // by language and key, with places to fill, as they are written
}

// Language is a row of languages.yaml.
type Language struct {
	Code   string
	Region string // whose forms of numbers it is written in, where they are not its first one's
	Date   string // as package time has it
	Time   string
	Right  bool `yaml:"right_to_left"`
}

// readTable reads languages.yaml, which has a row for each catalogue.
func readTable(catalogues []string) (rows []Language, err error) {
	in, err := files.Open("languages.yaml")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	d := yaml.NewDecoder(in)
	d.KnownFields(true)
	if err := d.Decode(&rows); err != nil {
		return nil, fmt.Errorf("languages.yaml: %w", err)
	}
	for _, r := range rows {
		if !slices.Contains(catalogues, r.Code+".json") || r.Date == "" || r.Time == "" {
			return nil, fmt.Errorf("languages.yaml: %q: want a code that has a catalogue, a date and a time", r.Code)
		}
	}
	if len(rows) == 0 || rows[0].Code != "en" {
		return nil, errors.New("languages.yaml: the first language is en: its texts are the list of all")
	}
	for _, name := range catalogues {
		has := func(r Language) bool { return r.Code+".json" == name }
		if !slices.ContainsFunc(rows, has) {
			return nil, fmt.Errorf("languages.yaml has no row for %s", name)
		}
	}
	return rows, nil
}

// Load reads the catalogues. A language that lacks a text is not offered: see Incomplete.
func Load() (*Catalogues, error) {
	c := &Catalogues{bundles: map[string]*i18n.Bundle{}, lacks: map[string][]string{},
		raw: map[string]map[string]string{}}
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	table, err := readTable(names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		texts := map[string]string{}
		if err := json.Unmarshal(data, &texts); err != nil {
			return nil, fmt.Errorf("cannot read texts: %s: %w", name, err)
		}
		c.raw[strings.TrimSuffix(name, ".json")] = texts
	}
	for _, lang := range table {
		for key := range c.raw["en"] {
			if _, ok := c.raw[lang.Code][key]; !ok {
				c.lacks[lang.Code] = append(c.lacks[lang.Code], key)
			}
		}
		if len(c.lacks[lang.Code]) == 0 {
			c.languages = append(c.languages, lang)
		}
	}
	return c, nil
}

// together keeps a number on the line of what it counts: "bay 3", "10 min".
func together(s string) string {
	joined := func(m string) string { return strings.ReplaceAll(m, " ", "\u00a0") }
	return united.ReplaceAllStringFunc(counted.ReplaceAllStringFunc(s, joined), joined)
}

// counted is a number with the word before it, united one with a unit behind it.
var (
	counted = regexp.MustCompile(`\p{L} (\{\{\.N\}\}|\d)`)
	united  = regexp.MustCompile(`(\{\{\.N\}\}|\d) (` +
		`min|Min|мин|хв|h\b|Std|t\b|godz|год|uur|saat|dk|λεπτά|ώρες|%)`)
)

// Incomplete lists what a language lacks that is not offered because of it.
func (c *Catalogues) Incomplete() map[string][]string { return c.lacks }

// Table has the languages that are complete, in the table's order.
func (c *Catalogues) Table() []Language { return c.languages }

// Keys lists the keys of all texts in order.
func (c *Catalogues) Keys() []string { return slices.Sorted(maps.Keys(c.raw["en"])) }

// Raw is a text in a language, with places to fill such as {{.Amount}}.
func (c *Catalogues) Raw(lang, key string) string { return together(c.raw[lang][key]) }

// Languages lists the languages that are complete, in the table's order.
func (c *Catalogues) Languages() (codes []string) {
	for _, l := range c.languages {
		codes = append(codes, l.Code)
	}
	return codes
}

// Printer writes in one language.
type Printer struct {
	Language string
	Right    bool // it is written from right to left
	stretch  bool
	row      Language
	loc      *i18n.Localizer
	money    *currency.Formatter
	number   *currency.Formatter
}

// Pseudo is a language for tests: English with accents, two fifths longer.
const Pseudo = "pseudo"

// Printer is for a language; one that there is no catalogue for is written in English.
func (c *Catalogues) Printer(lang string) *Printer {
	stretch := lang == Pseudo
	at := max(slices.IndexFunc(c.languages, func(l Language) bool { return l.Code == lang }), 0) // the first: English
	row := c.languages[at]
	locale := currency.NewLocale(cmp.Or(row.Region, row.Code))
	p := &Printer{row.Code, row.Right, stretch, row, i18n.NewLocalizer(c.bundle(row.Code), row.Code),
		currency.NewFormatter(locale), currency.NewFormatter(locale)}
	p.number.CurrencyDisplay = currency.DisplayNone
	return p
}

// In is the printer of a language that a person names: an error for one that is not offered.
func (c *Catalogues) In(lang string) (*Printer, error) {
	if !slices.Contains(c.Languages(), lang) {
		return nil, fmt.Errorf("language %q: want one of %s", lang, strings.Join(c.Languages(), " "))
	}
	return c.Printer(lang), nil
}

// bundle has the texts of a language, to be filled.
func (c *Catalogues) bundle(lang string) *i18n.Bundle {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b, ok := c.bundles[lang]; ok {
		return b
	}
	b := i18n.NewBundle(language.Make(lang))
	var all []*i18n.Message
	for key, text := range c.raw[lang] {
		all = append(all, &i18n.Message{ID: key, Other: together(text)})
	}
	b.MustAddMessages(language.Make(lang), all...)
	c.bundles[lang] = b
	return b
}

// T is a text. Pairs of names and values fill its places. A key that there is no text
// for comes back in brackets, so that it is seen and a test finds it.
func (p *Printer) T(key string, pairs ...any) string {
	data := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = p.isolated(fmt.Sprint(pairs[i+1]))
	}
	s, err := p.loc.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data})
	if err != nil {
		return "[" + key + "]"
	}
	if p.stretch {
		return pseudo(s)
	}
	return s
}

// pseudo makes a text as long as the longest translation may be.
func pseudo(s string) string {
	accents := strings.NewReplacer("a", "å", "e", "é", "o", "ö", "u", "ü",
		"A", "Å", "E", "É", "O", "Ö", "U", "Ü")
	s = accents.Replace(s)
	more := (len([]rune(s))*2 + 4) / 5
	if words := strings.Count(s, " "); words > 0 {
		return s + " " + string([]rune(strings.Repeat("ñññ ñ", more))[:more])
	}
	return s + strings.Repeat("n", more)
}

// Plain leaves out the marks that only the order of writing needs.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\u200e' || r == '\u200f' || 0x2066 <= r && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
}

// Marks around what is written from left to right in a text that is not.
const (
	isolate = "\u2066"
	popped  = "\u2069"
)

// isolated keeps a value in one piece: 42 kWh, a code, a telephone number.
func (p *Printer) isolated(s string) string {
	if !p.Right || strings.ContainsFunc(s, func(r rune) bool {
		return r == '\u200f' || r == '\u2066' || 0x590 <= r && r <= 0x8ff
	}) {
		return s
	}
	return isolate + s + popped
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

// Energy is kilowatt-hours with so many decimals.
func (p *Printer) Energy(e kiosk.Energy, decimals int) string {
	return p.Quantity(e.KWh(decimals), "kWh")
}

// Power is kilowatts with one decimal.
func (p *Printer) Power(w kiosk.Power) string {
	return p.Quantity(fmt.Sprintf("%d.%d", w/1000, w%1000/100), "kW")
}

// Number is a decimal number in local form, with the decimals that it has.
func (p *Printer) Number(decimal string) string {
	a, err := currency.NewAmount(decimal, "EUR")
	if err != nil {
		return decimal
	}
	_, fraction, _ := strings.Cut(decimal, ".")
	p.number.MinDigits = uint8(len(fraction))
	return strings.TrimPrefix(p.number.Format(a), "\u200f")
}

// Quantity is a decimal number with its unit.
func (p *Printer) Quantity(number, unit string) string {
	return p.isolated(p.Number(number) + "\u00a0" + unit)
}

// Piece keeps a code or another value that is written from left to right in one piece.
func (p *Printer) Piece(s string) string { return p.isolated(s) }

// Span is from one time of day to another.
func (p *Printer) Span(from, to string) string { return p.T("span", "From", from, "To", to) }

// Lasting is how long something lasted, in units that every language writes alike (SI).
func (p *Printer) Lasting(seconds int) string {
	switch {
	case seconds >= 3600:
		return p.isolated(fmt.Sprintf("%d\u00a0h %02d\u00a0min", seconds/3600, seconds/60%60))
	case seconds >= 60:
		return p.isolated(fmt.Sprintf("%d\u00a0min", seconds/60))
	}
	return p.isolated(fmt.Sprintf("%d\u00a0s", seconds))
}

// Duration is minutes and seconds, with hours where there are any.
func (p *Printer) Duration(seconds int) string {
	if seconds >= 3600 {
		return p.isolated(fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60))
	}
	return p.isolated(fmt.Sprintf("%d:%02d", seconds/60, seconds%60))
}

// Time is a moment with its zone, as a receipt shows it.
func (p *Printer) Time(t time.Time) string {
	seconds := map[bool]string{true: ".05", false: ":05"}[strings.Contains(p.row.Time, ".")]
	return p.isolated(t.Format(p.row.Date + " " + p.row.Time + seconds + " MST"))
}

// Weekday is the short name of a day of the week.
func (p *Printer) Weekday(d time.Weekday) string { return p.T(fmt.Sprintf("web.day.%d", d)) }

// Clock is a time of the day to the minute.
func (p *Printer) Clock(t time.Time) string { return p.isolated(t.Format(p.row.Time)) }

// Day is a date.
func (p *Printer) Day(t time.Time) string { return p.isolated(t.Format(p.row.Date)) }

// Minute is a moment to the minute, as a screen shows it.
func (p *Printer) Minute(t time.Time) string {
	return p.isolated(t.Format(p.row.Date + " " + p.row.Time))
}
