package screens

import (
	"kioskd"
	"kioskd/ui"
)

// declined says why there is no payment, that nothing was reserved, and what to do.
func (pg *page) declined() {
	sign := map[string]string{string(kiosk.DeclinePIN): "pin", string(kiosk.DeclineIssuer): "bank",
		string(kiosk.DeclineHost): "bank", string(kiosk.DeclineNoCard): "clock"}[pg.v.Message]
	if sign == "" {
		sign = "card"
	}
	says := pg.warnBand(pg.t(pg.v.Key()))
	says.icon = sign
	pg.top = append(pg.top, says)
	if do := "declined.do." + pg.v.Message; pg.p.Has(do) {
		pg.block(pg.title(pg.t(do)))
	} else if pg.v.Again {
		pg.block(pg.title(pg.t("tap.again")))
	}
	pg.block(pg.tell(pg.t("declined.nothing")))
	if pg.v.Again {
		pg.foot("back", plain, ui.Back, "")
		pg.foot("declined.again", primary, ui.Again, "")
		pg.signs("card")
		return
	}
	pg.foot("back", primary, ui.Back, "")
}
