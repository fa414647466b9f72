package cli

import (
	"cmp"

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
