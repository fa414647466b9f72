package hook_test

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kioskd"
	"kioskd/hook"
)

// TestASilenceIsTold of the kiosk that is silent, and of no other.
func TestASilenceIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, to := &journal{}, &told{}
		x := teller(t, j, filepath.Join(t.TempDir(), "told"), hook.Target{Name: "a", Send: to.Send, Most: 10,
			Types: []string{kiosk.ToldSilent, kiosk.ToldHeard}})
		during(t, x, 10*time.Minute, func() {
			for _, kind := range []string{hook.KioskSilent, hook.KioskHeard} {
				j.mu.Lock()
				j.records = append(j.records, kiosk.Record{Seq: int64(len(j.records) + 1), Kind: kind, Wall: time.Now(),
					Body: []byte(`{"kiosk_id":"K-1","since":"2026-03-02T12:00:00Z"}`)})
				j.mu.Unlock()
			}
		})
		if got := strings.Join(to.types(), " "); got != "kiosk.silent kiosk.heard" {
			t.Fatalf("it was told %q", got)
		}
		want := hook.Silence{Kiosk: "K-1", Since: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
		for _, e := range to.taken {
			if e.Kiosk != "K-1" || e.Data != want {
				t.Errorf("%+v", e)
			}
		}
	})
}
