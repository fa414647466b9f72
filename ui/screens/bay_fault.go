package screens

import (
	"kioskd"
	"kioskd/ui"
)

// bayFault says why a bay cannot be used.
func (pg *page) bayFault() {
	pg.side = pg.numeral(21)
	says := pg.warnBand(pg.t("bay_fault.title", "N", pg.v.Bay))
	if pg.v.Fault == kiosk.FaultContactorStuck || pg.v.Fault == kiosk.FaultEmergencyStop {
		says = pg.alarmBand(says.s)
	}
	pg.top = append(pg.top, says)
	pg.block(words{s: pg.t(pg.v.Key()), em: lead, color: pg.ink}, pg.tell(pg.t("bay_fault.nothing")),
		pg.note(string(pg.v.Fault)))
	pg.foot("back", primary, ui.Back, "")
}
