package simulator

import "kioskd/audit"

// Evidence is what a bank and the bays' meters know, for an audit.
func Evidence(bank *Bank, bays []*Bay) (w audit.World) {
	for _, l := range bank.Lines() {
		w.Ledger = append(w.Ledger, audit.Movement(l))
	}
	for i, b := range bays {
		for _, f := range b.Flows() {
			w.Flows = append(w.Flows, audit.Flow{Bay: i + 1, From: f.From, To: f.To, Energy: f.Energy})
		}
		for _, p := range b.Pulls() {
			w.Pulls = append(w.Pulls, audit.Pull{Bay: i + 1, From: p.From, Opened: p.Opened})
		}
	}
	return w
}
