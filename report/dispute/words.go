package dispute

import (
	"fmt"
	"strings"

	"kioskd/session"
)

// meanings say what records mean, to a person who does not know the program.
var meanings = map[session.Kind]string{
	session.BayLease:        "The driver chose a bay.",
	session.OfferAccepted:   "The driver saw the price and accepted it.",
	session.HoldIntent:      "The kiosk asked for a card, to reserve an amount.",
	session.CancelAsked:     "The driver cancelled while the card terminal waited for a card.",
	session.HoldOK:          "The bank approved the reservation.",
	session.HoldConfirmed:   "The card terminal completed the reservation.",
	session.HoldDeclined:    "No amount was reserved.",
	session.HoldUnknown:     "The outcome of the reservation was not known: the kiosk asked the card terminal.",
	session.HoldGone:        "The card terminal had reserved nothing.",
	session.HoldFound:       "The card terminal had a reservation that the kiosk had no record of.",
	session.HoldVanished:    "The card terminal no longer had the reservation, and no energy had flowed.",
	session.HoldMissing:     "The card terminal's list lacked the reservation.",
	session.HoldListed:      "The card terminal's list had the reservation again.",
	session.FreeGranted:     "The host let the driver charge for nothing.",
	session.TimeGiven:       "The driver got more time.",
	session.BayMoved:        "The driver connected the vehicle at another bay, and charged there.",
	session.Plugged:         "A vehicle was connected.",
	session.MeterStart:      "The meter's first register, read twice.",
	session.SigningIntent:   "The kiosk asked the meter to sign the beginning.",
	session.SigningBegan:    "The meter signed the beginning.",
	session.ContactorClose:  "The kiosk switched the power on.",
	session.ContactorClosed: "The contactor's own contact says that the power is on.",
	session.ReadingTaken:    "The meter's register on the way.",
	session.Paused:          "The vehicle asked for no energy.",
	session.Unpaused:        "The vehicle asked for energy again.",
	session.Adopted:         "The kiosk had been started anew and found the session running.",
	session.StopIntent:      "The kiosk switched the power off.",
	session.ContactorOpened: "The contactor's own contact says that the power is off.",
	session.MeterEnd:        "The meter's last register.",
	session.Ended:           "The session ended before energy flowed.",
	session.Billed:          "The price was final.",
	session.CaptureIntent:   "The kiosk asked the card terminal to take the price from the reservation.",
	session.CaptureOK:       "The card terminal took it.",
	session.CaptureDone:     "The card terminal completed that.",
	session.CaptureUnknown:  "Whether the price was taken was not known: the kiosk asked the card terminal.",
	session.CaptureWaiting:  "The price was not taken: the kiosk tries again later.",
	session.ReleaseIntent:   "The kiosk asked the card terminal to give the whole reservation back.",
	session.ReleaseOK:       "The card terminal gave it back.",
	session.ReleaseDone:     "The card terminal completed that.",
	session.ReleaseUnknown:  "Whether the reservation was given back was not known: the kiosk asked the card terminal.",
	session.ReleaseWaiting:  "The reservation was not given back: the kiosk tries again later.",
	session.Refused:         "The card terminal refused to settle: a person must look.",
	session.Unproven:        "The reservation was gone, and nothing proved what became of it: a person must look.",
	session.ReceiptFinal:    "The receipt was final.",
	session.Closed:          "Nothing more was to be done.",
	session.Resumed:         "The kiosk was started anew and went on with the session.",
	session.Refunded:        "A person gave money back outside of the card terminal.",
	session.ProofWanted:     "The kiosk asked for proof of whose session it was.",
	session.ProofRight:      "The proof was right.",
	session.ProofWrong:      "The proof was wrong.",
	session.Alert:           "A rule against fraud or abuse was met.",

	session.TransactionBegan:   "The charger began its transaction.",
	session.TransactionRefused: "The charger began a transaction that was not allowed.",
	session.TransactionEnded:   "The charger told of the end of its transaction.",
	session.OCPICDR:            "The session's charge detail record for a back office (OCPI).",
	session.OCPIFAC:            "The session's financial advice for a back office (OCPI).",
}

// words are an event's meaning, with what it says.
func words(e session.Event) string {
	out := []string{meanings[e.Kind]}
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch b := e.Body.(type) {
	case session.LeaseBody:
		say("Bay %d, reference %s.", b.Bay, b.Reference)
	case session.MoveBody:
		say("Bay %d.", b.Bay)
	case session.OfferBody:
		say("Reserved at most: %v. Tariff: see tariff.json.", b.Offer.Hold)
	case session.AskBody:
		say("%v.", b.Amount)
	case session.HoldBody:
		say("%v.", b.Hold.Approved)
		if b.Hold.Last4 != "" {
			say("Card ending in %s.", b.Hold.Last4)
		}
		if b.Hold.AuthCode != "" {
			say("Approval code %s.", b.Hold.AuthCode)
		}
	case session.DeclineBody:
		say("Class %s, code %q.", b.Class, b.Code)
	case session.StopBody:
		say("Reason: %s.", b.Reason)
		if b.By != "" {
			say("By: %s.", b.By)
		}
	case session.EndBody:
		say("Reason: %s.", b.Reason)
	case session.BillBody:
		say("%v for %v.", b.Bill.Total, b.Bill.Energy)
	case session.SettleBody:
		say("%v.", b.Amount)
	case session.BookedBody:
		say("%v.", b.Result.Booked)
	case session.RefundBody:
		say("%v by %s: %s", b.Amount, b.By, b.Note)
	case session.PersonBody:
		say("By: %s.", b.By)
	case session.AlertBody:
		say("Rule: %s.", b.Rule)
	}
	if r := e.Reading(); r != nil {
		say("%v, meter %s.", r.Import, r.Serial)
	}
	if why := e.Failure(); why != "" {
		say("Said with it: %s.", why)
	}
	return strings.TrimSpace(strings.Join(out, " "))
}

// readme says what the files are.
func readme(c Case) []byte {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	s := c.Session
	say("Proof of the charging session %s", s.Reference)
	say("")
	say("Session id        %s", s.ID)
	say("Bay               %d %s", s.Bay, s.EVSE)
	say("Begun             %s", s.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	say("State             %s", s.Outcome)
	say("Energy            %v", s.Energy)
	if s.Held != nil {
		say("Reserved          %v, card ending in %q, approval code %q", s.Held, s.Last4, s.AuthCode)
	}
	if s.Paid != nil {
		say("Taken             %v", s.Paid)
	}
	for _, r := range s.Refunds {
		say("Given back        %v on %s", r.Amount, r.At.UTC().Format("2006-01-02"))
	}
	say("")
	say("session.json      the session with all its figures")
	say("timeline.csv      what happened when, a line a record of the journal")
	say("readings.csv      the registers of the meter")
	say("terminal.json     what the card terminal answered")
	say("tariff.json       the tariff that the driver accepted (OCPI), as it was stored with the session")
	if c.Receipt != nil {
		say("receipt.*         the receipt")
		if c.Receipt.Signed != nil {
			say("signed/           what the meter signed (OCMF); safe.xml is for the S.A.F.E. transparency software")
		}
	}
	say("records.jsonl     the records of the journal, as they were written")
	say("proof/            that the records are in the journal, and were not changed since")
	say("")
	say("How to check the proof")
	say("")
	say("The journal is a Merkle tree (RFC 6962). Each line of records.jsonl, without its line end, is a leaf; its")
	say("hash is the SHA-256 of a byte 0 and the line. proof/SEQ.tlog-proof has the audit path of record SEQ to the")
	say("head of the tree in proof/checkpoint.txt, in the form of c2sp.org/tlog-proof. The lines of that file which")
	say("begin with a dash are signatures (c2sp.org/signed-note) by the keys of proof/keys.txt.")
	if !strings.Contains(c.Checkpoint, "\n\n") {
		say("")
		say("The checkpoint is not signed: neither a back office nor the kiosk's key was at hand. It proves nothing")
		say("against the host.")
	}
	if late := late(c); late > 0 {
		say("")
		say("%d records were written after the checkpoint, and have no proof.", late)
	}
	say("")
	say("Made by kioskd %s.", c.Version)
	return []byte(b.String())
}

// late is how many records were written after the checkpoint.
func late(c Case) (n int) {
	for _, r := range c.Records {
		if r.Seq > c.Size {
			n++
		}
	}
	return n
}
