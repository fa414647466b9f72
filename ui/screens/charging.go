package screens

import "kioskd/ui"

// charging shows what was delivered and what it costs, so far.
func (pg *page) charging() {
	if pg.v.Cut != nil {
		pg.cutOff()
		return
	}
	plate := pg.numeral(21)
	plate.flows = pg.v.Power > 0
	pg.side = plate
	pg.block(hero{name: pg.t("charging.cost"), value: pg.p.Money(pg.v.Cost), em: 22, color: pg.accent})
	if key := pg.v.Key(); key != "charging.title" {
		pg.block(pg.say(pg.t(key)))
	}
	energy := figure{pg.t("charging.energy"), pg.p.Energy(pg.v.Energy, 2)}
	power := figure{pg.t("charging.power"), pg.p.Power(pg.v.Power)}
	elapsed := figure{pg.t("charging.time"), pg.p.Lasting(pg.v.Elapsed)}
	if pg.v.Access.Large {
		pg.block(figures{energy}, lesser{figures{power, elapsed}})
	} else {
		pg.block(figures{energy, power, elapsed})
	}
	pg.ownLimit()
	pg.stopCode()
	how := pg.say(pg.t("charging.unplug"))
	how.nice, how.color = pg.v.Access.Large, pg.soft
	pg.block(how)
	pg.foot("charging.stop", danger, ui.Stop, "")
	pg.foot("charging.others", primary, ui.Back, "")
	pg.signs("stop", "back")
}

// ownLimit shows how much of the limit is used that the driver set.
func (pg *page) ownLimit() {
	used, of := pg.v.Cost.Minor, pg.v.Limit.Cost.Minor
	if pg.v.Limit.Energy > 0 {
		used, of = int64(pg.v.Energy), int64(pg.v.Limit.Energy)
	}
	if of > 0 {
		pg.block(progress{used * 1000 / of}, pg.note(pg.t("charging.limit", "Amount", pg.limit(pg.v.Limit))))
	}
}

// cutOff says what a driver pays whose charger cannot be reached.
func (pg *page) cutOff() {
	pg.side = pg.numeral(21)
	says := pg.warnBand(pg.t("fault.CH001.driver"))
	until := pg.t("charging.lost", "Time", pg.p.Clock(pg.v.Cut.Until), "Amount", pg.p.Money(pg.v.Cut.Most))
	if pg.v.Access.Large { // one band of both is higher than a leaf below an alarm
		pg.top = append(pg.top, says)
		pg.block(pg.say(until))
		pg.stopCode()
		pg.block(lesser{pg.sofar()})
	} else {
		says.under = until
		pg.top = append(pg.top, says)
		pg.stopCode()
		pg.block(pg.sofar())
	}
	pg.foot("charging.stop", danger, ui.Stop, "")
	pg.foot("charging.others", primary, ui.Back, "")
	pg.signs("stop", "back")
}

// idle warns a driver whose vehicle takes no more energy, before it costs something.
func (pg *page) idle() {
	pg.side = pg.numeral(21)
	fee := ""
	if pg.v.Idle != nil {
		fee = pg.p.Decimal(pg.v.Idle.Amount, pg.v.Hold.Currency)
	}
	says := pg.warnBand(pg.t("idle.title"))
	says.under = pg.t("idle.do")
	pg.top = append(pg.top, says)
	w := pg.say(pg.t(pg.v.Key(), "N", (pg.v.IdleFree+59)/60, "Amount", fee))
	w.bold = true
	pg.block(w)
	if pg.v.Access.Large {
		pg.top[len(pg.top)-1] = pg.warnBand(pg.t("idle.title"))
		pg.block(pg.sofar()[:1], lesser{pg.sofar()[1:]})
	} else {
		pg.block(pg.sofar())
	}
	pg.stopCode()
	pg.foot("charging.stop", danger, ui.Stop, "")
	pg.foot("charging.others", primary, ui.Back, "")
	pg.signs("stop", "back")
}

// sofar is what was delivered and what it costs.
func (pg *page) sofar() figures {
	return figures{{pg.t("charging.cost"), pg.p.Money(pg.v.Cost)},
		{pg.t("charging.energy"), pg.p.Energy(pg.v.Energy, 2)}}
}
