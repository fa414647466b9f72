package site

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kioskd"
	"kioskd/csms"
	"kioskd/session"
)

// variables are the device model of the kiosk (OCPP 2.1, part 2, appendices).
func (o *operator) variables() []csms.Variable {
	out := o.payment()
	out = append(out, o.tariffAndCost()...)
	out = append(out, webPayments()...)
	out = append(out, o.communication()...)
	out = append(out, o.transactions()...)
	return append(out, o.places()...)
}

// always is a value that does not change.
func always(text string) func() string { return func() string { return text } }

// fixed is a variable that can be read alone.
func fixed(component, name, kind, value string) csms.Variable {
	return csms.Variable{Component: component, Name: name, Type: kind, Value: always(value)}
}

// in is a variable with an instance.
func in(instance string, v csms.Variable) csms.Variable { v.Instance = instance; return v }

// boolean checks true and false.
func boolean(value string) error {
	if value != "true" && value != "false" {
		return errors.New("want true or false")
	}
	return nil
}

// never is a switch that stays off, and why.
func never(why string) func(string) error {
	return func(value string) error {
		if value != "false" {
			return errors.New(why)
		}
		return nil
	}
}

// whole checks a whole number.
func whole(least, most int) func(string) error {
	return func(value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < least || n > most {
			return fmt.Errorf("want a whole number from %d to %d", least, most)
		}
		return nil
	}
}

// payment is PaymentCtrlr (C18 to C25).
func (o *operator) payment() []csms.Variable {
	const c = "PaymentCtrlr"
	site := o.s.c.Site
	problem := func() string {
		for at := range o.s.control.Snapshot().State.Faults {
			switch at.Code {
			case kiosk.FaultTerminalUnreachable, kiosk.FaultTerminalOther, kiosk.FaultTerminalNoHost:
				return "true"
			}
		}
		return "false"
	}
	connected := func() string { return strconv.FormatBool(problem() == "false") }
	hold := func() string { return o.s.c.Hold.Decimal() }
	return []csms.Variable{
		fixed(c, "Enabled", "boolean", "true"),
		{Component: c, Name: "Problem", Type: "boolean", Value: problem},
		{Component: c, Name: "Connected", Type: "boolean", Value: connected},
		{Component: c, Name: "AuthorizeDirectPayment", Type: "boolean", Default: "false", Check: boolean},
		{Component: c, Name: "AuthorizationAmount", Type: "decimal", Unit: string(o.s.c.Currency), Value: hold},
		{Component: c, Name: "PaymentDetails", Type: "MemberList", Values: "PaymentBrand,ReadingMethod,CardLast4Digits",
			Value: always("PaymentBrand,ReadingMethod,CardLast4Digits")},
		{Component: c, Name: "SettlementByCSMS", Type: "boolean", Default: "false",
			Check: never("the terminal holds the money: the kiosk captures, and nobody else may")},
		{Component: c, Name: "ReceiptByCSMS", Type: "boolean", Default: "false",
			Check: never("the kiosk makes the receipt, which rests on its journal")},
		fixed(c, "ReceiptServerUrl", "string", o.s.c.Receipts.Page),
		in("Name", fixed(c, "Merchant", "string", site["name"])),
		in("Address", fixed(c, "Merchant", "string", site["address"])),
		in("City", fixed(c, "Merchant", "string", "")),
		in("TaxId", fixed(c, "Merchant", "string", site["vat_id"])),
		in("Id", fixed(c, "Merchant", "string", o.s.c.KioskID)),
		fixed(c, "TerminalID", "string", o.s.c.Rules.TerminalID),
		fixed(c, "PaymentServiceProvider", "string", ""),
		fixed(c, "VendorName", "string", ""), fixed(c, "Model", "string", "ZVT"),
		fixed(c, "SerialNumber", "string", ""), fixed(c, "FirmwareVersion", "string", ""),
		fixed(c, "IMSI", "string", ""), fixed(c, "ICCID", "string", ""),
	}
}

// tariffAndCost is TariffCostCtrlr (I07 to I12).
func (o *operator) tariffAndCost() (out []csms.Variable) {
	const c = "TariffCostCtrlr"
	for _, what := range []string{"Tariff", "Cost"} {
		out = append(out, in(what, fixed(c, "Available", "boolean", "true")),
			in(what, fixed(c, "Enabled", "boolean", "true")))
	}
	return append(out, in("RunningCost", fixed(c, "Available", "boolean", "false")),
		fixed(c, "Currency", "string", string(o.s.c.Currency)),
		in("Tariff", fixed(c, "ConditionsSupported", "boolean", "true")),
		in("Tariff", fixed(c, "MaxElements", "integer", strconv.Itoa(csms.MostPrices))),
		in("Tariff", fixed(c, "HandleFailedTariff", "OptionList", "UseDefaultTariff")),
		in("Cost", fixed(c, "Interval", "integer", "0")),
		fixed(c, "TariffFallbackMessage", "string", ""), fixed(c, "TotalCostFallbackMessage", "string", ""),
		fixed(c, "OfflineTariffFallbackMessage", "string", ""), fixed(c, "Problem", "boolean", "false"))
}

// Limits of a one-time password (C25).
const (
	leastSecret   = 16
	longestSecret = 255
	leastValid    = 6 // seconds
	longestValid  = 3600
	usualValid    = 60
	leastOneTime  = 8
	mostOneTime   = 64
	usualOneTime  = 20
	longestPage   = 150 // characters of a template: more make a code that no telephone reads from the panel
)

const webPaymentsCtrlr = "WebPaymentsCtrlr"

// webPayments is WebPaymentsCtrlr (C25): the code beside the prices.
func webPayments() []csms.Variable {
	const c = webPaymentsCtrlr
	return []csms.Variable{
		{Component: c, Name: "Enabled", Type: "boolean", Default: "false", Check: boolean},
		{Component: c, Name: "URLTemplate", Type: "string", Check: template},
		fixed(c, "URLParameters", "MemberList", ""),
		{Component: c, Name: "TOTPVersion", Type: "OptionList", Values: csms.TOTPVersion, Default: csms.TOTPVersion,
			Check: func(value string) error {
				if value != csms.TOTPVersion {
					return errors.New("known is " + csms.TOTPVersion)
				}
				return nil
			}},
		{Component: c, Name: "ValidityTime", Type: "integer", Unit: "s", Default: strconv.Itoa(usualValid),
			Check: whole(leastValid, longestValid)},
		{Component: c, Name: "SharedSecret", Type: "string", Secret: true, Check: func(value string) error {
			if len(value) < leastSecret || len(value) > longestSecret {
				return fmt.Errorf("want %d to %d characters", leastSecret, longestSecret)
			}
			return nil
		}},
		{Component: c, Name: "Length", Type: "integer", Default: strconv.Itoa(usualOneTime),
			Check: whole(leastOneTime, mostOneTime)},
		fixed(c, "QRCodeQuality", "OptionList", "Low"),
	}
}

// template checks the address of a page for payments.
func template(value string) error {
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(value))
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "":
		return errors.New("want an address such as https://HOST/PATH")
	case len(value) > longestPage:
		return fmt.Errorf("want at most %d characters", longestPage)
	case !strings.Contains(strings.ToLower(value), "{totp}"):
		return errors.New("want {totp} in it")
	}
	return nil
}

// web is where the driver of a bay may pay in place of the kiosk; empty while the operator does not offer it, or cannot
// be reached.
func (o *operator) web(bay int, at time.Time) string {
	page, secret := o.model.Setting(webPaymentsCtrlr, "URLTemplate"), o.model.Setting(webPaymentsCtrlr, "SharedSecret")
	if o.model.Setting(webPaymentsCtrlr, "Enabled") != "true" || page == "" || secret == "" ||
		!o.s.c.CSMS.RemoteStart || !o.station.Status().Accepted {
		return ""
	}
	valid, length := usualValid, usualOneTime
	fmt.Sscan(o.model.Setting(webPaymentsCtrlr, "ValidityTime"), &valid)
	fmt.Sscan(o.model.Setting(webPaymentsCtrlr, "Length"), &length)
	return csms.WebAddress(page, map[string]string{"chargingstationid": o.identity(), "evse": strconv.Itoa(o.evse(bay)),
		"version": csms.TOTPVersion, "totp": csms.OneTime(secret, time.Duration(valid)*time.Second, length, at)})
}

// communication is how the station talks.
func (o *operator) communication() []csms.Variable {
	const c = "OCPPCommCtrlr"
	zone := o.s.c.Timezone.String()
	profile := "1"
	switch {
	case o.s.c.CSMS.Certificate != "":
		profile = "3"
	case o.s.c.CSMS.URL.Scheme == "wss":
		profile = "2"
	}
	now := func() string { return o.s.clock.Now().UTC().Format(time.RFC3339) }
	return []csms.Variable{
		{Component: c, Name: "HeartbeatInterval", Type: "integer", Unit: "s", Default: "0", Check: whole(0, 86400)},
		{Component: c, Name: "MessageAttempts", Instance: "TransactionEvent", Type: "integer", Default: "5",
			Check: whole(1, 100)},
		{Component: c, Name: "MessageAttemptInterval", Instance: "TransactionEvent", Type: "integer", Unit: "s",
			Default: "60", Check: whole(1, 3600)},
		in("Default", fixed(c, "MessageTimeout", "integer", "30")),
		fixed(c, "OfflineThreshold", "integer", "60"), fixed(c, "WebSocketPingInterval", "integer", "25"),
		fixed(c, "NetworkConfigurationPriority", "SequenceList", "1"),
		fixed(c, "NetworkProfileConnectionAttempts", "integer", "1"), fixed(c, "ResetRetries", "integer", "0"),
		fixed(c, "FileTransferProtocols", "MemberList", "HTTPS"),
		fixed(c, "UnlockOnEVSideDisconnect", "boolean", "true"),
		fixed("SecurityCtrlr", "Identity", "string", o.identity()),
		fixed("SecurityCtrlr", "OrganizationName", "string", o.s.c.Site["name"]),
		fixed("SecurityCtrlr", "SecurityProfile", "integer", profile),
		fixed("SecurityCtrlr", "CertificateEntries", "integer", "0"),
		{Component: "ClockCtrlr", Name: "DateTime", Type: "dateTime", Value: now},
		fixed("ClockCtrlr", "TimeSource", "SequenceList", "NTP,RealTimeClock"),
		fixed("ClockCtrlr", "TimeZone", "string", zone),
		in("GetReport", fixed("DeviceDataCtrlr", "ItemsPerMessage", "integer", "50")),
		in("GetVariables", fixed("DeviceDataCtrlr", "ItemsPerMessage", "integer", "50")),
		in("SetVariables", fixed("DeviceDataCtrlr", "ItemsPerMessage", "integer", "50")),
		in("GetReport", fixed("DeviceDataCtrlr", "BytesPerMessage", "integer", "65536")),
		in("GetVariables", fixed("DeviceDataCtrlr", "BytesPerMessage", "integer", "65536")),
		in("SetVariables", fixed("DeviceDataCtrlr", "BytesPerMessage", "integer", "65536")),
	}
}

// transactions is what a transaction is, and what is told of it.
func (o *operator) transactions() []csms.Variable {
	const register = "Energy.Active.Import.Register"
	seconds := strconv.Itoa(int(o.s.c.Rules.PlugIn / time.Second))
	return []csms.Variable{
		fixed("TxCtrlr", "TxStartPoint", "MemberList", "PowerPathClosed"),
		fixed("TxCtrlr", "TxStopPoint", "MemberList", "PowerPathClosed"),
		fixed("TxCtrlr", "TxBeforeAcceptedEnabled", "boolean", "true"),
		fixed("TxCtrlr", "StopTxOnInvalidId", "boolean", "true"),
		fixed("TxCtrlr", "StopTxOnEVSideDisconnect", "boolean", "true"),
		fixed("TxCtrlr", "EVConnectionTimeOut", "integer", seconds),
		fixed("AuthCtrlr", "AuthorizeRemoteStart", "boolean", "false"),
		fixed("AuthCtrlr", "LocalAuthorizeOffline", "boolean", "true"),
		fixed("AuthCtrlr", "LocalPreAuthorize", "boolean", "false"),
		fixed("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "boolean", "true"),
		{Component: "SampledDataCtrlr", Name: "TxUpdatedInterval", Type: "integer", Unit: "s", Default: "60",
			Check: whole(10, 86400)},
		fixed("SampledDataCtrlr", "TxEndedInterval", "integer", "0"),
		fixed("SampledDataCtrlr", "TxStartedMeasurands", "MemberList", register),
		fixed("SampledDataCtrlr", "TxUpdatedMeasurands", "MemberList", register+",Power.Active.Import"),
		fixed("SampledDataCtrlr", "TxEndedMeasurands", "MemberList", register),
		fixed("AlignedDataCtrlr", "Interval", "integer", "0"),
		fixed("AlignedDataCtrlr", "TxEndedInterval", "integer", "0"),
	}
}

// places are the station, its EVSEs and their connectors.
func (o *operator) places() []csms.Variable {
	const c = "ChargingStation"
	state := func(evse int) func() string {
		return func() string { return string(statusOf(o.s.control.Snapshot(), o.bays[evse-1])) }
	}
	all := func() string {
		snap := o.s.control.Snapshot()
		if snap.Halted || snap.State.Draining {
			return "Unavailable"
		}
		return "Available"
	}
	trouble := func(bay int) func() string {
		return func() string {
			for at := range o.s.control.Snapshot().State.Faults {
				if at.Bay == bay && (session.FaultAt{Code: kiosk.FaultBayShut, Bay: bay}) != at {
					return "true"
				}
			}
			return "false"
		}
	}
	out := []csms.Variable{fixed(c, "Available", "boolean", "true"),
		{Component: c, Name: "AvailabilityState", Type: "OptionList", Value: all},
		{Component: c, Name: "Problem", Type: "boolean", Value: trouble(0)},
		fixed(c, "VendorName", "string", "kioskd"), fixed(c, "Model", "string", "kiosk"),
		fixed(c, "SerialNumber", "string", o.s.c.KioskID), fixed(c, "FirmwareVersion", "string", o.s.options.Version),
		fixed(c, "SupplyPhases", "integer", "3"), fixed(c, "Identity", "string", o.identity())}
	for i, bay := range o.bays {
		at := func(v csms.Variable) csms.Variable { v.EVSE = i + 1; return v }
		power := strconv.FormatInt(int64(o.s.c.Rules.Bays[bay].MaxPower), 10)
		out = append(out,
			at(fixed("EVSE", "Available", "boolean", "true")),
			at(csms.Variable{Component: "EVSE", Name: "AvailabilityState", Type: "OptionList", Value: state(i + 1)}),
			at(csms.Variable{Component: "EVSE", Name: "Problem", Type: "boolean", Value: trouble(bay)}),
			at(csms.Variable{Component: "EVSE", Name: "Power", Type: "decimal", Unit: "W", Value: always(power)}),
			at(fixed("EVSE", "SupplyPhases", "integer", "3")),
			at(fixed("Connector", "Available", "boolean", "true")),
			at(csms.Variable{Component: "Connector", Name: "AvailabilityState", Type: "OptionList",
				Value: state(i + 1)}),
			at(fixed("Connector", "ConnectorType", "string", "cType2")),
			at(fixed("Connector", "SupplyPhases", "integer", "3")))
	}
	return out
}
