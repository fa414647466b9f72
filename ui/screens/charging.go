package screens

import (
	"cmp"

	"kioskd/ui"
)

// charging shows what was delivered and what it costs, so far.
func (pg *page) charging() {
	pg.block(pg.title(pg.t("charging.title", "N", pg.v.Bay)))
	if key := pg.v.Key(); key != "charging.title" {
		pg.block(pg.say(pg.t(key)))
	}
	pg.meters()
	pg.stopCode()
	pg.block(pg.note(pg.t("charging.unplug")))
	pg.foot("charging.others", plain, ui.Back, "")
	pg.foot("charging.stop", danger, ui.Stop, "")
}

// idle warns whose vehicle takes no more energy, before it costs something.
func (pg *page) idle() {
	fee := ""
	if pg.v.Idle != nil {
		fee = pg.p.Decimal(pg.v.Idle.Amount, pg.v.Hold.Currency)
	}
	pg.block(pg.title(pg.t("idle.title")))
	w := pg.say(pg.t(pg.v.Key(), "N", (pg.v.IdleFree+59)/60, "Amount", fee))
	w.bold, w.color = true, pg.warning
	do := pg.say(pg.t("idle.do"))
	do.bold, do.nice = true, pg.v.Access.Large
	pg.block(w, do, lesser{pg.sofar()})
	pg.stopCode()
	pg.foot("charging.others", plain, ui.Back, "")
	pg.foot("charging.stop", danger, ui.Stop, "")
}

// sofar is what was delivered and what it costs.
func (pg *page) sofar() figures {
	return figures{{pg.t("charging.energy"), pg.p.Energy(pg.v.Energy, 2)},
		{pg.t("charging.cost"), pg.p.Money(pg.v.Cost)}}
}

// meters has the figures of a session, and how much of its limit is used.
func (pg *page) meters() {
	pg.block(pg.sofar(),
		lesser{figures{{pg.t("charging.power"), pg.p.Power(pg.v.Power)},
			{pg.t("charging.time"), pg.p.Duration(pg.v.Elapsed)}}})
	used, of := pg.v.Cost.Minor, pg.v.Approved.Minor
	switch l := pg.v.Limit; {
	case l.Cost.Minor > 0:
		of = l.Cost.Minor
	case l.Energy > 0:
		used, of = int64(pg.v.Energy), int64(l.Energy)
	}
	if of > 0 {
		limit := pg.note(pg.t("charging.limit", "Amount", cmp.Or(pg.limit(pg.v.Limit), pg.p.Money(pg.v.Approved))))
		limit.nice = pg.v.Access.Large
		pg.block(progress{used * 1000 / of}, limit)
	}
}
