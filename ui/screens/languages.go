package screens

import (
	"cmp"
	"slices"

	"kioskd/ui"
)

// languages offers each language by its own name.
func (pg *page) languages() {
	pg.dense = true
	pg.foot("back", plain, ui.Back, "")
	head := pg.title(pg.t("languages.title"))
	head.nice = true
	pg.block(head)
	var tiles []label
	all := slices.Clone(pg.v.Languages)
	slices.SortStableFunc(all, func(a, b string) int { // the present one first
		return cmp.Compare(present(b, pg.v.Language), present(a, pg.v.Language))
	})
	for _, lang := range all {
		l := label{text: pg.name(lang), tap: pg.act(ui.Language, lang)}
		if lang == pg.v.Language {
			l.style = primary
		}
		tiles = append(tiles, l)
	}
	columns, rows := pg.arrange(tiles, 27)
	pg.block(grid{labels: pg.few(tiles, columns*rows), columns: columns, rowMM: target})
}

func present(lang, now string) int {
	if lang == now {
		return 1
	}
	return 0
}

// name is a language's own name.
func (pg *page) name(lang string) string { return pg.all.Printer(lang).T("language.name") }
