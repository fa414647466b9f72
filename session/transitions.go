package session

import (
	"fmt"
	"strings"
)

// MoneyState is what happened to the driver's money.
type MoneyState string

// Money states.
const (
	MoneyNone      MoneyState = "none"
	HoldAsked      MoneyState = "hold_asked"
	HoldRecorded   MoneyState = "hold_recorded" // approved, not confirmed
	Held           MoneyState = "held"
	Declined       MoneyState = "declined"
	HoldUncertain  MoneyState = "hold_unknown"
	CaptureAsked   MoneyState = "capture_asked"
	Captured       MoneyState = "captured"
	CaptureUnclear MoneyState = "capture_unknown"
	CaptureDelayed MoneyState = "capture_waiting"
	ReleaseAsked   MoneyState = "release_asked"
	Released       MoneyState = "released"
	ReleaseUnclear MoneyState = "release_unknown"
	ReleaseDelayed MoneyState = "release_waiting"
	Free           MoneyState = "free"     // the host grants it: nothing is reserved, nothing taken
	Disputed       MoneyState = "disputed" // for a person: refused, too late, or not proven
)

// Settled tells whether money is where it belongs.
func (m MoneyState) Settled() bool { return m == Captured || m == Released || m == Free }

// PowerState is what happens at the bay.
type PowerState string

// Power states.
const (
	PowerNone PowerState = "none"
	Waiting   PowerState = "waiting"  // for a vehicle
	Starting  PowerState = "starting" // the first register is read
	Closing   PowerState = "closing"
	Charging  PowerState = "charging"
	Pausing   PowerState = "paused"
	Adopting  PowerState = "adopting" // after a restart: what do the contacts say?
	Stopping  PowerState = "stopping"
	Opened    PowerState = "opened" // the last register is read
	Off       PowerState = "off"
)

// RecordState is what is recorded for people.
type RecordState string

// Record states.
const (
	RecordOpen   RecordState = "open"
	RecordBilled RecordState = "billed"
	RecordFinal  RecordState = "final"
	RecordClosed RecordState = "closed"
)

// transition is one row of a machine.
type transition[S ~string] struct {
	from S
	kind Kind
	to   S
}

var moneyTable = []transition[MoneyState]{
	{MoneyNone, HoldIntent, HoldAsked},
	{MoneyNone, HoldFound, Held}, // an orphan gets a session of its own
	{MoneyNone, FreeGranted, Free},
	{Free, Resumed, Free},
	{HoldAsked, CancelAsked, HoldAsked},
	{HoldAsked, HoldOK, HoldRecorded},
	{HoldAsked, HoldDeclined, Declined},
	{HoldAsked, HoldUnknown, HoldUncertain},
	{HoldAsked, Resumed, HoldUncertain},
	{Declined, HoldIntent, HoldAsked}, // the driver tries again
	{HoldRecorded, CancelAsked, HoldRecorded},
	{HoldRecorded, HoldConfirmed, Held},
	{HoldRecorded, HoldUnknown, HoldUncertain},
	{HoldRecorded, HoldDeclined, Declined}, // recorded, but the terminal reversed it
	{HoldRecorded, Resumed, HoldUncertain},
	{HoldUncertain, CancelAsked, HoldUncertain},
	{HoldUncertain, HoldConfirmed, Held},
	{HoldUncertain, HoldFound, Held},
	{HoldUncertain, HoldGone, Declined},
	{HoldUncertain, HoldVanished, Disputed}, // with a terminal that is no longer the site's
	{HoldUncertain, Resumed, HoldUncertain},
	{HoldUncertain, HoldMissing, HoldUncertain},
	{HoldUncertain, HoldListed, HoldUncertain},
	{Held, CaptureIntent, CaptureAsked},
	{Held, BayMoved, Held},
	{Held, ReleaseIntent, ReleaseAsked},
	{Held, HoldVanished, Disputed},
	{Held, Resumed, Held},
	{Held, HoldMissing, Held},
	{Held, HoldListed, Held},
	{Disputed, Resumed, Disputed},
	{CaptureAsked, Refused, Disputed},
	{ReleaseAsked, Refused, Disputed},
	{CaptureUnclear, Unproven, Disputed},
	{ReleaseUnclear, Unproven, Disputed},
	{CaptureAsked, CaptureOK, CaptureAsked},
	{CaptureAsked, CaptureDone, Captured},
	{CaptureAsked, CaptureUnknown, CaptureUnclear},
	{CaptureAsked, CaptureWaiting, CaptureDelayed},
	{CaptureAsked, Resumed, CaptureUnclear},
	{CaptureUnclear, CaptureIntent, CaptureAsked},
	{CaptureUnclear, CaptureDone, Captured},
	{CaptureUnclear, CaptureWaiting, CaptureDelayed},
	{CaptureUnclear, Resumed, CaptureUnclear},
	{CaptureUnclear, HoldMissing, CaptureUnclear},
	{CaptureUnclear, HoldListed, CaptureUnclear},
	{CaptureDelayed, CaptureUnknown, CaptureUnclear}, // due: look before trying again
	{CaptureDelayed, Resumed, CaptureUnclear},
	{ReleaseAsked, ReleaseOK, ReleaseAsked},
	{ReleaseAsked, ReleaseDone, Released},
	{ReleaseAsked, ReleaseUnknown, ReleaseUnclear},
	{ReleaseAsked, ReleaseWaiting, ReleaseDelayed},
	{ReleaseAsked, Resumed, ReleaseUnclear},
	{ReleaseUnclear, ReleaseIntent, ReleaseAsked},
	{ReleaseUnclear, ReleaseDone, Released},
	{ReleaseUnclear, ReleaseWaiting, ReleaseDelayed},
	{ReleaseUnclear, Resumed, ReleaseUnclear},
	{ReleaseUnclear, HoldMissing, ReleaseUnclear},
	{ReleaseUnclear, HoldListed, ReleaseUnclear},
	{ReleaseDelayed, ReleaseUnknown, ReleaseUnclear},
	{ReleaseDelayed, Resumed, ReleaseUnclear},
}

var powerTable = []transition[PowerState]{
	{PowerNone, HoldConfirmed, Waiting},
	{PowerNone, FreeGranted, Waiting},
	{PowerNone, HoldFound, Off}, // the visitor was told that it is being cancelled
	{PowerNone, Ended, Off},
	{Off, HoldFound, Off}, // the visitor has left
	{Waiting, Plugged, Starting},
	{Waiting, BayMoved, Waiting},
	{Waiting, Ended, Off},
	{Waiting, Resumed, Waiting},
	{Starting, MeterStart, Starting},
	{Starting, SigningIntent, Starting},
	{Starting, SigningBegan, Starting},
	{Starting, ContactorClose, Closing},
	{Starting, Ended, Off},
	{Starting, Resumed, Waiting},   // nothing was closed: start anew
	{Closing, MeterStart, Closing}, // a charger tells its register when it begins
	{Closing, TransactionBegan, Closing},
	{Closing, ContactorClosed, Charging},
	{Closing, StopIntent, Stopping},
	{Closing, Resumed, Adopting},
	{Charging, ReadingTaken, Charging},
	{Charging, Paused, Pausing},
	{Charging, StopIntent, Stopping},
	{Charging, Resumed, Adopting},
	{Pausing, ReadingTaken, Pausing},
	{Pausing, Unpaused, Charging},
	{Pausing, StopIntent, Stopping},
	{Pausing, Resumed, Adopting},
	{Adopting, Adopted, Charging},
	{Adopting, StopIntent, Stopping},
	{Adopting, Resumed, Adopting},
	{Stopping, ContactorOpened, Opened},
	{Stopping, Resumed, Stopping},
	{Opened, MeterEnd, Off},
	{Opened, Ended, Off}, // a charger never began
	{Opened, Resumed, Opened},
}

var paperTable = []transition[RecordState]{
	{RecordOpen, Billed, RecordBilled},
	{RecordOpen, ReceiptFinal, RecordFinal}, // nothing to bill
	{RecordOpen, Closed, RecordClosed},      // no money was ever reserved
	{RecordBilled, ReceiptFinal, RecordFinal},
	{RecordFinal, Closed, RecordClosed},
}

// move finds the row of a state and an event. known tells whether the machine cares
// for the event at all.
func move[S ~string](table []transition[S], from S, kind Kind) (to S, known, ok bool) {
	for _, row := range table {
		if row.kind != kind {
			continue
		}
		known = true
		if row.from == from {
			return row.to, true, true
		}
	}
	return from, known, false
}

// Transitions prints the three machines.
func Transitions() string {
	var b strings.Builder
	printTable(&b, "money", moneyTable)
	printTable(&b, "power", powerTable)
	printTable(&b, "record", paperTable)
	return b.String()
}

func printTable[S ~string](b *strings.Builder, name string, table []transition[S]) {
	fmt.Fprintf(b, "%s\n", name)
	for _, row := range table {
		fmt.Fprintf(b, "  %-16s %-18s %s\n", row.from, row.kind, row.to)
	}
}
