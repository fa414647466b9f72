package screens

import "kioskd/ui"

// closed is for a kiosk that sells nothing now.
func (pg *page) closed() {
	pg.side = pg.sign("cross", pg.warning)
	pg.outage("closed.title", pg.t(pg.v.Key()))
}

// outage says what is wrong, what it means for a driver who charges, and whom to call.
func (pg *page) outage(key, why string) {
	pg.danger()
	pg.block(pg.title(pg.t(key)), pg.say(why))
	for _, b := range pg.v.Bays {
		if b.State == ui.BayInUse {
			pg.block(pg.money(pg.t("closed.charging")))
			break
		}
	}
	if pg.v.Fault != "" {
		pg.block(pg.note(string(pg.v.Fault)))
	}
	if pg.v.Later {
		pg.foot("receipts.button", plain, ui.Open, string(ui.Receipts))
	}
}
