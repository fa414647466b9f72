package screens

import "kioskd/ui"

// languages offers each language by its own name.
func (pg *page) languages() {
	pg.dense = true
	pg.foot("back", plain, ui.Back, "")
	head := pg.title(pg.t("languages.title"))
	head.nice = true
	pg.block(head)
	var tiles []label
	for _, lang := range pg.v.Languages {
		l := label{text: pg.name(lang), tap: pg.act(ui.Language, lang)}
		if lang == pg.v.Language {
			l.style = primary
		}
		tiles = append(tiles, l)
	}
	columns, rows := pg.arrange(tiles, 27)
	pg.block(grid{labels: pg.few(tiles, columns*rows), columns: columns, rowMM: target})
}

// name is a language's own name.
func (pg *page) name(lang string) string { return pg.all.Printer(lang).T("language.name") }
