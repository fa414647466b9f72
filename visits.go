package kiosk

// What is counted of visitors at the screen: how many, never who. Those with a colon have a word behind it: a screen, a
// language.
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
