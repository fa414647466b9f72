package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// csms is an operator's central system, behind the rest of a configuration.
const csms = `csms:
  url: wss://csms.example/ocpp
  password_file: csms.password
  remote_start: true
  log_hosts: [logs.example]
`

// withKiosk is a configuration with a name of the kiosk.
func withKiosk(t *testing.T) string {
	t.Helper()
	return strings.Replace(least, "site:\n", "site:\n  kiosk: K-0042\n", 1)
}

func TestAnOperator(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "csms.password"), []byte("secret-of-the-station\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kioskd.yaml")
	c, faults := readAt(t, path, withKiosk(t)+csms)
	if c == nil || c.CSMS == nil {
		t.Fatal(faults)
	}
	o := c.CSMS
	if o.URL.String() != "wss://csms.example/ocpp" || o.Password != "secret-of-the-station" || !o.RemoteStart ||
		len(o.LogHosts) != 1 || o.Identity != "" {
		t.Errorf("%+v", o)
	}
	for _, x := range []struct{ from, to, want string }{
		{"wss://csms.example/ocpp", "https://csms.example/ocpp", "want wss://HOST/PATH"},
		{"wss://csms.example/ocpp", "wss://csms.example/ocpp?x=1", "want wss://HOST/PATH"},
		{"  password_file: csms.password", "  password_file: nowhere", "nowhere"},
		{"  remote_start: true", "  remote_start: perhaps", "want true or false"},
		{"  log_hosts: [logs.example]", "  log_hosts: logs.example", "want a list"},
		{"  log_hosts: [logs.example]", "  identity: K/1", "csms.identity"},
		{"  log_hosts: [logs.example]", "  certificate: csms.password", "belong together"},
		{"wss://csms.example/ocpp", "ws://csms.example/ocpp\n  ca: csms.password", "for wss:// alone"},
		{"  kiosk: K-0042\n", "", "site.kiosk must name this kiosk"},
	} {
		_, faults := readAt(t, path, changed(t, withKiosk(t)+csms, x.from, x.to))
		if len(faults) == 0 || !strings.Contains(strings.Join(faults, "\n"), x.want) {
			t.Errorf("%s: %q, want %q", x.to, faults, x.want)
		}
	}
}
