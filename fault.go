package kiosk

import "errors"

// Fault is something wrong that a person should know. Codes starting with CX are the
// ChargeX consortium's minimum required error codes; the others are our own.
type Fault struct {
	Code     string
	Severity Severity
	Acts     Actor // who must do something about it
}

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
	{"PT001", SiteDown, Technician}, // terminal unreachable
	{"PT002", SiteDown, Technician}, // another terminal answers
	{"PT003", SiteDown, Technician}, // the terminal cannot reach its host
	{"PT004", Warning, Technician},  // the terminal says that it is not ready
	{"PT006", Warning, Technician},  // end-of-day overdue
	{"PT007", Warning, Host},        // capture pending
	{"PT009", Warning, Host},        // release pending
	{"PT010", Warning, Host},        // outcome of a hold unknown
	{"MT001", BayDown, Technician},  // meter unreachable
	{"MT002", BayDown, Technician},  // register went backwards
	{"MT003", BayDown, Technician},  // implausible jump
	{"MT004", BayDown, Technician},  // meter serial changed
	{"MT005", BayDown, Technician},  // energy without a session
	{"MT006", BayDown, Technician},  // register and power of a meter disagree
	{"MT007", BayDown, Technician},  // another bay's meter counts what this one's contactor lets through
	{"CX008", BayDown, Host},        // emergency stop
	{"CX017", BayDown, Technician},  // contactor does not follow
	{"IO001", BayDown, Technician},  // inputs unreachable
	{"CL001", Warning, Technician},  // clock untrusted
	{"CF001", SiteDown, Host},       // a price changed ten times or more
	{"HO001", BayDown, Host},        // closed by the host
	{"UI001", SiteDown, Technician}, // no screen is connected
	{"SW001", BayDown, Technician},  // kioskd itself failed at a device; without a bay at the terminal
	{"SW002", Warning, Technician},  // kioskd itself failed at the back office
	{"DB001", SiteDown, Technician}, // journal cannot be written
	{"DB002", SiteDown, Technician}, // disk nearly full
	{"DB003", SiteDown, Technician}, // the journal is a new one where there was another
	{"BO001", Warning, Technician},  // back office not reached for long
	{"BO002", Warning, Host},        // back office refuses records
	{"BO003", Warning, Technician},  // back office knows another history
	{"BO004", Warning, Technician},  // a certificate ends soon
}

// Faults lists the fault table in its order.
func Faults() []Fault { return append([]Fault(nil), faults...) }

// FaultCode is the code of an error that names a fault of its own; empty where it names none.
func FaultCode(err error) string {
	var own interface{ FaultCode() string }
	if errors.As(err, &own) {
		return own.FaultCode()
	}
	return ""
}

// FaultByCode finds a fault.
func FaultByCode(code string) (Fault, bool) {
	for _, f := range faults {
		if f.Code == code {
			return f, true
		}
	}
	return Fault{}, false
}
