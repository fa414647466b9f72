package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd/config"
	"kioskd/session"
)

// charger is a bay that is a charger's connector, behind those of least, and where chargers connect.
const charger = `  - number: 4
    max_power_w: 11000
    charger: {id: WB-1, connector: 2, password_file: charger.password}
ocpp:
  listen: tcp://0.0.0.0:8887
`

// withPassword is a folder with a charger's password, and the configuration in it.
func withPassword(t *testing.T, password string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "charger.password"), []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "kioskd.yaml")
}

func TestABayThatIsACharger(t *testing.T) {
	path := withPassword(t, "a-password-of-16")
	c, faults := readAt(t, path, least+charger)
	if c == nil {
		t.Fatal(faults)
	}
	b := c.Bays[1]
	if b.Charger == nil || *b.Charger != (config.Charger{ID: "WB-1", Connector: 2, Password: "a-password-of-16"}) ||
		c.OCPP.Listen != "0.0.0.0:8887" || c.OCPP.Sample != 10*time.Second {
		t.Errorf("%+v, %+v", b.Charger, c.OCPP)
	}
	if got := c.Rules.Chargers[4]; got != session.NewChargerRules(15*time.Minute, 10*time.Second) {
		t.Errorf("%+v", got)
	}
	if b.Charger == nil || !b.ChargerCounts() {
		t.Error("its charger does not count")
	}
	c, faults = readAt(t, path, changed(t, least+charger, "    charger:",
		"    meter: {model: B23, address: tcp://192.0.2.8:502, unit: 7}\n    charger:"))
	if c == nil || !c.Rules.Chargers[4].Metered || c.Bays[1].ChargerCounts() {
		t.Errorf("with a meter in front of it: %v", faults)
	}
	c, faults = readAt(t, path, least+charger+"  sample: 30s\ntimings: {charger_lost: 30m}\n")
	if c == nil || c.Rules.Chargers[4] != session.NewChargerRules(30*time.Minute, 30*time.Second) {
		t.Errorf("%v", faults)
	}
}

// TestWhatIsWrongWithACharger: each slip is one fault, in words that say what to do.
func TestWhatIsWrongWithACharger(t *testing.T) {
	path := withPassword(t, "a-password-of-16")
	for _, x := range []struct{ from, to, want string }{
		{"id: WB-1", "id: WB/1", "charger.id"},
		{"id: WB-1", "id: " + strings.Repeat("x", 49), "at most 48"},
		{"connector: 2", "connector: 0", "charger.connector"},
		{"password_file: charger.password", "password_file: nowhere", "nowhere"},
		{"password_file: charger.password", "security: 1", "security 1 needs a password_file"},
		{"connector: 2,", "connector: 2, security: 2,", "security 2 needs ocpp.listen: tls://"},
		{"connector: 2,", "connector: 2, security: 4,", "charger.security"},
		{"tcp://0.0.0.0:8887", "0.0.0.0:8887", "ocpp.listen"},
		{"tcp://0.0.0.0:8887", "ws://0.0.0.0:8887", "ocpp.listen"},
		{"tcp://0.0.0.0:8887", "tls://0.0.0.0:8887", "certificate and key are needed"},
		{"tcp://0.0.0.0:8887", "tcp://0.0.0.0:8887\n  clients: charger.password", "are for tls:// alone"},
		{"ocpp:\n  listen: tcp://0.0.0.0:8887\n", "", "ocpp.listen is missing"},
		{"listen: tcp://0.0.0.0:8887", "listen: tcp://0.0.0.0:8887\n  sample: 5m", "ocpp.sample"},
		{"  - number: 4", "  - number: 5\n    max_power_w: 11000\n    charger: {id: WB-1, connector: 2}\n  - number: 4",
			"connector 2 of charger WB-1"},
		{"    charger:", "    gpio: {contactor: GPIO17, plugged: GPIO27, feedback: GPIO22}\n    charger:",
			"want no board or gpio beside it"},
	} {
		_, faults := readAt(t, path, changed(t, least+charger, x.from, x.to))
		if len(faults) == 0 || !strings.Contains(strings.Join(faults, "\n"), x.want) {
			t.Errorf("%s: %q, want %q", x.to, faults, x.want)
		}
	}
	for password, want := range map[string]string{"short": "a password of 5 characters",
		strings.Repeat("x", 41): "a password of 41 characters"} {
		_, faults := readAt(t, withPassword(t, password), least+charger)
		if len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("%q", faults)
		}
	}
}
