package kiosk

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

// The faults that this version raises. Each has the texts fault.CODE.title and
// fault.CODE.cure in every catalogue of ui/text.
var faults = []Fault{
	{"PT001", SiteDown, Technician}, // terminal unreachable
	{"PT007", Warning, Host},        // capture pending
	{"PT009", Warning, Host},        // release pending
	{"PT010", Warning, Host},        // outcome of a hold unknown
	{"MT001", BayDown, Technician},  // meter unreachable
	{"MT002", BayDown, Technician},  // register went backwards
	{"MT003", BayDown, Technician},  // implausible jump
	{"MT004", BayDown, Technician},  // meter serial changed
	{"CX017", BayDown, Technician},  // contactor does not follow
	{"IO001", BayDown, Technician},  // inputs unreachable
	{"UI001", SiteDown, Technician}, // no screen is connected
	{"DB001", SiteDown, Technician}, // journal cannot be written
}

// Faults lists the fault table in its order.
func Faults() []Fault { return append([]Fault(nil), faults...) }

// FaultByCode finds a fault.
func FaultByCode(code string) (Fault, bool) {
	for _, f := range faults {
		if f.Code == code {
			return f, true
		}
	}
	return Fault{}, false
}
