package kiosk_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath  string
	Doc         string
	Imports     []string
	Deps        []string
	TestGoFiles []string
}

func packages(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,Deps", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]pkg{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// TestArrows keeps the rooms of the house apart. Each rule has its reason.
func TestArrows(t *testing.T) {
	all := packages(t)
	if len(all) < 15 {
		t.Fatalf("found %d packages only", len(all))
	}
	for _, rule := range []struct {
		from   string   // prefix of import paths, $ at the end for the package alone
		except []string // that may
		never  []string // prefixes of what they must not reach
		deep   bool     // over others, too
		why    string
	}{
		{"kioskd$", nil, []string{"kioskd/", "github.com/", "golang.org/", "fyne.io/"}, true,
			"the nouns import the standard library only"},
		{"kioskd/session", nil, []string{"kioskd/terminal", "kioskd/meter", "kioskd/hw", "kioskd/store", "kioskd/ui",
			"kioskd/modbus", "net/http", "database/sql"}, true,
			"what is decided knows no device, no store and no screen"},
		{"kioskd/tariff", nil, []string{"kioskd/session", "os", "net", "log/slog"}, false, "a cost is pure"},
		{"kioskd/terminal", nil, []string{"kioskd/meter", "kioskd/hw", "kioskd/store", "kioskd/modbus",
			"kioskd/session"}, true, "devices never import each other"},
		{"kioskd/meter", nil, []string{"kioskd/terminal", "kioskd/hw", "kioskd/store", "kioskd/session"}, true,
			"devices never import each other"},
		{"kioskd/meter/model", nil, []string{"kioskd/modbus", "kioskd/line", "net"}, true,
			"what is known of meters asks none"},
		{"kioskd/meter/ocmf", nil, []string{"kioskd/", "net"}, true, "a record is judged without its meter"},
		{"kioskd/meter/sign", nil, []string{"kioskd/modbus", "kioskd/session", "net/http"}, true,
			"what a meter is told to sign does not depend on its line"},
		{"kioskd/meter/dcbm", nil, []string{"kioskd/modbus", "kioskd/line", "kioskd/meter/model"}, true,
			"a meter that speaks HTTP has no line"},
		{"kioskd/strict", nil, []string{"kioskd/", "os"}, false, "a text is read without knowing what it is for"},
		{"kioskd/hw", nil, []string{"kioskd/terminal", "kioskd/meter", "kioskd/store", "kioskd/session"}, true,
			"devices never import each other"},
		{"kioskd/ocpp", nil, []string{"kioskd/terminal", "kioskd/meter", "kioskd/hw", "kioskd/modbus", "kioskd/store",
			"kioskd/session", "kioskd/ui", "kioskd/backoffice"}, true,
			"a charger is a device: it knows no other, and not what is decided"},
		{"kioskd/store", nil, []string{"kioskd/terminal", "kioskd/meter", "kioskd/hw", "kioskd/session"}, true,
			"the journal does not know what it remembers"},
		{"kioskd/backoffice$", nil, []string{"kioskd/terminal", "kioskd/meter", "kioskd/hw", "kioskd/modbus",
			"kioskd/store", "kioskd/session", "kioskd/ui", "database/sql"}, true,
			"what carries records knows no device and no store"},
		{"kioskd", []string{"kioskd/ui/screens", "kioskd/cmd/kioskd-ui", "kioskd/scripts/screen"}, []string{"fyne.io/"},
			true, "kioskd must start without a display library"},
		{"kioskd/config", nil, []string{"kioskd/store", "kioskd/simulator", "kioskd/audit"}, true,
			"a configuration is read without a site"},
		{"kioskd/api", nil, []string{"kioskd/terminal", "kioskd/meter", "kioskd/hw", "kioskd/modbus", "kioskd/store",
			"kioskd/session", "kioskd/site"}, true, "an API knows no device"},
		{"kioskd/web", nil, []string{"kioskd/terminal", "kioskd/meter/", "kioskd/hw", "kioskd/modbus", "kioskd/site",
			"kioskd/config", "database/sql"}, false, "a host's page knows a site by what it asks, and no device"},
		{"kioskd/hook", nil, []string{"kioskd/terminal", "kioskd/hw", "kioskd/modbus", "kioskd/site", "kioskd/config",
			"kioskd/web"}, true, "who is told knows no site"},
		{"kioskd/report", nil, []string{"kioskd/terminal", "kioskd/hw", "kioskd/modbus", "kioskd/site", "kioskd/config",
			"net/http"}, true, "reports are made of journals alone"},
		{"kioskd/site", nil, []string{"kioskd/simulator", "kioskd/audit", "kioskd/cmd"}, true,
			"a site that sells simulates nothing"},
		{"kioskd/setup", nil, []string{"kioskd/simulator", "kioskd/audit"}, true, "a wizard meets real devices"},
		{"kioskd", []string{"kioskd/simulator", "kioskd/simulator/town", "kioskd/cmd/kiosksim"},
			[]string{"kioskd/simulator", "kioskd/audit"},
			true, "what sells links no simulated world, and not its own judge"},
		{"kioskd", []string{"kioskd/store", "kioskd/backoffice/receiver"},
			[]string{"database/sql", "github.com/mattn/go-sqlite3"}, false, "SQL stays in the store"},
		{"kioskd", []string{"kioskd/cmd/kioskd", "kioskd/cmd/kioskd-ui", "kioskd/cmd/kiosksim", "kioskd/cli"},
			[]string{"flag", "github.com/spf13"}, false, "flags stay in cmd"},
	} {
		matched := false
		for path, p := range all {
			alone, exact := strings.CutSuffix(rule.from, "$")
			if exact && path != alone || !exact && path != rule.from && !strings.HasPrefix(path, rule.from+"/") ||
				has(rule.except, path) {
				continue
			}
			matched = true
			reached := p.Imports
			if rule.deep {
				reached = p.Deps
			}
			for _, dep := range reached {
				for _, never := range rule.never {
					if dep == never || strings.HasSuffix(never, "/") && strings.HasPrefix(dep, never) ||
						strings.HasPrefix(dep, never+"/") {
						t.Errorf("%s reaches %s: %s", path, dep, rule.why)
					}
				}
			}
		}
		if !matched {
			t.Errorf("rule for %s matches no package", rule.from)
		}
	}
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for path, p := range packages(t) {
		if len(strings.Fields(p.Doc)) < 5 {
			t.Errorf("%s has no package documentation", path)
		}
	}
}
