package ui

import (
	"slices"

	"kioskd/session"
)

// What is counted of visitors: how many, never who. Some have a word behind the colon: a screen, a language.
const (
	CountTouch    = "touch"       // any, on a view that is still shown
	CountVisit    = "visit"       // a visitor touches a screen that no other visitor is at
	CountTurnAway = "turned_away" // and every bay is taken, closed or out of order
	CountChosen   = "bay_chosen"  // a free bay
	CountLeft     = "left:"       // a visitor left this screen without a sale: back, or their time was over
	CountLanguage = "language:"
	CountLarge    = "large_text"
	CountSpeech   = "speech"
	CountReceipts = "receipts_looked_up"
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
	p.count(CountTouch)
	switch in.Kind {
	case Touch, Choose:
		if before.Screen == Attract {
			p.countArrival(before)
		}
		x, ok := snap.State.Sessions[p.session]
		if in.Kind == Choose && p.own && (!ok || x.Money == session.MoneyNone) {
			p.count(CountChosen)
		}
	case Language:
		if in.Value != before.Language {
			p.count(CountLanguage + in.Value)
		}
	case SetLarge:
		if in.Value == "on" && !before.Access.Large {
			p.count(CountLarge)
		}
	case Speak:
		if in.Value == "on" && !before.Access.Speech {
			p.count(CountSpeech)
		}
	case Open:
		if Screen(in.Value) == Receipts {
			p.count(CountReceipts)
		}
	case Back:
		if before.Screen == Price { // what leads back to where no visitor is the next Tick counts
			p.count(CountLeft + string(Price))
		}
	}
}

// countArrival counts a visitor, and one who finds no bay.
func (p *scene) countArrival(before View) {
	p.count(CountVisit)
	p.browsing = true
	free := func(b BayView) bool { return b.State == BayFree || b.State == BayPlugged }
	if !slices.ContainsFunc(before.Bays, free) {
		p.count(CountTurnAway)
	}
}

// countLeaving counts a visitor who is gone and has not paid.
func (p *scene) countLeaving(before, now View) {
	switch {
	case now.Screen == Attract:
		if p.browsing && slices.Contains(selling, before.Screen) {
			p.count(CountLeft + string(before.Screen))
		}
		p.browsing = false
	case now.Screen == PlugIn, now.Screen == Charging, now.Screen == Final:
		p.browsing = false
	}
}
