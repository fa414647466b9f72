package screens

import "kioskd/ui"

// owner asks whose session it is: by stop code or by card.
func (pg *page) owner() {
	switch pg.v.Message {
	case "locked":
		pg.block(pg.warnBand(pg.t(pg.v.Key())), pg.tell(pg.t("wait.used")))
		if pg.v.Helpline != "" {
			pg.block(pg.say(pg.t("help.call", "Phone", pg.v.Helpline)))
		}
	case "asked":
		pg.block(pg.title(pg.t(pg.v.Key())))
	default:
		pg.ownCode()
		return
	}
	pg.side = pg.numeral(21)
	pg.foot("back", primary, ui.Back, "")
}

// ownCode takes the stop code.
func (pg *page) ownCode() {
	pg.foot("back", plain, ui.Back, "")
	if pg.v.ByCard {
		pg.foot("owner.card", plain, ui.ShowCard, "")
	}
	pg.askCode(pg.digits(label{}), pg.t("owner.title", "N", pg.v.Bay), entered{pg.v.Digits, 4})
}
