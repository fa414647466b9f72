package config_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kioskd/config"
	"kioskd/strict"
)

// TestUnknownAndRepeatedSettings: each is told at its key, and an unknown one with those that are known there.
func TestUnknownAndRepeatedSettings(t *testing.T) {
	for _, x := range []struct {
		name, text, want string
	}{
		{"of the file", least + "¦kep: {copy: /x}\n", "accept_tariff, backoffice, bays, clock, csms, journal"},
		{"of a section", within(least, "site", "¦nmae: x"),
			"address, country, currency, emergency, helpline, kiosk, languages, name"},
		{"in capitals", within(least, "site", "¦Country: DE"), "country"},
		{"with a hyphen", within(least, "site", "¦vat-id: DE1"), "vat_id"},
		{"of a bay", changed(t, least, "    max_power_w", "    ¦power: 1\n    max_power_w"), "evse_id"},
		{"of a meter", changed(t, least, "      unit: 1\n", "      unit: 1\n      ¦baud: 9600\n"),
			"address, model, public_key, serial"},
		{"of a board", changed(t, least, "coil: 0", "coil: 0\n      ¦relay: 1"), "emergency, feedback, plugged"},
		{"of GPIO lines", least + pins + "      ¦chip: gpiochip0\n", "active_low, contactor"},
		{"of a tariff", changed(t, least, "tariff:\n", "tariff:\n  ¦hold: 5\n"), "hold"},
		{"of a component", changed(t, least, "vat: 19}", "vat: 19, ¦tax: 1}"), "tax"},
		{"of what only looks like a list", within(least, "keep", "¦readings: 5"), "readings_days"},
		{"a merge of YAML 1.1", within(least, "site", "¦<<: {vat_id: DE1}"), "<<"},
		{"a key that is a list", least + "¦[a, b]: c\n", "unknown"},
		{"a section twice", least + "¦screen: {socket: other.sock}\n", "screen is there twice"},
		{"a setting twice", within(least, "site", "name: x") + "", "name is there twice"},
		{"a setting of a bay twice", changed(t, least, "coil: 0", "coil: 0\n      ¦coil: 0"), "coil is there twice"},
		{"a value of a tariff twice", changed(t, least, "tariff:\n  currency: EUR",
			"tariff:\n  currency: EUR\n  ¦currency: EUR"), "twice"},
		{"a number of a bay twice", least + strings.Replace(changed(t, second, "number: 2", "number: 1"),
			"number", "¦number", 1), "number 1 is there twice"},
	} {
		t.Run(x.name, func(t *testing.T) {
			text := x.text
			if x.name == "a setting twice" { // the later one is one too many
				text = changed(t, text, "  name: Parkhaus", "  ¦name: Parkhaus")
			}
			refused(t, text, x.want)
		})
	}
}

// TestWrongKindsAreTold: a section that is a text or a list, a list that is a section, and the file itself.
func TestWrongKindsAreTold(t *testing.T) {
	for _, section := range []string{"timings", "staff", "keep"} {
		for _, kind := range []string{"text", "[]", "7", "[a, b]", "~"} {
			refused(t, least+section+": ¦"+kind+"\n", section+": want a mapping")
		}
	}
	refused(t, changed(t, least, "screen:\n  socket: ui.sock", "screen: ¦ui.sock"), "screen: want a mapping")
	for _, text := range []string{"¦- site\n", "¦kioskd\n", "¦[]\n", "¦42\n", "# c\n\n¦~\n"} {
		refused(t, text, "want a mapping")
	}
	from := strings.Index(least, "    meter:")
	to := strings.Index(least, "    board:")
	refused(t, least[:from]+"    meter: ¦SDM630\n"+least[to:], "meter: want a mapping")
}

// TestEverySlipIsToldOnceInOrder: many slips in one file, each with one fault, from the first line to the last.
func TestEverySlipIsToldOnceInOrder(t *testing.T) {
	text := changed(t, least, "name: Parkhaus", "name: ¦''")
	text = changed(t, text, "Europe/Berlin", "¦Berlin")
	text = changed(t, text, "  socket: ui.sock", "  socket: ui.sock\n  terminal: ¦top\n  ¦colour: red")
	text = changed(t, text, "capture: released", "capture: ¦both")
	text = changed(t, text, `hold: "50.00"`, `hold: ¦"50,00"`)
	text = changed(t, text, "max_power_w: 22000", "max_power_w: ¦22")
	text = changed(t, text, "model: SDM630", "model: ¦Sdm")
	text = changed(t, text, "      unit: 10\n", "      unit: ¦1O\n")
	refused(t, text+"clock: ¦sun\n¦zz: 1\ntimings: {idle: ¦x, still: ¦y}\nkeep: {¦days: 3}\n",
		"site.name", "site.timezone", "screen.terminal", "colour", "terminal.capture", "hold", "max_power_w", "model",
		"board.unit", "clock", "zz", "timings.idle", "timings.still", "days")
}

// TestAnySlipsAreToldOnceEach: of random slips in random numbers every one is told, and nothing else.
func TestAnySlipsAreToldOnceEach(t *testing.T) {
	if underRace {
		t.Skip("reading has one goroutine: the same test is run without the race detector")
	}
	slips := [][2]string{ // no two of the same line, and none that makes another one
		{"name: Parkhaus", "name: ¦[]"}, {"address: Strasse 1, 10115 Berlin", "address: ¦{}"},
		{"timezone: Europe/Berlin", "timezone: ¦Mars"}, {"journal: journal.db", "journal: ¦''"},
		{"socket: ui.sock", "socket: ¦''"}, {"tcp://192.0.2.7:20007", "¦tcp:192.0.2.7"}, {`"123456"`, `¦"1"`},
		{"capture: released", "capture: ¦x"}, {`hold: "50.00"`, `hold: ¦x`}, {"max_power_w: 22000", "max_power_w: ¦x"},
		{"model: SDM630", "model: ¦x"}, {"coil: 0", "coil: ¦x"}, {"price: 0.49", "price: ¦x"},
		{"      unit: 10\n", "      unit: ¦x\n"}, {"number: 1\n", "number: ¦x\n"},
	}
	for seed := range uint64(120) {
		dice := rand.New(rand.NewPCG(seed, 1))
		text := least
		for _, s := range slips {
			if dice.IntN(3) == 0 {
				text = changed(t, text, s[0], s[1])
			}
		}
		text, places := marked(text)
		_, faults := read(t, text)
		var got []string
		for _, f := range faults {
			parts := strings.SplitN(f, ":", 3)
			got = append(got, parts[0]+":"+parts[1])
		}
		if !slices.Equal(got, places) {
			t.Fatalf("seed %d: slips at %q, faults %q", seed, places, faults)
		}
	}
}

// TestTwoThatCannotBe: settings that are good alone and contradict each other are told at the later one.
func TestTwoThatCannotBe(t *testing.T) {
	for _, x := range []struct {
		name, text, want string
	}{
		{"two bays on one coil", least + changed(t, second, "coil: 1", "coil: 0"), "coil 0 of board 10"},
		{"two bays on one meter", least + changed(t, second, "unit: 2", "unit: 1"), "meter unit 1"},
		{"two bays on one plug", least + changed(t, second, "plugged: 2", "plugged: 0"), "input 0 of board 10"},
		{"the plug of one, the feedback of another", least + changed(t, second, "plugged: 2", "plugged: 1"),
			"input 1 of board 10"},
		{"one asks with the plug of another", least + changed(t, second, "feedback: 3",
			"feedback: 3\n      requesting: 0"),
			"input 0 of board 10"},
		{"two meters of one serial number", changed(t, least, "unit: 1\n", "unit: 1\n      serial: \"7\"\n") +
			changed(t, second, "unit: 2\n", "unit: 2\n      serial: \"7\"\n"), "serial number 7"},
		{"a board where a meter is", least + changed(t, second, "unit: 10", "unit: 1"), "unit number 1"},
		{"one line of GPIO twice", least + pins + strings.NewReplacer("number: 3", "number: 4", "unit: 3", "unit: 4",
			"GPIO27", "GPIO5", "GPIO22", "GPIO6").Replace(pins), "GPIO line GPIO17"},
	} {
		t.Run(x.name, func(t *testing.T) {
			at := strings.LastIndex(x.text, "number:")
			_, faults := read(t, x.text)
			want := fmt.Sprintf("%d:5: ", strings.Count(x.text[:at], "\n")+1)
			if len(faults) != 1 || !strings.HasPrefix(faults[0], want) || !strings.Contains(faults[0], x.want) {
				t.Errorf("faults %q, want one at %s with %q", faults, want, x.want)
			}
		})
	}
	for name, text := range map[string]string{ // which look alike, and are not
		"one emergency stop": changed(t, least, "feedback: 1", "feedback: 1\n      emergency: 9") +
			changed(t, second, "feedback: 3", "feedback: 3\n      emergency: 9"),
		"the same inputs of another board": least + strings.NewReplacer("unit: 10", "unit: 11", "coil: 1", "coil: 0",
			"plugged: 2", "plugged: 0", "feedback: 3", "feedback: 1").Replace(second),
		"the same units of another line": least + strings.NewReplacer("192.0.2.8", "192.0.2.9", "unit: 2", "unit: 1",
			"coil: 1", "coil: 0", "plugged: 2", "plugged: 0", "feedback: 3", "feedback: 1").Replace(second),
		"another port of one gateway": least + strings.NewReplacer(":502", ":503", "unit: 2", "unit: 1", "coil: 1",
			"coil: 0", "plugged: 2", "plugged: 0", "feedback: 3", "feedback: 1").Replace(second),
	} {
		if c, faults := read(t, text); c == nil {
			t.Errorf("%s: %q", name, faults)
		}
	}
}

// TestOnePortIsOneLineByAnyName: by a path with dots in it, by a link of udev, or with escapes. A terminal and a bus
// cannot share one, nor can two speeds.
func TestOnePortIsOneLineByAnyName(t *testing.T) {
	dir := t.TempDir()
	port, link := filepath.Join(dir, "ttyUSB0"), filepath.Join(dir, "bus")
	if err := errors.Join(os.WriteFile(port, nil, 0o600), os.Symlink(port, link)); err != nil {
		t.Fatal(err)
	}
	at := strings.NewReplacer("tcp://192.0.2.8:502", "serial://"+port)
	bus := at.Replace(least)
	names := []string{port, link, filepath.Join(dir, "x") + "/../ttyUSB0", dir + "//ttyUSB0", dir + "/./bus",
		strings.Replace(port, "ttyUSB0", "tty%55SB0", 1)}
	good(t, bus+at.Replace(second))
	for _, name := range names {
		text := changed(t, bus, "  address: tcp://192.0.2.7:20007", "  address: serial://"+name+"?baud=9600")
		_, faults := read(t, text)
		if len(faults) == 0 || !strings.Contains(faults[0], "cannot share a line") ||
			!strings.Contains(faults[0], "line 11") || !strings.HasPrefix(faults[0], "26:16: ") {
			t.Errorf("a terminal at %s: %q", name, faults)
		}
		for _, other := range []string{"?baud=19200", "?parity=even", "?stop=2"} {
			text := bus + strings.ReplaceAll(second, "tcp://192.0.2.8:502", "serial://"+name+other)
			_, faults := read(t, text)
			if len(faults) == 0 || !strings.Contains(faults[0], "speed, parity, stop bits or protocol are others") {
				t.Errorf("a bus at %s%s: %q", name, other, faults)
			}
		}
		same := bus + strings.ReplaceAll(changed(t, second, "unit: 2", "unit: 1"), "tcp://192.0.2.8:502",
			"serial://"+name+"?baud=9600&parity=none&stop=1") // the defaults, said
		if _, faults := read(t, same); len(faults) != 1 || !strings.Contains(faults[0], "meter unit 1") {
			t.Errorf("a meter of %s twice: %q", name, faults)
		}
	}
	_, faults := read(t, least+strings.ReplaceAll(second, "tcp://192.0.2.8", "rtu+tcp://192.0.2.8"))
	if len(faults) != 2 || !strings.Contains(faults[0], "protocol") {
		t.Errorf("two protocols at one port: %q", faults)
	}
}

// TestCasesThatWereGoodOnce are refused at the second use, or at the one slip, as their descriptions want it.
func TestCasesThatWereGoodOnce(t *testing.T) {
	site := strings.NewReplacer("tcp://192.0.2.7:20007", "serial:///dev/ttyUSB0?baud=9600",
		"tcp://192.0.2.8:502\n      unit: 1\n", "serial:///dev/ttyUSB1?baud=9600\n      unit: 1\n",
		"tcp://192.0.2.8:502", "serial:///dev/ttyUSB2?baud=9600").Replace(least)
	good(t, site)
	meter := "address: serial:///dev/ttyUSB1?baud=9600"
	for _, x := range []struct{ to, want string }{
		{"address: ¦serial:///dev/ttyUSB0?baud=9600", "cannot share a line"},
		{"address: ¦serial:///dev/../dev/ttyUSB0?baud=9600", "cannot share a line"},
	} {
		refused(t, changed(t, site, meter, x.to), x.want)
	}
	unit := changed(t, changed(t, site, meter, "address: serial:///dev/ttyUSB2?baud=9600"), "unit: 10", "unit: 1")
	refused(t, changed(t, unit, "- number: 1", "- ¦number: 1"), "unit number 1")
	refused(t, changed(t, site, `hold: "50.00"`, `hold: ¦"50,00"`), "hold")
}

// TestTextsOfOtherEditors: a mark at the beginning, line ends of Windows and no line end at the end change nothing,
// not even places; what is not UTF-8 is told at its byte, with what to do.
func TestTextsOfOtherEditors(t *testing.T) {
	umlauts := changed(t, least, "address: Strasse 1", "address: Straße 1")
	for name, text := range map[string]string{"a mark": "\ufeff" + umlauts, "CRLF": strings.ReplaceAll(umlauts, "\n",
		"\r\n"),
		"both": "\ufeff" + strings.ReplaceAll(umlauts, "\n", "\r\n"), "no end": strings.TrimSuffix(umlauts, "\n"),
		"a start": "---\n" + umlauts, "a version": "%YAML 1.1\n---\n" + umlauts, "an end": umlauts + "...\n"} {
		c := good(t, text)
		if c.Site["address"] != "Straße 1, 10115 Berlin" || c.Bays[0].Feedback != 1 || c.Hold.Minor != 5000 {
			t.Errorf("%s: %q, %v", name, c.Site["address"], c.Hold)
		}
	}
	slip := changed(t, umlauts, "  capture: released", "  capture: ¦both")
	refused(t, strings.ReplaceAll(slip, "\n", "\r\n"), "terminal.capture")
	for name, x := range map[string]struct{ text, place string }{
		"Latin-1":     {strings.Replace(umlauts, "ß", "\xdf", 1), "3:16"},
		"after ß":     {strings.Replace(umlauts, "Straße 1", "Straße \xe4", 1), "3:19"},
		"cut off":     {umlauts + "# \xe2\x82", "34:3"},
		"UTF-16":      {"\xff\xfes\x00i\x00", "1:1"},
		"a surrogate": {changed(t, least, "Parkhaus", "Park\xed\xa0\x80haus"), "2:13"},
	} {
		_, faults := read(t, x.text)
		if len(faults) != 1 || !strings.HasPrefix(faults[0], x.place+": ") || !strings.Contains(faults[0], "UTF-8") {
			t.Errorf("%s: %q, want %s", name, faults, x.place)
		}
	}
	refused(t, changed(t, least, "  name: Parkhaus", "¦\tname: Parkhaus"), "")
}

// TestHugeFilesEnd: many faults, one long line, deep nesting and a bomb of aliases take no time and no memory that
// matter, and every fault of the many is told.
func TestHugeFilesEnd(t *testing.T) {
	var many strings.Builder
	many.WriteString(least)
	for i := range 20_000 {
		fmt.Fprintf(&many, "unknown_%d: %d\n", i, i)
	}
	_, faults := read(t, many.String())
	if len(faults) != 20_000 {
		t.Fatalf("%d faults", len(faults))
	}
	for i, f := range faults {
		if !strings.HasPrefix(f, fmt.Sprintf("%d:1: configuration: unknown setting \"unknown_%d\"", 34+i, i)) {
			t.Fatalf("fault %d: %q", i, f)
		}
	}
	long := strings.Repeat("Parkhaus ", 200_000) + "Mitte"
	if c := good(t, changed(t, least, "name: Parkhaus", "name: "+long)); c.Site["name"] != long {
		t.Error("a long name was cut")
	}
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for i := range 20 {
		name := string(rune('a' + i))
		next := string(rune('b' + i))
		bomb += next + ": &" + next + " [" + strings.Repeat("*"+name+", ", 8) + "*" + name + "]\n"
	}
	for name, text := range map[string]string{"brackets": strings.Repeat("[", 100_000),
		"braces": strings.Repeat("{a: ", 100_000), "a bomb": bomb,
		"a bomb in a tariff": strings.Replace(least, "tariff:\n", "tariff:\n  x: &x [[]]\n  y: [*x, *x]\n", 1)} {
		if c, _ := read(t, text); c != nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestATariffInAFile: its faults have its own places, and a file that cannot be read is told where it is named.
func TestATariffInAFile(t *testing.T) {
	dir := t.TempDir()
	from, to := strings.Index(least, "tariff:"), strings.Index(least, "bays:")
	text := func(value string) string { return least[:from] + "tariff: " + value + "\n" + least[to:] }
	path, own := filepath.Join(dir, "kioskd.yaml"), filepath.Join(dir, "prices", "t.json")
	if err := os.MkdirAll(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	const component = `{"type": "ENERGY", "price": 0.49, "vat": 19}`
	const whole = "{\n  \"currency\": \"EUR\", \"tax_included\": \"YES\",\n" +
		"  \"elements\": [{\"price_components\": [\n    " +
		component + "\n  ]}]\n}\n"
	for _, x := range []struct{ from, to, place, want string }{
		{"", "", "", ""}, {"0.49", "0,49", "4:33", "comma"}, {`"vat": 19`, `"vat": 19, "vat": 7`, "4:50", "twice"},
		{`"EUR"`, `"USD"`, "2:15", "USD"}, {"ENERGY", "ENERGÜ", "4:5", "ENERGÜ"}, {"19}", "19", "5:3", ""},
		{"EUR", "E\xdcR", "2:17", "UTF-8"}, {`"elements"`, `"element"`, "3:3", "element"},
	} {
		if err := os.WriteFile(own, []byte(strings.Replace(whole, x.from, x.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text("prices/t.json")), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Read(path)
		if x.from == "" {
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		var bad *strict.Error
		if !errors.As(err, &bad) || len(bad.Faults) != 1 || !strings.HasPrefix(bad.Faults[0], own+":"+x.place+": ") ||
			!strings.Contains(bad.Faults[0], x.want) {
			t.Errorf("%s for %s: %v, want %s:%s and %q", x.to, x.from, err, own, x.place, x.want)
		}
	}
	refused(t, text("¦none.json"), "none.json")
}

// TestNoSecretIsTold: whatever is wrong, neither the terminal's password nor a code nor a hash is in a fault.
func TestNoSecretIsTold(t *testing.T) {
	dir := t.TempDir()
	const secret, hash = "8675309", "$argon2id$v=19$m=1,t=2,p=1$c2VjcmV0c2FsdA$c2VjcmV0aGFzaA"
	if err := os.WriteFile(filepath.Join(dir, "terminal"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inFile := changed(t, least, `password: "123456"`, "password_file: terminal")
	for _, text := range []string{
		changed(t, least, `"123456"`, `"`+secret+`"`), changed(t, least, `"123456"`, `[`+secret+`]`),
		changed(t, least, `"123456"`, `{a: `+secret+`}`), inFile,
		changed(t, least, `password: "123456"`, "passwrd: "+secret),
		changed(t, least, `password: "123456"`, "password: \"123456\"\n  password: "+secret),
		changed(t, least, `password: "123456"`, `password: "`+secret),
		changed(t, least, `password: "123456"`, `password: `+secret+`: x`),
		within(least, "staff", "host: "+secret), within(least, "staff", "technician: "+hash),
		within(least, "staff", "cleaner: "+hash), within(least, "staff", "host: ["+secret+"]"),
	} {
		_, faults := readAt(t, filepath.Join(dir, "kioskd.yaml"), text)
		all := strings.Join(faults, "\n")
		if len(faults) == 0 {
			t.Errorf("taken:\n%s", text)
		}
		if strings.Contains(all, secret) || strings.Contains(all, "c2VjcmV0") {
			t.Errorf("a secret is told: %q", faults)
		}
	}
}

// TestAPasswordOfAFile is taken without its line end and blanks, and checked as one that is written there.
func TestAPasswordOfAFile(t *testing.T) {
	dir := t.TempDir()
	text := changed(t, least, `password: "123456"`, "password_file: secrets/terminal")
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{"123456": "123456", "000000\n": "000000", "042042\r\n": "042042",
		"": "", "\n": "", "12345\n": "", "123456\n123456\n": "", "12 34 56\n": ""} {
		if err := os.WriteFile(filepath.Join(dir, "secrets", "terminal"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c, faults := readAt(t, filepath.Join(dir, "kioskd.yaml"), text)
		switch {
		case want == "" && (len(faults) != 1 || !strings.HasPrefix(faults[0], "12:18: terminal.password")):
			t.Errorf("%q: %q, want one fault at its path", content, faults)
		case want != "" && (c == nil || c.Terminal.Password != want):
			t.Errorf("%q: %q, want %s", content, faults, want)
		}
	}
}

// TestABackOfficeAndItsFiles: what it wants, and which of its files are not there where they are looked for.
func TestABackOfficeAndItsFiles(t *testing.T) {
	base := within(least, "site", "kiosk: K1")
	for _, x := range []struct{ from, to, want string }{
		{"https://office.example/", "¦http://office.example/", "backoffice.url"},
		{"https://office.example/", "¦office.example", "backoffice.url"},
		{"https://office.example/", "¦https://", "backoffice.url"},
		{"https://office.example/", "¦''", "backoffice.url"},
		{"signer: office+5e2a3cc5", "signer: ¦office+5e2a3cc6", "backoffice.signer"},
		{"signer: office+5e2a3cc5", "signer: ¦PRIVATE+KEY+office+5e2a3cc5", "backoffice.signer"},
		{"ca: secrets/ca.pem", "ca: ¦[]", "backoffice.ca"}, {"key: secrets/kiosk.key", "key: ¦''", "backoffice.key"},
		{"  ca:", "  every: ¦15\n  ca:", "backoffice.every"}, {"  ca:", "  late: ¦soon\n  ca:", "backoffice.late"},
		{"  ca:", "  credentials: ¦''\n  ca:", "backoffice.credentials"}, {"  ca:", "  ¦user: x\n  ca:", "user"},
	} {
		t.Run(strings.ReplaceAll(x.to, mark, ""), func(t *testing.T) {
			refused(t, base+changed(t, office, x.from, x.to), x.want)
		})
	}
	for _, id := range []string{"K 1", "K/1", "Käse", strings.Repeat("K", 37)} {
		if _, faults := read(t, within(least, "site", "kiosk: "+strconv.Quote(id))+office); len(faults) != 1 ||
			!strings.Contains(faults[0], "site.kiosk") {
			t.Errorf("kiosk %q: %q", id, faults)
		}
	}
	c := good(t, base+changed(t, office, "https://office.example/", "tls://a.example:4222,tls://b.example:4222"))
	if c.Uplink.URL.Scheme != "tls" || c.Uplink.Servers != "tls://a.example:4222,tls://b.example:4222" {
		t.Errorf("servers %v, %q", c.Uplink.URL, c.Uplink.Servers)
	}
	path := filepath.Join(t.TempDir(), "kioskd.yaml")
	if err := os.WriteFile(path, []byte(base+office), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Read(path); err != nil {
		t.Errorf("files are looked at later: %v", err)
	}
	_, err := config.ReadWithFiles(path, true)
	var bad *strict.Error
	if !errors.As(err, &bad) || len(bad.Faults) != 3 {
		t.Fatalf("three files are not there: %v", err)
	}
	for i, name := range []string{"ca.pem", "kiosk.pem", "kiosk.key"} {
		if want := filepath.Join(filepath.Dir(path), "secrets", name); !strings.HasSuffix(bad.Faults[i], want) {
			t.Errorf("%q, want %s", bad.Faults[i], want)
		}
	}
}

// TestWhatACDRSays: each part of it is checked where it stands, and the version is one of two.
func TestWhatACDRSays(t *testing.T) {
	base := changed(t, least, "    max_power_w", "    evse_id: DE*ABC*E1\n    max_power_w")
	for _, x := range []struct{ from, to, want string }{
		{"country_code: DE", "country_code: DE\n  version: ¦2.1.1", "2.2.1"},
		{"id: L1", "id: ¦''", "ocpi.location.id"},
		{"standard: IEC_62196_T2", "standard: ¦[]", "ocpi.connector.standard"},
		{"city: Berlin", "city: Berlin\n    ¦town: Berlin", "ocpi.location"},
	} {
		_, faults := read(t, base+strings.ReplaceAll(changed(t, cdr, x.from, x.to), mark, ""))
		_, places := marked(base + changed(t, cdr, x.from, x.to))
		if len(faults) == 0 || !slices.ContainsFunc(faults, func(f string) bool {
			return strings.HasPrefix(f, places[0]+": ") && strings.Contains(f, x.want)
		}) {
			t.Errorf("%s: %q, want %s at %s", x.to, faults, x.want, places)
		}
	}
	for from, to := range map[string]string{"country_code: DE": "country_code: de", "party_id: ABC": "party_id: ABCD",
		`"52.520008"`: `"north"`, "format: SOCKET": "format: PLUG", "standard: IEC_62196_T2": "standard: TYPE2",
		"power_type: AC_3_PHASE": "power_type: AC"} {
		if _, faults := read(t, base+changed(t, cdr, from, to)); len(faults) != 1 ||
			!regexp.MustCompile(`^\d+:\d+: ocpi`).MatchString(faults[0]) {
			t.Errorf("%s: %q", to, faults)
		}
	}
	for _, version := range []string{"2.3.0", "2.2.1"} {
		if c := good(t, base+changed(t, cdr, "ocpi:\n",
			"ocpi:\n  version: "+version+"\n")); string(c.OCPI.Version) != version {
			t.Errorf("version %s is %s", version, c.OCPI.Version)
		}
	}
}

// TestStaffCodesThatWereMade are taken from the file, and each lets in with its own code alone.
func TestStaffCodesThatWereMade(t *testing.T) {
	c := good(t, within(least, "staff",
		"technician: "+config.HashCode("271828")+"\n  host: "+config.HashCode("314159")))
	if !c.Technician.Matches("271828") || c.Technician.Matches("314159") || !c.Host.Matches("314159") ||
		c.Host.Matches("271828") {
		t.Error("a code lets in who it is not of")
	}
	for code, fits := range map[string]bool{"123456": true, "123456789012": true, "12345": false,
		"1234567890123": false,
		"12345a":        false, "": false, "１２３４": false, "12 456": false} {
		if (config.CheckCode(code) == nil) != fits {
			t.Errorf("code %q: %v", code, config.CheckCode(code))
		}
	}
}

// TestTimesOfDayAndPlaces that setup asks for are judged as the file's.
func TestTimesOfDayAndPlaces(t *testing.T) {
	for text, want := range map[string]string{"03:30": "03:30", "00:00": "00:00", "23:59": "23:59", "24:00": "",
		"3.30": "",
		"3 am": "", "": "", "03:30:00": "", "12:60": ""} {
		at, err := config.DayTime(text)
		if (err == nil) != (want != "") || err == nil && at.Format("15:04") != want {
			t.Errorf("%q: %v, %v", text, at.Format(time.TimeOnly), err)
		}
	}
	for path, fits := range map[string]bool{"/media/kioskd": true, "media": false, "": false, "./x": false,
		"~/x": false} {
		if (config.MountPoint(path) == nil) != fits {
			t.Errorf("%q: %v", path, config.MountPoint(path))
		}
	}
}

// TestEveryFaultIsTold, also where others are: kioskd check prints every fault of a file, not only the first.
func TestEveryFaultIsTold(t *testing.T) {
	noPassword := changed(t, changed(t, least, "  password: \"123456\"\n", ""), "terminal:\n  ", "terminal:\n  ¦")
	noBoard := changed(t, least[:strings.Index(least, "    board:")], "- number", "- ¦number")
	for _, x := range []struct {
		name, text string
		want       []string
	}{
		{"no password, and a slip before it", changed(t, noPassword, "  helpline", "  ¦colour: red\n  helpline"),
			[]string{"colour", "password"}},
		{"no password, and a slip behind it", noPassword + "clock: ¦sun\n", []string{"password", "clock"}},
		{"no board, and a slip in the bay", changed(t, noBoard, "      unit: 1\n", "      unit: ¦0\n"),
			[]string{"board or gpio", "meter.unit"}},
		{"a currency and a hold", changed(t, changed(t, least, "\n  currency: EUR\njournal",
			"\n  currency: ¦XXX\njournal"),
			`"50.00"`, `¦"fifty"`), []string{"site.currency", "hold"}},
	} {
		t.Run(x.name, func(t *testing.T) { refused(t, x.text, x.want...) })
	}
}

// TestOneSlipIsOneFault: no fault follows from another one. What is missing or cannot be read is equal to nothing.
func TestOneSlipIsOneFault(t *testing.T) {
	whole := least + second
	at := func(text, key string) string { // the last one of a key gets a mark before what follows it
		i := strings.LastIndex(text, key)
		return text[:i] + key + strings.Replace(text[i+len(key):], "      ", "      ¦", 1)
	}
	for _, x := range []struct {
		name, text string
		want       []string
	}{
		{"an input is missing", at(changed(t, whole, "      plugged: 2\n", ""), "board:\n"), []string{"plugged"}},
		{"a coil is missing", at(changed(t, whole, "      coil: 1\n", ""), "board:\n"), []string{"coil"}},
		{"a feedback is missing in the only bay", at(changed(t, least, "      feedback: 1\n", ""), "board:\n"),
			[]string{"feedback"}},
		{"a feedback cannot be read", changed(t, least, "feedback: 1", "feedback: ¦-1"), []string{"feedback"}},
		{"two units cannot be read", changed(t, changed(t, whole, "      unit: 1\n", "      unit: ¦x\n"), "unit: 2",
			"unit: ¦y"), []string{"meter.unit", "meter.unit"}},
		{"two numbers are missing", strings.NewReplacer("number: 1\n    ", "¦", "number: 2\n    ", "¦").Replace(whole),
			[]string{"number is missing", "number is missing"}},
		{"a meter where a board is", changed(t, changed(t, whole, "unit: 2", "unit: 10"), "- number: 2",
			"- ¦number: 2"),
			[]string{"unit number 10"}},
		{"a path of a password that is a list", changed(t, least, `password: "123456"`, "password_file: ¦[]"),
			[]string{"terminal.password_file"}},
		{"a copy that is empty", within(least, "keep", "copy: ¦''"), []string{"keep.copy"}},
	} {
		t.Run(x.name, func(t *testing.T) { refused(t, x.text, x.want...) })
	}
	t.Run("a password's file that is not there", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "kioskd.yaml")
		text := changed(t, least, `password: "123456"`, "password_file: none")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.ReadWithFiles(path, true)
		var bad *strict.Error
		if !errors.As(err, &bad) || len(bad.Faults) != 1 {
			t.Errorf("%v, want one fault", err)
		}
	})
}

// TestATariffThatIsEmptyIsTold by its own name, once.
func TestATariffThatIsEmptyIsTold(t *testing.T) {
	from, to := strings.Index(least, "tariff:"), strings.Index(least, "bays:")
	for _, value := range []string{"¦''", "¦\"\""} {
		refused(t, least[:from]+"tariff: "+value+"\n"+least[to:], "tariff: want")
	}
}

// TestWhatKioskdCannotUseIsRefused: each row is against the words of kioskd.yaml(5).
func TestWhatKioskdCannotUseIsRefused(t *testing.T) {
	base := within(least, "site", "kiosk: K1")
	for _, x := range []struct{ name, text, want string }{
		{"a country of more than two letters", within(least, "site", "country: ¦Germany"), "country"},
		{"a country in small letters, to which no rule of the EU would be applied", within(least, "site",
			"country: ¦de"),
			"country"},
		{"languages that are no list", within(least, "site", "languages: ¦{de: en}"), "languages"},
		{"no name", changed(t, least, "name: Parkhaus", "name: ¦null"), "name"},
		{"no helpline", changed(t, least, `helpline: "+49 30 1234567"`, "helpline: ¦~"), "helpline"},
		{"an alias whose name is a good value", changed(t, changed(t, least, "name: Parkhaus",
			"name: &released Parkhaus"),
			"capture: released", "capture: ¦*released"), "capture"},
		{"a terminal that speaks Modbus", changed(t, least, "tcp://192.0.2.7:20007", "¦rtu+tcp://192.0.2.7:20007"),
			"rtu+tcp"},
		{"no port", changed(t, least, "tcp://192.0.2.7:20007", "¦'tcp://192.0.2.7:'"), "address"},
		{"a port that there is not", changed(t, least, "tcp://192.0.2.7:20007", "¦tcp://192.0.2.7:99999"), "address"},
		{"no host", changed(t, least, "tcp://192.0.2.7:20007", "¦tcp://:20007"), "address"},
		{"a second server that is none", base + changed(t, office, "https://office.example/", "¦tls://a:4222,garbage"),
			"backoffice.url"},
		{"a second server of another kind", base + changed(t, office, "https://office.example/",
			"¦tls://a:4222,http://b:4222"), "backoffice.url"},
		{"two servers where one is used", base + changed(t, office, "https://office.example/",
			"¦https://a.example/,https://b.example/"), "backoffice.url"},
	} {
		t.Run(x.name, func(t *testing.T) { refused(t, x.text, x.want) })
	}
}

// TestMoreThatCannotBe: settings that contradict each other in one bay or by another spelling.
func TestMoreThatCannotBe(t *testing.T) {
	names := strings.ReplaceAll(least+second, "192.0.2.8:502", "gateway:502")
	evse := func(s string) string { return strings.Replace(s, "    max", "    evse_id: DE*ABC*E1\n    max", 1) }
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "terminal"), []byte("654321\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"two bays with one EVSE id": evse(least) + evse(second),
		"one input for a plug and a stop": changed(t, least, "feedback: 1",
			"feedback: 1\n      emergency: 0"),
		"one input for what asks and for a stop": changed(t, least, "feedback: 1",
			"feedback: 1\n      emergency: 4\n      requesting: 4"),
		"a plug of one bay, the stop of another": least + changed(t, second, "feedback: 3",
			"feedback: 3\n      emergency: 0"),
		"a line of GPIO for contactor and stop": least + pins + "      emergency: GPIO17\n",
		"a gateway's name in capitals": changed(t, names, "gateway:502\n      unit: 2",
			"Gateway:502\n      unit: 1"),
		"a port with a zero before it": changed(t, names, "gateway:502\n      unit: 2",
			"gateway:0502\n      unit: 1"),
		"an IPv6 address that is spelled otherwise": strings.Replace(strings.ReplaceAll(names, "gateway",
			"[2001:db8::1]"), "[2001:db8::1]:502\n      unit: 2", "[2001:DB8:0::1]:502\n      unit: 1", 1),
		"a password and a file of another one": changed(t, least, "  password: \"123456\"\n",
			"  password: \"123456\"\n  password_file: "+filepath.Join(dir, "terminal")+"\n"),
	} {
		t.Run(name, func(t *testing.T) {
			if c, _ := read(t, text); c != nil {
				t.Error("nothing is said of it")
			}
		})
	}
}

// TestNothingBehindTheEndIsIgnored: what stands behind a line of three hyphens would not be read, and a change would
// drop it.
func TestNothingBehindTheEndIsIgnored(t *testing.T) {
	for _, more := range []string{"---\n¦keep: {copy: /media/kioskd}\n", "---\n¦zz: 1\n", "...\n---\n¦zz: 1\n"} {
		refused(t, least+more, "want one document")
		text, _ := marked(least + more)
		path := filepath.Join(t.TempDir(), "kioskd.yaml")
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := config.OpenFile(path); err == nil || !strings.Contains(err.Error(), "want one document") {
			t.Errorf("%q: %v", more, err)
		}
	}
	if c, _ := read(t, least+"...\n---\nclock: [\n"); c != nil {
		t.Error("what cannot be read there is ignored")
	}
}

// TestSyntaxIsToldInItsLine: where YAML itself is broken, the place is in the lines that are broken.
func TestSyntaxIsToldInItsLine(t *testing.T) {
	for _, x := range []struct {
		name, from, to string
		first, last    int
	}{
		{"an alias of nothing", "name: Parkhaus", "name: *x", 2, 2},
		{"a brace that is not closed", "vat: 19}", "vat: 19", 20, 21},
		{"a bracket that is not closed", "  currency: EUR\njournal", "  currency: EUR\n  languages: [de, en\njournal",
			7, 8},
		{"a line too far to the right", "  capture: released", "   capture: released", 11, 13},
		{"a quote that is not closed", `hold: "50.00"`, `hold: "50.00`, 11, 17},
		{"a line too far to the left", "      coil: 0", "     coil: 0", 22, 31},
	} {
		_, faults := read(t, changed(t, least, x.from, x.to))
		if len(faults) != 1 {
			t.Errorf("%s: %q", x.name, faults)
			continue
		}
		place, _, _ := strings.Cut(faults[0], ":")
		if n, err := strconv.Atoi(place); err != nil || n < x.first || n > x.last {
			t.Errorf("%s: %q, want a line from %d to %d", x.name, faults[0], x.first, x.last)
		}
	}
	for _, text := range []string{"", "# only a comment\n"} {
		if _, faults := read(t, text); len(faults) != 1 || strings.HasSuffix(faults[0], ": EOF") {
			t.Errorf("%q: %q, want words", text, faults)
		}
	}
}

// TestFaultsAreInOrderInAnyFolder: a colon in a folder's name is no place.
func TestFaultsAreInOrderInAnyFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a:b")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, faults := readAt(t, filepath.Join(dir, "kioskd.yaml"), changed(t, least, "  capture: released\n", "")+"zz: 1\n"+
		"timings: {idle: x}\n")
	var lines []int
	for _, f := range faults {
		place, _, _ := strings.Cut(f, ":")
		n, err := strconv.Atoi(place)
		if err != nil {
			t.Fatalf("%q has no line", f)
		}
		lines = append(lines, n)
	}
	if len(lines) != 3 || !slices.IsSorted(lines) {
		t.Errorf("faults in the lines %v", lines)
	}
	_, faults = readAt(t, filepath.Join(dir, "kioskd.yaml"), strings.Replace(changed(t, least, `"50.00"`, "x"),
		"max_power_w: 22000", "max_power_w: x", 1))
	if len(faults) != 2 || !strings.HasPrefix(faults[0], "14:") {
		t.Errorf("faults %q", faults)
	}
}
