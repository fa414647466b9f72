package screens

import "kioskd/ui"

// access lets a visitor choose how they are shown and told.
func (pg *page) access() {
	head := pg.title(pg.t("access.title"))
	head.nice = pg.v.Access.Large
	pg.block(head)
	toggle := func(key string, on bool, k ui.InputKind, icon string) label {
		l := label{text: pg.t(key), under: pg.t("access.off"), icon: icon, tap: pg.act(k, "on")}
		if on {
			l.under, l.style, l.tap = pg.t("access.on"), primary, pg.act(k, "off")
		}
		return l
	}
	labels := []label{toggle("access.large", pg.v.Access.Large, ui.SetLarge, "access")}
	if !pg.mute {
		labels = append(labels, toggle("access.speech", pg.v.Access.Speech, ui.Speak, "speaker"))
	}
	high := float32(target + 6)
	if pg.v.Access.Large {
		high = 36
	}
	if say := pg.local.say; say != nil && pg.v.Access.Speech && !pg.portrait() {
		labels = append(labels, label{text: pg.t("access.repeat"), icon: "speaker", tap: touch{run: say}})
	}
	pg.block(grid{labels: labels, columns: len(labels), rowMM: min(high, pg.rowRoom(1)), stretch: true})
	pg.foot("back", primary, ui.Back, "")
}
