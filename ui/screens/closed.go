package screens

import "kioskd/ui"

// closed is for a kiosk that sells nothing now.
func (pg *page) closed() {
	pg.outage("cross", "closed.title", pg.t(pg.v.Key()))
}

// outage says what is wrong, what it means for a driver who charges, and whom to call.
func (pg *page) outage(sign, key, why string) {
	says := pg.warnBand(pg.t(key))
	says.icon, says.em = sign, title
	pg.top = append(pg.top, says)
	pg.block(words{s: why, em: lead, color: pg.ink})
	for _, b := range pg.v.Bays {
		if b.State == ui.BayInUse {
			pg.block(pg.tell(pg.t("closed.charging")))
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
