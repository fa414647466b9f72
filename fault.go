package kiosk

import "errors"

// Fault is something wrong that a person should know. Codes starting with CX are the
// ChargeX consortium's minimum required error codes; the others are our own.
type Fault struct {
	Code     FaultCode
	Severity Severity
	Acts     Actor // who must do something about it
}

// FaultCode names a fault. Only what is in the table can be raised.
type FaultCode string

// TextKey is the key of one of a fault's texts: its title, or what the driver, the host or the technician reads.
func (c FaultCode) TextKey(part string) string { return "fault." + string(c) + "." + part }

// The codes. Those that begin with CX are the ChargeX consortium's.
const (
	FaultTerminalUnreachable FaultCode = "PT001" // terminal unreachable
	FaultTerminalOther       FaultCode = "PT002" // another terminal answers
	FaultTerminalNoHost      FaultCode = "PT003" // the terminal cannot reach its host
	FaultTerminalNotReady    FaultCode = "PT004" // the terminal says that it is not ready
	FaultDayEndOverdue       FaultCode = "PT006" // end-of-day overdue
	FaultCapturePending      FaultCode = "PT007" // capture pending
	FaultReleasePending      FaultCode = "PT009" // release pending
	FaultHoldUnclear         FaultCode = "PT010" // outcome of a hold unknown
	FaultMeterUnreachable    FaultCode = "MT001" // meter unreachable
	FaultRegisterBackwards   FaultCode = "MT002" // register went backwards
	FaultRegisterJump        FaultCode = "MT003" // implausible jump
	FaultMeterOther          FaultCode = "MT004" // meter serial changed
	FaultEnergyUnsold        FaultCode = "MT005" // energy without a session
	FaultMeterContradicts    FaultCode = "MT006" // register and power of a meter disagree
	FaultMeterCrossed        FaultCode = "MT007" // another bay's meter counts what this one's contactor lets through
	FaultMeterUnsigned       FaultCode = "MT008" // the meter does not sign, or with another key
	FaultEmergencyStop       FaultCode = "CX008" // emergency stop
	FaultContactorStuck      FaultCode = "CX017" // contactor does not follow
	FaultChargerLost         FaultCode = "CH001" // charger unreachable
	FaultChargerFailed       FaultCode = "CH002" // the charger says that it is faulty
	FaultInputsUnreachable   FaultCode = "IO001" // inputs unreachable
	FaultClockUntrusted      FaultCode = "CL001" // clock untrusted
	FaultPriceJump           FaultCode = "CF001" // a price changed ten times or more
	FaultBayShut             FaultCode = "HO001" // closed by the host
	FaultScreenMissing       FaultCode = "UI001" // no screen is connected
	FaultDeviceFailed        FaultCode = "SW001" // kioskd itself failed at a device; without a bay at the terminal
	FaultUplinkFailed        FaultCode = "SW002" // kioskd itself failed at the back office
	FaultJournalUnwritable   FaultCode = "DB001" // journal cannot be written
	FaultDiskFull            FaultCode = "DB002" // disk nearly full
	FaultJournalNew          FaultCode = "DB003" // the journal is a new one where there was another
	FaultOfficeSilent        FaultCode = "BO001" // back office not reached for long
	FaultOfficeRefuses       FaultCode = "BO002" // back office refuses records
	FaultOfficeDiffers       FaultCode = "BO003" // back office knows another history
	FaultCertificateEnds     FaultCode = "BO004" // a certificate ends soon
)

// Severity says what a fault stops.
type Severity string

// Severities.
const (
	Warning  Severity = "warning"   // selling goes on
	BayDown  Severity = "bay_down"  // the bay sells nothing
	SiteDown Severity = "site_down" // nothing is sold
)

// Actor is who can do something about a fault.
type Actor string

// Actors.
const (
	Driver     Actor = "driver"
	Host       Actor = "host"
	Technician Actor = "technician"
)

// The faults that this version raises. Each has four texts in every catalogue of ui/text:
// fault.CODE.title is what it is; fault.CODE.driver, .host and .technician say what it means
// for each of them and what to do.
var faults = []Fault{
	{FaultTerminalUnreachable, SiteDown, Technician},
	{FaultTerminalOther, SiteDown, Technician},
	{FaultTerminalNoHost, SiteDown, Technician},
	{FaultTerminalNotReady, Warning, Technician},
	{FaultDayEndOverdue, Warning, Technician},
	{FaultCapturePending, Warning, Host},
	{FaultReleasePending, Warning, Host},
	{FaultHoldUnclear, Warning, Host},
	{FaultMeterUnreachable, BayDown, Technician},
	{FaultRegisterBackwards, BayDown, Technician},
	{FaultRegisterJump, BayDown, Technician},
	{FaultMeterOther, BayDown, Technician},
	{FaultEnergyUnsold, BayDown, Technician},
	{FaultMeterContradicts, BayDown, Technician},
	{FaultMeterCrossed, BayDown, Technician},
	{FaultMeterUnsigned, BayDown, Technician},
	{FaultEmergencyStop, BayDown, Host},
	{FaultContactorStuck, BayDown, Technician},
	{FaultChargerLost, BayDown, Technician},
	{FaultChargerFailed, BayDown, Technician},
	{FaultInputsUnreachable, BayDown, Technician},
	{FaultClockUntrusted, Warning, Technician},
	{FaultPriceJump, SiteDown, Host},
	{FaultBayShut, BayDown, Host},
	{FaultScreenMissing, SiteDown, Technician},
	{FaultDeviceFailed, BayDown, Technician},
	{FaultUplinkFailed, Warning, Technician},
	{FaultJournalUnwritable, SiteDown, Technician},
	{FaultDiskFull, SiteDown, Technician},
	{FaultJournalNew, SiteDown, Technician},
	{FaultOfficeSilent, Warning, Technician},
	{FaultOfficeRefuses, Warning, Host},
	{FaultOfficeDiffers, Warning, Technician},
	{FaultCertificateEnds, Warning, Technician},
}

// Faults lists the fault table in its order.
func Faults() []Fault { return append([]Fault(nil), faults...) }

// FaultOf is the code of an error that names a fault of its own; empty where it names none.
func FaultOf(err error) FaultCode {
	var own interface{ FaultCode() FaultCode }
	if errors.As(err, &own) {
		return own.FaultCode()
	}
	return ""
}

// FaultByCode finds a fault.
func FaultByCode(code FaultCode) (Fault, bool) {
	for _, f := range faults {
		if f.Code == code {
			return f, true
		}
	}
	return Fault{}, false
}
