// Package backoffice carries the journal's outbox to a back office, each record exactly once
// and in order, over whatever network there is. It knows no device and decides nothing.
//
// # Why nothing is lost, and nothing arrives twice
//
// The records are in the journal before this package sees them, and it keeps no store of its
// own. A batch holds consecutive records. The other side says up to which record it has
// everything (its cursor: kiosk id, epoch, seq), and only what it says moves what is sent next.
// A batch whose answer was lost is sent again; the other side knows a record by its number and
// compares its hash, so that it keeps one. The epoch is a random id made with the journal: a
// kiosk whose card was replaced begins a new history, and one that was copied or rolled back is
// found out, because one number then has two hashes. That is Conflict: nothing is sent any
// longer until a person has looked.
//
// A crash at any moment leaves the cursor of before in the journal; the records in between are
// sent once more and recognised. An other side that lost records (a backup was restored) says a
// lower cursor, and gets them again.
//
// # What a batch is
//
// Newline-delimited JSON, compressed with zstd (RFC 8878): a head, then the records, each line
// byte for byte the leaf of the journal's Merkle tree (RFC 6962), so that a person who has the lines
// can compute the tree. The head carries the tree's signed checkpoint at the batch's end (C2SP
// tlog-checkpoint, signed note with Ed25519). The other side computes the same head, or refuses,
// and answers with its own signature under it: from then on neither can rewrite the past alone.
//
// # What may come back
//
// Refusals of single records: they are parked (kept, shown, exported, sent again when a person
// says so) and block nothing. Instructions: signed notes for this kiosk that expire; who carries
// them out sees to it that each is carried out once.
//
// # What goes wrong
//
// Every failure is tried again for ever, with growing pauses and jitter. Its Class says what it
// is, for the person who has to mend it: no network, a login page, a certificate (theirs or ours), a
// clock, a refusal (4xx), a server in trouble (5xx), a conflict.
package backoffice
