// Package config reads a site's configuration (docs/kioskd.yaml.5.md) into typed values. It collects every fault, each
// with file, line and column, and returns a value only where there is none. File changes a configuration and keeps
// its comments and order; what it writes is read first as the daemon would read it.
package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"kioskd"
	"kioskd/backoffice"
	"kioskd/file"
	"kioskd/line"
	"kioskd/meter/model"
	"kioskd/meter/ocmf"
	"kioskd/ocpi"
	"kioskd/session"
	"kioskd/strict"
	"kioskd/tariff"
	"kioskd/terminal"
	"kioskd/terminal/zvt"
	"kioskd/ui"
)

// Config is a site's configuration, read and checked. Paths are absolute.
type Config struct {
	Folder    string // of the file
	Site      map[string]string
	Timezone  *time.Location
	Currency  kiosk.Currency
	Languages []string
	Helpline  string
	Emergency string // whom to call in danger
	country   string

	Journal string
	Socket  string
	KioskID string
	Side    string           // where the card terminal is, seen from the screen
	dark    [2]time.Duration // of day, from and to; equal for never
	Brand   Brand
	Times   ui.Times
	staff

	Terminal   terminal.Config
	CardWait   time.Duration
	Hold       kiosk.Money
	ClockRTC   bool // the computer's clock is right without a network
	NeedScreen bool

	Uplink *uplinkConfig // nil for none
	CSMS   *CSMS         // nil for none
	Keep   keepConfig
	OCPI   *ocpi.Site // nil for none

	Receipts Receipts
	Web      *Web // nil for none
	WebHooks []WebHook
	Mail     *Mail // nil for none

	OCPP        OCPP
	chargerLost time.Duration

	Tariff *tariff.Tariff
	Accept string // start of the checksum of a tariff whose prices are far from the last one's
	Bays   []Bay
	Rules  session.Rules
}

// staff is what the host and the technician may do at the screen.
type staff struct {
	Technician, Host *CodeHash // nil: not let in
	ExportTo         string
}

// Bay is one bay.
type Bay struct {
	Number     int
	EVSE       string
	MaxPower   kiosk.Power
	Model      *model.Model // nil where the charger counts
	MeterAddr  string
	MeterUnit  int       // 0 where the meter speaks HTTP: see HTTP
	Key        *ocmf.Key // the meter signs each sale with its private half; nil where none is signed
	Serial     string
	Board      string // address; empty for GPIO
	BoardUnit  int
	Coil       int
	Plugged    int
	Requesting int
	Feedback   int
	Emergency  int               // -1 where no input tells
	GPIO       map[string]string // contactor, plugged, requesting, feedback, emergency
	ActiveLow  bool
	Charger    *Charger // nil where the bay has a contactor of its own
}

// Control is the socket on which the daemon serves commands, for its own user alone. It
// lies beside the screen's.
func (c *Config) Control() string { return filepath.Join(filepath.Dir(c.Socket), "control.sock") }

// configReader collects every fault with its place, not only the first.
type configReader struct {
	strict.Reader
	others bool     // files that are named and missing are faults, too
	tells  []string // types of events that there are
	lines  []usedLine
	named  []namedSection // that need the kiosk's name
}

type namedSection struct {
	name    string
	section *yaml.Node
}

// usedLine is an address that a device of the site has.
type usedLine struct {
	n        *yaml.Node
	address  line.Address
	terminal bool
}

// shared finds lines that two devices cannot share: a card terminal speaks another protocol than a
// bus, and all units of a bus speak as fast. An adapter may have several names.
func (r *configReader) shared() {
	slices.SortStableFunc(r.lines, func(a, b usedLine) int { return a.n.Line - b.n.Line })
	for i, l := range r.lines {
		for _, before := range r.lines[:i] {
			if before.address.Port() != l.address.Port() {
				continue
			}
			place := fmt.Sprintf("line %d", before.n.Line)
			switch {
			case before.terminal != l.terminal:
				r.Fault(l.n, "%s: a card terminal and a bus cannot share a line: %s has it, too", l.n.Value, place)
			case before.address.Scheme != l.address.Scheme || before.address.Mode != l.address.Mode:
				r.Fault(l.n, "%s: speed, parity, stop bits or protocol are others than in %s, on the same line",
					l.n.Value, place)
			default:
				continue
			}
			break
		}
	}
}

// Packaged is where the package has the configuration.
const Packaged = "/etc/kioskd/kioskd.yaml"

// Read reads and checks a configuration file. Files that it names are looked at later:
// what is missing of them keeps a daemon from nothing but what needs them.
func Read(path string) (*Config, error) { return ReadWithFiles(path, false) }

func ReadWithFiles(path string, others bool) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	doc, err := strict.Document(path, data)
	if err != nil {
		return nil, err
	}
	r := &configReader{Reader: strict.Reader{File: path, Whole: "configuration"}, others: others, tells: kiosk.Told()}
	c := r.config(doc.Content[0], filepath.Dir(path))
	if err := r.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (r *configReader) address(to *string, stop int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		a, err := line.Parse(n.Value, stop)
		if err == nil && stop == zvt.StopBits {
			_, err = zvt.DialAddress(n.Value)
		}
		if err != nil {
			r.Fault(n, "%s: %v", r.Setting, err)
			return
		}
		r.lines = append(r.lines, usedLine{n, a, stop == zvt.StopBits})
		*to = n.Value
	}
}

func (r *configReader) path(to *string, dir string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		r.Text(to)(n)
		if *to != "" && !filepath.IsAbs(*to) {
			*to = filepath.Join(dir, *to)
		}
	}
}

// defaults are what a configuration need not say.
func defaults() *Config {
	return &Config{Site: map[string]string{}, Languages: []string{"en", "de"}, Side: "right", Times: ui.DefaultTimes(),
		staff: staff{ExportTo: "/media/kioskd"}, CardWait: 45 * time.Second, NeedScreen: true, country: "DE",
		OCPP: OCPP{Sample: 10 * time.Second}, chargerLost: 15 * time.Minute,
		Keep: keepConfig{Reserve: 100}, Rules: session.DefaultRules()}
}

func (r *configReader) config(n *yaml.Node, dir string) *Config {
	c := defaults()
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	c.Folder = dir
	var tariffNode, ocpiNode, receiptsNode *yaml.Node
	var amounts terminalAmounts
	r.Mapping(n, "configuration", map[string]func(*yaml.Node){
		"site!":      func(n *yaml.Node) { r.site(c, n) },
		"journal!":   r.path(&c.Journal, dir),
		"screen!":    func(n *yaml.Node) { r.screen(c, n, dir) },
		"terminal!":  func(n *yaml.Node) { amounts = r.terminal(c, n, dir) },
		"tariff!":    func(n *yaml.Node) { tariffNode = n },
		"ocpp":       func(n *yaml.Node) { r.ocpp(c, n, dir) },
		"bays!":      func(n *yaml.Node) { r.bays(c, n, dir) },
		"timings":    func(n *yaml.Node) { r.timings(c, n) },
		"staff":      func(n *yaml.Node) { r.staff(c, n) },
		"backoffice": func(n *yaml.Node) { r.backoffice(c, n, dir) },
		"csms":       func(n *yaml.Node) { r.csms(c, n, dir) },
		"keep":       func(n *yaml.Node) { r.keep(c, n) },
		"receipts": func(n *yaml.Node) {
			receiptsNode = n
			r.receipts(c, n)
		},
		"web":      func(n *yaml.Node) { r.web(c, n, dir) },
		"webhooks": func(n *yaml.Node) { r.webhooks(c, n, dir) },
		"mail":     func(n *yaml.Node) { r.mail(c, n, dir) },
		"ocpi": func(n *yaml.Node) {
			ocpiNode = n
			r.ocpi(c, n)
		},
		"accept_tariff": func(n *yaml.Node) { r.accept(c, n) },
		"clock": func(n *yaml.Node) {
			c.ClockRTC = n.Value == "rtc"
			if n.Value != "rtc" && n.Value != "ntp" {
				r.Fault(n, "clock: %q: want ntp (right once the network has set it) or rtc (battery-backed)", n.Value)
			}
		},
	})
	r.fits(c, amounts)
	r.chargersFit(c, n)
	if tariffNode != nil {
		r.tariff(c, tariffNode, dir)
	}
	for _, n := range r.named {
		if err := backoffice.CheckID(c.KioskID); err != nil {
			r.Fault(n.section, "%s: site.kiosk must name this kiosk: %v", n.name, err)
		}
	}
	if c.Receipts.Short != "" && c.Uplink == nil {
		r.Fault(receiptsNode, "receipts.short: no back office has the receipts: there is no section backoffice")
	}
	if ocpiNode != nil {
		r.ocpiFits(c, ocpiNode)
	}
	return c
}

// accept is the start of the checksum of a tariff that is sold by although its prices jumped.
func (r *configReader) accept(c *Config, n *yaml.Node) {
	c.Accept = n.Value
	if len(n.Value) < 8 {
		r.Fault(n, "accept_tariff: %q: want eight characters of the tariff's checksum", n.Value)
	}
}

// fits judges what several settings say together.
func (r *configReader) fits(c *Config, amounts terminalAmounts) {
	c.Hold = r.money("terminal.hold", amounts.hold, c.Currency)
	c.Rules.Minimum = r.money("terminal.minimum", amounts.minimum, c.Currency)
	if c.Timezone != nil {
		c.Rules.Location = c.Timezone
	}
	if amounts.minimum != nil && c.Hold.Minor > 0 && c.Rules.Minimum.Minor > c.Hold.Minor {
		r.Fault(amounts.minimum, "terminal.minimum: %v is above terminal.hold, %v: no hold would do", c.Rules.Minimum,
			c.Hold)
	}
	r.shared()
	c.Terminal.Currency, c.Rules.Currency, c.Terminal.ID = c.Currency, c.Currency, c.Rules.TerminalID
	for _, b := range c.Bays {
		c.Rules.Bays[b.Number] = b.Register()
		if b.Key != nil {
			c.Rules.Signs[b.Number] = true
		}
		if b.Charger != nil {
			rules := session.NewChargerRules(c.chargerLost, c.OCPP.Sample)
			rules.Metered = !b.ChargerCounts()
			c.Rules.Chargers[b.Number] = rules
		}
	}
}

func (r *configReader) site(c *Config, n *yaml.Node) {
	var name, address, vat string
	r.Mapping(n, "site", map[string]func(*yaml.Node){
		"name!": r.Text(&name), "address!": r.Text(&address), "vat_id": r.Text(&vat), "helpline!": r.Text(&c.Helpline),
		"country": func(n *yaml.Node) {
			r.Text(&c.country)(n)
			if err := CheckCountry(n.Value); n.Value != "" && err != nil {
				r.Fault(n, "site.country: %q: %v", n.Value, err)
			}
		},
		"emergency": r.Text(&c.Emergency),
		"kiosk":     r.Text(&c.KioskID),
		"timezone!": r.zone(&c.Timezone),
		"currency!": r.currency(&c.Currency),
		"languages": func(n *yaml.Node) { r.languages(c, n) },
	})
	c.Emergency = cmp.Or(c.Emergency, emergencyNumber(c.country))
	c.Site = map[string]string{"name": name, "address": address, "vat_id": vat, "helpline": c.Helpline}
}

// zone is the name of a time zone.
func (r *configReader) zone(to **time.Location) func(*yaml.Node) {
	return func(n *yaml.Node) {
		name := ""
		r.Text(&name)(n)
		loc, err := time.LoadLocation(name)
		switch {
		case name == "":
		case err != nil:
			r.Fault(n, "%s: %q: want a name such as Europe/Berlin", r.Setting, name)
		default:
			*to = loc
		}
	}
}

// currency is one that is sold in.
func (r *configReader) currency(to *kiosk.Currency) func(*yaml.Node) {
	return func(n *yaml.Node) {
		code := ""
		r.Text(&code)(n)
		c := kiosk.Currency(code)
		switch {
		case code == "":
		case !c.Known():
			r.Fault(n, "%s: %q is not a currency that kioskd sells in", r.Setting, code)
		default:
			*to = c
		}
	}
}

// emergencyNumber is whom to call in danger in a country (ISO 3166-1). 112 is answered in the whole Union, and by most
// mobile networks elsewhere.
func emergencyNumber(country string) string {
	switch country {
	case "US", "CA", "MX":
		return "911"
	case "JP", "KR", "TW":
		return "119"
	case "CN":
		return "120"
	case "AU":
		return "000"
	case "NZ":
		return "111"
	}
	return "112"
}

func (r *configReader) languages(c *Config, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.Fault(n, "site.languages: want a list such as [de, en]")
		return
	}
	c.Languages = nil
	known := Languages()
	for _, l := range n.Content {
		switch {
		case l.Kind != yaml.ScalarNode || !slices.Contains(known, l.Value):
			r.Fault(l, "site.languages: %q: known are %s", l.Value, strings.Join(known, ", "))
		case slices.Contains(c.Languages, l.Value):
			r.Fault(l, "site.languages: %s is there twice", l.Value)
		}
		c.Languages = append(c.Languages, l.Value)
	}
}

// terminalAmounts are read once the currency is known; minimum may be missing.
type terminalAmounts struct{ hold, minimum *yaml.Node }

func (r *configReader) money(name string, n *yaml.Node, c kiosk.Currency) kiosk.Money {
	if n == nil {
		return kiosk.Money{Currency: c}
	}
	m, err := kiosk.ParseMoney(n.Value, cmp.Or(c, "EUR"))
	if err != nil || m.Minor <= 0 {
		r.Fault(n, "%s: cannot read %q as an amount above zero in %s", name, n.Value, cmp.Or(c, "the site's currency"))
	}
	if c == "" { // which is said where it stands
		return kiosk.Money{}
	}
	return m
}

func (r *configReader) password(c *Config, n *yaml.Node, text string) {
	c.Terminal.Password = text
	if err := zvt.CheckPassword(text); err != nil {
		r.Fault(n, "%s: %v", r.Setting, err)
	}
}

func (r *configReader) passwordFile(c *Config, n *yaml.Node, dir string) {
	if text, ok := r.secretText("terminal.password_file", n, dir); ok {
		r.password(c, n, text)
	}
}

// secretText reads the file that a field names. It is not ok where the reader has written down a fault.
func (r *configReader) secretText(field string, n *yaml.Node, dir string) (text string, ok bool) {
	var path string
	before := r.Faults()
	r.secret(field, &path, dir)(n)
	if r.Faults() > before {
		return "", false
	}
	b, err := file.ReadSecret(path)
	if err != nil {
		r.Fault(n, "%s: %v", field, err)
		return "", false
	}
	return strings.TrimSpace(string(b)), true
}

func (r *configReader) terminal(c *Config, n *yaml.Node, dir string) (amounts terminalAmounts) {
	passwords := 0
	r.Mapping(n, "terminal", map[string]func(*yaml.Node){
		"address!":      r.address(&c.Terminal.Address, zvt.StopBits),
		"password":      func(n *yaml.Node) { passwords++; r.password(c, n, n.Value) },
		"password_file": func(n *yaml.Node) { passwords++; r.passwordFile(c, n, dir) },
		"capture!": func(n *yaml.Node) {
			c.Terminal.Capture = zvt.CaptureMode(n.Value)
			if c.Terminal.Capture != zvt.CaptureReleased && c.Terminal.Capture != zvt.CaptureUsed {
				r.Fault(n, "terminal.capture: %q: want released (06 23) or used (06 24), as the terminal's maker says",
					n.Value)
			}
		},
		"hold!":       func(n *yaml.Node) { amounts.hold = n },
		"minimum":     func(n *yaml.Node) { amounts.minimum = n },
		"reads_cards": r.Boolean(&c.Rules.Abilities.ReadsCards),
		"id": func(n *yaml.Node) {
			c.Rules.TerminalID = n.Value
			if len(n.Value) != 8 || strings.Trim(n.Value, "0123456789") != "" {
				r.Fault(n, "terminal.id: %q: want the eight digits of the terminal's id", n.Value)
			}
		},
		"serial": func(n *yaml.Node) {
			c.Terminal.Serial = strings.TrimLeft(n.Value, "0")
			if c.Terminal.Serial == "" || n.Tag == "!!null" {
				r.Fault(n, "terminal.serial: %q: want the serial number as kioskd terminal status shows it", n.Value)
			}
		},
		"open_list": func(n *yaml.Node) {
			list := true
			r.Boolean(&list)(n)
			c.Terminal.NoOpenList = !list
		},
		"end_of_day": func(n *yaml.Node) {
			at, err := DayTime(n.Value)
			if err != nil {
				r.Fault(n, "terminal.end_of_day: %q: %v", n.Value, err)
				return
			}
			c.Rules.DayEnd = sinceMidnight(at)
		},
		"holds_survive_end_of_day": r.Boolean(&c.Rules.Abilities.HoldsSurviveDayEnd),
		"card_wait":                r.Duration("terminal.card_wait", &c.CardWait, 10*time.Second, 2*time.Minute),
	})
	if passwords != 1 && n.Kind == yaml.MappingNode {
		r.Fault(n, "terminal: want password or password_file, one of the two")
	}
	return amounts
}
