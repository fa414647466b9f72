package screens

import (
	"slices"
	"testing"

	"fyne.io/fyne/v2/test"
)

// TestJapaneseIsBrokenAtPhrases: never inside of a word, where the phrase has room.
func TestJapaneseIsBrokenAtPhrases(t *testing.T) {
	t.Cleanup(test.NewApp().Quit)
	f := font{20, false, extents{}}
	ja := script{lang: "ja"}
	for text, want := range map[string][]string{
		"カードを差し込むか、スマホをお使いください": {"カードを", "差し込むか、", "スマホを", "お使いください"},
		"銀行に50円の仮押さえを依頼しています":   {"銀行に", "50円の", "仮押さえを", "依頼しています"},
		"もう一度カードをかざさないでください":    {"もう", "一度カードを"},
	} {
		got := f.parts(text, ja, 400)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%q is broken as %q, want %q", text, got, want)
				break
			}
		}
		for _, part := range got {
			if len([]rune(part)) == 1 {
				t.Errorf("%q is broken as %q", text, got)
			}
		}
	}
	if got := f.parts("スマホをお使いください", ja, 40); len(got) < 5 {
		t.Errorf("where a phrase has no room it is not broken: %q", got)
	}
}
