package kiosk

// Types of what others are told, by web hooks and by e-mail.
const (
	ToldStarted   = "session.started"   // the meter's first register was read
	ToldEnded     = "session.ended"     // the meter's last register was read, or no energy flowed
	ToldSettled   = "session.settled"   // what was to be paid was taken, the rest given back
	ToldUnsettled = "session.unsettled" // a person must look where its money is
	ToldRefunded  = "session.refunded"
	ToldRaised    = "fault.raised"
	ToldCleared   = "fault.cleared"
	ToldTariff    = "tariff.changed"
	ToldDaily     = "report.daily" // after the end of the site's day
	ToldSilent    = "kiosk.silent" // nothing was heard of a kiosk for longer than it may be
	ToldHeard     = "kiosk.heard"  // again
	ToldTest      = "test"         // on request alone
)

// ToldByOffice lists what a back office tells of, but the test.
func ToldByOffice() []string { return []string{ToldSilent, ToldHeard, ToldDaily} }

// Told lists what a kiosk tells of, but the test.
func Told() []string {
	return []string{ToldStarted, ToldEnded, ToldSettled, ToldUnsettled, ToldRefunded, ToldRaised, ToldCleared,
		ToldTariff, ToldDaily}
}
