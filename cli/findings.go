package cli

import (
	"cmp"

	"kioskd"
	"kioskd/api"
	"kioskd/ui/text"
)

// Findings prints what was found; it fails where something is wrong.
func (p Program) Findings(found []api.Finding, printer *text.Printer, format string) error {
	var rows [][]any
	ill := false
	for _, f := range found {
		state, cure := "ok", ""
		if !f.OK {
			state, ill = "FAULT", true
		}
		if f.Fault != "" {
			f.What = cmp.Or(printer.T(f.Fault.TextKey("title"))+": "+f.What, f.What)
			cure = string(f.Fault) + " " + printer.T(f.Fault.TextKey("technician"))
			if command := commandFor(f.Fault); command != "" {
				cure += " (" + command + ")"
			}
		}
		rows = append(rows, []any{f.Device, state, f.Identity, f.Millis, f.What, cure})
	}
	if err := p.Table(format, []string{"device", "state", "identity", "ms", "what", "do"}, rows); err != nil {
		return err
	}
	if ill {
		return ErrSilent
	}
	return nil
}

// commandFor is what a person at a command line does about a fault; the text names the button at the screen.
func commandFor(code kiosk.FaultCode) string {
	return map[kiosk.FaultCode]string{
		kiosk.FaultTerminalOther: "kioskd report reconcile", kiosk.FaultDayEndOverdue: "kioskd terminal end-of-day",
		kiosk.FaultCapturePending: "kioskd report reconcile", kiosk.FaultReleasePending: "kioskd report reconcile",
		kiosk.FaultHoldUnclear: "kioskd terminal pending", kiosk.FaultMeterUnreachable: "kioskd meter scan",
		kiosk.FaultEnergyUnsold: "kioskd fault clear MT005 --bay N",
		kiosk.FaultPriceJump:    "kioskd setup --accept-price",
	}[code]
}
