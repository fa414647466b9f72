package tell_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kioskd/config"
	"kioskd/hook"
	"kioskd/tell"
	"kioskd/ui/text"
)

// TestASecretThatCannotBeRead keeps no target out: the check names it, and what is sent says it, until it is mended.
func TestASecretThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "shop.secret")
	hooks := []config.WebHook{{Name: "shop", URL: "http://127.0.0.1:1/", Secret: path, Private: true}}
	mail := &config.Mail{Host: "127.0.0.1", Port: 1, TLS: hook.NoTLS, From: "k@example.com",
		To: []string{"h@example.com"},
		CA: filepath.Join(dir, "none.pem")}
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	from := tell.From{Site: "Car park", Zone: time.UTC, Language: "en", Texts: texts, Now: time.Now}
	targets := from.Targets(hooks, mail)
	if len(targets) != 2 {
		t.Fatalf("%+v", targets)
	}
	for _, content := range []string{"", "secret", "whsec_short"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := tell.Check(hooks, mail); err == nil || !strings.Contains(err.Error(), "webhooks: shop") ||
			!strings.Contains(err.Error(), "mail: ") {
			t.Errorf("%q: %v", content, err)
		}
		for _, to := range targets {
			if err := to.Send(t.Context(), []hook.Event{{ID: "evt_1"}}); err == nil {
				t.Errorf("%q: %s was told", content, to.Name)
			}
		}
	}
	if err := os.WriteFile(path, []byte("whsec_"+strings.Repeat("YWFh", 8)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tell.Check(hooks, nil); err != nil {
		t.Error(err)
	}
}
