package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"kioskd"
	"kioskd/cli"
	"kioskd/config"
	"kioskd/file"
	"kioskd/store"
	"kioskd/terminal/zvt"
)

// setupQuestions are the answers that are a text; devices and bays are found.
func setupQuestions() []setupQuestion {
	return []setupQuestion{
		{question: question{flag: "name", title: "Name of the site",
			help: "As drivers shall read it on the screen and on receipts."}, part: partSite, path: "site.name"},
		{question: question{flag: "address", title: "Address of the seller",
			help: "For receipts: street, postal code, town."}, part: partSite, path: "site.address"},
		{question: question{flag: "vat-id", title: "VAT number", optional: true, check: vatID,
			help: "For receipts, where you have one."}, part: partSite, path: "site.vat_id"},
		{question: question{flag: "helpline", title: "Telephone number for help", check: telephone,
			help: "A person must answer it: it is on every screen."}, part: partSite, path: "site.helpline"},
		{question: question{flag: "country", title: "Country, two letters", def: "DE", check: config.CheckCountry,
			help: "As DE."}, part: partSite, path: "site.country"},
		{question: question{flag: "timezone", title: "Time zone", def: systemZone(), help: "As Europe/Berlin.",
			check: func(s string) error { _, err := time.LoadLocation(s); return err }}, part: partSite,
			path: "site.timezone"},
		{question: question{flag: "currency", title: "Currency", def: "EUR", check: func(s string) error {
			if !kiosk.Currency(s).Known() {
				return errors.New("kioskd does not sell in it: want three letters such as EUR")
			}
			return nil
		}}, part: partSite, path: "site.currency"},
		{question: question{flag: "languages", title: "Languages, the first one first", def: "en, de",
			check: checkLanguages, help: "Known are " + strings.Join(config.Languages(), ", ") + "."}, part: partSite,
			path: "site.languages"},
		{question: question{flag: "clock", title: "Who keeps the clock right", def: "ntp",
			options: []string{"ntp", "rtc"}, help: "ntp: the network. rtc: a battery-backed clock in this computer, " +
				"believed without a network."}, part: partSite, path: "clock"},
		{question: question{flag: "kiosk", title: "Id of this kiosk", optional: true,
			help: "Needed for a back office."}, part: partSite, path: "site.kiosk"},
		{question: question{flag: "password", title: "Password of the card terminal, six digits", def: "000000",
			check: zvt.CheckPassword}, part: partTerminal},
		{question: question{flag: "capture", title: "How the terminal books a hold", def: "released",
			options: []string{"released", "used"}, help: "As its maker says: released (06 23, partial release) or " +
				"used (06 24, completion)."}, part: partTerminal, path: "terminal.capture"},
		{question: question{flag: "reads-cards", title: "Can the terminal read a card without a payment (yes or no)",
			def: "no", check: truth, help: "As its maker says. Then a driver finds their session again with their " +
				"card."}, part: partTerminal, path: "terminal.reads_cards"},
		{question: question{flag: "end-of-day", title: "Time of the terminal's end of day", optional: true,
			check: func(s string) error { _, err := config.DayTime(s); return err },
			help:  "As 03:30; without it when the terminal asks."}, part: partTerminal, path: "terminal.end_of_day"},
		{question: question{flag: "hold", title: "Amount that is held on a card", def: "50.00", amount: true,
			check: amount, help: "For example 50.00. A session never costs more than this."}, part: partPrice,
			path: "terminal.hold"},
		{question: question{flag: "price", title: "Price of a kilowatt-hour, tax included", amount: true,
			check: number, help: "As 0.49. Other tariffs: --tariff FILE with an OCPI Tariff."}, part: partPrice},
		{question: question{flag: "vat", title: "Percent of VAT in it", def: "19", amount: true, check: percent},
			part: partPrice},
		{question: question{flag: "technician-code", title: "Code of the technician for the screen, six to twelve " +
			"digits", optional: true, help: "Five touches on the site's name, then this code."}, part: partStaff,
			path: "staff.technician"},
		{question: question{flag: "host-code", title: "Code of the host for the screen", optional: true,
			help: "For prices, sales and closing a bay; the same gesture."}, part: partStaff, path: "staff.host"},
		{question: question{flag: "copy", title: "Where a stick or second partition is mounted", optional: true,
			check: config.MountPoint, help: "The journal is copied there each hour: /media/kioskd is a stick " +
				"labelled " +
				"KIOSKD."}, part: partKeep, path: "keep.copy"},
	}
}

type setupQuestion struct {
	question
	part string
	path string // of the setting, where its text is the answer
}

// Parts of a site.
const (
	partSite     = "site"
	partTerminal = "terminal"
	partBays     = "bays"
	partPrice    = "price and hold"
	partStaff    = "staff codes"
	partKeep     = "copy of the journal"
)

var allParts = []string{partSite, partTerminal, partBays, partPrice, partStaff, partKeep}

// vatPattern is a VAT number: letters of its country, digits, and what some have between and behind them.
var vatPattern = regexp.MustCompile(`^[A-Z]{2,3}[A-Z0-9 .*+-]*[0-9][A-Z0-9 .*+-]*[0-9][A-Z0-9 .*+-]*$`)

func vatID(s string) error {
	if !vatPattern.MatchString(s) {
		return errors.New("want a VAT number with its country, such as DE123456789")
	}
	return nil
}

func systemZone() string {
	if b, err := os.ReadFile("/etc/timezone"); err == nil {
		if zone := strings.TrimSpace(string(b)); !strings.HasSuffix(zone, "UTC") { // none was chosen
			return zone
		}
	}
	return "Europe/Berlin"
}

func amount(s string) error {
	// the currency's own decimals are checked with the whole
	if m, err := kiosk.ParseMoney(s, "EUR"); err != nil || m.Minor <= 0 {
		if m, err := kiosk.ParseMoney(s, "JPY"); err != nil || m.Minor <= 0 {
			return errors.New("want an amount such as 50.00")
		}
	}
	return nil
}

func truth(s string) error {
	if !slices.Contains([]string{"yes", "no", "true", "false"}, s) {
		return errors.New("want yes or no")
	}
	return nil
}

func telephone(s string) error {
	if !strings.ContainsAny(s, "0123456789") {
		return errors.New("want a number such as +49 30 1234567")
	}
	return nil
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

func checkLanguages(s string) error {
	for _, l := range splitList(s) {
		if !slices.Contains(config.Languages(), l) {
			return fmt.Errorf("%q is not known", l)
		}
	}
	return nil
}

// answer asks a question and puts its answer into the file. In a configuration that is there
// only what was answered by a flag or a person changes.
func (w *wizard) answer(ctx context.Context, q setupQuestion) (string, error) {
	_, said := w.given[q.flag]
	if w.file.Before != nil && w.unattended && !said {
		return "", nil
	}
	hashed := q.part == partStaff
	if q.path != "" && !hashed {
		q.def = cmp.Or(w.file.Get(q.path), q.def)
	}
	if q.flag == "password" && w.password() != "" {
		q.def, q.optional, q.help = "", true, "Nothing: as it is."
	}
	if hashed {
		if w.file.Get(q.path) != "" {
			q.help = "Nothing: as it is."
		}
		q.check = func(s string) error { return w.ownCode(q.path, s) }
	}
	s, err := w.ask(ctx, q.question)
	if err != nil || q.path == "" {
		return s, err
	}
	switch {
	case s == "" && !hashed:
		w.file.Drop(q.path)
	case s == "":
	case hashed:
		w.file.Set(q.path, config.TextNode(config.HashCode(s)))
	case q.flag == "languages":
		n, err := config.Node("[%s]", strings.Join(splitList(s), ", "))
		if err != nil {
			return "", err
		}
		w.file.Set(q.path, n)
	case q.flag == "reads-cards":
		n, err := config.Node("%v", s == "yes" || s == "true")
		if err != nil {
			return "", err
		}
		w.file.Set(q.path, n)
	default:
		w.file.Set(q.path, config.TextNode(s))
	}
	return s, nil
}

// ownCode checks a staff code: it tells technician and host apart.
func (w *wizard) ownCode(path, code string) error {
	if err := config.CheckCode(code); err != nil {
		return err
	}
	for _, other := range []string{"staff.technician", "staff.host"} {
		if h, err := config.ParseCodeHash(w.file.Get(other)); other != path && err == nil && h.Matches(code) {
			return errors.New("technician and host are told apart by their codes: want another one")
		}
	}
	return nil
}

// price makes a tariff of one price, or changes the price of one, or names a file with any other.
func (w *wizard) price(ctx context.Context) error {
	if w.flags.Tariff != "" {
		return w.tariffFile()
	}
	_, price := w.given["price"]
	_, vat := w.given["vat"]
	if w.file.Before != nil && w.unattended && !price && !vat {
		return nil
	}
	if w.file.Before != nil && w.onePrice("price") == "" {
		return cli.Usagef("setup: the tariff of %s is not one price of a kilowatt-hour with its tax included: change "+
			"it there, or name a --tariff file", w.file.Path)
	}
	var said [2]string
	for meant := false; !meant; {
		for i, flag := range []string{"price", "vat"} {
			at := slices.IndexFunc(setupQuestions(), func(q setupQuestion) bool { return q.flag == flag })
			q := setupQuestions()[at].question
			q.def = cmp.Or(w.onePrice(flag), q.def)
			s, err := w.ask(ctx, q)
			if err != nil {
				return err
			}
			said[i] = s
		}
		if w.unattended || price {
			break
		}
		// A comma that slipped is seen in what a driver pays. Enter keeps a price, and takes no other one.
		kWh, _ := decimal(said[0])
		var err error
		meant, err = w.sure(ctx, fmt.Sprintf("A driver pays %s %s for 20 kWh. Is that meant?",
			new(big.Rat).Mul(kWh, big.NewRat(20, 1)).FloatString(2), w.currency()), said[0] == w.onePrice("price") &&
			w.file.Get("tariff.currency") == string(w.currency()))
		if err != nil {
			return err
		}
	}
	return w.setPrice(said[0], said[1])
}

// setPrice puts a price and its VAT where the tariff has them, and makes a tariff where there is none.
func (w *wizard) setPrice(price, vat string) error {
	if w.onePrice("price") == "" {
		n, err := config.Node("id: standard\ncurrency: %s\ntax_included: \"YES\"\nelements:\n  - price_components:\n"+
			"      - {type: ENERGY, price: %s, vat: %s, step_size: 1}\n", w.currency(), price, vat)
		if err == nil {
			w.file.Set("tariff", n)
		}
		return err
	}
	for _, x := range [][2]string{{onlyComponent + ".price", price}, {onlyComponent + ".vat", vat},
		{"tariff.currency", string(w.currency())}} {
		n, err := config.Node("%s", x[1])
		if err != nil {
			return err
		}
		w.file.Set(x[0], n)
	}
	return nil
}

// tariffFile takes a tariff over. The daemon may not read where it lies; a name of its own leaves the one before as it
// is.
func (w *wizard) tariffFile() error {
	text, err := os.ReadFile(w.flags.Tariff)
	if err != nil {
		return cli.Usagef("setup: --tariff: %w", err)
	}
	name := "tariff-" + store.Sum(text)[:8] + ".json"
	if err := os.MkdirAll(filepath.Dir(w.file.Path), 0o755); err != nil {
		return err
	}
	w.file.Set("tariff", config.TextNode(name))
	return file.Write(filepath.Join(filepath.Dir(w.file.Path), name), text, 0o640)
}

// decimal is a number of digits and a point, as a tariff has it.
func decimal(s string) (*big.Rat, bool) {
	if strings.Trim(s, "0123456789.") != "" || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// onlyComponent is where a tariff of one price has it.
const onlyComponent = "tariff.elements.0.price_components.0"

// onePrice is what a tariff says that has one price of energy, its tax included, and nothing else; empty of any other.
func (w *wizard) onePrice(key string) string {
	alone := func(path string) bool {
		n := w.file.At(path)
		return n != nil && len(n.Content) == 1
	}
	element := w.file.At("tariff.elements.0")
	if !alone("tariff.elements") || len(element.Content) != 2 || !alone("tariff.elements.0.price_components") ||
		w.file.Get("tariff.tax_included") != "YES" || w.file.Get(onlyComponent+".type") != "ENERGY" {
		return ""
	}
	return w.file.Get(onlyComponent + "." + key)
}

func number(s string) error {
	if _, ok := decimal(s); !ok {
		return errors.New("want a number such as 0.49")
	}
	return nil
}

func percent(s string) error {
	if n, ok := decimal(s); !ok || n.Cmp(big.NewRat(100, 1)) > 0 {
		return errors.New("want a number of percent from 0 to 100, such as 19")
	}
	return nil
}
