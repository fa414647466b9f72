package kiosk_test

import (
	"testing"

	"kioskd"
)

// TestACardIsKnownAcrossKeys: a key is replaced while a card's session runs.
func TestACardIsKnownAcrossKeys(t *testing.T) {
	old, now, next := []byte("old"), []byte("now"), []byte("next")
	token := func(item string, keys ...[]byte) string { return kiosk.CardToken(keys, []byte(item)) }
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"one key":                      {token("A", old), token("A", old), true},
		"replaced":                     {token("A", old), token("A", now, old), true},
		"replaced, another card":       {token("A", old), token("B", now, old), false},
		"replaced, the other way":      {token("A", now, old), token("A", old), true},
		"replaced again":               {token("A", now, old), token("A", next, now), true},
		"replaced twice":               {token("A", old), token("A", next, now), false},
		"no card":                      {"", "", false},
		"no key":                       {token("A"), token("A"), false},
		"one names none":               {token("A", old), "", false},
		"cut":                          {token("A", old), token("A", old)[:16], false},
		"an empty part is of no card":  {token("A", old) + ".", token("B", old) + ".", false},
		"an empty part, the other way": {".", token("B", old) + ".", false},
	} {
		if got := kiosk.SameCard(c.a, c.b); got != c.same {
			t.Errorf("%s: %q and %q: %v", name, c.a, c.b, got)
		}
	}
}
