package screens

import "kioskd/ui"

// owner asks whose session it is: by stop code or by card.
func (pg *page) owner() {
	head := pg.title(pg.t("owner.title", "N", pg.v.Bay))
	if pg.v.Message == "locked" {
		pg.side = numeral{pg.v.Bay, 21}
		pg.block(pg.warnBand(pg.t(pg.v.Key())), pg.tell(pg.t("wait.used")))
		if pg.v.Helpline != "" {
			pg.block(pg.say(pg.t("help.call", "Phone", pg.v.Helpline)))
		}
		pg.foot("back", primary, ui.Back, "")
		return
	}
	if pg.v.Message == "asked" {
		pg.side = numeral{pg.v.Bay, 21}
		pg.block(pg.title(pg.t(pg.v.Key())))
		pg.foot("back", primary, ui.Back, "")
		return
	}
	pg.foot("back", plain, ui.Back, "")
	if pg.v.ByCard {
		pg.foot("owner.card", plain, ui.ShowCard, "")
	}
	head.nice = true
	says := words{s: pg.t(pg.v.Key(), "N", pg.v.Bay), em: body, color: pg.ink,
		nice: pg.v.Access.Large && pg.v.Message == ""}
	if pg.v.Message != "" {
		says.bold = true
	}
	pg.ask(pg.digits(label{}), pg.asked(head, says, entered{pg.v.Digits, 4}, pg.v.Message != "")...)
}
