// Package v2 has the messages of OCPP 2.0.1 and 2.1 that a central system and its chargers exchange here (OCPP 2.0.1,
// part 2, chapter 1). What both versions have is the same; what 2.1 alone has says so. It is strict in what it writes
// and tolerant in what it reads. Values are numbers here, and are kept exactly, as decimals.
package v2
