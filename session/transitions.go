package session

import (
	"fmt"
	"strings"
)

// Money is what happened to the driver's money.
type Money string

// Money states.
const (
	MoneyNone      Money = "none"
	HoldAsked      Money = "hold_asked"
	HoldRecorded   Money = "hold_recorded" // approved, not confirmed
	Held           Money = "held"
	Declined       Money = "declined"
	HoldUncertain  Money = "hold_unknown"
	CaptureAsked   Money = "capture_asked"
	Captured       Money = "captured"
	CaptureUnclear Money = "capture_unknown"
	CaptureDelayed Money = "capture_waiting"
	ReleaseAsked   Money = "release_asked"
	Released       Money = "released"
	ReleaseUnclear Money = "release_unknown"
	ReleaseDelayed Money = "release_waiting"
	Free           Money = "free"     // the host grants it: nothing is reserved, nothing taken
	Disputed       Money = "disputed" // for a person: refused, too late, or not proven
)

// Settled tells whether money is where it belongs.
func (m Money) Settled() bool { return m == Captured || m == Released || m == Free }

// Power is what happens at the bay.
type Power string

// Power states.
const (
	PowerNone Power = "none"
	Waiting   Power = "waiting"  // for a vehicle
	Starting  Power = "starting" // the first register is read
	Closing   Power = "closing"
	Charging  Power = "charging"
	Pausing   Power = "paused"
	Adopting  Power = "adopting" // after a restart: what do the contacts say?
	Stopping  Power = "stopping"
	Opened    Power = "opened" // the last register is read
	Off       Power = "off"
)

// Paper is what is recorded for people.
type Paper string

// Record states.
const (
	PaperOpen   Paper = "open"
	PaperBilled Paper = "billed"
	PaperFinal  Paper = "final"
	PaperClosed Paper = "closed"
)

// transition is one row of a machine.
type transition[S ~string] struct {
	from S
	kind Kind
	to   S
}

var moneyTable = []transition[Money]{
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

var powerTable = []transition[Power]{
	{PowerNone, HoldConfirmed, Waiting},
	{PowerNone, FreeGranted, Waiting},
	{PowerNone, HoldFound, Off}, // the visitor was told that it is being cancelled
	{PowerNone, Ended, Off},
	{Off, HoldFound, Off}, // the visitor has left
	{Waiting, Plugged, Starting},
	{Waiting, Ended, Off},
	{Waiting, Resumed, Waiting},
	{Starting, MeterStart, Starting},
	{Starting, ContactorClose, Closing},
	{Starting, Ended, Off},
	{Starting, Resumed, Waiting}, // nothing was closed: start anew
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
	{Opened, Resumed, Opened},
}

var paperTable = []transition[Paper]{
	{PaperOpen, Billed, PaperBilled},
	{PaperOpen, ReceiptFinal, PaperFinal}, // nothing to bill
	{PaperOpen, Closed, PaperClosed},      // no money was ever reserved
	{PaperBilled, ReceiptFinal, PaperFinal},
	{PaperFinal, Closed, PaperClosed},
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
