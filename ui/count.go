package ui

import (
	"slices"

	"kioskd"
	"kioskd/session"
)

// count tells of something that a visitor did.
func (p *scene) count(what string) {
	if p.site.Count != nil {
		p.site.Count(what)
	}
}

// selling are the screens that a visitor without a sale may leave.
var selling = []Screen{Bays, Price, Tap, Declined, Still, BayFault, Limits, Help, Languages}

// countInput counts what an input was, that was taken on a view.
func (p *scene) countInput(in Input, before View, snap session.Snapshot) {
	p.count(kiosk.CountTouch)
	switch in.Kind {
	case Touch, Choose:
		if before.Screen == Attract {
			p.countArrival(before)
		}
		x, ok := snap.State.Sessions[p.session]
		if in.Kind == Choose && p.own && (!ok || x.Money == session.MoneyNone) {
			p.count(kiosk.CountChosen)
		}
	case Language:
		if in.Value != before.Language {
			p.count(kiosk.CountLanguage + in.Value)
		}
	case SetLarge:
		if in.Value == "on" && !before.Access.Large {
			p.count(kiosk.CountLarge)
		}
	case Speak:
		if in.Value == "on" && !before.Access.Speech {
			p.count(kiosk.CountSpeech)
		}
	case Open:
		if Screen(in.Value) == Receipts {
			p.count(kiosk.CountReceipts)
		}
	case Back:
		if before.Screen == Price { // what leads back to where no visitor is the next Tick counts
			p.count(kiosk.CountLeft + string(Price))
		}
	}
}

// countArrival counts a visitor, and one who finds no bay.
func (p *scene) countArrival(before View) {
	p.count(kiosk.CountVisit)
	p.browsing = true
	free := func(b BayView) bool { return b.State == BayFree || b.State == BayPlugged }
	if !slices.ContainsFunc(before.Bays, free) {
		p.count(kiosk.CountTurnAway)
	}
}

// countLeaving counts a visitor who is gone and has not paid.
func (p *scene) countLeaving(before, now View) {
	switch {
	case now.Screen == Attract:
		if p.browsing && slices.Contains(selling, before.Screen) {
			p.count(kiosk.CountLeft + string(before.Screen))
		}
		p.browsing = false
	case now.Screen == PlugIn, now.Screen == Charging, now.Screen == Final:
		p.browsing = false
	}
}
