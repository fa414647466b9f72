package report

// definition is a figure with its formula, which is printed with it.
type definition struct{ key, formula string }

// definitions are all figures. Readings are journaled every ten seconds: no time to first energy is finer.
var definitions = []definition{
	{"payment_success", "attempts with a confirmed hold / (attempts - cancelled by the driver - no card " +
		"shown - declined by the issuer)"},
	{"issuer_declines", "attempts that the issuer declined / attempts"},
	{"pin_needed", "attempts that ended because the card needs a PIN / attempts"},
	{"no_card", "attempts without a card / attempts"},
	{"cancelled", "attempts that the driver cancelled / attempts"},
	{"charge_start_success", "sessions with energy at most 5 min after the vehicle was connected / " +
		"sessions with a confirmed hold and a vehicle"},
	{"never_plugged", "sessions without a vehicle / sessions with a confirmed hold"},
	{"charge_start_time_median", "hold confirmed to first energy as readings are journaled, without " +
		"waiting for the vehicle; median"},
	{"charge_start_time_p90", "the same; 90th percentile"},
	{"touch_to_energy_median", "bay chosen to first energy; median"},
	{"charge_end_success", "sessions ended by driver, vehicle or limit / sessions with energy, but those " +
		"that the operator stopped"},
	{"session_success", "sessions that started and ended well, were settled to the cent and have a " +
		"receipt / sessions with a confirmed hold"},
	{"charging_success_rate", "attempts whose charging started and ended well / (attempts - declined by " +
		"the issuer); after NOW GmbH (2026), whose thresholds were not at hand"},
	{"visit_success", "visits with a successful session / visits; a visit is the attempts at the screen " +
		"that follow a failed one within 5 min"},
	{"settled_within_60s", "holds captured or released at most 60 s after the end / holds captured or " +
		"released"},
	{"open_hold_age_p99", "age of holds whose session ended and that are neither captured nor released; " +
		"99th percentile"},
	{"open_holds_over_1h", "such holds that are older than an hour"},
	{"availability", "seconds without a fault that stops the bay or the site / seconds, but those in " +
		"which the host had closed the bay"},
	{"uptime", "seconds without a fault that stops the bay or the site, closed by the host with them / " +
		"seconds"},
	{"occupied", "seconds under a hold / seconds"},
	{"charging", "seconds with the contactor closed / seconds"},
	{"time_to_repair_mean", "mean duration of faults that stopped sales for a minute or longer and are " +
		"over"},
	{"time_to_repair_median", "the same; median"},
	{"faults_per_1000_sessions", "faults that stopped sales for a minute or longer / sessions with a " +
		"confirmed hold x 1000"},
	{"first_time_fixes", "such faults that did not come again within 24 h / such faults that are over"},
	{"visits", "times that the screen was touched while no visitor was at it"},
	{"turned_away", "visits while no bay was free / visits"},
	{"price_not_accepted", "visitors who left the price / bays that were chosen"},
	{"larger_text", "times that larger text was asked for / visits"},
	{"other_language", "times that another language was chosen / visits"},
	{"touches_per_sale", "touches / sessions that were paid"},
	{"left_bays", "visitors who left the choice of a bay"},
	{"left_price", "visitors who left the price"},
	{"left_tap", "visitors who left while the terminal waited for a card"},
	{"left_declined", "visitors who left after their card was declined"},
}

// formula is that of a figure.
func formula(key string) string {
	for _, d := range definitions {
		if d.key == key {
			return d.formula
		}
	}
	panic("figure " + key + " has no definition")
}
