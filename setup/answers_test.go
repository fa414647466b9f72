package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kioskd/cli"
	"kioskd/config"
	"kioskd/store"
)

// dialog is what a host of a new site types for each flag, and an answer that is not taken, with what they read then.
// An empty one takes what is offered.
var dialog = []struct{ flag, good, bad, read string }{
	{"name", "Parkhaus", "", ""}, {"address", "Strasse 1, 10115 Berlin", "", ""}, {"vat-id", "DE123456789", "", ""},
	{"helpline", "+49 30 1", "ask Anna", "want a number such as"},
	{"country", "AT", "Austria", "want 2 capital letters"},
	{"timezone", "Europe/Vienna", "Vienna", "Vienna"}, {"currency", "EUR", "Euro", "three letters such as EUR"},
	{"languages", "de, fr", "de, xx", `"xx" is not known`}, {"clock", "2", "gps", "want ntp or rtc"},
	{"kiosk", "K1", "", ""}, {"password", "042042", "4242", "six digits"},
	{"capture", "used", "partial", "want released or used"},
	{"reads-cards", "yes", "maybe", "want yes or no"}, {"end-of-day", "03:30", "3 am", "such as 03:30"},
	{"hold", "75,00", "much", "want an amount such as 50.00"}, {"price", "0,59", "cheap", "want a number such as 0.49"},
	{"vat", "20", "twenty", "want a number"}, {"", "yes", "maybe", "want yes or no"}, // 11.80 EUR for 20 kWh
	{"technician-code", "271828", "2718", "six to twelve digits"}, {"host-code", "314159", "271828", "told apart"},
	{"copy", "/media/kioskd", "media", "such as /media/kioskd"},
}

// meant is what the answers of the dialog make of a new file.
var meant = map[string]string{"site.name": "Parkhaus", "site.address": "Strasse 1, 10115 Berlin",
	"site.vat_id": "DE123456789", "site.helpline": "+49 30 1", "site.country": "AT", "site.timezone": "Europe/Vienna",
	"site.currency": "EUR", "site.languages": "de, fr", "clock": "rtc", "site.kiosk": "K1", "terminal.capture": "used",
	"terminal.reads_cards": "true", "terminal.end_of_day": "03:30", "terminal.hold": "75.00", "tariff.currency": "EUR",
	"tariff.tax_included": "YES", "keep.copy": "/media/kioskd", "terminal.password": "", "terminal.password_file": ""}

func wanted(t *testing.T, w *wizard, match bool) {
	t.Helper()
	for path, v := range meant {
		if got := w.file.Get(path); got != v {
			t.Errorf("%s is %q, want %q", path, got, v)
		}
	}
	if w.onePrice("price") != "0.59" || w.onePrice("vat") != "20" {
		t.Errorf("the price is %s with %s %%", w.onePrice("price"), w.onePrice("vat"))
	}
	for path, code := range map[string]string{"staff.technician": "271828", "staff.host": "314159"} {
		h, err := config.ParseCodeHash(w.file.Get(path))
		if err != nil || match && !h.Matches(code) { // which takes its time
			t.Errorf("%s does not let in with its code: %v", path, err)
		}
	}
	text, err := w.file.Bytes()
	for _, secret := range []string{"042042", "271828", "314159"} {
		if err != nil || strings.Contains(string(text), secret) {
			t.Errorf("a secret is in the file (%v):\n%s", err, text)
		}
	}
}

// TestADialogMakesAConfiguration: every question of a new site is asked once, a bad answer to each is told and asked
// again, and what the file says in the end is what was meant.
func TestADialogMakesAConfiguration(t *testing.T) {
	var typed strings.Builder
	for _, d := range dialog {
		if d.bad != "" {
			typed.WriteString(d.bad + "\n")
		}
		typed.WriteString(d.good + "\n")
	}
	w, read := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), typed.String(), Options{})
	secret, err := w.answers(t.Context(), allParts)
	if err != nil || secret != "042042" {
		t.Fatalf("password %q, %v\n%s", secret, err, read)
	}
	wanted(t, w, true)
	for _, d := range dialog {
		if d.bad != "" && !strings.Contains(read.String(), d.read) {
			t.Errorf("--%s: they did not read %q", d.flag, d.read)
		}
	}
	for _, q := range setupQuestions() {
		asked, bad := strings.Count(read.String(), q.title+" ")+strings.Count(read.String(), q.title+":"), 1
		if slices.ContainsFunc(dialog, func(d struct{ flag, good, bad, read string }) bool {
			return d.flag == q.flag && d.bad != ""
		}) {
			bad = 2
		}
		if asked != bad {
			t.Errorf("--%s was asked %d times, want %d", q.flag, asked, bad)
		}
	}
	if !strings.Contains(read.String(), "11.80 EUR for 20 kWh") {
		t.Error("they were not asked whether the price is meant")
	}
}

// TestFlagsMakeTheSameConfiguration: nothing is asked, and a flag that is bad is an error of usage that names it.
func TestFlagsMakeTheSameConfiguration(t *testing.T) {
	given := map[string]string{}
	for _, d := range dialog {
		if d.flag != "" {
			given[d.flag] = d.good
		}
	}
	given["clock"] = "rtc"
	for _, yes := range []bool{true, false} {
		w, read := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), "", Options{Given: given, Yes: yes})
		if secret, err := w.answers(t.Context(), allParts); err != nil || secret != "042042" {
			t.Fatalf("password %q, %v\n%s", secret, err, read)
		}
		wanted(t, w, false)
		if strings.Contains(read.String(), "?") {
			t.Errorf("they were asked\n%s", read)
		}
	}
	for _, d := range dialog {
		if d.bad == "" || d.flag == "" {
			continue
		}
		bad := map[string]string{}
		for k, v := range given {
			bad[k] = v
		}
		if d.flag != "host-code" { // a hash takes its time
			delete(bad, "technician-code")
			delete(bad, "host-code")
		}
		bad[d.flag] = d.bad
		w, _ := wizardOf(t, filepath.Join(t.TempDir(), "kioskd.yaml"), "", Options{Given: bad, Yes: true})
		_, err := w.answers(t.Context(), allParts)
		var usage cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), "--"+d.flag+" ") ||
			!strings.Contains(err.Error(), d.read) {
			t.Errorf("--%s %q: %v", d.flag, d.bad, err)
		}
	}
}

// TestHalfADialogIsOfferedAgain: wherever the input ends, nothing is written but a draft that has no secret; the next
// time Enter is enough for what was answered, and what was not is asked for.
func TestHalfADialogIsOfferedAgain(t *testing.T) {
	for _, n := range []int{0, 1, 5, 10, 12, 15, 16, 18, 20} {
		dir := t.TempDir()
		path := filepath.Join(dir, "kioskd.yaml")
		var typed, rest strings.Builder
		for i, d := range dialog {
			if i < n {
				typed.WriteString(d.good + "\n")
			}
			switch {
			case i >= n, d.flag == "", d.flag == "password":
				rest.WriteString(d.good + "\n")
			case d.flag == "price", d.flag == "vat": // both are remembered, or none
				rest.WriteString(d.good + "\n")
			default:
				rest.WriteString("\n")
			}
		}
		read, err := ran(t, typed.String(), Options{Path: path, From: 1, To: 1})
		if !errors.Is(err, errEnded) {
			t.Fatalf("after %d answers: %v", n, err)
		}
		now := files(t, dir)
		draft, kept := now["kioskd.yaml.draft"]
		if len(now) > 1 || len(now) == 1 && !kept || n > 0 && !kept {
			t.Errorf("after %d answers there are %q", n, now)
		}
		for _, secret := range []string{"042042", "271828", "314159"} {
			if strings.Contains(draft, secret) {
				t.Errorf("%s is in the draft after %d answers", secret, n)
			}
		}
		if kept != strings.Contains(read, "offered again") {
			t.Errorf("after %d answers they read\n%s", n, read)
		}
		w, again := wizardOf(t, path, rest.String(), Options{})
		if err := w.file.FromDraft(); err != nil {
			t.Fatal(err)
		}
		if secret, err := w.answers(t.Context(), allParts); err != nil || secret != "042042" {
			t.Fatalf("after %d answers: %q, %v\n%s", n, secret, err, again)
		}
		wanted(t, w, false)
	}
}

// TestAHostWhoTakesEverythingChangesNothing: of a site that is there, Enter keeps each answer, byte for byte.
func TestAHostWhoTakesEverythingChangesNothing(t *testing.T) {
	path := placed(t, owned)
	w, read := wizardOf(t, path, strings.Repeat("\n", 40), Options{})
	secret, err := w.answers(t.Context(), []string{partSite, partTerminal, partPrice, partStaff, partKeep})
	if secret != "" || err != nil {
		t.Fatalf("password %q, %v\n%s", secret, err, read)
	}
	text, err := w.file.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range w.file.Changed { // what was not said before may be said now
		if !slices.Contains([]string{"site.country", "clock", "terminal.reads_cards"}, line) {
			t.Errorf("%s changed", line)
		}
	}
	got := string(text)
	for _, said := range []string{"  country: DE\n", "  reads_cards: false\n", "clock: ntp\n"} {
		got = strings.Replace(got, said, "", 1)
	}
	if strings.TrimRight(got, "\n") != strings.TrimRight(owned, "\n") {
		t.Errorf("it became\n%s", got)
	}
	for _, offered := range []string{"[Parkhaus]", "[+49 30 1234567]", "[de, en]", "[50.00]", "[0.49]", "[19]"} {
		if !strings.Contains(read.String(), offered) {
			t.Errorf("%s was not offered", offered)
		}
	}
	if strings.Contains(read.String(), "123456]") {
		t.Error("the password was shown")
	}
}

// TestOneFlagChangesOneSetting of a site that is there, and keeps comments, order, quotes and what setup knows nothing
// about. The one before stays beside it, and the file is for its owner and the daemon's group alone.
func TestOneFlagChangesOneSetting(t *testing.T) {
	for _, x := range []struct{ flag, value, from, to string }{
		{"name", "Hof", "name: Parkhaus #", "name: Hof #"}, {"helpline", "+49 40 7", `"+49 30 1234567"`, "+49 40 7"},
		{"address", "Weg 2", "'Strasse 1, 10115 Berlin'", "Weg 2"},
		{"timezone", "Europe/Vienna", "Europe/Berlin", "Europe/Vienna"},
		{"languages", "en", "[de, en]", "[en]"},
		{"vat-id", "DE123456789", "[de, en]\n", "[de, en]\n  vat_id: DE123456789\n"},
		{"kiosk", "K1", "[de, en]\n", "[de, en]\n  kiosk: K1\n"},
		{"clock", "rtc", "# end of it\n", "clock: rtc\n# end of it\n"},
		{"hold", "60,00", `"50.00"`, `"60.00"`}, {"price", "0.59", "price: 0.49", "price: 0.59"},
		{"vat", "7", "vat: 19", "vat: 7"}, {"capture", "used", "capture: released", "capture: used"},
	} {
		path := placed(t, owned)
		read, err := ran(t, "", Options{Path: path, Given: map[string]string{x.flag: x.value}})
		if !errors.Is(err, cli.ErrSilent) { // the doctor finds no device
			t.Errorf("--%s: %v\n%s", x.flag, err, read)
		}
		now := files(t, filepath.Dir(path))
		got := now["kioskd.yaml"]
		if x.flag == "clock" { // a comment at the end of a file may stay before or behind it
			got = strings.Replace(got, "# end of it\nclock: rtc\n", "clock: rtc\n# end of it\n", 1)
			got = strings.Replace(got, "# end of it\n\nclock: rtc\n", "clock: rtc\n# end of it\n", 1)
		}
		if strings.ReplaceAll(got, `"+49 40 7"`, "+49 40 7") != strings.Replace(owned, x.from, x.to, 1) {
			t.Errorf("--%s makes\n%s", x.flag, got)
		}
		if now["kioskd.yaml.before"] != owned || len(now) != 2 {
			t.Errorf("--%s leaves %d files, the one before\n%s", x.flag, len(now), now["kioskd.yaml.before"])
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
}

// TestWhatIsSaidTwiceIsDoneOnce: the same flag again changes nothing, and asks no device.
func TestWhatIsSaidTwiceIsDoneOnce(t *testing.T) {
	for flag, value := range map[string]string{"name": "Parkhaus", "hold": "50.00", "price": "0.49",
		"languages": "de en",
		"capture":   "released", "copy": "", "vat": "19"} {
		path := placed(t, owned)
		before := files(t, filepath.Dir(path))
		read, err := ran(t, "", Options{Path: path, Given: map[string]string{flag: value}})
		if err != nil || !strings.Contains(read, "Nothing to change") {
			t.Errorf("--%s %s: %v\n%s", flag, value, err, read)
		}
		untouched(t, filepath.Dir(path), before)
	}
	path := placed(t, owned)
	read, err := ran(t, "\n", Options{Path: path})
	if err != nil || !strings.Contains(read, "Nothing is to be changed.") {
		t.Errorf("nothing was chosen: %v\n%s", err, read)
	}
}

// TestWhoGivesUpChangesNoFile: at whichever question of a site that is there the input ends.
func TestWhoGivesUpChangesNoFile(t *testing.T) {
	typed := []string{"1 2 4 5 6", "Hof", "Weg 2", "-", "+49 1", "AT", "Europe/Vienna", "CHF", "en", "rtc", "K1",
		"042042",
		"used", "yes", "03:30", "20", "1.00", "19"}
	path := placed(t, owned)
	before := files(t, filepath.Dir(path))
	for n := range len(typed) + 1 {
		read, err := ran(t, strings.Join(typed[:n], "\n")+"\n", Options{Path: path, From: 1, To: 1})
		if n > 0 && !errors.Is(err, errEnded) {
			t.Errorf("after %d answers: %v\n%s", n, err, read)
		}
		untouched(t, filepath.Dir(path), before)
	}
}

// TestWhatIsRefusedChangesNoFile: a flag that is bad, a bay that cannot be read, a tariff that may not be sold by, a
// journal that another program has, a file that setup cannot read.
func TestWhatIsRefusedChangesNoFile(t *testing.T) {
	for name, x := range map[string]struct {
		o    Options
		text string
		want string
		next bool // what was to be written is beside it
	}{
		"a flag":     {Options{Given: map[string]string{"hold": "0"}}, owned, "--hold", false},
		"one of two": {Options{Given: map[string]string{"name": "Hof", "clock": "gps"}}, owned, "--clock", false},
		"a bay":      {Options{Bays: []string{"number=1"}}, owned, "--bay", false},
		"no tariff":  {Options{Tariff: "none.json"}, owned, "--tariff", false},
		"what others said": {Options{Given: map[string]string{"name": "Hof"}}, strings.Replace(owned, "night: 21:00",
			"night: 25:00", 1),
			"is as it was", true},
		"a hold below a kWh": {Options{Given: map[string]string{"hold": "0.20"}}, owned, "is as it was", true},
		"no YAML":            {Options{Given: map[string]string{"name": "Hof"}}, "site: [\n", "kioskd.yaml", false},
		"a list":             {Options{Given: map[string]string{"name": "Hof"}}, "- site\n", "want settings", false},
		"another price": {Options{Given: map[string]string{"price": "0.59"}}, strings.Replace(owned,
			"type: ENERGY", "type: TIME", 1), "--tariff", false},
	} {
		t.Run(name, func(t *testing.T) {
			path := placed(t, x.text)
			before := files(t, filepath.Dir(path))
			x.o.Path = path
			read, err := ran(t, "", x.o)
			if err == nil || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v\n%s\nwant %s", err, read, x.want)
			}
			if x.next {
				if _, err := os.Stat(path + ".new"); err != nil && name != "a hold below a kWh" {
					t.Errorf("what was to be written is nowhere: %v", err)
				}
				if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Fatal(err)
				}
			}
			untouched(t, filepath.Dir(path), before)
		})
	}
	path := placed(t, owned)
	before := files(t, filepath.Dir(path))
	lock, err := store.Lock(filepath.Join(filepath.Dir(path), "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := ran(t, "", Options{Path: path, Given: map[string]string{"name": "Hof"}}); !errors.Is(err,
		store.ErrInUse) {
		t.Errorf("another program has the journal: %v", err)
	}
	untouched(t, filepath.Dir(path), before)
}

// TestAnAnswerCanBeEmptied: by a hyphen or an empty flag, and only where it is not needed.
func TestAnAnswerCanBeEmptied(t *testing.T) {
	text := strings.Replace(owned, "  languages:", "  vat_id: DE1\n  kiosk: K1 # ours\n  languages:",
		1) + "keep: {copy: /media/x}\n"
	path := placed(t, text)
	if _, err := ran(t, "", Options{Path: path, Given: map[string]string{"vat-id": "", "copy": ""}}); !errors.Is(err,
		cli.ErrSilent) {
		t.Error(err)
	}
	got := content(t, path)
	if strings.Contains(got, "vat_id") || strings.Contains(got, "copy") ||
		!strings.Contains(got, "kiosk: K1 # ours\n") {
		t.Errorf("it became\n%s", got)
	}
	for _, flag := range []string{"name", "hold", "price", "password", "clock"} {
		path := placed(t, text)
		if _, err := ran(t, "", Options{Path: path, Given: map[string]string{flag: ""}}); err == nil &&
			flag != "password" {
			t.Errorf("--%s is empty", flag)
		}
		if content(t, path) != text {
			t.Errorf("--%s empty changed the file", flag)
		}
	}
	w, _ := wizardOf(t, placed(t, text), "\n\n-\n\n\n\n\n\n\n-\n", Options{})
	if _, err := w.answers(t.Context(), []string{partSite}); err != nil || w.file.Get("site.vat_id") != "" ||
		w.file.Get("site.kiosk") != "" || w.file.Get("site.name") != "Parkhaus" {
		t.Errorf("hyphens leave %q and %q: %v", w.file.Get("site.vat_id"), w.file.Get("site.kiosk"), err)
	}
}

// TestATariffOfAFile is copied beside the configuration under a name of its own, and the one before stays.
func TestATariffOfAFile(t *testing.T) {
	path := placed(t, owned)
	own := filepath.Join(t.TempDir(), "t.json")
	for i, price := range []string{"0.59", "0.69"} {
		tariff := fmt.Sprintf(`{"currency":"EUR","tax_included":"YES","elements":[{"price_components":[`+
			`{"type":"ENERGY","price":%s,"vat":19}]}]}`, price)
		if err := os.WriteFile(own, []byte(tariff), 0o600); err != nil {
			t.Fatal(err)
		}
		if read, err := ran(t, "", Options{Path: path, Tariff: own}); !errors.Is(err, cli.ErrSilent) {
			t.Fatalf("%v\n%s", err, read)
		}
		c, err := config.Read(path)
		if err != nil || len(c.Bays) != 2 || c.Rules.Lease.Minutes() != 2 {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join(filepath.Dir(path), "tariff-*.json"))
		if err != nil || len(found) != i+1 {
			t.Errorf("%q are there, %v", found, err)
		}
		name := filepath.Join(filepath.Dir(path), strings.TrimSpace(strings.Split(strings.Split(content(t, path),
			"tariff: ")[1], "\n")[0]))
		if content(t, name) != tariff {
			t.Errorf("%s has %s", name, content(t, name))
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
}

// TestAPasswordIsKeptForItsOwnerAlone, and taken back where what came with it was refused.
func TestAPasswordIsKeptForItsOwnerAlone(t *testing.T) {
	path := placed(t, owned)
	secret := filepath.Join(filepath.Dir(path), "secrets", "terminal")
	w, read := wizardOf(t, path, "", Options{})
	if w.password() != "123456" {
		t.Errorf("the password is %q", w.password())
	}
	back, err := w.keepPassword("042042")
	if err != nil || content(t, secret) != "042042\n" || w.password() != "042042" {
		t.Fatalf("%v: %q", err, w.password())
	}
	for p, mode := range map[string]fs.FileMode{secret: 0o600, filepath.Dir(secret): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, %v", p, info.Mode(), err)
		}
	}
	if w.file.Get("terminal.password") != "" || w.file.Get("terminal.password_file") != "secrets/terminal" ||
		strings.Contains(read.String(), "042042") {
		t.Errorf("the file says %q, they read %s", w.file.Get("terminal.password"), read)
	}
	again, err := w.keepPassword("777777")
	if err != nil || content(t, secret) != "777777\n" {
		t.Fatal(err)
	}
	if err := again(); err != nil || content(t, secret) != "042042\n" {
		t.Errorf("taken back: %q, %v", content(t, secret), err)
	}
	if err := back(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(secret); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there was none before: %v", err)
	}
}

// interrupt is an input in the middle of which the host presses Ctrl-C.
type interrupt struct {
	io.Reader
	after  int // reads
	cancel context.CancelFunc
}

// Read reads one byte.
func (i *interrupt) Read(b []byte) (int, error) {
	i.after--
	if i.after == 0 {
		i.cancel()
	}
	return i.Reader.Read(b[:1])
}

// TestAnInterruptChangesNoFile: wherever it comes, of a site that is there everything stays, and of a new one there
// is nothing but a draft.
func TestAnInterruptChangesNoFile(t *testing.T) {
	const typed = "1 4\nHof\nWeg 2\n-\n+49 1\nAT\nEurope/Vienna\nEUR\nen\nrtc\nK1\n75\n0.59\n19\nyes\n"
	path := placed(t, owned)
	before := files(t, filepath.Dir(path))
	for after := 1; after < len(typed)-4; after += 3 {
		for _, there := range []bool{true, false} {
			ctx, cancel := context.WithCancel(t.Context())
			p, read := host("")
			at, text := path, typed
			if !there {
				at, text = filepath.Join(t.TempDir(), "kioskd.yaml"), typed[4:]
			}
			p.In = &interrupt{strings.NewReader(text), after, cancel}
			err := Run(ctx, p, Options{Path: at, Given: map[string]string{}, NoTest: true, From: 1, To: 1})
			cancel()
			if !errors.Is(err, context.Canceled) && !errors.Is(err, errEnded) {
				t.Fatalf("after %d reads: %v\n%s", after, err, read)
			}
			if there {
				untouched(t, filepath.Dir(at), before)
				continue
			}
			for name := range files(t, filepath.Dir(at)) {
				if name != "kioskd.yaml.draft" {
					t.Errorf("after %d reads there is %s", after, name)
				}
			}
		}
	}
}

// TestNonsenseIsNoAnswer: what can be no answer of any host is refused where it is given, by flag and by hand.
func TestNonsenseIsNoAnswer(t *testing.T) {
	for flag, values := range map[string][]string{"vat-id": {"nonsense", "DE", "12"}, "country": {"XX", "12", "Ä"},
		"vat": {"199", "100.5"}} {
		for _, value := range values {
			w, _ := wizardOf(t, placed(t, owned), "", Options{Given: map[string]string{flag: value}, Yes: true})
			_, err := w.answers(t.Context(), []string{partSite, partPrice})
			var usage cli.UsageError
			if !errors.As(err, &usage) {
				t.Errorf("--%s %q is taken: %v", flag, value, err)
			}
		}
	}
	for _, bay := range []string{"evse=1", "evse=DE*ABC", "evse=de*abc*e1"} {
		if _, _, _, err := parsePlan("number=1 meter=7 coil=0 plugged=0 feedback=1 " + bay); err == nil {
			t.Errorf("--bay %s is taken", bay)
		}
	}
	for _, bay := range []string{"number=2", "coil=1", "meter=8", "plugged=4"} {
		if _, _, _, err := parsePlan("number=1 meter=7 coil=0 plugged=0 feedback=1 " + bay); err == nil {
			t.Errorf("--bay says %s, and something else before it: it is taken", bay)
		}
	}
}

// TestEnterTakesNoOtherPrice: a driver would pay 980.00 EUR for 20 kWh. It keeps the one that was there.
func TestEnterTakesNoOtherPrice(t *testing.T) {
	for typed, want := range map[string]string{"49.00\n19\n\n": "0.49", "4.90\n19\n\n": "0.49", "\n7\n\n": "0.49",
		"0.59\n19\nyes\n": "0.59", "49.00\n19\n\n\n\n\n": "0.49"} {
		w, read := wizardOf(t, placed(t, owned), typed, Options{})
		err := w.price(t.Context())
		if w.onePrice("price") != want || err != nil && !errors.Is(err, errEnded) {
			t.Errorf("%q takes %s, %v:\n%s", typed, w.onePrice("price"), err, read)
		}
	}
}

// TestAPriceAloneChangesThePriceAlone: what a tariff says beside its one price stays, with the host's comments. A price
// before tax is none that the flag can mean.
func TestAPriceAloneChangesThePriceAlone(t *testing.T) {
	for name, x := range map[string]struct{ from, to string }{
		"an id":                  {"id: standard", "id: haus"},
		"a comment":              {"id: standard", "id: standard # since May"},
		"a comment at the price": {"    - price_components:", "    # what the council wants\n    - price_components:"},
		"a text":                 {"  elements:", "  tariff_alt_text: [{language: de, text: Hausstrom}]\n  elements:"},
		"a tax on top":           {`tax_included: "YES"`, `tax_included: "NO"`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(owned, x.from, x.to, 1)
			path := placed(t, text)
			if _, err := config.Read(path); err != nil || text == owned {
				t.Fatal(err)
			}
			read, err := ran(t, "", Options{Path: path, Given: map[string]string{"price": "0.59"}})
			want := strings.Replace(text, "price: 0.49", "price: 0.59", 1)
			var usage cli.UsageError
			if name == "a tax on top" {
				want = text
			}
			if content(t, path) != want || errors.As(err, &usage) != (want == text) {
				t.Errorf("%v\n%s\nit became\n%s", err, read, content(t, path))
			}
		})
	}
}

// TestADraftThatCannotBeReadIsNamed: the host learns which file stands in their way. A part of one that can is used.
func TestADraftThatCannotBeReadIsNamed(t *testing.T) {
	for _, draft := range []string{"site: [\n", "- a\n", "text\n", "~\n", "site: text\n"} {
		path := filepath.Join(t.TempDir(), "kioskd.yaml")
		if err := os.WriteFile(path+".draft", []byte(draft), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := ran(t, "Hof\n", Options{Path: path, From: 1, To: 1})
		if draft == "site: text\n" {
			w, _ := wizardOf(t, path, "", Options{})
			if no := w.file.FromDraft(); no != nil || w.file.Get("site.name") != "Hof" || !errors.Is(err, errEnded) {
				t.Errorf("%q: what was answered is %q, %v, %v", draft, w.file.Get("site.name"), err, no)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error()+read, path+".draft") {
			t.Errorf("%q: %v\n%s", draft, err, read)
		}
	}
}
