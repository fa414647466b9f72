package config_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"kioskd/config"
	"kioskd/ocpi"
)

// within puts lines below the key of a section of least, or makes the section.
func within(text, section, lines string) string {
	if section == "" {
		return text + lines + "\n"
	}
	if at := strings.Index(text, section+":\n"); at >= 0 {
		at += len(section) + 2
		return text[:at] + "  " + lines + "\n" + text[at:]
	}
	return text + section + ":\n  " + lines + "\n"
}

// TestWhatIsLeftOutHasItsDefault as kioskd.yaml(5) has it in brackets.
func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	c := good(t, least)
	office := good(t, within(least, "site", "kiosk: K1")+office)
	cdr := good(t, changed(t, least, "    max_power_w", "    evse_id: DE*ABC*E1\n    max_power_w")+cdr)
	for name, x := range map[string]struct{ got, want any }{
		"country DE: AFIR holds":            {c.TariffSite().EU, true},
		"languages":                         {c.Languages, []string{"en", "de"}},
		"screen.required":                   {c.NeedScreen, true},
		"screen.terminal":                   {c.Side, "right"},
		"clock":                             {c.ClockRTC, false},
		"terminal.open_list":                {c.Terminal.NoOpenList, false},
		"terminal.reads_cards":              {c.Rules.Abilities.ReadsCards, false},
		"terminal.holds_survive_end_of_day": {c.Rules.Abilities.HoldsSurviveDayEnd, false},
		"terminal.card_wait":                {c.CardWait, 45 * time.Second},
		"terminal.minimum":                  {c.Rules.Minimum.Minor, int64(0)},
		"terminal.id":                       {c.Terminal.ID, ""},
		"timings.choose":                    {c.Rules.Lease, 90 * time.Second},
		"timings.plug_in":                   {c.Rules.PlugIn, 3 * time.Minute},
		"timings.no_energy":                 {c.Rules.NoEnergy, 5 * time.Minute},
		"timings.meter_lost":                {c.Rules.MeterLost, 15 * time.Second},
		"timings.idle":                      {c.Times.Idle, time.Minute},
		"timings.still":                     {c.Times.Still, 20 * time.Second},
		"timings.declined":                  {c.Times.Declined, 30 * time.Second},
		"timings.receipt":                   {c.Times.Final, 30 * time.Second},
		"timings.charging":                  {c.Times.Charging, 15 * time.Second},
		"timings.ended":                     {c.Times.Told, 2 * time.Minute},
		"timings.bank_slow":                 {c.Times.Slow, 8 * time.Second},
		"timings.staff":                     {c.Times.Staff, 5 * time.Minute},
		"staff: no person is let in":        {c.Technician == nil && c.Host == nil, true},
		"staff.export":                      {c.ExportTo, "/media/kioskd"},
		"no back office":                    {c.Uplink == nil, true},
		"backoffice.every":                  {office.Uplink.Every, 15 * time.Minute},
		"backoffice.late":                   {office.Uplink.Late, time.Hour},
		"keep.readings_days":                {c.Keep.Thin, time.Duration(0)},
		"keep.reserve_mb":                   {c.Keep.Reserve, 100},
		"keep.copy":                         {c.Keep.CopyTo, ""},
		"no CDR":                            {c.OCPI == nil, true},
		"ocpi.version":                      {cdr.OCPI.Version, ocpi.V230},
		"inputs that are not wired":         {[]int{c.Bays[0].Requesting, c.Bays[0].Emergency}, []int{-1, -1}},
		"screen.night: never":               {c.Night(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), false},
	} {
		if !reflect.DeepEqual(x.got, x.want) {
			t.Errorf("%s: %v, want %v", name, x.got, x.want)
		}
	}
}

// TestAValueMeansWhatThePageSays: each row is a setting with a value, and what the daemon must take it for.
func TestAValueMeansWhatThePageSays(t *testing.T) {
	type get func(*config.Config) any
	for _, x := range []struct {
		section, line string
		get           get
		want          any
	}{
		{"site", "vat_id: DE123456789", func(c *config.Config) any { return c.Site["vat_id"] }, "DE123456789"},
		{"site", "country: NO", func(c *config.Config) any { return c.TariffSite().EU }, false},
		{"site", "country: GR", func(c *config.Config) any { return c.TariffSite().EU }, true},
		{"site", "country: HR", func(c *config.Config) any { return c.TariffSite().EU }, true},
		{"site", "country: CH", func(c *config.Config) any { return c.TariffSite().EU }, false},
		{"site", "country: GB", func(c *config.Config) any { return c.TariffSite().EU }, false},
		{"site", "languages: [fr, en]", func(c *config.Config) any { return c.Languages }, []string{"fr", "en"}},
		{"site", "kiosk: K-0042", func(c *config.Config) any { return c.KioskID }, "K-0042"},
		{"screen", "required: false", func(c *config.Config) any { return c.NeedScreen }, false},
		{"screen", "terminal: below", func(c *config.Config) any { return c.Side }, "below"},
		{"screen", "terminal: left", func(c *config.Config) any { return c.Side }, "left"},
		{"", "clock: rtc", func(c *config.Config) any { return c.ClockRTC }, true},
		{"", "clock: ntp", func(c *config.Config) any { return c.ClockRTC }, false},
		{"terminal", `minimum: "10.50"`, func(c *config.Config) any { return c.Rules.Minimum.Minor }, int64(1050)},
		{"terminal", `minimum: "50"`, func(c *config.Config) any { return c.Rules.Minimum.Minor }, int64(5000)},
		{"terminal", `id: "00000042"`, func(c *config.Config) any { return c.Terminal.ID }, "00000042"},
		{"terminal", `id: 00000042`, func(c *config.Config) any { return c.Terminal.ID }, "00000042"},
		{"terminal", "open_list: false", func(c *config.Config) any { return c.Terminal.NoOpenList }, true},
		{"terminal", "reads_cards: true", func(c *config.Config) any { return c.Rules.Abilities.ReadsCards }, true},
		{"terminal", "holds_survive_end_of_day: true",
			func(c *config.Config) any { return c.Rules.Abilities.HoldsSurviveDayEnd }, true},
		{"terminal", "end_of_day: 03:30", func(c *config.Config) any { return c.Rules.DayEnd }, 210 * time.Minute},
		{"terminal", "end_of_day: 00:00", func(c *config.Config) any { return c.Rules.DayEnd }, time.Duration(0)},
		{"terminal", "end_of_day: 23:59", func(c *config.Config) any { return c.Rules.DayEnd }, 1439 * time.Minute},
		{"terminal", "card_wait: 1m30s", func(c *config.Config) any { return c.CardWait }, 90 * time.Second},
		{"timings", "choose: 1m", func(c *config.Config) any { return c.Rules.Lease }, time.Minute},
		{"timings", "plug_in: 90s", func(c *config.Config) any { return c.Rules.PlugIn }, 90 * time.Second},
		{"timings", "no_energy: 4m", func(c *config.Config) any { return c.Rules.NoEnergy }, 4 * time.Minute},
		{"timings", "meter_lost: 30s", func(c *config.Config) any { return c.Rules.MeterLost }, 30 * time.Second},
		{"timings", "idle: 31s", func(c *config.Config) any { return c.Times.Idle }, 31 * time.Second},
		{"timings", "still: 32s", func(c *config.Config) any { return c.Times.Still }, 32 * time.Second},
		{"timings", "declined: 33s", func(c *config.Config) any { return c.Times.Declined }, 33 * time.Second},
		{"timings", "receipt: 34s", func(c *config.Config) any { return c.Times.Final }, 34 * time.Second},
		{"timings", "charging: 35s", func(c *config.Config) any { return c.Times.Charging }, 35 * time.Second},
		{"timings", "ended: 36s", func(c *config.Config) any { return c.Times.Told }, 36 * time.Second},
		{"timings", "bank_slow: 7s", func(c *config.Config) any { return c.Times.Slow }, 7 * time.Second},
		{"timings", "staff: 8m", func(c *config.Config) any { return c.Times.Staff }, 8 * time.Minute},
		{"staff", "export: /mnt/stick", func(c *config.Config) any { return c.ExportTo }, "/mnt/stick"},
		{"keep", "readings_days: 90", func(c *config.Config) any { return c.Keep.Thin }, 90 * 24 * time.Hour},
		{"keep", "reserve_mb: 250", func(c *config.Config) any { return c.Keep.Reserve }, 250},
		{"keep", "copy: /mnt/stick", func(c *config.Config) any { return filepath.Dir(c.CopyPath()) }, "/mnt/stick"},
		{"", "accept_tariff: 01234567", func(c *config.Config) any { return c.Accept }, "01234567"},
	} {
		c := good(t, within(least, x.section, x.line))
		if got := x.get(c); !reflect.DeepEqual(got, x.want) {
			t.Errorf("%s %s: %v, want %v", x.section, x.line, got, x.want)
		}
	}
}

// TestBaysAreAsTheyAreWritten: of a board and of GPIO lines, each number is where it belongs.
func TestBaysAreAsTheyAreWritten(t *testing.T) {
	text := changed(t, least, "    max_power_w: 22000", "    evse_id: DE*ABC*E001\n    max_power_w: 22000")
	text = changed(t, text, "      unit: 1\n", "      unit: 247\n      serial: \"0042\"\n")
	text = changed(t, text, "      feedback: 1\n", "      feedback: 8\n      requesting: 1999\n      emergency: 7\n")
	text = changed(t, text, "coil: 0\n      plugged: 0", "coil: 65535\n      plugged: 6")
	c := good(t, text+pins+"      requesting: GPIO5\n      emergency: GPIO6\n      active_low: true\n")
	b := c.Bays[0]
	for name, x := range map[string]struct{ got, want any }{
		"number": {b.Number, 1}, "evse_id": {b.EVSE, "DE*ABC*E001"}, "max_power_w": {int(b.MaxPower), 22000},
		"meter.model": {b.Model.Name, "SDM630"}, "meter.unit": {b.MeterUnit, 247}, "meter.serial": {b.Serial, "0042"},
		"meter.address": {b.MeterAddr, "tcp://192.0.2.8:502"}, "board.address": {b.Board, "tcp://192.0.2.8:502"},
		"board.unit": {b.BoardUnit, 10}, "board.coil": {b.Coil, 65535}, "board.plugged": {b.Plugged, 6},
		"board.feedback": {b.Feedback, 8}, "board.requesting": {b.Requesting, 1999}, "board.emergency": {b.Emergency,
			7},
		"no GPIO line": {len(b.GPIO), 0},
		"gpio": {c.Bays[1].GPIO, map[string]string{"contactor": "GPIO17", "plugged": "GPIO27", "feedback": "GPIO22",
			"requesting": "GPIO5", "emergency": "GPIO6"}},
		"gpio.active_low": {c.Bays[1].ActiveLow, true}, "no board": {c.Bays[1].Board, ""},
		"the rules know both bays": {len(c.Rules.Bays), 2},
	} {
		if !reflect.DeepEqual(x.got, x.want) {
			t.Errorf("%s: %v, want %v", name, x.got, x.want)
		}
	}
	// A bay whose inputs cannot tell "connected, asks for nothing" makes a price of parking impossible for all.
	if c.TariffSite().KnowsParking != true || good(t, text+pins).TariffSite().KnowsParking {
		t.Error("which bays know of parking is not as their inputs say")
	}
}

// TestRelativePathsStartWhereTheFileLies, whatever folder the daemon was started in and however the file is named.
func TestRelativePathsStartWhereTheFileLies(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	text := changed(t, within(least, "site", "kiosk: K1")+office, "socket: ui.sock", "socket: ../run/ui.sock")
	for _, path := range []string{"kioskd.yaml", "./kioskd.yaml", filepath.Join(dir, "kioskd.yaml")} {
		c, faults := readAt(t, path, text)
		if c == nil {
			t.Fatalf("%s: %q", path, faults)
		}
		up := filepath.Join(filepath.Dir(dir), "run")
		for _, x := range []struct{ got, want string }{
			{c.Journal, filepath.Join(dir, "journal.db")}, {c.Socket, filepath.Join(up, "ui.sock")},
			{c.Control(), filepath.Join(up, "control.sock")},
			{c.Uplink.Files.CA, filepath.Join(dir, "secrets", "ca.pem")},
			{c.Uplink.Files.Key, filepath.Join(dir, "secrets", "kiosk.key")},
		} {
			if x.got != x.want {
				t.Errorf("%s: %s, want %s", path, x.got, x.want)
			}
		}
	}
	c, _ := readAt(t, "kioskd.yaml", changed(t, least, "journal: journal.db", "journal: /var/lib/kioskd/j.db"))
	if c == nil || c.Journal != "/var/lib/kioskd/j.db" {
		t.Error("an absolute path was changed")
	}
}

// TestTheNightIsLocalAndCrossesMidnight: the screen is dark from the first time on, and bright at the second one.
func TestTheNightIsLocalAndCrossesMidnight(t *testing.T) {
	for _, x := range []struct {
		night, at string
		dark      bool
	}{
		{"21:00-06:00", "2026-01-10T21:00:00+01:00", true}, {"21:00-06:00", "2026-01-10T20:59:59+01:00", false},
		{"21:00-06:00", "2026-01-10T23:59:59+01:00", true}, {"21:00-06:00", "2026-01-10T00:00:00+01:00", true},
		{"21:00-06:00", "2026-01-10T05:59:00+01:00", true}, {"21:00-06:00", "2026-01-10T06:00:00+01:00", false},
		{"21:00-06:00", "2026-01-10T12:00:00+01:00", false}, {"01:00-06:00", "2026-01-10T00:59:00+01:00", false},
		{"01:00-06:00", "2026-01-10T03:00:00+01:00", true}, {"01:00-06:00", "2026-01-10T23:00:00+01:00", false},
		{"21:00-06:00", "2026-07-10T19:30:00Z", true},  // 21:30 in summer
		{"21:00-06:00", "2026-01-10T19:30:00Z", false}, // 20:30 in winter
	} {
		at, err := time.Parse(time.RFC3339, x.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := good(t, within(least, "screen", "night: "+x.night)).Night(at); got != x.dark {
			t.Errorf("%s at %s: dark %v", x.night, x.at, got)
		}
	}
}

// TestABadValueIsToldAtItsPlace: each row is a line of a section with a mark where the fault is, and what the fault
// must say. No other fault comes with it.
func TestABadValueIsToldAtItsPlace(t *testing.T) {
	for _, x := range []struct{ section, line, want string }{
		{"site", "vat_id: ¦''", "site.vat_id"}, {"site", "vat_id: ¦[DE1]", "site.vat_id"},
		{"site", "languages: ¦[]", "site.languages"}, {"site", "languages: [en, ¦xx]", "site.languages"},
		{"site", "languages: [¦EN, en]", `"EN"`}, {"site", "languages: ¦de", "site.languages"},
		{"site", "country: ¦[DE]", "site.country"}, {"site", "kiosk: ¦{a: b}", "site.kiosk"},
		{"screen", "required: ¦maybe", "true or false"}, {"screen", "required: ¦yes", "true or false"},
		{"screen", "required: ¦1", "true or false"}, {"screen", "terminal: ¦above", "right, left or below"},
		{"screen", "terminal: ¦Right", "right, left or below"}, {"screen", "night: ¦21:00", "21:00-06:00"},
		{"screen", "night: ¦21:00-24:00", "21:00-06:00"}, {"screen", "night: ¦21-06", "21:00-06:00"},
		{"screen", "night: ¦21:00 - 06:00", "21:00-06:00"}, {"", "clock: ¦gps", "ntp"},
		{"", "clock: ¦RTC", "rtc"}, {"terminal", "id: ¦1234567", "eight digits"},
		{"terminal", "id: ¦'123456789'", "eight digits"}, {"terminal", "id: ¦1234567a", "eight digits"},
		{"terminal", "serial: ¦''", "terminal.serial"}, {"terminal", "open_list: ¦no", "true or false"},
		{"terminal", "reads_cards: ¦'on'", "true or false"},
		{"terminal", "holds_survive_end_of_day: ¦TRUE", "true or false"},
		{"terminal", "end_of_day: ¦24:00", "03:30"}, {"terminal", "end_of_day: ¦330", "03:30"},
		{"terminal", "end_of_day: ¦[03:30]", "terminal.end_of_day"}, {"terminal", "card_wait: ¦45", "duration"},
		{"terminal", "card_wait: ¦1h", "duration"}, {"terminal", "card_wait: ¦-45s", "duration"},
		{"terminal", "card_wait: ¦45 s", "duration"}, {"terminal", "minimum: ¦50.01", "above terminal.hold"},
		{"terminal", "minimum: ¦10,00", "minimum"}, {"terminal", "minimum: ¦0", "above zero"},
		{"terminal", "minimum: ¦-5", "minimum"}, {"terminal", "minimum: ¦10.001", "minimum"},
		{"terminal", "minimum: ¦1e1", "minimum"}, {"terminal", "minimum: ¦10 EUR", "minimum"},
		{"timings", "choose: ¦90", "timings.choose"}, {"timings", "plug_in: ¦3 min", "timings.plug_in"},
		{"timings", "no_energy: ¦forever", "timings.no_energy"},
		{"timings", "meter_lost: ¦[15s]", "timings.meter_lost"},
		{"timings", "idle: ¦1d", "timings.idle"}, {"timings", "still: ¦''", "timings.still"},
		{"timings", "declined: ¦100h", "timings.declined"}, {"timings", "receipt: ¦100h", "timings.receipt"},
		{"timings", "charging: ¦100h", "timings.charging"}, {"timings", "ended: ¦100h", "timings.ended"},
		{"timings", "bank_slow: ¦100h", "timings.bank_slow"}, {"timings", "staff: ¦100h", "timings.staff"},
		{"staff", "technician: ¦271828", "kioskd staff code"}, {"staff", "host: ¦''", "kioskd staff code"},
		{"keep", "readings_days: ¦30d", "keep.readings_days"}, {"keep", "readings_days: ¦-1", "keep.readings_days"},
		{"keep", "reserve_mb: ¦100MB", "keep.reserve_mb"}, {"keep", "reserve_mb: ¦1.5", "keep.reserve_mb"},
		{"keep", "copy: ¦media/kioskd", "keep.copy"}, {"", "accept_tariff: ¦0123456", "eight characters"},
	} {
		t.Run(strings.ReplaceAll(x.line, mark, ""), func(t *testing.T) {
			refused(t, within(least, x.section, x.line), x.want)
		})
	}
}

// TestABadNeededValueIsToldAtItsPlace: what stands in least is replaced. One slip is one fault.
func TestABadNeededValueIsToldAtItsPlace(t *testing.T) {
	for _, x := range []struct{ from, to, want string }{
		{"name: Parkhaus", "name: ¦''", "site.name"}, {"name: Parkhaus", "name: ¦[a]", "site.name"},
		{`helpline: "+49 30 1234567"`, "helpline: ¦{}", "site.helpline"},
		{"timezone: Europe/Berlin", "timezone: ¦Europe/Atlantis", "site.timezone"},
		{"timezone: Europe/Berlin", "timezone: ¦../../etc/passwd", "site.timezone"},
		{"timezone: Europe/Berlin", "timezone: ¦''", "site.timezone"},
		{"\n  currency: EUR\njournal", "\n  currency: ¦XXX\njournal", "site.currency"},
		{"\n  currency: EUR\njournal", "\n  currency: ¦eur\njournal", "site.currency"},
		{"journal: journal.db", "journal: ¦''", "journal"}, {"journal: journal.db", "journal: ¦[]", "journal"},
		{"socket: ui.sock", "socket: ¦''", "screen.socket"},
		{"address: tcp://192.0.2.7:20007", "address: ¦192.0.2.7:20007", "address"},
		{"address: tcp://192.0.2.7:20007", "address: ¦tcp://192.0.2.7", "address"},
		{"address: tcp://192.0.2.7:20007", "address: ¦serial://dev/ttyUSB0", "address"},
		{"address: tcp://192.0.2.7:20007", "address: ¦serial:///dev/ttyUSB0?baud=fast", "baud"},
		{"address: tcp://192.0.2.7:20007", "address: ¦serial:///dev/ttyUSB0?baud=0", "baud"},
		{"address: tcp://192.0.2.7:20007", "address: ¦serial:///dev/ttyUSB0?speed=9600", "speed"},
		{"address: tcp://192.0.2.7:20007", "address: ¦serial:///dev/ttyUSB0?parity=mark", "parity"},
		{"address: tcp://192.0.2.7:20007", "address: ¦serial:///dev/ttyUSB0?stop=3", "stop"},
		{"address: tcp://192.0.2.7:20007", "address: ¦''", "address"},
		{`password: "123456"`, `password: ¦"12345"`, "six digits"},
		{`password: "123456"`, `password: ¦"12345a"`, "six digits"},
		{`password: "123456"`, `password: ¦"１２３４５６"`, "six digits"},
		{"capture: released", "capture: ¦partial", "released"}, {"capture: released", "capture: ¦''", "used"},
		{`hold: "50.00"`, `hold: ¦"50,00"`, "hold"}, {`hold: "50.00"`, `hold: ¦"0.00"`, "above zero"},
		{`hold: "50.00"`, `hold: ¦"50.005"`, "hold"}, {`hold: "50.00"`, `hold: ¦-50`, "hold"},
		{`hold: "50.00"`, `hold: ¦"99999999999999999999"`, "hold"}, {`hold: "50.00"`, `hold: ¦["50"]`, "hold"},
		{"number: 1\n", "number: ¦0\n", "number"}, {"number: 1\n", "number: ¦1000\n", "number"},
		{"number: 1\n", "number: ¦A1\n", "number"}, {"number: 1\n", "number: ¦1.0\n", "number"},
		{"max_power_w: 22000", "max_power_w: ¦22", "max_power_w"},
		{"max_power_w: 22000", "max_power_w: ¦22 kW", "max_power_w"},
		{"max_power_w: 22000", "max_power_w: ¦-22000", "max_power_w"},
		{"model: SDM630", "model: ¦SDM999", "model"}, {"model: SDM630", "model: ¦''", "model"},
		{"      unit: 1\n", "      unit: ¦0\n", "meter.unit"}, {"      unit: 1\n", "      unit: ¦248\n", "meter.unit"},
		{"      unit: 10\n", "      unit: ¦ten\n", "board.unit"}, {"coil: 0", "coil: ¦-1", "board.coil"},
		{"coil: 0", "coil: ¦65536", "board.coil"}, {"plugged: 0", "plugged: ¦first", "board.plugged"},
		{"feedback: 1\n", "feedback: 1\n      requesting: ¦no\n", "board.requesting"},
		{"feedback: 1\n", "feedback: 1\n      emergency: ¦''\n", "board.emergency"},
		{"price: 0.49,", "price: ¦0,49,", "0.49"}, {"vat: 19}", "vat: ¦19,0}", "decimal comma"},
		{"{type: ENERGY,", "¦{type: POWER,", "POWER"}, {"price: 0.49,", "price: 0.49, ¦prize: 1,", "prize"},
		{"price: 0.49,", "price: 0.49, ¦price: 0.59,", "twice"}, {"price: 0.49,", "price: ¦cheap,", "cheap"},
		{"  tax_included", "  min_price: {before_taxes: 5, after_taxes: ¦five}\n  tax_included", "five"},
	} {
		t.Run(strings.ReplaceAll(x.to, mark, ""), func(t *testing.T) {
			refused(t, changed(t, least, x.from, x.to), x.want)
		})
	}
}

// TestEachNeededSettingIsMissed by its name, at the section that lacks it, and nothing else is told.
func TestEachNeededSettingIsMissed(t *testing.T) {
	whole := changed(t, least, "    max_power_w", "    evse_id: DE*ABC*E1\n    max_power_w") + pins + cdr
	whole = within(changed(t, whole, "  - number: 3\n", "  - number: 3\n    evse_id: DE*ABC*E3\n"), "site", "kiosk: K1")
	good(t, whole+office)
	for _, x := range []struct{ line, at, name string }{
		{"  name: Parkhaus\n", "site:\n  ¦", "name"}, {"  address: Strasse 1, 10115 Berlin\n", "site:\n  ¦", "address"},
		{"  helpline: \"+49 30 1234567\"\n", "site:\n  ¦", "helpline"},
		{"  timezone: Europe/Berlin\n", "site:\n  ¦", "timezone"}, {"journal: journal.db\n", "¦", "journal"},
		{"screen:\n  socket: ui.sock\n", "¦", "screen"}, {"  capture: released\n", "terminal:\n  ¦", "capture"},
		{"  hold: \"50.00\"\n", "terminal:\n  ¦", "hold"},
		{"  password: \"123456\"\n", "terminal:\n  ¦", "password_file"},
		{"  address: tcp://192.0.2.7:20007\n", "terminal:\n  ¦", "address"},
		{"      model: SDM630\n", "meter:\n      ¦", "model"}, {"      unit: 1\n", "meter:\n      ¦", "unit"},
		{"      unit: 10\n", "board:\n      ¦", "unit"}, {"      coil: 0\n", "board:\n      ¦", "coil"},
		{"      plugged: 0\n", "board:\n      ¦", "plugged"},
		{"      contactor: GPIO17\n", "gpio:\n      ¦", "contactor"},
		{"      plugged: GPIO27\n", "gpio:\n      ¦", "plugged"},
		{"      feedback: GPIO22\n", "gpio:\n      ¦", "feedback"},
		{"  url: https://office.example/\n", "backoffice:\n  ¦", "url"},
		{"  ca: secrets/ca.pem\n", "backoffice:\n  ¦", "ca"},
		{"  certificate: secrets/kiosk.pem\n", "backoffice:\n  ¦", "certificate"},
		{"  key: secrets/kiosk.key\n", "backoffice:\n  ¦", "key"},
		{"  kiosk: K1\n", "backoffice:\n  ¦", "site.kiosk"},
		{"    evse_id: DE*ABC*E3\n", "ocpi:\n  ¦", "bay 3 has no evse_id"},
	} {
		t.Run(x.name+" of "+strings.TrimSpace(x.at), func(t *testing.T) {
			text := changed(t, whole+office, x.line, "")
			at := strings.TrimSuffix(x.at, mark)
			if strings.Count(text,
				at) > 1 { // the first one of several is meant, and the start of the file is there always
				text = strings.Replace(text, at, x.at, 1)
			} else {
				text = changed(t, text, at, x.at)
			}
			refused(t, text, x.name)
		})
	}
	bays := strings.Index(least, "bays:")
	refused(t, mark+least[:bays], "bays is missing")
	refused(t, least[:bays]+"bays: ¦[]\n", "at least one bay")
	refused(t, least[:bays]+"bays:\n  ¦number: 1\n", "want a list")
	for _, section := range []string{"site", "terminal", "tariff"} {
		from := strings.Index(least, section+":\n")
		to := from + strings.Index(least[from:], "\n") + 1
		for strings.HasPrefix(least[to:], " ") {
			to += strings.Index(least[to:], "\n") + 1
		}
		_, faults := read(t, least[:from]+least[to:])
		if want := fmt.Sprintf("1:1: configuration: %s is missing", section); len(faults) != 1 || faults[0] != want {
			t.Errorf("without %s: %q", section, faults)
		}
	}
}
