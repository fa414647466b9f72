// Package report is what a host, an accountant and a technician ask of journals: which sessions there were, what was
// sold, delivered, taken and given back, what is not settled, what was wrong, who was let in, and how well the kiosk
// did its work. The command line, the API, the host's page and the back office all show what this package says.
//
// # One read model
//
// A Book reads journals and keeps rows of what it found in a file beside them (store.Rows). The rows are a cache: the
// file can be removed at any time, and the Book makes it anew from the journals, with the same figures. A session's
// rows are always computed from all its records, by the machine that wrote them (session.Replay): a receipt and a
// report cannot differ. They are computed again when the journal has another record of the session, so that records
// may come late and out of order, as a back office gets them.
//
// Three things do not come back when the file is made anew after records were thinned out (store.Store.Thin): when
// energy first flowed, the curve of power, and who was let in at the screen. What needs the first says for how many
// sessions it has it.
//
// # Which day
//
// Days are those of the site's own time zone, which the offer of each session has. A session is listed on the day when
// its driver chose the bay. Money belongs to the day on which the terminal booked it, and a refund to the day on which
// it was written down: so that a day agrees with what the terminal and the bank show. Energy belongs to the day on
// which its session ended.
//
// # What is not known
//
// A session whose records cannot be read (of a newer program, or refused by a back office) is counted as unreadable and
// named; its money is in no sum. An amount that is not known is absent, never 0. A sum over several currencies is
// never made: each has its own rows.
package report
