package screens

import (
	"slices"

	"kioskd/ui"
)

// languages offers each language by its own name.
func (pg *page) languages() {
	pg.dense = true
	pg.foot("back", plain, ui.Back, "")
	pg.block(pg.head(pg.t("languages.title")))
	var tiles []label
	for _, lang := range pg.v.Languages {
		l, at := pg.language(lang), len(tiles)
		if lang == pg.v.Language { // the present one first
			l.style, at = primary, 0
		}
		tiles = slices.Insert(tiles, at, l)
	}
	columns, rows := pg.arrange(tiles, 27)
	pg.block(grid{labels: pg.few(tiles, columns*rows), columns: columns, rowMM: target})
}

// language changes to a language.
func (pg *page) language(lang string) label {
	return label{text: pg.name(lang), tap: pg.act(ui.Language, lang)}
}

// name is a language's own name.
func (pg *page) name(lang string) string { return pg.all.Printer(lang).T("language.name") }
